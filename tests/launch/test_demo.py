"""`groundcast demo`: the main job, from the embedded clip to another process, judged by the clip's truth."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import av
import pytest

from groundcast.launch.demo import score
from groundcast.launch.exits import InputError
from groundcast.launch.node.node_process import NodeProcess
from groundcast.model.tabletop.clip_truth import read_truth
from groundcast.stream.track import Track
from groundcast.stream.wire.message_types import DetectionMessage, FrameInfo

from ..model.tiny import write_tiny
from .commands import as_a_user
from .test_listen import MESSAGE, MUG


def test_the_main_job_is_done_and_judged(tmp_path: Path) -> None:
    ended = as_a_user("demo", "--json", "--out", tmp_path)

    frames = len(read_truth().frames)
    figures = json.loads(ended.out.splitlines()[-1])
    assert ended.code == 0, ended.err
    assert (figures["frames"], figures["messages"], figures["gaps"]) == (frames, frames, 0)
    assert figures["MOTA"] >= 0.95
    assert figures["IDF1"] >= 0.95
    assert figures["fps"] > 0
    assert (tmp_path / "demo.png").is_file()
    with av.open(str(tmp_path / "demo.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) == frames


def test_tracks_that_are_the_truth_get_full_marks_and_others_do_not() -> None:
    truth = read_truth()
    perfect = [
        _message(index, tuple(_track(one.id, one.phrase, one.box_xyxy) for one in frame))
        for index, frame in enumerate(truth.frames)
    ]
    late = [replace(message, tracks=()) if message.seq < len(perfect) / 2 else message for message in perfect]

    assert score(truth, perfect)["MOTA"] == score(truth, perfect)["IDF1"] == 1.0
    assert score(truth, late)["MOTA"] < 0.6
    assert score(truth, late[::2])["MOTA"] < score(truth, late)["MOTA"]  # a frame without a message has no tracks


@pytest.mark.slow
def test_a_node_never_outlives_the_one_who_started_it(tmp_path: Path) -> None:
    settings = _settings(tmp_path, model=str(write_tiny(tmp_path)))

    with NodeProcess(settings) as node:
        process = node.pid
        os.kill(process, 0)  # it is there

    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_why_a_node_refused_is_passed_on(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.safetensors"):
        NodeProcess(_settings(tmp_path, model="nowhere.safetensors"))


def _settings(folder: Path, model: str) -> Path:
    path = folder / "node.yaml"
    source = {"name": "cam", "url": "lavfi:testsrc=size=160x120:rate=5"}
    publish = {"address": "tcp://127.0.0.1:*"}
    node = f"test-{os.getpid()}"
    path.write_text(
        json.dumps({"node": node, "prompt": "red mug", "model": model, "publish": publish, "sources": [source]})
    )
    return path


def _message(index: int, tracks: tuple[Track, ...]) -> DetectionMessage:
    return replace(MESSAGE, seq=index + 1, frame=FrameInfo(index, 640, 480, "file"), tracks=tracks)


def _track(number: int, phrase: str, box: tuple[float, float, float, float]) -> Track:
    return replace(MUG, id=number, phrase=phrase, box_xyxy=box)
