"""ROS 2 bridge: speaks a node's messages on as ROS 2 messages, and takes prompts from ROS."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from ..track import TrackState
from ..wire.message_types import DetectionMessage, StatusMessage
from .bridge_figures import BridgeFigures
from .feed import FeedOptions, follow
from .picture_feed import PictureFeed
from .prompt_requests import PromptRequests
from .ros_convert import compressed_image, detections_2d, diagnostics
from .ros_positions import detections_3d, has_geometry, markers
from .ros_topics import RosNode, RosTopics

_LOOK_EVERY_S = 0.1
_DIAGNOSTICS_EVERY_S = 1.0


class RosBridge:
    """Passes messages on until it is stopped.

    Args:
        feed: where messages come from.
        node: the node in ROS.
        topics: under which names.
        states: which tracks are passed on.
        requests: takes the prompts that ROS publishes; None where the bridge does not control the node.
    """

    def __init__(
        self,
        feed: FeedOptions,
        node: RosNode,
        topics: RosTopics,
        states: Collection[TrackState] = ("matched",),
        requests: PromptRequests | None = None,
    ) -> None:
        self.figures = BridgeFigures()
        self._feed = feed
        self._node = node
        self._topics = topics
        self._states = frozenset(states)
        self._requests = requests
        self._pictures = PictureFeed(feed, self._send_picture)
        self._statuses: dict[tuple[str, str], StatusMessage] = {}
        self._look_s = self._diagnose_s = 0.0
        if requests is not None:
            node.listen(topics.prompt)
            node.listen(topics.ask)

    def run(self, stop: Callable[[], bool]) -> None:
        """Pass messages on until `stop()`, or the end of all sources where `feed` says so.

        Raises:
            SubscriberError: an address, a name or keys that cannot be used.
        """
        try:
            counters = follow(self._feed, self._send, self._take_status, self._turn, stop)
        finally:
            self._pictures.close()
            if self._requests is not None:
                self._requests.close()
        self.figures.gaps, self.figures.refused = counters.gaps, counters.refused

    def _send(self, message: DetectionMessage) -> None:
        self.figures.received += 1
        topics = self._topics.of(message.node, message.source)
        self._node.publish(topics.detections, detections_2d(message, self._states))
        self.figures.count("detections")
        if has_geometry(message):
            self._node.publish(topics.detections_3d, detections_3d(message, self._states))
            self._node.publish(topics.markers, markers(message, self._states))
            self.figures.count("positions")

    def _send_picture(self, message: DetectionMessage) -> None:
        topic = self._topics.of(message.node, message.source).image
        if message.picture is not None and self._node.is_wanted(topic):
            self._node.publish(topic, compressed_image(message, message.picture))
            self.figures.count("pictures")

    def _take_status(self, status: StatusMessage) -> None:
        self.figures.statuses += 1
        key = (status.node, status.source)
        is_new = key not in self._statuses
        changed = is_new or self._statuses[key].state != status.state
        self._statuses[key] = status
        if is_new:
            topics = self._topics.of(*key)
            for topic in (topics.detections, topics.detections_3d, topics.markers, topics.image):
                self._node.advertise(topic)
        if changed:
            self._diagnose_s = 0.0

    def _turn(self) -> None:
        now_s = time.monotonic()
        if now_s >= self._diagnose_s and self._statuses:
            self._diagnose_s = now_s + _DIAGNOSTICS_EVERY_S
            self._node.publish(self._topics.diagnostics, diagnostics([*self._statuses.values()], time.time_ns()))
            self.figures.count("diagnostics")
        if now_s >= self._look_s:
            self._look_s = now_s + _LOOK_EVERY_S
            images = [self._topics.of(*key).image for key in self._statuses]
            self._pictures.want(any(self._node.is_wanted(topic) for topic in images))
            if self._requests is not None:
                self._pass_on_requests(self._requests)

    def _pass_on_requests(self, requests: PromptRequests) -> None:
        if requests.failure is not None:
            raise requests.failure
        for received in self._node.take(self._topics.prompt):
            requests.set_prompt(received.text)
        for received in self._node.take(self._topics.ask):
            requests.ask(received.publisher, received.text)
        present = self._node.publishers(self._topics.ask)
        if present is not None:
            requests.keep(present)
