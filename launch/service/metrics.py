"""Prometheus metrics of a node, collected when a client reads the page, never in the node's loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import get_args

from prometheus_client.core import CollectorRegistry, CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from ...stream.node.node_api import NodeStatus
from ...stream.stats import SourceState
from ...stream.wire.message_types import StatusMessage
from .health import Health, WatchedControl

_STATES: tuple[SourceState, ...] = get_args(SourceState)
_Read = Callable[[StatusMessage], float | None]

# Counters start at 0 when a source is added again, as Prometheus expects.
_SOURCE_COUNTERS: tuple[tuple[str, str, _Read], ...] = (
    ("frames_decoded", "Pictures decoded.", lambda source: source.frames_decoded),
    ("frames_dropped", "Pictures dropped for newer ones.", lambda source: source.dropped_total),
    ("messages", "Messages sent, one per picture that the detector got.", lambda source: source.seq),
    ("stale_messages", "Messages whose picture was too old to act on when they left.", lambda s: s.stale_total),
    ("still_frames", "Pictures skipped because nothing moved; counted as dropped too.", lambda s: s.still_total),
    ("decode_errors", "Packets or pictures that could not be decoded.", lambda source: source.corrupt),
    ("reconnects", "Connections after the first.", lambda source: source.reconnects),
)
_SOURCE_GAUGES: tuple[tuple[str, str, _Read], ...] = (
    ("frames_per_second", "Pictures decoded per second, over the last seconds.", lambda source: source.fps_in),
    ("messages_per_second", "Messages sent per second, over the last seconds.", lambda source: source.fps_out),
    ("prompt_version", "Version of the prompt in force.", lambda source: source.prompt_version),
    ("generation", "Grows each time a source is added under this name.", lambda source: source.generation),
    ("last_message_age_seconds", "Time since the last message; absent before it.", lambda s: _s(s.since_message_ms)),
)


class Metrics:
    """The page of metrics.

    Args:
        health: of the node.
    """

    def __init__(self, health: Health) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(NodeCollector(health))
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def page(self, accept: str) -> tuple[str, bytes]:
        """The content type that an `Accept` header asks for, and the current metrics in it."""
        try:
            encode, content_type = choose_encoder(accept)
        except (TypeError, ValueError):  # the library breaks on a version that is no number
            encode, content_type = choose_encoder("")
        return content_type, encode(self._registry)


class NodeCollector(Collector):
    """Collects the metrics from the node's status, once per read."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def collect(self) -> Iterator[Metric]:
        """Every metric family; those of the node only once its model is loaded."""
        yield _labelled("groundcast_build_info", "The version of groundcast.", {"version": version("groundcast")})
        status = self._health.status()
        yield _gauge("groundcast_ready", "1 while messages can be expected.", float(self._health.ready(status).ok))
        yield _gauge("groundcast_loop_turn_age_seconds", "Time since the loop last ran.", self._health.turn_age_s())
        if status is not None:
            yield from _of_node(status)
            yield from _of_sources(status)
            yield from _of_connections(status, self._health.control)


def _of_node(status: NodeStatus) -> Iterator[Metric]:
    model = status.model
    labels = {"node": status.node, "model": model.name, "dtype": model.dtype, "score_rule": model.score_rule}
    yield _labelled("groundcast_node_info", "The node's name and its model.", labels)
    yield _gauge("groundcast_node_start_time_seconds", "Start of the node, unix time.", status.epoch / 1e9)
    yield _gauge("groundcast_prompt_version", "The newest version of the prompt.", status.prompt_version)
    yield _gauge("groundcast_leases", "Leases in force.", len(status.leases))
    unsent = "Messages and pictures that were never handed to the socket."
    yield CounterMetricFamily("groundcast_messages_unsent", unsent, value=status.unsent)


def _of_connections(status: NodeStatus, control: WatchedControl | None) -> Iterator[Metric]:
    """Connections that the node's sockets rejected, and requests that control could not answer."""
    said = "Connections rejected by a socket, by reason."
    rejected = CounterMetricFamily("groundcast_rejected_connections", said, labels=["socket", "reason"])
    for reason, count in status.rejected_connections.items():
        rejected.add_metric(["publish", reason], count)
    for reason, count in control.rejected_connections.items() if control is not None else ():
        rejected.add_metric(["control", reason], count)
    yield rejected
    if control is not None:
        said = "Requests that could not be answered, and replies that could not be sent."
        yield CounterMetricFamily("groundcast_control_dropped", said, value=control.dropped)


def _of_sources(status: NodeStatus) -> Iterator[Metric]:
    for name, said, read in _SOURCE_COUNTERS:
        counter = CounterMetricFamily(f"groundcast_source_{name}", said, labels=["source"])
        for source in status.sources:
            counter.add_metric([source.source], read(source) or 0.0)
        yield counter
    for name, said, read in _SOURCE_GAUGES:
        gauge = GaugeMetricFamily(f"groundcast_source_{name}", said, labels=["source"])
        for source in status.sources:
            if (value := read(source)) is not None:
                gauge.add_metric([source.source], value)
        yield gauge
    yield from _counts(status)
    yield _states(status)
    yield _paused(status)
    yield _latencies(status)


def _counts(status: NodeStatus) -> Iterator[Metric]:
    """What is inside zones, and what went over the borders of zones and lines."""
    inside = GaugeMetricFamily("groundcast_zone_objects", "Objects in a zone now.", labels=["source", "zone", "phrase"])
    crossed = CounterMetricFamily(
        "groundcast_place_crossings",
        "Objects that entered or left a zone, or crossed a line in or out.",
        labels=["source", "place", "direction", "phrase"],
    )
    for source in status.sources:
        for one in source.counts:
            for phrase, count in one.now.items():
                inside.add_metric([source.source, one.name, phrase], count)
            for name, of_phrase in one.totals.items():
                for phrase, count in of_phrase.items():
                    crossed.add_metric([source.source, one.name, name, phrase], count)
    yield from (inside, crossed)


def _states(status: NodeStatus) -> Metric:
    states = GaugeMetricFamily(
        "groundcast_source_state", "1 for the source's current state.", labels=["source", "state"]
    )
    for source in status.sources:
        for state in _STATES:
            states.add_metric([source.source, state], float(source.state == state))
    return states


def _paused(status: NodeStatus) -> Metric:
    paused = GaugeMetricFamily("groundcast_source_paused", "1 while the source is paused.", labels=["source"])
    for source in status.sources:
        paused.add_metric([source.source], float(source.source in status.paused))
    return paused


def _latencies(status: NodeStatus) -> Metric:
    said = "Time from decoding to publication, over the last ten thousand messages."
    latencies = Metric("groundcast_source_latency_seconds", said, "summary")
    for source in status.sources:
        for percentile, time_ms in source.latency_ms.items():  # p50, p95, p99
            labels = {"source": source.source, "quantile": f"{int(percentile.removeprefix('p')) / 100:g}"}
            latencies.add_sample("groundcast_source_latency_seconds", labels, time_ms / 1e3)
    return latencies


def _gauge(name: str, said: str, value: float) -> Metric:
    return GaugeMetricFamily(name, said, value=value)


def _labelled(name: str, said: str, labels: dict[str, str]) -> Metric:
    """An info metric: the value 1, with the information in its labels."""
    family = GaugeMetricFamily(name, said, labels=list(labels))
    family.add_metric(list(labels.values()), 1.0)
    return family


def _s(time_ms: float | None) -> float | None:
    return None if time_ms is None else time_ms / 1e3
