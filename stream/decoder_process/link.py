"""A running decoder process as the node holds it: its socket, its slots, and how it is ended."""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from ..options import SourceOptions
from ..sockets.descriptors import NoDescriptorError, means_none_free
from ..source_url import SourceError, full_url, host_of
from ..wire.topics import MessageError
from .messages import MAX_MESSAGE, Report
from .picture_slots import PictureSlots

_log = logging.getLogger(__name__)

MAX_PROCESSOR_S = 60
"""Seconds of the processor that may pass without a picture."""

DECODER = f"{__package__}.child"
"""The module that a decoder process runs."""

_DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
_DNS_PORT = 53
_TOOK_TOO_LONG = f"took more than {MAX_PROCESSOR_S} s of the processor without a picture, was ended"
_START_WITHIN_S = 30.0
_RENEW_EVERY_S = 1.0
_LOOK_AT_STOP_EVERY_S = 0.2
# Nothing of the node's own environment, in which passwords are. Threads and arenas of memory count as memory.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


class DecoderLink:
    """A running decoder process, its socket and its slots.

    Args:
        options: the source that it is for.
        module: the Python module to run.

    Raises:
        SourceError: it cannot be started.
    """

    def __init__(self, options: SourceOptions, module: str) -> None:
        self._options, self.pause = options, _never
        self.missing_protection: str | None = None
        self.is_over = False
        self._is_ready = False
        self._renewed_s = 0.0
        self._most_s = 0
        with contextlib.ExitStack() as undo:
            try:
                self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                undo.callback(self._channel.close)
                with theirs:
                    self.slots = PictureSlots()
                    with contextlib.closing(self.slots):
                        self._process = _start(module, theirs.fileno(), self.slots.descriptor, _ports_of(options))
            except OSError as error:
                if means_none_free(error.errno):
                    raise NoDescriptorError(str(options.url)) from None
                raise SourceError(f"no process can be started that decodes {options.url} ({error})") from None
            undo.pop_all()
        self._channel.settimeout(_LOOK_AT_STOP_EVERY_S)

    @property
    def pid(self) -> int:
        return self._process.pid

    def use(self, options: SourceOptions, pause: Callable[[float], bool]) -> None:
        """Take orders for this source from now on, once the process is ready.

        Raises:
            SourceError: it does not become ready.
        """
        self._options, self.pause = options, pause
        self.renew_processor_time()
        if self._is_ready:
            return
        try:
            report = self.receive(time.monotonic() + _START_WITHIN_S)
            if report is not None and report.kind == "lost":
                self.kill()
                raise SourceError(f"{options.url} cannot be decoded in a process of its own: {report.text}")
            if report is None or report.kind != "ready":
                raise self.failure("did not begin as it must")
            self.missing_protection = report.shortfall
        except MessageError as error:
            raise self.failure(f"sent what it must not ({error})") from None
        self._is_ready = True
        if self.missing_protection:
            _log_missing(self.missing_protection)

    def send(self, order: bytes) -> None:
        """Send an order; the process has read all before it, or is not worth waiting for."""
        try:
            self._channel.send(order, socket.MSG_DONTWAIT)
        except OSError:
            raise self.failure("takes no orders") from None

    def receive(self, until_s: float) -> Report | None:
        """The next report; None when there was none until then (monotonic).

        Raises:
            MessageError: it is not as it must be.
            SourceError: the process has ended, or its source was stopped.
        """
        while True:
            try:
                body = self._channel.recv(MAX_MESSAGE)
            except TimeoutError:
                if self.pause(0.0):
                    raise self.failure("is no longer needed") from None
                if time.monotonic() > until_s:
                    return None
                continue
            except OSError:
                body = b""
            if not body:
                raise self.failure("")
            return Report(body)

    def renew_processor_time(self) -> None:
        """Let it have `MAX_PROCESSOR_S` more from now on."""
        now_s = time.monotonic()
        if now_s - self._renewed_s < _RENEW_EVERY_S:
            return
        self._renewed_s = now_s
        self._most_s = _used_s(self.pid) + MAX_PROCESSOR_S
        with contextlib.suppress(OSError):  # it has ended, which is noticed elsewhere
            resource.prlimit(self.pid, resource.RLIMIT_CPU, (self._most_s, resource.RLIM_INFINITY))

    def check_processor_time(self) -> None:
        """End a process that uses more than it may: one that was taken over ignores the kernel's signal.

        Raises:
            SourceError: it was ended.
        """
        if _used_s(self.pid) > self._most_s:
            raise self.failure(_TOOK_TOO_LONG)

    def failure(self, what: str) -> SourceError:
        """End the process; what to say of it.

        Args:
            what: it did; "" where it ended by itself.
        """
        if not what:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
        returned = self._process.poll()
        self.kill()
        if not what:
            what = _ending(returned)
        return SourceError(f"the process that decodes {self._options.url} {what}, and is started anew")

    def kill(self) -> None:
        """End the process at once, and leave nothing of it."""
        if not self.is_over:
            self.is_over = True
            self._process.kill()
            self._process.wait()
            self._channel.close()
            self.slots.end()


def _start(module: str, channel: int, memory: int, ports: Sequence[int]) -> subprocess.Popen[bytes]:
    path = os.pathsep.join(str(Path(entry).resolve()) for entry in sys.path if entry)
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module, *map(str, (channel, memory, os.getpid(), *ports))],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(channel, memory),
        env={**_ENVIRONMENT, "PYTHONPATH": path},
        cwd="/",
        process_group=0,  # an interrupt from the keyboard is for the node
    )


def _ports_of(options: SourceOptions) -> tuple[int, ...]:
    """The TCP ports of a camera, of a name server, and over HTTP those where redirects usually lead; () for any."""
    if options.redirect_hosts:
        return ()
    scheme = urlsplit(full_url(options.url)).scheme.lower()
    _, port = host_of(options.url)
    also = (_DEFAULT_PORTS["http"], _DEFAULT_PORTS["https"]) if scheme in ("http", "https") else ()
    return (port or _DEFAULT_PORTS[scheme], _DNS_PORT, *also)


def _used_s(pid: int) -> int:
    """Seconds of the processor that a process has used; 0 where it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return (int(fields[11]) + int(fields[12])) // os.sysconf("SC_CLK_TCK")


def _ending(returned: int | None) -> str:
    if returned is not None and -returned == signal.SIGXCPU:
        return _TOOK_TOO_LONG
    if returned is not None and returned < 0:
        return f"was ended by a signal ({signal.Signals(-returned).name})"
    return f"has ended with {returned}"


def _never(_seconds: float) -> bool:
    return False


@cache
def _log_missing(reason: str) -> None:
    _log.warning("decode_process protects less here: %s", reason)
