"""What cannot be written is said in a sentence, before there is anything to lose."""

from __future__ import annotations

from pathlib import Path

import pytest

from groundcast.launch.bench.suite import bench_all
from groundcast.launch.exits import InputError
from groundcast.launch.show.results import DetectionOutput
from groundcast.launch.show.video_file import VideoFile


def test_a_folder_is_no_file_to_write(tmp_path: Path) -> None:
    (tmp_path / "detections.jsonl").mkdir()
    with pytest.raises(InputError, match=r"detections\.jsonl cannot be written \(Is a directory\)"):
        DetectionOutput(tmp_path, as_json=False)
    with pytest.raises(InputError, match="cannot be written"):
        VideoFile(tmp_path)
    with pytest.raises(InputError, match="cannot be written"):
        bench_all("cpu", None, tmp_path)
