"""Small models of every published layout: read from every spelling, whole and in shards, with equal results."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import copy
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from groundcast.launch.bench.oracle import chosen_places, save
from groundcast.model.dino.grounding_dino import GroundingDino
from groundcast.model.dino.text_encoder import Words
from groundcast.model.runtime.network import build
from groundcast.model.weights.checkpoint import (
    Checkpoint,
    CheckpointError,
    find_checkpoint,
    read_checkpoint,
    set_weights,
)

from .oracle import Sizes, ask_oracle, oracle, words_of
from .spellings import in_mmdetections_words, in_the_originals_words

_TINY = Sizes(heads=8, points=4, layers=6, window=7, depths=(2, 2, 6, 2), text_layers=12, text_heads=1)
_BASE = replace(_TINY, window=12, depths=(2, 2, 18, 2), embed_dim=24)
_LARGE = replace(_BASE, stages=(1, 2, 3, 4), levels=5, embed_dim=32)
MM = {
    "mm_grounding_dino_tiny_o365v1_goldg": _TINY,
    "mm_grounding_dino_tiny_o365v1_goldg_grit": _TINY,
    "mm_grounding_dino_tiny_o365v1_goldg_v3det": _TINY,
    "mm_grounding_dino_tiny_o365v1_goldg_grit_v3det": replace(_TINY, shared=True),
    "mm_grounding_dino_base_o365v1_goldg_v3det": _BASE,
    "mm_grounding_dino_base_all": replace(_BASE, shared=True),
    "mm_grounding_dino_large_o365v2_oiv6_goldg": _LARGE,
    "mm_grounding_dino_large_all": replace(_LARGE, shared=True),
    "llmdet_tiny": _TINY,
    "llmdet_base": _BASE,
    "llmdet_large": _LARGE,
}
ORIGINALS = {"grounding_dino_tiny": _TINY, "grounding_dino_base": _BASE}
_SMALL = Sizes(heads=8, layers=3, text_heads=1)  # as many heads as every published one has: no tensor tells them
_INPUT_HW = (64, 96)
BOX_BAR = 1e-5


@dataclass(frozen=True)
class Question:
    """What both houses are asked."""

    picture: Tensor
    words: Words


def _question(seed: int) -> Question:
    picture = torch.randn(1, 3, *_INPUT_HW, generator=torch.Generator().manual_seed(seed))
    return Question(picture, words_of(((2, 1, 3),)))


def _theirs(model: nn.Module, question: Question, dtype: torch.dtype, places: Tensor | None = None) -> Any:
    own = copy.deepcopy(model).to(dtype)
    words, pixels = question.words, torch.ones(1, *_INPUT_HW, dtype=torch.long)
    with chosen_places(places):
        return ask_oracle(own, question.picture.to(dtype), words.ids_BT, ~words.no_word_BT, pixels)


def _agree(theirs: nn.Module, checkpoint: Checkpoint, seed: int) -> bool:
    """Whether logits are within twice the noise of the oracle's own fp32, and boxes within the bar."""
    question = _question(seed)
    with chosen_places(None) as chosen:
        exact = _theirs(theirs, question, torch.float64)
    (places,) = chosen
    rounded = _theirs(theirs, question, torch.float32, places)
    model = build(checkpoint, torch.device("cpu"), Path())
    with torch.no_grad():
        ours = model(question.picture, model.read(question.words), None, places_BQ=places)
    T = question.words.no_word_BT.shape[1]
    error = (ours.logits[-1].double() - exact.logits[..., :T]).abs()
    usual = (rounded.logits[..., :T].double() - exact.logits[..., :T]).abs()
    boxes = (ours.boxes[-1].double() - exact.pred_boxes).abs().max()
    noise = (rounded.pred_boxes.double() - exact.pred_boxes).abs().max()
    logits_agree = error.max() <= 2 * usual.max() and error.mean() <= 2 * usual.mean()
    return bool(logits_agree and boxes <= max(2 * noise, BOX_BAR))


def _read(path: Path) -> Checkpoint:
    return read_checkpoint(find_checkpoint(str(path)))


