from __future__ import annotations

from groundcast.stream.decode.hls_decryption import decrypt_segment

# NIST SP 800-38A, F.2.2: two blocks, without padding.
KEY, IV = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c"), bytes(range(16))
CIPHER = bytes.fromhex(
    "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b273bed6b8e3c1743b7116e69e22229516"
)
PLAIN = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52ef"
)


def test_a_segment_is_decrypted_as_the_standard_says() -> None:
    assert decrypt_segment(CIPHER, KEY, IV) == PLAIN


def test_a_segment_that_was_cut_off_is_decrypted_up_to_its_last_whole_block() -> None:
    assert decrypt_segment(CIPHER[:-1], KEY, IV) == PLAIN[:32]
    assert decrypt_segment(CIPHER[:15], KEY, IV) == b""


def test_the_padding_is_removed() -> None:
    # "groundcast", then six bytes 06, encrypted by OpenSSL with the same key and iv.
    assert decrypt_segment(bytes.fromhex("2b6bf3864e98e5b9ac38f07b1ffcbe3d"), KEY, IV) == b"groundcast"
