"""Clip: one recording around one event or several, with what was tracked in it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..event import Event
from ..track import Track
from ..wire.event_message import event_map
from .clip_file import ClipError, ClipFile
from .packet_ring import KeptPacket, PacketRing

_DIGITS = 3
_SILENT_S = 10.0  # a source that sends nothing for so long ends its clip


@dataclass(frozen=True, slots=True)
class TrackedMoment:
    """The tracks of one frame, and when it was taken on the stream's clock."""

    stream_s: float
    seq: int
    tracks: tuple[Track, ...]


class Clip:
    """A clip while it is written. One thread uses it.

    Attributes:
        until_s: its end, on the stream's clock.

    Args:
        path: of the file.
        source: the source's name.
        ring: the source's packets.
        first: the key frame that it begins with.
        until_s: its end.

    Raises:
        ClipError: (from all methods) it cannot be written; it is then given up.
    """

    def __init__(self, path: Path, source: str, ring: PacketRing, first: KeptPacket, until_s: float) -> None:
        template = ring.template
        if template is None:
            raise ClipError(f"source {source} has no clips: {ring.left_out or 'nothing was received'}")
        self.path, self.source, self.until_s = path, source, until_s
        self.begin_s = self._last_s = first.at_s
        self._ring, self._next = ring, first.number
        self._file = ClipFile(path, template, first)
        self._came_s = time.monotonic()
        self._events: list[tuple[float, Event]] = []

    def add_event(self, event: Event, stream_s: float, until_s: float) -> None:
        """Add an event; the clip lasts until `until_s` then."""
        self._events.append((stream_s, event))
        self.until_s = max(self.until_s, until_s)

    def take(self) -> bool:
        """Copy the packets that have come; false once its end has come, or its source was lost."""
        packets = self._ring.since(self._next)
        if packets:
            self._came_s = time.monotonic()
        for kept in packets:
            is_break = kept.number > self._next or (kept.begins and kept.at_s != self.begin_s)
            if is_break or kept.at_s > self.until_s:
                return False
            self._file.add(kept)
            self._next, self._last_s = kept.number + 1, max(self._last_s, kept.at_s)
        return time.monotonic() - self._came_s < _SILENT_S

    def finish(self, moments: Iterable[TrackedMoment]) -> None:
        """Complete the file, and write its events and tracks beside it."""
        inside = [one for one in moments if self.begin_s <= one.stream_s <= self._last_s]
        values = {
            "source": self.source,
            "file": self.path.name,
            "seconds": round(self._last_s - self.begin_s, _DIGITS),
            "events": [{"at_s": self._at(stream_s), **event_map(event)} for stream_s, event in self._events],
            "tracks": [{"at_s": self._at(one.stream_s), "seq": one.seq, "tracks": _maps(one.tracks)} for one in inside],
        }
        beside = self.path.with_suffix(".json")
        try:
            beside.write_text(json.dumps(values), encoding="utf-8")
            self._file.finish()
        except OSError as error:
            self.discard()
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            if isinstance(error, ClipError):
                raise
            raise ClipError(f"{beside} cannot be written ({error.strerror})") from error

    def discard(self) -> None:
        """Give the clip up."""
        self._file.discard()

    def _at(self, stream_s: float) -> float:
        return round(stream_s - self.begin_s, _DIGITS)


def _maps(tracks: Sequence[Track]) -> list[dict[str, object]]:
    return [
        {"id": one.id, "phrase": one.phrase, "score": one.score, "box_xyxy": list(one.box_xyxy), "state": one.state}
        for one in tracks
    ]
