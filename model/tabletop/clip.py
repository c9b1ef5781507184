"""Demo clip: renders it from its seed, with its ground truth: `python -m groundcast.model.tabletop.clip`."""

# PyAV leaves some of its types open.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import av
import numpy as np

from .clip_truth import CLIP_PATH, TRUTH_PATH, ClipTruth, TruthObject, crossings, write_truth
from .dataset import INPUT_WIDTH_PX, is_counted
from .objects import Body, make_body, make_stray, paint
from .renderer import Rendering, SceneRenderer
from .room import draw_lights, draw_room
from .scene import HEIGHT_PX, WIDTH_PX, Camera, Light, Pair, Scene, Thing, look_at, put_down
from .words import phrase

SEED = 20_000_001  # beyond the seeds of training and of evaluation
FPS = 20
SECONDS = 15


@dataclass(frozen=True, slots=True)
class Role:
    """The motion of one object.

    Args:
        pair: its colour and kind; None for a distractor.
        depth_m: its distance behind the table's middle.
        path: (second, metres to the right): it rests before the first and after the last, and moves smoothly between.
        yaw_deg: its initial yaw.
        turn_deg: how far it turns about its own axis along the path.
        tilt_deg: 90 stands a ring on its edge.
    """

    pair: Pair | None
    depth_m: float
    path: tuple[tuple[float, float], ...]
    yaw_deg: float = 0.0
    turn_deg: float = 0.0
    tilt_deg: float = 0.0


# Objects at one depth do not meet; a moving object passes in front of those at greater depths.
ROLES: tuple[Role, ...] = (
    Role(("red", "mug"), -0.05, ((2.0, -0.22), (6.5, 0.20), (9.0, 0.20), (13.0, -0.13)), yaw_deg=-25, turn_deg=50),
    Role(("blue", "cube"), 0.07, ((0.0, -0.04),), yaw_deg=25),
    Role(("green", "bottle"), 0.19, ((3.5, 0.27), (8.5, -0.22), (10.5, -0.22), (14.0, 0.02)), turn_deg=90),
    Role(("yellow", "ball"), -0.17, ((0.8, -0.33), (5.0, 0.33), (8.5, 0.33), (12.5, -0.28))),
    Role(("orange", "can"), 0.07, ((0.0, 0.11),)),
    Role(("purple", "cone"), 0.31, ((6.0, 0.06), (11.0, 0.30))),
    Role(("pink", "ring"), 0.08, ((0.0, -0.30),), yaw_deg=-60, tilt_deg=90),
    Role(("white", "bowl"), 0.10, ((0.0, 0.33),)),
    Role(None, 0.34, ((0.0, -0.12),), yaw_deg=20),
    Role(None, -0.24, ((0.0, 0.05),), yaw_deg=70),
)


def make_clip(clip: Path = CLIP_PATH, truth_path: Path = TRUTH_PATH, seed: int = SEED) -> ClipTruth:
    """Render, encode and write the clip, then its truth."""
    scene_at = choreograph(seed)
    frames: list[tuple[TruthObject, ...]] = []
    with SceneRenderer(samples=4) as renderer, av.open(str(clip), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        # A key frame every two seconds, so that a reader can seek.
        stream.options = {"crf": "19", "preset": "veryslow", "g": str(2 * FPS), "bf": "0", "threads": "1"}
        for number in range(FPS * SECONDS):
            scene = scene_at(number / FPS)
            rendering = renderer.render(scene)
            frames.append(name_objects(scene, rendering))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rendering.image, format="rgb24")))
        container.mux(stream.encode(None))
    prompt = " . ".join(phrase(*role.pair) for role in ROLES if role.pair is not None)
    truth = ClipTruth(WIDTH_PX, HEIGHT_PX, FPS, seed, prompt, tuple(frames))
    write_truth(truth_path, truth)
    return truth


