"""Vocabulary files: other wordings of a class (synonyms, plurals), and classes that may be true of one object.

{"mobile phone": {"wordings": ["cell phone", "phone", "mobile phones"]},
 "bottle": {"wordings": ["bottles"], "overlaps": ["soda bottle"]}}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from .coco_records import CocoError, Record


@dataclass(frozen=True, slots=True)
class ClassWords:
    """The content of a vocabulary file.

    Args:
        synonyms: a class's own wording -> its other wordings.
        overlaps: a class's own wording -> the classes that may be true of the same object; symmetric.
    """

    synonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    overlaps: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])

    def wordings_of(self, wording: str) -> tuple[str, ...]:
        """The class's own wording and its others."""
        return (wording, *self.synonyms.get(wording, ()))


def read_class_words(path: Path) -> ClassWords:
    """
    Raises:
        CocoError: the file is missing, is not JSON, or has another form.
    """
    try:
        content = cast("object", json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise CocoError(f"words {path} cannot be read ({error.strerror}): name a JSON file") from error
    except ValueError as error:
        raise CocoError(f"words {path} are not JSON ({error}): mend the file") from error
    if not isinstance(content, dict):
        raise CocoError(f"words {path} must hold an object with a field for each class")
    synonyms: dict[str, tuple[str, ...]] = {}
    overlaps: dict[str, set[str]] = {}
    for name in cast("dict[str, object]", content):
        record = Record(f"{path}, {name!r}", cast("dict[str, object]", content)).part(name)
        unknown = set(record.values) - {"wordings", "overlaps"}
        if unknown:
            raise record.error(f"{min(unknown)!r} is unknown: write 'wordings' or 'overlaps'")
        if record.values.get("wordings"):
            synonyms[name] = record.texts("wordings")
        for other in record.texts("overlaps") if record.values.get("overlaps") else ():
            overlaps.setdefault(name, set()).add(other)
            overlaps.setdefault(other, set()).add(name)
    return ClassWords(synonyms, {name: frozenset(own) for name, own in overlaps.items()})
