"""Encoded pictures for test cameras: H.264 and H.265, parted into NAL units."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Literal

import av
import numpy as np
from numpy.typing import NDArray

Codec = Literal["h264", "hevc"]
Picture = list[bytes]
"""The NAL units of one picture, without start codes."""

_PARAMETER_SETS: dict[Codec, tuple[int, ...]] = {"h264": (7, 8), "hevc": (32, 33, 34)}
_KEY_FRAMES: dict[Codec, range] = {"h264": range(5, 6), "hevc": range(16, 22)}
_ENCODERS: dict[Codec, tuple[str, str]] = {"h264": ("libx264", "x264-params"), "hevc": ("libx265", "x265-params")}


@dataclass(frozen=True)
class Clip:
    """Pictures in the order in which they are sent."""

    pictures: list[Picture]
    rate_hz: int
    codec: Codec = "h264"

    @property
    def parameter_sets(self) -> list[bytes]:
        return [unit for unit in self.pictures[0] if kind_of_unit(unit, self.codec) in _PARAMETER_SETS[self.codec]]

    def is_key(self, picture: Picture) -> bool:
        return any(kind_of_unit(unit, self.codec) in _KEY_FRAMES[self.codec] for unit in picture)


@cache
def encode_clip(
    width: int = 320,
    height: int = 240,
    rate_hz: int = 25,
    pictures: int = 50,
    key_every: int = 10,
    codec: Codec = "h264",
) -> Clip:
    """A grey level that says which picture it is (picture n has level 40 + 3 (n mod 50)), without B-frames."""
    levels = (40 + 3 * (number % 50) for number in range(pictures))
    images = (np.full((height, width, 3), level, np.uint8) for level in levels)
    return encode_pictures(images, rate_hz, key_every, codec)


def encode_pictures(images: Iterable[NDArray[np.uint8]], rate_hz: int, key_every: int, codec: Codec = "h264") -> Clip:
    """(height, width, 3) uint8 RGB each, all of one size, without B-frames."""
    encoder: av.VideoCodecContext | None = None
    encoded: list[Picture] = []
    for number, image in enumerate(images):
        encoder = encoder or _encoder(image.shape[1], image.shape[0], rate_hz, key_every, codec)
        frame = av.VideoFrame.from_ndarray(image)
        frame.pts = number
        encoded += [_units(bytes(packet)) for packet in encoder.encode(frame)]
    assert encoder is not None, "a clip has pictures"
    encoded += [_units(bytes(packet)) for packet in encoder.encode(None)]
    return Clip(encoded, rate_hz, codec)


def read_h264(path: Path, rate_hz: int = 25) -> Clip:
    """A raw H.264 file, parted into pictures (ITU-T H.264, 7.4.1.2.3)."""
    pictures: list[Picture] = [[]]
    has_slice = False
    for unit in _units(path.read_bytes()):
        is_slice = 1 <= unit[0] & 31 <= 5
        begins = unit[0] & 31 in {6, 7, 8, 9} or (is_slice and unit[1] & 0x80 != 0)  # first_mb_in_slice is 0
        if begins and has_slice:
            pictures.append([])
            has_slice = False
        pictures[-1].append(unit)
        has_slice |= is_slice
    return Clip(pictures, rate_hz)


def kind_of_unit(unit: bytes, codec: Codec) -> int:
    """What a NAL unit is, by the number that its codec gives it."""
    return unit[0] & 31 if codec == "h264" else unit[0] >> 1 & 63


def free_port() -> int:
    """A port on which no server listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _encoder(width: int, height: int, rate_hz: int, key_every: int, codec: Codec) -> av.VideoCodecContext:
    name, parameters = _ENCODERS[codec]
    encoder = av.CodecContext.create(name, "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base = Fraction(1, rate_hz)
    encoder.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        parameters: f"keyint={key_every}:scenecut=0" + (":log-level=none" if codec == "hevc" else ""),
    }
    return encoder


def _units(annex_b: bytes) -> list[bytes]:
    return [unit for unit in re.split(b"\x00\x00\x00?\x01", annex_b) if unit]
