"""When a camera says that a picture was taken."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from groundcast.model.pictures.exif_time import read_capture_time

MAKE, ORIGINAL, DIGITIZED, CHANGED = 0x010F, 0x9003, 0x9004, 0x0132


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({ORIGINAL: "2026:05:03 04:05:06", CHANGED: "2027:01:01 00:00:00"}, "2026-05-03 04:05:06"),
        ({DIGITIZED: "2026:05:03 04:05:06\0"}, "2026-05-03 04:05:06"),
        ({ORIGINAL: "0000:00:00 00:00:00", CHANGED: "2026-05-03T04:05:06"}, "2026-05-03 04:05:06"),
        ({ORIGINAL: "    :  :     :  :  "}, None),
        ({ORIGINAL: "2026:13:03 04:05:06"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("kind", ["jpg", "png", "webp"])
def test_the_first_time_that_can_be_is_taken(
    kind: str, times: dict[int, str], expected: str | None, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[MAKE] = "trap"
    for tag, text in times.items():
        (exif if tag == CHANGED else exif.get_ifd(0x8769))[tag] = text
    path = tmp_path / f"a.{kind}"
    Image.new("RGB", (8, 8)).save(path, exif=exif)

    assert read_capture_time(path) == expected


@pytest.mark.parametrize("content", [b"", b"no picture", b"\xff\xd8\xff\xe1\x00\x20Exif\0\0II*\0\xff\xff\xff\xff"])
def test_a_damaged_file_has_no_time(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(content)

    assert read_capture_time(tmp_path / "a.jpg") is None
