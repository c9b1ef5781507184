# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false
"""A loaded model and its words: pictures and prompts in, what the network says of them out."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .checkpoint import Checkpoint, set_weights
from .fold import fold_norms, join_groups, join_projections, join_values
from .grounding_dino import GroundingDino
from .input_rule import InputRule
from .packed import pack_linear
from .postprocess import CaptionAnswer, image_pixels
from .precision import Precision, convert, number_format
from .preprocess import InputSize, normalise
from .prompt import Prompt, PromptError
from .text_encoder import TextFeatures, pad_words, stack_features
from .ticket import Image
from .tokenizer import TokenizedPrompt, Tokenizer

_log = logging.getLogger(__name__)
_PROMPTS_KEPT = 32
_MOST_TOGETHER = 16  # pictures, or captions about them, in one pass: what bounds memory


class DeviceError(ValueError):
    """The device that was named is not here."""


@dataclass(frozen=True, slots=True)
class RawOutput:
    """All that the network says of one picture and one caption. Q queries, T tokens.

    Args:
        boxes_xyxy: (Q, 4) float32, px of the picture.
        scores: (Q, T) float32 in 0..1, of each query for each token.
        words: the T word pieces.
        phrases: (T,) the index of the prompt's phrase that a token belongs to; -1 for the marks.
    """

    boxes_xyxy: NDArray[np.float32]
    scores: NDArray[np.float32]
    words: tuple[str, ...]
    phrases: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A prompt as the network knows it: one caption, or several where it is long."""

    captions: list[TokenizedPrompt]
    features: list[TextFeatures]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the network says of one picture."""

    answers: list[CaptionAnswer]
    size: InputSize
    image_hw: tuple[int, int]
    prompt: Prompt

    def raw(self, words: Tokenizer) -> list[RawOutput]:
        """Every query with its score for every word, caption by caption."""
        outputs: list[RawOutput] = []
        for answer in self.answers:
            phrases_T = np.full(len(answer.tokens.ids_T), -1, np.int64)
            for span_T, phrase in zip(answer.tokens.spans_WT, answer.tokens.phrase_of_W, strict=True):
                phrases_T[np.flatnonzero(span_T.tolist())] = phrase
            boxes: NDArray[np.float32] = image_pixels(answer.boxes_Q4, self.size, self.image_hw).cpu().numpy()
            scores: NDArray[np.float32] = answer.logits_QT.sigmoid().cpu().numpy()
            outputs.append(RawOutput(boxes, scores, words.words(answer.tokens), phrases_T))
        return outputs


class Network:
    """The model, its tokenizer and the prompts it has read. May be used from several threads.

    Args:
        checkpoint: what to build.
        device: 'auto', 'cpu', 'cuda', 'cuda:1'.
        short_side: of the network's input, px; None is what the weights were trained at.
        path: where the weights come from, for errors.
        precision: the number format to compute in.

    Raises:
        CheckpointError: the weights do not fit the model.
        DeviceError: the device is not here.
        PrecisionError: the device cannot use the number format.
    """

    def __init__(
        self, checkpoint: Checkpoint, device: str, short_side: int | None, path: Path, precision: Precision = "float32"
    ) -> None:
        self.config = checkpoint.config
        self.tokenizer = Tokenizer(checkpoint.vocabulary)
        self._known = None if checkpoint.known_wordings is None else frozenset(checkpoint.known_wordings)
        self._device = named_device(device)
        self._rule = InputRule(checkpoint.config, short_side)
        self.dtype = number_format(precision, self._device, self.config.body)
        self._model = build(checkpoint, self._device, path, self.dtype)
        self._asked: OrderedDict[str, _Asked] = OrderedDict()
        self._asking = threading.Lock()

    @property
    def input_rule(self) -> str:
        """How large pictures are in the network's input, in words."""
        return str(self._rule)

    def check(self, prompt: Prompt) -> None:
        """Nothing, if the model can answer the prompt.

        Raises:
            PromptError: words the model was not taught, or more of them in one phrase than it reads at once.
        """
        if prompt.hash in self._asked:  # what was answered before was checked before
            return
        if self._known is not None:
            for phrase in prompt.phrases:
                for wording in phrase.wordings:
                    if wording not in self._known:
                        raise PromptError(self._unknown(wording))
        self.tokenizer.captions(prompt)

    @torch.inference_mode()
    def see(
        self, images: Sequence[Image], prompts: Sequence[Prompt], sizes_px: Sequence[int | None] | None = None
    ) -> list[Seen]:
        """Pictures of one input size go through the network together, so that each is answered as alone.

        `sizes_px` are the short sides of the input, one a picture; None is the network's own.
        """
        rules = [self._rule if px is None else InputRule(self.config, px) for px in sizes_px or [None] * len(images)]
        sizes = [rule.size(image.shape[0], image.shape[1]) for rule, image in zip(rules, images, strict=True)]
        seen: dict[int, Seen] = {}
        for size in dict.fromkeys(sizes):
            rows = [row for row, own in enumerate(sizes) if own == size]
            for first in range(0, len(rows), _MOST_TOGETHER):
                together = rows[first : first + _MOST_TOGETHER]
                seen |= zip(together, self._see_alike(together, images, prompts, size), strict=True)
        return [seen[row] for row in range(len(images))]

    @torch.inference_mode()
    def look(self, picture_3HW: Tensor, prompt: Prompt) -> list[RawOutput]:
        """All that is said of one picture that was prepared already; boxes are in 0..1 of it."""
        self.check(prompt)
        asked = self._read(prompt)
        height, width = picture_3HW.shape[1:]
        seen = Seen([], InputSize((height, width), (height, width)), (1, 1), prompt)
        for tokens, features in zip(asked.captions, asked.features, strict=True):
            output = self._model(picture_3HW[None].to(self._device, self.dtype), features)
            seen.answers.append(CaptionAnswer(output.logits[-1][0], output.boxes[-1][0], tokens))
        return seen.raw(self.tokenizer)

    def _see_alike(
        self, rows: Sequence[int], images: Sequence[Image], prompts: Sequence[Prompt], size: InputSize
    ) -> list[Seen]:
        asked = [self._read(prompts[row]) for row in rows]
        valid = [size.valid_xy] * len(rows)
        canvases = np.stack([self._rule.resize(images[row], size) for row in rows])
        pictures_B3HW = normalise(canvases, valid).to(self._device, self.dtype)
        seen = [Seen([], size, (images[row].shape[0], images[row].shape[1]), prompts[row]) for row in rows]
        pairs = [(picture, caption) for picture, one in enumerate(asked) for caption in range(len(one.captions))]
        for first in range(0, len(pairs), _MOST_TOGETHER):
            some = pairs[first : first + _MOST_TOGETHER]
            pictures = [picture for picture, _ in some]
            used = sorted(set(pictures))
            shown = pictures_B3HW if len(used) == len(rows) else pictures_B3HW[used]
            order = [used.index(picture) for picture in pictures]
            valid_B2 = torch.tensor([size.valid_xy] * len(some), device=self._device) if size.padded else None
            text = stack_features([asked[picture].features[caption] for picture, caption in some])
            output = self._model(shown, text, valid_B2, None if order == [*range(len(used))] else order)
            for row, (picture, caption) in enumerate(some):
                tokens = asked[picture].captions[caption]
                logits_QT = output.logits[-1][row, :, : len(tokens.ids_T)]
                seen[picture].answers.append(CaptionAnswer(logits_QT, output.boxes[-1][row], tokens))
        return seen

    def _read(self, prompt: Prompt) -> _Asked:
        """The prompt's tokens and text features, computed once."""
        with self._asking:
            if prompt.hash not in self._asked:
                self._warn_of_letters(prompt)
                captions = self.tokenizer.captions(prompt)
                words = [pad_words([caption]).to(self._device) for caption in captions]
                features = [self._model.read(own).to(self.dtype) for own in words]
                self._asked[prompt.hash] = _Asked(captions, features)
                if len(self._asked) > _PROMPTS_KEPT:
                    self._asked.popitem(last=False)
            self._asked.move_to_end(prompt.hash)
            return self._asked[prompt.hash]

    def _warn_of_letters(self, prompt: Prompt) -> None:
        foreign = [phrase.name for phrase in prompt.phrases if not all(own.isascii() for own in phrase.wordings)]
        if foreign:
            _log.warning("the text encoder learnt English: it may not know %s", ", ".join(map(repr, foreign[:5])))

    def _unknown(self, wording: str) -> str:
        words = [token for token in self.tokenizer.vocabulary if token.isalpha()]
        return (
            f"{self.config.name} was not taught {wording!r}: it knows {', '.join(words)}, as in 'red mug', 'mug' or "
            "'red object'; for other words load a model that reads any, with --model"
        )


def build(
    checkpoint: Checkpoint, device: torch.device, path: Path, dtype: torch.dtype = torch.float32
) -> GroundingDino:
    """The model as it runs: without gradients, norms folded.

    Raises:
        CheckpointError: the weights do not fit the model.
    """
    model = GroundingDino(checkpoint.config)
    set_weights(model, checkpoint.weights, path)
    model.eval()
    fold_norms(model)
    join_groups(model)
    join_projections(model)
    if device.type == "cuda":
        join_values(model)
    model.requires_grad_(False)
    convert(model, dtype)
    if device.type == "cpu":
        pack_linear(model)
    return model.to(device).to(memory_format=torch.channels_last)


def named_device(name: str) -> torch.device:
    """
    Raises:
        DeviceError: there is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"{name!r} is no device: write 'auto', 'cpu' or 'cuda'") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise DeviceError(f"device {name!r} was asked for, but this machine shows no CUDA GPU: use --device cpu")
    return device
