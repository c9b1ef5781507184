"""`groundcast record`: writes what a node sends into MCAP files."""

from __future__ import annotations

import importlib.metadata
import json
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ..stream.recording.counters import RecordingCounters
from ..stream.recording.raw_subscriber import RawSubscriber
from ..stream.recording.recorder import record as record_from
from ..stream.recording.rotation import RotatingRecording, RotationOptions
from .exits import running, say
from .node.signals import stop_on_signals
from .settings.key_option import KeysOption
from .show.recording_report import tally_figures, tally_lines
from .standard_streams import outlive_reader

_HINT_AFTER_S = 5.0
_LINE_EVERY_S = 10.0
_MB = 1e6


def record(
    address: Annotated[str, typer.Argument(help="Where the node publishes.")] = "tcp://127.0.0.1:5570",
    out: Annotated[Path | None, typer.Argument(help="The MCAP file to write; else it is named after the time.")] = None,
    source: Annotated[list[str] | None, typer.Option(help="Only this source; may be given again.")] = None,
    node: Annotated[str | None, typer.Option(help="Only this node.")] = None,
    keys: KeysOption = None,
    pictures: Annotated[bool, typer.Option("--pictures", help="Write the pictures too.")] = False,
    rotate_mb: Annotated[float, typer.Option(min=0.001, help="Begin another file at this size.")] = 1000.0,
    rotate_s: Annotated[float, typer.Option(min=0.1, help="Begin another file after this long.")] = 3600.0,
    keep: Annotated[int | None, typer.Option(min=1, help="Keep this many files, and remove older ones.")] = None,
    max_mb: Annotated[
        float | None, typer.Option(min=0.002, help="Remove the oldest files when all are larger than this.")
    ] = None,
    for_s: Annotated[float | None, typer.Option(min=0.0, help="Stop after this long.")] = None,
    until_ended: Annotated[bool, typer.Option("--until-ended", help="Stop when every source has ended.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object of figures.")] = False,
) -> None:
    """Write what a node sends into MCAP files, as the bytes that travelled, until Ctrl-C."""
    outlive_reader()
    options = _rotation(rotate_mb, rotate_s, keep, max_mb)
    tally = RecordingCounters()
    about = {"version": importlib.metadata.version("groundcast"), "address": address, "node": node or ""}
    with RawSubscriber(address, source, node=node, pictures=pictures, keys=keys) as tap:
        with (
            stop_on_signals(hangup=True) as told,
            closing(RotatingRecording(out or _named_after_now(), options, about)) as recording,
        ):
            over = _Over(tap, tally, told.is_set, for_s, until_ended=until_ended)
            if not as_json:
                typer.echo(f"recording {address} into {recording.files[0]} (Ctrl-C ends)")
                over.on_line = lambda: typer.echo(f"{_so_far(tally)}, {recording.size_bytes / _MB:.1f} MB")
            with running():
                record_from(tap, recording, tally, over)
                recording.close()
        _report(recording, tally, as_json=as_json)


class _Over:
    """Whether it is time to stop; asked all the time, it also says now and then how things stand."""

    def __init__(
        self,
        tap: RawSubscriber,
        tally: RecordingCounters,
        told: Callable[[], bool],
        for_s: float | None,
        *,
        until_ended: bool,
    ) -> None:
        self.on_line: Callable[[], None] | None = None
        self._tap = tap
        self._tally = tally
        self._told = told
        self._until_ended = until_ended
        now_s = time.monotonic()
        self._end_s = float("inf") if for_s is None else now_s + for_s
        self._hint_s, self._line_s = now_s + _HINT_AFTER_S, now_s + _LINE_EVERY_S

    def __call__(self) -> bool:
        now_s = time.monotonic()
        if now_s >= self._hint_s:
            self._hint_s = float("inf")
            if not self._tally.messages:
                say(f"nothing was heard yet: {self._tap.refusal or 'is a node running there?'} (still waiting)")
        if now_s >= self._line_s and self.on_line is not None and self._tally.messages:
            self._line_s = now_s + _LINE_EVERY_S
            self.on_line()
        return self._told() or now_s >= self._end_s or (self._until_ended and self._tally.is_finished)


def _so_far(tally: RecordingCounters) -> str:
    return f"{tally.messages} messages of {tally.seconds:.1f} s, {tally.gaps.total()} lost on the way"


def _rotation(rotate_mb: float, rotate_s: float, keep: int | None, max_mb: float | None) -> RotationOptions:
    if max_mb is None:
        return RotationOptions(rotate_mb * _MB, rotate_s, keep)
    # Whole files go, so that one must be small beside all of them.
    return RotationOptions(min(rotate_mb, max_mb / 2) * _MB, rotate_s, keep, max_mb * _MB)


def _named_after_now() -> Path:
    return Path(datetime.now(UTC).strftime("groundcast-%Y%m%dT%H%M%SZ.mcap"))


def _report(recording: RotatingRecording, tally: RecordingCounters, *, as_json: bool) -> None:
    if as_json:
        files = {"files": [str(path) for path in recording.files], "removed": recording.removed}
        typer.echo(json.dumps({**tally_figures(tally), "refused": tally.refused, **files}))
        return
    typer.echo("\n".join([f"{_so_far(tally)}:", *tally_lines(tally), *(f"  {path}" for path in recording.files)]))
