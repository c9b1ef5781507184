"""AES-128 in CBC mode, decrypting only: segments of HLS that are encrypted, all blocks at once (FIPS 197)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_BLOCK = 16
_ROUNDS = 10
_FIELD = 0x11B  # the polynomial of GF(2^8)


def decrypt(data: bytes, key: bytes, iv: bytes) -> bytes:
    """The text of a segment, without its padding (PKCS 7).

    Args:
        data: whole blocks of 16 bytes; what is left over is cut off.
        key, iv: 16 bytes each.
    """
    cipher = np.frombuffer(data[: len(data) // _BLOCK * _BLOCK], np.uint8).reshape(-1, _BLOCK)
    if not len(cipher):
        return b""
    sbox = _sbox()
    inverse = np.argsort(sbox).astype(np.uint8)
    unmixed = _unmixed()
    keys = _round_keys(key, sbox)
    state = cipher ^ keys[_ROUNDS]
    for number in range(_ROUNDS - 1, 0, -1):
        mixed_key = _unmix(keys[number][None], unmixed)
        state = _unmix(inverse[state], unmixed, shifted=True) ^ mixed_key
    state = inverse[state][:, [_before_shift(at) for at in range(_BLOCK)]] ^ keys[0]
    before = np.vstack([np.frombuffer(iv, np.uint8)[None], cipher[:-1]])
    text = (state ^ before).tobytes()
    return text[: -text[-1]] if 1 <= text[-1] <= _BLOCK else text


def _before_shift(at: int) -> int:
    """Where ShiftRows took the byte from that stands at `at`; bytes stand column by column."""
    column, row = divmod(at, 4)
    return 4 * ((column - row) % 4) + row


def _unmix(state: NDArray[np.uint8], unmixed: NDArray[np.uint32], *, shifted: bool = False) -> NDArray[np.uint8]:
    """The inverse of MixColumns, and of ShiftRows before it: a column of four bytes is one number of 32 bits."""
    columns = np.empty((len(state), 4), np.uint32)
    for column in range(4):
        places = [4 * column + row for row in range(4)]
        if shifted:
            places = [_before_shift(place) for place in places]
        first, second, third, fourth = (unmixed[row][state[:, place]] for row, place in enumerate(places))
        columns[:, column] = first ^ second ^ third ^ fourth
    return columns.view(np.uint8).reshape(-1, _BLOCK)


def _unmixed() -> NDArray[np.uint32]:
    """(4, 256): what a byte in each row adds to its column in the inverse of MixColumns."""
    factors = {factor: [_times(factor, byte) for byte in range(256)] for factor in (14, 9, 13, 11)}
    first = np.array([factors[factor] for factor in (14, 9, 13, 11)], np.uint8)
    rows = [np.roll(first, row, axis=0).T.copy().view(np.uint32)[:, 0] for row in range(4)]
    return np.array(rows, np.uint32)


def _times(factor: int, byte: int) -> int:
    product = 0
    while factor:
        product ^= byte if factor & 1 else 0
        byte, factor = (byte << 1) ^ (_FIELD if byte & 0x80 else 0), factor >> 1
    return product


def _sbox() -> NDArray[np.uint8]:
    powers = [1]
    for _ in range(254):  # 3 generates all bytes but 0
        powers.append(_times(3, powers[-1]))
    sbox = np.full(256, 0x63, np.uint8)
    for exponent, byte in enumerate(powers):
        inverse = powers[(255 - exponent) % 255]
        turned = inverse
        for turn in range(1, 5):
            turned ^= ((inverse << turn) | (inverse >> (8 - turn))) & 0xFF
        sbox[byte] = turned ^ 0x63
    return sbox


def _round_keys(key: bytes, sbox: NDArray[np.uint8]) -> NDArray[np.uint8]:
    words, constant = [list(key[at : at + 4]) for at in range(0, _BLOCK, 4)], 1
    for number in range(4, 4 * (_ROUNDS + 1)):
        word = words[-1]
        if number % 4 == 0:
            word = [int(sbox[byte]) for byte in (*word[1:], word[0])]
            word[0] ^= constant
            constant = _times(2, constant)
        words.append([ours ^ theirs for ours, theirs in zip(words[-4], word, strict=True)])
    return np.array(words, np.uint8).reshape(_ROUNDS + 1, _BLOCK)