def choreograph(seed: int) -> Callable[[float], Scene]:
    """The scene at each time: shapes, colours, light and room come from the seed, motions from `ROLES`."""
    rng = np.random.default_rng([seed, 3])
    camera = _camera_at(0.0)
    ambient, lamps = draw_lights(rng, camera)
    lights = tuple(Light(lamp.direction, lamp.rgb, shadow=row == 0) for row, lamp in enumerate(lamps))
    slabs = tuple(draw_room(rng, np.array([0.66, 0.52]), camera))
    bodies = [make_stray(rng) if r.pair is None else make_body(r.pair[1], paint(r.pair[0], rng), rng) for r in ROLES]
    return lambda time_s: Scene(seed, _camera_at(time_s), ambient, lights, slabs, _things(bodies, time_s))


def name_objects(scene: Scene, rendering: Rendering) -> tuple[TruthObject, ...]:
    """The objects of a frame; an object's id is its index in the scene, from 1."""
    counted = is_counted(rendering.boxes_xyxy * (INPUT_WIDTH_PX / WIDTH_PX), rendering.visible)
    objects: list[TruthObject] = []
    for number, row in enumerate(rendering.rows):
        pair = scene.things[int(row)].pair
        assert pair is not None
        x0, y0, x1, y1 = rendering.boxes_xyxy[number].tolist()
        visible = round(float(rendering.visible[number]), 3)
        objects.append(TruthObject(int(row) + 1, phrase(*pair), (x0, y0, x1, y1), visible, bool(counted[number])))
    return tuple(objects)


def _camera_at(time_s: float) -> Camera:
    """A camera that moves slowly around the table, low enough that objects occlude each other."""
    angle = math.radians(-90 + 2.5 * math.sin(2 * math.pi * time_s / SECONDS))
    position = np.array([0.98 * math.cos(angle), 0.98 * math.sin(angle), 0.36])
    return look_at(position, np.array([0.0, 0.04, 0.06]), 0.0, math.radians(37.5))


def _things(bodies: Sequence[Body], time_s: float) -> tuple[Thing, ...]:
    things: list[Thing] = []
    for role, body in zip(ROLES, bodies, strict=True):
        x, done = _along(role.path, time_s)
        yaw = math.radians(role.yaw_deg + role.turn_deg * done)
        thing = put_down(body, (0.0, 0.0), yaw, math.radians(role.tilt_deg), 0.0, role.pair)
        # It turns about its own axis: the centre of its bounds would move with a mug's handle.
        position = np.array([x, role.depth_m, thing.position[2]])
        things.append(replace(thing, position=position, centre=position + thing.centre - thing.position))
    for row, thing in enumerate(things):
        for other in things[:row]:
            gap = float(np.linalg.norm(thing.position[:2] - other.position[:2]))
            assert gap > 0.6 * (thing.body.radius_m + other.body.radius_m), f"{thing.pair} is inside {other.pair}"
    return tuple(things)


def _along(path: Sequence[tuple[float, float]], time_s: float) -> tuple[float, float]:
    """The position on a path, and the fraction of the path's time that has passed; the motion eases in and out."""
    if time_s <= path[0][0]:
        return path[0][1], 0.0
    for (start_s, start), (end_s, end) in pairwise(path):
        if time_s < end_s:
            part = (time_s - start_s) / (end_s - start_s)
            return start + (end - start) * part**3 * (10 - 15 * part + 6 * part**2), _share(path, time_s)
    return path[-1][1], 1.0


def _share(path: Sequence[tuple[float, float]], time_s: float) -> float:
    part = (time_s - path[0][0]) / (path[-1][0] - path[0][0])
    return part**2 * (3 - 2 * part)


def main() -> None:
    """Render the clip again and print what is in it."""
    truth = make_clip()
    size = CLIP_PATH.stat().st_size
    print(f"{CLIP_PATH}: {len(truth.frames)} frames, {size / 1e6:.2f} MB, {len(crossings(truth))} crossings")


if __name__ == "__main__":
    main()
