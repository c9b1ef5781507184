"""Sources on the command line: NAME=URL, or a URL from which a name is made."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from ...stream.source_url import SourceError, SourceUrl, kind_of, path_of
from ...stream.wire.topics import MAX_NAME_LENGTH
from ..exits import InputError

_NAMED = re.compile(rf"([A-Za-z0-9_.-]{{1,{MAX_NAME_LENGTH}}})=(.+)", re.DOTALL)


def named_sources(texts: Sequence[str]) -> dict[str, str]:
    """The URL of each name.

    `door=rtsp://...` states its name, a file or folder gives its own, and the others are numbered.
    """
    named: dict[str, str] = {}
    for number, text in enumerate(texts, 1):
        match = None if _is_there(text) else _NAMED.fullmatch(text)
        name, url = (match[1], match[2]) if match else (_name_for(text, number), text)
        if name in named:
            if match:
                raise InputError(f"two sources are called {name!r}: give each its own name")
            name = next(free for more in count(number) if (free := f"{name}-{more}") not in named)
        named[name] = url
    return named


def from_here(url: str) -> str:
    """A source's URL for a node in another folder: a relative path becomes an absolute one, the rest stays."""
    try:
        is_path = not url.startswith("file://") and kind_of(url) in ("file", "folder")
    except (SourceError, OSError, ValueError):
        return url  # wrong; the node says why
    return str(Path.cwd() / path_of(url)) if is_path else url


def _is_there(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # too long for a path, or a null byte in it
        return False


def _name_for(url: str, number: int) -> str:
    shown = SourceUrl(url)  # a URL whose scheme was forgotten looks like a path
    is_path = "://" not in shown and not shown.startswith("lavfi:")
    stem = re.sub(r"[^A-Za-z0-9_.-]", "-", Path(shown).stem[:200]).strip("-.")[:40] if is_path else ""
    return stem or f"source-{number}"
