"""Reads an untrusted map: every value has the stated type and range, or a MessageError names its key."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeVar, cast

from .packing import MAX_LIST_LENGTH
from .topics import MessageError

_MAX_INTEGER = 2**63 - 1
_MAX_TEXT_LENGTH = 4096

T = TypeVar("T")
Word = TypeVar("Word", bound=str)


class Fields:
    """One map of a message. Unknown keys are ignored.

    Args:
        value: as msgpack decoded it.
        path: its place in the message, such as "frame"; "" for the message itself.

    Raises:
        MessageError: (from here and from every method) one sentence that names the key.
    """

    def __init__(self, value: object, path: str = "") -> None:
        if not isinstance(value, dict):
            raise MessageError(f"{path or 'the message'} must be a map, but is {_kind(value)}")
        self._values = cast("Mapping[object, object]", value)
        self._path = path

    def maybe(self, read: Callable[[str], T], key: str) -> T | None:
        """`read(key)`, or None where the key is absent."""
        return read(key) if key in self._values else None

    def names(self) -> tuple[str, ...]:
        """The map's own keys, which are texts."""
        return tuple(self._text("a key", key) for key in self._values)

    def anything(self, key: str) -> object:
        """The value, unchecked."""
        return self._get(key)

    def is_null(self, key: str) -> bool:
        """Whether the key is there and its value is null, as that of `detected_xyxy` may be."""
        return self._get(key) is None

    def integer(self, key: str, minimum: int = 0) -> int:
        return self._integer(key, self._get(key), minimum)

    def number(self, key: str, minimum: float = -math.inf, maximum: float = math.inf) -> float:
        number = self._number(key, self._get(key))
        if not minimum <= number <= maximum:
            raise MessageError(f"{self._name(key)} must lie in {minimum}..{maximum}")
        return number

    def text(self, key: str) -> str:
        return self._text(key, self._get(key))

    def flag(self, key: str) -> bool:
        value = self._get(key)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false", value)
        return value

    def blob(self, key: str) -> bytes:
        value = self._get(key)
        if not isinstance(value, bytes):
            raise self._wrong(key, "bytes", value)
        return value

    def word(self, key: str, words: tuple[Word, ...]) -> Word:
        """One of a few known texts."""
        value = self._get(key)
        for known in words:
            if known == value:
                return known
        raise MessageError(f"{self._name(key)} must be one of {', '.join(words)}")

    def fields(self, key: str) -> Fields:
        return Fields(self._get(key), self._name(key))

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple([self._text(key, item) for item in self.items(key)])

    def integers(self, key: str, count: int, minimum: int) -> tuple[int, ...]:
        return tuple([self._integer(key, item, minimum) for item in self.items(key, count)])

    def numbers(self, key: str, count: int) -> tuple[float, ...]:
        return tuple([self._number(key, item) for item in self.items(key, count)])

    def numbers_by_name(self, key: str) -> dict[str, float]:
        """A map from any names to numbers."""
        value = self._get(key)
        if not isinstance(value, dict):
            raise self._wrong(key, "a map", value)
        inner = cast("Mapping[object, object]", value)
        return {self._text(key, name): self._number(key, number) for name, number in inner.items()}

    def items(self, key: str, count: int | None = None) -> list[object]:
        """A list, of a stated length if `count` is given."""
        value = self._get(key)
        if not isinstance(value, list):
            raise self._wrong(key, "a list", value)
        items = cast("list[object]", value)
        if count is not None and len(items) != count:
            raise MessageError(f"{self._name(key)} must have {count} entries, but has {len(items)}")
        if len(items) > MAX_LIST_LENGTH:
            raise MessageError(f"{self._name(key)} has {len(items)} entries: at most {MAX_LIST_LENGTH} may be sent")
        return items

    # The three below run for every number of every track, so they test the valid case first and build the key's full
    # name only for an error.

    def _integer(self, key: str, value: object, minimum: int) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._wrong(key, "an integer", value)
        if not minimum <= value <= _MAX_INTEGER:
            raise MessageError(f"{self._name(key)} must lie in {minimum}..{_MAX_INTEGER}")
        return value

    def _number(self, key: str, value: object) -> float:
        if isinstance(value, float):
            number = value
        elif isinstance(value, int) and not isinstance(value, bool) and abs(value) <= 2**64:
            number = float(value)
        else:
            raise self._wrong(key, "a number", value)
        if not math.isfinite(number):
            raise MessageError(f"{self._name(key)} must be a finite number")
        return number

    def _text(self, key: str, value: object) -> str:
        if not isinstance(value, str):
            raise self._wrong(key, "text", value)
        if len(value) > _MAX_TEXT_LENGTH:
            raise MessageError(f"{self._name(key)} is longer than {_MAX_TEXT_LENGTH} characters")
        return value

    def _get(self, key: str) -> object:
        try:
            return self._values[key]
        except KeyError:
            raise MessageError(f"{self._name(key)} is missing") from None

    def _wrong(self, key: str, wanted: str, value: object) -> MessageError:
        return MessageError(f"{self._name(key)} must be {wanted}, but is {_kind(value)}")

    def _name(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key


def _kind(value: object) -> str:
    return "null" if value is None else type(value).__name__
