"""Number formats: which is chosen, and how far bfloat16 errs."""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from groundcast.launch.bench.oracle import chosen_places, save
from groundcast.model.detections import Detections
from groundcast.model.detector import Detector, DetectorOptions
from groundcast.model.prompt import Prompt
from groundcast.model.runtime import precision
from groundcast.model.runtime.network import build
from groundcast.model.runtime.precision import PrecisionError, number_format
from groundcast.model.tabletop.clip_truth import read_truth
from groundcast.model.weights.checkpoint import find_checkpoint, read_checkpoint

from ..oracle import Sizes, ask_oracle, oracle, words_of

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("flags", "gain", "steady", "dtype"),
    [
        ("fpu avx512f avx512_bf16", 1.7, True, torch.bfloat16),
        ("fpu amx_bf16 amx_tile", 1.7, True, torch.bfloat16),
        ("fpu avx512f avx512_bf16", 0.6, True, torch.float32),  # as where a virtual machine hides AMX
        ("fpu avx512f avx512_bf16", 1.7, False, torch.float32),
        ("fpu avx2 avx512f", 1.7, True, torch.float32),
        (None, 1.7, True, torch.float32),
    ],
)
def test_a_cpu_that_is_faster_in_bfloat16_computes_in_it_for_a_steady_model(
    flags: str | None,
    gain: float,
    steady: bool,
    dtype: torch.dtype,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(precision, "_bfloat16_speedup", lambda: gain)
    facts = tmp_path / "cpuinfo"
    if flags is not None:
        facts.write_text(f"model name\t: some\nflags\t\t: {flags}\n")
    monkeypatch.setattr(precision, "_CPU_INFO", facts)
    assert number_format("auto", CPU, steady=steady) == dtype


@pytest.mark.parametrize(("slow", "gain"), [(torch.float32, 20.0), (torch.bfloat16, 0.05)])
def test_how_much_faster_bfloat16_is_is_measured(
    slow: torch.dtype, gain: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock_s = [0.0]

    class Layer:
        """A layer that takes 20 ms in one format and 1 ms in the other."""

        def __init__(self, weight: torch.Tensor, _: None) -> None:
            self.takes_s = 0.02 if weight.dtype == slow else 0.001

        def __call__(self, rows: torch.Tensor) -> None:
            assert (rows.dtype == slow) == (self.takes_s == 0.02)
            clock_s[0] += self.takes_s

    monkeypatch.setattr(precision, "packs", lambda _: True)
    monkeypatch.setattr(precision, "PackedLinear", Layer)
    monkeypatch.setattr(precision, "time", SimpleNamespace(perf_counter=lambda: clock_s[0]))
    assert precision._bfloat16_speedup.__wrapped__() == pytest.approx(gain)


def test_where_layers_are_not_packed_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "packs", lambda dtype: dtype == torch.float32)
    assert precision._bfloat16_speedup.__wrapped__() == 1.0


def test_a_number_format_that_was_named_is_used() -> None:
    assert number_format("float32", CPU) == torch.float32
    assert number_format("bfloat16", CPU) == torch.bfloat16
    assert number_format("float16", torch.device("cuda")) == torch.float16
    with pytest.raises(PrecisionError, match="float16 runs on GPUs alone"):
        number_format("float16", CPU)


@torch.no_grad()
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
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


def _frames(seconds: Sequence[float]) -> list[NDArray[np.uint8]]:
    clip = cv2.VideoCapture(str(Path(precision.__file__).parents[1] / "tabletop" / "clip.mp4"))
    frames: list[NDArray[np.uint8]] = []
    for second in seconds:
        clip.set(cv2.CAP_PROP_POS_MSEC, second * 1000)
        is_read, image = clip.read()
        assert is_read
        frames.append(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8))
    return frames


def _apart(one: Detections, other: Detections) -> Iterator[tuple[float, float]]:
    """The distance of each box to its match, px, and the difference of their scores."""
    for row in range(len(one)):
        apart = np.abs(other.boxes_xyxy - one.boxes_xyxy[row]).max(1)
        apart[other.name_indices != one.name_indices[row]] = np.inf
        yield float(apart.min()), float(other.scores[apart.argmin()] - one.scores[row])


@pytest.mark.slow
def test_tabletop_finds_the_same_in_bfloat16() -> None:
    """Every box within a pixel of the picture, every score within 0.02, in one frame of ten.

    So are all 2,313 boxes of the clip's 300 frames.
    """
    prompt = Prompt.parse(read_truth().prompt)
    frames = _frames([half / 2 for half in range(30)])
    with Detector.load("tabletop", DetectorOptions(dtype="float32", threshold=0.5)) as detector:
        exact = [detector.detect([frame], [prompt])[0] for frame in frames]
    with Detector.load("tabletop", DetectorOptions(dtype="bfloat16", threshold=0.3)) as detector:
        found = [detector.detect([frame], [prompt])[0] for frame in frames]
    pairs = zip(exact, found, strict=True)
    boxes_px, scores = np.array([apart for one, other in pairs for apart in _apart(one, other)]).T
    assert len(boxes_px) > 200
    assert boxes_px.max() < 1.0
    assert np.abs(scores).max() < 0.02


def test_tabletop_computes_in_bfloat16_by_itself_where_that_is_faster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "_bfloat16_speedup", lambda: 1.7)
    for flag, dtype in (("avx512_bf16", "bfloat16"), ("avx2", "float32")):
        facts = tmp_path / flag
        facts.write_text(f"flags\t\t: {flag}\n")
        monkeypatch.setattr(precision, "_CPU_INFO", facts)
        with Detector.load("tabletop", DetectorOptions(device="cpu")) as detector:
            assert detector.info.dtype == dtype
