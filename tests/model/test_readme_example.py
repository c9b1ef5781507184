"""The README's example for one picture finds what is in it, run unchanged."""

from __future__ import annotations

import re
from pathlib import Path

import av
import cv2
import pytest

from groundcast.model.tabletop.clip_truth import CLIP_PATH, TRUTH_PATH, read_truth

README = Path(__file__).parents[2] / "README.md"


def test_the_lines_about_one_picture_find_what_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = [
        block
        for block in re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
        if ".detect(" in block
    ]
    with av.open(str(CLIP_PATH)) as clip:
        picture = next(clip.decode(video=0)).to_ndarray(format="bgr24")
    assert cv2.imwrite(str(tmp_path / "desk.jpg"), picture)

    monkeypatch.chdir(tmp_path)

    exec(example, {})

    found = re.findall(r"^(\D+) (0\.\d+) \[ *(.*?) *\]$", capsys.readouterr().out, re.MULTILINE)
    truth = {one.phrase: one.box_xyxy for one in read_truth(TRUTH_PATH).frames[0]}
    assert sorted(name for name, _, _ in found) == ["blue cube", "red mug"]
    for name, _, box in found:
        off_px = [abs(float(at) - true) for at, true in zip(box.split(), truth[name], strict=True)]
        assert max(off_px) < 8
