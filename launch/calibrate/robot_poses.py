"""Robot poses: the pose of the flange for each picture, read from JSON or CSV."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from ...stream.geometry.rigid_transform import RigidTransform, TransformError
from ..exits import InputError
from ..printable import printable

MAX_BYTES = 4 * 1024 * 1024
MAX_POSES = 5000
_TURNS = ("quaternion_xyzw", "quaternion_wxyz", "rotation_vector_rad")
_COLUMNS = ("picture", "x_m", "y_m", "z_m", "qx", "qy", "qz", "qw")


def read_robot_poses(path: Path) -> dict[str, RigidTransform]:
    """base_from_flange of each picture, by the picture's file name.

    JSON: a list of maps, each with `picture` and either `matrix` (4 rows of 4) or `translation_m` and one of
    `quaternion_xyzw`, `quaternion_wxyz` and `rotation_vector_rad` (as Universal Robots has it). CSV: a header line with
    the columns picture, x_m, y_m, z_m, qx, qy, qz, qw.

    Raises:
        InputError: the file cannot be read, or a pose is none; the text says which.
    """
    text = _read(path)
    rows = _csv_rows(text, path) if path.suffix.lower() == ".csv" else _json_rows(text, path)
    if len(rows) > MAX_POSES:
        raise InputError(f"{path} has {len(rows)} poses, and at most {MAX_POSES} are read: name a shorter file")
    poses: dict[str, RigidTransform] = {}
    for number, row in enumerate(rows, 1):
        where = f"{path}, pose {number}"
        picture = row.get("picture")
        if not isinstance(picture, str) or not picture:
            raise InputError(f"{where}: `picture` is missing: give the picture's file name")
        name = Path(picture).name
        if name in poses:
            raise InputError(f"{where}: {printable(name)} has a pose already: keep one")
        try:
            poses[name] = _pose(row)
        except TransformError as error:
            raise InputError(f"{where} ({printable(name)}): {error}") from error
    if not poses:
        raise InputError(f"{path} holds no poses: write one for each picture")
    return poses


def read_points(path: Path) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(n, 3) metres, from a CSV file with the columns x_m, y_m, z_m.

    Raises:
        InputError: the file cannot be read, or a number is none.
    """
    rows = list(csv.DictReader(io.StringIO(_read(path))))
    try:
        points = np.array([[float(row[name]) for name in ("x_m", "y_m", "z_m")] for row in rows[:MAX_POSES]])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} needs the columns x_m, y_m, z_m with numbers below: correct it") from error
    if not len(points) or not np.isfinite(points).all():
        raise InputError(f"{path} holds no points: write one a line, in metres")
    return points


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise InputError(f"{path} has more than {MAX_BYTES // 1024**2} MiB: name another file")
        return data.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): name another file") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no text: give JSON or CSV") from error


def _json_rows(text: str, path: Path) -> list[Mapping[str, Any]]:
    try:
        loaded = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON: give a list of poses, or a file that ends in .csv") from error
    if isinstance(loaded, dict):
        loaded = cast("dict[str, object]", loaded).get("poses")
    if not isinstance(loaded, list) or not all(isinstance(row, dict) for row in cast("list[object]", loaded)):
        raise InputError(f"{path} must be a list of maps, each with `picture` and a pose")
    return cast("list[Mapping[str, Any]]", loaded)


def _csv_rows(text: str, path: Path) -> list[Mapping[str, Any]]:
    reader = csv.DictReader(io.StringIO(text))
    missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise InputError(f"{path} lacks the column {missing[0]}: its first line must name {', '.join(_COLUMNS)}")
    rows: list[Mapping[str, Any]] = []
    for number, row in enumerate(reader, 1):
        try:
            values = [float(row[name]) for name in _COLUMNS[1:]]
        except (TypeError, ValueError) as error:
            raise InputError(f"{path}, pose {number}: a number is missing or is none: correct the line") from error
        rows.append({"picture": row["picture"], "translation_m": values[:3], "quaternion_xyzw": values[3:]})
    return rows


def _pose(row: Mapping[str, Any]) -> RigidTransform:
    unknown = set(row) - {"picture", "matrix", "translation_m", *_TURNS}
    if unknown:
        raise TransformError(f"`{printable(min(unknown))[:40]}` is not known: leave it out")
    given = [name for name in ("matrix", *_TURNS) if name in row]
    if len(given) != 1:
        raise TransformError("a pose is given by `matrix`, or by `translation_m` and one of " + ", ".join(_TURNS))
    if given == ["matrix"]:
        return RigidTransform.from_matrix(row["matrix"])
    values = row[given[0]]
    if given == ["rotation_vector_rad"]:
        values = _quaternion_of_vector(values)
    elif given == ["quaternion_wxyz"]:
        numbers = cast("list[object]", values) if isinstance(values, list) else []
        if len(numbers) != 4:
            raise TransformError("a quaternion must be four numbers")
        values = [*numbers[1:], numbers[0]]
    return RigidTransform.from_quaternion(row.get("translation_m"), values)


def _quaternion_of_vector(values: object) -> list[float]:
    try:
        vector = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise TransformError("a rotation vector must be three numbers, rad") from error
    if vector.shape != (3,) or not np.isfinite(vector).all():
        raise TransformError("a rotation vector must be three finite numbers, rad")
    angle = float(np.linalg.norm(vector))
    if angle > 4 * math.pi:
        raise TransformError(f"a rotation vector of length {angle:.0f} cannot be: it must be in rad, not degrees")
    axis = vector / angle if angle > 1e-12 else np.zeros(3)
    return [*(axis * math.sin(angle / 2)).tolist(), math.cos(angle / 2)]
