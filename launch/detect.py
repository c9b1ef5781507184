"""`groundcast detect`: pictures, folders and clips in; boxes and drawings out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from ..model.detections import Detections
from ..model.prompt import Prompt
from ..stream.options import SourceOptions
from .exits import InputError, RunError, running, say
from .node.load_detector import load_detector
from .settings.settings import ModelSettings
from .settings.settings_file import checked
from .settings.sources import named_sources
from .show.image_inputs import InputImage, Unread, images_of
from .show.input_files import InputFiles, find_files
from .show.progress import busy, progress
from .show.results import DetectionOutput, make_folder
from .standard_streams import outlive_reader

if TYPE_CHECKING:
    from ..model.detector import Detector


def detect(
    paths: Annotated[list[str], typer.Argument(help="Pictures, clips, folders of both.", show_default=False)],
    prompt: Annotated[str | None, typer.Option(help="What to look for: 'red mug . blue cube'.")] = None,
    refer: Annotated[
        str | None, typer.Option(help="Or one object that a sentence describes: 'the left red mug'.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for drawings and detections.jsonl.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace results of an earlier run in --out.")] = False,
    model: Annotated[str, typer.Option(help="A model's name, or the path of its weights.")] = "tabletop",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")] = "auto",
    size: Annotated[int | None, typer.Option(help="Short side of the network's input for a 4:3 picture, px.")] = None,
    threshold: Annotated[float | None, typer.Option(help="The minimum score, 0..1. Default: 0.3.")] = None,
    text_threshold: Annotated[
        float | None, typer.Option(help="Label boxes as the original does: with the words that score above this.")
    ] = None,
    nms: Annotated[
        float | None,
        typer.Option(help="Of two boxes of a phrase above this IoU keep the better; 1 keeps both. Default: 0.7."),
    ] = None,
    batch: Annotated[int, typer.Option(help="Pictures in one batch.", min=1)] = 8,
    offline: Annotated[
        bool, typer.Option("--offline", help="Take published models only from the local cache.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per picture; end with one of figures.")
    ] = False,
) -> None:
    """Detect objects in pictures, folders and clips. Folders are searched with their subfolders.

    A file that cannot be read is reported and skipped; the exit code is then 1.
    """
    _check(prompt, refer, threshold, text_threshold, nms)
    query_prompt = Prompt.parse(prompt) if prompt is not None else Prompt.whole(refer or "")
    minimum = 0.3 if threshold is None else threshold
    values = {
        "name": model,
        "device": device,
        "size_px": size,
        "threshold": minimum,
        "offline": offline,
        "cpu_workers": 1,
    }
    settings = checked(ModelSettings, values if nms is None else {**values, "nms_iou": nms})
    found = find_files(paths, out)
    if out is not None:
        make_folder(out, overwrite=overwrite)
        outlive_reader()
    for remark in found.remarks:
        say(remark)
    with busy(f"loading {model}"):
        detector = load_detector(settings)
    with detector:
        detector.check(query_prompt)
        detect_images = _detector_function(detector, query_prompt, refer, minimum, text_threshold)
        with DetectionOutput(out, as_json=as_json) as output, running(), progress("detecting") as advance:
            for batch_inputs in _batches(_images(found, advance), batch):
                _detect_batch(batch_inputs, detect_images, output)
    if output.unread:
        raise RunError(f"{output.unread} of {len(found.files)} files could not be read, or not to their end")


def _check(
    prompt: str | None, refer: str | None, threshold: float | None, text_threshold: float | None, nms: float | None
) -> None:
    """Refuse options that contradict each other."""
    if (prompt is None) == (refer is None):
        raise InputError("no prompt: write either --prompt 'red mug . blue cube' or --refer 'the left red mug'")
    if refer is not None and (threshold, text_threshold, nms) != (None, None, None):
        raise InputError("--refer finds one box: leave --threshold, --text-threshold and --nms away")
    if text_threshold is not None and not 0.0 <= text_threshold <= 1.0:  # also refuses NaN
        raise InputError(f"--text-threshold {text_threshold:g} is not a score: write a number in 0..1")
    if text_threshold is not None and nms is not None:
        raise InputError("with --text-threshold boxes have no phrases that --nms could compare: leave one of them away")


DetectImages = Callable[[list[NDArray[np.uint8]]], list[Detections]]


def _detector_function(
    detector: Detector, query_prompt: Prompt, refer: str | None, threshold: float, text_threshold: float | None
) -> DetectImages:
    """The function that detects in a batch of pictures."""
    if refer is not None:
        return lambda images: [detector.refer(image, refer) for image in images]
    if text_threshold is None:
        return lambda images: detector.detect(images, [query_prompt] * len(images))
    from ..model.runtime.free_phrases import free_phrases

    def freely(image: NDArray[np.uint8]) -> Detections:
        found = free_phrases(detector.raw(image, query_prompt), threshold, text_threshold)
        found.sort(key=lambda one: -one.score)
        names = tuple(dict.fromkeys(one.label for one in found))
        return Detections(
            names,
            np.array([one.box_xyxy for one in found], np.float32).reshape(-1, 4),
            np.array([one.score for one in found], np.float32),
            np.array([names.index(one.label) for one in found], np.int64),
        )

    return lambda images: [freely(image) for image in images]


def _detect_batch(
    batch_inputs: Sequence[InputImage | Unread], detect_images: DetectImages, output: DetectionOutput
) -> None:
    """Detect in a batch, and pass on its detections, and what could not be read, in order."""
    images = [one.image for one in batch_inputs if isinstance(one, InputImage)]
    answers = iter(detect_images(images) if images else ())
    for one in batch_inputs:
        if isinstance(one, InputImage):
            output.add(one, _in_original(next(answers), one))
        else:
            output.add_unread(one)


def _batches(shots: Iterable[InputImage | Unread], size: int) -> Iterator[list[InputImage | Unread]]:
    """Pictures in batches."""
    stream = iter(shots)
    while batch_inputs := list(islice(stream, size)):
        yield batch_inputs


def _images(found: InputFiles, advance: Callable[[int, int], None]) -> Iterator[InputImage | Unread]:
    """Every picture of every file, in order."""
    for done, (name, file) in enumerate(named_sources(found.files).items(), 1):
        source, fault = SourceOptions(name, file), found.faults.get(file)
        yield from images_of(source) if fault is None else [Unread(source, fault)]
        advance(done, len(found.files))


def _in_original(found: Detections, input_image: InputImage) -> Detections:
    scale = input_image.width / input_image.image.shape[1]
    return found if scale == 1.0 else replace(found, boxes_xyxy=(found.boxes_xyxy * scale).astype(np.float32))
