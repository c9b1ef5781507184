"""`groundcast calibrate` on rendered pictures of a board, from the print to the settings block."""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from groundcast.launch.calibrate.board import BoardOptions, CharucoFinder
from groundcast.launch.calibrate.settings_block import read_block
from groundcast.launch.settings.yaml_file import read_yaml
from groundcast.stream.control.source_settings import SourceSettings
from groundcast.stream.geometry.rigid_transform import RigidTransform
from groundcast.stream.geometry_options import SupportPlane
from groundcast.stream.pusher import Pusher

from ..commands import Ended, in_process
from .board_pictures import BASE_FROM_BOARD, CAMERA, FLANGE_FROM_CAMERA, BoardPictures, take_pictures


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> BoardPictures:
    return take_pictures(tmp_path_factory.mktemp("board"))


@pytest.fixture(scope="module")
def block(pictures: BoardPictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The camera's own values, so that each command is tested alone."""
    from groundcast.launch.calibrate.settings_block import CalibrationBlock

    path = tmp_path_factory.mktemp("camera") / "camera.yaml"
    CalibrationBlock(CAMERA.intrinsics).write(path)
    return path


def read(ended: Ended) -> dict[str, Any]:
    assert ended.code == 0, ended.err
    return json.loads(ended.out.splitlines()[-1])


def apart(found: RigidTransform, true: RigidTransform) -> tuple[float, float]:
    return float(np.linalg.norm((found.inverse() @ true).translation_m)) * 1e3, np.degrees(found.angle_to(true))


def with_poses(path: Path, pictures: BoardPictures, order: list[int]) -> Path:
    listed = [one for one in json.loads(pictures.poses.read_text()) if one["picture"] != "99.png"]
    names = [one["picture"] for one in listed]
    moved = [{**listed[row], "picture": name} for row, name in zip(order, names, strict=True)]
    path.write_text(json.dumps(moved))
    return path


def test_intrinsics_are_found_in_pictures(
    capsys: pytest.CaptureFixture[str], pictures: BoardPictures, tmp_path: Path
) -> None:
    figures = read(in_process(capsys, "calibrate", "intrinsics", pictures.folder, "--out", tmp_path, "--json"))

    true = CAMERA.intrinsics
    assert abs(figures["fx"] / true.fx - 1) < 0.004
    assert abs(figures["cx"] - true.cx) < 2.0
    assert figures["residual_px"] < 0.3
    assert figures["without_board"] == {"99.png": "no marker of this dictionary is seen"}
    assert read_block(tmp_path / "camera.yaml").camera.fx == pytest.approx(figures["fx"], abs=1e-3)
    assert cv2.imread(str(tmp_path / "intrinsics.png")).shape == (480, 640, 3)


def test_hand_eye_is_found_in_pictures_and_pairs_by_name(
    capsys: pytest.CaptureFixture[str], pictures: BoardPictures, block: Path, tmp_path: Path
) -> None:
    options = ("--camera", block, "--poses", pictures.poses, "--out", tmp_path, "--json")
    figures = read(in_process(capsys, "calibrate", "hand-eye", pictures.folder, *options))

    found = RigidTransform.from_matrix(figures["mount_from_camera"])
    metres, degrees = apart(found, FLANGE_FROM_CAMERA)
    assert metres < 1.0
    assert degrees < 0.1
    assert len(figures["views"]) == 16
    written = read_block(tmp_path / "hand-eye.yaml")
    assert written.flange_from_camera is not None
    assert apart(written.flange_from_camera, found)[0] < 0.01
    assert set(dict(written.noise)) == {"mount_m", "mount_rad"}
    assert (tmp_path / "hand-eye.png").stat().st_size > 10_000


def test_poses_in_another_order_are_refused(
    capsys: pytest.CaptureFixture[str], pictures: BoardPictures, block: Path, tmp_path: Path
) -> None:
    poses = with_poses(tmp_path / "poses.json", pictures, [*range(1, 16), 0])

    options = ("--camera", block, "--poses", poses, "--out", tmp_path)
    ended = in_process(capsys, "calibrate", "hand-eye", pictures.folder, *options)

    assert ended.code == 2
    assert "shifted against the pictures by 1" in ended.err
    assert not (tmp_path / "hand-eye.yaml").exists()


def test_mirrored_pictures_are_refused(
    capsys: pytest.CaptureFixture[str], pictures: BoardPictures, tmp_path: Path
) -> None:
    for path in sorted(pictures.folder.glob("0*.png")):
        cv2.imwrite(str(tmp_path / path.name), cv2.imread(str(path))[:, ::-1])

    ended = in_process(capsys, "calibrate", "intrinsics", tmp_path, "--out", tmp_path / "out")

    assert ended.code == 2
    assert "the board is mirrored in 10 pictures" in ended.sentence


def test_views_from_one_place_are_refused_with_what_is_missing(
    capsys: pytest.CaptureFixture[str], pictures: BoardPictures, tmp_path: Path
) -> None:
    one = (pictures.folder / "05.png").read_bytes()
    for row in range(10):
        (tmp_path / f"{row}.png").write_bytes(one)

    ended = in_process(capsys, "calibrate", "intrinsics", tmp_path, "--out", tmp_path / "out")

    assert ended.code == 2
    assert "the views lack the board in the" in ended.sentence


def test_the_plane_below_the_board_is_found(
    capsys: pytest.CaptureFixture[str], pictures: BoardPictures, block: Path, tmp_path: Path
) -> None:
    text = block.read_text() + _pose_yaml("flange_from_camera", FLANGE_FROM_CAMERA)
    (tmp_path / "camera.yaml").write_text(text)

    options = ("--camera", tmp_path / "camera.yaml", "--poses", pictures.poses, "--out", tmp_path, "--json")
    names = [str(pictures.folder / f"{row:02}.png") for row in (2, 5, 9)]
    figures = read(in_process(capsys, "calibrate", "plane", *names, "--board-thickness-mm", "3", *options))

    assert figures["offset_m"] == pytest.approx(BASE_FROM_BOARD.translation_m[2] - 0.003, abs=0.001)
    assert figures["normal"][2] > 0.9999
    assert (tmp_path / "plane.png").is_file()


def test_a_node_takes_the_block_as_it_was_written(block: Path, tmp_path: Path) -> None:
    calibrated = replace(
        read_block(block), flange_from_camera=FLANGE_FROM_CAMERA, plane=SupportPlane((0.0, 0.0, 1.0), 0.02)
    ).with_noise(mount_m=0.0004, plane_m=0.001)
    calibrated.write(tmp_path / "block.yaml")

    section, _ = read_yaml(tmp_path / "block.yaml")
    assert isinstance(section, dict)
    options = SourceSettings(name="wrist", url="push:tcp://127.0.0.1:5580", geometry=section["geometry"]).to_options()

    assert options.geometry is not None
    assert options.geometry.camera.fx == pytest.approx(CAMERA.intrinsics.fx)
    assert options.geometry.plane is not None
    assert options.geometry.plane.offset_m == pytest.approx(0.02)
    assert options.geometry.noise.mount_m == pytest.approx(0.0004)


def test_the_plane_through_touched_points_is_found(
    capsys: pytest.CaptureFixture[str], block: Path, tmp_path: Path
) -> None:
    (tmp_path / "points.csv").write_text("x_m,y_m,z_m\n0.3,0,0.1\n0.5,0,0.1\n0.4,0.2,0.1\n0.3,0.3,0.1\n")

    options = ("--camera", block, "--points", tmp_path / "points.csv", "--out", tmp_path, "--json")
    figures = read(in_process(capsys, "calibrate", "plane", *options))

    assert figures["offset_m"] == pytest.approx(0.1)


def test_the_check_draws_the_axes_of_the_base_and_the_plane(
    capsys: pytest.CaptureFixture[str], pictures: BoardPictures, block: Path, tmp_path: Path
) -> None:
    text = block.read_text() + _pose_yaml("flange_from_camera", FLANGE_FROM_CAMERA)
    (tmp_path / "camera.yaml").write_text(text + "  plane:\n    normal: [0, 0, 1]\n    offset_m: 0.02\n")
    picture = pictures.folder / "03.png"

    options = ("--camera", tmp_path / "camera.yaml", "--poses", pictures.poses, "--out", tmp_path / "check.png")
    ended = in_process(capsys, "calibrate", "check", picture, *options)

    assert ended.code == 0, ended.err
    drawn, before = cv2.imread(str(tmp_path / "check.png")), cv2.imread(str(picture))
    assert 0.01 < np.mean(np.any(drawn != before, axis=2)) < 0.5


def test_a_camera_on_the_flange_needs_a_pose_for_the_check(
    capsys: pytest.CaptureFixture[str], pictures: BoardPictures, block: Path, tmp_path: Path
) -> None:
    (tmp_path / "camera.yaml").write_text(block.read_text() + _pose_yaml("flange_from_camera", FLANGE_FROM_CAMERA))

    picture = pictures.folder / "03.png"
    ended = in_process(capsys, "calibrate", "check", picture, "--camera", tmp_path / "camera.yaml")

    assert ended.code == 2
    assert "give the flange's pose" in ended.sentence


def test_a_live_camera_is_calibrated_while_the_board_moves(
    capsys: pytest.CaptureFixture[str], pictures: BoardPictures, tmp_path: Path
) -> None:
    address = f"ipc://{tmp_path}/camera"
    with _pushing(address, pictures):
        options = ("--source", f"push:{address}", "--seconds", "20", "--out", tmp_path, "--json")
        figures = read(in_process(capsys, "calibrate", "intrinsics", *options))

    assert abs(figures["fx"] / CAMERA.intrinsics.fx - 1) < 0.02
    assert len(figures["views"]) >= 8


def test_a_board_is_drawn_that_is_found_again(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    ended = in_process(capsys, "calibrate", "board", "--squares", "7x5", "--out", tmp_path / "board.png")

    assert ended.code == 0, ended.err
    assert "210.0 mm x 150.0 mm" in ended.out
    picture = np.asarray(cv2.imread(str(tmp_path / "board.png")), np.uint8)
    found = CharucoFinder(BoardOptions(squares="7x5")).find(picture, "board.png")
    assert found.corners is not None
    assert len(found.corners.ids) == 24


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--squares", "8"), "is no size of a board"),
        (("--marker-mm", "40"), "a marker is smaller than a square"),
        (("--dictionary", "9x9"), "is not known"),
        (("--squares", "20x20", "--dictionary", "4x4_50"), "50 markers, but the board has 200"),
    ],
)
def test_measures_that_no_board_has_are_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    ended = in_process(capsys, "calibrate", "board", *options, "--out", tmp_path / "board.png")

    assert ended.code == 2
    assert said in ended.sentence


