"""Whether a node lives and is ready, and what its pages say of it."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import zmq
from prometheus_client.parser import text_string_to_metric_families

from groundcast.launch.service.health import Health
from groundcast.launch.service.health_pages import health_pages
from groundcast.stream.control.server import ControlServer
from groundcast.stream.event import PlaceCounts
from groundcast.stream.options import ControlOptions
from groundcast.stream.stats import SourceState
from groundcast.stream.wire.message_types import StatusMessage

from ...stream.key_folder import make_keys
from ...waiting import eventually
from ..standing_node import DOOR, SHELF, StandingNode, health_of, with_sources


def figures(health: Health) -> dict[tuple[str, str], float]:
    """Each figure of the page by its name and the values of its labels, as Prometheus reads it."""
    page = health_pages(health)["/metrics"]("text/plain")
    assert page.content_type.startswith("text/plain")
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(page.body.decode())
        for sample in family.samples
    }


def test_a_node_that_loads_is_alive_and_not_ready() -> None:
    health = Health()

    assert health.alive().ok
    assert not health.ready(health.status()).ok
    assert figures(health)["groundcast_ready", ""] == 0.0


def test_a_request_for_an_unknown_format_gets_the_figures_as_text() -> None:
    page = health_pages(Health())["/metrics"]("application/openmetrics-text; version=newest")

    assert page.content_type.startswith("text/plain")
    assert b"groundcast_ready" in page.body


def test_a_node_whose_loop_stands_still_is_dead() -> None:
    health = health_of(StandingNode(turned_s_ago=60))

    pages = health_pages(health)
    assert pages["/healthz"]("").code == 503
    assert pages["/readyz"]("").code == 503
    assert "the loop has not turned for 60 s" in pages["/healthz"]("").body.decode()


def test_a_node_whose_detector_never_answers_is_dead() -> None:
    assert health_of(StandingNode(asked_s_ago=60)).alive().ok  # it may be a large model

    assert health_of(StandingNode(asked_s_ago=600)).alive().said == "the detector has not answered for 600 s"


@pytest.mark.parametrize(
    ("sources", "is_ready"),
    [
        ((DOOR, SHELF), True),
        ((SHELF,), False),
        ((replace(SHELF, frames_decoded=1),), True),  # lost, but it was there and comes back by itself
        ((replace(DOOR, state="failed"), replace(DOOR, state="ended")), False),
        ((replace(DOOR, state="failed"), DOOR), True),
        ((), True),  # it waits for a client to add one
    ],
)
def test_a_node_is_ready_while_messages_can_be_expected(sources: tuple[StatusMessage, ...], is_ready: bool) -> None:
    page = health_pages(health_of(StandingNode(with_sources(*sources))))["/readyz"]("")

    assert page.code == (200 if is_ready else 503)
    assert json.loads(page.body)["ready"] is is_ready


def test_a_node_that_was_told_to_end_is_no_longer_ready() -> None:
    stop = threading.Event()
    stop.set()

    assert health_pages(health_of(StandingNode(), stop))["/readyz"]("").code == 503


def test_the_ready_page_tells_of_each_source() -> None:
    values = json.loads(health_pages(health_of(StandingNode()))["/readyz"]("").body)

    assert (values["node"], values["prompt_version"]) == ("bench", 3)
    assert values["sources"]["door"] == {"state": "running", "paused": False}
    assert values["sources"]["shelf"] == {"state": "reconnecting", "paused": True, "error": SHELF.error}


def test_metrics_say_what_the_node_says() -> None:
    said = figures(health_of(StandingNode()))

    of_door = {
        name.removeprefix("groundcast_source_"): value for (name, label), value in said.items() if label == "door"
    }
    assert of_door == {
        "frames_decoded_total": 1934, "frames_dropped_total": 1452, "messages_total": 481, "stale_messages_total": 7,
        "decode_errors_total": 1, "reconnects_total": 2, "frames_per_second": 29.5, "messages_per_second": 14.5,
        "prompt_version": 3, "still_frames_total": 0, "generation": 2, "last_message_age_seconds": 0.8125, "paused": 0,
    }  # fmt: skip
    assert said["groundcast_source_latency_seconds", "0.95,door"] == 0.0315
    assert said["groundcast_source_paused", "shelf"] == 1
    assert ("groundcast_source_last_message_age_seconds", "shelf") not in said
    assert said["groundcast_node_info", "float32,tabletop,bench,mean"] == 1
    assert said["groundcast_node_start_time_seconds", ""] == 1.79e9
    assert (said["groundcast_leases", ""], said["groundcast_messages_unsent_total", ""]) == (1, 4)
    assert said["groundcast_rejected_connections_total", "unknown_key,publish"] == 5
    assert ("groundcast_control_dropped_total", "") not in said  # nothing takes requests
    assert said["process_open_fds", ""] > 2


@pytest.mark.parametrize("state", ["running", "stalled", "failed"])
def test_exactly_one_state_is_set(state: SourceState) -> None:
    said = figures(health_of(StandingNode(with_sources(replace(DOOR, state=state)))))

    states = {label: value for (name, label), value in said.items() if name == "groundcast_source_state"}
    assert len(states) == 6
    assert [label for label, value in states.items() if value == 1] == [f"door,{state}"]


def test_counts_of_zones_and_lines_are_metrics() -> None:
    counts = (
        PlaceCounts("shelf", "zone", {"mug": 4}, {"entered": {"mug": 9}, "left": {"mug": 5}}),
        PlaceCounts("entrance", "line", {}, {"in": {"person": 12}, "out": {}}),
    )

    shown = figures(health_of(StandingNode(with_sources(replace(DOOR, counts=counts)))))

    assert shown["groundcast_zone_objects", "mug,door,shelf"] == 4.0
    assert shown["groundcast_place_crossings_total", "entered,mug,shelf,door"] == 9.0
    assert shown["groundcast_place_crossings_total", "in,person,entrance,door"] == 12.0


def test_openmetrics_can_be_had() -> None:
    page = health_pages(health_of(StandingNode()))["/metrics"]("application/openmetrics-text; version=1.0.0")

    assert page.content_type.startswith("application/openmetrics-text")
    assert page.body.endswith(b"# EOF\n")


def test_metrics_tell_who_was_turned_away_at_the_control_socket(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys")
    with ControlServer(ControlOptions("tcp://127.0.0.1:*", keys=keys)) as control, zmq.Context() as context:
        health = Health()
        health.attach(StandingNode(), threading.Event(), control)
        with context.socket(zmq.DEALER) as client:
            client.connect(control.address)

            assert eventually(
                lambda: figures(health)["groundcast_rejected_connections_total", "no_handshake,control"] > 0
            )
        assert figures(health)["groundcast_control_dropped_total", ""] == 0
