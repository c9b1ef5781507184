"""Picture places: where each picture of a labelled folder or clip lies in the data set, as an upright picture file."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ...model.datasets.set_export import place_picture
from ...model.pictures.still_picture import StillError, read_header
from ..exits import RunError
from ..survey.entry import FileEntry, FrameEntry

PICTURES = "images"
_KEPT = {"jpeg", "png", "bmp", "webp"}  # kinds that the tools of the formats read
_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 95]


def picture_name(file_name: str, entry: FileEntry, frame: FrameEntry, *, kept: bool) -> str:
    """The name of a picture in the data set: the file's own, or one within a folder of the file's name.

    Args:
        kept: whether the file goes into the data set as it is.
    """
    if not entry.is_clip and len(entry.frames) == 1:
        return file_name if kept else f"{file_name}.jpg"
    return f"{file_name}/{frame.index:06d}.jpg"


def is_kept(path: Path) -> bool:
    """Whether a picture goes into the data set as it is: upright, of a kind that all tools read, not an animation."""
    try:
        header = read_header(path)
    except StillError:
        return False
    return header.kind in _KEPT and header.orientation == 1 and header.pages == 1


def has_place(folder: Path, name: str) -> bool:
    """Whether an earlier run has put a picture there."""
    return (folder / PICTURES / name).exists()


def keep_file(folder: Path, name: str, source: Path) -> None:
    """Put a picture file into the data set.

    Raises:
        RunError: the disk takes no more.
    """
    target = folder / PICTURES / name
    with _writing(target) as part:
        place_picture(source, part)


def keep_pixels(folder: Path, name: str, image: NDArray[np.uint8]) -> None:
    """Write a picture into the data set as a JPEG.

    Raises:
        RunError: the disk takes no more.
    """
    target = folder / PICTURES / name
    with _writing(target) as part:
        _, encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), _QUALITY)
        part.write_bytes(encoded.tobytes())


@contextmanager
def _writing(target: Path) -> Generator[Path]:
    """The place to write to, which takes the target's name when the block is left."""
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        yield part
        part.replace(target)
    except OSError as error:
        text = f"{target} cannot be written ({error.strerror}): free some space, then the same command continues"
        raise RunError(text) from error


class SimilarPictures:
    """Finds pictures that look as the last one kept of the same file or folder: their difference hashes are close.

    Source: http://www.hackerfactor.com/blog/?/archives/529-Kind-of-Like-That.html.
    """

    def __init__(self, max_bits: int = 4) -> None:
        self._max_bits = max_bits
        self._last: dict[str, NDArray[np.bool_]] = {}

    def is_similar(self, group: str, image: NDArray[np.uint8]) -> bool:
        """Whether a picture looks as the last of its group; if not, it is the last from now on."""
        grey = cv2.cvtColor(cv2.resize(image, (9, 8), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        hashed = np.asarray(grey[:, 1:] > grey[:, :-1], np.bool_)
        last = self._last.get(group)
        if last is not None and int(np.count_nonzero(hashed != last)) <= self._max_bits:
            return True
        self._last[group] = hashed
        return False
