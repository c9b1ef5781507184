"""HTTP client of a source, which connects to allowed hosts only: its own, and those in its settings."""

from __future__ import annotations

import io
import ssl
import time
from http.client import HTTPException, HTTPResponse
from typing import IO, Any, Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit
from urllib.request import (
    HTTPBasicAuthHandler,
    HTTPDefaultErrorHandler,
    HTTPDigestAuthHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPPasswordMgr,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from ..options import SourceOptions
from ..source_url import SourceError, SourceUrl, full_url
from .ffmpeg_errors import explain_opening, explain_status, silence
from .hls_decryption import decrypt_segment
from .redirects import check_redirect, own_host, with_own_user

MAX_SEGMENT = 256 * 2**20  # bytes
MAX_PLAYLIST = 4 * 2**20  # bytes, which hold a day of segments
_PLAYLIST = "mpegurl"
_PLAYLIST_BEGINS = b"#EXTM3U"


class Readable(Protocol):
    """A stream of bytes for FFmpeg; empty at the end."""

    def read(self, size: int, /) -> bytes: ...
    def close(self) -> None: ...


class WebClient:
    """GET requests, with the source's user and password to its own host, and without them to others.

    Args:
        options: the source; its certificates are not checked, since cameras make their own.
    """

    def __init__(self, options: SourceOptions) -> None:
        self._options = options
        self._has_begun = False  # reading a playlist: from then on a segment may be missing
        parts = urlsplit(full_url(options.url))
        self._opener = OpenerDirector()
        passwords = _OwnPasswords(own_host(options), unquote(parts.username or ""), unquote(parts.password or ""))
        unchecked = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
        for handler in (
            ProxyHandler(),  # from the environment, as FFmpeg does
            HTTPHandler(),
            HTTPSHandler(context=unchecked),
            HTTPErrorProcessor(),
            HTTPDefaultErrorHandler(),
            _AllowedRedirects(self),
            *((HTTPBasicAuthHandler(passwords), HTTPDigestAuthHandler(passwords)) if parts.username else ()),
        ):
            self._opener.add_handler(handler)

    def check(self, url: str) -> None:
        """Raise SourceError for a URL that is not HTTP, or whose host is not allowed."""
        check_redirect(self._options, url, ("http", "https"))

    def follow(self, url: str) -> tuple[str, bool]:
        """The end of a chain of redirects, with user and password if it is the own host, and whether it is a playlist.

        Raises:
            SourceError: no answer, a refusal, or a host that is not allowed.
        """
        with self._get(url, None, self._options.open_timeout_s) as answer:
            end = urljoin(url, answer.url)
            is_playlist = _PLAYLIST in answer.headers.get("Content-Type", "").lower()
        return with_own_user(self._options, end), is_playlist

    def open(self, url: str, _flags: int, options: dict[str, str]) -> Readable:
        """A playlist, a segment or a key, as PyAV's `io_open`. A missing one is empty, since the next may exist.

        Raises:
            SourceError: a host that is not allowed, or no answer.
        """
        encrypted = url.startswith("crypto")
        if encrypted:
            url = url[len("crypto") + 1 :]
        headers = (
            {"Range": f"bytes={options['offset']}-{int(options['end_offset']) - 1}"} if "offset" in options else {}
        )
        try:
            body = _Body(self._get(url, headers, self._options.read_timeout_s), self._options)
        except _GoneError:
            return io.BytesIO()
        self._has_begun = True
        if not encrypted:
            return body
        with body:
            data = body.read_all()
        return io.BytesIO(decrypt_segment(data, bytes.fromhex(options["key"]), bytes.fromhex(options["iv"])))

    def _get(self, url: str, headers: dict[str, str] | None, timeout_s: float) -> HTTPResponse:
        self.check(url)
        parts = urlsplit(url)
        plain = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        try:
            return self._opener.open(Request(plain, headers=headers or {}), timeout=timeout_s)
        except SourceError:
            raise
        except HTTPError as error:
            error.close()
            if error.code in (404, 410) and self._has_begun:
                raise _GoneError from None
            raise explain_status(error.code, self._options) from None
        except (URLError, OSError, HTTPException, ValueError) as error:
            reason = error.reason if isinstance(error, URLError) else error
            if isinstance(reason, OSError):
                raise explain_opening(reason, self._options, "http", 0.0) from None
            raise SourceError(f"{self._options.url} leads to {SourceUrl(url)}, which cannot be read") from None


class _GoneError(Exception):
    """The server answered 404 or 410."""


class _Body:
    """The body of an answer as it arrives. A playlist must arrive whole within the time limit for reading."""

    def __init__(self, answer: HTTPResponse, options: SourceOptions) -> None:
        self._answer = answer
        self._options = options
        self._began_s = time.monotonic()
        self._left = MAX_SEGMENT
        self._is_playlist: bool | None = None

    def __enter__(self) -> _Body:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, size: int, /) -> bytes:
        try:
            piece = self._answer.read1(min(size, self._left))
        except TimeoutError:
            raise silence(self._options) from None
        except (OSError, HTTPException):  # cut off: what came is what there is
            return b""
        if self._is_playlist is None:
            self._is_playlist = piece.startswith(_PLAYLIST_BEGINS)
            self._left = MAX_PLAYLIST if self._is_playlist else MAX_SEGMENT
        self._left -= len(piece)
        if self._left <= 0:
            raise SourceError(
                f"{self._options.url} sends a playlist or a segment without end: is it the right address?"
            )
        if self._is_playlist and time.monotonic() - self._began_s > self._options.read_timeout_s:
            raise silence(self._options)
        return piece

    def read_all(self) -> bytes:
        pieces = bytearray()
        while piece := self.read(2**16):
            pieces += piece
        return bytes(pieces)

    def close(self) -> None:
        self._answer.close()


class _OwnPasswords(HTTPPasswordMgr):
    def __init__(self, home: str, user: str, password: str) -> None:
        super().__init__()
        self._home, self._pair = home, (user, password)

    def find_user_password(self, realm: str, authuri: str) -> tuple[str | None, str | None]:
        return self._pair if urlsplit(authuri).hostname == self._home else (None, None)


class _AllowedRedirects(HTTPRedirectHandler):
    def __init__(self, client: WebClient) -> None:
        self._client = client

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        self._client.check(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)
