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

from .jpeg_file import end_of_pixels, orientation_in_exif, read_jpeg_header
from .orientation import UPRIGHT, swaps_sides, turn_upright
from .picture_pages import first_page, page_numbers
from .pixel_kinds import rgb_of_pillow
from .png_file import png_orientation, png_transfer
from .tone_mapping import Transfer, tone_map, transfer_of

Rgb = NDArray[np.uint8]

PICTURE_SUFFIXES = frozenset(
    {".apng", ".avif", ".avifs", ".bmp", ".dib", ".gif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".mpo"}
    | {".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"}
    | {".heic", ".heif", ".jxl"}  # refused with an error that names the kind
)
"""Suffixes, in lower case, of files that are read as pictures; all other files are videos or not supported."""

PICTURE_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*")
"""First bytes of JPEG, PNG, GIF and TIFF."""

MAX_PIXELS = 2**28
"""The largest picture that is read at its full size, px."""

_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "DIB", "TIFF", "JPEG2000", "PPM", "TGA")
_ORIENTATION_TAG = 0x0112
_MIN_MS, _USUAL_MS = 20.0, 100.0  # browsers show frames with a shorter duration this long
_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_CUT_OFF = "the JPEG is cut off: its end is missing"
_LAST_MISSING = "the JPEG is cut off: an end marker follows, but the last pixels are missing"
_FILLED_PX, _FILLED_WITH = 8, 128  # what a decoder shows in blocks for which the data do not suffice
_PADDING = bytes(range(1, 0xFF))
_AVIF_HEAD_BYTES = 65_536
_OPENING = threading.Lock()
_UNREADABLE = (
    *(OSError, EOFError, ValueError, SyntaxError, LookupError, TypeError, ArithmeticError, RuntimeError),
    *(struct.error, zlib.error, Image.DecompressionBombError),
)


class StillError(ValueError):
    """A picture cannot be read, or not completely; the text says why, but does not name the file."""


@dataclass(frozen=True, slots=True)
class StillHeader:
    """A file's description of its pictures, read without decoding.

    Args:
        width, height: of the first picture, px, upright.
        pages: number of pictures: the frames of an animation, the pages of a TIFF.
        orientation: EXIF's orientation of the stored pixels, 1 to 8.
        is_animation: several pictures are the frames of an animation, else pages.
        kind: jpeg, png, tiff and so on.
    """

    width: int
    height: int
    pages: int
    orientation: int
    is_animation: bool
    kind: str


@dataclass(frozen=True, slots=True)
class StillPicture:
    """A decoded picture.

    Args:
        image: (h, w, 3) uint8 RGB, upright.
        width, height: of the file's upright picture, px; larger than `image` if it was reduced while reading.
        pages: number of pictures in the file.
        shown_ms: its duration in an animation; None if the file states none.
    """

    image: Rgb
    width: int
    height: int
    pages: int = 1
    shown_ms: float | None = None


def is_picture_path(path: Path) -> bool:
    """Whether a file is read as a picture: by its suffix, or by its first bytes where it has none."""
    if path.suffix:
        return path.suffix.lower() in PICTURE_SUFFIXES
    try:
        if not path.is_file():  # opening a pipe would wait for its writer
            return False
        with path.open("rb") as file:
            head = file.read(12)
    except (OSError, ValueError):
        return False
    return head.startswith(PICTURE_STARTS) or (head[:4] == b"RIFF" and head[8:] == b"WEBP")


def read_header(path: Path, *, only_first: bool = False) -> StillHeader:
    """Read the description of a file's pictures.

    Args:
        path: the file.
        only_first: do not count the others, as in `read_pictures`.

    Raises:
        StillError: the file holds no picture.
    """
    with open_picture(path) as opened:
        orientation = _stored_orientation(opened)
        width, height = opened.size
        if swaps_sides(orientation) and opened.format != "TIFF":  # Pillow gives a TIFF's size upright
            width, height = height, width
        pages = 1 if only_first else len(page_numbers(opened))
        is_animation, kind = pages > 1 and opened.format != "TIFF", (opened.format or "").lower()
        return StillHeader(width, height, pages, orientation, is_animation, kind)


