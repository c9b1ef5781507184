"""Two hundred passwords and keys in URLs, and every way in which a node and its commands say something."""

from __future__ import annotations

import http.server
import json
import os
import random
import string
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.error import HTTPError

import pytest

from groundcast.launch.log_setup import JsonLines, PlainLines
from groundcast.stream.control.answers import source_map
from groundcast.stream.controller import ControlError, Controller
from groundcast.stream.options import SourceOptions
from groundcast.stream.recording.mcap_reader import McapReader
from groundcast.stream.source_url import SourceError, SourceUrl, kind_of, redact

from ..stream.encoded_clips import free_port
from .commands import in_process
from .test_log_setup import broken_record

MARKS = "'\" !$&()*+,;=~^{}|\\<>%@:`"
QUERIES = ("pw", "psw", "p", "sid", "code", "k", "token", "user", "x-amz-signature", "a[0]")


def _secret(dice: random.Random) -> tuple[str, str]:
    """Two halves that stand nowhere else, to be parted by a mark."""
    return tuple("Z" + "".join(dice.choices(string.ascii_letters, k=9)) for _ in range(2))  # type: ignore[return-value]


def _urls(count: int, address: str, scheme: str) -> tuple[list[str], set[str]]:
    """URLs with a user and a password, a query, a fragment or settings in their path, and all parts of the secrets."""
    dice, urls, parts = random.Random(count), list[str](), set[str]()
    for number in range(count):
        first, second = _secret(dice)
        parts |= {first, second}
        secret = f"{first}{MARKS[number % len(MARKS)]}{second}"
        name = QUERIES[number % len(QUERIES)]
        urls.append(
            (
                f"{scheme}://viewer:{secret}@{address}/{number}",
                f"{scheme}://{address}/{number}?channel=1&{name}={secret}",
                f"{scheme}://{address}/user=admin&{name}={secret}&channel={number}",
                f"{scheme}://{first}:{second}@{address}/{number};{name}={secret}#{secret}",
            )[number // len(MARKS) % 4]
        )
    return urls, parts


def _found(parts: set[str], said: str) -> set[str]:
    return {part for part in parts if part in said}


def test_no_part_of_a_secret_is_shown_of_a_url_that_is_wrong_or_broken() -> None:
    urls, parts = _urls(200, "10.0.0.5:554", "rtsp")
    urls += [url.replace("rtsp://", "rstp://") for url in urls] + [url.replace("://", ":/") for url in urls]
    urls += [url.replace("@", "/q@") for url in urls[:200]] + [url.replace("@", "?#@") for url in urls[:200]]
    said: list[str] = []
    for url in urls:
        options = SourceOptions("cam", url)
        with suppress(SourceError):
            kind_of(url)
        try:
            raise ValueError(f"lost {url!r} and {url}")
        except ValueError as error:
            said += [redact(str(error), url), repr(options), json.dumps(source_map(options)), f"{SourceUrl(url)!r}"]
        try:
            kind_of(url)
        except SourceError as error:
            said.append(str(error))
    assert len(said) > 4 * len(urls)
    assert not _found(parts, "\n".join(said))


def test_a_library_that_logs_a_url_shows_no_secret() -> None:
    urls, parts = _urls(200, "10.0.0.5:554", "rtsp")
    for formatter in (PlainLines("%(message)s"), JsonLines("bench")):
        for url in urls:
            record = broken_record()
            record.msg, record.args = "cannot open %s", (url,)
            assert not _found(parts, formatter.format(record))


@pytest.mark.parametrize(
    "words",
    [
        ("probe", "URL", "URL"),
        ("URL",),
        ("listen", "URL"),
        ("check", "URL"),
        ("ctl", "list", "--address", "URL"),
        ("detect", "URL", "--prompt", "mug"),
        ("run", "--source", "a=URL", "--source", "a=URL", "--prompt", "mug"),
        ("run", "--source", "URLx", "--prompt", "mug", "--address", "URL"),
    ],
)
def test_a_command_line_that_is_wrong_shows_no_secret(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    ended = in_process(
        capsys, *(word.replace("URL", "rtsp://viewer:hunter2@camera:554/live?pw=hunter2") for word in words)
    )
    assert ended.code == 2
    assert "hunter2" not in ended.out + ended.err


class _Camera(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        number = int("".join(letter for letter in self.path.partition("?")[0] if letter.isdigit())[-3:] or 0)
        self.send_response((404, 401, 302, 200, 500)[number % 5])
        self.send_header("Location", "http://127.0.0.2:9/else?" + self.path.partition("?")[2])
        self.send_header("WWW-Authenticate", 'Basic realm="camera"')
        self.end_headers()
        self.wfile.write(b"no video")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def web() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Camera)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def _page(address: str, path: str) -> str:
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=5) as answer:
            return answer.read().decode()
    except HTTPError as error:
        with error:
            return error.read().decode()


def _recorded(path: Path) -> str:
    return "\n".join(repr((one.topic, one.parts)) for one in McapReader(path))


@pytest.mark.slow
def test_no_secret_leaves_a_node_in_any_way(tmp_path: Path, web: str, capsys: pytest.CaptureFixture[str]) -> None:
    http_urls, http_parts = _urls(100, web, "http")
    rtsp_urls, rtsp_parts = _urls(101, f"127.0.0.1:{free_port()}", "rtsp")
    urls, parts = http_urls + rtsp_urls, http_parts | rtsp_parts
    health, publish, control = (f"127.0.0.1:{free_port()}" for _ in range(3))
    sources = [{"name": f"s{number}", "url": url.replace("${", "$${")} for number, url in enumerate(urls)]
    settings = {
        "node": f"secrets-{os.getpid()}", "prompt": "red blob", "sources": sources, "health": {"address": health},
        "publish": {"address": f"tcp://{publish}"}, "control": {"address": f"tcp://{control}"},
    }  # fmt: skip
    file = tmp_path / "node.yaml"
    file.write_text(json.dumps({**settings, "prompt": "red cube"}))
    said: dict[str, str] = {}
    for flags in ((), ("--json",)):
        checked = in_process(capsys, "check", file, *flags)
        assert (checked.code, "s199" in checked.out) == (0, True)
        said[f"check {flags}"] = checked.out + checked.err
    file.write_text(json.dumps(settings))
    probed = [in_process(capsys, "probe", url, "--open-timeout-s", "1") for url in urls[::5]]
    said["probe"] = "\n".join(one.out + one.err for one in probed)

    with (tmp_path / "log").open("w") as log:
        command = [sys.executable, "-m", "tests.launch.blob_node", "run", file]
        node = subprocess.Popen([str(word) for word in command], stdout=log, stderr=log, cwd=Path(__file__).parents[2])
    try:
        until_s = time.monotonic() + 60
        while "reconnecting" not in said.get("readyz", "") and time.monotonic() < until_s:
            with suppress(OSError):
                said["readyz"] = _page(health, "/readyz")
            time.sleep(0.5)
        recorded = in_process(capsys, "record", f"tcp://{publish}", tmp_path / "a.mcap", "--for-s", "4")
        said["record"] = recorded.out + recorded.err
        said |= {path: _page(health, path) for path in ("/metrics", "/readyz", "/healthz")}
        with Controller(f"tcp://{control}") as client:
            said["status"] = repr(client.status())
            for url in (*urls[:10], *(url.replace("@", "/@") for url in urls[:10])):
                with suppress(ControlError):
                    client.add_source({"name": "s0", "url": url})
        for words in (("list",), ("status",), ("add", f"s1={urls[0]}"), ("add", f"s1={urls[0].replace('@', '?@')}")):
            told = in_process(capsys, "ctl", *words, "--address", f"tcp://{control}")
            said[f"ctl {words[0]}"] = said.get(f"ctl {words[0]}", "") + told.out + told.err
    finally:
        node.terminate()
        node.wait(20)
    said["log"] = (tmp_path / "log").read_text()
    said["mcap"] = _recorded(tmp_path / "a.mcap")
    assert said["mcap"].count("s42") > 1
    assert {name: _found(parts, text) for name, text in said.items() if _found(parts, text)} == {}
    assert all(len(text) > 10 for text in said.values()), {name: len(text) for name, text in said.items()}
