"""`groundcast probe`: reads a source for a few seconds and shows its codec, size, rate, key frames and clock."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from ..stream.capture.open_source import check_source
from ..stream.capture.reader import Reader
from ..stream.frame import Frame
from ..stream.options import SourceOptions, Transport
from .exits import InputError, RunError
from .printable import printable

_LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """What a source sent while it was read. None means unknown.

    Args:
        url: without its secrets.
        container, codec: FFmpeg's names.
        declared_hz: pictures per second as the stream states them.
        measured_hz: pictures per second by their times.
        key_distance_s: between the last two key frames; after a lost connection, pictures return with the next one.
        clock: where the capture times come from; "file" has none.
        clock_error_ms: how far off capture times may be.
        first_picture_s: from the beginning of opening to the first picture.
        pictures: how many were decoded, corrupt: how much could not be.
        note: what was wrong or missing.
    """

    url: str
    live: bool
    container: str
    codec: str
    width: int
    height: int
    declared_hz: float | None
    measured_hz: float | None
    key_distance_s: float | None
    clock: str
    clock_error_ms: float | None
    first_picture_s: float
    pictures: int
    corrupt: int
    note: str | None


def probe(
    url: Annotated[
        str, typer.Argument(help="A path, rtsp://..., http://..., /dev/video0 or lavfi:...", show_default=False)
    ],
    seconds: Annotated[float, typer.Option(help="How long to read after the first picture, s.", min=0.1)] = 5.0,
    transport: Annotated[Transport, typer.Option(help="RTSP only.")] = "tcp",
    stream: Annotated[
        int | None, typer.Option(help="The video stream's index, as ffprobe counts, where there are several.", min=0)
    ] = None,
    open_timeout_s: Annotated[float, typer.Option(help="How long opening may take, s.", min=0.1)] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show a camera's, stream's or file's codec, size, rate, key frames, clock and time to the first picture."""
    if url.startswith("push:"):
        raise InputError("push: sources cannot be probed: groundcast run shows what the program sends")
    options = SourceOptions("probe", url, transport=transport, stream=stream, open_timeout_s=open_timeout_s)
    check_source(options)
    with _quiet():
        report = survey(options, seconds)
    if as_json:
        typer.echo(json.dumps(asdict(report)))
    else:
        _show(_sentences(report))


def survey(options: SourceOptions, seconds: float) -> ProbeReport:
    """Read a source for so many seconds after its first picture.

    Raises:
        RunError: the first try brought no picture; the text says why.
    """
    woken = threading.Event()
    reader = Reader(options, woken.set)
    began_s = time.monotonic()
    reader.start()
    frames: list[Frame] = []
    try:
        while not reader.finished and (not frames or time.monotonic() - _seconds(frames[0].decoded_ns) < seconds):
            woken.wait(_LOOK_EVERY_S)
            woken.clear()
            while taken := reader.frames.take():
                frames = [frames[0] if frames else taken[0], taken[0]]
            if not frames and reader.stats().state == "reconnecting":
                break
        stats = reader.stats()
    finally:
        reader.stop()
    facts = reader.facts
    if not frames or facts is None:
        raise RunError(stats.error or f"{options.url} sent no picture")
    first, last = frames
    passed_s = last.time_s - first.time_s
    return ProbeReport(
        url=str(options.url),
        live=facts.live,
        container=facts.container,
        codec=facts.codec,
        width=last.width,
        height=last.height,
        declared_hz=facts.rate_hz,
        measured_hz=(last.index - first.index) / passed_s if passed_s > 0 and last.pts is not None else None,
        key_distance_s=reader.key_distance_s,
        clock=last.clock,
        clock_error_ms=last.captured_error_ms,
        first_picture_s=_seconds(first.decoded_ns) - began_s,
        pictures=stats.frames_decoded,
        corrupt=stats.corrupt,
        note=stats.error or stats.warning,
    )


@contextmanager
def _quiet() -> Generator[None]:
    """Silence the reader's log: the report includes it."""
    log = logging.getLogger("groundcast")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def _seconds(moment_ns: int) -> float:
    return moment_ns / 1e9


def _sentences(found: ProbeReport) -> list[tuple[str, str]]:
    declared = "not stated" if found.declared_hz is None else f"{found.declared_hz:.4g} a second stated"
    measured = "" if found.measured_hz is None else f", {found.measured_hz:.4g} measured"
    keys = "fewer than two key frames" if found.key_distance_s is None else f"every {found.key_distance_s:.2f} s"
    error = "" if found.clock_error_ms is None else f", off by {found.clock_error_ms:.0f} ms at most"
    clocks = {
        "rtcp": "the camera's own (RTCP)",
        "driver": "the video driver's",
        "arrival": "arrival at this computer: the camera sends no plausible clock",
        "file": "none: a recording, or a stream served as files",
    }
    lines = [
        ("source", found.url),
        ("codec", f"{found.codec} in {found.container}"),
        ("size", f"{found.width} x {found.height} px"),
        ("rate", declared + measured),
        ("key frames", keys),
        ("clock", clocks[found.clock] + error),
        ("first picture", f"after {found.first_picture_s:.2f} s"),
        ("pictures", f"{found.pictures} decoded, {found.corrupt} packets or pictures corrupt"),
    ]
    return lines if found.note is None else [*lines, ("note", found.note)]


def _show(lines: list[tuple[str, str]]) -> None:
    if not sys.stdout.isatty():
        for what, said in lines:
            typer.echo(f"{what:<15}{printable(said)}")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False)
    for what, said in lines:
        table.add_row(what, Text(printable(said)))
    Console().print(table)