def _filled(checkpoint: Checkpoint) -> dict[str, Tensor]:
    model = GroundingDino(checkpoint.config)
    set_weights(model, checkpoint.weights, Path())
    return dict(model.state_dict())


def _same_weights(one: Checkpoint, other: Checkpoint) -> None:
    mine, yours = _filled(one), _filled(other)
    assert set(mine) == set(yours)
    assert [name for name, tensor in mine.items() if not torch.equal(tensor, yours[name])] == []


def _respelt(theirs: Any, hub: Path, sizes: Sizes, *, mm: bool) -> Path:
    """The same weights as those who trained them store them, with the vocabulary beside."""
    weights = load_file(hub / "model.safetensors")
    folder = hub.parent / f"{hub.name} respelt"
    folder.mkdir()
    (folder / "vocab.txt").write_text((hub / "vocab.txt").read_text())
    if mm:
        content = {"meta": {"epoch": 12}, "state_dict": in_mmdetections_words(weights, len(sizes.stages))}
    else:
        content = {"model": {f"module.{name}": row for name, row in in_the_originals_words(weights).items()}}
    torch.save(content, folder / "weights.pth")
    return folder / "weights.pth"


@contextmanager
def _clamped(refine: float, answer: float, layers: int) -> Generator[None]:
    """transformers with another's clamp: the decoder takes the logit of each layer's boxes, and after it the head."""
    taken: list[float] = []
    own = torch.special.logit

    def logit(x: Tensor, eps: float | None = None) -> Tensor:
        assert eps == 1e-5
        taken.append(refine if len(taken) < layers else answer)
        x = x.clamp(min=0, max=1)
        return torch.log(x.clamp(min=taken[-1]) / (1 - x).clamp(min=taken[-1]))

    torch.special.logit = logit  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield
    finally:
        torch.special.logit = own
    assert len(taken) == 2 * layers


class _Clamped(nn.Module):
    """A model whose every answer is given under that clamp."""

    def __init__(self, model: nn.Module, refine: float, answer: float, layers: int) -> None:
        super().__init__()
        self.model = model
        self.clamp = refine, answer, layers

    def forward(self, **inputs: Any) -> Any:
        with _clamped(*self.clamp):
            return self.model(**inputs)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*MM, *ORIGINALS])
def test_a_published_layout_is_read_from_every_spelling_and_answers_alike(name: str, tmp_path: Path) -> None:
    sizes, is_mm, seed = {**MM, **ORIGINALS}[name], name in MM, len(name)
    theirs: Any = oracle(sizes, mm=is_mm, seed=seed)
    hub = save(theirs, tmp_path / name)
    theirs.save_pretrained(tmp_path / "shards", max_shard_size="200KB")
    (tmp_path / "shards" / "vocab.txt").write_text((hub / "vocab.txt").read_text())
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 3
    whole = _read(hub)
    assert whole.config.name == name
    assert whole.config.levels == tuple(stage - 1 for stage in sizes.stages)
    assert len(whole.config.levels) + whole.config.extra_levels == sizes.levels
    assert (whole.config.share_heads, whole.config.head) == ((False, "scaled") if is_mm else (True, "dot"))
    _same_weights(whole, _read(tmp_path / "shards"))
    respelt = _read(_respelt(theirs, hub, sizes, mm=is_mm))
    _same_weights(whole, respelt)
    assert _agree(theirs, whole, seed)
    clamp = (1e-3, 1e-5) if is_mm else (1e-3, 1e-3)
    assert _agree(_Clamped(theirs, *clamp, sizes.layers), respelt, seed)


@torch.no_grad()
def _far_reaching(*, mm: bool) -> nn.Module:
    """A model whose proposals lie at the picture's border, and whose heads move them away from there and back."""
    theirs: Any = oracle(_SMALL, mm=mm, seed=3)
    theirs.model.encoder_output_bbox_embed.layers[-1].bias.fill_(9.0)
    for heads in (theirs.bbox_embed, theirs.model.decoder.bbox_embed):
        for head, moved in zip(heads, (-4.0, 9.0, -10.0) if mm else (-4.0,) * 3, strict=True):
            head.layers[-1].bias.fill_(moved)
    return theirs


