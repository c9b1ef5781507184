from __future__ import annotations

import pytest

from groundcast.stream.decode.redirects import check_redirect, own_host, with_own_user
from groundcast.stream.options import SourceOptions
from groundcast.stream.source_url import SourceError

CAMERA = SourceOptions("cam", "http://viewer:s3cret@Camera.example:8080/live", redirect_hosts=("cdn.example",))


@pytest.mark.parametrize("url", ["http://camera.example/a", "https://CAMERA.example:1/a", "http://cdn.example/a?b"])
def test_the_own_host_and_named_hosts_are_allowed(url: str) -> None:
    check_redirect(CAMERA, url, ("http", "https"))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://other.example/a", "`redirect_hosts`"),
        ("http://camera.example.other/a", "`redirect_hosts`"),
        ("http://camera.example@other.example/a", "`redirect_hosts`"),
        ("file:///etc/passwd", "not http or https"),
        ("//camera.example/a", "not http or https"),
        ("http://[camera.example/a", "an address that cannot be"),
    ],
)
def test_other_hosts_and_schemes_are_refused(url: str, says: str) -> None:
    with pytest.raises(SourceError, match=says) as error:
        check_redirect(CAMERA, url, ("http", "https"))
    assert "s3cret" not in str(error.value)


def test_only_the_own_host_gets_the_password() -> None:
    assert own_host(CAMERA) == "camera.example"
    assert with_own_user(CAMERA, "http://camera.example/a") == "http://viewer:s3cret@camera.example/a"
    assert with_own_user(CAMERA, "http://a:b@cdn.example/a") == "http://cdn.example/a"
