"""Pictures that only programs with keys may send."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from groundcast.stream.capture.open_source import check_source
from groundcast.stream.options import SourceOptions
from groundcast.stream.pusher import Pusher, PusherError
from groundcast.stream.sockets.allow_list import allow, revoke
from groundcast.stream.sockets.key_files import make_pair, public_file
from groundcast.stream.source_url import SourceError

from ...waiting import eventually
from ..exhaustion import no_descriptors_left
from ..key_folder import make_keys
from ..rtsp_server import free_port
from ..watched_reader import WatchedReader

PICTURE = np.zeros((4, 4, 3), np.uint8)


def test_only_programs_that_may_push_are_heard_and_only_while_they_may(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys", "driver")
    make_pair(keys, "watcher")
    allow(keys, "watcher", public_file(keys, "watcher"), ["watch", "control"])
    address = f"tcp://127.0.0.1:{free_port()}"
    with (
        WatchedReader(SourceOptions("cam", f"push:{address}", keys=keys)) as watched,
        Pusher(address, keys=keys / "driver.key_secret") as driver,
        Pusher(address, keys=keys / "watcher.key_secret") as watcher,
        Pusher(address) as unknown_pusher,
    ):
        assert eventually(lambda: driver.send(PICTURE))
        assert watched.until_frames(1)
        for _ in range(10):
            assert not watcher.send(PICTURE)
            assert not unknown_pusher.send(PICTURE)
            time.sleep(0.02)
        revoke(keys, "driver")
        assert eventually(lambda: not any(driver.send(PICTURE) or time.sleep(0.05) for _ in range(5)))


def test_a_source_that_finds_no_free_descriptor_says_so_and_comes_back_by_itself(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys", "driver")
    address = f"tcp://127.0.0.1:{free_port()}"
    with (
        no_descriptors_left() as give_back,
        WatchedReader(SourceOptions("cam", f"push:{address}", keys=keys)) as watched,
    ):
        assert watched.until(lambda: watched.stats.state == "reconnecting")
        assert "waits for a free file descriptor" in (watched.stats.error or "")
        give_back()
        with Pusher(address, keys=keys / "driver.key_secret") as driver:
            assert eventually(lambda: driver.send(PICTURE))
            assert watched.until_frames(1)


def test_beyond_this_machine_a_push_source_needs_keys_that_can_be_used(tmp_path: Path) -> None:
    everywhere = SourceOptions("cam", "push:tcp://0.0.0.0:5580")
    with pytest.raises(SourceError, match="can be reached by others and has no keys"):
        check_source(everywhere)
    check_source(replace(everywhere, keys=make_keys(tmp_path / "keys")))


def test_a_program_without_the_keys_it_names_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(PusherError, match="cannot be read"):
        Pusher("tcp://127.0.0.1:5580", keys=tmp_path / "none" / "arm.key_secret")
