"""The clients that a node lets in."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from groundcast.stream.sockets.allow_list import AllowList, allow, allowed, revoke
from groundcast.stream.sockets.key_files import KeyFileError, make_pair, read_public
from groundcast.stream.sockets.rejections import Rejections

from ..exhaustion import no_descriptors_left
from ..key_folder import make_foreign, make_keys


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return make_keys(tmp_path / "keys")


def test_a_client_may_do_what_it_was_allowed_and_no_more(keys: Path) -> None:
    pair = make_pair(keys, "arm")
    allow(keys, "arm", keys / "arm.key", ["watch"])
    assert AllowList(keys, "watch").name_of(pair.public) == "arm"
    assert AllowList(keys, "control").name_of(pair.public) is None
    assert allowed(keys) == {"arm": ("watch",)}


def test_the_folder_is_read_again_when_it_changes(keys: Path) -> None:
    clients = AllowList(keys, "watch")
    arm, cart = make_pair(keys, "arm"), make_pair(keys, "cart")
    for name in ("arm", "cart"):
        allow(keys, name, keys / f"{name}.key", ["watch"])
    assert clients.name_of(arm.public) is None
    assert not clients.refresh()  # no client lost its key
    assert (clients.name_of(arm.public), len(clients)) == ("arm", 2)
    assert revoke(keys, "arm") == ("watch",)
    assert clients.refresh()
    assert not clients.refresh()
    assert (clients.name_of(arm.public), clients.name_of(cart.public)) == (None, "cart")


def test_a_key_in_the_place_of_another_revokes_that_one(keys: Path) -> None:
    old = make_pair(keys, "arm")
    allow(keys, "arm", keys / "arm.key", ["watch"])
    clients = AllowList(keys, "watch")
    new = make_pair(keys, "arm", force=True)
    with pytest.raises(KeyFileError, match="allows another key under that name: groundcast keys revoke arm first"):
        allow(keys, "arm", keys / "arm.key", ["control"])
    (keys / "arm.key").rename(keys / "allowed" / "watch" / "arm.key")
    assert clients.refresh()
    assert (clients.name_of(old.public), clients.name_of(new.public)) == (None, "arm")


def test_a_key_file_that_is_gone_when_it_is_looked_at_rejects_no_other_client(keys: Path) -> None:
    arm = make_pair(keys, "arm")
    allow(keys, "arm", keys / "arm.key", ["watch"])
    clients = AllowList(keys, "watch")
    (keys / "allowed" / "watch" / "cart.key").symlink_to("nowhere")
    assert not clients.refresh()
    assert clients.name_of(arm.public) == "arm"


def test_a_key_file_with_a_name_that_is_none_admits_no_client(keys: Path, caplog: pytest.LogCaptureFixture) -> None:
    arm = make_pair(keys, "arm")
    allow(keys, "arm", keys / "arm.key", ["watch"])
    folder = keys / "allowed" / "watch"
    (folder / "arm.key").rename(folder / os.fsdecode(b"\xff.key"))  # a name that ZAP cannot carry
    assert AllowList(keys, "watch").name_of(arm.public) is None
    assert "a key that cannot be read admits no client" in caplog.text


def test_a_client_that_is_allowed_again_is_allowed_meanwhile(keys: Path) -> None:
    make_pair(keys, "arm")
    allow(keys, "arm", keys / "arm.key", ["watch"])
    there, over, missing = keys / "allowed" / "watch" / "arm.key", threading.Event(), list[int]()

    def look() -> None:
        while not over.is_set():
            missing.append(not there.exists())

    looker = threading.Thread(target=look)
    looker.start()
    for _ in range(200):
        allow(keys, "arm", keys / "arm.key", ["watch"])
    over.set()
    looker.join()
    assert sum(missing) == 0
    assert there.stat().st_mode & 0o777 == 0o600


def test_without_a_readable_folder_no_client_is_admitted(keys: Path) -> None:
    make_pair(keys, "arm")
    allow(keys, "arm", keys / "arm.key", ["watch"])
    clients = AllowList(keys, "watch")
    (keys / "allowed").rename(keys / "gone")
    assert clients.refresh()
    assert len(clients) == 0


def test_a_key_that_cannot_be_read_admits_no_client_and_rejects_no_other(
    keys: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pair = make_pair(keys, "arm")
    allow(keys, "arm", keys / "arm.key", ["watch"])
    (keys / "allowed" / "watch" / "broken.key").write_text("no key")
    clients = AllowList(keys, "watch")
    clients.refresh()
    assert (clients.name_of(pair.public), len(clients)) == ("arm", 1)
    assert len([record for record in caplog.records if "broken.key" in record.getMessage()]) == 1


@pytest.mark.parametrize("open_one", [".", "allowed", "allowed/watch"])
def test_a_folder_into_which_others_could_lay_keys_is_refused(keys: Path, open_one: str) -> None:
    make_pair(keys, "arm")
    allow(keys, "arm", keys / "arm.key", ["watch"])
    (keys / open_one).chmod(0o720)
    with pytest.raises(KeyFileError, match=r"can be written to by others \(mode 720\): chmod 700"):
        AllowList(keys, "watch")


def test_a_folder_that_cannot_be_listed_now_keeps_its_keys_and_loses_those_that_are_removed(keys: Path) -> None:
    arm, cart = make_pair(keys, "arm"), make_pair(keys, "cart")
    for name in ("arm", "cart"):
        allow(keys, name, keys / f"{name}.key", ["watch"])
    clients = AllowList(keys, "watch")
    late = make_pair(keys, "late")
    allow(keys, "late", keys / "late.key", ["watch"])
    with no_descriptors_left() as give_back:
        assert not clients.refresh()
        assert clients.name_of(arm.public) == "arm"
        (keys / "allowed" / "watch" / "cart.key").unlink()
        assert clients.refresh()  # noticed without a descriptor
        assert (clients.name_of(arm.public), clients.name_of(cart.public)) == ("arm", None)
        give_back()
    assert not clients.refresh()
    assert clients.name_of(late.public) == "late"


def test_a_key_that_changes_while_no_file_can_be_opened_is_read_again_later(keys: Path) -> None:
    old = make_pair(keys, "arm")
    allow(keys, "arm", keys / "arm.key", ["watch"])
    clients = AllowList(keys, "watch")
    new = make_pair(keys, "arm", force=True)
    (keys / "arm.key").rename(keys / "allowed" / "watch" / "arm.key")
    with no_descriptors_left():
        assert not clients.refresh()
    assert clients.refresh()
    assert (clients.name_of(old.public), clients.name_of(new.public)) == (None, "arm")


@pytest.mark.parametrize("opened", [".", "allowed", "allowed/watch"])
def test_a_folder_that_is_opened_to_others_lets_in_no_new_key_until_it_is_closed_again(
    keys: Path, opened: str, caplog: pytest.LogCaptureFixture
) -> None:
    arm, thief = make_pair(keys, "arm"), make_pair(keys, "thief")
    allow(keys, "arm", keys / "arm.key", ["watch"])
    clients = AllowList(keys, "watch")
    (keys / "thief.key").rename(keys / "allowed" / "watch" / "thief.key")
    (keys / opened).chmod(0o777)
    for _ in range(3):
        assert not clients.refresh()
    assert (clients.name_of(arm.public), clients.name_of(thief.public)) == ("arm", None)
    assert len([record for record in caplog.records if "can be written to by others" in record.getMessage()]) == 1
    (keys / opened).chmod(0o700)
    clients.refresh()
    assert clients.name_of(thief.public) == "thief"


@pytest.mark.parametrize("how", ["others may change it", "a link into a folder that others may change", "foreign"])
def test_a_key_that_others_could_have_put_there_admits_no_client(
    keys: Path, tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    arm = make_pair(keys, "arm")
    allow(keys, "arm", keys / "arm.key", ["watch"])
    clients = AllowList(keys, "watch")
    key = keys / "allowed" / "watch" / "arm.key"
    if how == "foreign":
        make_foreign(key, monkeypatch)
    elif how == "others may change it":
        key.chmod(0o666)
    else:
        key.rename(tmp_path / "arm.key")
        key.symlink_to(tmp_path / "arm.key")
        assert not clients.refresh()
        tmp_path.chmod(0o777)
    clients.refresh()
    if os.geteuid() == 0 or how != "foreign":  # else the whole folder seems to be another user's: it stays as it was
        assert clients.name_of(arm.public) is None
        assert "a key that other users could have put there admits no client" in caplog.text


def test_keys_are_allowed_only_in_a_folder_that_is_closed_to_others(keys: Path) -> None:
    make_pair(keys, "arm")
    (keys / "allowed").mkdir()
    (keys / "allowed").chmod(0o777)
    with pytest.raises(KeyFileError, match="can be written to by others"):
        allow(keys, "arm", keys / "arm.key", ["watch"])


def test_a_key_that_another_user_sent_can_be_allowed_unless_everybody_may_change_it(
    keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = tmp_path / "arm.key"
    pair = make_pair(tmp_path / "theirs", "arm")
    (tmp_path / "theirs" / "arm.key").rename(sent)
    sent.chmod(0o666)
    with pytest.raises(KeyFileError, match=r"can be written to by others \(mode 666\)"):
        allow(keys, "arm", sent, ["watch"])
    sent.chmod(0o664)
    if os.geteuid() == 0:  # else we could not give it away
        make_foreign(sent, monkeypatch)
    allow(keys, "arm", sent, ["watch"])
    assert AllowList(keys, "watch").name_of(pair.public) == "arm"


def test_a_secret_never_gets_into_the_list(keys: Path) -> None:
    pair = make_pair(keys, "arm")
    allow(keys, "arm", keys / "arm.key_secret", ["watch"])
    stored = keys / "allowed" / "watch" / "arm.key"
    assert read_public(stored) == pair.public
    assert pair.secret not in stored.read_bytes()
    assert stored.stat().st_mode & 0o777 == 0o600


def test_who_was_never_allowed_cannot_be_revoked(keys: Path) -> None:
    with pytest.raises(KeyFileError, match="arm is not allowed in"):
        revoke(keys, "arm")


def test_rejected_clients_are_counted_each_time_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    rejected_connections = Rejections("watch")
    for _ in range(3):
        rejected_connections.add("unknown_key", "192.0.2.7")
    rejected_connections.add("no_handshake", "192.0.2.7")
    assert rejected_connections.counts == {
        "unknown_key": 3,
        "wrong_node_key": 0,
        "no_handshake": 1,
        "too_many": 0,
        "flood": 0,
    }
    assert [record.getMessage().split(" (")[0] for record in caplog.records] == [
        "192.0.2.7 may not watch: its key is not allowed here",
        "192.0.2.7 may not watch: it has no keys, or speaks something else",
    ]


def test_a_crowd_of_rejected_clients_fills_neither_the_log_nor_the_memory(caplog: pytest.LogCaptureFixture) -> None:
    rejected_connections = Rejections("watch")
    for number in range(10_000):
        rejected_connections.add("unknown_key", f"2001:db8::{number:x}")
    assert rejected_connections.counts["unknown_key"] == 10_000
    assert len(caplog.records) < 300
    assert "only counted" in caplog.records[-1].getMessage()
