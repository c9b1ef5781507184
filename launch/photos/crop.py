"""`groundcast crop`: cuts what a prompt asks for out of pictures."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from ...model.detections import Detections
from ...model.masks.mask import Mask, pixels_of
from ...model.prompt import Prompt
from ..exits import RunError, make_writable, say
from ..settings.command_options import spread_options
from ..show.image_inputs import InputImage, is_picture
from ..show.input_files import JOURNAL
from ..show.mask_finder import FindMasks, mask_finder
from ..standard_streams import outlive_reader
from .cutting import Cut, cut_out, ground_of
from .look import Look, LookOptions, Paths, check_read, look_at

_NO_NAME = re.compile(r"[^\w-]+")
_MAX_LABEL = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class CropOptions(LookOptions):
    """What to cut out, and how."""

    prompt: Annotated[str, typer.Option(help="What to cut out: 'red mug . bottle'.")]
    folder: Annotated[Path, typer.Option(help="Folder for the crops.")]
    threshold: Annotated[float, typer.Option(min=0.0, max=1.0, help="The minimum score.")] = 0.3
    padding: Annotated[
        float, typer.Option(min=0.0, max=5.0, help="Margin on each side, as a share of the box's longer side.")
    ] = 0.1
    square: Annotated[bool, typer.Option("--square", help="Make every crop a square.")] = False
    crop_size: Annotated[int | None, typer.Option(min=1, max=8192, help="The longer side of a crop, px.")] = None
    background: Annotated[
        str, typer.Option(help="keep, transparent, or a colour such as white: it takes the place of what is around.")
    ] = "keep"
    masker: Annotated[
        str, typer.Option(help="The model that finds the object's pixels: tabletop, or a SAM's folder or name.")
    ] = "tabletop"
    best: Annotated[bool, typer.Option("--best", help="Cut only the best box out of each picture.")] = False


@spread_options
def crop(paths: Paths, options: CropOptions) -> None:
    """Cut what a prompt asks for out of pictures and clips, one file each.

    The same command continues after it was stopped, and looks only at files that are new or have changed.
    """
    cut = Cut(options.padding, options.square, options.crop_size, ground_of(options.background))
    prompt = Prompt.parse(options.prompt)
    make_writable(options.folder)
    outlive_reader()
    find = None
    if cut.ground != "keep":
        find = mask_finder(options.masker, options.device, offline=options.offline)
    writer = CropWriter(options.folder, cut, find, best=options.best)
    settings: dict[str, object] = {
        "padding": options.padding,
        "square": options.square,
        "background": options.background,
    }
    settings |= {"crop_size": options.crop_size, "best": options.best}
    settings |= {"masker": options.masker} if find is not None else {}
    look = Look(prompt, options.threshold, options.folder / JOURNAL, settings, options.folder)
    entries, _ = look_at(paths, look, options, writer)
    boxes = sum(
        min(len(frame.boxes), 1) if options.best else len(frame.boxes) for one in entries for frame in one.frames
    )
    if writer.whole:
        say(f"{writer.whole} crops keep their background: no mask was found for them")
    figures = {"files": len(entries), "crops": boxes, "new": writer.written, "without_mask": writer.whole}
    print(json.dumps(figures) if options.as_json else f"{boxes} crops of {len(entries)} files are in {options.folder}")
    check_read(entries)


class CropWriter:
    """Writes the crops of a survey: NAME-ROW-LABEL, below the folders that the pictures lie in.

    Attributes:
        written: how many crops.
        whole: how many of them keep their background, for want of a mask.

    Args:
        folder: for the crops.
        cut: how objects are cut out.
        find: finds their pixels; None keeps the background.
        best: only the first box of each picture.
    """

    def __init__(self, folder: Path, cut: Cut, find: FindMasks | None, *, best: bool) -> None:
        self.written = self.whole = 0
        self._folder, self._cut, self._find, self._best = folder, cut, find, best

    def add(self, name: str, shot: InputImage, found: Detections) -> None:
        """Write the crops of one picture.

        Raises:
            RunError: the disk takes no more.
        """
        found = found.best(1) if self._best else found
        scale = shot.image.shape[1] / shot.width
        shown = replace(found, boxes_xyxy=(found.boxes_xyxy * scale).astype(np.float32))
        masks = [None] * len(shown) if self._find is None or not len(shown) else self._find(shot, shown)
        boxes: list[list[float]] = shown.boxes_xyxy.astype(float).tolist()
        for row, (box, mask) in enumerate(zip(boxes, masks, strict=True)):
            pixels = None if mask is None else pixels_like(mask, shot.image)
            self.whole += self._find is not None and mask is None
            label = _NO_NAME.sub("-", shown.name(row)).strip("-")[:_MAX_LABEL] or "object"
            page = f"-{shot.index + 1}" if shot.pages > 1 else ""
            frame = page if is_picture(shot.source) else f"-{shot.index:06}"
            suffix = ".png" if self._cut.ground == "transparent" else ".jpg"
            cropped = cut_out(shot.image, box, self._cut, pixels)
            save_picture(cropped, self._folder / f"{name}{frame}-{row + 1}-{label}{suffix}")
            self.written += 1

    def end_file(self) -> None:
        """Each crop is a file of its own already."""


def pixels_like(mask: Mask, image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """A mask's pixels in the size of a picture, which may be a smaller copy."""
    pixels = pixels_of(mask)
    height, width = image.shape[:2]
    if pixels.shape == (height, width):
        return pixels
    resized = cv2.resize(pixels.astype(np.uint8), (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(resized, np.bool_)


def save_picture(image: NDArray[np.uint8], path: Path) -> None:
    """Write (h, w, 3) RGB or (h, w, 4) RGBA as its suffix says, as a whole or not at all.

    Raises:
        RunError: the disk takes no more.
    """
    code = cv2.COLOR_RGBA2BGRA if image.shape[2] == 4 else cv2.COLOR_RGB2BGR
    _, data = cv2.imencode(path.suffix, cv2.cvtColor(image, code), [cv2.IMWRITE_JPEG_QUALITY, 95])
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data.tobytes())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise RunError(f"{path} cannot be written ({error.strerror}): free some space, then run it again") from error
