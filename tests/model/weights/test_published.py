"""Published weights in every spelling: recognised and complete, or refused if something is wrong."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from groundcast.launch.bench.oracle import save
from groundcast.model.dino.grounding_dino import GroundingDino
from groundcast.model.weights.checkpoint import CheckpointError, find_checkpoint, read_checkpoint, set_weights
from groundcast.model.weights.published import recognise
from groundcast.model.weights.weight_files import RenamedWeights, StoredWeights
from groundcast.model.weights.weight_names import plan_names

from ..oracle import Sizes, oracle
from ..spellings import in_the_originals_words

REFERENCE = Path(__file__).parents[4] / "shared" / "reference"


class _Shapes(StoredWeights):
    """A file of which only names and shapes are known."""

    def __init__(self, shapes: dict[str, list[int]]) -> None:
        self._shapes = shapes
        self._tensors, self._file_of = {}, {}

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(self._shapes[name])

    def __getitem__(self, name: str) -> Tensor:
        return torch.zeros(self.shape(name))


@pytest.mark.parametrize(
    ("table", "backbone", "window"),
    [
        ("idea_swin_t", "swin_tiny_patch4_window7_224", 7),
        ("idea_swin_b", "swin_base_patch4_window12_384", 12),
        ("transformers_5_swin_t", "swin_tiny_patch4_window7_224", 7),
    ],
)
def test_every_name_and_shape_of_the_published_files_has_its_place(table: str, backbone: str, window: int) -> None:
    path = REFERENCE / f"{table}.json"
    if not path.exists():
        pytest.skip("the tables of published names are not here")
    shapes: dict[str, list[int]] = json.loads(path.read_text())
    plan = plan_names(shapes)
    assert plan.unknown == ()
    weights = RenamedWeights(_Shapes(shapes), plan.sources)
    config = recognise(weights, plan, table, {})
    assert (config.backbone, config.backbone_options["window_size"]) == (backbone, window)
    with torch.device("meta"):
        own = {name: tuple(tensor.shape) for name, tensor in GroundingDino(config).state_dict().items()}
    assert {name: weights.shape(name) for name in weights if name in own} == {
        name: shape for name, shape in own.items() if name in weights
    }
    shared = {name for name in own if re.match(r"decoder\.box\.[1-9]", name)}
    assert set(own) - set(weights) <= shared
    assert set(weights) <= set(own)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model as the hub has it."""
    return save(oracle(Sizes()), tmp_path_factory.mktemp("hub"))


def _tensors(path: Path) -> dict[str, Tensor]:
    checkpoint = read_checkpoint(path)
    model = GroundingDino(checkpoint.config)
    set_weights(model, checkpoint.weights, path)
    return dict(model.state_dict())


def _lay_beside(hub: Path, folder: Path) -> None:
    """What a model has beside its weights."""
    for name in ("config.json", "vocab.txt"):
        (folder / name).write_text((hub / name).read_text())


def _same(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert set(one) == set(other)
    for name, tensor in one.items():
        torch.testing.assert_close(other[name], tensor, atol=0, rtol=0, msg=name)


def test_a_folder_a_file_and_shards_are_read_alike(hub: Path, tmp_path: Path) -> None:
    whole = _tensors(find_checkpoint(str(hub)))
    _same(_tensors(find_checkpoint(str(hub / "model.safetensors"))), whole)
    weights = load_file(hub / "model.safetensors")
    names = sorted(weights)
    parts = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, own in parts.items():
        save_file({name: weights[name] for name in own}, tmp_path / file)
    index = {"weight_map": {name: file for file, own in parts.items() for name in own}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    _lay_beside(hub, tmp_path)
    _same(_tensors(find_checkpoint(str(tmp_path))), whole)


@pytest.mark.parametrize("is_archive", [True, False])
def test_the_originals_spelling_is_read_alike(hub: Path, tmp_path: Path, is_archive: bool) -> None:
    state = in_the_originals_words(load_file(hub / "model.safetensors"))
    state["bert.pooler.dense.weight"] = torch.zeros(2, 2)
    content = {"model": {f"module.{name}": tensor for name, tensor in state.items()}}
    torch.save(content, tmp_path / "swint.pth", _use_new_zipfile_serialization=is_archive)
    _lay_beside(hub, tmp_path)
    _same(_tensors(find_checkpoint(str(tmp_path / "swint.pth"))), _tensors(hub / "model.safetensors"))


def test_mm_keeps_a_head_and_a_bias_for_each_layer(tmp_path: Path) -> None:
    theirs = oracle(Sizes(), mm=True)
    checkpoint = read_checkpoint(find_checkpoint(str(save(theirs, tmp_path))))
    assert (checkpoint.config.head, checkpoint.config.share_heads) == ("scaled", False)
    own = _tensors(tmp_path / "model.safetensors")
    given: dict[str, Any] = theirs.state_dict()
    torch.testing.assert_close(own["classify.1.bias"], given["class_embed.1.bias"])
    torch.testing.assert_close(own["selection.classify.bias"], given["model.encoder_output_class_embed.bias"])
    torch.testing.assert_close(own["decoder.box.1.layers.2.weight"], given["bbox_embed.1.layers.2.weight"])


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("unknown", "1 tensors that no Grounding DINO has: model.wings"),
        ("missing", "1 missing: decoder.norm.weight"),
        ("shape", r"1 of another shape: decoder.norm.weight is \(5,\), not \(64,\)"),
        ("family", "is no Grounding DINO"),
    ],
)
def test_what_does_not_fit_is_named(hub: Path, tmp_path: Path, change: str, complaint: str) -> None:
    weights = load_file(hub / "model.safetensors")
    if change == "unknown":
        weights["model.wings"] = torch.zeros(1)
    elif change == "missing":
        del weights["model.decoder.layer_norm.weight"]
    elif change == "shape":
        weights["model.decoder.layer_norm.weight"] = torch.zeros(5)
    else:
        weights = {name: tensor for name, tensor in weights.items() if "encoder.layers" not in name}
    save_file(weights, tmp_path / "model.safetensors")
    _lay_beside(hub, tmp_path)
    with pytest.raises(CheckpointError, match=complaint):
        _tensors(tmp_path / "model.safetensors")


def test_a_file_that_was_cut_short_is_refused(hub: Path, tmp_path: Path) -> None:
    data = (hub / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(CheckpointError, match="copy or download them again"):
        read_checkpoint(tmp_path / "model.safetensors")


class _Code:
    """A pickle that would run something."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self._mark,)


def test_code_in_a_pickle_is_never_run(tmp_path: Path) -> None:
    mark = tmp_path / "was run"
    torch.save({"model": _Code(mark)}, tmp_path / "evil.pth")
    (tmp_path / "old.pth").write_bytes(pickle.dumps(_Code(mark)))
    for name in ("evil.pth", "old.pth"):
        with pytest.raises(CheckpointError, match=r"cannot read the weights in .*\.pth"):
            read_checkpoint(tmp_path / name)
    assert not mark.exists()


def test_without_its_words_a_model_says_which_file_is_missing(hub: Path, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes((hub / "model.safetensors").read_bytes())
    with pytest.raises(CheckpointError, match=r"put the vocab\.txt of google-bert/bert-base-uncased into"):
        read_checkpoint(tmp_path / "model.safetensors", offline=True)


def test_a_model_of_the_hub_that_is_not_there_is_said_offline() -> None:
    with pytest.raises(CheckpointError, match="not in the local cache"):
        find_checkpoint("nobody/no-such-model", offline=True)
