"""Contrastive denoising: the decoder learns to restore true boxes from copies with noise.

Each true box has pairs of copies: a near one, which must be moved back to it, and a far one, which must be rejected.
The original starts such a query from a learnt vector of its class; here, where classes are words, it starts from the
features of the words.

Letters: B picture, K noised query, T token, G true boxes, C channel.
Source: DINO (https://arxiv.org/abs/2203.03605), section 3.3.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..dino.grounding_dino import Enhanced, ExtraQueries


@dataclass(frozen=True, slots=True)
class NoiseOptions:
    """How noise is added to true boxes.

    Args:
        queries: approximate number per picture; at least one pair for each true box.
        label_noise: half of this fraction of the copies starts from the words of another phrase.
        box_noise: the maximum shift of a near copy's corners, in halves of the box's sides; those of a far copy move
            by once to twice that.
    """

    queries: int = 100
    label_noise: float = 0.5
    box_noise: float = 1.0


@dataclass(frozen=True, slots=True)
class Noised:
    """The noised boxes of a batch.

    Args:
        boxes_BK4: cx cy w h in 0..1 of the network's input.
        words_BKT: the weights of the tokens that a query starts from; rows sum to 1, padding to 0.
        group_BK: the group of each query, within which queries attend to each other; -1 is padding.
        truth_BK: the row of a near copy's true box; -1 for a far copy and for padding.
    """

    boxes_BK4: Tensor
    words_BKT: Tensor
    group_BK: Tensor
    truth_BK: Tensor

    def to(self, device: torch.device) -> Noised:
        return Noised(*(getattr(self, name).to(device) for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class NoisedPicture:
    """The noised boxes of one picture; fields as in `Noised`, but boxes in 0..1 of the picture, T of its caption."""

    boxes_K4: NDArray[np.float32]
    words_KT: NDArray[np.float32]
    group_K: NDArray[np.int64]
    truth_K: NDArray[np.int64]


def add_box_noise(
    boxes_G4: NDArray[np.float32],
    answers_GT: Tensor,
    phrases_PT: Tensor,
    options: NoiseOptions,
    rng: np.random.Generator,
) -> NoisedPicture:
    """Noised copies of one picture's true boxes. They depend on nothing else in the batch.

    Args:
        boxes_G4: cx cy w h in 0..1 of the picture.
        answers_GT: True where the token belongs to a wording of the object.
        phrases_PT: True at the tokens of each phrase of the prompt; wrong labels are drawn from these.
    """
    count = len(boxes_G4)
    groups = max(1, options.queries // (2 * count)) if count else 0
    truths = np.tile(np.arange(count), 2 * groups)
    near = np.tile(np.repeat([True, False], count), groups)
    boxes = _moved(boxes_G4[truths], near, options.box_noise, rng)
    token_weights = answers_GT.numpy()[truths].astype(np.float32)
    wrong = rng.random(len(truths)) < options.label_noise / 2
    others = rng.integers(0, len(phrases_PT), len(truths))
    token_weights[wrong] = phrases_PT.numpy()[others[wrong]]
    words = token_weights / np.maximum(token_weights.sum(-1, keepdims=True), 1.0)
    group = np.repeat(np.arange(groups), 2 * count)
    return NoisedPicture(boxes, words, group, np.where(near, truths, -1))


def stack_noised(pictures: Sequence[NoisedPicture], valid: Sequence[tuple[float, float]], tokens: int) -> Noised:
    """The pictures of a batch, padded to the largest number of queries and to `tokens`.

    Args:
        valid: the fractions of the input's width and height that each picture fills, in 0..1.
    """
    longest = max(1, *(len(one.group_K) for one in pictures))  # a batch without true boxes has padding alone
    B = len(pictures)
    boxes = torch.full((B, longest, 4), 0.5)
    words = torch.zeros(B, longest, tokens)
    group = torch.full((B, longest), -1)
    truth = torch.full((B, longest), -1)
    for row, one in enumerate(pictures):
        count = len(one.group_K)
        boxes[row, :count] = torch.from_numpy(one.boxes_K4) * torch.tensor(valid[row] * 2)
        words[row, :count, : one.words_KT.shape[1]] = torch.from_numpy(one.words_KT)
        group[row, :count] = torch.from_numpy(one.group_K)
        truth[row, :count] = torch.from_numpy(one.truth_K)
    return Noised(boxes, words, group, truth)


class NoisedQueries(nn.Module):
    """Makes queries of noised boxes. Used in training alone, and not part of the weights."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(width, width)

    def forward(self, noised: Noised, enhanced: Enhanced) -> ExtraQueries:
        """Queries that attend only to those of their own group."""
        content_BKC = self.project(noised.words_BKT.to(enhanced.text_BTC.dtype) @ enhanced.text_BTC)
        apart_BKK = noised.group_BK[:, :, None] != noised.group_BK[:, None, :]
        return ExtraQueries(content_BKC, noised.boxes_BK4, apart_BKK)


def _moved(
    boxes_K4: NDArray[np.float32], near: NDArray[np.bool_], noise: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Boxes with shifted corners: by less than `noise` half sides, or by once to twice that."""
    half = boxes_K4[:, 2:] / 2
    corners = np.concatenate([boxes_K4[:, :2] - half, boxes_K4[:, :2] + half], 1)
    far = rng.random(corners.shape) + ~near[:, None]
    sign = rng.choice([-1.0, 1.0], corners.shape)
    corners = np.clip(corners + sign * far * noise * np.tile(half, 2), 0.0, 1.0)
    first, second = np.minimum(corners[:, :2], corners[:, 2:]), np.maximum(corners[:, :2], corners[:, 2:])
    return np.concatenate([(first + second) / 2, second - first], 1).astype(np.float32)
