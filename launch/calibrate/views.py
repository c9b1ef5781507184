"""Views of a board: from pictures, folders, clips or a live camera, each a picture and the corners found in it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...stream.capture.open_source import check_source
from ...stream.capture.reader import Reader
from ...stream.geometry.board_pose import BoardCorners
from ...stream.geometry.calibration_error import CalibrationError
from ...stream.geometry.intrinsics_fit import ViewCoverage, coverage_of
from ...stream.options import SourceOptions
from ...stream.source_url import kind_of, path_of
from ..exits import InputError, RunError
from ..printable import printable
from ..settings.sources import named_sources
from ..show.image_inputs import InputImage, images_of
from ..show.input_files import CLIP_SUFFIXES, find_files
from .board import CharucoFinder, Picture

MAX_VIEWS = 80
_MIN_CHANGE = 0.08  # between two views of a clip or a live camera: place, size or tilt, as shares
_FIRST_PICTURE_S = 15.0
_SHOW_EVERY_S = 0.5


@dataclass
class FoundViews:
    """The views of one board.

    Args:
        width, height: of the pictures, px; 0 before the first.
        views: one for each picture in which the board was found.
        images: the pictures of these views, by name.
        faults: why a picture has no view, by name.
        mirrored: pictures in which the board is mirrored.
    """

    width: int = 0
    height: int = 0
    views: list[BoardCorners] = field(default_factory=list[BoardCorners])
    images: dict[str, Picture] = field(default_factory=dict[str, Picture])
    faults: dict[str, str] = field(default_factory=dict[str, str])
    mirrored: list[str] = field(default_factory=list[str])

    @property
    def coverage(self) -> ViewCoverage:
        """What the views show so far."""
        return coverage_of(self.views, max(1, self.width), max(1, self.height))

    def add(self, image: Picture, name: str, finder: CharucoFinder, *, only_new: bool) -> BoardCorners | None:
        """Look for the board in a picture, and keep it as a view.

        Args:
            only_new: leave out a view that looks like one that is there already.

        Returns:
            What was found, kept or not.

        Raises:
            CalibrationError: the picture has another size than those before.
        """
        height, width = image.shape[:2]
        if not self.width:
            self.width, self.height = width, height
        if (width, height) != (self.width, self.height):
            raise CalibrationError(
                "sizes",
                f"{printable(name)} has {width}x{height} px and the pictures before it {self.width}x{self.height}: "
                "calibrate with pictures of one size",
            )
        found = finder.find(image, name)
        if found.mirrored:
            self.mirrored.append(name)
        if found.corners is None:
            self.faults[name] = found.why
        elif not only_new or self._is_new(found.corners):
            self.views.append(found.corners)
            self.images[name] = image
        return found.corners

    def check_mirrored(self) -> None:
        """Refuse pictures of a mirrored board.

        Raises:
            CalibrationError: there are some.
        """
        if self.mirrored:
            listed = ", ".join(map(printable, self.mirrored[:3]))
            raise CalibrationError(
                "mirrored",
                f"the board is mirrored in {len(self.mirrored)} pictures ({listed}): turn off the camera's mirroring, "
                "or print the board again",
            )

    def _is_new(self, corners: BoardCorners) -> bool:
        here = _appearance(corners, self.width)
        return all(np.abs(_appearance(one, self.width) - here).max() > _MIN_CHANGE for one in self.views)


def views_of_files(paths: Sequence[str], finder: CharucoFinder) -> FoundViews:
    """The views in pictures, folders and clips.

    Raises:
        InputError: no path holds a picture.
        CalibrationError: pictures of several sizes, or of a mirrored board.
    """
    listed = find_files(paths)
    found = FoundViews()
    for name, file in named_sources(listed.files).items():
        if file in listed.faults:
            found.faults[file] = listed.faults[file]
            continue
        is_clip = Path(file).suffix.lower() in CLIP_SUFFIXES
        for one in images_of(SourceOptions(name, file)):
            if not isinstance(one, InputImage):
                found.faults[Path(file).name] = one.reason
            elif len(found.views) < MAX_VIEWS:
                shown = f"{Path(file).name}#{one.index}" if is_clip else Path(file).name
                found.add(_full_size(one), shown, finder, only_new=is_clip)
    found.check_mirrored()
    return found


def views_of_camera(
    url: str,
    finder: CharucoFinder,
    seconds: float,
    show: Callable[[FoundViews, Picture, BoardCorners | None], None],
) -> FoundViews:
    """The views that a live camera gives within a time, or until nothing is missing.

    Args:
        show: called twice a second with what was found so far, the newest picture and the corners in it.

    Raises:
        RunError: the camera sends no picture.
    """
    options = SourceOptions("camera", url)
    check_source(options)
    found = FoundViews()
    shown_s = began_s = time.monotonic()
    with contextlib.closing(_pictures(options)) as pictures:
        for index, image in enumerate(pictures):
            if image is not None:
                corners = found.add(image, f"{index:04}", finder, only_new=True)
                if time.monotonic() - shown_s > _SHOW_EVERY_S:
                    shown_s = time.monotonic()
                    show(found, image, corners)
            complete = len(found.views) >= MAX_VIEWS or (found.views and not found.coverage.missing)
            if complete or time.monotonic() - began_s > seconds:
                break
    found.check_mirrored()
    return found


def newest_picture(source: str) -> Picture:
    """A picture file's picture, or the first one that a camera or a clip gives.

    Raises:
        InputError: the file holds none.
        RunError: the camera sends none.
    """
    options = SourceOptions("camera", source)
    check_source(options)
    if kind_of(source) in ("file", "folder"):
        if not path_of(options.url).is_file():
            raise InputError(f"{options.url} is no file: name one picture")
        for one in images_of(options):
            if isinstance(one, InputImage):
                return _full_size(one)
            raise InputError(one.reason)
        raise InputError(f"{options.url} holds no picture: name another file")
    with contextlib.closing(_pictures(options)) as pictures:
        return next(image for image in pictures if image is not None)


def _pictures(options: SourceOptions) -> Generator[Picture | None]:
    """The newest picture of a source again and again, None where there is no new one within a tenth of a second."""
    changed = threading.Event()
    reader = Reader(options, changed.set)
    reader.start()
    began_s, any_came = time.monotonic(), False
    try:
        while not reader.finished:
            changed.clear()
            taken = reader.frames.take()
            if taken:
                any_came = True
                yield taken[0].rgb
                continue
            if not any_came and time.monotonic() - began_s > _FIRST_PICTURE_S:
                break
            changed.wait(0.1)
            yield None
    finally:
        reader.stop()
    if not any_came:
        raise RunError(reader.stats().error or f"{options.url} sent no picture for {_FIRST_PICTURE_S:g} s")


def _full_size(one: InputImage) -> Picture:
    if one.image.shape[1] != one.width:
        raise InputError(f"{one.source.url} has {one.width}x{one.height} px, more than can be calibrated: take smaller")
    return one.image


def _appearance(corners: BoardCorners, width: int) -> NDArray[np.float64]:
    """Where the board is in the picture, how large and how distorted: numbers that change with the view."""
    pixels = corners.image_px / width
    plane = np.column_stack([corners.board_m[:, :2], np.ones(len(pixels))])
    affine = np.linalg.lstsq(plane, pixels, rcond=None)[0]  # rows: across the board, down the board, its origin
    span = float(np.ptp(corners.board_m[:, :2], axis=0).max()) or 1.0
    middle = np.array([*corners.board_m[:, :2].mean(0), 1.0]) @ affine
    return np.concatenate([middle, (affine[:2] * span).ravel()])
