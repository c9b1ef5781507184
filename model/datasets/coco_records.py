"""COCO records: typed access to a COCO file's JSON, with errors that name the record and field."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast


class CocoError(ValueError):
    """Annotations or their pictures cannot be used; the text names the file and the record."""


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of a list in the file.

    Args:
        where: the file and the entry, for errors.
        values: the entry itself.
    """

    where: str
    values: Mapping[str, object]

    def has(self, key: str) -> bool:
        """Whether the field is there and not null."""
        return self.values.get(key) is not None

    def whole(self, key: str) -> int:
        value = self.values.get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._unlike(key, "a whole number")
        return value

    def text(self, key: str) -> str:
        value = self.values.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self._unlike(key, "text")
        return value

    def number(self, key: str) -> float:
        value = _number(self.values.get(key))
        if value is None:
            raise self._unlike(key, "a number")
        return value

    def wholes(self, key: str) -> tuple[int, ...]:
        values = _list(self.values.get(key))
        if values is None or any(not isinstance(value, int) or isinstance(value, bool) for value in values):
            raise self._unlike(key, "a list of whole numbers")
        return tuple(cast("Sequence[int]", values))

    def box_xywh(self) -> tuple[float, float, float, float]:
        """The field `bbox`: left, top, width, height, px."""
        return self._four(self.values.get("bbox"), "four numbers (left, top, width, height)")

    def boxes_xyxy(self) -> list[tuple[float, float, float, float]]:
        """The field `bbox`, one box or a list of them: left, top, right, bottom, px."""
        values = _list(self.values.get("bbox"))
        boxes = values if values and all(_list(value) is not None for value in values) else [values]
        return [self._four(box, "four numbers (left, top, right, bottom), or a list of such") for box in boxes]

    def texts(self, key: str) -> tuple[str, ...]:
        """One text, or a list of at least one."""
        values = _list(self.values.get(key)) or [self.values.get(key)]
        if any(not isinstance(value, str) or not value.strip() for value in values):
            raise self._unlike(key, "text, or a list of texts")
        return tuple(cast("Sequence[str]", values))

    def part(self, key: str) -> Record:
        """An object within this one."""
        value = self.values.get(key)
        if not isinstance(value, dict):
            raise self._unlike(key, "an object with fields")
        return Record(f"{self.where}, {key}", cast("dict[str, object]", value))

    def parts(self, key: str) -> list[Record]:
        """The objects of a list within this one."""
        values = _list(self.values.get(key))
        if values is None or any(not isinstance(value, dict) for value in values):
            raise self._unlike(key, "a list of objects with fields")
        named = enumerate(cast("list[dict[str, object]]", values))
        return [Record(f"{self.where}, entry {row} of {key!r} (counted from 0)", value) for row, value in named]

    def _four(self, value: object, wanted: str) -> tuple[float, float, float, float]:
        values = _list(value) or []
        numbers = [number for number in map(_number, values) if number is not None]
        if len(values) != 4 or len(numbers) != 4:
            raise self._unlike("bbox", wanted)
        return numbers[0], numbers[1], numbers[2], numbers[3]

    def error(self, said: str) -> CocoError:
        """An error about this record."""
        return CocoError(f"{self.where}: {said}")

    def _unlike(self, key: str, wanted: str) -> CocoError:
        if key not in self.values:
            return self.error(f"{key!r} is missing, which must be {wanted}")
        return self.error(f"{key!r} is {json.dumps(self.values[key])[:60]}, which must be {wanted}")


@dataclass(frozen=True, slots=True)
class CocoFile:
    """The lists of one file.

    Args:
        path: the file.
        sha256: of its bytes.
        images, annotations, categories: its lists; `categories` may be empty.
        licenses: what the numbers stand for that images name their licence by.
    """

    path: Path
    sha256: str
    images: tuple[Record, ...]
    annotations: tuple[Record, ...]
    categories: tuple[Record, ...]
    licenses: tuple[Record, ...] = ()


def read_records(path: Path) -> CocoFile:
    """Read a file in COCO's format (https://cocodataset.org/#format-data).

    Raises:
        CocoError: it is missing, is not JSON, or does not hold COCO's lists.
    """
    try:
        raw = path.read_bytes()
        content = cast("object", json.loads(raw))
    except OSError as error:
        raise CocoError(f"annotations {path} cannot be read ({error.strerror}): name a JSON file") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise CocoError(
            f"annotations {path} are not JSON ({place}: {error.msg}): fetch or export them again"
        ) from error
    except UnicodeDecodeError as error:
        raise CocoError(f"annotations {path} are not JSON (no text): name the JSON file") from error
    if not isinstance(content, dict):
        raise CocoError(f"annotations {path} do not hold COCO's lists 'images', 'annotations' and 'categories'")
    values = cast("dict[str, object]", content)
    images, annotations = (_records(path, values, key) for key in ("images", "annotations"))
    categories = _records(path, values, "categories") if "categories" in values else ()
    if not images:
        raise CocoError(f"annotations {path} list no images: name another file")
    licenses = [cast("dict[str, object]", one) for one in _list(values.get("licenses")) or [] if isinstance(one, dict)]
    named = tuple(Record(f"{path}, entry {row} of 'licenses'", one) for row, one in enumerate(licenses))
    return CocoFile(path, hashlib.sha256(raw).hexdigest(), images, annotations, categories, named)


def _records(path: Path, values: Mapping[str, object], key: str) -> tuple[Record, ...]:
    entries = _list(values.get(key))
    if entries is None:
        raise CocoError(f"annotations {path} have no list {key!r}: is it a file in COCO's format?")
    singular = {"images": "image", "annotations": "annotation", "categories": "category"}[key]
    records: list[Record] = []
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise CocoError(f"{path}, entry {number} of {key!r} (counted from 0): it must be an object with fields")
        fields = cast("dict[str, object]", entry)
        own = fields.get("id")
        name = f"{singular} {own}" if isinstance(own, int) else f"entry {number} of {key!r} (counted from 0)"
        records.append(Record(f"{path}, {name}", fields))
    return tuple(records)


def _list(value: object) -> list[object] | None:
    return cast("list[object]", value) if isinstance(value, list) else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
