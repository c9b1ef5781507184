"""The services around a running node: health pages, systemd notifications, and reloading settings on SIGHUP."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Protocol

from ...stream.node.node_api import NodeApi
from ..settings.settings import NodeSettings
from .health import Health, WatchedControl, WatchedNode
from .health_pages import health_pages
from .health_server import HealthServer
from .sd_notify import ServiceManager
from .sighup import SettingsReloader, catching_hangups, rereading

_LOG = logging.getLogger(__name__)


class RunningNode(NodeApi, WatchedNode, Protocol):
    """A node that takes commands and reports its status."""


class Service:
    """Opens the health pages at once, so that a busy port is reported before a model is loaded.

    Args:
        settings: of the node.
        reread: reads the settings again on SIGHUP; None ignores that signal.

    Raises:
        HealthError: the pages' address cannot be used.
    """

    def __init__(self, settings: NodeSettings, reread: Callable[[], NodeSettings] | None) -> None:
        self._settings = settings
        self._reread = reread
        self._health = Health()
        self._manager = ServiceManager(os.environ)
        self._open = ExitStack()
        health = settings.health
        if health.address is not None:
            server = HealthServer(health.address, health_pages(self._health), insecure=health.insecure)
            self._open.enter_context(server)
            _LOG.info("health pages on %s", server.url)
        self._hangups = self._open.enter_context(catching_hangups()) if reread else None

    @contextmanager
    def around(self, node: RunningNode, stop: threading.Event, control: WatchedControl | None) -> Generator[None]:
        """Serve a node whose model is loaded and whose sockets are bound, while the block runs.

        Args:
            node: runs within the block.
            stop: set when the node must end.
            control: its control socket, if it has one.
        """
        self._health.attach(node, stop, control)
        with ExitStack() as stack:
            if self._reread and self._hangups:
                rereader = SettingsReloader(node, self._settings, self._reread)
                stack.enter_context(rereading(rereader, self._hangups, self._manager.reloading))
            stack.enter_context(self._manager.informed(lambda: self._health.alive().ok))
            yield

    def __enter__(self) -> Service:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()
