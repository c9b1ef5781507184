"""Tone mapping: converts HDR pictures (PQ or HLG, BT.2020) to SDR (BT.709), which models are trained on."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Transfer = Literal["PQ", "HLG"]

_TRANSFERS: dict[int, Transfer] = {16: "PQ", 18: "HLG"}  # ITU-T H.273, table 3, which is FFmpeg's AVCOL_TRC_...
_WHITE_NITS = 203.0  # ITU-R BT.2408: reference white in HDR
_HLG_PEAK_NITS, _HLG_GAMMA = 1000.0, 1.2  # ITU-R BT.2100, of a nominal display
_KNEE = 0.8  # light up to here is unchanged; brighter light is compressed below 1
_LEVELS = 4096
_BT709_FROM_BT2020 = np.array(  # ITU-R BT.2407
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)


def transfer_of(number: int | None) -> Transfer | None:
    """The HDR transfer curve with this number in ITU-T H.273; None for an SDR curve."""
    return None if number is None else _TRANSFERS.get(number)


def tone_map(image: NDArray[np.uint16], transfer: Transfer) -> NDArray[np.uint8]:
    """(h, w, 3) 16-bit RGB in BT.2020 to 8 bits in BT.709."""
    light = cv2.transform(_light_of(transfer)[image >> 4], _BT709_FROM_BT2020)
    return _screen_of()[(np.clip(light, 0.0, 1.0) * (_LEVELS - 1)).astype(np.uint16)]


@lru_cache
def _light_of(transfer: Transfer) -> NDArray[np.float32]:
    """The light of each signal level, reference white being 1, after bright light is compressed."""
    signal = np.arange(_LEVELS) / (_LEVELS - 1)
    light = (_pq_nits(signal) if transfer == "PQ" else _hlg_nits(signal)) / _WHITE_NITS
    headroom = 1 - _KNEE
    compressed = 1 - headroom * np.exp(-np.maximum(light - _KNEE, 0) / headroom)
    return np.where(light < _KNEE, light, compressed).astype(np.float32)


@lru_cache
def _screen_of() -> NDArray[np.uint8]:
    """The 8-bit value of each level of light, by the display curve of BT.709."""
    return np.rint(255 * (np.arange(_LEVELS) / (_LEVELS - 1)) ** (1 / 2.2)).astype(np.uint8)


def _pq_nits(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light of a PQ signal, SMPTE ST 2084."""
    root = signal ** (32 / 2523)
    return 10_000 * (np.maximum(root - 107 / 128, 0) / (2413 / 128 - 2392 / 128 * root)) ** (8192 / 1305)


def _hlg_nits(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light of an HLG signal, ITU-R BT.2100, table 5, for each colour separately."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    return _HLG_PEAK_NITS * scene**_HLG_GAMMA
