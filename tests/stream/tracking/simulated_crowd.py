"""Simulated crowds: walking people in front of a pinhole camera, and what a detector would find of them.

Nothing is rendered. People are upright boxes on a floor, who walk alone or in twos, turn, stop, enter and leave. A box
is hidden by the nearer ones and by pillars. The camera stands, shakes or pans. The simulated detector misses the hidden
and the small, for some frames in a row; its boxes are off, shrink to the visible part, and have lower scores there; it
finds clutter for a while and parts of people twice, and drops boxes that overlap a better one.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .mot_sequence import Array, Sequence

_GRID = np.stack(np.meshgrid(np.linspace(0.08, 0.92, 6), np.linspace(0.05, 0.95, 12)), axis=-1).reshape(-1, 2)


@dataclass(frozen=True, slots=True)
class Scene:
    """What a group of sequences has in common.

    Args:
        rate_hz: frames per second, lowest and highest.
        people: how many are there at a time.
        camera_height_m, near_m, far_m: where the camera and the people are.
        seconds: the length.
        shake_px: how far the picture jumps, in px of a picture 640 wide.
        pan_px_s: how fast the camera turns.
        dropped: the share of frames that never come, in bursts.
        turn: how much people turn, radians per root second.
        pillars: how many pillars stand among them.
        misses: of visible people, beside those of hidden ones.
        jitter: of the detector's boxes, in their sides.
        clutter: false boxes that begin per second.
    """

    rate_hz: tuple[float, float] = (25.0, 25.0)
    people: tuple[int, int] = (6, 10)
    camera_height_m: tuple[float, float] = (1.4, 2.2)
    near_m: float = 4.0
    far_m: float = 12.0
    seconds: float = 14.0
    shake_px: float = 0.0
    pan_px_s: float = 0.0
    dropped: float = 0.0
    turn: float = 0.15
    pillars: int = 1
    misses: float = 0.03
    jitter: float = 0.03
    clutter: float = 0.6


SCENES = {
    "street": Scene(),
    "square": Scene((12.0, 20.0), (16, 24), (3.5, 6.0), 7.0, 22.0, turn=0.5, pillars=2),
    "shake": Scene((25.0, 30.0), (6, 12), shake_px=9.0, pan_px_s=25.0),
    "slow": Scene((5.0, 8.0), (6, 12), (2.0, 4.0), 5.0, 16.0, seconds=24.0),
    "dropped": Scene((30.0, 30.0), (7, 12), dropped=0.4, turn=0.3, misses=0.06, jitter=0.05),
}


@dataclass(slots=True)
class _Person:
    id: int
    at_m: Array
    heading: float
    speed: float
    height_m: float
    width_m: float
    gait: float
    stopped_s: float = 0.0
    luck: float = 0.0
    offset: Array = field(default_factory=lambda: np.zeros(4))


def simulate(group: str, seed: int, seconds: float | None = None) -> Sequence:
    """One sequence of a group, as long as the group's or shorter; the same seed makes the same sequence."""
    simulation = _Simulation(group, seed)
    return simulation.run(simulation.scene.seconds if seconds is None else seconds)


