"""Standard input, output and error: always open, and safe when the reader of a pipe has gone."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TYPE_CHECKING

from .exits import DONE, RunError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_GONE = (errno.EPIPE, errno.EIO)  # a pipe without a reader; a terminal that was closed


class _StandardStream(io.FileIO):
    """Standard output or error, below Python's buffers.

    Attributes:
        outlives_reader: the command continues without a reader. Else it ends there with exit code 0.
    """

    def __init__(self, number: int, *, outlives_reader: bool) -> None:
        super().__init__(number, "wb", closefd=False)
        self.outlives_reader = outlives_reader

    def write(self, data: ReadableBuffer, /) -> int | None:
        try:
            return super().write(data)
        except OSError as error:
            size = memoryview(data).nbytes
            if error.errno in _GONE:
                _redirect_to_null(self.fileno())  # also what Python still writes at its own end
                if not self.outlives_reader:
                    raise SystemExit(DONE) from None
            elif not self.outlives_reader:
                _redirect_to_null(self.fileno())  # else Python's own flush at the end fails again, with exit code 120
                raise RunError(
                    f"standard output cannot be written ({error.strerror}): redirect it elsewhere"
                ) from error
            return size


def open_standard_streams() -> None:
    """Replace Python's streams. Call it first: the next file that is opened gets the lowest free descriptor.

    A stream that the caller has closed is opened on /dev/null. Standard error never fails; for standard output see
    `outlive_reader`.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number is this one
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False))
    sys.stdout = _text_stream(1, getattr(sys.stdout, "encoding", None), outlives_reader=False)
    sys.stderr = _text_stream(2, getattr(sys.stderr, "encoding", None), outlives_reader=True)


def outlive_reader() -> None:
    """From here on the command continues when the reader of its output has gone."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if isinstance(raw, _StandardStream):
        raw.outlives_reader = True


def _text_stream(number: int, encoding: str | None = None, *, outlives_reader: bool) -> io.TextIOWrapper:
    raw = _StandardStream(number, outlives_reader=outlives_reader)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=encoding,
        errors="backslashreplace",  # a file's name may hold characters that the terminal's encoding lacks
        line_buffering=number == 2 or raw.isatty(),
    )


def _redirect_to_null(number: int) -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, number)
    os.close(null)
