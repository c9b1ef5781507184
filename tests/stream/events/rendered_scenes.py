"""The scripted scenes of `counted_scenes`, rendered and looked at by the embedded model.

    python -m tests.stream.events.rendered_scenes 70

prints how many of so many scenes are counted exactly with the boxes that tabletop finds, and by supervision on the same
tracks. Each object of a script becomes a body on a table, as large as in the script, whose projected box goes the
script's way; what hides it in the script is a board that stands in front.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
import multiprocessing
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from groundcast.model.detections import Detections
from groundcast.model.detector import Detector, DetectorOptions
from groundcast.model.prompt import Prompt
from groundcast.model.query import Query
from groundcast.model.runtime.ticket import DetectionTicket
from groundcast.model.tabletop.objects import Body, make_body, make_meshes, paint
from groundcast.model.tabletop.room import draw_lights, draw_room
from groundcast.model.tabletop.scene import Camera, Pair, Scene, Slab, Thing, look_at, put_down
from groundcast.model.tabletop.words import phrase
from groundcast.stream.options import TrackerKind, TrackerOptions
from groundcast.stream.track import Track
from groundcast.stream.tracking.tracker import Tracker

from .counted_scenes import HEIGHT, WIDTH, CountedScene, Mover, Verdict, compare, make_scene

_KINDS = ("cube", "ball", "can", "cone")  # alike on the left and the right, and too low to hide a lane
_COLOURS = ("red", "yellow", "green", "blue", "purple")
_FOVY_RAD = math.radians(37.5)
_FOCAL_PX = HEIGHT / 2 / math.tan(_FOVY_RAD / 2)
_MIN_APART_M = 0.09  # between lanes: bodies do not pass through each other, and the nearer does not hide the other
_RESTING_PX = (110.0, 230.0)  # where two more objects stand, behind all lanes
_RESTING_DEPTH_M = 0.40
_IN_FLIGHT = 4


@dataclass(frozen=True)
class Actor:
    """A body that goes a script's way.

    Args:
        mover: its way.
        thing: the body on the table, at x = 0.
        from_px: (px, metres): where it must stand for the middle of its box to be at these px.
    """

    mover: Mover
    thing: Thing
    from_px: tuple[NDArray[np.float64], NDArray[np.float64]]

    def at(self, time_s: float) -> Thing:
        step = np.array([float(np.interp(self.mover.x(time_s), *self.from_px)), 0.0, 0.0])
        return replace(self.thing, position=self.thing.position + step, centre=self.thing.centre + step)


@dataclass(frozen=True)
class Stage:
    """A script with all that a renderer needs."""

    script: CountedScene
    actors: tuple[Actor, ...]
    base: Scene
    prompt: Prompt

    def scene(self, time_s: float) -> Scene:
        return replace(self.base, things=tuple(actor.at(time_s) for actor in self.actors))


def set_stage(seed: int) -> Stage:
    """The scripted scene of a seed, in a room and with bodies that are drawn."""
    rng = np.random.default_rng([seed, 18])
    script, camera = make_scene(seed), _camera()
    pairs = _draw_pairs(rng, script)
    resting = tuple(Mover(((0.0, left),), 0.0, 45.0) for left in _RESTING_PX)
    depths = (*_depths(script.movers), *([_RESTING_DEPTH_M] * len(resting)))
    actors = tuple(
        _cast(camera, mover, depth, pair, rng)
        for mover, depth, pair in zip((*script.movers, *resting), depths, pairs, strict=True)
    )
    ambient, lights = draw_lights(rng, camera)
    slabs = tuple(draw_room(rng, np.array([0.75, 0.6]), camera))
    if script.hidden is not None:
        slabs = (*slabs, _board(camera, *script.hidden))
    prompt = Prompt.parse(" . ".join(dict.fromkeys(phrase(*pair) for pair in pairs)))
    return Stage(script, actors, Scene(seed, camera, ambient, lights, slabs, ()), prompt)


def _camera() -> Camera:
    return look_at(np.array([0.0, -0.72, 0.82]), np.array([0.0, 0.05, 0.02]), 0.0, _FOVY_RAD)


def _draw_pairs(rng: np.random.Generator, script: CountedScene) -> list[Pair]:
    """Two that go together look the same, so that only their ways tell them apart; all others have their own colour."""
    colours: list[str] = rng.permutation(_COLOURS).tolist()
    kinds: list[str] = [_KINDS[int(number)] for number in rng.integers(0, len(_KINDS), len(colours))]
    pairs = list(zip(colours, kinds, strict=True))
    moving = [pairs[0]] * 2 if len(script.movers) == 2 else pairs[: len(script.movers)]
    return [*moving, *pairs[-len(_RESTING_PX) :]]


def _depths(movers: Sequence[Mover]) -> list[float]:
    """How far behind the table's middle each lane is: the lower in the picture, the nearer."""
    depths: dict[int, float] = {}
    for row in sorted(range(len(movers)), key=lambda row: -movers[row].y):
        wanted = 0.24 - (movers[row].y - 80.0) / 320.0 * 0.44
        nearest = max((depth for other, depth in depths.items() if _may_meet(movers[row], movers[other])), default=-9.0)
        depths[row] = max(wanted, nearest + _MIN_APART_M)
    return [depths[row] for row in range(len(movers))]


def _may_meet(one: Mover, other: Mover) -> bool:
    times = sorted({time for mover in (one, other) for time, _ in mover.stations})
    span = np.linspace(times[0], times[-1], 200)
    return bool(min(abs(one.x(at) - other.x(at)) for at in span) < (one.side + other.side) / 2)


