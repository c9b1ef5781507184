"""A node that is killed under load, over and over: readers see a new epoch and no half message, and it is back soon."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import pytest

from groundcast.launch.node.node_process import NodeProcess
from groundcast.model.tabletop.clip_truth import CLIP_PATH
from groundcast.stream.recording.mcap_reader import McapReader
from groundcast.stream.subscriber import Subscriber
from groundcast.stream.wire.message import decode_detections
from groundcast.stream.wire.message_types import DetectionMessage
from groundcast.stream.wire.topics import kind_prefix

from ..stream.rtsp_server import free_port
from .processes import running

pytestmark = pytest.mark.slow

TIMES = 20
MAX_RESTART_S = 12.0
FLUSHED_WITHIN_S = 2.0  # of a recording, and then safe from a kill
# What `groundcast run` loads before its first frame.
IMPORTS = (
    "import torch, timm, norfair, av, cv2, zmq, pydantic, typer, yaml; from transformers import BertModel; "
    "import groundcast.model.detector, groundcast.stream.pipeline, groundcast.launch.run; "
    "import os; os._exit(0)"  # as a killed node: nothing is taken apart
)


class Witness:
    """Takes every message through all restarts."""

    def __init__(self, address: str) -> None:
        self.messages: defaultdict[int, list[DetectionMessage]] = defaultdict(list)  # of each epoch
        self.arrived_s: dict[int, float] = {}
        self.refused: dict[str, int] = {}
        self._address = address
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join()

    def _listen(self) -> None:
        with Subscriber(self._address, newest_only=False, snapshot=False, timeout_s=0.2) as subscriber:
            while not self._over.is_set():
                try:
                    message = next(subscriber)
                except TimeoutError:
                    continue
                self.arrived_s.setdefault(message.epoch, time.monotonic())
                self.messages[message.epoch].append(message)
            self.refused = dict(subscriber.refused)


def test_a_killed_node_is_back_soon_and_misleads_no_subscriber(tmp_path: Path) -> None:
    port = free_port()
    settings = tmp_path / "node.yaml"
    settings.write_text(json.dumps(node_settings(port)))
    address, recording = f"tcp://127.0.0.1:{port}", tmp_path / "recording.mcap"
    witness = Witness(address)
    restarts_s: list[float] = []
    with running("groundcast.launch.cli", "record", address, str(recording)) as recorder, closing(witness):
        for _ in range(TIMES):
            known, began_s = set(witness.arrived_s), time.monotonic()
            with NodeProcess(settings) as node:
                epoch = wait_for_new(witness, known)
                restarts_s.append(witness.arrived_s[epoch] - began_s)
                time.sleep(0.7)
                os.kill(node.pid, signal.SIGKILL)
        time.sleep(FLUSHED_WITHIN_S)
        recorder.kill()
    imports_s = seconds_to_import()
    print(f"restart to first message: {sorted(round(one, 1) for one in restarts_s)} s; imports alone {imports_s:.1f} s")
    assert len(witness.messages) == TIMES
    assert "malformed" not in witness.refused
    for messages in witness.messages.values():
        numbers = [message.seq for message in messages]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    recorded = [
        decode_detections(one.parts[0]) for one in McapReader(recording) if one.topic.startswith(kind_prefix("det"))
    ]
    assert {message.epoch for message in recorded} == set(witness.messages)
    assert max(restarts_s) <= MAX_RESTART_S


def node_settings(port: int) -> dict[str, object]:
    return {
        "node": "mortal",
        "prompt": "red cube . green ball",
        "publish": {"address": f"tcp://127.0.0.1:{port}", "wait_for_subscriber_s": 5.0, "high_water_mark": 10_000},
        "sources": [{"name": "clip", "url": str(CLIP_PATH), "loop": True}],
    }


def wait_for_new(witness: Witness, known: set[int], timeout_s: float = 60.0) -> int:
    """The epoch that was not there before."""
    end_s = time.monotonic() + timeout_s
    while time.monotonic() < end_s:
        if new := set(witness.arrived_s) - known:
            return new.pop()
        time.sleep(0.01)
    raise TimeoutError(f"no message of a new epoch within {timeout_s:g} s")


def seconds_to_import() -> float:
    began_s = time.monotonic()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True)
    return time.monotonic() - began_s
