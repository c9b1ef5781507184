"""Batches of labelled pictures, augmented, with prompts of present and absent classes."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch

from ..datasets.coco_data import read_picture
from ..datasets.coco_records import CocoError
from ..datasets.labelled import LabelledData
from ..datasets.sided_words import mirrored_text
from ..dino.tokenizer import MAX_TOKENS, Tokenizer
from ..prompt import Phrase, Prompt
from ..runtime.input_rule import InputRule
from .augment import disturb
from .batch import Batch, Example, centres_and_sizes, stack
from .denoising import NoiseOptions, add_box_noise
from .picture_order import PictureOrder
from .picture_views import View, mirror, mosaic, paste, view_of, zoom
from .workers import Worker


@dataclass(frozen=True, slots=True)
class PictureOptions:
    """How examples are drawn.

    Args:
        size: pictures per batch and worker.
        scales: range from which a factor of the rule's input size is drawn.
        mirror: mirror half of the pictures and swap 'left' and 'right' in their prompts; without such a word in the
            model, the picture is not mirrored.
        negatives: maximum number of absent wordings in a prompt; half of the pictures get the maximum, the others a
            number from one to it.
        contrasts: maximum number of classes in a prompt that are unknown in the picture. They are negative for objects
            with a box, unless the vocabulary's file lets them overlap; for the rest they are ignored.
        balance: classes in fewer than this fraction of the pictures are repeated by LVIS's factors; 0 repeats none.
        zoom: half of the pictures are cropped to a window with sides of at least 1 / this of theirs; 1 crops none.
        colours: change light, colour, sharpness and compression.
        mosaic: fraction of examples that are four pictures in one.
        paste: fraction of pictures that get an object of another one.
        noise: noise on true boxes for denoising; None turns it off.
    """

    size: int = 4
    scales: tuple[float, float] = (0.6, 1.0)
    mirror: bool = True
    negatives: int = 80
    contrasts: int = 0
    balance: float = 0.0
    zoom: float = 1.0
    colours: bool = False
    mosaic: float = 0.0
    paste: float = 0.0
    noise: NoiseOptions | None = field(default_factory=NoiseOptions)
    seed: int = 0


class PictureBatches:
    """`batch(number)`: all workers together go through the pictures, in a new order each epoch.

    An example depends only on its position in that order, so that two workers draw the same examples as one with
    batches twice as large.
    """

    def __init__(
        self,
        data: LabelledData,
        rule: InputRule,
        tokenizer: Tokenizer,
        options: PictureOptions,
        worker: Worker | None = None,
    ) -> None:
        """
        Raises:
            CocoError: no picture has any class for a prompt.
        """
        self._rule, self._tokenizer, self._options = rule, tokenizer, options
        self._wordings, self._words = data.wordings, data.words
        self._order = PictureOrder(data, options.balance, options.seed, without_objects=options.negatives > 0)
        if not self._order:
            raise CocoError(f"annotations {data.path} teach nothing: no picture has anything to ask for")
        self._worker = worker or Worker()
        spoken = [[len(tokenizer.ids(one)) + 1 for one in data.words.wordings_of(name)] for name in data.wordings]
        self._tokens = [max(counts) for counts in spoken]
        rows = {name: row for row, name in enumerate(data.wordings)}
        self._overlaps = [
            frozenset(rows[other] for other in data.words.overlaps.get(name, ()) if other in rows) for name in rows
        ]

    def __call__(self, number: int) -> Batch:
        """
        Raises:
            CocoError: a picture cannot be read.
        """
        first = (number * self._worker.count + self._worker.rank) * self._options.size
        return stack([self._example(place) for place in range(first, first + self._options.size)])

    def _example(self, place: int) -> Example:
        options = self._options
        rng = np.random.default_rng([options.seed, place, 1])
        view = self._view(place, rng)
        classes, unknown = self._choose_classes(view, rng)
        texts = [str(rng.choice(self._words.wordings_of(self._wordings[one]))) for one in classes]
        if options.mirror and (turned := self._turned(texts)) is not None and rng.random() < 0.5:
            view, texts = mirror(view), turned
        tokens = self._tokenizer.encode(Prompt(tuple(Phrase(text) for text in texts)))
        rows = [row for row, own in enumerate(view.answers) if not set(classes).isdisjoint(own)]
        answers_GT = torch.zeros(len(rows), len(tokens.ids_T), dtype=torch.bool)
        for row, own in enumerate(rows):
            answered = [classes.index(one) for one in view.answers[own] if one in classes]
            answers_GT[row] = tokens.spans_WT[answered].any(0)
        loose = [classes.index(one) for one in classes if one in unknown]
        have_h, have_w = view.image.shape[:2]
        size = self._rule.size(have_h, have_w, float(rng.uniform(*options.scales)))
        height, width = size.picture_hw
        boxes = view.boxes_xyxy[rows] * np.array([width / have_w, height / have_h] * 2, np.float32)
        noised = None
        if options.noise is not None:
            noised = add_box_noise(
                centres_and_sizes(boxes, width, height), answers_GT, tokens.spans_WT, options.noise, rng
            )
        canvas = self._rule.resize(view.image, size)
        return Example(canvas, (width, height), tokens, boxes, answers_GT, noised, tokens.spans_WT[loose].any(0))

    def _turned(self, texts: list[str]) -> list[str] | None:
        """The texts for the mirrored picture; None if the model lacks a word, or if a text gets longer and may
        not fit.
        """
        turned = [mirrored_text(text) for text in texts]
        unknown, read = self._tokenizer.vocabulary["[UNK]"], self._tokenizer.ids
        for text, before in zip(turned, texts, strict=True):
            if text != before and (unknown in read(text) or len(read(text)) > len(read(before))):
                return None
        return turned

    def _view(self, place: int, rng: np.random.Generator) -> View:
        """The example's view: one picture, or four, possibly with a pasted object."""
        options = self._options
        view = self._read(place, rng)
        if rng.random() < options.mosaic:
            others = [self._read(self._order.another(place, rng), rng) for _ in range(3)]
            height, width = view.image.shape[:2]
            view = mosaic([view, *others], (height, width))
        if rng.random() < options.paste:
            view = paste(view, self._read(self._order.another(place, rng), rng), rng)
        return replace(view, image=disturb(view.image, rng)) if options.colours else view

    def _read(self, place: int, rng: np.random.Generator) -> View:
        picture = self._order[place]
        view = view_of(picture, read_picture(picture), len(self._wordings))
        return zoom(view, self._options.zoom, rng) if self._options.zoom > 1 and rng.random() < 0.5 else view

    def _choose_classes(self, view: View, rng: np.random.Generator) -> tuple[list[int], frozenset[int]]:
        """The prompt's classes, at most as many as the text encoder reads at once, and those that may be unlabelled."""
        options = self._options
        here = view.here - view.never_asked
        absent = sorted(view.absent - here)
        max_count = min(options.negatives, len(absent))
        count = max_count if rng.random() < 0.5 else int(rng.integers(min(1, max_count), max_count + 1))
        unknown = frozenset[int]()
        if options.contrasts:
            alike = frozenset[int]().union(*(self._overlaps[one] for one in view.here))
            unknown = frozenset(range(len(self._wordings))) - view.here - view.absent - view.never_asked - alike
        wanted = [
            *rng.permutation(np.array(sorted(here), int)),
            *rng.permutation(np.array(absent, int))[:count],
            *rng.permutation(np.array(sorted(unknown), int))[: options.contrasts],
        ]
        tokens_left, classes = MAX_TOKENS - 2, list[int]()
        for one in map(int, wanted):
            if self._tokens[one] <= tokens_left:
                tokens_left -= self._tokens[one]
                classes.append(one)
        return [classes[int(row)] for row in rng.permutation(len(classes))], unknown | view.loose
