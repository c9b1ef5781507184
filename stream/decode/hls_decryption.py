"""HLS decryption: AES-128 in CBC mode, with which segments of a playlist may be encrypted (RFC 8216, 4.3.2.4)."""

from __future__ import annotations

_BLOCK = 16  # bytes


def decrypt_segment(data: bytes, key: bytes, iv: bytes) -> bytes:
    """The plain bytes of a segment, without its padding (PKCS 7). One that was cut off keeps its last whole block.

    Args:
        data: blocks of 16 bytes; an incomplete last block is left out.
        key, iv: 16 bytes each.

    Raises:
        ValueError: key or iv has another length.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.padding import PKCS7

    decryptor = Cipher(algorithms.AES128(key), modes.CBC(iv)).decryptor()
    plain = decryptor.update(data[: len(data) // _BLOCK * _BLOCK]) + decryptor.finalize()
    unpadder = PKCS7(8 * _BLOCK).unpadder()
    try:
        return unpadder.update(plain) + unpadder.finalize()
    except ValueError:  # no padding: the segment was cut off
        return plain
