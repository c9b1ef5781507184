"""Calibration board: a charuco board's measures, its picture to print, and its corners in a camera's picture."""

# OpenCV's types leave much open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportCallIssue=false, reportArgumentType=false, reportUnnecessaryComparison=false

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from ...stream.geometry.board_pose import MIN_CORNERS, BoardCorners
from ..exits import InputError

Picture = NDArray[np.uint8]
_MARKERS = (4, 5, 6, 7)
_COUNTS = (50, 100, 250, 1000)


@dataclass(frozen=True, slots=True)
class BoardOptions:
    """The measures of a charuco board."""

    squares: Annotated[str, typer.Option(help="Squares across and down, such as 8x6.")] = "8x6"
    square_mm: Annotated[float, typer.Option(help="A square's side as measured on the print, mm.")] = 30.0
    marker_mm: Annotated[float, typer.Option(help="A marker's side, mm.")] = 22.0
    dictionary: Annotated[str, typer.Option(help="The markers' dictionary, such as 5x5_100.")] = "5x5_100"
    legacy_pattern: Annotated[
        bool, typer.Option("--legacy-pattern", help="The board was made by OpenCV before 4.6.")
    ] = False


@dataclass(frozen=True, slots=True)
class FoundBoard:
    """What was found of the board in one picture.

    Args:
        corners: None where there are too few.
        why: where there are too few, the reason as the end of a sentence.
        mirrored: the markers are there, but mirrored.
    """

    corners: BoardCorners | None
    why: str = ""
    mirrored: bool = False


class CharucoFinder:
    """Finds one board in pictures.

    Args:
        options: the board's measures.

    Raises:
        InputError: measures that no board has.
    """

    def __init__(self, options: BoardOptions) -> None:
        self.columns, self.rows = _counts(options.squares)
        self.square_m = options.square_mm / 1e3
        if not 0 < options.marker_mm < options.square_mm <= 1000:
            raise InputError(
                f"--marker-mm {options.marker_mm:g} and --square-mm {options.square_mm:g}: a marker is smaller than a "
                "square, and both are in mm"
            )
        dictionary = cv2.aruco.getPredefinedDictionary(_dictionary(options.dictionary))
        needed = self.columns * self.rows // 2
        if len(dictionary.bytesList) < needed:
            raise InputError(
                f"--dictionary {options.dictionary} has {len(dictionary.bytesList)} markers, but the board has {needed}"
            )
        self._board = cv2.aruco.CharucoBoard(
            (self.columns, self.rows), self.square_m, options.marker_mm / 1e3, dictionary
        )
        self._board.setLegacyPattern(options.legacy_pattern)
        self._detector = cv2.aruco.CharucoDetector(self._board)
        self._points_m = np.asarray(self._board.getChessboardCorners(), np.float64)

    @property
    def points_m(self) -> NDArray[np.float64]:
        """(n, 3) all corners in the board's frame, metres."""
        return self._points_m

    @property
    def size_m(self) -> tuple[float, float]:
        """Width and height of the printed pattern, metres."""
        return self.columns * self.square_m, self.rows * self.square_m

    def picture(self, pixels_per_square: int = 100, margin: float = 0.5) -> Picture:
        """The board to print, grey; the white margin is a share of a square."""
        border = round(margin * pixels_per_square)
        size = (self.columns * pixels_per_square + 2 * border, self.rows * pixels_per_square + 2 * border)
        return np.asarray(self._board.generateImage(size, marginSize=border), np.uint8)

    def find(self, image: Picture, name: str) -> FoundBoard:
        """The board's corners in an RGB picture."""
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image
        corners, ids, _, markers = self._detector.detectBoard(grey)
        if ids is not None and len(ids) >= MIN_CORNERS:
            numbers = np.ravel(ids).astype(np.int64)
            pixels = np.asarray(corners, np.float64).reshape(-1, 2)
            return FoundBoard(BoardCorners(name, numbers, self._points_m[numbers], pixels))
        if markers is None or not len(markers):
            flipped = np.ascontiguousarray(grey[:, ::-1])
            _, ids, _, _ = self._detector.detectBoard(flipped)
            if ids is not None and len(ids) >= MIN_CORNERS:
                return FoundBoard(None, "the board is mirrored", mirrored=True)
            return FoundBoard(None, "no marker of this dictionary is seen")
        if ids is None or not len(ids):
            return FoundBoard(
                None,
                f"{len(markers)} markers but no corners between them: check --squares, --legacy-pattern and the sizes",
            )
        return FoundBoard(None, f"only {len(ids)} corners are seen")


def _counts(squares: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,2})x(\d{1,2})", squares)
    if found is None or min(int(found[1]), int(found[2])) < 3:
        raise InputError(f"--squares {squares[:20]!r} is no size of a board: write 8x6, with 3 or more each way")
    return int(found[1]), int(found[2])


def _dictionary(name: str) -> int:
    known = {f"{side}x{side}_{count}": f"DICT_{side}X{side}_{count}" for side in _MARKERS for count in _COUNTS}
    plain = name.lower().removeprefix("dict_")
    if plain not in known:
        raise InputError(f"--dictionary {name[:30]!r} is not known: one of {', '.join(known)}")
    return int(getattr(cv2.aruco, known[plain]))
