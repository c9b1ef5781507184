"""Detect worker: detects in one picture after the other from standard input, for the page.

A request is JSON with what to look for, and a picture; an answer is JSON. Each of the three follows four bytes with its
length (big endian). The answer is what `groundcast detect` computes, by the same functions.

It is a process of its own: a picture that brings a decoder down ends this process and no other.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any

from ..model.prompt import Phrase, Prompt, PromptError
from ..stream.options import SourceOptions
from .exits import InputError, RunError
from .settings.settings import ModelSettings
from .settings.settings_file import SettingsError, checked
from .survey.options import DetectOptions

if TYPE_CHECKING:
    from ..model.detector import Detector
    from ..model.pictures.still_picture import StillPicture

_LENGTH_BYTES = 4
_JPEG_START = b"\xff\xd8"
_MAX_PIXELS = 100_000_000
_UPLOAD = SourceOptions("upload", "upload.png")


class DetectWorker:
    """Keeps the model that was used last."""

    def __init__(self) -> None:
        self._loaded: tuple[ModelSettings, Detector] | None = None

    def answer(self, request: Mapping[str, Any], picture: bytes) -> dict[str, Any]:
        """Detect in one picture; what is wrong with it is part of the answer."""
        try:
            return self._detect(request, picture)
        except (InputError, PromptError, RunError, SettingsError) as error:
            return {"error": {"code": "bad_request", "message": str(error)}}

    def close(self) -> None:
        """Free the model."""
        if self._loaded is not None:
            self._loaded[1].close()
            self._loaded = None

    def _detect(self, request: Mapping[str, Any], picture: bytes) -> dict[str, Any]:
        from .show.detection_rows import detection_rows
        from .show.image_inputs import InputImage, in_original
        from .survey.submitting import submitter

        options = DetectOptions(
            prompt=request.get("prompt"),
            refer=request.get("refer"),
            threshold=request.get("threshold"),
            text_threshold=request.get("text_threshold"),
        )
        prompt = _prompt(options)
        still = _read(picture)
        detector = self._detector(request)
        detector.check(prompt)
        began_s = time.monotonic()
        found = submitter(detector, prompt, options)([still.image])()[0]
        infer_ms = (time.monotonic() - began_s) * 1e3
        found = in_original(found, InputImage(_UPLOAD, still.image, still.width, still.height))
        return {
            "width": still.width,
            "height": still.height,
            "model": request["model"],
            "infer_ms": round(infer_ms, 1),
            "detections": detection_rows(found),
        }

    def _detector(self, request: Mapping[str, Any]) -> Detector:
        from .node.load_detector import load_detector

        values = {
            "name": request["model"],
            "device": request.get("device", "auto"),
            "size_px": request.get("size"),
            "offline": request.get("offline", False),
            "cpu_workers": 1,
        }
        nms = request.get("nms")
        settings = checked(ModelSettings, values if nms is None else {**values, "nms_iou": nms})
        if self._loaded is not None and self._loaded[0] == settings:
            return self._loaded[1]
        self.close()
        detector = load_detector(settings)
        self._loaded = settings, detector
        return detector


def _prompt(options: DetectOptions) -> Prompt:
    """The prompt, each phrase with the request's own minimum score; raises InputError or PromptError."""
    if (options.prompt is None) == (options.refer is None):
        raise InputError("write either phrases to find, or a sentence about one object")
    if options.refer is not None:
        return Prompt.whole(options.refer)
    prompt = Prompt.parse(options.prompt or "")
    if options.text_threshold is not None:
        return prompt
    phrases: list[Phrase] = [replace(phrase, threshold=options.minimum) for phrase in prompt.phrases]
    return Prompt(tuple(phrases))


def _read(data: bytes) -> StillPicture:
    """The picture of an upload, upright; raises RunError."""
    from ..model.pictures.memory_file import memory_file
    from ..model.pictures.still_picture import StillError, read_header
    from ..stream.wire.jpeg_scans import MAX_SCANS, has_too_many_scans
    from .show.image_files import read_all

    if data.startswith(_JPEG_START) and has_too_many_scans(data):
        raise RunError(f"the JPEG has more than {MAX_SCANS} scans: encode it with fewer")
    with memory_file(data) as path:
        try:
            header = read_header(path, only_first=True)
            if header.width * header.height > _MAX_PIXELS:
                size = f"{header.width}x{header.height}"
                raise RunError(f"the picture has {size} px, at most {_MAX_PIXELS} are read: make it smaller")
            return next(read_all(path, only_first=True))
        except StillError as error:
            raise RunError(f"this is no picture that can be read ({error}): try another file") from error
        except RunError as error:
            raise RunError(str(error).replace(str(path), "the upload")) from error


def _read_part(requests: IO[bytes]) -> bytes | None:
    length = requests.read(_LENGTH_BYTES)
    return None if len(length) < _LENGTH_BYTES else requests.read(int.from_bytes(length, "big"))


def main() -> None:
    """Answer requests until standard input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not stand among the answers
    worker = DetectWorker()
    requests = sys.stdin.buffer
    while (head := _read_part(requests)) is not None and (picture := _read_part(requests)) is not None:
        body = json.dumps(worker.answer(json.loads(head), picture)).encode()
        answers.write(len(body).to_bytes(_LENGTH_BYTES, "big") + body)
        answers.flush()


if __name__ == "__main__":
    main()
