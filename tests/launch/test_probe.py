# pyright: reportUnknownMemberType=false
from __future__ import annotations

import json
from pathlib import Path

import av
import pytest

from groundcast.launch.command_line import run

from ..stream.decode.test_stream_choice import write_streams
from ..stream.rtsp_server import Behaviour, RtspServer, encode_clip, free_port
from ..stream.watched_reader import write_video


def _probe_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    assert run(["probe", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_camera_is_described_by_what_it_sends(capsys: pytest.CaptureFixture[str]) -> None:
    with RtspServer(encode_clip(key_every=10)) as camera:
        found = _probe_json(capsys, camera.url, "--seconds", "1.2")
    assert (found["codec"], found["container"], found["live"]) == ("h264", "rtsp", True)
    assert (found["width"], found["height"]) == (320, 240)
    assert found["declared_hz"] == pytest.approx(25)
    assert found["measured_hz"] == pytest.approx(25, rel=0.1)
    assert found["key_distance_s"] == pytest.approx(0.4, abs=0.01)
    assert (found["clock"], found["note"]) == ("rtcp", None)
    assert isinstance(found["first_picture_s"], float)
    assert 0.0 < found["first_picture_s"] < 10.0


def test_a_file_is_described_without_a_clock(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    found = _probe_json(capsys, str(write_video(tmp_path / "clip.mp4", pictures=30)))
    assert (found["codec"], found["live"], found["clock"], found["clock_error_ms"]) == ("h264", False, "file", None)
    assert (found["pictures"], found["corrupt"]) == (30, 0)
    assert found["measured_hz"] == pytest.approx(20)
    assert found["key_distance_s"] == pytest.approx(0.5)


def test_the_codec_is_named_not_the_decoder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with av.open(tmp_path / "clip.mp4", "w") as container:
        stream = container.add_stream("libsvtav1", 20, options={"preset": "12", "svtav1-params": "lp=1"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        container.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        container.mux(stream.encode())
    assert _probe_json(capsys, str(tmp_path / "clip.mp4"))["codec"] == "av1"


def test_one_of_several_streams_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = write_streams(tmp_path / "two.mkv")
    found = _probe_json(capsys, str(path))
    assert (found["width"], "2 video streams" in str(found["note"])) == (128, True)
    found = _probe_json(capsys, str(path), "--stream", "0")
    assert (found["width"], found["note"]) == (64, None)
    assert run(["probe", str(path), "--stream", "5"]) == 2
    assert "has no video stream 5: choose among 0 (h264, 64x48), 1 (h264, 128x96)" in capsys.readouterr().err


def test_without_json_the_answer_is_for_people(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["probe", str(write_video(tmp_path / "clip.mp4"))]) == 0
    said = capsys.readouterr().out
    assert "160 x 96 px" in said
    assert "20 a second stated, 20 measured" in said
    assert "none: a recording" in said


def test_wrong_input_ends_with_2_and_one_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video\n" * 50)
    for url in (str(tmp_path / "text.mp4"), str(tmp_path / "missing.mp4"), "rtsp:///live", "gopher://host/"):
        assert run(["probe", url]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert len(said.err.splitlines()) == 1


def test_a_camera_that_cannot_be_reached_ends_with_1_and_one_sentence_without_the_password(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["probe", f"rtsp://admin:hunter2@127.0.0.1:{free_port()}/live"]) == 1
    with RtspServer(encode_clip(pictures=1), behaviour=Behaviour(user="admin", password="else")) as camera:
        assert run(["probe", camera.url.replace("//", "//admin:hunter2@")]) == 1
    refused, unwelcome = capsys.readouterr().err.splitlines()
    assert "refused the connection" in refused
    assert "refused the user or the password" in unwelcome
    assert "hunter2" not in refused + unwelcome
