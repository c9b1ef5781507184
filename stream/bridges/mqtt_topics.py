"""MQTT topics: names, retained values, and what Home Assistant needs to find them by itself."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import get_args

from ..event import EventKind
from ..wire.message_types import StatusMessage

ONLINE, OFFLINE = "online", "offline"
_BASE = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+){0,9}")


class MqttNameError(ValueError):
    """A name that cannot stand in a topic; one sentence."""


class MqttTopics:
    """The topics of a bridge, below `base`, and those of Home Assistant's discovery.

    Args:
        base: what all topics begin with.
        discovery: what Home Assistant's discovery topics begin with, usually "homeassistant"; None sends none.
        bridge: names this bridge among others on the broker.
        snapshots: whether pictures are sent.

    Raises:
        MqttNameError: a name that cannot stand in a topic.
    """

    def __init__(self, base: str, bridge: str, discovery: str | None = None, *, snapshots: bool = False) -> None:
        for name in (base, bridge, *([discovery] if discovery is not None else [])):
            if len(name) > 200 or not _BASE.fullmatch(name):
                raise MqttNameError(
                    f"{name[:100]!r} cannot stand in a topic: use letters, digits, '_', '.', '-' and '/'"
                )
        self.base = base
        self.availability = f"{base}/bridge/{bridge}"
        self.requests = f"{base}/+/+/snapshot/get"
        self._discovery = discovery
        self._snapshots = snapshots

    def event(self, lane: str) -> str:
        """Of the events of a source; `lane` is NODE/SOURCE."""
        return f"{self.base}/{lane}/event"

    def snapshot(self, lane: str) -> str:
        return f"{self.base}/{lane}/snapshot"

    def requested(self, topic: str) -> str | None:
        """The NODE/SOURCE whose picture a topic asks for; None if it does not."""
        parts = topic.removeprefix(f"{self.base}/").split("/")
        is_request = topic.startswith(f"{self.base}/") and len(parts) == 4 and parts[2:] == ["snapshot", "get"]
        return f"{parts[0]}/{parts[1]}" if is_request else None

    def retained(self, status: StatusMessage) -> Iterator[tuple[str, str]]:
        """Topics and values that a late subscriber gets at once: a source's state, and the counts of its places."""
        base = f"{self.base}/{status.node}/{status.source}"
        yield f"{base}/state", json.dumps(_state(status))
        uncertain = status.uncertain_since_unix_ns
        yield f"{base}/uncertain", "ON" if uncertain is not None else "OFF"
        for topic, _, value in _counts(base, status):
            yield topic, str(value)
        if self._discovery is not None:
            for topic, settings in self._entities(self._discovery, base, status):
                yield topic, json.dumps(settings)

    def _entities(self, discovery: str, base: str, status: StatusMessage) -> Iterator[tuple[str, Mapping[str, object]]]:
        """Home Assistant's entities of a source: its topic and settings, for each."""
        device = f"groundcast_{slug(status.node)}_{slug(status.source)}"
        shared: dict[str, object] = {
            "availability_topic": self.availability,
            "device": {
                "identifiers": [device],
                "name": f"{status.source} ({status.node})",
                "manufacturer": "groundcast",
            },
            "origin": {"name": "groundcast"},
        }

        def entity(component: str, name: str, settings: Mapping[str, object]) -> tuple[str, Mapping[str, object]]:
            unique = f"{device}_{slug(name)}"
            topic = f"{discovery}/{component}/{device}/{slug(name)}/config"
            return topic, {**shared, "name": name, "unique_id": unique, **settings}

        template = {"value_template": "{{ value_json.state }}"}
        yield entity("sensor", "state", {"state_topic": f"{base}/state", **template})
        yield entity("event", "event", {"state_topic": f"{base}/event", "event_types": list(get_args(EventKind))})
        yield entity(
            "binary_sensor", "counts uncertain",
            {"state_topic": f"{base}/uncertain", "device_class": "problem", "entity_category": "diagnostic"},
        )  # fmt: skip
        if self._snapshots:
            yield entity("camera", "snapshot", {"topic": f"{base}/snapshot"})
        for topic, name, _ in _counts(base, status):
            kind = "measurement" if "/now/" in topic else "total"
            yield entity("sensor", name, {"state_topic": topic, "state_class": kind})


def slug(text: str) -> str:
    """A text as a part of a topic: lower-case letters, digits and '_'. Two texts never get the same."""
    plain = re.sub(r"[^a-z0-9]", "_", text.lower())[:60]
    return plain if plain == text else f"{plain}_{zlib.crc32(text.encode()):08x}"


def _state(status: StatusMessage) -> Mapping[str, object]:
    said = {"error": status.error, "warning": status.warning, "ended": status.ended}
    return {
        "state": status.state,
        "paused": status.paused,
        "prompt_version": status.prompt_version,
        "reconnects": status.reconnects,
        **{key: text for key, text in said.items() if text},
    }


def _counts(base: str, status: StatusMessage) -> Iterator[tuple[str, str, int]]:
    """Topic, name and value of every count of a source."""
    for place in status.counts:
        kinds: dict[str, Mapping[str, int]] = {**({"now": place.now} if place.kind == "zone" else {}), **place.totals}
        for kind, phrases in kinds.items():
            for phrase, value in phrases.items():
                topic = f"{base}/count/{slug(place.name)}/{kind}/{slug(phrase)}"
                yield topic, f"{place.name} {phrase} {kind}", value