@pytest.fixture(scope="module", params=["original", "mmdetection"])
def clamped(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[_Clamped, Path, Path]:
    """A model under its own clamp, and its weights in the hub's spelling and in its own."""
    is_mm = request.param == "mmdetection"
    theirs = _far_reaching(mm=is_mm)
    hub = save(theirs, tmp_path_factory.mktemp(request.param) / "hub")
    respelt = _respelt(theirs, hub, _SMALL, mm=is_mm)
    return _Clamped(theirs, 1e-3, 1e-5 if is_mm else 1e-3, _SMALL.layers), hub, respelt


def test_each_spelling_has_its_own_clamp(clamped: tuple[_Clamped, Path, Path]) -> None:
    theirs, hub, respelt = clamped
    assert _agree(theirs, _read(respelt), seed=3)
    assert not _agree(theirs, _read(hub), seed=3)  # the bar is such that the clamp matters
    if theirs.clamp[1] != theirs.clamp[0]:  # mmdetection's answers have another than its decoder
        assert not _agree(_Clamped(theirs.model, 1e-3, 1e-3, _SMALL.layers), _read(respelt), seed=3)


@pytest.mark.parametrize("spelling", ["hub", "original"])
def test_heads_that_are_not_shared_are_kept(spelling: str, tmp_path: Path) -> None:
    sizes = replace(_SMALL, shared=False)
    theirs = oracle(sizes, seed=4)
    hub = save(theirs, tmp_path / "hub")
    checkpoint = _read(hub if spelling == "hub" else _respelt(theirs, hub, sizes, mm=False))
    assert not checkpoint.config.share_heads
    assert _agree(theirs if spelling == "hub" else _Clamped(theirs, 1e-3, 1e-3, sizes.layers), checkpoint, seed=4)


def test_two_heads_for_one_layer_are_refused_by_name(tmp_path: Path) -> None:
    theirs = oracle(_SMALL, seed=4)
    path = _respelt(theirs, save(theirs, tmp_path / "hub"), _SMALL, mm=False)
    content = torch.load(path, weights_only=True)
    content["model"]["module.transformer.decoder.bbox_embed.1.layers.2.bias"] = torch.ones(4)
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=r"two tensors for one place, .*embed\.1\.layers\.2\.bias and .* differ"):
        _read(path)


def test_a_head_that_is_missing_is_not_filled_with_another_layers(tmp_path: Path) -> None:
    hub = save(oracle(replace(_SMALL, shared=False), seed=4), tmp_path / "hub")
    weights = {name: row for name, row in load_file(hub / "model.safetensors").items() if "bbox_embed.1." not in name}
    save_file(weights, hub / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointError, match=r"6 missing: decoder\.box\.1\.layers"):
        _filled(_read(hub))


@pytest.mark.parametrize(("stages", "levels"), [((1, 2, 3, 4), 5), ((1, 3), 2)])
def test_stages_count_from_the_lowest_that_is_used(stages: tuple[int, ...], levels: int, tmp_path: Path) -> None:
    sizes = Sizes(stages=stages, levels=levels, layers=1)
    theirs = oracle(sizes, mm=True, seed=5)
    checkpoint = _read(save(theirs, tmp_path / "hub"))
    assert checkpoint.config.levels == tuple(stage - 1 for stage in stages)
    assert _agree(theirs, checkpoint, seed=5)


def test_the_originals_files_hold_a_head_for_each_layer_under_two_names(tmp_path: Path) -> None:
    theirs = oracle(_SMALL, seed=4)
    names = torch.load(_respelt(theirs, save(theirs, tmp_path / "hub"), _SMALL, mm=False), weights_only=True)["model"]
    heads = {name.split(".layers.")[0] for name in names if re.search(r"bbox_embed\.\d", name)}
    assert len(heads) == 2 * _SMALL.layers
