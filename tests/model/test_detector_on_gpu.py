"""The detector on a real GPU finds what it finds on a CPU: single, batched, replayed and with little memory."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from groundcast.model import detector as model_detector
from groundcast.model.detections import Detections
from groundcast.model.detector import Detector, DetectorOptions
from groundcast.model.image import DecodedImage, rgb_of
from groundcast.model.prompt import Prompt
from groundcast.model.query import Query

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"),
]
CLIP = Path(model_detector.__file__).parent / "tabletop" / "clip.mp4"
PROMPT = Prompt.parse("red mug . blue cube . green bottle . yellow can . white ring . ball . cone")


@pytest.fixture(scope="module")
def frames() -> list[NDArray[np.uint8]]:
    clip = cv2.VideoCapture(str(CLIP))
    read = [clip.read()[1] for _ in range(12)]
    return [np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8) for image in read]


@pytest.fixture(scope="module")
def on_cpu(frames: list[NDArray[np.uint8]]) -> list[Detections]:
    with Detector.load("tabletop", DetectorOptions(device="cpu", dtype="float32", threshold=0.5)) as detector:
        return detector.detect(frames, [PROMPT] * len(frames))


def _near(found: Sequence[Detections], wanted: Sequence[Detections], px: float, score: float) -> None:
    for one, other in zip(found, wanted, strict=True):
        assert abs(len(one) - len(other)) <= 1  # one at the very threshold
        for row in range(min(len(one), len(other))):
            apart = np.abs(other.boxes_xyxy - one.boxes_xyxy[row]).max(1)
            assert apart.min() < px or one.scores[row] < 0.5 + score


@pytest.mark.parametrize(("dtype", "px", "score"), [("float32", 1.0, 0.02), ("bfloat16", 3.0, 0.1)])
def test_it_finds_what_a_cpu_finds(
    dtype: str, px: float, score: float, frames: list[NDArray[np.uint8]], on_cpu: list[Detections]
) -> None:
    options = DetectorOptions(device="cuda", dtype=dtype, threshold=0.5)  # pyright: ignore[reportArgumentType]
    with Detector.load("tabletop", options) as detector:
        assert detector.depth == 2
        assert detector.batch == 8
        tickets = [detector.submit([Query(frame, PROMPT)]) for frame in frames]  # from the third on replayed
        _near([ticket.wait(60)[0] for ticket in tickets], on_cpu, px, score)
        _near(detector.detect(frames[:8], [PROMPT] * 8), on_cpu[:8], px, score)


def test_a_replayed_graph_answers_another_prompt(frames: list[NDArray[np.uint8]]) -> None:
    other = Prompt.parse("red object . blue object . green object . yellow object . white object . mug . cube")
    with Detector.load("tabletop", DetectorOptions(device="cuda", dtype="float32", threshold=0.3)) as detector:
        (first,) = detector.detect(frames[:1], [other])
        for _ in range(5):
            detector.detect(frames[:1], [PROMPT])
        (again,) = detector.detect(frames[:1], [other])
        assert again.names == other.names
        np.testing.assert_allclose(again.scores, first.scores, atol=1e-3)


@pytest.mark.parametrize("decode", ["cpu", "cuda"])
def test_pictures_as_decoders_give_them_are_found_in_alike(
    decode: Literal["cpu", "cuda"], frames: list[NDArray[np.uint8]], on_cpu: list[Detections]
) -> None:
    """From the host's planes, and from those that NVDEC left on the GPU."""
    pytest.importorskip("av")
    from groundcast.stream.decode.gpu_decoding import why_no_gpu_decoder
    from groundcast.stream.decode.video import Video
    from groundcast.stream.options import SourceOptions

    with Detector.load("tabletop", DetectorOptions(device="cuda", dtype="float32", threshold=0.5)) as detector:
        gpu = detector.gpu
        assert gpu is not None
        if decode == "cuda" and (reason := why_no_gpu_decoder(gpu)):
            pytest.skip(reason)
        video = Video(SourceOptions("clip", str(CLIP), decode=decode), lambda _: False, gpu)
        images = [picture.image() for picture in islice(video.pictures(), len(frames))]
        shown = [image for image in images if isinstance(image, DecodedImage)]
        assert len(shown) == len(frames)
        assert {image.gpu for image in shown} == {gpu if decode == "cuda" else None}
        assert np.abs(rgb_of(shown[0]).astype(int) - frames[0]).mean() < 3
        _near(detector.detect(shown, [PROMPT] * len(shown)), on_cpu, 1.5, 0.05)
        video.close()
