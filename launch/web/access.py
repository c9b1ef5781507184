"""Access: which clients a web server answers, by its address, their token, and the Host and Origin of a request."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import logging
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import urlsplit

from ...stream.sockets.endpoint import AddressError, Endpoint, parse_endpoint
from .token_file import read_token

_LOG = logging.getLogger(__name__)
_MAX_COOKIE_BYTES = 4096


class AccessError(ValueError):
    """The address, the token or the TLS files cannot be used; one sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class Access:
    """Where a web server listens, and which requests it answers.

    Args:
        endpoint: host and port; port 0 lets the system choose.
        token: that every request must bring, unless its path is public; None on loopback alone.
        tls: certificate and private key; None for plain HTTP.
        names: further names of this host that a request may be addressed to.
        cookie: the name of the cookie of a login; browsers share cookies among all ports of a host.
    """

    endpoint: Endpoint
    token: str | None = field(default=None, repr=False)
    tls: tuple[Path, Path] | None = None
    names: frozenset[str] = frozenset()
    cookie: str = "groundcast-session"

    @property
    def scheme(self) -> str:
        return "http" if self.tls is None else "https"

    def is_addressed(self, hosts: Sequence[str]) -> bool:
        """Whether the Host headers of a request name this server.

        An IP address or a name of this host does. Any other name may have been pointed here by a web site, which would
        then read the answers through a visitor's browser (DNS rebinding).
        """
        if len(hosts) != 1:
            return False
        try:
            named = (urlsplit(f"//{hosts[0]}").hostname or "").rstrip(".")
        except ValueError:
            return False
        try:
            address = ipaddress.ip_address(named)
        except ValueError:
            return named in {"localhost", socket.gethostname().lower(), *self.names}
        return address.is_loopback or not self.endpoint.is_local

    def is_own_origin(self, origin: str | None, host: str, fetch_site: str | None = None) -> bool:
        """Whether a request comes from a page of this server, or from a program that is no browser.

        Args:
            origin: the Origin header; browsers send it with every WebSocket, POST, PUT and DELETE.
            host: the Host header.
            fetch_site: the Sec-Fetch-Site header, where the browser sends one.
        """
        if fetch_site not in (None, "same-origin", "none"):
            return False
        return origin is None or origin == f"{self.scheme}://{host}"

    def knows(self, authorization: str | None, cookie: str | None) -> bool:
        """Whether a request brings the token: `Authorization: Bearer TOKEN`, or the cookie that a login sets."""
        if self.token is None:
            return True
        scheme, _, given = (authorization or "").partition(" ")
        if scheme.lower() == "bearer" and self.is_token(given.strip()):
            return True
        return _same(_cookie_value(cookie, self.cookie), self._session(self.token))

    def is_token(self, text: str) -> bool:
        """Whether a text is the token, compared in constant time."""
        return self.token is not None and _same(text, self.token)

    def login_cookie(self) -> str:
        """The value of the Set-Cookie header that logs a browser in. It does not contain the token itself."""
        if self.token is None:
            raise AccessError("there is no token to log in with")
        secure = "" if self.tls is None else "; Secure"
        value = f"{self.cookie}={self._session(self.token)}"
        return f"{value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=2592000{secure}"

    @staticmethod
    def _session(token: str) -> str:
        return hmac.new(token.encode(), b"groundcast browser session", hashlib.sha256).hexdigest()


def open_access(
    address: str,
    *,
    token_file: Path | None = None,
    certificate: Path | None = None,
    private_key: Path | None = None,
    insecure: bool = False,
    names: Sequence[str] = (),
) -> Access:
    """Check where a web server is to listen, and read its token.

    On loopback nothing more is needed. An address that others can reach needs a token and TLS; `insecure` allows it
    without TLS, which is logged.

    Args:
        address: host:port, such as 127.0.0.1:8080 or [::1]:8080.
        token_file: holds the token; made where it is missing.
        certificate, private_key: PEM files, both or none.
        insecure: allow an address that others can reach without TLS.
        names: names of this host in the network, beside its own host name.

    Raises:
        AccessError: as described, or a file cannot be used.
        TokenError: the token file cannot be used.
    """
    try:
        endpoint = parse_endpoint(f"tcp://{address}")
    except AddressError as error:
        raise AccessError(f"web address {address!r} must look like 127.0.0.1:8080") from error
    if endpoint.place == "*":
        raise AccessError(f"web address {address!r} must name a host: 0.0.0.0 means every network")
    if (certificate is None) != (private_key is None):
        raise AccessError("TLS needs a certificate and its private key: name both files, or none")
    tls = None if certificate is None or private_key is None else (certificate, private_key)
    if tls is not None:
        _check_tls(*tls)
    if not endpoint.is_local:
        if token_file is None:
            raise AccessError(f"web address {address} can be reached by others: add --token FILE, or use 127.0.0.1")
        if tls is None and not insecure:
            raise AccessError(
                f"web address {address} can be reached by others, and without TLS they can read the token: add "
                "--tls-certificate and --tls-key, or --insecure in a network that you trust"
            )
        if tls is None:
            _LOG.warning("web address %s is insecure: the token and the pictures are sent without encryption", address)
    token = None if token_file is None else read_token(token_file)
    return Access(endpoint, token, tls, frozenset(name.lower().rstrip(".") for name in names))


def header_values(headers: Sequence[tuple[bytes, bytes]]) -> Mapping[str, str]:
    """The headers of an ASGI request by lower-case name; of those given twice, the first."""
    values: dict[str, str] = {}
    for name, value in headers:
        values.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    return values


def _check_tls(certificate: Path, private_key: Path) -> None:
    for path in (certificate, private_key):
        if not path.is_file():
            raise AccessError(f"{path} is not a file: name a PEM file")
    if private_key.stat().st_mode & 0o077:
        raise AccessError(f"{private_key} can be read by others: chmod 600 {private_key}")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, private_key, password=lambda: "")
    except (OSError, ssl.SSLError) as error:
        raise AccessError(
            f"{certificate} and {private_key} cannot be used for TLS ({error.strerror or error}): "
            "name a PEM certificate and its private key without a password"
        ) from error


def _cookie_value(header: str | None, name: str) -> str:
    if header is None or len(header) > _MAX_COOKIE_BYTES:
        return ""
    try:
        found = SimpleCookie(header).get(name)
    except CookieError:
        return ""
    return "" if found is None else found.value


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), known.encode())
