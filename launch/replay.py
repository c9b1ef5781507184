"""`groundcast replay`: publishes recordings again, and shows what they contain."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from ..stream.recording.format import Recorded
from ..stream.recording.mcap_reader import McapReader
from ..stream.recording.playback import playback
from ..stream.recording.raw_publisher import RawPublisher
from ..stream.recording.restamp import Restamp
from ..stream.wire.header import read_position
from ..stream.wire.topics import MessageError
from .exits import InputError, RunError, say
from .node.signals import stop_on_signals
from .show.recording_report import fault_lines, recording_figures, recording_lines
from .standard_streams import outlive_reader

_BETWEEN_ROUNDS_S = 0.1


def replay(
    files: Annotated[list[Path], typer.Argument(help="MCAP files in any order, also truncated ones.")],
    speed: Annotated[str, typer.Option(help="1, 2, 0.5, or asap: as fast as the slowest subscriber.")] = "1",
    address: Annotated[str, typer.Option(help="Where to publish.")] = "tcp://127.0.0.1:5570",
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Allow an address others can reach, without keys.")
    ] = False,
    keys: Annotated[Path | None, typer.Option(help="Accept only clients allowed in this folder of keys.")] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Start again at the end; needs --restamp.")] = False,
    restamp: Annotated[
        bool, typer.Option("--restamp", help="Move all times to now. Never where a robot may act on them.")
    ] = False,
    wait_s: Annotated[float, typer.Option(min=0.0, help="Wait this long for the first subscriber.")] = 10.0,
    info: Annotated[bool, typer.Option("--info", help="Show what each file contains, and publish nothing.")] = False,
    to_rosbag: Annotated[
        Path | None,
        typer.Option(help="Write them as ROS 2 messages into this new MCAP file, and publish nothing."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object of figures.")] = False,
) -> None:
    """Publish recordings again: the same bytes on the same topics, in order, at any speed."""
    readers = sorted(map(McapReader, files), key=lambda reader: reader.order)
    if to_rosbag is not None:
        from .bridge.rosbag import write_rosbag

        write_rosbag(readers, to_rosbag, as_json=as_json)
        return
    if info:
        _print_info(readers, as_json=as_json)
        return
    outlive_reader()
    rate = _rate(speed)
    if loop and not restamp:
        raise InputError("--loop needs --restamp: subscribers refuse messages that they have already received")
    if not any(True for reader in readers for _ in reader):  # each is read up to its first message
        _refuse_empty(readers)
    with (
        stop_on_signals(hangup=True) as stop,
        RawPublisher(address, insecure=insecure, keys=keys, lossless=math.isinf(rate)) as sender,
    ):
        if not as_json:
            typer.echo(f"publishing on {sender.address} (groundcast listen {sender.address})")
        if not sender.wait_for_subscriber(wait_s, stop.is_set) and not stop.is_set():
            say(f"no subscriber within {wait_s:g} s: publishing without one")
        began_s, rounds, sent = time.monotonic(), 0, 0
        while not stop.is_set() and (loop or rounds == 0):
            rounds += 1
            if rounds > 1:  # so that a short recording does not spin
                sender.pause_until(time.monotonic() + _BETWEEN_ROUNDS_S, stop.is_set)
            messages = playback(map(_without_ends, readers) if loop else readers)
            sent += _play(messages, sender, rate, Restamp() if restamp else None, stop.is_set)
            if not sent:
                break
    if not sent and not stop.is_set():
        _refuse_empty(readers)
    for line in fault_lines(readers):
        say(line)
    figures = {"messages": sent, "rounds": rounds, "seconds": round(time.monotonic() - began_s, 3)}
    typer.echo(json.dumps(figures) if as_json else f"{sent} messages sent in {figures['seconds']:.1f} s")


def _refuse_empty(readers: Sequence[McapReader]) -> NoReturn:
    for line in fault_lines(readers):
        say(line)
    names = ", ".join(str(reader.path) for reader in readers)
    raise RunError(f"{names}: no message of groundcast: give files that 'groundcast record' wrote")


def _play(
    messages: Iterable[tuple[float, Recorded]],
    sender: RawPublisher,
    rate: float,
    restamp: Restamp | None,
    stop: Callable[[], bool],
) -> int:
    """Send all messages once. Returns how many were sent."""
    began_s = time.monotonic()
    sent = 0
    for at_s, message in messages:
        sender.pause_until(began_s + at_s / rate, stop)
        parts = message.parts if restamp is None else restamp(message.topic, message.parts)
        if not sender.send(message.topic, parts, stop):
            break
        sent += 1
    return sent


def _without_ends(messages: Iterable[Recorded]) -> Iterator[Recorded]:
    """All messages but the last status of a source, at which subscribers stop."""
    for message in messages:
        try:
            is_last = read_position(message.topic, message.parts).is_last
        except MessageError:
            is_last = False
        if not is_last:
            yield message


def _rate(speed: str) -> float:
    """How many recorded seconds pass in one; infinite for asap."""
    if speed == "asap":
        return math.inf
    try:
        rate = float(speed)
    except ValueError:
        rate = math.nan
    if not (math.isfinite(rate) and rate > 0):
        raise InputError(f"--speed {speed} is not a speed: give a number above 0, or asap")
    return rate


def _print_info(readers: Sequence[McapReader], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"recordings": [recording_figures(reader) for reader in readers]}))
        return
    for reader in readers:
        typer.echo("\n".join(recording_lines(reader)))
