"""`groundcast calibrate board` and `intrinsics`: a board to print, and a camera's focal lengths and distortion."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import typer

from ...stream.geometry.board_pose import BoardCorners
from ...stream.geometry.intrinsics_fit import MIN_CORNERS, IntrinsicsFit, fit_intrinsics
from ..exits import InputError, make_writable, say, writing
from ..printable import printable
from ..settings.command_options import spread_options
from ..show.draw import save
from .board import BoardOptions, CharucoFinder, Picture
from .drawing import draw_intrinsics, draw_live_view
from .settings_block import CalibrationBlock
from .views import FoundViews, views_of_camera, views_of_files

Out = Annotated[Path, typer.Option(help="Folder for the YAML block and the drawing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@spread_options
def make_board(
    board: BoardOptions,
    out: Annotated[Path, typer.Option(help="The picture to print.")] = Path("board.png"),
) -> None:
    """Draw a charuco board to print."""
    finder = CharucoFinder(board)
    grey = finder.picture()
    with writing(out):
        out.open("wb").close()
    save(np.repeat(grey[:, :, None], 3, axis=2), out)
    width, height = finder.size_m
    typer.echo(
        f"{out}: print it so that the pattern is {width * 1e3:.1f} mm x {height * 1e3:.1f} mm, glue it onto something "
        "flat, and measure a square: --square-mm is what you measure"
    )


@spread_options
def calibrate_intrinsics(
    board: BoardOptions,
    paths: Annotated[
        list[str] | None, typer.Argument(help="Pictures, folders or clips of the board.", show_default=False)
    ] = None,
    source: Annotated[str | None, typer.Option(help="A live camera instead: rtsp://..., /dev/video0.")] = None,
    seconds: Annotated[float, typer.Option(help="How long to watch the live camera, s.", min=1.0)] = 120.0,
    distortion: Annotated[
        Literal["none", "plumb_bob", "rational", "fisheye"], typer.Option(help="The lens model.")
    ] = "plumb_bob",
    out: Out = Path("calibration"),
    as_json: AsJson = False,
) -> None:
    """Calibrate a camera's focal lengths, centre and distortion from views of a charuco board.

    With --source the views are taken while you move the board: OUT/live.jpg shows the camera's picture with the parts
    that are still missing, and is replaced twice a second.
    """
    finder = CharucoFinder(board)
    make_writable(out)
    found = _find(paths or [], source, seconds, finder, out)
    fit = fit_intrinsics(found.views, found.width, found.height, distortion)
    usable = [view for view in found.views if len(view.ids) >= MIN_CORNERS]
    block = CalibrationBlock(fit.camera.intrinsics).with_noise(
        focal_share=max(fit.focal_sigma, 1e-4), principal_px=max(fit.centre_sigma_px, 0.05)
    )
    yaml_path, drawing_path = out / "camera.yaml", out / "intrinsics.png"
    block.write(yaml_path)
    save(draw_intrinsics(fit, usable, found.coverage), drawing_path)
    for sentence in [*unused_views(found), *fit.warnings]:
        say(sentence)
    if as_json:
        print(json.dumps(_figures(fit, found, usable, yaml_path, drawing_path)))
        return
    typer.echo(block.as_yaml())
    typer.echo(f"residual {fit.residual_px:.3f} px over {len(usable)} views; focal length to {fit.focal_sigma:.3%}")
    typer.echo(f"written: {yaml_path}, {drawing_path}")


def unused_views(found: FoundViews) -> list[str]:
    """A sentence about the pictures in which no board was found."""
    if not found.faults:
        return []
    listed = "; ".join(f"{printable(name)}: {printable(why)}" for name, why in list(found.faults.items())[:3])
    more = f" and {len(found.faults) - 3} more" if len(found.faults) > 3 else ""
    return [f"{len(found.faults)} pictures without a board ({listed}{more})"]


def _find(paths: list[str], source: str | None, seconds: float, finder: CharucoFinder, out: Path) -> FoundViews:
    if bool(paths) == (source is not None):
        raise InputError("name either pictures and folders of the board, or a live camera with --source")
    if source is None:
        return views_of_files(paths, finder)
    said: list[str] = []

    def show(found: FoundViews, image: Picture, corners: BoardCorners | None) -> None:
        coverage = found.coverage
        half = out / ".live.jpg"
        save(draw_live_view(image, coverage, corners), half)
        half.replace(out / "live.jpg")  # a viewer never sees half a picture
        sentence = f"{coverage.views} views; missing: {'; '.join(coverage.missing) or 'nothing'}"
        if said[-1:] != [sentence]:
            said.append(sentence)
            say(sentence)

    with contextlib.suppress(KeyboardInterrupt):  # enough; what was found counts
        say(f"move the board in front of the camera; {os.fspath(out / 'live.jpg')} shows what is missing")
        return views_of_camera(source, finder, seconds, show)
    raise InputError("interrupted before the views were complete: name more --seconds, or pictures")


def _figures(
    fit: IntrinsicsFit, found: FoundViews, usable: list[BoardCorners], yaml_path: Path, drawing_path: Path
) -> dict[str, object]:
    one = fit.camera.intrinsics
    return {
        "width": one.width,
        "height": one.height,
        "fx": one.fx,
        "fy": one.fy,
        "cx": one.cx,
        "cy": one.cy,
        "distortion": one.distortion,
        "coefficients": list(one.coefficients),
        "residual_px": fit.residual_px,
        "focal_sigma": fit.focal_sigma,
        "centre_sigma_px": fit.centre_sigma_px,
        "coverage": found.coverage.share,
        "views": {view.name: rms for view, rms in zip(usable, fit.view_residuals_px.tolist(), strict=True)},
        "without_board": found.faults,
        "warnings": list(fit.warnings),
        "block": str(yaml_path),
        "drawing": str(drawing_path),
    }
