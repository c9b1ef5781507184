# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Half precision: what it costs, and what it leaves alone."""

from __future__ import annotations

import copy
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from groundcast.launch.bench_oracle import chosen_places, save
from groundcast.model import precision
from groundcast.model.checkpoint import find_checkpoint, read_checkpoint
from groundcast.model.detections import Detections
from groundcast.model.detector import Detector, DetectorOptions
from groundcast.model.network import build
from groundcast.model.precision import PrecisionError, number_format
from groundcast.model.prompt import Prompt

from .oracle import Sizes, ask_oracle, oracle, words_of

CPU = torch.device("cpu")


def test_a_cpu_computes_in_float32_unless_told_otherwise() -> None:
    assert number_format("auto", CPU) == torch.float32
    assert number_format("bfloat16", CPU) == torch.bfloat16
    assert number_format("float16", torch.device("cuda")) == torch.float16
    with pytest.raises(PrecisionError, match="float16 runs on GPUs alone"):
        number_format("float16", CPU)


@torch.no_grad()
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_bfloat16_errs_no_more_than_twice_what_plain_pytorch_does(seed: int, tmp_path: Path) -> None:
    theirs = oracle(Sizes(), seed=seed)
    checkpoint = read_checkpoint(find_checkpoint(str(save(theirs, tmp_path))))
    ours = build(checkpoint, CPU, tmp_path, torch.bfloat16)
    words = words_of(((2, 1, 3),))
    picture = torch.randn(1, 3, 96, 128, generator=torch.Generator().manual_seed(seed))
    with chosen_places(None) as chosen:
        exact = ask_oracle(copy.deepcopy(theirs).double(), picture.double(), words.ids_BT, ~words.no_word_BT, None)
    (places,) = chosen
    half = copy.deepcopy(theirs).bfloat16()
    with chosen_places(places):
        plain = ask_oracle(half, picture.bfloat16(), words.ids_BT, ~words.no_word_BT, None)
    answer = ours(picture.bfloat16(), ours.read(words).to(torch.bfloat16), places_BQ=places)
    tokens = words.ids_BT.shape[1]
    logits, boxes = exact.logits[..., :tokens], exact.pred_boxes
    plain_logits, plain_boxes = plain.logits[..., :tokens].double(), plain.pred_boxes.double()
    assert answer.logits[-1].dtype == answer.boxes[-1].dtype == torch.float32
    for got, other, truth in ((answer.logits[-1], plain_logits, logits), (answer.boxes[-1], plain_boxes, boxes)):
        assert (got.double() - truth).square().mean() <= 4 * (other - truth).square().mean()
        assert (got.double() - truth).abs().max() <= 2 * (other - truth).abs().max()


def _near(one: Detections, other: Detections) -> None:
    assert len(one) > 0
    for row in range(len(one)):
        apart = np.abs(other.boxes_xyxy - one.boxes_xyxy[row]).max(1)
        same = np.flatnonzero(other.name_indices == one.name_indices[row])
        assert apart[same].min() < 1.0
        assert abs(other.scores[same[apart[same].argmin()]] - one.scores[row]) < 0.02


@pytest.mark.parametrize("second", [1, 9])
def test_tabletop_finds_the_same_in_bfloat16(second: int) -> None:
    clip = cv2.VideoCapture(str(Path(precision.__file__).parent / "tabletop" / "clip.mp4"))
    clip.set(cv2.CAP_PROP_POS_MSEC, second * 1000)
    is_read, image = clip.read()
    assert is_read
    frame = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
    prompt = Prompt.parse("red mug . blue cube . green bottle . yellow can . white ring . ball . cone")
    found: list[Detections] = []
    for dtype in ("float32", "bfloat16"):
        with Detector.load("tabletop", DetectorOptions(dtype=dtype, threshold=0.5)) as detector:
            assert detector.info.dtype == dtype
            found += detector.detect([frame], [prompt])
    _near(found[0], found[1])
