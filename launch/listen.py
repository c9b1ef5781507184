"""`groundcast listen`: subscribes to a node and prints, stores or draws its messages."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ..stream.subscriber import Subscriber
from ..stream.wire.message_types import DetectionMessage
from .exits import InputError, RunError, say
from .settings.key_option import KeysOption
from .show.listen_status import listen_to_status
from .show.message_table import MessageTable
from .standard_streams import outlive_reader

_HINT_AFTER_S = 5.0


def listen(
    address: Annotated[str, typer.Argument(help="Where the node publishes.")] = "tcp://127.0.0.1:5570",
    source: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this source; may be given again.")
    ] = None,
    node: Annotated[str | None, typer.Option(help="Only this node.")] = None,
    keys: KeysOption = None,
    every: Annotated[bool, typer.Option("--every", help="Show every message in order, not only the newest.")] = False,
    max_age_ms: Annotated[
        float | None,
        typer.Option(help="Refuse messages whose picture is older, or of unknown age."),
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, help="Stop after this many messages, or statuses.")] = None,
    timeout_s: Annotated[float | None, typer.Option(help="Fail after this long without a message, s.")] = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Print a line of JSON for each message, or status.")] = False,
    draw: Annotated[Path | None, typer.Option(help="Write the pictures with their boxes into this MP4 file.")] = None,
    masks: Annotated[bool, typer.Option("--masks", help="Also receive masks, for --draw and --jsonl.")] = False,
    status: Annotated[bool, typer.Option("--status", help="Show the sources' state instead of detections.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object of figures.")] = False,
) -> None:
    """Subscribe to a node; print, store or draw its messages. Ends with its sources, or on Ctrl-C."""
    began_s = time.monotonic()
    _check_wait(timeout_s)
    if status:
        if every or draw is not None or max_age_ms is not None:
            raise InputError("--status shows no detections: leave --every, --max-age-ms and --draw away")
        statuses = listen_to_status(address, source, node, keys, count, timeout_s, jsonl=jsonl, silent=as_json)
        if as_json:
            _report({"statuses": statuses}, began_s)
        return
    messages = 0
    with ExitStack() as stack:
        board = stack.enter_context(MessageTable(f"waiting for a node on {address}", silent=as_json))
        sinks: list[Callable[[DetectionMessage], None]] = [_print_json if jsonl else board.show]
        if draw is not None:
            outlive_reader()
            sinks.append(stack.enter_context(_drawing(draw)))
        subscriber = stack.enter_context(
            Subscriber(
                address,
                source,
                node=node,
                newest_only=not (every or jsonl or draw),
                max_age_ms=max_age_ms,
                pictures=draw is not None,
                masks=masks,
                timeout_s=timeout_s or _HINT_AFTER_S,
                keys=keys,
            )
        )
        with _until_signal():
            for message in _messages(subscriber, gives_up=timeout_s is not None):
                messages += 1
                for sink in sinks:
                    sink(message)
                if messages == count:
                    break
    if as_json:
        figures = {"messages": messages, "gaps": subscriber.gaps, "skipped": subscriber.skipped}
        _report({**figures, "refused": dict(subscriber.refused)}, began_s)


@contextmanager
def _until_signal() -> Generator[None]:
    """End the block on Ctrl-C, SIGTERM or SIGHUP without an error, so that a video file is completed."""
    numbers = [one for one in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(one) is signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _report(figures: Mapping[str, object], began_s: float) -> None:
    typer.echo(json.dumps({**figures, "seconds": round(time.monotonic() - began_s, 3)}))


def _messages(subscriber: Subscriber, *, gives_up: bool) -> Iterator[DetectionMessage]:
    hinted = False
    while True:
        try:
            yield next(subscriber)
        except StopIteration:
            return
        except TimeoutError as error:
            if gives_up:
                raise RunError(str(error)) from error
            if not hinted:
                say(f"{error} (still waiting)")
            hinted = True


def _print_json(message: DetectionMessage) -> None:
    values = asdict(message)
    del values["picture"]
    if (masks := values.pop("masks")) is not None:
        values["masks"] = [{**mask, "rle": mask["rle"].decode("ascii", "replace")} for mask in masks.values()]
    typer.echo(json.dumps(values))


@contextmanager
def _drawing(path: Path) -> Generator[Callable[[DetectionMessage], None]]:
    """Writes the pictures of messages with their boxes into a video; reports how many could not be decoded."""
    from .show.draw import decoded_jpeg, draw, drawn_tracks
    from .show.video_file import VideoFile

    broken = 0

    def write(message: DetectionMessage) -> None:
        nonlocal broken
        if message.picture is None:
            return  # the first ones, sent before the node received the subscription to pictures
        image = decoded_jpeg(message.picture)
        if image is None:
            broken += 1
            return
        video.write(
            draw(image, drawn_tracks(message.tracks, message.masks or {})), message.published_monotonic_ns / 1e9
        )

    with VideoFile(path) as video:
        yield write
    if broken:
        say(f"{broken} pictures could not be decoded and are not in {path}")


def _check_wait(timeout_s: float | None) -> None:
    if timeout_s is not None and not timeout_s > 0:
        raise InputError(f"--timeout-s {timeout_s:g} is not a time to wait: give a number above 0")
