"""`groundcast label --masks`, killed again and again: the data set has the bytes of a run that was not."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from PIL import Image

from groundcast.launch.show.input_files import JOURNAL
from groundcast.model.tabletop.clip_truth import CLIP_PATH

PICTURES, KILLS_IN_DETECTION = 80, 8
CODE = "from groundcast.launch.cli import main; main()"


@pytest.mark.bar
@pytest.mark.slow
def test_ten_kills_change_no_byte(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    _write_photos(photos)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    label: list[str | Path] = [sys.executable, "-c", CODE, "label", photos, "--prompt", "cube . ball . mug", "--masks"]
    label += ["--to", "coco,yolo,voc"]
    subprocess.run([*label, "--folder", whole], check=True, capture_output=True)
    assert any("segmentation" in one for one in json.loads((whole / "labels.json").read_text())["annotations"])

    journal, done = killed / JOURNAL, list[int]()
    for number in range(1, KILLS_IN_DETECTION + 1):
        wanted = number * PICTURES // (KILLS_IN_DETECTION + 1)
        _kill(label, killed, lambda wanted=wanted: _lines(journal) > wanted)
        done.append(_lines(journal))
    _kill(label, killed, lambda: len(list(killed.glob("images/**/*.jpg"))) > PICTURES // 2)
    _kill(label, killed, lambda: (killed / "yolo").exists() or (killed / ".yolo.part").exists())

    assert done[0] < PICTURES, done
    assert len(set(done)) > 3, done  # it was killed at several places, and went on from there
    subprocess.run([*label, "--folder", killed], check=True, capture_output=True)
    assert _digest(killed) == _digest(whole)


def _kill(label: list[str | Path], out: Path, is_time: Callable[[], bool]) -> None:
    """Run until it is time, then kill; nothing is killed where it ended before."""
    running = subprocess.Popen([*label, "--folder", out], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while running.poll() is None and not is_time():
        time.sleep(0.005)
    if running.poll() is None:
        os.kill(running.pid, signal.SIGKILL)
    running.wait()


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _write_photos(folder: Path) -> None:
    """Frames of the embedded clip, which shows what tabletop knows, in two folders."""
    (folder / "in").mkdir(parents=True)
    with av.open(str(CLIP_PATH)) as clip:
        for index, frame in enumerate(clip.decode(video=0)):
            if index == PICTURES:
                break
            path = folder / ("in" if index % 4 else ".") / f"{index:03}.jpg"
            Image.fromarray(frame.to_ndarray(format="rgb24")).save(path, quality=92)


def _digest(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in (JOURNAL, "report.html")]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