class _Simulation:
    def __init__(self, group: str, seed: int) -> None:
        self.scene = scene = SCENES[group]
        self.rng = rng = np.random.default_rng([seed, *group.encode()])
        self.name = f"{group}/{seed}"
        self.width, self.height = [(640, 480), (1280, 720)][int(rng.integers(2))]
        self.focal_px = self.width * rng.uniform(0.75, 1.1)
        self.camera_m = rng.uniform(*scene.camera_height_m)
        middle_m = math.sqrt(scene.near_m * scene.far_m)
        self.pitch = math.atan2(self.camera_m - 0.9, middle_m)
        self.rate_hz = rng.uniform(*scene.rate_hz)
        self.count = int(rng.integers(scene.people[0], scene.people[1] + 1))
        self.usual_score = rng.uniform(0.85, 0.97)
        self.people: list[_Person] = []
        self.pan_px = 0.0
        self.clutter: list[tuple[float, Array, float]] = []  # until when, its box, its score
        self.next_id = 1
        self.shift_px = np.zeros(2)
        self.pan_phase = rng.uniform(0, 2 * math.pi)
        self.pillars = [self._pillar() for _ in range(scene.pillars)]

    def run(self, seconds: float) -> Sequence:
        """All frames; those that are dropped move the world alone."""
        step_s, times, counted = 1 / self.rate_hz, list[float](), list[NDArray[np.bool_]]()
        found, truth = list[Array](), list[Array]()
        for _ in range(self.count):
            self._enter(anywhere=True)
        burst = 0
        for frame in range(int(seconds * self.rate_hz)):
            self._move(frame * step_s, step_s)
            seen = self._truth()
            detections = self._detect(*seen, frame * step_s, step_s)
            if burst > 0 or (frame > 5 and self.rng.random() < self.scene.dropped / 4):
                burst = burst - 1 if burst > 0 else int(self.rng.integers(0, 6))
                continue
            boxes, ids, visible, _ = seen
            shown = visible > 0.05
            times.append(frame * step_s)
            found.append(detections)
            truth.append(np.concatenate([boxes, ids[:, None]], axis=1)[shown])
            counted.append((visible > 0.2)[shown])
        return Sequence(self.name, self.width, self.height, np.array(times), tuple(found), tuple(truth), tuple(counted))

    def _half_width_m(self, depth_m: float) -> float:
        return 0.55 * self.width / self.focal_px * depth_m + 0.5

    def _enter(self, *, anywhere: bool = False, beside: _Person | None = None) -> None:
        rng = self.rng
        if beside is not None:
            at_m = beside.at_m + rng.normal(0, 0.15, 2) + [0.35, 0.45]
            heading, speed = beside.heading + rng.normal(0, 0.03), beside.speed
        else:
            depth = rng.uniform(self.scene.near_m, self.scene.far_m)
            side = rng.choice([-1, 1])
            x_m = rng.uniform(-1, 1) if anywhere else side
            at_m = np.array([x_m * self._half_width_m(depth), depth])
            inwards = 0.0 if side < 0 else math.pi
            heading = inwards + rng.normal(0, 0.35)
            speed = float(np.clip(rng.normal(1.3, 0.3), 0.5, 2.2))
        self.people.append(
            _Person(
                *(self.next_id, at_m, heading, speed, float(np.clip(rng.normal(1.72, 0.1), 1.4, 2.0))),
                *(rng.uniform(0.45, 0.6), rng.uniform(0, 2 * math.pi)),
            )
        )
        self.next_id += 1
        if beside is None and rng.random() < 0.25:
            self._enter(beside=self.people[-1])

    def _pillar(self) -> tuple[float, float, float]:
        """x, depth and width in metres."""
        depth = self.rng.uniform(self.scene.near_m * 0.8, self.scene.far_m * 0.6)
        return self.rng.uniform(-0.8, 0.8) * self._half_width_m(depth), depth, self.rng.uniform(0.2, 0.5)

    def _move(self, now_s: float, step_s: float) -> None:
        rng, scene = self.rng, self.scene
        for one in self.people:
            one.heading += rng.normal(0, scene.turn * math.sqrt(step_s))
            one.stopped_s = max(0.0, one.stopped_s - step_s)
            if rng.random() < 0.02 * step_s:
                one.stopped_s = rng.uniform(1, 4)
            if rng.random() < 0.05 * step_s:
                one.heading += rng.uniform(-1.6, 1.6)
            speed = one.speed if one.stopped_s == 0.0 else 0.0
            one.at_m = one.at_m + speed * step_s * np.array([math.cos(one.heading), math.sin(one.heading)])
            one.gait += 2 * math.pi * 1.8 * step_s * speed / 1.3
            keep = math.exp(-step_s / 0.25)
            one.luck = keep * one.luck + math.sqrt(1 - keep**2) * rng.normal()
            one.offset = keep * one.offset + math.sqrt(1 - keep**2) * rng.normal(size=4)
        self.people = [one for one in self.people if self._is_inside(one)]
        if len(self.people) < self.count and rng.random() < 1.5 * step_s * max(1, self.count - len(self.people)):
            self._enter()
        unit = self.width / 640
        keep = math.exp(-step_s / 0.08)
        self.shift_px = keep * self.shift_px + math.sqrt(1 - keep**2) * unit * scene.shake_px * rng.normal(size=2)
        self.pan_px = unit * scene.pan_px_s * 3.0 * math.sin(now_s / 3.0 + self.pan_phase)

    def _is_inside(self, one: _Person) -> bool:
        x_m, depth = one.at_m
        return 0.7 * self.scene.near_m < depth < 1.3 * self.scene.far_m and abs(x_m) < self._half_width_m(depth) + 0.6

    def _project(self, x_m: float, depth_m: float, height_m: float, width_m: float) -> Array:
        """Corners of an upright box on the floor."""
        low, high = (self._row_px(depth_m, up_m - self.camera_m) for up_m in (0.0, height_m))
        far = depth_m * math.cos(self.pitch) + self.camera_m * math.sin(self.pitch)
        centre, half = self.focal_px * x_m / far + self.width / 2, self.focal_px * width_m / far / 2
        shift = self.shift_px + np.array([self.pan_px, 0.0])
        return np.array([centre - half, high, centre + half, low]) + np.tile(shift, 2)

    def _row_px(self, depth_m: float, up_m: float) -> float:
        far = depth_m * math.cos(self.pitch) - up_m * math.sin(self.pitch)
        up = up_m * math.cos(self.pitch) + depth_m * math.sin(self.pitch)
        return self.height / 2 - self.focal_px * up / far

    def _truth(self) -> tuple[Array, Array, Array, Array]:
        """Boxes, ids, the visible share of each, and the corners of what is visible."""
        people = sorted(self.people, key=lambda one: one.at_m[1])
        boxes = np.array(
            [
                self._project(
                    *(one.at_m[0], one.at_m[1], one.height_m),
                    one.width_m * (1.0 + 0.35 * abs(math.cos(one.heading)) * abs(math.sin(one.gait))),
                )
                for one in people
            ]
        ).reshape(-1, 4)
        self.people = people
        pillars = [(depth, self._project(x_m, depth, 3.0, width_m)) for x_m, depth, width_m in self.pillars]
        visible, parts = np.zeros(len(boxes)), boxes.copy()
        for index, box in enumerate(boxes):
            nearer = [*boxes[:index], *(b for depth, b in pillars if depth < people[index].at_m[1])]
            points = box[:2] + _GRID * (box[2:] - box[:2])
            shown = np.all((points >= 0) & (points < [self.width, self.height]), axis=1)
            for other in nearer:
                margin = 0.12 * (other[2:] - other[:2])
                shown &= ~np.all((points >= other[:2] + margin) & (points <= other[2:] - margin * [1, 0]), axis=1)
            visible[index] = shown.mean()
            if shown.any():
                cell = (box[2:] - box[:2]) / [12, 24]
                parts[index] = [*(points[shown].min(axis=0) - cell), *(points[shown].max(axis=0) + cell)]
        return boxes, np.array([one.id for one in people], float), visible, parts

    def _detect(self, boxes: Array, _ids: Array, visible: Array, parts: Array, now_s: float, step_s: float) -> Array:
        rng, scene, rows = self.rng, self.scene, list[Array]()
        for one, box, share, part in zip(self.people, boxes, visible, parts, strict=True):
            tall = min(1.0, (box[3] - box[1]) / 60.0)
            if share * tall + 0.1 * one.luck < 0.35 or rng.random() < scene.misses:
                continue
            blend = rng.uniform(0.5, 1.0) if share < 0.85 else 0.0
            seen = (1 - blend) * box + blend * part
            sides = np.tile(box[2:] - box[:2], 2) * [1, 0.5, 1, 0.5]
            seen = seen + scene.jitter * sides * (0.7 * one.offset + 0.7 * rng.normal(size=4))
            score = self.usual_score * (0.45 + 0.55 * min(1.0, share / 0.8)) + 0.03 * one.luck + 0.03 * rng.normal()
            rows.append(np.array([*seen, score]))
            if rng.random() < 0.015:
                half = seen.copy()
                half[[1, 3][int(rng.integers(2))]] = (seen[1] + seen[3]) / 2
                rows.append(np.array([*half, score * rng.uniform(0.6, 0.9)]))
        self._begin_clutter(now_s, step_s)
        rows += [
            np.array([*(box + 0.02 * np.tile(box[2:] - box[:2], 2) * rng.normal(size=4)), score + 0.04 * rng.normal()])
            for _, box, score in self.clutter
            if rng.random() < 0.7
        ]
        return _thinned(_clipped(rows, self.width, self.height))

    def _begin_clutter(self, now_s: float, step_s: float) -> None:
        rng = self.rng
        self.clutter = [one for one in self.clutter if one[0] > now_s]
        if rng.random() < self.scene.clutter * step_s:
            depth = rng.uniform(self.scene.near_m, self.scene.far_m)
            x_m = rng.uniform(-1, 1) * self._half_width_m(depth)
            box = self._project(x_m, depth, rng.uniform(0.8, 1.9), rng.uniform(0.4, 0.8))
            self.clutter.append((now_s + rng.exponential(0.4), box, self.usual_score * rng.uniform(0.55, 0.9)))


def _clipped(rows: list[Array], width: int, height: int) -> Array:
    found = np.array(rows).reshape(-1, 5)
    found[:, [0, 2]] = np.clip(found[:, [0, 2]], 0, width)
    found[:, [1, 3]] = np.clip(found[:, [1, 3]], 0, height)
    found[:, 4] = np.clip(found[:, 4], 0.0, 0.999)
    sides = found[:, 2:4] - found[:, :2]
    return found[(sides.min(axis=1) > 4) & (found[:, 4] >= 0.3)]


def _thinned(found: Array, max_iou: float = 0.65) -> Array:
    """Non-maximum suppression, as detectors do it."""
    kept: list[Array] = []
    for row in found[np.argsort(-found[:, 4], kind="stable")]:
        if all(_iou(row, other) <= max_iou for other in kept):
            kept.append(row)
    return np.array(kept).reshape(-1, 5)


def _iou(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    sides = np.minimum(one[2:4], other[2:4]) - np.maximum(one[:2], other[:2])
    shared = float(np.prod(np.clip(sides, 0, None)))
    return shared / (float(np.prod(one[2:4] - one[:2]) + np.prod(other[2:4] - other[:2])) - shared)
