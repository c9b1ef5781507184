"""Still pictures: files and bytes of any kind and orientation, decoded to upright 8-bit RGB, or refused by name."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import struct
import threading
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import IO, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile

from .jpeg_file import orientation_in_exif, read_jpeg_header
from .orientation import UPRIGHT, swaps_sides, turn_upright
from .pixel_kinds import rgb_of_pillow
from .png_file import png_orientation, png_transfer
from .tone_mapping import Transfer, tone_map, transfer_of

Rgb = NDArray[np.uint8]

PICTURE_SUFFIXES = frozenset(
    {".apng", ".avif", ".avifs", ".bmp", ".dib", ".gif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".mpo"}
    | {".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"}
    | {".heic", ".heif", ".jxl"}  # which are refused by name
)
"""Suffixes, in lower case, of files that are read as pictures; all others are videos, or none of ours."""

MAX_PIXELS = 2**28
"""Of a picture that is read at its full size."""

_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "DIB", "TIFF", "JPEG2000", "PPM", "TGA")
_ORIENTATION_TAG, _SUBFILE_TAG = 0x0112, 254
_SMALLER_COPY_OR_MASK = 0b101  # bits of TIFF's tag 254
_MIN_MS, _USUAL_MS = 20.0, 100.0  # browsers show what claims to be shorter for as long as this
_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_CUT_OFF = "the JPEG is cut off: its end is missing"
_AVIF_HEAD_BYTES = 65_536
_OPENING = threading.Lock()
_UNREADABLE = (
    *(OSError, EOFError, ValueError, SyntaxError, LookupError, TypeError, ArithmeticError, RuntimeError),
    *(struct.error, zlib.error, Image.DecompressionBombError),
)


class StillError(ValueError):
    """What should be a picture cannot be read, or only a part of it; the text says why, not which file it is."""


@dataclass(frozen=True, slots=True)
class StillHeader:
    """What a file says of its pictures before any is decoded.

    Args:
        width, height: of the first, px, upright.
        pages: how many pictures it holds: the frames of an animation, the pages of a TIFF.
        orientation: as EXIF counts, 1 to 8: how pixels are stored.
        moves: several pictures are the frames of an animation, else pages.
        kind: jpeg, png, tiff and so on.
    """

    width: int
    height: int
    pages: int
    orientation: int
    moves: bool
    kind: str


@dataclass(frozen=True, slots=True)
class StillPicture:
    """A picture as it was read.

    Args:
        image: (h, w, 3) uint8 RGB, upright.
        width, height: of the file's upright picture, px; larger than `image` where it was made smaller while it was
            read.
        pages: how many pictures the file holds.
        shown_ms: how long an animation shows it; None where the file does not say.
    """

    image: Rgb
    width: int
    height: int
    pages: int = 1
    shown_ms: float | None = None


def read_header(path: Path) -> StillHeader:
    """What a file says of its pictures.

    Raises:
        StillError: there is none in it.
    """
    with _opened(path) as opened:
        orientation = _stored_orientation(opened)
        width, height = opened.size
        if swaps_sides(orientation) and opened.format != "TIFF":  # whose size Pillow states upright
            width, height = height, width
        pages = len(_pages(opened))
        moves, kind = pages > 1 and opened.format != "TIFF", (opened.format or "").lower()
        return StillHeader(width, height, pages, orientation, moves, kind)


def read_pictures(path: Path, max_pixels: int | None = None) -> Iterator[StillPicture]:
    """Every picture of a file in order: the frames of an animation, the pages of a TIFF, else the one.

    Args:
        path: the file.
        max_pixels: a larger picture is made smaller while it is read; None refuses one of more than `MAX_PIXELS`.

    Raises:
        StillError: there is no picture, or only a part of one.
    """
    with _opened(path) as opened:
        pages = _pages(opened)
        orientation = UPRIGHT if opened.format == "TIFF" else _stored_orientation(opened)
        if max_pixels is None and opened.width * opened.height > MAX_PIXELS:
            raise StillError(
                f"it has {opened.width}x{opened.height} px, at most {MAX_PIXELS} are read: make it smaller"
            )
        hdr = _hdr_transfer(opened)
        for page in pages:
            still = _read_jpeg(path, opened, max_pixels) or _read_page(opened, page, orientation, max_pixels)
            image = still.image if hdr is None else tone_map(still.image.astype(np.uint16) * np.uint16(257), hdr)
            yield replace(still, image=image, pages=len(pages))


def read_one_picture(path: Path) -> Rgb:
    """(h, w, 3) uint8 RGB, upright, of a file that holds one picture.

    Raises:
        StillError: it holds none, a part of one, or several.
    """
    first = next(read_pictures(path))
    if first.pages > 1:
        raise StillError(f"it holds {first.pages} pictures, where one is meant: save the one that is")
    return first.image


def check_whole(path: Path) -> None:
    """See that a file holds the end of its picture. Pixels are decoded only where its bytes alone do not tell.

    Raises:
        StillError: it does not.
    """
    with _said(), path.open("rb") as file:
        head = file.read(12)
        file.seek(0, 2)
        size = file.tell()
        file.seek(max(0, size - len(_PNG_END)))
        tail = file.read()
    if head.startswith(b"\x89PNG") and tail == _PNG_END:
        return
    if head.startswith(b"RIFF") and head[8:] == b"WEBP" and size >= 8 + int.from_bytes(head[4:8], "little"):
        return
    if head.startswith(_JPEG_START):
        if not tail.endswith(_JPEG_END):
            header = read_jpeg_header(path.read_bytes())
            if header is None or not header.is_whole:
                raise StillError(_CUT_OFF)
        return
    for _ in read_pictures(path):
        pass


def decode_jpeg(data: bytes, *, upright: bool = True) -> Rgb:
    """(h, w, 3) uint8 RGB of a JPEG.

    Args:
        data: its bytes.
        upright: turn it as its EXIF says.

    Raises:
        StillError: it is no JPEG, is cut off, or cannot be decoded.
    """
    header = read_jpeg_header(data)
    if header is None:
        raise StillError("it is no JPEG that states its size")
    if not header.is_whole:
        raise StillError(_CUT_OFF)
    if header.channels in (1, 3):
        try:
            decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
        except cv2.error:
            decoded = None
        image = cast("Rgb | None", decoded)
    else:
        with _said(), Image.open(BytesIO(data), formats=("JPEG",)) as opened:
            image = rgb_of_pillow(opened)
    if image is None or image.shape[:2] != (header.height, header.width):
        raise StillError("the JPEG is damaged, or of a rare kind: save it anew with 8 bits and usual coding")
    return turn_upright(image, header.orientation) if upright else image


@contextmanager
def _opened(path: Path) -> Generator[ImageFile]:
    with _said(), path.open("rb") as file:
        with _OPENING:  # Pillow keeps its limit, which refuses large pictures, for all threads
            limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                opened = Image.open(file, formats=_FORMATS)
            finally:
                Image.MAX_IMAGE_PIXELS = limit
        with opened:
            yield opened


@contextmanager
def _said() -> Generator[None]:
    """Whatever a decoder stumbles over is said in one sentence."""
    try:
        yield
    except StillError:
        raise
    except UnidentifiedImageError as error:
        raise StillError("it is no picture of a kind that is read: convert it to JPEG or PNG") from error
    except MemoryError as error:
        raise StillError("it is larger than the memory: make it smaller first") from error
    except _UNREADABLE as error:
        raise StillError(str(error).strip() or type(error).__name__) from error


def _pages(opened: ImageFile) -> list[int]:
    """The numbers of those pictures that are more than a smaller copy or a mask of another."""
    count = int(getattr(opened, "n_frames", 1))
    if opened.format in ("JPEG", "MPO") or count == 1:  # an MPO's others are previews and depth maps
        return [0]
    if opened.format == "TIFF":
        kinds: dict[int, int] = {}
        for page in range(count):
            opened.seek(page)
            kinds[page] = int(getattr(opened, "tag_v2", {}).get(_SUBFILE_TAG, 0))
        opened.seek(0)
        return [page for page, kind in kinds.items() if not kind & _SMALLER_COPY_OR_MASK] or [0]
    is_apart = bool(opened.info.get("default_image"))  # an APNG's picture for those who cannot play it
    return list(range(int(is_apart), count))


def _stored_orientation(opened: ImageFile) -> int:
    """As EXIF counts; asked before pixels are decoded. A TIFF's is heeded by Pillow itself when it decodes them."""
    if opened.format in ("JPEG", "MPO"):
        return orientation_in_exif(opened.info.get("exif", b""))
    if opened.format == "PNG":  # of which Pillow would decode all pixels before it answers
        return png_orientation(cast("IO[bytes]", opened.fp))
    orientation = opened.getexif().get(_ORIENTATION_TAG, UPRIGHT)
    return orientation if isinstance(orientation, int) else UPRIGHT


