"""`groundcast demo`: a node on the embedded model and clip, and a subscriber that shows and scores it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ..model.tabletop.clip_truth import CLIP_PATH, TRUTH_PATH, ClipTruth, read_truth
from ..stream.subscriber import Subscriber
from ..stream.wire.message_types import DetectionMessage
from .arm.options import ArmOptions
from .exits import EVAL_MISSING, InputError, RunError
from .node.node_process import NodeProcess
from .node.signals import interrupted_by_sigterm
from .settings.command_options import MAX_SEED
from .show.message_table import MessageTable

_PAGE = "127.0.0.1:8080"
_SILENCE_S = 60.0  # a node that sends nothing for this long hangs


def demo(
    what: Annotated[
        Literal["clip", "arm"], typer.Argument(help="The embedded clip, or a simulated arm that picks things.")
    ] = "clip",
    out: Annotated[Path, typer.Option(help="Folder for the video and the picture.")] = Path(),
    trials: Annotated[int, typer.Option(help="arm: how many things it picks.", min=1, max=1000)] = 5,
    seed: Annotated[int, typer.Option(help="arm: of the first scene.", min=0, max=MAX_SEED)] = 1,
    max_age_ms: Annotated[
        float, typer.Option(help="arm: it never moves on a picture that is older.", min=50.0, max=10_000.0)
    ] = 600.0,
    rate_hz: Annotated[float, typer.Option(help="arm: pictures of its camera in a second.", min=1.0, max=60.0)] = 10.0,
    speed: Annotated[
        float, typer.Option(help="arm: simulated seconds in a second; less for a slow computer.", min=0.05, max=1.0)
    ] = 0.5,
    faults: Annotated[
        bool, typer.Option(help="arm: at the end freeze its camera, step its clock, kill the node.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object of figures.")] = False,
) -> None:
    """Find, track and publish the objects of the embedded clip, and show what a subscriber gets.

    A node runs in a process of its own, as `groundcast run` would run it; this process subscribes to it over ZeroMQ.
    Afterwards the tracks are compared with the clip's ground truth and drawn into demo.mp4 and demo.png.

    With "arm" a simulated arm with a camera at its wrist picks things from a table by a node's messages alone, and
    stops when they stop or grow old. The result is arm.mp4, arm.png and the figures. It needs MuJoCo.
    """
    if not out.is_dir():
        raise InputError(f"{out} is not a folder: create it, or name another with --out")
    if what == "arm":
        _demo_arm(ArmOptions(trials, seed, max_age_ms, rate_hz, speed, faults, out), as_json=as_json)
        return
    for path in (CLIP_PATH, TRUTH_PATH):
        if not path.is_file():
            raise InputError(f"{path.name} is not in this copy of groundcast: reinstall it")
    if find_spec("motmetrics") is None:
        raise InputError(EVAL_MISSING.format(library="motmetrics"))
    truth = read_truth()
    if not as_json:
        typer.echo(f"A node starts, to look for {truth.prompt}")
    watched = _watch(truth.prompt, show=not as_json)
    figures = {**watched.figures, **score(truth, watched.messages), **_speed(watched.messages)}
    drawings = _draw(watched.messages, out)
    if as_json:
        print(json.dumps({**figures, **drawings}))
    else:
        _print_figures(figures, drawings, truth.prompt)


def _demo_arm(options: ArmOptions, *, as_json: bool) -> None:
    if find_spec("mujoco") is None:
        raise InputError(EVAL_MISSING.format(library="mujoco"))
    from .arm.demo import demo_arm

    demo_arm(options, as_json=as_json)


@dataclass(frozen=True, slots=True)
class _Watched:
    """What the subscriber received, and the figures of both ends."""

    messages: list[DetectionMessage]
    figures: dict[str, Any]


def _watch(prompt: str, *, show: bool) -> _Watched:
    """Run the node and receive every message."""
    messages: list[DetectionMessage] = []
    with tempfile.TemporaryDirectory(prefix="groundcast-") as folder, interrupted_by_sigterm():
        settings = Path(folder) / "demo.yaml"
        settings.write_text(json.dumps(_settings(prompt)))  # JSON is YAML too
        with NodeProcess(settings) as node, MessageTable(silent=not show) as board:
            with Subscriber(node.address, newest_only=False, snapshot=False, timeout_s=_SILENCE_S) as subscriber:
                try:
                    for message in subscriber:
                        messages.append(message)
                        board.show(message)
                except TimeoutError as error:
                    raise RunError(f"the node stopped sending: {error}") from error
                gaps = subscriber.gaps
            report = node.report(_SILENCE_S)
    if len(messages) < 2:
        raise RunError("the node sent fewer than two messages: run 'groundcast doctor'")
    counted = {"frames": report["frames"], "messages": len(messages), "gaps": gaps, "dropped": report["dropped"]}
    return _Watched(
        messages, {**counted, "ready_s": node.ready_s, "latency_ms": report["sources"]["clip"]["latency_ms"]}
    )


def _settings(prompt: str) -> dict[str, Any]:
    return {
        "node": f"demo-{os.getpid()}",  # beside any other
        "prompt": prompt,
        "model": "tabletop",
        # The first frame waits for the subscriber, and the socket's queue holds the whole clip: nothing is lost.
        "publish": {"address": "tcp://127.0.0.1:*", "wait_for_subscriber_s": _SILENCE_S, "high_water_mark": 10_000},
        "control": {"enabled": False},
        "tracker": {"publish": "matched"},
        "sources": [{"name": "clip", "url": str(CLIP_PATH), "pace": "asap"}],
    }


def _speed(messages: list[DetectionMessage]) -> dict[str, float]:
    seconds = (messages[-1].published_monotonic_ns - messages[0].published_monotonic_ns) / 1e9
    return {"fps": round((len(messages) - 1) / seconds, 2)}


def score(truth: ClipTruth, messages: list[DetectionMessage]) -> dict[str, float]:
    """How well the received tracks follow the truth; a frame without a message counts as one without tracks."""
    from ..model.evaluation.mot_score import TrackBox, score_tracks

    received = {message.frame.index: message.tracks for message in messages}
    mot = score_tracks(
        [[TrackBox(one.id, one.phrase, one.box_xyxy, one.counted) for one in frame] for frame in truth.frames],
        [
            [TrackBox(track.id, track.phrase, track.box_xyxy) for track in received.get(index, ())]
            for index in range(len(truth.frames))
        ],
    )
    return {"MOTA": round(mot.mota, 4), "IDF1": round(mot.idf1, 4), "switches": mot.switches}


def _draw(messages: list[DetectionMessage], out: Path) -> dict[str, str]:
    """Draw the received tracks into the clip, and save the picture in which most phrases were found."""
    import av
    import numpy as np

    from .show.draw import draw, drawn_tracks, save
    from .show.video_file import VideoFile

    tracks = {message.frame.index: message.tracks for message in messages}
    fullest = max(tracks, key=lambda index: (len({track.phrase for track in tracks[index]}), -len(tracks[index])))
    video_path, picture_path = out / "demo.mp4", out / "demo.png"
    with av.open(str(CLIP_PATH)) as clip, VideoFile(video_path) as video:
        for index, frame in enumerate(clip.decode(video=0)):
            picture = frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
            image = draw(picture, drawn_tracks(tracks.get(index, ())))
            video.write(image, frame.time or 0.0)
            if index == fullest:
                save(image, picture_path)
    return {"video": str(video_path), "picture": str(picture_path)}


def _print_figures(figures: Mapping[str, Any], drawings: Mapping[str, str], prompt: str) -> None:
    typer.echo(
        f"{figures['messages']} messages for {figures['frames']} frames, {figures['gaps']} lost, "
        f"{figures['fps']:.1f} frames a second.\n"
        f"Against the clip's ground truth: MOTA {figures['MOTA']:.3f}, IDF1 {figures['IDF1']:.3f}.\n"
        f"Written: {drawings['video']} and {drawings['picture']}.\n"
        "Your own camera: groundcast run --source rtsp://... --prompt 'red ball . green can'\n"
        f"In the browser, at http://{_PAGE}: groundcast run --source {CLIP_PATH} --pace realtime "
        f"--prompt {prompt!r} --page {_PAGE}"
    )
