"""MQTT topics: names that no text from outside can bend."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundcast.stream.bridges.mqtt_topics import MqttNameError, MqttTopics, slug

TOPICS = MqttTopics("groundcast", "tests")


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=70), st.text(max_size=70))
def test_a_phrase_becomes_one_level_of_a_topic_and_two_never_share_one(one: str, other: str) -> None:
    assert all(letter in "abcdefghijklmnopqrstuvwxyz0123456789_" for letter in slug(one))
    assert (slug(one) == slug(other)) == (one == other)


@pytest.mark.parametrize("base", ["", "a/#", "+", "a//b", "a b", "/a", "x" * 300])
def test_a_topic_that_cannot_be_is_refused(base: str) -> None:
    with pytest.raises(MqttNameError, match="cannot stand in a topic"):
        MqttTopics(base, "tests")


@pytest.mark.parametrize(
    ("topic", "lane"),
    [
        ("groundcast/bench/door/snapshot/get", "bench/door"),
        ("groundcast/bench/door/snapshot", None),
        ("groundcast/bench/snapshot/get", None),
        ("elsewhere/bench/door/snapshot/get", None),
    ],
)
def test_a_request_for_a_picture_is_known_by_its_topic(topic: str, lane: str | None) -> None:
    assert TOPICS.requested(topic) == lane
