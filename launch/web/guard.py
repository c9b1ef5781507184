"""Guard: what every request and WebSocket passes before an application sees it.

Host and Origin, the token, the rate of the client, the size and the time of the body; and, on the way out, the headers
that keep a browser from loading or running anything of another host.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

from starlette.requests import ClientDisconnect

from .access import Access, header_values
from .request_limits import ClientRates, HeldBodies, LimitedBody, Receive, Refusal, RequestLimits, too_large

_LOG = logging.getLogger(__name__)
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_DRAIN_S = 1.0
_WRONG_TOKEN_COSTS = 10  # requests
_FAILED = Refusal(500, "failed", "the server failed at this request: its log says why")

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)


class Guard:
    """An ASGI application around another.

    What it refuses is answered with JSON, `{"error": {"code": "...", "message": "..."}}`, and the request never
    reaches the application.

    Args:
        app: the application.
        access: which clients are answered.
        limits: what they may send.
        public: paths that need no token, such as the login and its style sheet. Host, Origin and limits hold there too.
        login: where a browser that brings no token is sent; None answers 401.
    """

    def __init__(
        self,
        app: Application,
        access: Access,
        limits: RequestLimits,
        *,
        public: Collection[str] = (),
        login: str | None = None,
    ) -> None:
        self._app = app
        self._access = access
        self._limits = limits
        self._public = frozenset(public)
        self._login = login
        self._rates = ClientRates(limits)
        self._bodies = HeldBodies(limits.held_bytes)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send, refusal)
        elif refusal is not None:
            body = LimitedBody(receive, 0, 0.0)
            await _refuse(refusal, send)
            if scope["method"] not in _SAFE_METHODS:
                await body.drain(_DRAIN_S)
            await _end(send)
        else:
            await self._request(scope, receive, send)

    def _refusal(self, scope: MutableMapping[str, Any]) -> Refusal | None:
        headers = header_values(scope["headers"])
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"host"]
        client = str((scope.get("client") or ("?",))[0])
        if (refusal := self._rates.spend(client)) is not None:
            return refusal
        if not self._access.is_addressed(hosts):
            text = "the request names another host: use this server's IP address, or give its name with --host-name"
            return Refusal(421, "wrong_host", text)
        is_change = scope["type"] == "websocket" or scope["method"] not in _SAFE_METHODS
        if is_change and not self._access.is_own_origin(headers.get("origin"), hosts[0], headers.get("sec-fetch-site")):
            return Refusal(403, "wrong_origin", "the request comes from a page of another site: open this one's own")
        path = scope["path"]
        if path not in self._public and not self._access.knows(headers.get("authorization"), headers.get("cookie")):
            return self._no_token(scope, headers.get("authorization"), client)
        return self._too_large(path, headers.get("content-length"))

    def _no_token(self, scope: MutableMapping[str, Any], authorization: str | None, client: str) -> Refusal:
        if authorization is not None:
            self.charge_wrong_token(client)
            return Refusal(401, "wrong_token", "the token is wrong: it stands in the file that --token names")
        if self._login is not None and scope["type"] == "http" and scope["method"] == "GET" and scope["path"] == "/":
            return Refusal(303, "token_wanted", "log in first", ((b"location", self._login.encode()),))
        text = "a token is wanted: log in, or send the header 'Authorization: Bearer TOKEN'"
        return Refusal(401, "token_wanted", text, ((b"www-authenticate", b"Bearer"),))

    def charge_wrong_token(self, client: str) -> None:
        """Count a wrong token as many requests, so that guessing is slow."""
        for _ in range(_WRONG_TOKEN_COSTS):
            self._rates.spend(client)

    def _max_bytes(self, path: str) -> int:
        return self._limits.body_bytes_of.get(path, self._limits.body_bytes)

    def _too_large(self, path: str, length: str | None) -> Refusal | None:
        max_bytes = self._max_bytes(path)
        stated = int(length) if length is not None and length.isascii() and length.isdigit() else 0
        return too_large(max_bytes) if stated > max_bytes else None

    async def _websocket(
        self, scope: MutableMapping[str, Any], receive: Receive, send: Send, refusal: Refusal | None
    ) -> None:
        if refusal is None:
            await self._app(scope, receive, send)
            return
        if "websocket.http.response" in scope.get("extensions", {}):
            await _refuse(refusal, send, "websocket.http.response")
            await send({"type": "websocket.http.response.body", "body": b""})
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": refusal.code})

    async def _request(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        body = LimitedBody(receive, self._max_bytes(scope["path"]), self._limits.body_s, self._bodies)
        started = False

        async def send_guarded(message: MutableMapping[str, Any]) -> None:
            nonlocal started
            if body.refusal is not None and not started:
                return  # the application answers a client that, as it was told, has left
            if message["type"] == "http.response.start":
                if message["status"] == 500:  # an exception of the application, which it raises again
                    body.refusal = _FAILED
                    return
                started = True
                given = {name.lower() for name, _ in message.get("headers", ())}
                added = [pair for pair in _HEADERS if pair[0] not in given]
                message = {**message, "headers": [*message.get("headers", ()), *added]}
            await send(message)

        try:
            await self._app(scope, body, send_guarded)
        except ClientDisconnect:
            if body.refusal in (None, _FAILED):
                return  # the client has hung up: nothing failed, and an answer reaches no one
        except Exception:
            if body.refusal in (None, _FAILED):
                _LOG.exception("%s %r failed", scope["method"], scope["path"][:200])
                if started:
                    raise
                body.refusal = _FAILED
        finally:
            body.release()
        if body.refusal is not None and not started:
            await _refuse(body.refusal, send)
            await body.drain(_DRAIN_S)
            await _end(send)


def error_body(refusal: Refusal) -> bytes:
    """The JSON body of a refusal."""
    return json.dumps({"error": {"code": refusal.code, "message": refusal.message}}).encode()


async def _refuse(refusal: Refusal, send: Send, kind: str = "http.response") -> None:
    body = error_body(refusal)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),  # what is still to come of the request is not read
        *_HEADERS,
        *refusal.headers,
    ]
    await send({"type": f"{kind}.start", "status": refusal.status, "headers": headers})
    await send({"type": f"{kind}.body", "body": body, "more_body": True})


async def _end(send: Send) -> None:
    await send({"type": "http.response.body", "body": b"", "more_body": False})
