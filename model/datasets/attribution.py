"""Attribution: which sets and licences the pictures of a COCO file state, and which of them ask to be named."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .coco_records import CocoFile, Record, read_records

_ASKING = (  # the first that fits a licence's text says what it asks for
    (r"\bby-sa\b|share ?alike", "attribution, and the same licence for adaptations"),
    (r"\bcc[ -]by|creative commons attribution|attribution", "attribution"),
    (r"apache|\bmit\b|\bbsd\b", "its notice"),
    (r"public domain|\bcc0\b|no known copyright|unlicense", "nothing"),
)
_UNKNOWN = "not known: look it up"
_PAGES = ("flickr_url", "coco_url")


@dataclass(frozen=True, slots=True)
class Attribution:
    """The pictures of one set under one licence.

    Args:
        part_of: the set, as an image's `set` says; '' where it says nothing.
        license: as stated; '' where nothing is.
        pictures: how many.
        origins: where they come from: repositories, or what `source` says before the file.
        pages: addresses of single pictures.
    """

    part_of: str
    license: str
    pictures: int
    origins: tuple[str, ...]
    pages: tuple[str, ...]

    @property
    def asks_for(self) -> str:
        """What the licence asks of those who pass the pictures on, or weights learnt from them."""
        text = self.license.lower()
        return next((asked for pattern, asked in _ASKING if re.search(pattern, text)), _UNKNOWN)


def attributions(file: CocoFile) -> list[Attribution]:
    """By set and licence, in alphabetical order; none where no image states a licence, a set or a source."""
    names = {record.values.get("id"): _license_name(record) for record in file.licenses}
    groups: dict[tuple[str, str], list[Record]] = {}
    for image in file.images:
        stated = image.values.get("license")
        license_ = names.get(stated, "") if isinstance(stated, int) else str(stated or "")
        groups.setdefault((str(image.values.get("set") or ""), license_), []).append(image)
    found = [
        Attribution(part_of, license_, len(images), _origins(images), _pages(images))
        for (part_of, license_), images in sorted(groups.items())
    ]
    return found if any(one.part_of or one.license or one.origins for one in found) else []


def write_attributions(annotations: Sequence[Path], path: Path) -> bool:
    """Write a Markdown file that a model's card can include; returns whether there was anything to write.

    Args:
        annotations: files in COCO's format.
        path: of the Markdown.

    Raises:
        CocoError: annotations cannot be read.
        OSError: the file cannot be written.
    """
    stated = [(file.name, attributions(read_records(file))) for file in annotations]
    parts = [_section(name, found) for name, found in stated if found]
    if parts:
        path.write_text("# Pictures that the weights learnt from\n\n" + "\n".join(parts), encoding="utf-8")
    return bool(parts)


def _section(name: str, found: Sequence[Attribution]) -> str:
    lines = [f"## {name}", "", "| set | pictures | licence, as stated | asks for | from |", "|---|---|---|---|---|"]
    for one in found:
        cells = (one.part_of, str(one.pictures), one.license, one.asks_for, ", ".join(one.origins))
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    pages = [(one.license, page) for one in found if one.asks_for.startswith("attribution") for page in one.pages]
    if pages:
        lines += ["", "Single pictures whose licence asks for attribution:", ""]
        lines += [f"* <{page}>, {license_}" for license_, page in pages]
    return "\n".join(lines) + "\n"


def _license_name(record: Record) -> str:
    return " ".join(str(record.values[key]) for key in ("name", "url") if record.has(key))


def _origins(images: Sequence[Record]) -> tuple[str, ...]:
    """What stands before the file's own place: 'github:owner/repository' of 'github:owner/repository:a/b.jpg'."""
    origins: set[str] = set()
    for source in (str(image.values["source"]) for image in images if image.has("source")):
        before = source.rpartition(":")[0]
        origins.add(before if ":" in before else source)
    return tuple(sorted(origins))


def _pages(images: Sequence[Record]) -> tuple[str, ...]:
    return tuple(
        str(next(image.values[key] for key in _PAGES if image.has(key)))
        for image in images
        if any(image.has(key) for key in _PAGES)
    )
