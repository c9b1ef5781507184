"""What systemd is told, over the datagram socket that it would listen on."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path

import pytest

from groundcast.launch.service.sd_notify import ServiceManager

from ...stream.exhaustion import no_descriptors_left


def listening(address: str) -> socket.socket:
    heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    heard.bind(address.replace("@", "\0", 1))
    heard.settimeout(20)
    return heard


@pytest.mark.parametrize("is_abstract", [False, True])
def test_a_node_says_when_it_is_ready_and_when_it_ends(tmp_path: Path, is_abstract: bool) -> None:
    address = f"@groundcast-test-{os.getpid()}" if is_abstract else str(tmp_path / "notify")
    with listening(address) as heard, ServiceManager({"NOTIFY_SOCKET": address}).informed(lambda: True):
        assert heard.recv(1000) == b"READY=1"

    with listening(address + "2") as heard:
        with ServiceManager({"NOTIFY_SOCKET": address + "2"}).informed(lambda: True):
            pass
        assert [heard.recv(1000), heard.recv(1000)] == [b"READY=1", b"STOPPING=1"]


def test_signs_of_life_stop_when_the_loop_does(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    alive = threading.Event()
    alive.set()
    manager = ServiceManager({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "40000", "WATCHDOG_PID": str(os.getpid())})

    with listening(address) as heard, manager.informed(alive.is_set):
        assert [heard.recv(1000) for _ in range(4)] == [b"READY=1", *[b"WATCHDOG=1"] * 3]
        alive.clear()
        time.sleep(0.1)  # one may be on its way
        heard.setblocking(False)
        while True:
            try:
                heard.recv(1000)
            except BlockingIOError:
                break
        time.sleep(0.2)
        with pytest.raises(BlockingIOError):
            heard.recv(1000)


def test_signs_of_life_go_on_while_no_descriptor_is_left(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    manager = ServiceManager({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "40000", "WATCHDOG_PID": str(os.getpid())})
    with listening(address) as heard, manager.informed(lambda: True):
        assert [heard.recv(1000), heard.recv(1000)] == [b"READY=1", b"WATCHDOG=1"]
        with no_descriptors_left():
            manager.say("STATUS=full")  # which cannot be said, and ends nothing
            assert [heard.recv(1000) for _ in range(3)] == [b"WATCHDOG=1"] * 3


def test_a_watchdog_that_means_another_process_is_left_alone(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    manager = ServiceManager({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "10000", "WATCHDOG_PID": "1"})

    with listening(address) as heard:
        with manager.informed(lambda: True):
            time.sleep(0.1)
        assert [heard.recv(1000), heard.recv(1000)] == [b"READY=1", b"STOPPING=1"]


def test_reading_the_settings_again_is_told_with_its_moment(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with listening(address) as heard:
        before_us = time.monotonic_ns() // 1000
        with ServiceManager({"NOTIFY_SOCKET": address}).reloading():
            pass
        reloading, moment = heard.recv(1000).decode().split("\n")
        assert reloading == "RELOADING=1"
        assert before_us <= int(moment.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000
        assert heard.recv(1000) == b"READY=1"


def test_without_a_manager_nothing_is_said_and_a_lost_one_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with ServiceManager({}).informed(lambda: True):
        assert not caplog.text

    ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone")}).say("READY=1")
    assert "could not be sent READY=1" in caplog.text


def test_a_manager_that_reads_nothing_delays_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    address = str(tmp_path / "notify")
    manager = ServiceManager({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "2000"})
    queued = int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text())

    with listening(address) as heard:
        began_s = time.monotonic()
        with manager.informed(lambda: True):
            time.sleep(0.002 * (queued + 50))
            assert not caplog.text
        assert time.monotonic() - began_s < 10
        assert heard.recv(1000) == b"READY=1"
    assert "could not be sent STOPPING=1" in caplog.text
