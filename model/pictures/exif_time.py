"""EXIF time: when a camera says that a picture was taken."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from .still_picture import StillError, open_picture

_EXIF_IFD = 0x8769
_ORIGINAL, _DIGITIZED, _CHANGED = 0x9003, 0x9004, 0x0132  # EXIF 2.32: DateTimeOriginal, DateTimeDigitized, DateTime
_FORM = re.compile(r"\d{4}[:-]\d\d[:-]\d\d[ T]\d\d:\d\d:\d\d")


def read_capture_time(path: Path) -> str | None:
    """The camera's local time, `YYYY-MM-DD HH:MM:SS`; None where the file has none that can be.

    The time of the original is taken first, then that of digitizing, then that of the last change.
    """
    try:
        with open_picture(path) as opened:
            if "exif" not in opened.info and opened.format != "TIFF":
                return None
            exif = opened.getexif()
            inner = exif.get_ifd(_EXIF_IFD)
            times = (
                _readable(tags.get(tag)) for tags, tag in ((inner, _ORIGINAL), (inner, _DIGITIZED), (exif, _CHANGED))
            )
            return next((time for time in times if time is not None), None)
    except StillError:
        return None


def _readable(value: object) -> str | None:
    text = value.strip("\0 ")[:19] if isinstance(value, str) else ""
    if not _FORM.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(f"{text[:10].replace(':', '-')} {text[11:]}").isoformat(" ")
    except ValueError:  # zeros where the clock was never set
        return None
