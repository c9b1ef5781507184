"""Addresses a publisher cannot use, or not safely."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from groundcast.stream.options import PublisherOptions
from groundcast.stream.publish.publisher import Publisher, PublisherError

NODE = "bench-2"


def test_a_busy_port_is_named_in_one_sentence() -> None:
    with (
        Publisher(PublisherOptions("tcp://127.0.0.1:*"), NODE) as first,
        pytest.raises(PublisherError, match=f"address {first.address} is in use by another program: stop it"),
    ):
        Publisher(PublisherOptions(first.address), NODE)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("5570", "must look like tcp://127.0.0.1:5570"),
        ("tcp://127.0.0.1", "must look like"),
        ("udp://127.0.0.1:5570", "must look like"),
        ("tcp://127.0.0.1:65536", "ports end at 65535"),
        ("ipc://", "needs the path of a socket file"),
        ("ipc://@groundcast", "needs the path of a socket file"),
        ("ipc:///" + "x" * 108, "choose a shorter one"),
        ("ipc:///no-such-folder/groundcast.sock", "a folder that does not exist: create /no-such-folder"),
        ("tcp://*:5570", "can be reached by others"),
        ("tcp://0.0.0.0:5570", "can be reached by others"),
        ("tcp://192.0.2.7:5570", "can be reached by others"),
        ("tcp://[::]:5570", "can be reached by others"),
        ("tcp://127.0.0.1.example:5570", "can be reached by others"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_with_its_reason(address: str, reason: str) -> None:
    with pytest.raises(PublisherError) as error:
        Publisher(PublisherOptions(address), NODE)
    assert reason in str(error.value)
    assert "\n" not in str(error.value)


def test_an_address_of_another_machine_is_refused_even_when_insecure() -> None:
    with pytest.raises(PublisherError, match="does not belong to this machine"):
        Publisher(PublisherOptions("tcp://192.0.2.7:5570", insecure=True), NODE)


def test_an_insecure_address_is_logged_at_every_start(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), Publisher(PublisherOptions("tcp://0.0.0.0:*", insecure=True), NODE):
        assert [record.getMessage() for record in caplog.records if "insecure" in record.getMessage()] != []


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("keep me", encoding="utf-8")
    with pytest.raises(PublisherError, match="not a socket"):
        Publisher(PublisherOptions(f"ipc://{path}"), NODE)
    assert path.read_text(encoding="utf-8") == "keep me"
