"""Picture bombs: small uploads that would cost a decoder much memory or time, for tests of what servers refuse."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

from PIL import Image

_PNG_START = b"\x89PNG\r\n\x1a\n"
_GIF_FRAME = b"\x2c\0\0\0\0\1\0\1\0\0\2\2\x44\1\0"  # one pixel

LEFT_WHOLE = ("GIF of a million frames", "TIFF of 3,000 pages")
"""Bombs whose first picture is a usual one."""


def picture_bombs() -> dict[str, bytes]:
    """Each by what it is."""
    jpeg = _encoded("JPEG", 640, 480)
    flat = _flat_jpeg(4000, 4000)
    return {
        "PNG of 65,535 x 65,535": _png(65535, 65535),
        "PNG of 40,000 x 40,000 with its pixels": _png(40_000, 40_000, bytes(1250) * 4000),
        "JPEG of 65,500 x 65,500": _with_jpeg_size(jpeg, 65500, 65500),
        "WebP of 16,383 x 16,383": _webp_header(16383, 16383),
        "JPEG of 3,000 scans": flat[:-2] + _last_scan(flat) * 3000 + flat[-2:],
        "GIF with a frame larger than itself": _gif_of_larger_frame(),
        "APNG that states two thousand million frames": _png(
            8, 8, bytes(16), _chunk(b"acTL", struct.pack(">II", 2**31, 0))
        ),
        "GIF of a million frames": b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff" + _GIF_FRAME * 1_000_000 + b";",
        "TIFF of 3,000 pages": _tiff_of_pages(3000),
        "JPEG that is cut": jpeg[: len(jpeg) // 2],
        "PNG that is cut": _encoded("PNG", 640, 480)[:-40],
        "WebP that is cut": _encoded("WEBP", 640, 480)[:-40],
        "PNG in name alone": _PNG_START + b"junk" * 1000,
    }


def _encoded(kind: str, width: int, height: int) -> bytes:
    file = BytesIO()
    Image.effect_noise((width, height), 60).convert("RGB").save(file, kind)
    return file.getvalue()


def _flat_jpeg(width: int, height: int) -> bytes:
    file = BytesIO()
    Image.new("L", (width, height), 90).save(file, "JPEG", progressive=True)
    return file.getvalue()


def _gif_of_larger_frame() -> bytes:
    frame = b"\x2c\0\0\0\0" + struct.pack("<HH", 65535, 65535) + b"\0\2\2\x44\1\0"
    return b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff" + frame + b";"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def _png(width: int, height: int, pixels: bytes = b"", more: bytes = b"") -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return _PNG_START + _chunk(b"IHDR", head) + more + _chunk(b"IDAT", zlib.compress(pixels, 9)) + _chunk(b"IEND", b"")


def _with_jpeg_size(jpeg: bytes, width: int, height: int) -> bytes:
    start = jpeg.index(b"\xff\xc0")
    return jpeg[: start + 5] + struct.pack(">HH", height, width) + jpeg[start + 9 :]


def _last_scan(jpeg: bytes) -> bytes:
    return jpeg[jpeg.rindex(b"\xff\xda") : -2]


def _webp_header(width: int, height: int) -> bytes:
    size = (width - 1 | (height - 1) << 14).to_bytes(4, "little")
    body = b"WEBPVP8L" + (5).to_bytes(4, "little") + b"\x2f" + size + b"\0"
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def _tiff_of_pages(count: int) -> bytes:
    """Directories that all show the same pixels."""
    file = BytesIO()
    Image.new("L", (8, 8)).save(file, "TIFF")
    data = bytearray(file.getvalue())
    first = int.from_bytes(data[4:8], "little")
    link = first + 2 + 12 * int.from_bytes(data[first : first + 2], "little")
    pages = bytes(data[first:link])
    for _ in range(count):
        at = len(data)
        data[link : link + 4] = at.to_bytes(4, "little")
        data += pages
        link = len(data)
        data += bytes(4)
    return bytes(data)
