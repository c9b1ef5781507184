"""Which addresses a web server may take, and which Host, Origin and token it answers."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from groundcast.launch.web.access import AccessError, open_access
from groundcast.launch.web.token_file import read_token


def test_loopback_needs_nothing() -> None:
    for address in ("127.0.0.1:0", "localhost:8080", "[::1]:8080"):
        assert open_access(address).token is None


def test_an_address_that_others_can_reach_needs_a_token_and_tls(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="add --token"):
        open_access("0.0.0.0:8080")
    with pytest.raises(AccessError, match="--tls-certificate"):
        open_access("0.0.0.0:8080", token_file=tmp_path / "token")
    assert open_access("0.0.0.0:8080", token_file=tmp_path / "token", insecure=True).token


@pytest.mark.parametrize("address", ["8080", "127.0.0.1", "*:8080", "127.0.0.1:99999", "http://127.0.0.1:80", ""])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(AccessError, match="web address"):
        open_access(address)


def test_tls_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    junk, key = tmp_path / "junk.pem", tmp_path / "key.pem"
    junk.write_text("junk")
    key.write_text("junk")

    with pytest.raises(AccessError, match="name both files"):
        open_access("127.0.0.1:0", certificate=junk)
    with pytest.raises(AccessError, match="not a file"):
        open_access("127.0.0.1:0", certificate=tmp_path / "gone", private_key=key)
    with pytest.raises(AccessError, match="chmod 600"):
        open_access("127.0.0.1:0", certificate=junk, private_key=key)
    key.chmod(0o600)
    with pytest.raises(AccessError, match="cannot be used for TLS"):
        open_access("127.0.0.1:0", certificate=junk, private_key=key)


def test_a_name_that_a_web_site_chose_is_no_name_of_this_server() -> None:
    access = open_access("127.0.0.1:8080", names=["Robot.Example"])

    for host in ("127.0.0.1:8080", "localhost:8080", "[::1]:8080", socket.gethostname(), "robot.example:8080"):
        assert access.is_addressed([host]), host
    for hosts in ([], ["evil.example"], ["127.0.0.1.evil.example"], ["192.0.2.7:8080"], ["[::"], ["localhost", "evil"]):
        assert not access.is_addressed(hosts), hosts


def test_an_origin_must_be_the_server_s_own() -> None:
    access = open_access("127.0.0.1:8080")

    assert access.is_own_origin(None, "127.0.0.1:8080")
    assert access.is_own_origin("http://127.0.0.1:8080", "127.0.0.1:8080", "same-origin")
    for origin in ("http://evil.example", "null", "https://127.0.0.1:8080", "http://127.0.0.1:9", ""):
        assert not access.is_own_origin(origin, "127.0.0.1:8080"), origin
    assert not access.is_own_origin(None, "127.0.0.1:8080", "cross-site")


def test_the_token_is_known_in_the_header_and_as_the_cookie_of_a_login(tmp_path: Path) -> None:
    token = read_token(tmp_path / "token")
    access = open_access("127.0.0.1:8080", token_file=tmp_path / "token")
    cookie = access.login_cookie()

    assert access.knows(f"Bearer {token}", None)
    assert access.knows(None, f"other=1; {cookie.split(';')[0]}")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert token not in cookie
    for header, jar in ((None, None), (f"Basic {token}", None), ("Bearer ", None), (f"Bearer {token}x", None)):
        assert not access.knows(header, jar)
    assert not access.knows(None, f"groundcast-session={token}")
    assert not access.knows(None, "groundcast-session=\xff; " + "x" * 9000)


def test_the_token_is_not_part_of_what_is_printed(tmp_path: Path) -> None:
    token = read_token(tmp_path / "token")

    assert token not in repr(open_access("127.0.0.1:8080", token_file=tmp_path / "token"))
