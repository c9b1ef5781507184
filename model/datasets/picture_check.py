"""Picture check: a data set's pictures must exist, be whole, and have the stated size."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from ..pictures.orientation import UPRIGHT, swaps_sides
from ..pictures.still_picture import StillError, check_whole, read_header
from .coco_records import CocoError


class StoredPicture(Protocol):
    """A picture on disk, and its size as the annotations state it."""

    @property
    def file(self) -> Path: ...

    @property
    def width_px(self) -> int: ...

    @property
    def height_px(self) -> int: ...


def check_stored(pictures: Mapping[str, StoredPicture], folder: Path) -> int:
    """Check that pictures exist, are whole, and have their records' size. Their pixels are not decoded.

    Args:
        pictures: by the record that names each.
        folder: their folder.

    Returns:
        The number of pictures that are upright by their EXIF alone.

    Raises:
        CocoError: names the first record that does not fit; of missing pictures also how many there are.
    """
    if not folder.is_dir():
        raise CocoError(f"pictures' folder {folder} does not exist: name the folder that holds the pictures")
    missing = [record for record, picture in pictures.items() if not picture.file.is_file()]
    if missing:
        counted = f"{len(missing)} of {len(pictures)} pictures are missing"
        raise CocoError(f"{missing[0]}: no picture at {pictures[missing[0]].file}; {counted}")
    turned = 0
    for record, picture in pictures.items():
        try:
            header = read_header(picture.file)
            check_whole(picture.file)
        except StillError as error:
            raise unreadable(picture, error, f"{record}: ") from error
        if header.pages > 1:
            raise CocoError(
                f"{record}: picture {picture.file} holds {header.pages} pictures: save the one that is meant"
            )
        check_size(picture, header.width, header.height, header.orientation, f"{record}: ")
        turned += header.orientation != UPRIGHT
    return turned


def check_size(picture: StoredPicture, width: int, height: int, orientation: int = UPRIGHT, where: str = "") -> None:
    """Compare a picture's upright size with its record's.

    Raises:
        CocoError: they differ.
    """
    stated = picture.width_px, picture.height_px
    if stated == (width, height):
        return
    has = f"{where}picture {picture.file} has {width}x{height} px"
    said = f"but the annotations say {stated[0]}x{stated[1]}"
    if swaps_sides(orientation) and stated == (height, width):
        raise CocoError(
            f"{has} as it is seen, turned by its EXIF, {said}: boxes are read on upright pictures, so save the"
            " pictures without EXIF, or annotate them as they are seen"
        )
    raise CocoError(f"{has}, {said}: mend the annotations")


def unreadable(picture: StoredPicture, error: StillError, where: str = "") -> CocoError:
    """The error about a picture that cannot be read, or only in part."""
    return CocoError(f"{where}picture {picture.file} cannot be read ({error}): fetch it again")
