"""`groundcast record`: writes a node's messages into MCAP files."""

from __future__ import annotations

import importlib.metadata
import json
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ..stream.events.store import EventStoreError
from ..stream.recording.counters import RecordingCounters
from ..stream.recording.event_recorder import EventRecorder
from ..stream.recording.raw_subscriber import RawSubscriber
from ..stream.recording.recorder import record as record_from
from ..stream.recording.rotation import RotatingRecording, RotationOptions
from .exits import running, say
from .node.signals import stop_on_signals
from .settings.key_option import KeysOption
from .show.recording_report import counter_figures, counter_lines
from .standard_streams import outlive_reader

_HINT_AFTER_S = 5.0
_LINE_EVERY_S = 10.0
_MB = 1e6


def record(
    address: Annotated[str, typer.Argument(help="Where the node publishes.")] = "tcp://127.0.0.1:5570",
    out: Annotated[Path | None, typer.Argument(help="The MCAP file to write. Default: named after the time.")] = None,
    source: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this source; may be given again.")
    ] = None,
    node: Annotated[str | None, typer.Option(help="Only this node.")] = None,
    keys: KeysOption = None,
    pictures: Annotated[bool, typer.Option("--pictures", help="Write the pictures too.")] = False,
    rotate_mb: Annotated[float, typer.Option(min=0.001, help="Start a new file at this size.")] = 1000.0,
    rotate_s: Annotated[float, typer.Option(min=0.1, help="Start a new file after this long.")] = 3600.0,
    keep: Annotated[int | None, typer.Option(min=1, help="Keep this many files and remove older ones.")] = None,
    max_mb: Annotated[
        float | None, typer.Option(min=0.002, help="Remove the oldest files when all together are larger.")
    ] = None,
    events_store: Annotated[
        Path | None, typer.Option(help="Store events and minute counts in this SQLite file, for `groundcast events`.")
    ] = None,
    events_keep_days: Annotated[
        float, typer.Option(min=0.01, max=36_500.0, help="Keep events and minute counts for so long.")
    ] = 90.0,
    for_s: Annotated[float | None, typer.Option(min=0.0, help="Stop after this long.")] = None,
    until_ended: Annotated[bool, typer.Option("--until-ended", help="Stop when every source has ended.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object of figures.")] = False,
) -> None:
    """Write a node's messages, byte for byte, into MCAP files until Ctrl-C."""
    outlive_reader()
    options = _rotation(rotate_mb, rotate_s, keep, max_mb)
    counters = RecordingCounters()
    about = {"version": importlib.metadata.version("groundcast"), "address": address, "node": node or ""}
    events = None if events_store is None else EventRecorder(events_store, events_keep_days)
    with RawSubscriber(address, source, node=node, pictures=pictures, keys=keys) as tap:
        with (
            stop_on_signals(hangup=True) as stop,
            closing(RotatingRecording(out or _named_after_now(), options, about)) as recording,
        ):
            over = _Over(tap, counters, stop.is_set, for_s, until_ended=until_ended)
            if not as_json:
                typer.echo(f"recording {address} into {recording.files[0]} (Ctrl-C ends)")
                over.on_line = lambda: typer.echo(f"{_so_far(counters)}, {recording.size_bytes / _MB:.1f} MB")
            with running(), _completed(events):
                record_from(tap, recording, counters, over, events)
                recording.close()
        _report(recording, counters, events, as_json=as_json)


class _Over:
    """Whether to stop; the recorder calls it constantly, and it prints progress now and then."""

    def __init__(
        self,
        tap: RawSubscriber,
        counters: RecordingCounters,
        stopped: Callable[[], bool],
        for_s: float | None,
        *,
        until_ended: bool,
    ) -> None:
        self.on_line: Callable[[], None] | None = None
        self._tap = tap
        self._counters = counters
        self._stopped = stopped
        self._until_ended = until_ended
        now_s = time.monotonic()
        self._end_s = float("inf") if for_s is None else now_s + for_s
        self._hint_s, self._line_s = now_s + _HINT_AFTER_S, now_s + _LINE_EVERY_S

    def __call__(self) -> bool:
        now_s = time.monotonic()
        if now_s >= self._hint_s:
            self._hint_s = float("inf")
            if not self._counters.messages:
                say(f"no message yet: {self._tap.refusal or 'is a node running there?'} (still waiting)")
        if now_s >= self._line_s and self.on_line is not None and self._counters.messages:
            self._line_s = now_s + _LINE_EVERY_S
            self.on_line()
        return self._stopped() or now_s >= self._end_s or (self._until_ended and self._counters.is_finished)


@contextmanager
def _completed(events: EventRecorder | None) -> Generator[None]:
    """Stores the last events at the end of the block, also when the recording fails, whose error is the one to tell."""
    try:
        yield
    except BaseException:
        if events is not None:
            with suppress(EventStoreError):
                events.close()
        raise
    if events is not None:
        events.close()


def _so_far(counters: RecordingCounters) -> str:
    return f"{counters.messages} messages of {counters.seconds:.1f} s, {counters.gaps.total()} lost"


def _rotation(rotate_mb: float, rotate_s: float, keep: int | None, max_mb: float | None) -> RotationOptions:
    if max_mb is None:
        return RotationOptions(rotate_mb * _MB, rotate_s, keep)
    # Whole files are removed, so that one file must be small against the limit.
    return RotationOptions(min(rotate_mb, max_mb / 2) * _MB, rotate_s, keep, max_mb * _MB)


def _named_after_now() -> Path:
    return Path(datetime.now(UTC).strftime("groundcast-%Y%m%dT%H%M%SZ.mcap"))


def _report(
    recording: RotatingRecording, counters: RecordingCounters, events: EventRecorder | None, *, as_json: bool
) -> None:
    if as_json:
        files: dict[str, Any] = {"files": [str(path) for path in recording.files], "removed": recording.removed}
        if events is not None:
            files["events"] = {"store": str(events.path), "stored": events.stored, "lost": events.lost}
        typer.echo(json.dumps({**counter_figures(counters), "refused": counters.refused, **files}))
        return
    lines = [f"{_so_far(counters)}:", *counter_lines(counters), *(f"  {path}" for path in recording.files)]
    if events is not None:
        lines.append(f"  {events.path}: {events.stored} events were stored, {events.lost} were lost")
    typer.echo("\n".join(lines))
