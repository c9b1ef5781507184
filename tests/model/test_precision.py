# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Half precision: what it costs, and what it leaves alone."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from groundcast.launch.bench_oracle import chosen_places, save
from groundcast.model import precision, query_selection
from groundcast.model.checkpoint import find_checkpoint, read_checkpoint
from groundcast.model.detections import Detections
from groundcast.model.detector import Detector, DetectorOptions
from groundcast.model.network import build
from groundcast.model.precision import PrecisionError, number_format
from groundcast.model.prompt import Prompt
from groundcast.model.tabletop.clip_truth import read_truth

from .oracle import Sizes, ask_oracle, oracle, words_of

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("flags", "body", "dtype"),
    [
        ("fpu avx512f avx512_bf16", "full", torch.bfloat16),
        ("fpu amx_bf16 amx_tile", "full", torch.bfloat16),
        ("fpu avx512f avx512_bf16", "edge", torch.float32),
        ("fpu avx2 avx512f", "full", torch.float32),
        (None, "full", torch.float32),
    ],
)
def test_a_cpu_that_multiplies_in_bfloat16_does_so_for_the_full_body(
    flags: str | None,
    body: Literal["full", "edge"],
    dtype: torch.dtype,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    facts = tmp_path / "cpuinfo"
    if flags is not None:
        facts.write_text(f"model name\t: some\nflags\t\t: {flags}\n")
    monkeypatch.setattr(precision, "_CPU_FACTS", facts)
    assert number_format("auto", CPU, body) == dtype


def test_a_number_format_that_was_named_is_used() -> None:
    assert number_format("float32", CPU) == torch.float32
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


def _frames(seconds: Sequence[int]) -> list[NDArray[np.uint8]]:
    clip = cv2.VideoCapture(str(Path(precision.__file__).parent / "tabletop" / "clip.mp4"))
    frames: list[NDArray[np.uint8]] = []
    for second in seconds:
        clip.set(cv2.CAP_PROP_POS_MSEC, second * 1000)
        is_read, image = clip.read()
        assert is_read
        frames.append(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8))
    return frames


def _apart(one: Detections, other: Detections) -> Iterator[tuple[float, float]]:
    """How far each box's match is, px, and its score."""
    for row in range(len(one)):
        apart = np.abs(other.boxes_xyxy - one.boxes_xyxy[row]).max(1)
        apart[other.name_indices != one.name_indices[row]] = np.inf
        yield float(apart.min()), float(other.scores[apart.argmin()] - one.scores[row])


def test_tabletop_finds_the_same_in_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the same places, all is found, and of twenty, nineteen within a pixel and 0.02: two queries that want the
    same thing may swap. Rounding also swaps places that score alike, which moves more: the second half."""
    prompt = Prompt.parse(read_truth().prompt)
    frames = _frames(range(15))
    choose_places = query_selection.best_rows
    places: list[Tensor] = []

    def note(scores_BS: Tensor, count: int) -> Tensor:
        places.append(choose_places(scores_BS, count))
        return places[-1]

    def taken(_scores_BS: Tensor, _count: int) -> Tensor:
        return places.pop(0)

    with Detector.load("tabletop", DetectorOptions(dtype="float32", threshold=0.5)) as detector:
        monkeypatch.setattr(query_selection, "best_rows", note)
        exact = [detector.detect([frame], [prompt])[0] for frame in frames]
    with Detector.load("tabletop", DetectorOptions(dtype="bfloat16", threshold=0.3)) as detector:
        assert detector.info.dtype == "bfloat16"
        monkeypatch.setattr(query_selection, "best_rows", taken)
        from_same = [detector.detect([frame], [prompt])[0] for frame in frames]
        monkeypatch.setattr(query_selection, "best_rows", choose_places)
        from_own = [detector.detect([frame], [prompt])[0] for frame in frames]
    for found, most in ((from_same, 0.05), (from_own, 0.2)):
        pairs = zip(exact, found, strict=True)
        boxes_px, scores = np.array([apart for one, other in pairs for apart in _apart(one, other)]).T
        assert len(boxes_px) > 80
        assert np.abs(boxes_px).max() < 25.0  # each was found
        assert ((boxes_px > 1.0) | (np.abs(scores) > 0.02)).mean() < most
