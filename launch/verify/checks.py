"""Checks of `groundcast verify`: each published figure beside what the model says here."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .answers import Answers

if TYPE_CHECKING:
    from ...model.runtime.network import Network

# How far a figure may be off, as in the tests that publish them.
_MAX_LOGIT, _MAX_BOX, _MAX_SCORE, _MAX_FOUND, _MAX_PX = 1e-3, 1e-4, 2e-3, 2e-3, 1e-2
_ROUNDING = 0.5e-4  # published figures have four digits


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was compared.

    Args:
        name: what it is.
        ok: whether it is as published.
        said: what was found, or what differs.
        differing: how many figures do.
    """

    name: str
    ok: bool
    said: str
    differing: int = 0


def check_words(network: Network, answers: Answers) -> Check:
    """Whether the word file gives the published numbers to the words."""
    from ...model.prompt import Prompt

    ids = tuple(network.tokenizer.encode(Prompt.of(answers.phrases)).ids_T.tolist())
    name = f"words of {'. '.join(answers.phrases)!r}"
    if ids == answers.token_ids:
        return Check(name, ok=True, said=f"{len(ids)} token ids as published")
    said = f"token ids {list(ids)}, published {list(answers.token_ids)}: the word file is another model's"
    return Check(name, ok=False, said=said)


def check_figures(network: Network, answers: Answers, image: NDArray[np.uint8]) -> list[Check]:
    """Show the picture as the hub's processor does, and compare all that is published of the answer."""
    from ...model.prompt import Prompt
    from ...model.runtime.input_rule import InputRule
    from ...model.runtime.preprocess import normalise

    rule = InputRule(network.config)
    size = rule.size(*image.shape[:2])
    picture = normalise(rule.resize(image, size)[None], [size.valid_xy])
    tokens = network.tokenizer.encode(Prompt.of(answers.phrases))
    scores, boxes = (one.double().numpy() for one in network.answer_caption(picture[0], tokens))
    logits = np.log(scores / (1 - scores))
    checks: list[Check] = []
    if answers.logits:
        checks.append(_compared("logits", answers.logits, logits, _MAX_LOGIT))
    if answers.boxes:
        checks.append(_compared("boxes", answers.boxes, boxes, _MAX_BOX))
    return [*checks, *_check_found(answers, scores.max(1), boxes, image.shape)]


def _check_found(
    answers: Answers, best: NDArray[np.float64], boxes: NDArray[np.float64], shape: tuple[int, ...]
) -> list[Check]:
    """What scores above the threshold."""
    found = np.flatnonzero(best > answers.threshold)
    if answers.scores and len(found) != len(answers.scores):
        said = f"{len(found)} boxes score above {answers.threshold:g}, published {len(answers.scores)}"
        return [Check("scores", ok=False, said=said)]
    centre, half = boxes[found, :2], boxes[found, 2:] / 2
    corners = np.concatenate([centre - half, centre + half], 1)
    ours, theirs = np.argsort(-best[found], kind="stable"), np.argsort(-np.array(answers.scores), kind="stable")
    checks: list[Check] = []
    if answers.scores:
        wanted = [[answers.scores[row] for row in theirs]]
        checks.append(_compared("scores, highest first", wanted, best[found][ours][None], _MAX_SCORE))
    if answers.found_xyxy:
        wanted = [answers.found_xyxy[row] for row in theirs]
        checks.append(_compared("boxes that are found", wanted, corners[ours], _MAX_FOUND))
    if answers.first_box_xyxy:
        scale = np.array([shape[1], shape[0]] * 2)
        checks.append(_compared("first box, px", [answers.first_box_xyxy], corners[:1] * scale, _MAX_PX))
    return checks


def _compared(name: str, published: Sequence[Sequence[float]], here: NDArray[np.float64], most: float) -> Check:
    """The figures that are published, the first of each row; the one that is furthest off is named."""
    wanted = np.array(published, np.float64)
    rows, columns = wanted.shape
    if here.shape[0] < rows or here.shape[1] < columns:
        return Check(
            name, ok=False, said=f"{here.shape[0]}x{here.shape[1]} figures, published at least {rows}x{columns}"
        )
    apart = np.abs(here[:rows, :columns] - wanted)
    row, column = divmod(int(apart.argmax()), columns)
    worst = float(apart[row, column])
    wrong = int((apart > most + _ROUNDING).sum())
    if not wrong:
        return Check(name, ok=True, said=f"{wanted.size} figures, at most {worst:.1e} off ({most:g} is allowed)")
    place = f"[{row}, {column}]" if rows > 1 else f"[{column}]"
    said = (
        f"{wrong} of {wanted.size} figures differ by more than {most:g}: the furthest, {place}, is "
        f"{here[row, column]:.4f}, published {wanted[row, column]:.4f}"
    )
    return Check(name, ok=False, said=said, differing=wrong)
