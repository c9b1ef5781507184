"""SIGHUP: a node reads its settings file again and applies what has changed in it."""

from __future__ import annotations

import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType

from ...stream.node.node_api import CommandError, NodeApi
from ..exits import InputError
from ..settings.settings import NodeSettings
from ..settings.settings_file import SettingsError
from .reload import carry_out, commands_between, settings_in_force, settings_kept

_LOG = logging.getLogger(__name__)
_ENDS_WITHIN_S = 1.0

# A queue, since nothing else in threading may be touched by a handler that interrupts another of its kind.
HangUps = queue.SimpleQueue[bool]  # True: read again; False: end


@contextmanager
def catching_hangups() -> Generator[HangUps]:
    """Queue SIGHUP instead of ending the process. When its own terminal has closed, the process still ends."""
    noted: HangUps = queue.SimpleQueue()
    had_terminal = sys.__stdin__ is not None and sys.__stdin__.isatty()

    def note(_number: int, _frame: FrameType | None) -> None:
        if had_terminal and not os.isatty(0):
            os.kill(os.getpid(), signal.SIGTERM)
        else:
            noted.put(True)

    before = signal.signal(signal.SIGHUP, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGHUP, before)


class SettingsReloader:
    """Reads settings again and brings a running node in line with them.

    Args:
        node: the running node.
        settings: those it was started from.
        reread: reads them again.
    """

    def __init__(self, node: NodeApi, settings: NodeSettings, reread: Callable[[], NodeSettings]) -> None:
        self._node = node
        self._settings = settings
        self._reread = reread

    def reread(self) -> None:
        """Apply what has changed, all or nothing, and log it."""
        try:
            new = self._reread()
            commands = commands_between(self._settings, new, [one.name for one in self._node.status().options])
            carry_out(self._node, commands)
        except (SettingsError, InputError, CommandError) as error:
            _LOG.error("the settings were read again, and nothing was changed: %s", error)
            return
        except Exception:  # noqa: BLE001 - the edge of a thread, which must go on for the next signal
            _LOG.exception("the settings could not be read again")
            return
        kept = settings_kept(self._settings, new)
        self._settings = settings_in_force(self._settings, new)
        _LOG.info("the settings were read again: %s", ", ".join(map(str, commands)) or "no change to the node")
        if kept:
            _LOG.warning("%s cannot change while the node runs, and did not: restart it", " and ".join(kept))


@contextmanager
def rereading(
    rereader: SettingsReloader, hangups: HangUps, telling: Callable[[], AbstractContextManager[None]]
) -> Generator[None]:
    """Reload at each SIGHUP in a thread of its own, since a command waits for the node's loop.

    Args:
        rereader: reloads the settings.
        hangups: the queue of `catching_hangups`.
        telling: a context around each reload.
    """

    def serve() -> None:
        while hangups.get():
            with telling():
                rereader.reread()

    worker = threading.Thread(target=serve, name="rereader", daemon=True)
    worker.start()
    try:
        yield
    finally:
        hangups.put(False)
        worker.join(_ENDS_WITHIN_S)
