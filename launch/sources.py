"""Sources as a command line names them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from .exits import InputError

_NAMED = re.compile(r"^([A-Za-z0-9_.-]+)=(.+)$")


def named_sources(texts: Sequence[str]) -> dict[str, str]:
    """The URL of each name.

    `door=rtsp://...` brings its own name, a file or a folder lends its own, the others are numbered.
    """
    named: dict[str, str] = {}
    for number, text in enumerate(texts, 1):
        match = None if Path(text).exists() else _NAMED.match(text)
        name, url = (match[1], match[2]) if match else (_name_for(text, number), text)
        if name in named:
            if match:
                raise InputError(f"two sources are called {name!r}: give each its own name")
            name = f"{name}-{number}"
        named[name] = url
    return named


def _name_for(url: str, number: int) -> str:
    is_path = "://" not in url and not url.startswith("lavfi:")
    stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", Path(url).stem).strip("-.")[:40] if is_path else ""
    return stem or f"source-{number}"
