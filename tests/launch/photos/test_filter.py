"""`groundcast filter`: a policy's actions on pictures, the report of it, and what a policy may say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from groundcast.launch.exits import InputError
from groundcast.launch.photos.blurring import blur_box
from groundcast.launch.photos.policy import PolicyRule, breaches_in, prompt_of, read_policy, strictest
from groundcast.launch.survey.entry import FoundBox, FrameEntry

from ..commands import Ended, in_process
from .conftest import Corrupt, Loads


def policy(tmp_path: Path, action: str, **more: Any) -> Path:
    path = tmp_path / f"{action}.yaml"
    path.write_text(json.dumps({"rules": [{"name": "red", "phrases": ["red square"], "action": action, **more}]}))
    return path


def run(capsys: pytest.CaptureFixture[str], photos: Path, rules: Path, out: Path, *options: str) -> Ended:
    return in_process(capsys, "filter", photos, "--policy", rules, "--folder", out, "--json", *options)


def report(out: Path) -> dict[str, dict[str, Any]]:
    lines = [json.loads(line) for line in (out / "report.jsonl").read_text().splitlines()]
    return {Path(line["file"]).name: line for line in lines}


def pixels_of(path: Path) -> NDArray[np.uint8]:
    return np.asarray(Image.open(path).convert("RGB"))


def test_pictures_are_flagged_and_a_corrupt_one_is_never_allowed(
    capsys: pytest.CaptureFixture[str], photos: Path, tmp_path: Path, corrupt: Corrupt, loads: Loads
) -> None:
    corrupt()
    ended = run(capsys, photos, policy(tmp_path, "flag"), tmp_path / "out")

    assert (ended.code, len(loads)) == (1, 1)
    assert json.loads(ended.out) == {"allow": 1, "flag": 2, "blur": 0, "move": 0, "unread": 1}
    found = report(tmp_path / "out")
    assert found["one.png"]["rules"] == ["red"]
    assert found["one.png"]["boxes"][0]["phrase"] == "red square"
    assert found["broken.jpg"]["action"] == "unread"
    assert "two.jpg" in (tmp_path / "out" / "report.html").read_text()


def test_a_blurred_copy_hides_the_object_and_keeps_the_rest(
    capsys: pytest.CaptureFixture[str], photos: Path, tmp_path: Path, loads: Loads
) -> None:
    before = {path: path.read_bytes() for path in photos.rglob("*") if path.is_file()}

    ended = run(capsys, photos, policy(tmp_path, "blur"), tmp_path / "out")

    assert (ended.code, len(loads)) == (0, 1)
    assert {path: path.read_bytes() for path in photos.rglob("*") if path.is_file()} == before
    copies = sorted((tmp_path / "out" / "blurred").rglob("*.*"))
    assert [path.name for path in copies] == ["one.png", "two.jpg"]
    original, blurred = pixels_of(photos / "in ä" / "one.png"), pixels_of(copies[0])
    x1, y1, x2, y2 = report(tmp_path / "out")["one.png"]["boxes"][0]["box_xyxy"]
    changed = np.abs(blurred.astype(int) - original).max(2) > 0
    assert changed[int(y1) : int(y2), int(x1) : int(x2)].any()
    changed[max(0, int(y1) - 5) : int(y2) + 6, max(0, int(x1) - 5) : int(x2) + 6] = False
    assert not changed.any()


def test_moved_files_lie_under_their_names_and_stay_in_the_report(
    capsys: pytest.CaptureFixture[str], photos: Path, tmp_path: Path, loads: Loads
) -> None:
    data = (photos / "two.jpg").read_bytes()
    rules = policy(tmp_path, "move")

    tried = run(capsys, photos, rules, tmp_path / "tried", "--dry-run")
    assert json.loads(tried.out)["move"] == 2
    assert (photos / "two.jpg").exists()
    run(capsys, photos, rules, tmp_path / "out")
    (photos / "two.jpg").write_bytes(data)  # another one of that name
    run(capsys, photos, rules, tmp_path / "out")

    moved = tmp_path / "out" / "moved"
    assert (moved / "two.jpg").read_bytes() == (moved / "two-2.jpg").read_bytes() == data
    assert (moved / "in ä" / "one.png").exists()
    assert sorted(path.name for path in photos.rglob("*.*")) == ["empty.png"]
    assert {"one.png", "two.jpg", "empty.png"} <= set(report(tmp_path / "out"))
    assert len(loads) == 3


def test_rules_have_thresholds_and_sizes_of_their_own() -> None:
    strict = PolicyRule("a", ("knife", "gun"), "flag", 0.3)
    large = PolicyRule("b", ("knife",), "move", 0.5, 0.1)
    small = FoundBox("knife", 0.6, (0, 0, 10, 10))
    wide = FoundBox("knife", 0.6, (0, 0, 60, 60))
    weak = FoundBox("gun", 0.2, (0, 0, 60, 60))

    def action(*boxes: FoundBox) -> str:
        return strictest(breaches_in(FrameEntry(0, 0.0, 100, 100, boxes), (strict, large)))

    assert (action(), action(weak), action(small), action(small, wide)) == ("allow", "allow", "flag", "move")
    thresholds = {phrase.name: phrase.threshold for phrase in prompt_of((strict, large)).phrases}
    assert thresholds == {"knife": 0.3, "gun": 0.3}


def test_what_is_blurred_has_few_colours_and_a_mask_spares_the_rest() -> None:
    image = (np.random.default_rng(0).random((100, 100, 3)) * 255).astype(np.uint8)
    pixels = np.zeros((100, 100), np.bool_)
    pixels[40:60, 40:60] = True

    whole, masked = blur_box(image, (20, 20, 80, 80)), blur_box(image, (20, 20, 80, 80), pixels)

    assert whole[20:80, 20:80].std() < 0.3 * image[20:80, 20:80].std()
    assert np.array_equal(masked[20:30, 20:30], image[20:30, 20:30])
    assert masked[42:58, 42:58].std() < 0.3 * image[42:58, 42:58].std()
    assert np.array_equal(blur_box(image, (100, 100, 100, 100)), image)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: []", "has no rules"),
        ("- a", "has no rules"),
        ("rules: [{name: a, phrases: [x], action: burn}]", "action must be one of flag, blur, move"),
        ("rules: [{name: a, phrases: [], action: flag}]", "phrases must be a list"),
        ("rules: [{phrases: [x], action: flag}]", "has no name"),
        ("rules: [{name: a, phrases: [x], action: flag, threshold: 2}]", "threshold must lie in 0..1"),
        ("rules: [{name: a, phrases: [x], action: flag, shade: 2}]", "'shade' is unknown"),
        ("rules: [{name: a, phrases: x, action: flag}, {name: a, phrases: x, action: flag}]", "one name"),
        ("rules: [3]", "must be a map"),
        ("{", "cannot be read"),
    ],
)
def test_a_policy_that_does_not_fit_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "policy.yaml").write_text(text)

    with pytest.raises(InputError, match=said):
        read_policy(tmp_path / "policy.yaml")
