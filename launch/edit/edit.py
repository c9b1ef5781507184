"""`groundcast edit`: paints what a prompt names in a picture anew, and leaves every other pixel as it is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from ...model.detections import Detections
from ...model.image import Rgb
from ...model.prompt import Prompt
from ...stream.options import SourceOptions
from ..exits import InputError, running, say
from ..node.load_detector import load_for_prompt
from ..printable import printable
from ..settings.command_options import spread_options
from ..settings.settings import ModelSettings
from ..settings.settings_file import checked
from ..show.detection_rows import detection_rows
from ..show.image_files import read_whole
from ..show.image_inputs import InputImage
from ..show.mask_finder import mask_finder
from ..show.progress import busy
from .options import BOXES_ALONE, EditOptions, check_options
from .result_files import colour_profile, save_boxes, save_edited

if TYPE_CHECKING:
    from ...model.detector import Detector
    from ...model.editing.painting import Painted, PaintRequest

_EMPTY = "empty background"
_COARSE = 1.5  # px of the picture for each painted one, from which on the result looks soft


@spread_options
def edit(picture: Annotated[Path, typer.Argument(help="A picture.", show_default=False)], options: EditOptions) -> None:
    """Replace or remove what a prompt names in a picture, with a diffusers pipeline for inpainting.

    Every pixel outside the mask and its transition keeps its value in a PNG.
    """
    check_options(picture, options)
    prompt = Prompt.parse(options.prompt)
    if options.pipeline is not None:
        _check_pipeline(options.pipeline, options)
    with running(InputError):
        still = read_whole(picture)
    with load_for_prompt(_model(options), prompt) as detector:
        found = detector.detect([still.image], [prompt])[0]
        phrases = tuple(options.replace or found.name(row) for row in range(len(found)))
        if options.boxes_json is not None:
            save_boxes(options.boxes_json, picture, (still.height, still.width), found, phrases)
        figures: dict[str, Any] = {"source": str(picture), "found": detection_rows(found)}
        if options.out is not None and len(found):
            figures |= _edited(picture, still.image, found, phrases, detector, prompt, options)
        elif options.out is not None:
            figures |= {"out": None}
    print(json.dumps(figures) if options.as_json else printable(_sentence(figures, options)))


@dataclass(frozen=True, slots=True)
class Masked:
    """The pixels to paint, and how many objects have no mask, so that their boxes stand in."""

    pixels: NDArray[np.bool_]
    unmasked: int


def _edited(
    picture: Path,
    image: Rgb,
    found: Detections,
    phrases: tuple[str, ...],
    detector: Detector,
    prompt: Prompt,
    options: EditOptions,
) -> dict[str, Any]:
    """Paint, look again, write. Returns the figures to print."""
    from ...model.editing.area import alpha_of
    from ...model.editing.painting import PaintRequest

    assert options.out is not None
    masked = _masked(picture, image, found, options)
    pixels = ~masked.pixels if options.invert else masked.pixels
    alpha = alpha_of(pixels, options.dilate_px, options.feather)
    if not alpha.any():
        raise InputError("no pixel is left to paint: raise --dilate")
    negative = " , ".join(dict.fromkeys(phrases)) if options.remove else ""
    request = PaintRequest(options.replace or _EMPTY, negative, options.seed, phrases, found.boxes_xyxy)
    painted = _painted(image, alpha, request, options)
    still_found = detector.detect([painted.image], [prompt])[0] if options.remove else None
    save_edited(painted.image, options.out, colour_profile(picture))
    if options.out.suffix.lower() != ".png":
        say(f"{options.out} is a JPEG, which changes every pixel a little: write a .png to keep those outside the mask")
    return {
        "out": str(options.out),
        "painted_px": int(np.count_nonzero(alpha)),
        "without_mask": masked.unmasked,
        "windows": [
            {"box_xyxy": [one.left, one.top, one.right, one.bottom], "painted_at": [size_hw[1], size_hw[0]]}
            for one, size_hw in painted.windows
        ],
        **({} if still_found is None else {"gone": len(still_found) == 0, "still_found": detection_rows(still_found)}),
    }


def _painted(image: Rgb, alpha: NDArray[np.float32], request: PaintRequest, options: EditOptions) -> Painted:
    from ...model.editing.painting import paint_area
    from ...model.editing.pipeline_painter import GligenPainter, PaintOptions, load_painter

    assert options.pipeline is not None
    how = PaintOptions(options.steps, options.guidance, options.paint_size)
    with busy(f"loading {options.pipeline}"):
        painter = load_painter(options.pipeline, options.device, how, offline=options.offline)
    if isinstance(painter, GligenPainter):
        _check_gligen(options)
    with running(InputError), busy("painting"):
        painted = paint_area(image, alpha, painter, request)
    for window, size_hw in painted.windows:
        if max(window.size_hw) > _COARSE * max(size_hw):
            height, width = window.size_hw
            say(f"{width}x{height} px are painted at {size_hw[1]}x{size_hw[0]}: they look softer than what is around")
    return painted


def _masked(picture: Path, image: Rgb, found: Detections, options: EditOptions) -> Masked:
    """The pixels of everything that was found."""
    from ...model.masks.mask import pixels_of

    pixels = np.zeros(image.shape[:2], np.bool_)
    height, width = pixels.shape
    masks = [None] * len(found)
    if options.masker != BOXES_ALONE:
        find = mask_finder(options.masker, options.device, offline=options.offline)
        masks = find(InputImage(SourceOptions("picture", str(picture)), image, width, height), found)
    boxes: list[list[float]] = found.boxes_xyxy.astype(float).tolist()
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        if mask is not None:
            pixels |= pixels_of(mask)
        else:
            pixels[int(y1) : int(np.ceil(y2)), int(x1) : int(np.ceil(x2))] = True
    unmasked = 0 if options.masker == BOXES_ALONE else sum(mask is None for mask in masks)
    if unmasked:
        say(f"{unmasked} of {len(found)} objects have no mask by {options.masker}: their whole boxes are taken")
    return Masked(pixels, unmasked)


def _check_pipeline(name: str, options: EditOptions) -> None:
    from ...model.editing.pipeline_files import check_pipeline
    from ...model.editing.pipeline_painter import places_in_boxes

    check_pipeline(name)
    if places_in_boxes(name):
        _check_gligen(options)


def _check_gligen(options: EditOptions) -> None:
    if options.remove or options.invert:
        raise InputError(
            f"{options.pipeline} is a GLIGEN, which puts things into boxes: it goes with --replace, without --invert"
        )


def _model(options: EditOptions) -> ModelSettings:
    values = {"name": options.model, "device": options.device, "size_px": options.size, "offline": options.offline}
    return checked(ModelSettings, {**values, "threshold": options.threshold, "cpu_workers": 1})


def _sentence(figures: dict[str, Any], options: EditOptions) -> str:
    found: list[dict[str, Any]] = figures["found"]
    if not found:
        return "nothing named was found" + (": no picture is written" if options.out is not None else "")
    names = ", ".join(f"{one['label']} {one['confidence']:.2f}" for one in found)
    if options.out is None:
        return f"{names}: boxes are in {options.boxes_json}"
    text = f"{names}: {figures['painted_px']} px are painted anew in {options.out}"
    if "gone" not in figures:
        return text
    again = ", ".join(f"{one['label']} {one['confidence']:.2f}" for one in figures["still_found"])
    return f"{text}; {'looked again: it is gone' if figures['gone'] else f'looked again: still found: {again}'}"