def _cast(camera: Camera, mover: Mover, depth_m: float, pair: Pair, rng: np.random.Generator) -> Actor:
    """A body of a pair, made as wide in the picture as the script says."""
    body, yaw = make_body(pair[1], paint(pair[0], rng), rng), float(rng.uniform(0, 2 * math.pi))
    thing = put_down(body, (0.0, depth_m), yaw, 0.0, 0.0, pair)
    for _ in range(3):  # its width grows a little less than its size
        left, right = _projected(camera, thing, 0.0)
        body = _scaled(body, mover.side / (right - left))
        thing = put_down(body, (0.0, depth_m), yaw, 0.0, 0.0, pair)
    metres = np.linspace(-0.9, 0.9, 181)
    middles = np.array([sum(_projected(camera, thing, float(at))) / 2 for at in metres])
    return Actor(mover, thing, (middles, metres))


def _scaled(body: Body, factor: float) -> Body:
    parts = tuple(replace(part, matrix=part.matrix * factor, offset=part.offset * factor) for part in body.parts)
    return replace(body, parts=parts, radius_m=body.radius_m * factor)


def _projected(camera: Camera, thing: Thing, x_m: float) -> tuple[float, float]:
    """The left and right end of a thing in the picture, px, if it stands at an x."""
    points = np.concatenate(
        [(_MESHES[part.mesh].vertices @ part.matrix.T + part.offset) @ thing.table_from_body.T for part in
         thing.body.parts]
    )  # fmt: skip
    seen = (points + thing.position + np.array([x_m, 0.0, 0.0]) - camera.position) @ camera.camera_from_table.T
    across = WIDTH / 2 + _FOCAL_PX * seen[:, 0] / seen[:, 2]
    return float(across.min()), float(across.max())


_MESHES = make_meshes()


def _board(camera: Camera, left_px: float, right_px: float) -> Slab:
    """A grey board before all lanes that hides what is between these px."""
    depth_m = -0.33
    far_m = (np.array([0.0, depth_m, 0.25]) - camera.position) @ camera.camera_from_table[2]
    left_m, right_m = ((px - WIDTH / 2) * far_m / _FOCAL_PX for px in (left_px, right_px))
    centre = np.array([(left_m + right_m) / 2, depth_m, 0.28])
    return Slab(centre, np.array([(right_m - left_m) / 2, 0.006, 0.28]), 0.0, (0.45, 0.45, 0.47), -1, 1.0)


def picture(scene: Scene) -> NDArray[np.uint8]:
    """A scene's picture, in a renderer's process."""
    from groundcast.model.tabletop.renderer import draw

    return draw(scene).image


def detect(stage: Stage, seed: int, detector: Detector, pool: ProcessPoolExecutor) -> list[tuple[float, Detections]]:
    """What the model finds in each picture of a scene; where the script has detections missing, some are left out."""
    rng = np.random.default_rng([seed, 19])
    found: list[tuple[float, Detections]] = []
    rendering: deque[tuple[float, Future[NDArray[np.uint8]]]] = deque()
    asked: deque[tuple[float, DetectionTicket[Detections]]] = deque()
    times = _times(stage.script)
    while rendering or asked or times is not None:
        while times is not None and len(rendering) < _IN_FLIGHT:
            time_s = next(times, None)
            if time_s is None:
                times = None
                break
            rendering.append((time_s, pool.submit(picture, stage.scene(time_s))))
        if rendering and (len(asked) < _IN_FLIGHT or not asked):
            time_s, image = rendering.popleft()
            asked.append((time_s, detector.submit([Query(image.result(), stage.prompt)])))
        else:
            time_s, ticket = asked.popleft()
            seen = ticket.wait()[0]
            found.append((time_s, _kept(seen, rng.random(len(seen.scores)) >= stage.script.missed)))
    return found


def _kept(seen: Detections, rows: NDArray[np.bool_]) -> Detections:
    return Detections(seen.names, seen.boxes_xyxy[rows], seen.scores[rows], seen.name_indices[rows])


def _times(script: CountedScene) -> Iterator[float]:
    for index in range(int(script.seconds * script.hz)):
        time_s = index / script.hz
        if script.pause is None or not script.pause[0] < time_s < script.pause[1]:
            yield time_s


def track(found: Sequence[tuple[float, Detections]], kind: TrackerKind) -> list[tuple[float, tuple[Track, ...]]]:
    """The tracks that the node's tracker of a kind makes of a scene's detections."""
    tracker = Tracker(TrackerOptions(kind=kind), "n/s/1/1")
    return [(time_s, tracker.update(seen, time_s, None, WIDTH, HEIGHT)) for time_s, seen in found]


def judge_rendered(seeds: Sequence[int], kinds: Sequence[TrackerKind]) -> dict[TrackerKind, Verdict]:
    """Count all these scenes, with each kind of tracker on the same detections."""
    verdicts: dict[TrackerKind, Verdict] = {kind: Verdict() for kind in kinds}
    spawn = multiprocessing.get_context("spawn")
    with (
        Detector.load("tabletop", DetectorOptions(cpu_workers=2, threshold=0.3)) as detector,
        ProcessPoolExecutor(1, spawn) as pool,
    ):
        for seed in seeds:
            stage = set_stage(seed)
            found = detect(stage, seed, detector, pool)
            for kind, verdict in verdicts.items():
                compare(verdict, stage.script, seed, track(found, kind))
    return verdicts


def main() -> None:
    """Print the tables."""
    first, last = (int(text) for text in (sys.argv[1:3] if len(sys.argv) > 2 else ("0", *sys.argv[1:2])))
    for kind, verdict in judge_rendered(range(first, last), ("norfair", "own")).items():
        print(f"tracker {kind}")
        verdict.show()


if __name__ == "__main__":
    main()
