"""`groundcast calibrate hand-eye`, `plane` and `check`: where the camera and the table are for the robot."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import typer

from ...stream.geometry.board_pose import BoardCorners, find_board_pose
from ...stream.geometry.calibration_error import CalibrationError
from ...stream.geometry.camera_model import CameraModel
from ...stream.geometry.hand_eye import HandEyeCalibration, calibrate_hand_eye
from ...stream.geometry.hand_eye_fit import HandEyeNoise, HandEyeView, mount_pose
from ...stream.geometry.plane_fit import PlaneFit, fit_plane
from ...stream.geometry.rigid_transform import RigidTransform
from ..exits import InputError, make_writable, say
from ..printable import printable
from ..settings.command_options import spread_options
from ..show.draw import save
from .board import BoardOptions, CharucoFinder
from .drawing import beside, draw_bars, draw_reprojection, draw_scene
from .intrinsics import AsJson, Out, unused_views
from .robot_poses import read_points, read_robot_poses
from .settings_block import CalibrationBlock, read_block
from .views import FoundViews, newest_picture, views_of_files

Pictures = Annotated[list[str], typer.Argument(help="Pictures or folders of the board.", show_default=False)]
CameraFile = Annotated[Path, typer.Option(help="The block that an earlier calibration wrote.", show_default=False)]
PosesFile = Annotated[
    Path | None, typer.Option(help="The flange's pose for each picture, JSON or CSV.", show_default=False)
]


@dataclass(frozen=True, slots=True)
class HandEyeOptions(BoardOptions):
    """The board, and what is known of the measurements' errors."""

    corner_px: Annotated[float, typer.Option(help="One sigma of a corner, px.", min=0.01)] = 0.3
    pose_mm: Annotated[float, typer.Option(help="One sigma of the robot's position, mm.", min=0.001)] = 0.5
    pose_degrees: Annotated[float, typer.Option(help="One sigma of the robot's angles.", min=0.0001)] = 0.03


@spread_options
def calibrate_hand_eye_command(
    pictures: Pictures,
    camera: CameraFile,
    poses: Annotated[Path, typer.Option(help="The flange's pose for each picture, JSON or CSV.", show_default=False)],
    options: HandEyeOptions,
    mount: Annotated[
        Literal["flange", "base"], typer.Option(help="The camera is on the flange, or beside the robot's base.")
    ] = "flange",
    out: Out = Path("calibration"),
    as_json: AsJson = False,
) -> None:
    """Calibrate where the camera is on the robot, from pictures of a board and the robot's pose for each.

    With --mount flange the board lies still and the camera moves; with --mount base the board is on the flange.
    """
    block, finder = read_block(camera), CharucoFinder(options)
    robot = read_robot_poses(poses)
    make_writable(out)
    found = views_of_files(pictures, finder)
    model = _model_for(block, found)
    views = _paired(found, robot, model)
    noise = HandEyeNoise(options.corner_px, options.pose_mm / 1e3, float(np.radians(options.pose_degrees)))
    result = calibrate_hand_eye(views, mount, model.intrinsics.fx, noise)
    placed = {"flange_from_camera" if mount == "flange" else "base_from_camera": result.fit.mount_from_camera}
    sigmas = {"mount_m": result.fit.sigma_m / np.sqrt(3), "mount_rad": result.fit.sigma_rad / np.sqrt(3)}
    cleared = replace(block, flange_from_camera=None, base_from_camera=None)
    block = replace(cleared, **placed).with_noise(**{name: float(value) for name, value in sigmas.items()})
    yaml_path, drawing_path = out / "hand-eye.yaml", out / "hand-eye.png"
    block.write(yaml_path)
    _draw_hand_eye(result, views, found, model, mount, drawing_path)
    for sentence in [*unused_views(found), *result.warnings]:
        say(sentence)
    figures = _hand_eye_figures(result, views)
    if as_json:
        print(json.dumps({**figures, "block": str(yaml_path), "drawing": str(drawing_path)}))
        return
    typer.echo(block.as_yaml())
    _say_hand_eye(result, len(views))
    typer.echo(f"written: {yaml_path}, {drawing_path}")


