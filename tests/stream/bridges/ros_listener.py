"""Another program on DDS: subscribes to ROS topics and publishes texts, as a ROS node would."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

from cyclonedds.core import Policy, Qos
from cyclonedds.domain import Domain, DomainParticipant
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic
from cyclonedds.util import duration

from groundcast.stream.bridges.dds_node import LOOPBACK
from groundcast.stream.bridges.dds_types import dds_type

DOMAIN = 10 + os.getpid() % 90  # so that tests that run side by side do not meet; ports beyond 101 may be in use


class RosListener:
    """A participant of its own."""

    def __init__(self, domain: int = DOMAIN) -> None:
        self._domain = Domain(domain, LOOPBACK)
        self._participant = DomainParticipant(domain)

    def reader(self, name: str, ros_type: str, *, reliable: bool = False, depth: int = 2000) -> DataReader[Any]:
        topic = Topic(self._participant, f"rt{name}", dds_type(ros_type))
        return DataReader(self._participant, topic, _qos(reliable, depth))

    def writer(self, name: str) -> tuple[DataWriter[Any], Any]:
        """A publisher of texts, and the class of its messages."""
        kind = dds_type("std_msgs/msg/String")
        topic = Topic(self._participant, f"rt{name}", kind)
        return DataWriter(self._participant, topic, _qos(reliable=True, depth=10)), kind


def _qos(reliable: bool, depth: int) -> Qos:
    reliability = Policy.Reliability.Reliable(duration(seconds=1)) if reliable else Policy.Reliability.BestEffort
    return Qos(reliability, Policy.History.KeepLast(depth), Policy.DataRepresentation(use_cdrv0_representation=True))


def main() -> None:
    """Print a line of JSON for each message of detections: when it came, its stamp and its ids; `count` of them."""
    domain, name, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    listener = RosListener(domain)
    reader = listener.reader(name, "vision_msgs/msg/Detection2DArray")
    print("ready", flush=True)
    until_s = time.monotonic() + 60
    while not reader.get_matched_publications() and time.monotonic() < until_s:
        time.sleep(0.01)
    time.sleep(0.5)  # so that the publisher knows us too
    print("matched", flush=True)
    lines: list[str] = []
    until_s += 60
    while len(lines) < count and time.monotonic() < until_s:
        samples: list[Any] = reader.take(100)
        for one in samples:
            stamp = one.header.stamp.sec * 10**9 + one.header.stamp.nanosec
            arrived_ns = time.monotonic_ns()
            seen = [[thing.id, thing.results[0].hypothesis.class_id] for thing in one.detections]
            lines.append(json.dumps({"arrived_ns": arrived_ns, "stamp_ns": stamp, "seen": seen}))
        if not samples:
            time.sleep(0.0002)
    print("\n".join(lines), flush=True)


if __name__ == "__main__":
    main()
