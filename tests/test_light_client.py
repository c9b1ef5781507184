"""A program that only subscribes needs the wheel, pyzmq and msgpack, and loads nothing else."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from groundcast.stream.options import PublisherOptions
from groundcast.stream.publish.publisher import Publisher
from groundcast.stream.track import Track
from groundcast.stream.wire.message_types import DetectionMessage, FrameInfo, ModelInfo, PromptInfo, StatusMessage

HEAVY = ("torch", "av", "cv2", "numpy", "norfair", "pydantic", "yaml", "typer", "rich")
PROGRAM = """
import json, sys
from groundcast.stream.subscriber import Subscriber
messages = Subscriber(sys.argv[1], newest_only=False, timeout_s=20)
got = [[track.phrase, track.id, list(track.box_xyxy)] for message in messages for track in message.tracks]
print(json.dumps({"got": got, "modules": sorted(sys.modules)}))
"""
MUG = Track(
    7, "u-7", "red mug", 0.9, (1.0, 2.0, 30.0, 40.0), (1.0, 2.0, 30.0, 40.0), "matched", None, None, 0.5, 0, (0.0, 0.0)
)


@pytest.fixture(scope="module")
def client_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with what `pip install groundcast` brings, laid out by hand since tests use no network."""
    folder = tmp_path_factory.mktemp("client")
    venv.create(folder, with_pip=False, symlinks=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = folder / "lib" / version / "site-packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    for name in ("pyzmq", "msgpack"):
        for file in importlib.metadata.files(name) or []:
            if ".." not in file.parts:
                target = packages / file
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(Path(str(file.locate())).read_bytes())
    return folder / "bin" / "python"


def test_a_client_subscribes_without_torch_or_numpy(client_python: Path, tmp_path: Path) -> None:
    with Publisher(PublisherOptions("tcp://127.0.0.1:*"), "bench") as publisher:
        command = [str(client_python), "-c", PROGRAM, publisher.address]
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as client:
            assert publisher.wait_for_subscriber(20.0, lambda: client.poll() is not None)
            for seq in (1, 2):
                publisher.send_detections(_message(seq))
            publisher.send_status(_ended(2))
            said = json.loads(client.communicate(timeout=30)[0])

    assert said["got"] == [["red mug", 7, [1.0, 2.0, 30.0, 40.0]]] * 2
    assert not set(HEAVY) & set(said["modules"])


def test_a_node_command_says_what_to_install(client_python: Path, tmp_path: Path) -> None:
    program = "from groundcast.launch.cli import main; main()"
    command = [str(client_python), "-c", program, "run", "--source", "clip.mp4"]

    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert ended.returncode == 2
    assert "pip install 'groundcast[node]'" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def _message(seq: int) -> DetectionMessage:
    return DetectionMessage(
        node="bench", source="wrist", epoch=1, generation=1, seq=seq,
        frame=FrameInfo(seq, 640, 480, "file"),
        model=ModelInfo("blobs", "uint8", "mean"),
        prompt=PromptInfo(1, "0" * 16, ("red mug",)),
        tracks=(MUG,), published_unix_ns=1, published_monotonic_ns=1,
    )  # fmt: skip


def _ended(seq: int) -> StatusMessage:
    return StatusMessage(
        node="bench", source="wrist", epoch=1, generation=1, seq=seq, state="ended", published_unix_ns=1
    )
