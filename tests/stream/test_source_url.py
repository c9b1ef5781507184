from __future__ import annotations

import contextlib
import copy
import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from groundcast.stream.options import SourceOptions
from groundcast.stream.source_url import SourceError, SourceUrl, full_url, kind_of, path_of, redact


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("rtsp://camera/live", "rtsp"),
        ("RTSPS://camera:322/live", "rtsp"),
        ("https://camera/video.mjpg", "http"),
        ("lavfi:testsrc=rate=30", "lavfi"),
        ("/dev/video0", "device"),
        ("clips/a.mp4", "file"),
        ("file:///clips/a.mp4", "file"),
        ("/", "folder"),
    ],
)
def test_the_kind_of_a_source_is_read_off_its_url(url: str, kind: str) -> None:
    assert kind_of(url) == kind


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "empty"),
        ("ftp://host/a.mp4", "ftp"),
        ("rtsp:///live", "no host"),
        ("rtsp://:554/live", "no host"),
        ("rtsp://camera:99999/live", "1 to 65535"),
        ("rtsp://camera:0/live", "1 to 65535"),
        ("rtsp://camera:port/live", "1 to 65535"),
        ("rtsp://viewer:hunter2\uff1apw@camera/1", "letter that is not ASCII"),
        ("rtsp://viewer:[hunter2]@camera/1", "%5B"),
        ("rtsp://viewer:hunter2[@camera/1", "%5B"),
        ("~nobody-of-that-name/a.mp4", "no path"),
        ("a" * 5000, "at most 4096"),
        ("a" * 300, "no path"),
    ],
)
def test_a_url_that_cannot_be_right_is_refused_in_one_sentence(url: str, says: str) -> None:
    with pytest.raises(SourceError, match=says) as caught:
        kind_of(url)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_file_url_means_its_path() -> None:
    assert path_of("file:///a%20b/c.mp4") == Path("/a b/c.mp4")
    assert path_of("a%20b.mp4") == Path("a%20b.mp4")


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://admin:hunter2@10.0.0.5:554/live",
        "rtsp://admin:hunter2@[::1]:554/live",
        "rtsp://admin:hunter%402@10.0.0.5/live",
        "rtsp://admin:a@hunter2@10.0.0.5/live",
        "rtsp://admin:a/hunter2@10.0.0.5/live",
        "rtsp://admin:a#hunter2@10.0.0.5/live",
        "rtsp://admin:1/hunter2@10.0.0.5/live",
        "http://10.0.0.5/cgi?usr=x&pwd=hunter2&size=1",
        "http://10.0.0.5/a.m3u8?access_token=hunter2",
        "rtsp://10.0.0.5/user=admin&password=hunter2&channel=1",
        "rtsp://10.0.0.5:554/user=admin_password=hunter2_channel=1.sdp",
        "cannot open 'rtsp://admin:hunter2@10.0.0.5/live': and http://a:hunter2@b/ too",
    ],
)
def test_no_part_of_a_secret_survives_redaction(url: str) -> None:
    assert "hunter2" not in redact(url)


def test_redaction_leaves_what_helps_to_find_the_camera() -> None:
    assert redact("no route to rtsp://u:p@10.0.0.5:554/live here") == "no route to rtsp://***@10.0.0.5:554/live here"
    assert redact("http://host/a?channel=1") == "http://host/a?***"
    assert redact("/clips/a.mp4") == "/clips/a.mp4"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://u:p@10.0.0.5:554/live?channel=1", "rtsp://***@10.0.0.5:554/live?***"),
        ('rtsp://u:it\'s "mine" now@10.0.0.5/live', "rtsp://***@10.0.0.5/live"),
        ("rtsp://u:p@[::1]:554/live", "rtsp://***@[::1]:554/live"),
        ("rtsp://10.0.0.5/user=a&pw=b", "rtsp://10.0.0.5/user=***"),
        ("rtsp://u:p/q@10.0.0.5/live", "rtsp://***"),
        ("http://host/a@2x.jpg", "http://host/a@2x.jpg"),
        ("push:tcp://127.0.0.1:5580", "push:tcp://127.0.0.1:5580"),
        ("lavfi:testsrc=rate=30", "lavfi:testsrc=rate=30"),
        (r"lavfi:movie=rtsp\\://u\:p@host/1", "lavfi:***"),
        ("/clips/a@b, c=d.mp4", "/clips/a@b, c=d.mp4"),
        ("u:p@10.0.0.5/live", "***@10.0.0.5/live"),
        ("rtsp://10.0.0.5/a\nb", "rtsp://10.0.0.5/a?***"),
    ],
)
def test_a_url_is_its_safe_part_wherever_it_is_written(url: str, shown: str) -> None:
    options = SourceOptions("cam", url)
    kept = copy.deepcopy(replace(options, loop=True))
    assert {str(kept.url), f"{kept.url}", json.loads(json.dumps(kept.url))} == {shown}
    assert repr(shown) in repr(kept)
    assert (full_url(kept.url), kept.url) == (url, url)
    assert kept.url != url + " "


def test_texts_of_a_megabyte_are_redacted_in_no_time() -> None:
    million = 1_000_000
    for text in (
        "a" * million,
        "://" * million,
        "a://b@" * million,
        "?p=" * million,
        "\n" * million,
        "a://b " * million,
    ):
        began_s = time.thread_time()
        redact(text)
        redact(text, "rtsp://user:pass@host/")
        str(SourceUrl(text))
        with contextlib.suppress(SourceError):
            kind_of("rtsp://" + text)
        assert time.thread_time() - began_s < 0.25
