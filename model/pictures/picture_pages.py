"""Picture pages: which pictures of an opened file are meant to be seen."""

from __future__ import annotations

from collections.abc import Sequence

from PIL.ImageFile import ImageFile

_SUBFILE_TAG = 254
_SMALLER_COPY_OR_MASK = 0b101  # bits of TIFF's tag 254
_MAX_COPIES = 16  # before the first picture of a TIFF


def page_numbers(opened: ImageFile) -> Sequence[int]:
    """The indices of the pictures that are no smaller copy or mask of another.

    A GIF or TIFF is read through for it. Other files state a number, which need not be true.
    """
    count = int(getattr(opened, "n_frames", 1))
    if opened.format in ("JPEG", "MPO") or count == 1:  # the other pictures of an MPO are previews and depth maps
        return [0]
    if opened.format == "TIFF":
        pages = [page for page in range(count) if _is_meant(opened, page)]
        opened.seek(0)
        return pages or [0]
    return range(_first_frame(opened), count)


def first_page(opened: ImageFile) -> int:
    """The first of `page_numbers`, found without reading the whole file."""
    if opened.format == "TIFF":
        return next((page for page in range(_MAX_COPIES) if _is_meant(opened, page)), 0)
    return 0 if opened.format in ("JPEG", "MPO", "GIF") else _first_frame(opened)


def _is_meant(opened: ImageFile, page: int) -> bool:
    """Whether a page of a TIFF is there, and no smaller copy or mask."""
    try:
        opened.seek(page)
    except EOFError:
        return False
    return not int(getattr(opened, "tag_v2", {}).get(_SUBFILE_TAG, 0)) & _SMALLER_COPY_OR_MASK


def _first_frame(opened: ImageFile) -> int:
    """1 where an APNG has another picture for viewers without animation."""
    return int(bool(opened.info.get("default_image")))
