"""Published answers: what a model's authors, or those who converted it, say that it finds in a picture."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..exits import InputError

PUBLISHED = Path(__file__).parent / "published_answers.json"


@dataclass(frozen=True, slots=True)
class KnownPicture:
    """A picture that answers are published for.

    Args:
        name: what it shows, in a few words.
        url: where it lies.
        width_px, height_px: its size.
    """

    name: str
    url: str
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class Answers:
    """What is published of one model, one picture and one prompt. What is not published is empty.

    Args:
        model: 'owner/model'.
        source: where the figures stand.
        picture: the picture that was shown.
        phrases: what was asked for.
        threshold: the least score of a box.
        token_ids: of the caption.
        logits, boxes: of the first queries: the first tokens' logits, the first numbers of cx cy w h in 0..1.
        scores: of the boxes above the threshold.
        found_xyxy: these boxes, in 0..1 of the picture.
        first_box_xyxy: the first of them, px of the picture.
    """

    model: str
    source: str
    picture: KnownPicture
    phrases: tuple[str, ...]
    threshold: float
    token_ids: tuple[int, ...]
    logits: tuple[tuple[float, ...], ...]
    boxes: tuple[tuple[float, ...], ...]
    scores: tuple[float, ...]
    found_xyxy: tuple[tuple[float, ...], ...]
    first_box_xyxy: tuple[float, ...]


def read_answers(path: Path) -> list[Answers]:
    """
    Raises:
        InputError: the file is missing or has another form.
    """
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        pictures = {
            name: KnownPicture(name, str(one.get("url", "")), int(one["width"]), int(one["height"]))
            for name, one in content["pictures"].items()
        }
        return [_answers(one, pictures) for one in content["answers"]]
    except OSError as error:
        raise InputError(f"answers {path} cannot be read ({error.strerror}): name a JSON file") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"answers {path} have another form ({error!r}): write them as {PUBLISHED.name} does"
        ) from error


def answers_for(model: str, answers: Sequence[Answers]) -> list[Answers]:
    """Those of one model, by 'owner/model', a revision of it, or the name of a folder that is called like it."""
    name = model.partition("@")[0]
    exact = [one for one in answers if one.model == name]
    if exact or not Path(model).is_dir():
        return exact
    return [one for one in answers if one.model.split("/")[-1] == Path(model).resolve().name]


def _answers(one: Mapping[str, Any], pictures: Mapping[str, KnownPicture]) -> Answers:
    def numbers(key: str) -> tuple[float, ...]:
        return tuple(float(value) for value in one.get(key, ()))

    def rows(key: str) -> tuple[tuple[float, ...], ...]:
        return tuple(tuple(float(value) for value in row) for row in one.get(key, ()))

    return Answers(
        str(one["model"]),
        str(one["source"]),
        pictures[one["picture"]],
        tuple(str(phrase) for phrase in one["phrases"]),
        float(one["threshold"]),
        tuple(int(token) for token in one.get("token_ids", ())),
        rows("logits"),
        rows("boxes"),
        numbers("scores"),
        rows("found_xyxy"),
        numbers("first_box_xyxy"),
    )
