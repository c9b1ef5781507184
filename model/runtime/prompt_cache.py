"""Prompt cache: the text features of the prompts that a network has read, each computed once."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch

from ..dino.grounding_dino import GroundingDino
from ..dino.text_encoder import TextFeatures, pad_features, pad_words, stack_features
from ..dino.tokenizer import MAX_TOKENS, TokenizedPrompt, Tokenizer
from ..prompt import Prompt, PromptError
from ..weights.checkpoint import Checkpoint
from .postprocess import WordingSpans
from .unknown_words import describe_unknown

_log = logging.getLogger(__name__)
_PROMPTS_KEPT = 32
_STACKS_KEPT = 8
_MIN_BUCKET_TOKENS = 16


@dataclass(frozen=True, slots=True, eq=False)
class EncodedCaption:
    """One caption of a prompt with its text features, on the network's device and in its number format."""

    tokens: TokenizedPrompt
    features: TextFeatures
    wordings: WordingSpans


class PromptCache:
    """Text features by prompt. May be used from several threads.

    Args:
        checkpoint: the model's configuration and vocabulary.
        model: computes the features.
        dtype: of the features.
        buckets: pad captions to 16, 32, 64, 128 or 256 tokens, so that few shapes occur; this changes no result.
    """

    def __init__(self, checkpoint: Checkpoint, model: GroundingDino, dtype: torch.dtype, *, buckets: bool) -> None:
        self.tokenizer = Tokenizer(checkpoint.vocabulary)
        self._name = checkpoint.config.name
        self._known = None if checkpoint.known_wordings is None else dict.fromkeys(checkpoint.known_wordings)
        self._model, self._dtype, self._buckets = model, dtype, buckets
        self._device = next(model.parameters()).device
        self._encoded: OrderedDict[str, tuple[EncodedCaption, ...]] = OrderedDict()
        self._lock = threading.Lock()
        self._stacked = lru_cache(maxsize=_STACKS_KEPT)(_stacked)

    def check(self, prompt: Prompt) -> None:
        """Check that the model can answer the prompt.

        Raises:
            PromptError: words that the model was not taught, or a phrase with more tokens than it reads at once.
        """
        if prompt.hash in self._encoded:  # it was checked before
            return
        check_words(prompt, self._name, self._known, self.tokenizer)

    def read(self, prompt: Prompt) -> tuple[EncodedCaption, ...]:
        """The prompt's captions: one, or several if it is long."""
        with self._lock:
            if prompt.hash not in self._encoded:
                self._warn_of_letters(prompt)
                self._encoded[prompt.hash] = tuple(self._caption(tokens) for tokens in self.tokenizer.captions(prompt))
                if len(self._encoded) > _PROMPTS_KEPT:
                    self._encoded.popitem(last=False)
            self._encoded.move_to_end(prompt.hash)
            return self._encoded[prompt.hash]

    def stacked(self, captions: Sequence[EncodedCaption]) -> TextFeatures:
        """The captions as one batch; the same tensor objects for the same captions while they are cached."""
        return self._stacked(tuple(captions))

    @property
    def reads_any_words(self) -> bool:
        """False if the model accepts only the words that it was taught."""
        return self._known is None

    def features(self, tokens: TokenizedPrompt) -> TextFeatures:
        """The text features of one caption, which are not cached."""
        features = self._model.read(pad_words([tokens]).to(self._device)).to(self._dtype)
        return pad_features(features, bucket(len(tokens.ids_T))) if self._buckets else features

    def _caption(self, tokens: TokenizedPrompt) -> EncodedCaption:
        features = self.features(tokens)
        return EncodedCaption(tokens, features, WordingSpans.of(tokens, self._device, features.features_BTC.shape[1]))

    def _warn_of_letters(self, prompt: Prompt) -> None:
        foreign = [wording for phrase in prompt.phrases for wording in phrase.wordings if not wording.isascii()]
        if foreign:
            _log.warning("the text encoder learnt English: it may not know %s", ", ".join(map(repr, foreign[:5])))


def check_words(prompt: Prompt, name: str, known: Collection[str] | None, tokenizer: Tokenizer) -> None:
    """Check that a model can answer the prompt. This needs no weights.

    Args:
        name: the model's name.
        known: the wordings it was taught; None if it reads any words.
        tokenizer: the model's tokenizer.

    Raises:
        PromptError: as `PromptCache.check` does.
    """
    if known is not None:
        asked = [wording for phrase in prompt.phrases for wording in phrase.wordings]
        if unknown := [wording for wording in asked if wording not in known]:
            raise PromptError(describe_unknown(name, unknown[0], [*known], tokenizer, asked))
    tokenizer.chunks(prompt)


def bucket(tokens: int) -> int:
    """The smallest of 16, 32, 64, 128 and 256 that holds `tokens`."""
    length = _MIN_BUCKET_TOKENS
    while length < tokens:
        length *= 2
    assert length <= MAX_TOKENS
    return length


def _stacked(captions: tuple[EncodedCaption, ...]) -> TextFeatures:
    return stack_features([caption.features for caption in captions])