def read_pictures(path: Path, max_pixels: int | None = None, *, only_first: bool = False) -> Iterator[StillPicture]:
    """Every picture of a file in order: the frames of an animation, the pages of a TIFF, else the single picture.

    Args:
        path: the file.
        max_pixels: larger pictures are reduced while reading; None refuses those of more than `MAX_PIXELS`.
        only_first: read the first alone and do not count the others. A file of a stranger can hold a million.

    Raises:
        StillError: there is no picture, or it is incomplete.
    """
    with open_picture(path) as opened:
        pages = (first_page(opened),) if only_first else page_numbers(opened)
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
    """The picture of a file that holds exactly one, (h, w, 3) uint8 RGB, upright.

    Raises:
        StillError: it holds none, an incomplete one, or several.
    """
    first = next(read_pictures(path))
    if first.pages > 1:
        raise StillError(f"it holds {first.pages} pictures, where one is meant: save the one that is")
    return first.image


def check_whole(path: Path) -> None:
    """Check that a file holds its whole picture. Pixels are decoded only if the bytes alone do not show it.

    Raises:
        StillError: the picture is incomplete.
    """
    with _decoder_errors(), path.open("rb") as file:
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
        upright: apply the EXIF orientation.

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
        with _decoder_errors(), Image.open(BytesIO(data), formats=("JPEG",)) as opened:
            image = rgb_of_pillow(opened)
    if image is None or image.shape[:2] != (header.height, header.width):
        raise StillError("the JPEG is damaged, or of a rare kind: save it anew with 8 bits and usual coding")
    if (image[-_FILLED_PX:, -_FILLED_PX:] == _FILLED_WITH).all() and _lacks_pixels(data):
        raise StillError(_LAST_MISSING)
    return turn_upright(image, header.orientation) if upright else image


def _lacks_pixels(data: bytes) -> bool:
    """Whether more data before the end marker would change the pixels: a decoder ignores them behind the last block."""
    end = end_of_pixels(data)
    with _decoder_errors():
        now, more = (
            np.asarray(Image.open(BytesIO(jpeg), formats=("JPEG",)))
            for jpeg in (data, data[:end] + _PADDING + data[end:])
        )
    return not np.array_equal(now, more)


@contextmanager
def open_picture(path: Path) -> Generator[ImageFile]:
    """A picture file opened by Pillow: its header is read, its pixels are not.

    Raises:
        StillError: there is no picture, or reading it inside the block failed.
    """
    with _decoder_errors(), path.open("rb") as file:
        with _OPENING:  # Pillow's size limit is global to all threads
            limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                opened = Image.open(file, formats=_FORMATS)
            finally:
                Image.MAX_IMAGE_PIXELS = limit
        with opened:
            yield opened


@contextmanager
def _decoder_errors() -> Generator[None]:
    """Turns every error of a decoder into a `StillError`."""
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


def _stored_orientation(opened: ImageFile) -> int:
    """EXIF's orientation, read before decoding. Pillow applies a TIFF's itself when it decodes."""
    if opened.format in ("JPEG", "MPO"):
        return orientation_in_exif(opened.info.get("exif", b""))
    if opened.format == "PNG":  # Pillow would decode all pixels first
        return png_orientation(cast("IO[bytes]", opened.fp))
    orientation = opened.getexif().get(_ORIENTATION_TAG, UPRIGHT)
    return orientation if isinstance(orientation, int) else UPRIGHT


def _hdr_transfer(opened: ImageFile) -> Transfer | None:
    """The transfer curve of an HDR picture, which Pillow does not give; read before decoding."""
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
    """A JPEG within the limit, decoded at full size; None for other files."""
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
