"""A prompt: the things asked for, in the user's own words."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

_LONGEST_NAME = 200
MOST_PHRASES = 1000


class PromptError(ValueError):
    """The prompt cannot be used; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """One thing asked for.

    Args:
        name: the label that detections and tracks carry, exactly as the user wrote it.
        ask: the wordings put to the model; the best of them counts. Empty: the name itself.
        threshold: the least score (0..1) for this phrase, or None for the detector's own.
        negative: found but not reported, so that it cannot be taken for another phrase.
    """

    name: str
    ask: tuple[str, ...] = ()
    threshold: float | None = None
    negative: bool = False

    def __post_init__(self) -> None:
        if not _spoken(self.name):
            raise PromptError(f"phrase {self.name!r} has no words: write what to look for, such as 'red mug'")
        if len(self.name) > _LONGEST_NAME:
            raise PromptError(f"phrase {self.name[:40]!r}... is longer than {_LONGEST_NAME} characters: shorten it")
        for wording in self.ask:
            if not _spoken(wording):
                raise PromptError(f"phrase {self.name!r} has a wording without words ({wording!r}): leave it out")
        if self.threshold is not None and not 0.0 <= self.threshold <= 1.0:  # also refuses NaN
            raise PromptError(f"phrase {self.name!r} has threshold {self.threshold}: it must lie in 0..1")

    @property
    def wordings(self) -> tuple[str, ...]:
        """What the model is asked, lower case and without delimiters: at least one wording."""
        return tuple(_spoken(text) for text in (self.ask or (self.name,)))

    @property
    def spoken(self) -> str:
        """The name as it sounds: equal for two phrases that cannot be told apart."""
        return _spoken(self.name)


@dataclass(frozen=True, slots=True)
class Prompt:
    """The set of phrases asked for at one time, in order.

    Args:
        hash: 16 hex digits that are equal exactly when two prompts ask for the same; made once, and asked for with
            every picture.

    Raises:
        PromptError: no phrase, only negative ones, or the same name twice.
    """

    phrases: tuple[Phrase, ...]
    hash: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not any(not phrase.negative for phrase in self.phrases):
            raise PromptError("the prompt asks for nothing: write phrases such as 'red mug . blue cube'")
        if len(self.phrases) > MOST_PHRASES:
            raise PromptError(
                f"the prompt has {len(self.phrases)} phrases: at most {MOST_PHRASES} can be asked at once"
            )
        seen: set[str] = set()
        for phrase in self.phrases:
            if phrase.spoken in seen:
                raise PromptError(f"phrase {phrase.name!r} is asked for twice: name it once")
            seen.add(phrase.spoken)
        object.__setattr__(self, "hash", self._hash())

    @classmethod
    def parse(cls, text: str) -> Prompt:
        """Read 'red mug . blue cube'. Phrases are parted by '.' or ';' or a new line.

        Raises:
            PromptError: nothing between the separators, or commas where '.' was meant.
        """
        pieces = [" ".join(piece.split()) for piece in text.replace(";", ".").replace("\n", ".").split(".")]
        names = [piece for piece in pieces if piece]
        if any("," in name for name in names):
            suggestion = " . ".join(part.strip() for name in names for part in name.split(",") if part.strip())
            raise PromptError(f"part the phrases of a prompt with '.', not with ',': did you mean {suggestion!r}?")
        return cls(tuple(Phrase(name) for name in names))

    @classmethod
    def of(cls, phrases: str | Sequence[str | Phrase]) -> Prompt:
        """A prompt from a string with '.' or from a list of phrases."""
        if isinstance(phrases, str):
            return cls.parse(phrases)
        return cls(tuple(phrase if isinstance(phrase, Phrase) else Phrase(phrase) for phrase in phrases))

    @classmethod
    def whole(cls, sentence: str) -> Prompt:
        """One phrase: all of a sentence such as 'the left red mug'."""
        return cls((Phrase(" ".join(sentence.split())),))

    @property
    def names(self) -> tuple[str, ...]:
        """The names that detections may carry: every phrase that is not negative."""
        return tuple(phrase.name for phrase in self.phrases if not phrase.negative)

    def _hash(self) -> str:
        content = [[p.name, list(p.ask), p.threshold, p.negative] for p in self.phrases]
        return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()[:16]


def least_score(threshold: float) -> float:
    """The threshold itself, once it is known to be one.

    Raises:
        PromptError: NaN, or outside 0..1.
    """
    if math.isnan(threshold) or not 0.0 <= threshold <= 1.0:
        raise PromptError(f"threshold {threshold} must lie in 0..1")
    return threshold


def _spoken(text: str) -> str:
    """Lower case, one blank between words, and none of the marks that part phrases."""
    for mark in ".?;":
        text = text.replace(mark, "")
    return " ".join(text.lower().split())
