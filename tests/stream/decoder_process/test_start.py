from __future__ import annotations

import errno
import functools
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from groundcast.stream.capture.open_source import check_source
from groundcast.stream.decoder_process.link import DECODER, DecoderLink
from groundcast.stream.decoder_process.messages import Report
from groundcast.stream.decoder_process.picture_slots import SLOT_COUNT, PictureSlots, SlotWriter
from groundcast.stream.decoder_process.sandbox import landlock_version, missing_protection
from groundcast.stream.decoder_process.start import DecoderProcess
from groundcast.stream.options import SourceOptions
from groundcast.stream.source_url import SourceError
from groundcast.stream.wire.packing import pack
from groundcast.stream.wire.topics import MessageError

from ...waiting import eventually
from ..encoded_clips import encode_clip
from ..lying_decoder import PICTURE
from ..rtsp_server import Behaviour, RtspServer
from ..watched_reader import WatchedReader, write_video

ROOT = Path(__file__).parents[3]
LIAR = "tests.stream.lying_decoder"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def _web(folder: Path) -> Generator[str]:
    handler = functools.partial(_Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _children() -> set[int]:
    tasks = Path("/proc/self/task").iterdir()
    return {int(pid) for task in tasks for pid in (task / "children").read_text().split()}


def _never(_seconds: float) -> bool:
    return False


def test_a_clip_gives_the_same_frames_and_times_as_in_a_thread(tmp_path: Path) -> None:
    write_video(tmp_path / "clip.mp4", pictures=20)
    assert SLOT_COUNT < 20  # all frames are kept here
    seen: list[list[object]] = []
    with _web(tmp_path) as url:
        for in_process in (False, True):
            with WatchedReader(SourceOptions("clip", f"{url}/clip.mp4", decode_process=in_process)) as watched:
                assert watched.until_finished()
                assert watched.stats.frames_dropped == 0
            times = [(one.index, one.pts, one.time_base, one.time_s, one.clock, one.file) for one in watched.frames]
            images = [one.rgb.tobytes() for one in watched.frames]
            seen.append([*times, *images])
    assert len(seen[0]) == 40
    assert seen[0] == seen[1]


def test_a_killed_decoder_is_started_anew_and_leaves_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with RtspServer(encode_clip()) as camera:
        before, descriptors = _children(), len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        options = SourceOptions("cam", camera.url, decode_process=True)
        with WatchedReader(options, pictures=False) as watched:
            assert watched.until_frames(3)
            (pid,) = _children() - before
            os.kill(pid, signal.SIGKILL)
            assert watched.until(lambda: watched.stats.reconnects == 1)
            assert watched.stats.state == "running"
            assert pid not in _children()
        assert eventually(lambda: _children() <= before)
    assert "reconnecting (the process" in caplog.text
    assert "SIGKILL" in caplog.text
    assert eventually(lambda: len(os.listdir("/proc/self/fd")) <= descriptors)  # noqa: PTH208


def test_a_decoder_that_hangs_ends_with_its_source() -> None:
    with RtspServer(encode_clip()) as camera:
        before = _children()
        options = SourceOptions("cam", camera.url, read_timeout_s=60.0, decode_process=True)
        with WatchedReader(options, pictures=False) as watched:
            assert watched.until_frames(1)
            (pid,) = _children() - before
            os.kill(pid, signal.SIGSTOP)
            assert watched.until(lambda: watched.stats.state == "stalled")
        assert watched.until(lambda: not watched.reader.has_thread, 20.0)  # not after its own minute
        assert _children() == before


@pytest.mark.parametrize(
    "lie",
    [
        *({"size": [2**31, 2**31]}, {"size": [0, 4]}, {"size": [4]}, {"time_base": [1, 0]}, {"time_base": [1, 2**40]}),
        *({"pts": 2**64 - 1}, {"received_ns": "now"}, {"received_ns": -1}, {"image": "mine"}, {"kind": "x"}),
    ],
)
def test_a_picture_that_cannot_be_is_no_message(lie: dict[str, object]) -> None:
    with pytest.raises(MessageError):
        Report(pack({"kind": "picture", **PICTURE, **lie})).picture(time.monotonic_ns())


@pytest.mark.parametrize("lie", ["garbage", "pictures", "flood", "loop"])
def test_whatever_a_decoder_says_its_source_is_tried_again(lie: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    monkeypatch.setattr("groundcast.stream.decoder_process.remote_source._SLACK_S", 0.1)
    monkeypatch.setattr("groundcast.stream.decoder_process.remote_source._LOOK_UP_S", 0.1)
    before = _children()
    decoder = DecoderProcess(LIAR)
    options = SourceOptions(lie, "rtsp://127.0.0.1/x", open_timeout_s=0.2, read_timeout_s=0.3, decode_process=True)
    with pytest.raises(SourceError, match=r"^the process that decodes rtsp://127.0.0.1/x (sent what|did nothing)"):
        [picture.image() for picture in decoder.open(options, _never).pictures()]
    assert _children() == before


def test_no_process_is_started_for_a_source_that_was_stopped_while_it_waited() -> None:
    options = SourceOptions("cam", "rtsp://127.0.0.1/x", decode_process=True)
    with pytest.raises(SourceError, match=r"^rtsp://127.0.0.1/x is no longer needed"):  # which no process said
        DecoderProcess().open(options, lambda _: True)


def test_a_decoder_ends_with_its_node() -> None:
    program = (
        "import time\n"
        "from groundcast.stream.decoder_process.link import DECODER, DecoderLink\n"
        "from groundcast.stream.options import SourceOptions\n"
        "options = SourceOptions('cam', 'rtsp://127.0.0.1/x')\n"
        "link = DecoderLink(options, DECODER)\n"
        "link.use(options, lambda _: False)\n"
        "print(link.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as node:
        assert node.stdout is not None
        pid = int(node.stdout.readline())
        node.kill()
    end_s = time.monotonic() + 30.0
    while (there := Path(f"/proc/{pid}/stat")).exists() and " Z " not in there.read_text():
        assert time.monotonic() < end_s
        time.sleep(0.02)


_HAS_ALL = missing_protection() is None and landlock_version() >= 4


@pytest.mark.skipif(not _HAS_ALL, reason="this kernel has less")
def test_a_redirect_to_another_port_needs_its_host_to_be_named() -> None:
    leads = Behaviour(status=302)
    with RtspServer(encode_clip()) as moved, RtspServer(encode_clip(), behaviour=leads) as camera:
        leads.location = moved.url
        options = SourceOptions("cam", camera.url, decode_process=True)
        with WatchedReader(options) as watched:
            assert watched.until(lambda: watched.stats.error is not None)
            assert "another port" in (watched.stats.error or "")
        with WatchedReader(replace(options, redirect_hosts=("127.0.0.1",)), pictures=False) as watched:
            assert watched.until_frames(1)


@pytest.mark.skipif(not _HAS_ALL, reason="this kernel has less")
@pytest.mark.parametrize(("kernel", "also"), [([], set[str]()), (["without Landlock"], {"listen"})])
def test_the_sandbox_leaves_a_decoder_its_camera_alone(kernel: list[str], also: set[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as camera:
        command = [sys.executable, "-m", "tests.stream.sandboxed", str(camera.getsockname()[1]), *kernel]
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    refused: dict[str, object] = json.loads(found.stdout)
    allowed = {"connect to the camera", "listen for the relay", "start a thread"} | also
    assert {what for what, number in refused.items() if number is None} == allowed
    closed = {what: number for what, number in refused.items() if number is not None}
    assert closed.pop("take memory") == "memory"
    assert closed.pop("connect elsewhere") == (errno.ECONNREFUSED if also else errno.EACCES)
    assert set(closed.values()) <= {errno.EPERM, errno.EACCES}


def test_a_slot_is_free_when_the_last_array_that_looks_at_it_is_gone() -> None:
    slots = PictureSlots()
    writer = SlotWriter(os.dup(slots.descriptor))
    first = slots.acquire()
    writer.write(first, np.full((4, 5, 3), 7, np.uint8))
    image = slots.picture(first, 4, 5)
    part = image[1:3][:, 1:]
    del image
    others = [slots.acquire() for _ in range(SLOT_COUNT - 1)]
    assert first not in others
    assert part.tolist() == [[[7] * 3] * 4] * 2
    writer.write(others[-1], np.full((4, 5, 3), 8, np.uint8))
    copied = slots.picture(others[-1], 4, 5)  # since no other is free
    assert (slots.acquire(), copied.min()) == (others[-1], 8)
    writer.write(others[-1], np.full((4, 5, 3), 9, np.uint8))
    assert copied.max() == 8
    del part
    assert slots.acquire() == first
    slots.close()


def test_gpu_and_process_exclude_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    options = SourceOptions("cam", "rtsp://127.0.0.1/x", decode_process=True)
    check_source(options)
    monkeypatch.setattr("groundcast.stream.capture.open_source.gpu_decoder", str)  # as where there is one
    with pytest.raises(SourceError, match="leave one of them out"):
        check_source(replace(options, decode="cuda"))
    check_source(replace(options, decode="cuda", decode_process=False))


def test_the_url_and_the_environment_are_not_shown_to_other_users() -> None:
    options = SourceOptions("cam", "rtsp://viewer:s3cret@127.0.0.1/x")
    link = DecoderLink(options, DECODER)
    try:
        link.use(options, _never)
        shown = Path(f"/proc/{link.pid}/cmdline").read_bytes()
        assert b"s3cret" not in shown
        assert shown.endswith(b"\x00554\x0053\x00")
    finally:
        link.kill()