@spread_options
def calibrate_plane(
    camera: CameraFile,
    board: BoardOptions,
    pictures: Annotated[
        list[str] | None, typer.Argument(help="Pictures of the board lying on the plane.", show_default=False)
    ] = None,
    poses: PosesFile = None,
    points: Annotated[
        Path | None, typer.Option(help="Points that the robot's tip touched: CSV with x_m, y_m, z_m.")
    ] = None,
    board_thickness_mm: Annotated[float, typer.Option(help="Of the board that lies on the plane, mm.", min=0.0)] = 0.0,
    out: Out = Path("calibration"),
    as_json: AsJson = False,
) -> None:
    """Calibrate the plane that things stand on, in the robot's frame.

    It comes from a board that lies on the plane, or from points that the robot's tip touched.
    """
    block = read_block(camera)
    if bool(pictures) == (points is not None):
        raise InputError("name either pictures of the board on the plane, or touched points with --points")
    make_writable(out)
    yaml_path, drawing_path = out / "plane.yaml", out / "plane.png"
    if points is not None:
        fit = fit_plane(read_points(points))
        count, image, seen_from = 0, None, block.base_from_camera
    else:
        finder = CharucoFinder(board)
        found = views_of_files(pictures or [], finder)
        model = _model_for(block, found)
        fit, seen_from = _plane_of_board(block, found, model, poses, board_thickness_mm / 1e3)
        count, image = len(found.views), next(iter(found.images.values()))
        for sentence in unused_views(found):
            say(sentence)
    block = replace(block, plane=fit.plane).with_noise(plane_m=max(0.0005, fit.residual_m))
    block.write(yaml_path)
    written = [str(yaml_path)]
    if image is not None and seen_from is not None:
        said = [f"plane from {count} views, residual {fit.residual_m * 1e3:.1f} mm"]
        save(draw_scene(image, CameraModel(block.camera), seen_from, fit.plane, said), drawing_path)
        written.append(str(drawing_path))
    if as_json:
        plane = {"normal": list(fit.plane.normal), "offset_m": fit.plane.offset_m, "residual_m": fit.residual_m}
        print(json.dumps({**plane, "block": str(yaml_path), "drawing": written[-1]}))
        return
    typer.echo(block.as_yaml())
    typer.echo(f"written: {', '.join(written)}")


def check_calibration(
    source: Annotated[str, typer.Argument(help="A picture, or a camera: its newest picture.", show_default=False)],
    camera: CameraFile,
    poses: PosesFile = None,
    out: Annotated[Path, typer.Option(help="The drawing.")] = Path("check.png"),
) -> None:
    """Draw the robot's base axes and the plane's grid into the camera's picture.

    A camera on the flange needs the flange's pose at that moment: --poses with one pose for the picture.
    """
    block = read_block(camera)
    image = newest_picture(source)
    height, width = image.shape[:2]
    model = CameraModel(block.camera).scaled_to(width, height)
    robot = read_robot_poses(poses) if poses is not None else {}
    pose = robot.get(Path(source).name) or (next(iter(robot.values())) if len(robot) == 1 else None)
    place = _base_from_camera(block, pose)
    lines = ["base axes 0.2 m: x red, y green, z blue"]
    if block.plane is not None:
        lines.append("plane: a line every 10 cm")
    save(draw_scene(image, model, place, block.plane, lines), out)
    x, y, z = place.translation_m.tolist()
    typer.echo(f"the camera is at x {x:.3f} y {y:.3f} z {z:.3f} m in {printable(block.frame)}; written: {out}")


def _model_for(block: CalibrationBlock, found: FoundViews) -> CameraModel:
    if not found.views:
        why = next(iter(found.faults.values()), "there are no pictures")
        raise CalibrationError("few_views", f"the board is found in none of the pictures ({why})")
    return CameraModel(block.camera).scaled_to(found.width, found.height)


def _paired(found: FoundViews, robot: dict[str, RigidTransform], model: CameraModel) -> list[HandEyeView]:
    """The views whose picture has a pose, by the picture's name."""
    without = [view.name for view in found.views if view.name not in robot]
    if without:
        listed = ", ".join(map(printable, without[:3]))
        say(f"{len(without)} pictures have no pose ({listed}): left out")
    views: list[HandEyeView] = []
    for view in found.views:
        if view.name not in robot:
            continue
        pose = _board_pose(view, model)
        rays = model.rays(view.image_px)[:, :2]
        views.append(HandEyeView(view.name, robot[view.name], pose[0], view.board_m, rays, from_behind=pose[1]))
    if not views:
        raise CalibrationError(
            "few_views", "no picture with a board has a pose: `picture` in the poses is the picture's file name"
        )
    return views


