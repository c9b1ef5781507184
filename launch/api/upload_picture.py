"""Upload picture: the bytes of an uploaded picture, decoded to RGB within limits."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...model.pictures.memory_file import memory_file
from ...model.pictures.still_picture import StillError, read_header, read_pictures
from ...stream.wire.jpeg_scans import MAX_SCANS, has_too_many_scans
from .api_error import ApiError

MAX_PICTURE_PIXELS = 40_000_000
_JPEG_START = b"\xff\xd8"


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture as a caller sent it.

    Args:
        name: the caller's name for it; may be empty.
        data: the bytes of a picture file.
    """

    name: str
    data: bytes


def decode_upload(upload: Upload) -> NDArray[np.uint8]:
    """(h, w, 3) uint8 RGB, upright: the first picture of the file.

    Raises:
        ApiError: it is no picture, cut off, or too large to be decoded for a stranger.
    """
    if not upload.data:
        raise _unreadable(upload, "it is empty")
    if upload.data.startswith(_JPEG_START) and has_too_many_scans(memoryview(upload.data)):
        raise _unreadable(upload, f"the JPEG has more than {MAX_SCANS} scans: encode it with fewer")
    with _as_file(upload) as path:
        _count_pixels(upload, path)
        return next(read_pictures(path, only_first=True)).image


def count_pixels(upload: Upload) -> int:
    """How many pixels the first picture of the file will have, by its header.

    Raises:
        ApiError: it is no picture, or has too many.
    """
    with _as_file(upload) as path:
        return _count_pixels(upload, path)


def _count_pixels(upload: Upload, path: Path) -> int:
    header = read_header(path, only_first=True)
    if header.width * header.height > MAX_PICTURE_PIXELS:
        size = f"{header.width}x{header.height} px"
        raise _unreadable(upload, f"it has {size}, at most {MAX_PICTURE_PIXELS} are read: make it smaller")
    return header.width * header.height


@contextmanager
def _as_file(upload: Upload) -> Generator[Path]:
    """The upload as a file, with an `ApiError` for what is wrong with it."""
    try:
        with memory_file(upload.data) as path:
            yield path
    except StillError as error:
        raise _unreadable(upload, str(error)) from error


def _unreadable(upload: Upload, why: str) -> ApiError:
    which = f"picture {upload.name[:100]!r}" if upload.name else "the picture"
    return ApiError(422, "bad_picture", f"{which} cannot be read: {why}")
