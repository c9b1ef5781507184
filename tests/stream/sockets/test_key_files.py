"""Key pairs as files: what is written, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import zmq
import zmq.auth

from groundcast.stream.sockets.client_keys import read_client_keys
from groundcast.stream.sockets.key_files import NODE, KeyFileError, make_pair, read_node_pair, read_pair, read_public

from ..key_folder import hand_over, make_foreign, make_keys


def test_a_pair_is_for_its_owner_alone_and_other_tools_read_it(tmp_path: Path) -> None:
    keys = tmp_path / "config" / "keys"
    pair = make_pair(keys, "arm")
    assert keys.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in keys.iterdir()} == {
        "arm.key": 0o600,
        "arm.key_secret": 0o600,
    }
    public, secret = zmq.auth.load_certificate(keys / "arm.key_secret")  # pyright: ignore[reportUnknownMemberType]
    assert (public, secret) == (pair.public, pair.secret)
    assert read_pair(keys / "arm.key_secret") == pair
    assert read_public(keys / "arm.key") == pair.public
    assert pair.secret not in (keys / "arm.key").read_bytes()


def test_a_secret_is_in_no_text_about_it(tmp_path: Path) -> None:
    pair = make_pair(tmp_path, "arm")
    assert pair.secret.decode() not in repr(pair)


def test_an_old_pair_stays_unless_forced(tmp_path: Path) -> None:
    old = make_pair(tmp_path, "arm")
    (tmp_path / "arm.key").unlink()
    with pytest.raises(KeyFileError, match=r"arm.key_secret is there already"):
        make_pair(tmp_path, "arm")
    assert read_pair(tmp_path / "arm.key_secret") == old
    assert make_pair(tmp_path, "arm", force=True) != old


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "holds no key: groundcast keys new arm"),
        ("public-key: abc", "holds no key: groundcast keys new arm"),
        ('public-key = "short"', "public key is none"),
        ('public-key = "' + "#" * 40 + '"', "public key is none"),
        (f'public-key = "{"a" * 40}"', "holds no secret key"),
        (f'public-key = "{"a" * 40}"\nsecret-key = "{"b" * 40}"', "do not belong together"),
        (f'public-key = "{"a" * 40}"\nsecret-key = "~"', "do not belong together"),
    ],
)
def test_a_damaged_pair_is_named(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "arm.key_secret"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match=reason):
        read_pair(path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_secret_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    make_pair(tmp_path, "arm")
    (tmp_path / "arm.key_secret").chmod(mode)
    with pytest.raises(KeyFileError, match=f"can be read by others \\(mode {mode:o}\\): chmod 600"):
        read_pair(tmp_path / "arm.key_secret")


@pytest.mark.parametrize("whose", ["folder", "secret", "node.key"])
def test_what_belongs_to_another_user_is_refused(tmp_path: Path, whose: str, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = hand_over(make_keys(tmp_path / "keys", "arm"), "arm", tmp_path / "arm")
    read_client_keys(keys)
    paths = {"folder": keys, "secret": keys / "arm.key_secret", "node.key": keys / "node.key"}
    make_foreign(paths[whose], monkeypatch)
    with pytest.raises(KeyFileError, match="belongs to another user"):
        read_client_keys(keys)


def test_a_nodes_key_that_others_may_change_is_refused(tmp_path: Path) -> None:
    keys = hand_over(make_keys(tmp_path / "keys", "arm"), "arm", tmp_path / "arm")
    (keys / "node.key").chmod(0o666)
    with pytest.raises(KeyFileError, match=r"node.key can be written to by others \(mode 666\): chmod go-w"):
        read_client_keys(keys)


def test_a_folder_below_one_that_others_may_change_is_refused(tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    keys = make_keys(opened / "keys", "arm")
    opened.chmod(0o777)
    with pytest.raises(KeyFileError, match=f"{opened} can be written to by others"):
        read_node_pair(keys)
    opened.chmod(0o1777)  # as /tmp: other users cannot replace our folder
    read_node_pair(keys)


def test_a_link_through_a_folder_that_others_may_change_is_refused(tmp_path: Path) -> None:
    keys, opened = make_keys(tmp_path / "keys"), tmp_path / "opened"
    opened.mkdir()
    opened.chmod(0o777)
    (opened / "way").symlink_to(keys)
    (tmp_path / "link").symlink_to("opened/../opened/way")
    with pytest.raises(KeyFileError, match=f"{opened} can be written to by others"):
        read_node_pair(tmp_path / "link")
    opened.chmod(0o755)
    assert read_node_pair(tmp_path / "link") == read_node_pair(keys)


def test_a_pair_is_not_made_where_others_could_put_another(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(KeyFileError, match="can be written to by others"):
        make_pair(tmp_path, "arm")
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_in_the_place_of_a_key_holds_up_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "arm.key", 0o600)
    with pytest.raises(KeyFileError, match="holds no key, it is no file"):
        read_public(tmp_path / "arm.key")


def test_a_client_finds_its_key_beside_the_nodes(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys", "arm")
    theirs = read_client_keys(hand_over(keys, "arm", tmp_path / "arm"))
    assert theirs.own == read_pair(keys / "arm.key_secret")
    assert theirs.node == read_public(keys / f"{NODE}.key")
    assert read_client_keys(keys) == theirs  # on the node's own machine its secret lies beside them
    assert read_client_keys(theirs) is theirs


def test_what_a_client_lacks_is_said(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys", "arm", "cart")
    with pytest.raises(KeyFileError, match=r"several clients: name one file, such as \S+arm.key_secret"):
        read_client_keys(keys)
    assert read_client_keys(keys / "cart.key_secret").own == read_pair(keys / "cart.key_secret")
    (keys / "node.key").unlink()
    with pytest.raises(KeyFileError, match=r"node.key is missing: copy node.key from the node's folder of keys"):
        read_client_keys(keys / "cart.key_secret")
    with pytest.raises(KeyFileError, match="holds no key of a client: groundcast keys new NAME"):
        read_client_keys(_empty(tmp_path / "empty"))
    with pytest.raises(KeyFileError, match="cannot be read"):
        read_client_keys(tmp_path / "nowhere" / "arm.key_secret")
    keys.chmod(0o770)
    with pytest.raises(KeyFileError, match="can be written to by others"):
        read_client_keys(keys / "cart.key_secret")


def _empty(folder: Path) -> Path:
    folder.mkdir(mode=0o700)
    return folder