def _board_pose(view: BoardCorners, model: CameraModel) -> tuple[RigidTransform, bool]:
    rays = model.rays(view.image_px)[:, :2]
    found = find_board_pose(view.board_m, rays, model.intrinsics.fx) if np.isfinite(rays).all() else None
    if found is None:
        raise CalibrationError(
            "few_corners", f"the corners in {printable(view.name)} determine no pose: leave this picture out"
        )
    return found.camera_from_board, found.from_behind


def _base_from_camera(block: CalibrationBlock, base_from_flange: RigidTransform | None) -> RigidTransform:
    if block.base_from_camera is not None:
        return block.base_from_camera
    if block.flange_from_camera is None:
        raise InputError("the block says nothing of the camera's place: run 'groundcast calibrate hand-eye' first")
    if base_from_flange is None:
        raise InputError("the camera is on the flange: give the flange's pose for this picture with --poses")
    return base_from_flange @ block.flange_from_camera


def _plane_of_board(
    block: CalibrationBlock, found: FoundViews, model: CameraModel, poses: Path | None, thickness_m: float
) -> tuple[PlaneFit, RigidTransform]:
    """The plane below the board, and base_from_camera of the first view."""
    robot = read_robot_poses(poses) if poses is not None else {}
    places = [_base_from_camera(block, robot.get(view.name)) for view in found.views]
    boards = [_board_pose(view, model) for view in found.views]
    if any(behind for _, behind in boards):
        raise CalibrationError("mirrored", "the board is mirrored: turn off the camera's mirroring")
    clouds = [
        (place @ pose).apply(view.board_m + np.array([0.0, 0.0, thickness_m]))
        for place, (pose, _), view in zip(places, boards, found.views, strict=True)
    ]
    return fit_plane(np.concatenate(clouds), places[0].translation_m), places[0]


def _draw_hand_eye(
    result: HandEyeCalibration,
    views: list[HandEyeView],
    found: FoundViews,
    model: CameraModel,
    mount: Literal["flange", "base"],
    path: Path,
) -> None:
    fit = result.fit
    row = int(np.argmax(fit.residuals_px))
    worst = views[row]
    camera_from_board = (mount_pose(worst, mount) @ fit.mount_from_camera).inverse() @ fit.other_from_board
    corners = next(view for view in found.views if view.name == worst.name)
    lines = [
        f"{worst.name}: the worst of {len(views)} views, {fit.residuals_px[row]:.2f} px",
        "circles: found; crosses: by the calibration",
        f"camera known to {fit.sigma_m * 1e3:.2f} mm, {np.degrees(fit.sigma_rad):.3f} degrees",
    ]
    shown = model.project(camera_from_board.apply(worst.board_m))
    left = draw_reprojection(found.images[worst.name], corners.image_px, shown, lines)
    offsets = (fit.offsets_m * 1e3).tolist()
    title = "the board's offset in each view, mm"
    save(beside(left, draw_bars([view.name for view in views], offsets, "mm", title, left.shape[0])), path)


def _hand_eye_figures(result: HandEyeCalibration, views: list[HandEyeView]) -> dict[str, object]:
    fit = result.fit
    return {
        "mount_from_camera": fit.mount_from_camera.matrix.tolist(),
        "other_from_board": fit.other_from_board.matrix.tolist(),
        "sigma_mm": fit.sigma_m * 1e3,
        "sigma_degrees": float(np.degrees(fit.sigma_rad)),
        "covariance": fit.covariance.tolist(),
        "chi2": fit.chi2,
        "board_scale": fit.board_scale,
        "methods_mm": {name: None if one is None else one * 1e3 for name, one in result.apart_m.items()},
        "views": {
            view.name: {"residual_px": float(px), "offset_mm": float(metres) * 1e3}
            for view, px, metres in zip(views, fit.residuals_px, fit.offsets_m, strict=True)
        },
        "warnings": list(result.warnings),
    }


def _say_hand_eye(result: HandEyeCalibration, count: int) -> None:
    fit = result.fit
    typer.echo(
        f"{count} views: the camera's place is known to {fit.sigma_m * 1e3:.2f} mm and "
        f"{np.degrees(fit.sigma_rad):.3f} degrees; the board's offset is {np.median(fit.offsets_m) * 1e3:.2f} mm "
        f"(median), {np.max(fit.offsets_m) * 1e3:.2f} mm at most"
    )
    for name, metres in result.apart_m.items():
        angle = result.apart_rad[name]
        said = "no transform" if metres is None else f"{metres * 1e3:.2f} mm, {np.degrees(angle or 0.0):.3f} degrees"
        typer.echo(f"  {name:<11}{said} from the joint fit")
