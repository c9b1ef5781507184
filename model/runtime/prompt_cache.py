"""The prompts a network has read: their words checked, their text features computed once."""

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
    """One caption of a prompt, as the network knows it: on its device, in its number format."""

    tokens: TokenizedPrompt
    features: TextFeatures
    wordings: WordingSpans


class PromptCache:
    """May be used from several threads.

    Args:
        checkpoint: what the model is.
        model: reads.
        dtype: of the features.
        buckets: captions are padded to 16, 32, 64, 128 or 256 tokens, which changes no answer: few shapes then occur.
    """

    def __init__(self, checkpoint: Checkpoint, model: GroundingDino, dtype: torch.dtype, *, buckets: bool) -> None:
        self.tokenizer = Tokenizer(checkpoint.vocabulary)
        self._name = checkpoint.config.name
        self._known = None if checkpoint.known_wordings is None else dict.fromkeys(checkpoint.known_wordings)
        self._model, self._dtype, self._buckets = model, dtype, buckets
        self._device = next(model.parameters()).device
        self._read: OrderedDict[str, tuple[EncodedCaption, ...]] = OrderedDict()
        self._reading = threading.Lock()
        self._stacked = lru_cache(maxsize=_STACKS_KEPT)(_stacked)

    def check(self, prompt: Prompt) -> None:
        """Nothing, if the model can answer the prompt.

        Raises:
            PromptError: words the model was not taught, or more of them in one phrase than it reads at once.
        """
        if prompt.hash in self._read:  # what was answered before was checked before
            return
        check_words(prompt, self._name, self._known, self.tokenizer)

    def read(self, prompt: Prompt) -> tuple[EncodedCaption, ...]:
        """One caption, or several where the prompt is long."""
        with self._reading:
            if prompt.hash not in self._read:
                self._warn_of_letters(prompt)
                self._read[prompt.hash] = tuple(self._caption(tokens) for tokens in self.tokenizer.captions(prompt))
                if len(self._read) > _PROMPTS_KEPT:
                    self._read.popitem(last=False)
            self._read.move_to_end(prompt.hash)
            return self._read[prompt.hash]

    def together(self, captions: Sequence[EncodedCaption]) -> TextFeatures:
        """The captions as one batch; the very same tensors for the same captions, while they are kept."""
        return self._stacked(tuple(captions))

    @property
    def reads_any_words(self) -> bool:
        """False where the model knows those words alone that it was taught."""
        return self._known is None

    def features(self, tokens: TokenizedPrompt) -> TextFeatures:
        """What the model knows of one caption, which is not kept."""
        features = self._model.read(pad_words([tokens]).to(self._device)).to(self._dtype)
        return pad_features(features, bucket(len(tokens.ids_T))) if self._buckets else features

    def _caption(self, tokens: TokenizedPrompt) -> EncodedCaption:
        features = self.features(tokens)
        return EncodedCaption(tokens, features, WordingSpans.of(tokens, self._device, features.features_BTC.shape[1]))

    def _warn_of_letters(self, prompt: Prompt) -> None:
        foreign = [own for phrase in prompt.phrases for own in phrase.wordings if not own.isascii()]
        if foreign:
            _log.warning("the text encoder learnt English: it may not know %s", ", ".join(map(repr, foreign[:5])))


def check_words(prompt: Prompt, name: str, known: Collection[str] | None, tokenizer: Tokenizer) -> None:
    """Nothing, if a model can answer the prompt; no weights are needed to tell.

    Args:
        name: of the model.
        known: the wordings it was taught; None where it reads any words.
        tokenizer: the model's.

    Raises:
        PromptError: as `PromptCache.check` does.
    """
    for phrase in prompt.phrases if known is not None else ():
        for wording in phrase.wordings:
            if known is not None and wording not in known:
                raise PromptError(describe_unknown(name, wording, [*known], tokenizer))
    tokenizer.chunks(prompt)


def bucket(tokens: int) -> int:
    """16, 32, 64, 128 or 256: the first that so many fit into."""
    length = _MIN_BUCKET_TOKENS
    while length < tokens:
        length *= 2
    assert length <= MAX_TOKENS
    return length


def _stacked(captions: tuple[EncodedCaption, ...]) -> TextFeatures:
    return stack_features([caption.features for caption in captions])
