"""Classes file: the classes of a data set, one a line, each with its wordings for the model and its own threshold.

bottle
mobile phone = cell phone, smartphone
person @0.5
# a remark
"""

from __future__ import annotations

from pathlib import Path

from ...model.prompt import Phrase, Prompt, PromptError
from ..exits import InputError

_MAX_BYTES = 1_000_000


def read_classes(path: Path) -> Prompt:
    """The classes of a file, in its order.

    Raises:
        InputError: it cannot be read, or a line is no class; the sentence names the line.
    """
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as text: name a file with a class on each line") from error
    if len(data) > _MAX_BYTES:
        raise InputError(f"{path} is no list of classes: it has {len(data)} bytes")
    phrases: list[Phrase] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                phrases.append(_phrase(line))
            except (PromptError, ValueError) as error:
                raise InputError(f"{path}, line {number}: {error}") from error
    try:
        return Prompt(tuple(phrases))
    except PromptError as error:
        raise InputError(f"{path}: {error}") from error


def _phrase(line: str) -> Phrase:
    words, at, threshold = line.partition("@")
    name, _, wordings = words.partition("=")
    try:
        minimum = float(threshold) if at else None
    except ValueError as error:
        raise ValueError(f"{threshold.strip()[:40]!r} after @ is no threshold: write a number in 0..1") from error
    ask = tuple(one.strip() for one in wordings.split(",") if one.strip())
    return Phrase(" ".join(name.split()), ask, minimum)
