"""The commands that make keys, and what a node and a listener make of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from groundcast.launch.keys import default_folder
from groundcast.stream.options import PublisherOptions
from groundcast.stream.publish.publisher import Publisher
from groundcast.stream.wire.message import decode_detections

from .commands import Ended, in_process

Keys = Callable[..., Ended]
GOLDEN = decode_detections((Path(__file__).parents[1] / "stream" / "golden_live.msgpack").read_bytes())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def keys(folder: Path, capsys: pytest.CaptureFixture[str]) -> Keys:
    """`groundcast keys ...` on the test's own folder."""

    def run(*arguments: str) -> Ended:
        return in_process(capsys, "keys", *arguments, "--folder", folder)

    return run


def test_a_node_and_a_client_meet_by_the_commands_that_each_prints(
    keys: Keys, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"groundcast run --keys {folder}" in keys("new", "node").out
    said = keys("new", "arm").out
    assert f"groundcast keys allow arm --folder {folder}" in said
    assert f"scp -p {folder}/arm.key_secret {folder}/node.key" in said
    assert "arm may watch." in keys("allow", "arm").out
    with _speaking(folder) as address:
        heard = in_process(capsys, "listen", address, "--keys", folder, "--count", "1", "--timeout-s", "20", "--json")
        refused = in_process(capsys, "listen", address, "--timeout-s", "0.5")
    assert (heard.code, json.loads(heard.out)["messages"]) == (0, 1)
    assert refused.code == 1
    assert "demands keys" in refused.sentence


def test_a_key_may_come_from_the_clients_own_machine(
    keys: Keys, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys("new", "node")
    there = tmp_path / "client"
    assert "groundcast keys allow cam.key" in in_process(capsys, "keys", "new", "cam", "--folder", there).out
    assert "cam may push." in keys("allow", str(there / "cam.key"), "--push", "--no-watch").out


def test_the_list_says_who_may_what(keys: Keys, folder: Path) -> None:
    for name in ("node", "arm", "cart"):
        keys("new", name)
    keys("allow", "arm", "--control")
    assert json.loads(keys("list", "--json").out)["clients"] == {"arm": ["watch", "control"], "cart": []}
    listed = keys("list").out
    assert f"In {folder}:" in listed
    assert "cart                may nothing" in listed
    assert "arm may watch and control no more" in keys("revoke", "arm").out
    assert json.loads(keys("list", "--json").out)["clients"] == {"arm": [], "cart": []}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["new", "arm"], "arm.key_secret is there already"),
        (["new", "a/b"], "name 'a/b' must be"),
        (["allow", "nobody"], "nobody.key cannot be read"),
        (["allow", "node"], "node is the node itself"),
        (["allow", "arm", "--no-watch"], "--control or --push"),
        (["revoke", "arm"], "arm is not allowed"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(keys: Keys, arguments: list[str], reason: str) -> None:
    keys("new", "arm")
    ended = keys(*arguments)
    assert ended.code == 2
    assert reason in ended.sentence


def test_keys_lie_in_the_users_own_configuration(tmp_path: Path) -> None:
    assert default_folder({"XDG_CONFIG_HOME": str(tmp_path)}) == tmp_path / "groundcast" / "keys"
    assert default_folder({}) == Path.home() / ".config" / "groundcast" / "keys"


def test_check_says_who_will_hear_and_refuses_keys_that_are_open(
    keys: Keys, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings: dict[str, Any] = {
        "prompt": "red ball",
        "publish": {"address": "tcp://0.0.0.0:5570", "keys": str(folder)},
        "sources": [{"name": "door", "url": "lavfi:testsrc"}],
    }
    file = tmp_path / "node.yaml"
    file.write_text(json.dumps(settings))
    assert "groundcast keys new node" in in_process(capsys, "check", file).sentence
    for name in ("node", "arm"):
        keys("new", name)
    assert "(to no client yet, by the keys in" in in_process(capsys, "check", file).out
    keys("allow", "arm")
    assert "tcp://0.0.0.0:5570 (to arm, by the keys in" in in_process(capsys, "check", file).out
    (folder / "node.key_secret").chmod(0o644)
    assert "can be read by others" in in_process(capsys, "check", file).sentence


@contextmanager
def _speaking(folder: Path) -> Generator[str]:
    """A node that has sent one message, which late joiners get."""
    with Publisher(PublisherOptions("tcp://127.0.0.1:*", keys=folder), GOLDEN.node) as node:
        node.send_detections(replace(GOLDEN, seq=1))
        yield node.address
