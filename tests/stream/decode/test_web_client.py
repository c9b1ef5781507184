"""HTTP redirects and playlists: followed to allowed hosts only, and without the password to other hosts."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import base64
import functools
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import pytest

from groundcast.stream.options import SourceOptions

from ..encoded_clips import free_port
from ..watched_reader import WatchedReader, write_video

PASSWORD = "viewer:s3cret"


@dataclass
class Web:
    """A web server and what it was asked."""

    url: str
    folder: Path
    asked: list[tuple[str, str | None]] = field(default_factory=list[tuple[str, str | None]])  # path, Authorization
    password: str = ""
    redirects: dict[str, str] = field(default_factory=dict[str, str])

    def with_password(self, path: str) -> str:
        return self.url.replace("//", f"//{PASSWORD}@") + path


class _Handler(http.server.SimpleHTTPRequestHandler):
    web: Web

    def do_GET(self) -> None:
        web, given = self.web, self.headers["Authorization"]
        web.asked.append((self.path, given))
        if web.password and given != f"Basic {base64.b64encode(web.password.encode()).decode()}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
        elif self.path in web.redirects:
            self.send_response(302)
            self.send_header("Location", web.redirects[self.path])
        else:
            super().do_GET()
            return
        self.send_header("Content-Length", "0")
        self.end_headers()

    def guess_type(self, path: object) -> str:
        return "application/vnd.apple.mpegurl" if str(path).endswith("list") else super().guess_type(str(path))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def _serve(host: str, folder: Path) -> Iterator[Web]:
    folder.mkdir()
    handler = type("Handler", (_Handler,), {})
    server = http.server.ThreadingHTTPServer((host, 0), functools.partial(handler, directory=folder))
    handler.web = web = Web(f"http://{host}:{server.server_port}", folder)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield web
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[Web]:
    yield from _serve("127.0.0.1", tmp_path / "camera")


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Web]:
    yield from _serve("127.0.0.2", tmp_path / "other")


def _write_playlist(folder: Path, **options: str) -> str:
    """A playlist of 20 pictures in segments, and its text."""
    clip = write_video(folder / "clip.mp4")
    form = {"hls_time": "0.5", "hls_list_size": "0", **options}
    with av.open(clip) as read, av.open(folder / "a.m3u8", "w", "hls", form) as container:
        stream = container.add_stream_from_template(read.streams.video[0])
        for packet in read.demux(read.streams.video[0]):
            if packet.size:
                packet.stream = stream
                container.mux(packet)
    return (folder / "a.m3u8").read_text()


def _watch(url: str, *hosts: str) -> WatchedReader:
    return WatchedReader(SourceOptions("cam", url, redirect_hosts=hosts))


def _pictures(url: str, *hosts: str) -> int:
    with _watch(url, *hosts) as watched:
        assert watched.until(lambda: watched.reader.finished or watched.stats.error is not None)
        assert watched.stats.error is None
        return len(watched.frames)


def _refusal(url: str) -> str:
    with _watch(url) as watched:
        assert watched.until(lambda: watched.stats.error is not None or watched.reader.finished)
        assert not watched.frames
        return watched.stats.error or ""


@pytest.mark.parametrize("scheme", ["http", "tcp", "file", "gopher"])
def test_a_redirect_to_another_host_is_not_followed(camera: Web, other: Web, scheme: str) -> None:
    write_video(other.folder / "clip.mp4")
    camera.redirects["/live"] = f"{other.url}/clip.mp4?key=s3cret".replace("http", scheme)
    said = _refusal(camera.with_password("/live"))
    assert not other.asked
    assert "127.0.0.1" in said
    assert "s3cret" not in said
    assert scheme != "http" or "`redirect_hosts`" in said


def test_a_redirect_on_the_own_host_is_followed_with_the_password(camera: Web) -> None:
    write_video(camera.folder / "clip.mp4")
    camera.password, camera.redirects["/live"] = PASSWORD, "/moved"
    camera.redirects["/moved"] = f"{camera.url}/clip.mp4"
    assert _pictures(camera.with_password("/live")) == 20


def test_a_named_host_is_followed_to_without_the_password(camera: Web, other: Web) -> None:
    _write_playlist(other.folder)
    camera.password = PASSWORD
    camera.redirects.update({"/live": f"{other.url}/clip.mp4", "/list": f"{other.url}/a.m3u8"})
    for path in ("/live", "/list"):
        assert _pictures(camera.with_password(path), "127.0.0.2") == 20
    assert {given for _, given in other.asked} == {None}


@pytest.mark.parametrize("part", ["segment", "variant", "key", "redirect"])
def test_nothing_in_a_playlist_leads_to_another_host(camera: Web, other: Web, part: str) -> None:
    text = _write_playlist(camera.folder)
    head = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=100\n"
    if part == "key":
        text = text.replace("#EXTINF", f'#EXT-X-KEY:METHOD=AES-128,URI="{other.url}/key"\n#EXTINF', 1)
    elif part == "redirect":
        camera.redirects["/a0.ts"] = f"{other.url}/a0.ts"
    else:
        text = text.replace("a0.ts", f"{other.url}/a0.ts") if part == "segment" else f"{head}{other.url}/a.m3u8\n"
    (camera.folder / "a.m3u8").write_text(text)
    assert "`redirect_hosts`" in _refusal(f"{camera.url}/a.m3u8")
    assert not other.asked


@pytest.mark.parametrize("name", ["a.m3u8", "list"])
def test_a_playlist_is_read_with_the_password_of_its_host(camera: Web, name: str) -> None:
    (camera.folder / "list").write_text(_write_playlist(camera.folder))
    camera.password = PASSWORD
    assert _pictures(camera.with_password(f"/{name}")) == 20


@pytest.mark.parametrize("decode_process", [False, True], ids=["in a thread", "in a process"])
def test_an_encrypted_playlist_is_read(camera: Web, decode_process: bool) -> None:
    (camera.folder / "key").write_bytes(bytes(range(16)))
    (camera.folder / "info").write_text(f"key\n{camera.folder}/key\n{'5a' * 16}\n")
    text = _write_playlist(camera.folder, hls_key_info_file=str(camera.folder / "info"))
    assert "AES-128" in text
    options = SourceOptions("camera", f"{camera.url}/a.m3u8", decode_process=decode_process)
    with WatchedReader(options, pictures=False) as watched:
        assert watched.until_finished()
        assert (watched.stats.error, watched.stats.frames_decoded) == (None, 20)


@pytest.mark.parametrize(
    "text",
    ["v=0\no=- 0 0 IN IP4 127.0.0.2\ns=a\nm=video 5004 RTP/AVP 96\n", "ffconcat version 1.0\nfile {}/clip.mp4\n"],
)
def test_a_page_that_names_other_addresses_is_no_video(camera: Web, other: Web, text: str) -> None:
    write_video(other.folder / "clip.mp4")
    (camera.folder / "page").write_text(text.format(other.url))
    assert "127.0.0.1" in _refusal(f"{camera.url}/page")
    assert not other.asked


def test_a_playlist_that_is_not_there_is_said_to_be_so_and_a_missing_segment_is_passed_over(camera: Web) -> None:
    assert "is not there (404)" in _refusal(f"{camera.url}/a.m3u8")
    assert "refused the connection" in _refusal(f"http://127.0.0.1:{free_port()}/a.m3u8")
    text = _write_playlist(camera.folder)
    (camera.folder / "a0.ts").unlink()
    assert text.count("#EXTINF") == 2
    assert _pictures(f"{camera.url}/a.m3u8") == 10


def test_a_playlist_without_end_is_given_up(camera: Web) -> None:
    text = _write_playlist(camera.folder)
    (camera.folder / "a.m3u8").write_text(text.replace("#EXT-X-ENDLIST\n", "#\n" * 3_000_000))
    assert "without end" in _refusal(f"{camera.url}/a.m3u8")
