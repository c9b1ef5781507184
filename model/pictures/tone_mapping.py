"""Tone mapping: HDR pictures (PQ or HLG, BT.2020) as a standard screen shows them, since models learn from such."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Transfer = Literal["PQ", "HLG"]

_TRANSFERS: dict[int, Transfer] = {16: "PQ", 18: "HLG"}  # ITU-T H.273, table 3, which is FFmpeg's AVCOL_TRC_...
_WHITE_NITS = 203.0  # ITU-R BT.2408: what white paper has in HDR
_HLG_PEAK_NITS, _HLG_GAMMA = 1000.0, 1.2  # ITU-R BT.2100, of a usual screen
_KNEE = 0.8  # up to here light stays as it is; above it all that is brighter is pressed together below 1
_LEVELS = 4096
_BT709_FROM_BT2020 = np.array(  # ITU-R BT.2407
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)


def transfer_of(number: int | None) -> Transfer | None:
    """Which HDR curve a video or a picture names by its number in ITU-T H.273; None for a standard one."""
    return None if number is None else _TRANSFERS.get(number)


def tone_map(image: NDArray[np.uint16], transfer: Transfer) -> NDArray[np.uint8]:
    """(h, w, 3) RGB of 16 bits in BT.2020 to 8 bits in BT.709."""
    light = cv2.transform(_light_of(transfer)[image >> 4], _BT709_FROM_BT2020)
    return _screen_of()[(np.clip(light, 0.0, 1.0) * (_LEVELS - 1)).astype(np.uint16)]


@lru_cache
def _light_of(transfer: Transfer) -> NDArray[np.float32]:
    """Of each signal level its light, where paper's white is 1, after bright light is pressed together."""
    signal = np.arange(_LEVELS) / (_LEVELS - 1)
    light = (_pq_nits(signal) if transfer == "PQ" else _hlg_nits(signal)) / _WHITE_NITS
    room = 1 - _KNEE
    pressed = 1 - room * np.exp(-np.maximum(light - _KNEE, 0) / room)
    return np.where(light < _KNEE, light, pressed).astype(np.float32)


@lru_cache
def _screen_of() -> NDArray[np.uint8]:
    """Of each level of light its 8-bit value, by the curve that BT.709's pictures are shown with."""
    return np.rint(255 * (np.arange(_LEVELS) / (_LEVELS - 1)) ** (1 / 2.2)).astype(np.uint8)


def _pq_nits(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """SMPTE ST 2084."""
    root = signal ** (32 / 2523)
    return 10_000 * (np.maximum(root - 107 / 128, 0) / (2413 / 128 - 2392 / 128 * root)) ** (8192 / 1305)


def _hlg_nits(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """ITU-R BT.2100, table 5, each colour for itself."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    return _HLG_PEAK_NITS * scene**_HLG_GAMMA
