"""`groundcast detect`: pictures, folders and clips in; boxes and drawings out."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from ..model.detections import Detections
from ..model.prompt import Phrase, Prompt
from ..stream.options import SourceOptions
from ..stream.reader import Reader, check_source, redact
from ..stream.source_url import kind_of
from .exits import InputError, RunError, running
from .node import load_detector
from .pictures import SUFFIXES, read_picture
from .settings import ModelSettings
from .settings_file import checked
from .sources import named_sources

if TYPE_CHECKING:
    from ..model.detector import Detector
    from .video_file import VideoFile


@dataclass(frozen=True, slots=True)
class _Shot:
    """One picture to look at.

    Args:
        image: (h, w, 3) uint8 RGB.
        width, height: of the original, px; `image` may be a smaller copy.
        index, time_s: of a clip's frame.
    """

    source: SourceOptions
    image: NDArray[np.uint8]
    width: int
    height: int
    index: int = 0
    time_s: float = 0.0


def detect(
    paths: Annotated[list[str], typer.Argument(help="Pictures, folders of pictures, clips.", show_default=False)],
    prompt: Annotated[str | None, typer.Option(help="What to look for: 'red mug . blue cube'.")] = None,
    refer: Annotated[str | None, typer.Option(help="Or the one thing a sentence means: 'the left red mug'.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for drawings and detections.jsonl.")] = None,
    model: Annotated[str, typer.Option(help="A model's name, or the path of its weights.")] = "tabletop",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")] = "auto",
    size: Annotated[int | None, typer.Option(help="The network's input: its short side for a 4:3 picture, px.")] = None,
    threshold: Annotated[float, typer.Option(help="The least score, 0..1.")] = 0.3,
    text_threshold: Annotated[
        float | None, typer.Option(help="Read phrases as the original does: the words that score above this.")
    ] = None,
    nms: Annotated[float | None, typer.Option(help="Keep the better of two boxes of a phrase above this IoU.")] = None,
    batch: Annotated[int, typer.Option(help="Pictures at once.", min=1)] = 8,
    offline: Annotated[bool, typer.Option(help="Take published models from the local cache alone.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a picture, and one of figures at the end.")
    ] = False,
) -> None:
    """Find what a prompt asks for in pictures, folders and clips."""
    if (prompt is None) == (refer is None):
        raise InputError("say what to look for: either --prompt 'red mug . blue cube' or --refer 'the left red mug'")
    asked = Prompt.parse(prompt) if prompt is not None else Prompt((Phrase(refer or ""),))
    values = {"name": model, "device": device, "size_px": size, "threshold": threshold, "nms_iou": nms}
    settings = checked(ModelSettings, {**values, "offline": offline, "lanes": 1})
    sources = _sources(paths)
    if out is not None:
        _make_folder(out)
    errors: list[str] = []
    with load_detector(settings) as detector:
        detector.check(asked)
        look = _look(detector, asked, refer, threshold, text_threshold)
        with _Results(out, as_json=as_json) as results, running():
            shots = (shot for source in sources for shot in _shots(source, errors))
            for together in _batches(results.count(shots, len(sources)), batch):
                for shot, found in zip(together, look([shot.image for shot in together]), strict=True):
                    results.add(shot, _in_original(found, shot))
    if errors:
        raise RunError("; ".join(errors))


Look = Callable[[list[NDArray[np.uint8]]], list[Detections]]


def _look(detector: Detector, asked: Prompt, refer: str | None, threshold: float, text_threshold: float | None) -> Look:
    """How pictures are answered."""
    if refer is not None:
        return lambda images: [detector.refer(image, refer) for image in images]
    if text_threshold is None:
        return lambda images: detector.detect(images, [asked] * len(images))
    from ..model.free_phrases import free_phrases

    def freely(image: NDArray[np.uint8]) -> Detections:
        found = free_phrases(detector.raw(image, asked), threshold, text_threshold)
        names = tuple(dict.fromkeys(one.label for one in found))
        return Detections(
            names,
            np.array([one.box_xyxy for one in found], np.float32).reshape(-1, 4),
            np.array([one.score for one in found], np.float32),
            np.array([names.index(one.label) for one in found], np.int64),
        )

    return lambda images: [freely(image) for image in images]


def _batches(shots: Iterable[_Shot], size: int) -> Iterator[list[_Shot]]:
    """Pictures that are looked at together."""
    stream = iter(shots)
    while together := list(islice(stream, size)):
        yield together


def _in_original(found: Detections, shot: _Shot) -> Detections:
    scale = shot.width / shot.image.shape[1]
    return found if scale == 1.0 else replace(found, boxes_xyxy=(found.boxes_xyxy * scale).astype(np.float32))


def _sources(paths: list[str]) -> list[SourceOptions]:
    """What the paths mean, each checked; a folder means the pictures in it, in the order of their names."""
    files: list[str] = []
    for text in paths:
        kind = kind_of(text)
        if kind == "file":
            check_source(SourceOptions("file", text))
            files.append(text)
        elif kind == "folder":
            inside = sorted(str(path) for path in Path(text).iterdir() if path.suffix.lower() in SUFFIXES)
            if not inside:
                raise InputError(f"folder {text} holds no pictures ({' '.join(sorted(SUFFIXES))}): name another")
            files += inside
        else:
            raise InputError(
                f"{redact(text)} is not a picture, a folder or a clip: watch cameras with 'groundcast run'"
            )
    return [SourceOptions(name, url) for name, url in named_sources(files).items()]


class _Results:
    """What becomes of detections: lines on standard output, and with a folder also a file of lines and drawings."""

    def __init__(self, out: Path | None, *, as_json: bool) -> None:
        self._out = out
        self._as_json = as_json
        self._sheet = None if out is None else (out / "detections.jsonl").open("w")
        self._videos: dict[str, VideoFile] = {}
        self._pictures = self._boxes = 0
        self._began_s = time.monotonic()

    def count(self, shots: Iterable[_Shot], sources: int) -> Iterator[_Shot]:
        """The same pictures, behind a bar that shows how many sources are done; on a terminal only."""
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bar:
            task = bar.add_task("looking", total=sources)
            last: SourceOptions | None = None
            for shot in shots:
                if last is not None and shot.source is not last:
                    bar.advance(task)
                last = shot.source
                yield shot

    def add(self, shot: _Shot, found: Detections) -> None:
        self._pictures += 1
        self._boxes += len(found)
        values = _values(shot, found)
        print(json.dumps(values) if self._as_json else _line(values), flush=True)
        if self._sheet is not None:
            print(json.dumps(values), file=self._sheet)
        if self._out is not None:
            self._draw(self._out, shot, found)

    def _draw(self, out: Path, shot: _Shot, found: Detections) -> None:
        """A picture becomes a picture, a clip a clip."""
        from .draw import draw, drawn_detections, save
        from .video_file import VideoFile

        scale = shot.image.shape[1] / shot.width
        drawn = replace(found, boxes_xyxy=(found.boxes_xyxy * scale).astype(np.float32))
        image, source = draw(shot.image, drawn_detections(drawn)), shot.source
        if Path(source.url).suffix.lower() in SUFFIXES:
            save(image, out / f"{source.name}.png")
            return
        if source.name not in self._videos:
            self._videos[source.name] = VideoFile(out / f"{source.name}.mp4")
        self._videos[source.name].write(image, shot.time_s)

    def __enter__(self) -> _Results:
        return self

    def __exit__(self, *_: object) -> None:
        for video in self._videos.values():
            video.close()
        if self._sheet is not None:
            self._sheet.close()
            print(f"drawings and detections.jsonl are in {self._out}", file=sys.stderr)
        if self._as_json:
            seconds = round(time.monotonic() - self._began_s, 3)
            print(json.dumps({"pictures": self._pictures, "detections": self._boxes, "seconds": seconds}))


def _shots(source: SourceOptions, errors: list[str]) -> Iterator[_Shot]:
    """Every picture of a source, in order; what went wrong is added to `errors`."""
    if Path(source.url).suffix.lower() in SUFFIXES:
        try:
            still = read_picture(Path(source.url))
        except RunError as error:
            errors.append(str(error))
        else:
            yield _Shot(source, still.image, still.width, still.height)
        return
    changed = threading.Event()
    reader = Reader(source, changed.set)
    reader.start()
    try:
        while not reader.finished:
            changed.clear()
            if taken := reader.frames.take():
                frame = taken[0]
                yield _Shot(source, frame.image, frame.width, frame.height, frame.index, frame.time_s)
            elif not reader.finished:
                changed.wait(0.1)
    finally:
        reader.stop()
    if error := reader.stats().error:
        errors.append(error)


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"folder {out} cannot be made ({error.strerror}): name another with --out") from error


def _values(shot: _Shot, found: Detections) -> dict[str, Any]:
    boxes: list[list[float]] = found.boxes_xyxy.astype(float).round(2).tolist()
    scores: list[float] = found.scores.astype(float).round(4).tolist()
    return {
        "source": shot.source.url,
        "frame": shot.index,
        "width": shot.width,
        "height": shot.height,
        "detections": [
            {
                "label": found.name(row),
                "confidence": scores[row],
                "bbox": dict(zip(("x1", "y1", "x2", "y2"), box, strict=True)),
            }
            for row, box in enumerate(boxes)
        ],
    }


def _line(values: dict[str, Any]) -> str:
    found = ", ".join(
        f"{one['label']} {one['confidence']:.2f} at {' '.join(f'{side:.0f}' for side in one['bbox'].values())}"
        for one in values["detections"]
    )
    return f"{values['source']} {values['frame']}: {found or 'nothing found'}"
