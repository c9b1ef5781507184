"""What is said of ways that take known times, and that nothing is said where answers differ."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportPrivateUsage=false

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import nn

from groundcast.launch.bench import hardware, model, pairs, suite
from groundcast.launch.bench.commands import everything
from groundcast.launch.bench.detector import short_side
from groundcast.launch.bench.hardware import count_flops, roofline
from groundcast.launch.bench.oracle import vocabulary
from groundcast.launch.bench.pairs import in_turns
from groundcast.launch.bench.sizes import sizes
from groundcast.launch.bench.truth import HalfCost, ReferenceAnswer
from groundcast.launch.exits import InputError, RunError
from groundcast.model.config import ModelConfig, TextConfig
from groundcast.model.dino.text_encoder import pad_words
from groundcast.model.dino.tokenizer import Tokenizer
from groundcast.model.prompt import Prompt
from groundcast.model.runtime.input_rule import InputRule
from groundcast.model.runtime.prepacked import pack

from ...model.oracle import Sizes, oracle

CPU = torch.device("cpu")
FULL = ModelConfig("full", TextConfig(100), body="full")


def test_the_faster_one_is_so_many_times_as_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s, order = [0.0], list[str]()
    monkeypatch.setattr(pairs, "time", type("Clock", (), {"perf_counter": staticmethod(lambda: now_s[0])}))

    def quick() -> None:
        order.append("ours")
        now_s[0] += 0.25 if len(order) < 9 else 0.5  # the machine slows down, for both

    def slow() -> None:
        order.append("theirs")
        now_s[0] += 1.0 if len(order) < 9 else 2.0

    measured = in_turns({"quick": quick, "slow": slow}, 7).pairs("quick", "slow")

    assert (measured.ratio, measured.quartiles) == (4.0, (4.0, 4.0))
    assert (measured.ours_s, measured.theirs_s, measured.pairs) == (0.5, 2.0, 7)
    assert order[2:8] == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]


def test_what_is_done_in_a_row_is_timed_together(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s, order = [0.0], list[str]()
    monkeypatch.setattr(pairs, "time", type("Clock", (), {"perf_counter": staticmethod(lambda: now_s[0])}))

    def compute() -> None:
        order.append("finished")
        now_s[0] += 2.0

    turns = in_turns({"way": lambda: order.append("launched")}, 1, 4, compute)

    assert order == ["launched", "finished", *["launched"] * 4, "finished"]
    assert turns.median_s("way") == 0.5


def test_packed_products_are_counted_like_plain_ones() -> None:
    layers = nn.Sequential(nn.Linear(8, 16), nn.Linear(16, 4)).requires_grad_(False)
    wanted = 2 * 30 * (8 * 16 + 16 * 4)
    assert count_flops(lambda: layers(torch.ones(3, 10, 8))) == wanted
    pack(layers)
    assert count_flops(lambda: layers(torch.ones(3, 10, 8))) == wanted


@pytest.fixture
def quick_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine reaches is looked at for a moment only."""
    monkeypatch.setattr(hardware, "_SIDE", {"cpu": 64})
    monkeypatch.setattr(hardware, "_COPIED", {"cpu": 1 << 20})


@pytest.mark.usefixtures("quick_machine")
def test_the_share_of_the_roofline_is_that_of_the_higher_floor() -> None:
    line = roofline(1e9, 4e6, 10.0, CPU, torch.float32)
    assert line.share == max(1e9 / line.flops_per_s, 4e6 / line.bytes_per_s) / 10.0


def test_sizes_are_squares_or_height_by_width() -> None:
    assert sizes("640") == [(640, 640)]
    assert sizes("480x640, 800x1333") == [(480, 640), (800, 1333)]
    with pytest.raises(InputError, match="'20' is not a size"):
        sizes("20")
    with pytest.raises(InputError, match="too small"):
        sizes("64x64")


