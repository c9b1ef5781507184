"""Static files: the page's own HTML, scripts and style, read once. A request can name these and no other file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

FOLDER = Path(__file__).parent / "static"
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


def read_static_files(folder: Path = FOLDER) -> Mapping[str, bytes]:
    """The files of the page by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in _KINDS}


def static_answer(request: Request, files: Mapping[str, bytes], name: str) -> Response | None:
    """One of the files; 304 where the browser has it already; None where there is none of that name."""
    body = files.get(name)
    if body is None:
        return None
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"etag": tag, "cache-control": "no-cache", "content-type": _KINDS[Path(name).suffix]}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers)
