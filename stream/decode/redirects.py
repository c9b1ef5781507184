"""Allowed redirects: a camera may redirect to its own host, and to those in its source's settings."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit, urlunsplit

from ..options import SourceOptions
from ..source_url import SourceError, SourceUrl, full_url


def check_redirect(options: SourceOptions, url: str, schemes: Collection[str]) -> None:
    """Check that a source may redirect to `url`.

    Raises:
        SourceError: another scheme, or a host that is not allowed.
    """
    try:
        parts = urlsplit(url)
        scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    except ValueError:
        raise SourceError(f"{options.url} leads to an address that cannot be") from None
    if scheme not in schemes:
        raise SourceError(f"{options.url} leads to {SourceUrl(url)}, which is not {' or '.join(schemes)}")
    if host != own_host(options) and host not in options.redirect_hosts:
        raise SourceError(
            f"{options.url} leads to another host ({SourceUrl(url)}): if that is right, name it in `redirect_hosts` of"
            " the source"
        )


def own_host(options: SourceOptions) -> str:
    """The host of a source's URL, in lower case."""
    return (urlsplit(full_url(options.url)).hostname or "").lower()


def with_own_user(options: SourceOptions, url: str) -> str:
    """`url` with the user and the password of the source if that is its own host, and with none if it is not."""
    parts = urlsplit(url)
    user = urlsplit(full_url(options.url)).netloc.rpartition("@")[0]
    place = parts.netloc.rpartition("@")[2]
    is_own = (parts.hostname or "").lower() == own_host(options)
    return urlunsplit(parts._replace(netloc=f"{user}@{place}" if user and is_own else place))
