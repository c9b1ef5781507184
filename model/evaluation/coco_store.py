"""Detection store: detections written to disk one picture at a time, so that an evaluation can be resumed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from .average_precision import SceneDetections


class StoreError(ValueError):
    """Stored detections cannot be used to resume; the text says why and what to do."""


class DetectionStore:
    """A file of lines: first a header with the settings, then one line per picture.

    `with DetectionStore(path, header) as store: store.add({7: found})`. Opening it again with the same header
    loads its detections. An incomplete last line is dropped: its picture is detected again.

    Args:
        file: created if missing, with its folders.
        header: all settings that affect the detections. A file with another header is refused.
    """

    def __init__(self, file: Path, header: Mapping[str, object]) -> None:
        self._path = file
        self.found: dict[int, SceneDetections] = {}
        expected = cast("dict[str, object]", json.loads(json.dumps(header)))
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            lines: Sequence[str] = _whole_lines(file) if file.is_file() else []
            if lines:
                self._check(expected, lines[0])
                for number, line in enumerate(lines[1:], 2):
                    self._read(line, number)
            self._sheet = file.open("a", encoding="utf-8")
        except OSError as error:
            raise self._unwritable(error) from error
        if not lines:
            self._write(json.dumps(expected))

    def add(self, found: Mapping[int, SceneDetections]) -> None:
        """Store the detections of some pictures, by their numbers; they are in the file on return."""
        for number, one in found.items():
            entry = {
                "picture": number,
                "boxes_xyxy": _numbers(one.boxes_xyxy).reshape(-1, 4).tolist(),
                "categories": one.categories.tolist(),
                "scores": _numbers(one.scores).tolist(),
            }
            line = json.dumps(entry, separators=(",", ":"))
            self._write(line)
            self._read(line, 0)  # evaluate what is stored, so that an interruption changes no figure

    def close(self) -> None:
        self._sheet.close()

    def __enter__(self) -> DetectionStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, line: str) -> None:
        try:
            self._sheet.write(line + "\n")
            self._sheet.flush()
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> StoreError:
        return StoreError(f"{self._path} cannot be written ({error.strerror}): make room, or name another --folder")

    def _check(self, expected: Mapping[str, object], line: str) -> None:
        try:
            header = cast("object", json.loads(line))
        except ValueError:
            header = None
        if not isinstance(header, dict):
            raise StoreError(f"{self._path} does not begin with a header: name another folder with --folder")
        stored = cast("dict[str, object]", header)
        for key in (*expected, *stored):
            if expected.get(key) != stored.get(key):
                raise StoreError(
                    f"{self._path} holds a run whose {key} is {json.dumps(stored.get(key))}, and this one's is "
                    f"{json.dumps(expected.get(key))}: name another folder with --folder, or give the same options"
                )

    def _read(self, line: str, number: int) -> None:
        try:
            entry = json.loads(line)
            boxes = np.array(entry["boxes_xyxy"], np.float64).reshape(-1, 4)
            categories, scores = np.array(entry["categories"], np.int64), np.array(entry["scores"], np.float64)
            if not len(boxes) == len(categories) == len(scores):
                raise ValueError("rows are missing")
            self.found[int(entry["picture"])] = SceneDetections(boxes, categories, scores)
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{self._path}, line {number}: this is no detection; name another --folder") from error


def _whole_lines(file: Path) -> Sequence[str]:
    """The complete lines; an incomplete last one is cut off."""
    raw = file.read_bytes()
    whole = raw[: raw.rfind(b"\n") + 1]
    if len(whole) < len(raw):
        with file.open("r+b") as sheet:
            sheet.truncate(len(whole))
    return whole.decode("utf-8", "replace").splitlines()


def _numbers(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each number with the fewest digits that identify its float32, a third of JSON's length."""
    return np.array([float(str(value)) for value in values.astype(np.float32).ravel()], np.float64)
