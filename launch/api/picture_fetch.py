"""Picture fetch: a picture from an HTTP server, if the operator has named that server. No other host is asked."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from .api_error import ApiError, bad_request

_TIMEOUT_S = 20.0
_MAX_BYTES = 32 * 2**20
_PLAIN = "/%:@!$&'()*+,;=~-._?"  # characters of a path that stay as they are


@dataclass(frozen=True, slots=True)
class PictureFetch:
    """Where pictures may be fetched from.

    Args:
        servers: such as 'http://127.0.0.1:8080'. Empty: nowhere.
        tokens: the value of the Authorization header for a server; sent to no other.
    """

    servers: frozenset[str] = frozenset()
    tokens: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    def fetch(self, url: str, base: str | None = None) -> bytes:
        """The body at a URL. Redirects are not followed.

        Args:
            url: absolute, or a path below `base`.
            base: a server of the list.

        Raises:
            ApiError: the server is not in the list, or does not answer with a picture.
        """
        try:
            parts = urlsplit(urljoin(base or "", url))
            server = f"{parts.scheme}://{parts.netloc}"
            _ = parts.port
        except ValueError as error:
            raise bad_request("a picture's URL cannot be read") from error
        if server not in self.servers:
            text = f"pictures are not fetched from {server[:100]!r}: start the server with --fetch-from {server[:100]}"
            raise ApiError(403, "host_not_allowed", text)
        try:
            return self._get(parts, server)
        except (OSError, http.client.HTTPException) as error:
            why = str(error)[:100] or type(error).__name__
            raise ApiError(502, "not_fetched", f"{server} does not give the picture ({why})") from error

    def _get(self, parts: SplitResult, server: str) -> bytes:
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "https":
            link = http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_S, context=ssl.create_default_context())
        else:
            link = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
        headers = {"Authorization": self.tokens[server]} if server in self.tokens else {}
        try:
            target = quote(parts.path + (f"?{parts.query}" if parts.query else ""), safe=_PLAIN)
            link.request("GET", target, headers=headers)
            answer = link.getresponse()
            if answer.status != 200:
                raise ApiError(502, "not_fetched", f"{server} answers {answer.status} instead of the picture")
            body = answer.read(_MAX_BYTES + 1)
        finally:
            link.close()
        if len(body) > _MAX_BYTES:
            raise ApiError(502, "not_fetched", f"{server} sends more than {_MAX_BYTES // 2**20} MiB")
        return body