@pytest.mark.parametrize("input_hw", [(800, 1333), (544, 960), (540, 960), (640, 640), (480, 640), (960, 544)])
def test_the_detector_is_shown_pictures_of_the_size_that_is_timed(input_hw: tuple[int, int]) -> None:
    rule = InputRule(FULL, short_side(input_hw))
    assert rule.size(*input_hw).picture_hw == input_hw


def test_the_cameras_of_bench_all_are_looked_at_as_large_as_it_says() -> None:
    assert InputRule(FULL, suite._NODE_PX).size(1080, 1920).picture_hw == (540, 960)


def test_what_was_measured_is_written_before_all_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "figures.json"

    def model() -> dict[str, Any]:
        assert json.loads(out.read_text())["kernel"] == {"ms": 1.0}
        raise RunError("no parity")

    monkeypatch.setattr(suite, "_parts", lambda *_: {"kernel": lambda: {"ms": 1.0}, "model": model})
    with pytest.raises(RunError, match="no figures of model"):
        everything("cpu", None, out, as_json=True)
    assert json.loads(out.read_text())["model"] == {"failed": "no parity"}
    assert json.loads(capsys.readouterr().out)["kernel"] == {"ms": 1.0}


def test_half_precision_may_cost_twice_what_it_costs_elsewhere() -> None:
    assert HalfCost("bfloat16", 0.2, 0.1, 2e-3, 1e-3, 0.4, 0.2, 4e-3, 2e-3).ok
    assert not HalfCost("bfloat16", 0.2, 0.1, 2e-3, 1e-3, 0.5, 0.2, 4e-3, 2e-3).ok
    assert not HalfCost("bfloat16", 0.2, float("nan"), 2e-3, 1e-3, 0.4, 0.2, 4e-3, 2e-3).ok


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small model in place of the published sizes; streams are timed for a moment."""
    monkeypatch.setattr(model, "full_size", lambda _name, seed: oracle(Sizes(), seed=seed))
    monkeypatch.setattr("groundcast.launch.bench.detector._STREAM_S", 0.05)


@pytest.mark.slow
@pytest.mark.usefixtures("small", "quick_machine")
def test_bench_model_compares_both_formats_with_transformers() -> None:
    result = json.loads(json.dumps(model.bench_model("swin-t", "208x208", 4, 7, CPU, 0)))
    (size,) = result["sizes"]
    assert (size["height"], size["width"]) == (208, 208)
    assert size["parity"]["our_box_error"] < 1e-5
    formats = {"float32", "bfloat16"} if "half" in size else {"float32"}
    assert set(size["roofline"]) == formats
    assert {own["ours"] for own in size["ratios"]} == {*formats, "through the detector"}
    for own in size["ratios"]:
        low, high = own["quartiles"]
        assert 0.0 < low <= own["ratio"] <= high
        assert own["pairs"] == 7
    assert size["stream"]["fps"] > 0.0


@pytest.mark.usefixtures("small", "quick_machine")
def test_what_does_not_compile_leaves_the_other_figures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_network: object, *, dynamic: bool) -> Any:
        def ask(**_: object) -> None:
            raise RuntimeError(f"no compiler ({dynamic=})")

        return ask

    monkeypatch.setattr(torch, "compile", refuse)
    picture = torch.randn(1, 3, 64, 64)
    words = pad_words([Tokenizer(vocabulary()).encode(Prompt.parse("word1"))])
    bench = model._Bench("tiny", oracle(Sizes()), cast("Any", None), Path(), CPU, Prompt.parse("word1"), 7)
    assert bench._compiled(ReferenceAnswer(picture, words, torch.zeros(1, 1), None), torch.float32) == {}
    assert "no compiler (dynamic=False)" in capsys.readouterr().err


@pytest.mark.usefixtures("small")
def test_no_figure_without_parity(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any) -> Any:
        network = build(*arguments)
        with torch.no_grad():
            network.query_content.add_(0.01)
        return network

    build = model.build
    monkeypatch.setattr(model, "build", broken)
    monkeypatch.setattr(model, "in_turns", lambda *_: pytest.fail("something was timed"))
    with pytest.raises(RunError, match="no figures"):
        model.bench_model("swin-t", "208x208", 4, 7, CPU, 0)
