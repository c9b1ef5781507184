"""tabletop's batches: views of stored scenes, and prompts of present and absent phrases.

No prompt contains a never-trained pair, not even as an absent phrase: the model would learn that it is always absent.
"""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..dino.tokenizer import Tokenizer
from ..prompt import Phrase, Prompt
from ..tabletop.domain_shift import add_unknown_shapes, dim, far_away
from ..tabletop.words import COLOURS, KINDS, TRAINING_PAIRS
from .augment import CutView, Picture, cut, disturb, mirror
from .batch import Batch, Example, stack
from .stored_scenes import StoredScene

_UNKNOWN = "unknown"  # the kind of shapes that have no name
_MAX_UNKNOWN = 3
_LIGHT, _FAR = (0.2, 0.75), (0.4, 0.85)

Wish = tuple[str | None, str | None]  # a colour, a kind, or both


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How a batch is drawn.

    Args:
        size_hw: the network's input, px.
        scales: views are scaled by a factor drawn from this range.
        whole: keep the picture whole, at its own scale, instead of cutting it.
        dark, far, unknown: the fractions of pictures that are darkened, reduced on a grey canvas, and painted with
            shapes of unknown kinds.
        least_visible, min_px: an object less visible than this has no true box, and its words are not absent either.
    """

    size: int = 12
    size_hw: tuple[int, int] = (192, 256)
    scales: tuple[float, float] = (0.75, 1.3)
    whole: bool = False
    dark: float = 0.2
    far: float = 0.1
    unknown: float = 0.2
    min_visible: float = 0.25
    min_px: float = 9.0
    seed: int = 0


class TabletopBatches:
    """`batch(step)`: the same step always gives the same batch."""

    def __init__(self, scenes: Sequence[StoredScene], tokenizer: Tokenizer, options: BatchOptions) -> None:
        self._scenes, self._tokenizer, self._options = scenes, tokenizer, options

    def __call__(self, step: int) -> Batch:
        rng = np.random.default_rng([self._options.seed, step])
        chosen = rng.integers(0, len(self._scenes), self._options.size)
        return stack([self._example(self._scenes[int(row)], rng) for row in chosen])

    def _example(self, scene: StoredScene, rng: np.random.Generator) -> Example:
        view = self._view(scene, rng)
        shown = scene.visible * view.visible_fraction
        sides = view.boxes_xyxy[:, 2:] - view.boxes_xyxy[:, :2]
        counts = (shown >= self._options.min_visible) & (sides >= self._options.min_px).all(1)
        canvas, present = view.picture, scene.pairs
        if rng.random() < self._options.unknown:
            canvas, colours = self._with_unknown(view, rng)
            present = (*present, *((colour, _UNKNOWN) for colour in colours))
        wishes = draw_wishes([scene.pairs[i] for i in np.flatnonzero(counts)], present, rng)
        tokens = self._tokenizer.encode(Prompt(tuple(Phrase(_wording(wish)) for wish in wishes)))
        if rng.random() < self._options.dark:
            canvas = dim(canvas, float(rng.uniform(*_LIGHT)))
        canvas = disturb(canvas, rng)
        height, width = canvas.shape[:2]
        rows: list[int] = []
        answers: list[torch.Tensor] = []
        for i in np.flatnonzero(counts):
            matching = [w for w, wish in enumerate(wishes) if _answers(scene.pairs[int(i)], wish)]
            if matching:
                rows.append(int(i))
                answers.append(tokens.spans_WT[matching].any(0))
        answers_GT = torch.stack(answers) if answers else torch.zeros(0, len(tokens.ids_T), dtype=torch.bool)
        valid_wh = (view.valid_xy[0] * width, view.valid_xy[1] * height)
        return Example(canvas, valid_wh, tokens, view.boxes_xyxy[rows], answers_GT)

    def _view(self, scene: StoredScene, rng: np.random.Generator) -> CutView:
        options = self._options
        scale = 1.0 if options.whole else float(rng.uniform(*options.scales))
        view = cut(scene.picture, scene.boxes_xyxy, options.size_hw, scale, rng)
        if view.valid_xy == (1.0, 1.0) and rng.random() < options.far:
            corner_xy = float(rng.random()), float(rng.random())
            grey, scale = int(rng.integers(40, 220)), float(rng.uniform(*_FAR))
            picture, boxes = far_away(view.picture, view.boxes_xyxy, scale, grey, corner_xy)
            view = CutView(picture, view.valid_xy, boxes, view.visible_fraction)
        return mirror(view) if view.valid_xy[0] == 1.0 and rng.random() < 0.5 else view

    def _with_unknown(self, view: CutView, rng: np.random.Generator) -> tuple[Picture, list[str]]:
        """The picture with shapes of unknown kinds painted beside its objects, and their colours."""
        height, width = view.picture.shape[:2]
        bottom, right = round(view.valid_xy[1] * height), round(view.valid_xy[0] * width)
        canvas = view.picture.copy()
        count = int(rng.integers(1, _MAX_UNKNOWN + 1))
        shown, _, colours = add_unknown_shapes(canvas[:bottom, :right], view.boxes_xyxy, count, rng)
        canvas[:bottom, :right] = shown
        return canvas, colours


def draw_wishes(
    counted: Sequence[tuple[str, str]], present: Sequence[tuple[str, str]], rng: np.random.Generator
) -> list[Wish]:
    """The prompt of a picture: most of the visible objects and some absent ones.

    Args:
        counted: the pairs that are visible enough.
        present: all pairs in the picture; none of them is used as absent.
    """
    style = rng.choice(["pair", "kind", "colour", "mixed"], p=[0.55, 0.25, 0.05, 0.15])
    here: set[Wish] = {_reduce(pair, style, rng) for pair in counted}
    asked = [wish for wish in sorted(here, key=str) if rng.random() > 0.15]
    absent = [wish for wish in _candidates(style, present) if not any(_answers(pair, wish) for pair in present)]
    count = min(len(absent), int(rng.integers(2, 9)))
    if count:
        # Absent phrases that share a word with the picture are harder, so they are drawn more often.
        weights = np.array([_likeness(wish, present) for wish in absent])
        rows = rng.choice(len(absent), count, replace=False, p=weights / weights.sum())
        asked += [absent[int(row)] for row in rows]
    if not asked:
        asked = sorted(here, key=str) or [TRAINING_PAIRS[int(rng.integers(len(TRAINING_PAIRS)))]]
    return [asked[int(row)] for row in rng.permutation(len(asked))]


def _reduce(pair: tuple[str, str], style: str, rng: np.random.Generator) -> Wish:
    if style == "mixed":
        style = str(rng.choice(["pair", "kind", "colour"], p=[0.5, 0.25, 0.25]))
    return {"pair": pair, "kind": (None, pair[1]), "colour": (pair[0], None)}[style]


def _candidates(style: str, present: Sequence[tuple[str, str]]) -> list[Wish]:
    kinds: list[Wish] = [(None, kind) for kind in KINDS]
    colours: list[Wish] = [(colour, None) for colour in COLOURS]
    pairs: list[Wish] = [*TRAINING_PAIRS]
    return {"pair": pairs, "kind": kinds, "colour": colours}.get(style, [*pairs, *kinds, *colours])


def _likeness(wish: Wish, present: Sequence[tuple[str, str]]) -> float:
    return 1.0 + 3.0 * any(wish[0] == colour or wish[1] == kind for colour, kind in present)


def _answers(pair: tuple[str, str], wish: Wish) -> bool:
    return wish[0] in (None, pair[0]) and wish[1] in (None, pair[1])


def _wording(wish: Wish) -> str:
    return " ".join(word for word in (wish[0], wish[1] or "object") if word)
