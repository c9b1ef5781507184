"""`groundcast detect`: pictures, folders and clips in; boxes and drawings out."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..model.prompt import Prompt
from ..stream.frame import Frame
from ..stream.options import SourceOptions
from ..stream.reader import Reader, check_source, redact
from ..stream.source_url import kind_of
from .exits import InputError, RunError, running
from .node import load_detector
from .settings import ModelSettings
from .settings_file import checked
from .sources import named_sources

if TYPE_CHECKING:
    from ..model.detections import Detections
    from .video_file import VideoFile

_PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}


def detect(
    paths: Annotated[list[str], typer.Argument(help="Pictures, folders of pictures, clips.", show_default=False)],
    prompt: Annotated[str, typer.Option(help="What to look for: 'red mug . blue cube'.")],
    out: Annotated[Path | None, typer.Option(help="Folder for drawings and detections.jsonl.")] = None,
    model: Annotated[str, typer.Option(help="A model's name, or the path of its weights.")] = "tabletop",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")] = "auto",
    size: Annotated[int | None, typer.Option(help="The network's input: its short side for a 4:3 picture, px.")] = None,
    threshold: Annotated[float, typer.Option(help="The least score, 0..1.")] = 0.3,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a picture, and one of figures at the end.")
    ] = False,
) -> None:
    """Find what a prompt asks for in pictures, folders and clips."""
    asked = Prompt.parse(prompt)
    settings = checked(ModelSettings, {"name": model, "device": device, "size_px": size, "threshold": threshold})
    sources = _sources(paths)
    if out is not None:
        _make_folder(out)
    errors: list[str] = []
    with load_detector(settings) as detector:
        detector.check(asked)
        with _Results(out, as_json=as_json) as results, running():
            for source in sources:
                for frame in _frames(source, errors):
                    results.add(source, frame, detector.detect([frame.image], [asked])[0])
    if errors:
        raise RunError("; ".join(errors))


def _sources(paths: list[str]) -> list[SourceOptions]:
    """What the paths mean, each checked; a folder means the pictures in it, in the order of their names."""
    files: list[str] = []
    for text in paths:
        kind = kind_of(text)
        if kind == "file":
            check_source(SourceOptions("file", text))
            files.append(text)
        elif kind == "folder":
            inside = sorted(str(path) for path in Path(text).iterdir() if path.suffix.lower() in _PICTURES)
            if not inside:
                raise InputError(f"folder {text} holds no pictures ({' '.join(sorted(_PICTURES))}): name another")
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

    def add(self, source: SourceOptions, frame: Frame, found: Detections) -> None:
        self._pictures += 1
        self._boxes += len(found)
        values = _values(source, frame, found)
        print(json.dumps(values) if self._as_json else _line(values), flush=True)
        if self._sheet is not None:
            print(json.dumps(values), file=self._sheet)
        if self._out is not None:
            self._draw(self._out, source, frame, found)

    def _draw(self, out: Path, source: SourceOptions, frame: Frame, found: Detections) -> None:
        """A picture becomes a picture, a clip a clip."""
        from .draw import draw, drawn_detections, save
        from .video_file import VideoFile

        image = draw(frame.image, drawn_detections(found))
        if Path(source.url).suffix.lower() in _PICTURES:
            save(image, out / f"{source.name}.png")
            return
        if source.name not in self._videos:
            self._videos[source.name] = VideoFile(out / f"{source.name}.mp4")
        self._videos[source.name].write(image, frame.time_s)

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


def _frames(source: SourceOptions, errors: list[str]) -> Iterator[Frame]:
    """Every frame of a source, in order; what went wrong is added to `errors`."""
    changed = threading.Event()
    reader = Reader(source, changed.set)
    reader.start()
    try:
        while not reader.finished:
            changed.clear()
            if taken := reader.frames.take():
                yield taken[0]
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


def _values(source: SourceOptions, frame: Frame, found: Detections) -> dict[str, Any]:
    boxes: list[list[float]] = found.boxes_xyxy.astype(float).round(2).tolist()
    scores: list[float] = found.scores.astype(float).round(4).tolist()
    return {
        "source": source.url,
        "frame": frame.index,
        "width": frame.width,
        "height": frame.height,
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
