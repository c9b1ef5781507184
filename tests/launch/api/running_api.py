"""The HTTP API with the embedded model, on a socket of its own, for tests."""

from __future__ import annotations

import base64
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from io import BytesIO
from itertools import islice
from pathlib import Path

import av
import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from groundcast.launch.api.api_app import api_app
from groundcast.launch.api.detection_service import DetectionService
from groundcast.launch.api.label_studio import LabelStudio
from groundcast.launch.api.model_pool import ModelPool
from groundcast.launch.api.picture_fetch import PictureFetch
from groundcast.launch.web.access import Access
from groundcast.model.detector import Detector, DetectorOptions
from groundcast.model.runtime.postprocess import ReportRules
from groundcast.stream.sockets.endpoint import parse_endpoint
from tests.launch.web.running_app import running_app

CLIP = Path(__file__).parents[3] / "model" / "tabletop" / "clip.mp4"
USUAL = ReportRules(threshold=0.3, nms_iou=0.7)


def load(_name: str) -> Detector:
    """The embedded model, whatever its name."""
    return Detector.load("tabletop", DetectorOptions(device="cpu", dtype="float32"))


@contextmanager
def running_api(
    names: Sequence[str] = ("tabletop",),
    *,
    max_waiting: int = 256,
    max_bytes: int | None = None,
    token: str | None = None,
    studio: LabelStudio | None = None,
) -> Generator[httpx.Client]:
    """A client of a running API."""

    def make() -> DetectionService:
        return DetectionService(ModelPool(names, load, max_waiting, max_bytes), USUAL)

    access = Access(parse_endpoint("tcp://127.0.0.1:0"), token)
    app = api_app(access, make, studio or LabelStudio(PictureFetch()))
    with running_app(app, access) as running, httpx.Client(base_url=f"http://127.0.0.1:{running.port}") as client:
        client.timeout = httpx.Timeout(30.0)
        yield client


def clip_frames(count: int) -> list[NDArray[np.uint8]]:
    """The first frames of the embedded clip, (h, w, 3) uint8 RGB."""
    with av.open(str(CLIP)) as container:
        return [
            np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in islice(container.decode(video=0), count)
        ]


def png(image: NDArray[np.uint8]) -> bytes:
    """A picture as PNG, which loses nothing."""
    file = BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def as_base64(data: bytes) -> str:
    """Bytes as JSON carries them."""
    return base64.b64encode(data).decode()
