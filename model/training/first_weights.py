"""Initial weights of a training: published or own weights, extended by new words if needed, or random ones."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from ..config import ModelConfig, TextConfig
from ..dino.grounding_dino import GroundingDino
from ..dino.tokenizer import Tokenizer
from ..weights.checkpoint import Checkpoint, keep_weights, read_checkpoint

_MARKS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", ".")
_EMBEDDING = "text_encoder.bert.embeddings.word_embeddings.weight"
_NEW_WORD_STD = 0.02  # as in BERT's initialisation


def first_weights(path: Path, wordings: Sequence[str], *, offline: bool = False) -> Checkpoint:
    """The checkpoint to start from.

    A model that reads any words is used unchanged. One with a fixed vocabulary, such as tabletop, gets a new random
    embedding for each word of the data that it lacks.

    Args:
        path: the weights' file.
        wordings: the wordings of the data.
        offline: read the vocabularies of published models from the local cache alone.

    Raises:
        CheckpointError: the weights cannot be read.
    """
    checkpoint = read_checkpoint(path, offline=offline)
    if checkpoint.known_wordings is None:
        return checkpoint
    known = tuple(dict.fromkeys([*checkpoint.known_wordings, *wordings]))
    new = _new_words(checkpoint.vocabulary, wordings)
    if not new:
        return replace(checkpoint, known_wordings=known)
    vocabulary = {**checkpoint.vocabulary, **{word: len(checkpoint.vocabulary) + row for row, word in enumerate(new)}}
    old = checkpoint.weights[_EMBEDDING].float()
    embedding = torch.cat([old, torch.randn(len(new), old.shape[1]) * _NEW_WORD_STD])
    text = replace(checkpoint.config.text, vocabulary=len(vocabulary))
    return Checkpoint(
        replace(checkpoint.config, text=text), vocabulary, known, {**checkpoint.weights, _EMBEDDING: embedding}
    )


def edge_from_nothing(wordings: Sequence[str], short_side: int) -> Checkpoint:
    """An Edge model with random weights, whose vocabulary is the words of the data.

    Args:
        wordings: the wordings of the data, and the only ones the model will accept.
        short_side: of the network's input for a 4:3 picture, px.
    """
    marks = {mark: row for row, mark in enumerate(_MARKS)}
    words = {word: len(marks) + row for row, word in enumerate(_new_words(marks, wordings))}
    text = TextConfig(len(marks) + len(words), width=128, layers=2, heads=4, feed_forward=512)
    area = round(short_side**2 * 4 / 3)
    config = ModelConfig("edge", text, backbone="fasternet_t0", queries=300, input_pixels=area)
    return Checkpoint(config, {**marks, **words}, tuple(wordings), keep_weights(GroundingDino(config)))


def _new_words(vocabulary: dict[str, int], wordings: Sequence[str]) -> list[str]:
    tokenizer = Tokenizer(vocabulary)
    words = dict.fromkeys(word for wording in wordings for word in tokenizer.split(wording))
    return [word for word in words if word not in vocabulary]
