"""Positions benchmark: errors and uncertainty of positions in metres against rendered scenes."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...model.prompt import Prompt
from ...stream.depth_image import DepthImage
from ...stream.geometry.camera_model import CameraModel
from ...stream.geometry.depth_grid import DepthGridMaker
from ...stream.geometry.frame_geometry import FrameGeometry, SeenBox
from ...stream.geometry.pose_buffer import PoseAt
from ...stream.geometry.rigid_transform import RigidTransform
from ...stream.geometry.uncertainty import Measured, moving_place
from ...stream.geometry_options import DepthOptions, GeometryOptions, Intrinsics, PositionNoise, Size, SupportPlane
from ..exits import RunError
from .eye_in_hand import bench_eye_in_hand
from .position_scenes import Box, PositionScene, detected_boxes, noisy_depth, render_scenes

_FIRST_SEED = 20_000_000
_CHI2_95 = 7.815  # of three degrees of freedom
_MIN_VISIBLE = 0.5
_POSE_M, _POSE_RAD = 0.002, math.radians(0.3)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """One answer: the error in m and its squared Mahalanobis distance; or the reason why there is none."""

    error_m: float = math.nan
    surprise: float = math.nan
    reason: str | None = None


def bench_positions(scenes: int, seed: int) -> dict[str, Any]:
    """Measure every method on the same rendered scenes, print a table, and return the figures.

    Twice: with the true pose of the camera, for the errors; with poses off by 2 mm and 0.3 degrees and a lens that is
    off as stated, for the share of errors within the 95 % ellipsoid.
    """
    from ...model.detector import Detector, DetectorOptions

    exact: dict[str, list[_Outcome]] = {}
    noisy: dict[str, list[_Outcome]] = {}
    rng, cost_ms = np.random.default_rng(seed), list[float]()
    detector = Detector.load("tabletop", DetectorOptions(threshold=0.3))
    try:
        for scene in render_scenes(_FIRST_SEED + seed * 100_000, scenes):
            names = sorted({thing.phrase for thing in scene.things})
            (found,) = detector.detect([scene.image], [Prompt.of(names)])
            boxes, depth = detected_boxes(scene, found), noisy_depth(scene.depth_m, rng)
            cost_ms += _measure(scene, boxes, depth, rng, exact, noisy=False)
            _measure(scene, boxes, depth, rng, noisy, noisy=True)
    finally:
        detector.close()
    figures = {method: _figures(outcomes, noisy[method]) for method, outcomes in exact.items()}
    hand = bench_eye_in_hand(4, seed)
    result = {"scenes": scenes, "methods": figures, "eye_in_hand": hand, "ms_a_box": float(np.median(cost_ms or [0.0]))}
    _print(result)
    return result


def _measure(
    scene: PositionScene,
    boxes: Sequence[Box | None],
    depth: NDArray[np.uint16],
    rng: np.random.Generator,
    into: dict[str, list[_Outcome]],
    *,
    noisy: bool,
) -> list[float]:
    """Every method on every thing that is at least half visible; returns the ms of each depth answer."""
    pose_m, pose_rad = (_POSE_M, _POSE_RAD) if noisy else (0.0, 0.0)
    noise = PositionNoise(
        pose_m=pose_m,
        pose_rad=pose_rad,
        mount_m=0.0,
        mount_rad=0.0,
        depth_m=0.0012,
        depth_per_m2=0.0019,
        depth_bias=0.0,
    )
    lens = (rng.normal(0, noise.focal_share, 2), rng.normal(0, noise.principal_px, 2)) if noisy else (np.zeros(2),) * 2
    height, width = scene.depth_m.shape
    fx, fy = (scene.focal_px * (1 + lens[0])).tolist()
    cx, cy = (np.array([(width - 1) / 2, (height - 1) / 2]) + lens[1]).tolist()
    camera = CameraModel(Intrinsics(width, height, fx, fy, cx, cy))
    turn = rng.normal(0, 1.0, 3) * pose_rad
    quaternion = np.array([*(turn / 2), 1.0]) / np.sqrt(1 + turn @ turn / 4)
    tilt = RigidTransform.from_quaternion((0.0, 0.0, 0.0), quaternion)
    true = scene.table_from_camera
    believed = RigidTransform(tilt.rotation @ true.rotation, true.translation_m + rng.normal(0, 1.0, 3) * pose_m)
    place = moving_place(
        PoseAt(believed, 0.0, np.zeros(3), np.zeros(3), same_clock=True), RigidTransform.identity(), noise, 0.0
    )
    known = GeometryOptions(camera.intrinsics, plane=SupportPlane(), depth=DepthOptions(), noise=noise)
    grid = DepthGridMaker(DepthOptions()).make(DepthImage(depth, 0.001), camera)
    all_boxes = tuple(box for box in boxes if box is not None)
    ways = {
        "depth": FrameGeometry(known, camera, place, grid),
        "depth, plane not known": FrameGeometry(replace(known, plane=None), camera, place, grid),
        "plane": FrameGeometry(replace(known, depth=None), camera, place, None, (), all_boxes),
        "plane, height known": FrameGeometry(replace(known, depth=None), camera, place, None, (), all_boxes),
    }
    times_ms: list[float] = []
    for thing, box in zip(scene.things, boxes, strict=True):
        if box is None or thing.visible < _MIN_VISIBLE:
            continue
        for way, geometry in ways.items():
            size = Size(height_m=thing.height_m) if way.endswith("height known") else None
            begin_s = time.perf_counter()
            (found,) = geometry.measure([SeenBox(box, size)])
            if way == "depth":
                times_ms.append(1e3 * (time.perf_counter() - begin_s))
            if isinstance(found, Measured) and found.method != way.split(",")[0]:
                found = "no_depth"  # another method stood in
            truth = thing.surface_m if way.startswith("depth") else thing.foot_m
            into.setdefault(way, []).append(_outcome(found, truth))
    return times_ms


def _outcome(found: Measured | str, truth: NDArray[np.float64]) -> _Outcome:
    if isinstance(found, str):
        return _Outcome(reason=found)
    error = found.point_m - truth
    surprise = float(error @ np.linalg.solve(found.noise_m2 + found.bias_m2 + 1e-10 * np.eye(3), error))
    return _Outcome(float(np.linalg.norm(error)), surprise)


def _figures(exact: list[_Outcome], noisy: list[_Outcome]) -> dict[str, Any]:
    errors_mm = np.array([1e3 * one.error_m for one in exact if one.reason is None])
    surprises = np.array([one.surprise for one in noisy if one.reason is None])
    reasons = [one.reason for one in exact if one.reason is not None]
    if not len(errors_mm):
        raise RunError("no position was found: are the scenes rendered, and the objects detected?")
    return {
        "positions": len(errors_mm),
        "refused": {reason: reasons.count(reason) for reason in sorted(set(reasons))},
        "median_mm": float(np.median(errors_mm)),
        "p95_mm": float(np.percentile(errors_mm, 95)),
        "share_over_50_mm": float((errors_mm > 50).mean()),
        "within_95_percent": float((surprises < _CHI2_95).mean()),
    }


def _print(result: dict[str, Any]) -> None:
    print(f"{'method':<26}{'n':>6}{'median':>9}{'p95':>9}{'> 50 mm':>9}{'in 95 %':>9}  refused")
    for method, row in result["methods"].items():
        refused = ", ".join(f"{count} {reason}" for reason, count in row["refused"].items()) or "none"
        print(
            f"{method:<26}{row['positions']:>6}{row['median_mm']:>6.1f} mm{row['p95_mm']:>6.1f} mm"
            f"{100 * row['share_over_50_mm']:>7.2f} %{100 * row['within_95_percent']:>7.1f} %  {refused}"
        )
    hand = result["eye_in_hand"]
    print(
        f"eye in hand, {hand['positions']:.0f} positions, median: still {hand['still_mm']:.1f} mm,"
        f" moving {hand['moving_mm']:.1f} mm, with the newest pose {hand['newest_mm']:.1f} mm"
    )
    print(f"depth of a box: {result['ms_a_box']:.2f} ms (median)")
