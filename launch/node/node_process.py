"""A node in a process of its own, started as `groundcast run`; it ends with its owner's block."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from ..exits import WRONG_INPUT, InputError, RunError

_END_S = 10.0  # after SIGTERM


class NodeProcess:
    """Starts a node from a settings file and waits until it is ready.

    Attributes:
        address: where it publishes.
        control: the address of its control socket; None where it has none.
        pid: of the process.
        ready_s: seconds from its start until it was ready.

    Raises:
        InputError: the node refused its input.
        RunError: it failed.
    """

    def __init__(self, settings: Path) -> None:
        command = [sys.executable, "-m", "groundcast.launch.cli", "run", str(settings), "--json"]
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  closed with the process
        # Unbuffered: `communicate` must find what comes after the first line.
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._errors, bufsize=0
        )
        self.pid = self._process.pid
        try:
            assert self._process.stdout is not None
            first = self._process.stdout.readline()
            if not first:
                self._fail(self._process.wait())
            ready = json.loads(first)["ready"]
            self.address: str = ready["address"]
            self.control: str | None = ready.get("control")
            self.ready_s: float = ready["seconds"]
        except BaseException:
            self._end()
            raise

    def report(self, timeout_s: float) -> dict[str, Any]:
        """The figures that the node prints at its end.

        Raises:
            RunError: it failed, or does not end in time.
        """
        try:
            said, _ = self._process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            raise RunError(f"the node's sources have ended and it does not end within {timeout_s:g} s") from error
        if self._process.returncode or not said.strip():
            self._fail(self._process.returncode)
        return json.loads(said.splitlines()[-1])

    def __enter__(self) -> NodeProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def _fail(self, code: int) -> None:
        self._errors.seek(0)
        said = [line for line in self._errors.read().splitlines() if line.strip()]
        sentence = said[-1].removeprefix("groundcast: ") if said else f"exit code {code} and no message"
        raise InputError(sentence) if code == WRONG_INPUT else RunError(f"the node failed: {sentence}")

    def _end(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_END_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._errors.close()
