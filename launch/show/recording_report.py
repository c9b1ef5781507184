"""The contents of a recording, as lines and as figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...stream.recording.counters import RecordingCounters
from ...stream.recording.mcap_reader import McapReader
from ...stream.wire.header import read_position
from ...stream.wire.topics import MessageError

_MB = 1e6


def recording_figures(reader: McapReader) -> dict[str, Any]:
    """The contents of one file, for JSON."""
    tally = _count(reader)
    state = {"torn": reader.torn, "damaged": reader.damaged}
    return {"path": str(reader.path), **state, "about": dict(reader.about), **counter_figures(tally)}


def recording_lines(reader: McapReader) -> list[str]:
    """The contents of one file: a heading, and a line per topic."""
    tally = _count(reader)
    about = reader.about
    came = f", recorded from {about['address']} at {about['began']}" if {"address", "began"} <= set(about) else ""
    head = f"{reader.path}: {tally.messages} messages of {tally.seconds:.1f} s{came}"
    return [head, *counter_lines(tally), *fault_lines([reader])]


def fault_lines(readers: Sequence[McapReader]) -> list[str]:
    """The faults of files that were read to their end, a line each."""
    lines = [f"  {reader.torn_sentence}" for reader in readers if reader.torn]
    return lines + [
        f"  {reader.path} is damaged: {reader.damaged} parts were passed over" for reader in readers if reader.damaged
    ]


def counter_figures(tally: RecordingCounters) -> dict[str, Any]:
    """The counters of a recording, for JSON."""
    return {
        "messages": tally.messages,
        "bytes": tally.size_bytes,
        "seconds": round(tally.seconds, 3),
        "gaps": tally.gaps.total(),
        "malformed": tally.malformed,
        "nodes": {node: {"starts": starts} for node, starts in tally.starts.items()},
        "topics": {
            name: {"messages": topic.messages, "bytes": topic.size_bytes} for name, topic in tally.topics.items()
        },
        "gaps_by_source": {f"{node}/{source}": lost for (node, source), lost in tally.gaps.items()},
    }


def counter_lines(tally: RecordingCounters) -> list[str]:
    """The counters of a recording: a line per topic, and lines for faults."""
    lines = [
        f"  {name:<40} {topic.messages:>8} messages {topic.size_bytes / _MB:>10.3f} MB"
        for name, topic in sorted(tally.topics.items())
    ]
    lines += [f"  {node}/{source}: {lost} messages were lost" for (node, source), lost in sorted(tally.gaps.items())]
    lines += [f"  {node}: {starts - 1} restarts" for node, starts in sorted(tally.starts.items()) if starts > 1]
    lines += [f"  {tally.malformed} messages cannot be read"] if tally.malformed else []
    return lines


def _count(reader: McapReader) -> RecordingCounters:
    tally = RecordingCounters()
    for message in reader:
        try:
            tally.add(message, read_position(message.topic, message.parts))
        except MessageError:
            tally.add(message, None)
    return tally
