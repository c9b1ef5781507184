"""Prompts: the phrases that a detector searches for, in the user's own words."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_MAX_NAME_LENGTH = 200
MAX_TEXT = 50_000  # characters of a prompt written as one text
MAX_PHRASES = 1000
MAX_WORDINGS = 4000  # of all phrases of a prompt together
_SEPARATOR = re.compile(r"(?<!\S)\.+(?!\S)|[;\n]")
_INITIALS = re.compile(r"([^\W\d_]\.){2,}")
_COMMA = re.compile(r"(?<!\d),|,(?!\d)")  # not the comma of 1,000
_ENDING = ".?;"  # marks that end a phrase and do not belong to it


class PromptError(ValueError):
    """The prompt cannot be used; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """One phrase of a prompt.

    Args:
        name: the label that detections and tracks carry, exactly as the user wrote it.
        ask: the wordings given to the model; the best score counts. Empty: the name itself.
        threshold: the minimum score (0..1) of this phrase; None is the detector's.
        negative: found but not reported, so that it cannot be taken for another phrase.
    """

    name: str
    ask: tuple[str, ...] = ()
    threshold: float | None = None
    negative: bool = False

    def __post_init__(self) -> None:
        if len(self.name) > _MAX_NAME_LENGTH:
            raise PromptError(f"phrase {self.name[:40]!r}... is longer than {_MAX_NAME_LENGTH} characters: shorten it")
        if not _normalised(self.name):
            raise PromptError(f"phrase {self.name!r} has no words: write what to look for, such as 'red mug'")
        for wording in self.ask:
            if not _normalised(wording):
                raise PromptError(f"phrase {self.name!r} has a wording without words ({wording[:40]!r}): leave it out")
            if len(wording) > _MAX_NAME_LENGTH:
                text = f"phrase {self.name!r} has a wording of {len(wording)} characters ({wording[:40]!r}...)"
                raise PromptError(f"{text}: at most {_MAX_NAME_LENGTH} are read")
        if not all(_is_text(text) for text in (self.name, *self.ask)):
            raise PromptError(f"phrase {self.name!r} has bytes in it that are no text: write it in UTF-8")
        if self.threshold is not None and not 0.0 <= self.threshold <= 1.0:  # also refuses NaN
            raise PromptError(f"phrase {self.name!r} has threshold {self.threshold}: it must lie in 0..1")

    @property
    def wordings(self) -> tuple[str, ...]:
        """The wordings for the model, at least one, in lower case and without closing marks."""
        return tuple(_normalised(text) for text in (self.ask or (self.name,)))

    @property
    def spoken(self) -> str:
        """The normalised name, which is equal for two phrases that the model cannot tell apart."""
        return _normalised(self.name)


@dataclass(frozen=True, slots=True)
class Prompt:
    """The phrases of one request, in order.

    Args:
        hash: 16 hex digits, equal exactly for prompts with equal phrases. Computed once, since every picture uses it.

    Raises:
        PromptError: no phrase, only negative ones, or the same name twice.
    """

    phrases: tuple[Phrase, ...]
    hash: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not any(not phrase.negative for phrase in self.phrases):
            raise PromptError("the prompt asks for nothing: write phrases such as 'red mug . blue cube'")
        if len(self.phrases) > MAX_PHRASES:
            raise PromptError(f"the prompt has {len(self.phrases)} phrases: at most {MAX_PHRASES} can be asked at once")
        if (wordings := sum(max(1, len(phrase.ask)) for phrase in self.phrases)) > MAX_WORDINGS:
            raise PromptError(f"the prompt has {wordings} wordings: at most {MAX_WORDINGS} can be asked at once")
        spoken_names: set[str] = set()
        for phrase in self.phrases:
            if phrase.spoken in spoken_names:
                raise PromptError(f"phrase {phrase.name!r} is asked for twice: name it once")
            spoken_names.add(phrase.spoken)
        object.__setattr__(self, "hash", self._hash())

    @classmethod
    def parse(cls, text: str) -> Prompt:
        """Read 'red mug . blue cube'. A '.' between spaces, ';' or a new line separates phrases.

        Every other dot belongs to its word: '3.5 mm jack . U.S. flag' has two phrases. Without any such separator, a
        dot after a word separates too, as in the published 'a cat. a remote control.', but not after 'U.S.'.

        Raises:
            PromptError: no phrase, commas instead of '.', or too long a text.
        """
        if len(text) > MAX_TEXT:
            raise PromptError(f"the prompt has {len(text)} characters: at most {MAX_TEXT} are read")
        parts = _SEPARATOR.split(text.strip())
        names = [name for piece in (parts if len(parts) > 1 else _sentences(text)) if (name := _name(piece))]
        if any(_COMMA.search(name) for name in names):
            suggestion = " . ".join(part.strip() for name in names for part in _COMMA.split(name) if part.strip())
            raise PromptError(f"part the phrases of a prompt with ' . ', not with ',': did you mean {suggestion!r}?")
        return cls(tuple(Phrase(name) for name in names))

    @classmethod
    def of(cls, phrases: str | Sequence[str | Phrase]) -> Prompt:
        """A prompt from a string with ' . ' or from a list of phrases."""
        if isinstance(phrases, str):
            return cls.parse(phrases)
        return cls(tuple(phrase if isinstance(phrase, Phrase) else Phrase(phrase) for phrase in phrases))

    @classmethod
    def whole(cls, sentence: str) -> Prompt:
        """A prompt of one phrase: a whole sentence such as 'the left red mug'."""
        return cls((Phrase(" ".join(sentence.split())),))

    @property
    def names(self) -> tuple[str, ...]:
        """The names that detections may carry: those of all phrases that are not negative."""
        return tuple(phrase.name for phrase in self.phrases if not phrase.negative)

    def _hash(self) -> str:
        content = [[p.name, list(p.ask), p.threshold, p.negative] for p in self.phrases]
        return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()[:16]


def checked_threshold(threshold: float) -> float:
    """The threshold, after a check that it lies in 0..1.

    Raises:
        PromptError: NaN, or outside 0..1.
    """
    if math.isnan(threshold) or not 0.0 <= threshold <= 1.0:
        raise PromptError(f"threshold {threshold} must lie in 0..1")
    return threshold


def _sentences(text: str) -> list[str]:
    """The text split after every word that ends with a dot, except initials such as 'U.S.'."""
    parts: list[list[str]] = [[]]
    for word in text.split():
        parts[-1].append(word)
        if word.endswith(".") and not _INITIALS.fullmatch(word):
            parts.append([])
    return [" ".join(words) for words in parts]


def _name(piece: str) -> str:
    """A phrase as its label: single spaces, and no dot at its end except that of initials such as 'U.S.'."""
    words = piece.split()
    return " ".join(words) if words and _INITIALS.fullmatch(words[-1]) else " ".join(words).rstrip(".")


def _is_text(text: str) -> bool:
    """False for half a surrogate pair, which a command line or JSON can contain and which cannot be encoded."""
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def _normalised(text: str) -> str:
    """Lower case, single spaces, no closing marks, and no words that consist of such marks alone."""
    words = [word for word in text.lower().split() if word.strip(_ENDING)]
    return " ".join(words).rstrip(_ENDING)
