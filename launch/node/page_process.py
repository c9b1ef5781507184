"""The page of a node, in a process of its own that ends with the node. If it fails, the node goes on without it."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from importlib.util import find_spec
from types import TracebackType

from ..exits import WEB_LIBRARIES, InputError, missing_library
from ..settings.settings import NodeSettings, PageSettings
from ..web.access import open_access

_LOG = logging.getLogger(__name__)
_END_S = 5.0


def check_page(settings: NodeSettings) -> None:
    """Check what the page needs, before a model is loaded.

    Raises:
        InputError: a library, or the client's keys, are missing.
        AccessError, TokenError: its address, its token or its TLS files cannot be used.
    """
    page = settings.page
    if page.address is None:
        return
    missing = next((library for library in WEB_LIBRARIES if find_spec(library) is None), None)
    if missing is not None:
        raise InputError(missing_library(missing))
    if settings.publish.keys is not None and page.keys is None:
        raise InputError("the node wants keys of its clients, and the page is one: name its key under `page.keys`")
    open_access(
        page.address,
        token_file=page.token,
        certificate=page.tls_certificate,
        private_key=page.tls_key,
        insecure=page.insecure,
        names=page.host_names,
    )


class PageProcess:
    """Runs `groundcast page` as long as the block lasts.

    Args:
        page: its settings.
        published: where the node publishes.
        control: where it takes requests; None for a page that may only watch.
    """

    def __init__(self, page: PageSettings, published: str, control: str | None) -> None:
        command = [sys.executable, "-m", "groundcast.launch.cli", "page", *_arguments(page, published, control)]
        # The process ends when this one is gone, however that happens: its standard input is closed then.
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._is_ending = False
        self._thread = threading.Thread(target=self._report, name="page-process", daemon=True)
        self._thread.start()

    def __enter__(self) -> PageProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._is_ending = True
        self._process.terminate()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._thread.join(_END_S)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _report(self) -> None:
        assert self._process.stdout is not None
        first = self._process.stdout.readline()
        if first:
            _LOG.info("the page is at %s", json.loads(first)["ready"]["url"])
        code = self._process.wait()
        if not self._is_ending:
            _LOG.error("the page ended with code %s: the node goes on without it", code)


def _arguments(page: PageSettings, published: str, control: str | None) -> list[str]:
    given = {
        "--listen": page.address,
        "--control": control,
        "--token": page.token,
        "--tls-certificate": page.tls_certificate,
        "--tls-key": page.tls_key,
        "--keys": page.keys,
    }
    arguments = [published, "--json", "--until-parent-ends"]
    arguments += [word for option, value in given.items() if value is not None for word in (option, str(value))]
    arguments += [word for name in page.host_names for word in ("--host-name", name)]
    return [*arguments, *(["--insecure"] if page.insecure else []), *(["--watch-only"] if control is None else [])]