@pytest.mark.parametrize(
    ("poses", "said"),
    [
        ("[", "is not JSON"),
        ("[]", "holds no poses"),
        ('[{"picture": "a.png"}]', "a pose is given by `matrix`"),
        ('[{"picture": "a.png", "translation_m": [0, 0, 0], "quaternion_xyzw": [0, 0, 0, 3]}]', "length 1"),
        ('[{"picture": "a.png", "matrix": [[1, 0], [0, 1]]}]', "4 rows of 4"),
        ('[{"picture": "a.png", "translation_m": [0, 0, 0], "rotation_vector_rad": [0, 0, 170]}]', "not degrees"),
        ('[{"picture": "a.png", "translation_m": [0, 0, 0], "quaternion_wxyz": [1, 0, 0]}]', "four numbers"),
    ],
)
def test_poses_that_are_none_are_refused(
    capsys: pytest.CaptureFixture[str], pictures: BoardPictures, block: Path, tmp_path: Path, poses: str, said: str
) -> None:
    (tmp_path / "poses.json").write_text(poses)

    options = ("--camera", block, "--poses", tmp_path / "poses.json", "--out", tmp_path)
    ended = in_process(capsys, "calibrate", "hand-eye", pictures.folder, *options)

    assert ended.code == 2
    assert said in ended.sentence


@contextmanager
def _pushing(address: str, pictures: BoardPictures) -> Generator[None]:
    """A program that shows the board in one place after another."""
    done = threading.Event()

    def push() -> None:
        images = [cv2.imread(str(path)) for path in sorted(pictures.folder.glob("*.png"))]
        with Pusher(address) as pusher:
            while not done.is_set():
                for image in images:
                    pusher.send(np.ascontiguousarray(image), colours="bgr8")
                    done.wait(0.15)

    thread = threading.Thread(target=push)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _pose_yaml(name: str, pose: RigidTransform) -> str:
    moved, turned = pose.translation_m.tolist(), pose.quaternion_xyzw.tolist()
    return f"  {name}:\n    translation_m: {moved}\n    quaternion_xyzw: {turned}\n"
