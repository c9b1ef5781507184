"""Referring expressions in COCO's format: sentences, each for one object of a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from .coco_data import CheckedFile, CocoPicture, check_box, check_pictures, read_pictures, refuse
from .coco_records import CocoError, Record, read_records

_SENTENCE_KEYS = ("sentence", "caption")


@dataclass(frozen=True, slots=True)
class Referral:
    """One sentence and its object.

    Args:
        number: its index in the file, from 0.
        picture: the picture of the object.
        sentence: as the file writes it.
        box_xywh: the object: left, top, width, height, px.
    """

    number: int
    picture: CocoPicture
    sentence: str
    box_xywh: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class ReferralData:
    """A data set of referring expressions, checked.

    Args:
        source: its file; odd boxes are counted in all of it.
        referrals: those that are used, in the file's order.
    """

    source: CheckedFile
    referrals: tuple[Referral, ...]


def read_referrals(
    annotations: Path, folder: Path, *, limit: int | None = None, keep_odd_boxes: bool = False
) -> ReferralData:
    """Read and check sentences, and check that every picture exists.

    A sentence stands with its annotation (`sentence`, `caption`, or a list `sentences` of texts or of objects with
    `sent` or `raw`), or with an image that has one annotation.

    Args:
        annotations: the JSON file.
        folder: what its `file_name` are relative to.
        limit: use only the first sentences.
        keep_odd_boxes: see `read_coco`.

    Raises:
        CocoError: something does not fit; the text names the file and the record.
    """
    file = read_records(annotations)
    known = read_pictures(file, folder)
    captions = {record.whole("id"): _sentences(record) for record in file.images}
    counts = Counter(record.whole("image_id") for record in file.annotations)
    referrals: list[Referral] = []
    odd: list[CocoError] = []
    for record in file.annotations:
        number = record.whole("image_id")
        if number not in known:
            raise record.error(f"its image {number} is not in the list of images")
        if (fault := check_box(record, known[number])) is not None:
            odd.append(fault)
        sentences = _sentences(record) or _caption(record, captions[number], counts[number])
        for sentence in sentences:
            referrals.append(Referral(len(referrals), known[number], sentence, record.box_xywh()))
    if odd and not keep_odd_boxes:
        raise refuse(odd)
    if not referrals:
        raise CocoError(f"annotations {annotations} hold no annotation with a sentence: name another file")
    used = tuple(referrals[:limit])
    turned = check_pictures(list({one.picture.number: one.picture for one in used}.values()), file, folder)
    return ReferralData(CheckedFile(annotations, file.sha256, len(odd), turned), used)


def _caption(record: Record, sentences: Sequence[str], annotations: int) -> Sequence[str]:
    """The image's sentence, if this is the image's only annotation."""
    if not sentences:
        raise record.error("neither it nor its image has a 'sentence' or a 'caption'")
    if annotations > 1:
        raise record.error(f"its image's sentence could mean any of {annotations} annotations: write it with one")
    return sentences


def _sentences(record: Record) -> list[str]:
    """The record's own sentences; empty without any."""
    for key in _SENTENCE_KEYS:
        if record.has(key):
            return [record.text(key)]
    listed = record.values.get("sentences")
    if not isinstance(listed, list):
        return []
    return [_spoken(record, entry) for entry in cast("list[object]", listed)]


def _spoken(record: Record, entry: object) -> str:
    if isinstance(entry, dict):
        fields = cast("dict[str, object]", entry)
        entry = fields.get("sent") or fields.get("raw")
    if not isinstance(entry, str) or not entry.strip():
        raise record.error("'sentences' must list texts, or objects with 'sent' or 'raw'")
    return entry