def _hdr_transfer(opened: ImageFile) -> Transfer | None:
    """The curve of an HDR picture, of which Pillow says nothing; asked before pixels are decoded."""
    file = cast("IO[bytes]", opened.fp)
    if opened.format == "PNG":
        return transfer_of(png_transfer(file))
    if opened.format == "AVIF":  # ISO/IEC 14496-12, 12.1.5: 'colr', 'nclx', primaries, transfer, matrix
        file.seek(0)
        head = file.read(_AVIF_HEAD_BYTES)
        place = head.find(b"colrnclx")
        return None if place < 0 else transfer_of(int.from_bytes(head[place + 10 : place + 12], "big"))
    return None


def _read_jpeg(path: Path, opened: ImageFile, max_pixels: int | None) -> StillPicture | None:
    """A JPEG of usual size; None where it is something else."""
    if opened.format not in ("JPEG", "MPO") or (max_pixels and opened.width * opened.height > max_pixels):
        return None
    image = decode_jpeg(path.read_bytes())
    return StillPicture(image, image.shape[1], image.shape[0])


def _read_page(opened: ImageFile, page: int, orientation: int, max_pixels: int | None) -> StillPicture:
    if page != opened.tell():
        opened.seek(page)
    width, height = opened.size
    shrink = max(1.0, (width * height / max_pixels) ** 0.5) if max_pixels else 1.0
    small = max(1, round(width / shrink)), max(1, round(height / shrink))
    if shrink > 1.0:
        opened.draft("RGB", small)  # a JPEG is decoded at a half, a quarter or an eighth of its size
    opened.load()
    image = rgb_of_pillow(opened)
    if shrink > 1.0:
        image = np.array(Image.fromarray(image).resize(small, Image.Resampling.BOX), np.uint8)
    if swaps_sides(orientation):
        width, height = height, width
    shown = opened.info.get("duration")
    shown_ms = None if not isinstance(shown, int | float) else float(shown) if shown >= _MIN_MS else _USUAL_MS
    return StillPicture(turn_upright(image, orientation), width, height, shown_ms=shown_ms)
