"""A node that stands as a test puts it: for what only reads how a node is doing."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

from groundcast.launch.service.health import Health
from groundcast.model.prompt import Prompt
from groundcast.stream.node.node_api import LeaseInfo, NodeStatus
from groundcast.stream.wire.message_types import ModelInfo, StatusMessage

DOOR = StatusMessage(
    node="bench",
    source="door",
    epoch=1_790_000_000_000_000_000,
    generation=2,
    seq=481,
    state="running",
    published_unix_ns=1_790_000_016_500_000_000,
    fps_in=29.5,
    fps_out=14.5,
    frames_decoded=1934,
    dropped_total=1452,
    reconnects=2,
    corrupt=1,
    latency_ms={"p50": 20.0, "p95": 31.5, "p99": 40.0},
    prompt_version=3,
    stale_total=7,
    since_message_ms=812.5,
)
SHELF = StatusMessage(
    node="bench", source="shelf", epoch=DOOR.epoch, generation=1, seq=0, state="reconnecting", published_unix_ns=1,
    error="rtsp://***@192.0.2.1/: no route", prompt_version=3,
)  # fmt: skip
STATUS = NodeStatus(
    node="bench",
    epoch=DOOR.epoch,
    model=ModelInfo("tabletop", "float32", "mean"),
    prompt_version=3,
    prompts={"door": Prompt.parse("red mug"), "shelf": Prompt.parse("red mug")},
    sources=(DOOR, SHELF),
    paused=("shelf",),
    leases=(LeaseInfo("arm", ("bolt",), None, 3.0),),
    unsent=4,
    rejected_connections={"unknown_key": 5},
)


class StandingNode:
    """Says `status`, and when its loop turned and its detector was asked."""

    def __init__(self, status: NodeStatus = STATUS, turned_s_ago: float = 0.0, asked_s_ago: float = 0.0) -> None:
        self.said = status
        self.last_loop_ns = time.monotonic_ns() - int(turned_s_ago * 1e9)
        self.oldest_request_ns = time.monotonic_ns() - int(asked_s_ago * 1e9)

    def status(self) -> NodeStatus:
        return self.said


def with_sources(*sources: StatusMessage) -> NodeStatus:
    return replace(STATUS, sources=sources)


def health_of(node: StandingNode, stop: threading.Event | None = None) -> Health:
    health = Health()
    health.attach(node, stop or threading.Event())
    return health
