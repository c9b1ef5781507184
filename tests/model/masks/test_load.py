"""Maskers by name: the embedded one, folders as they are published, and what is refused."""

# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from groundcast.model.masks.load import load_masker
from groundcast.model.masks.prompted import PromptedMasker
from groundcast.model.masks.published_masker import MaskerError

from .tiny_models import tiny_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("published") / "small-sam2"
    model, processor = tiny_model("sam2")
    model.save_pretrained(path)
    processor.image_processor.save_pretrained(path)
    return path


def test_a_folder_gives_the_masks_of_its_weights_with_or_without_a_preparation(folder: Path, tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (50, 70, 3), np.uint8)
    boxes = np.array([[5.0, 5.0, 40.0, 30.0]])
    ((expected, _),) = PromptedMasker("sam2", *tiny_model("sam2"), torch.device("cpu")).logits(image, boxes)
    bare = shutil.copytree(folder, tmp_path / "bare", ignore=shutil.ignore_patterns("*processor*"))

    for path in (folder, bare):
        masker = load_masker(str(path), "cpu", offline=True)
        assert isinstance(masker, PromptedMasker)
        ((logits, _),) = masker.logits(image, boxes)
        assert masker.name == path.name
        assert float((logits - expected).abs().max()) < 1e-4


def test_weights_that_are_missing_are_refused_and_never_random(folder: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(folder, tmp_path / "broken")
    weights = load_file(broken / "model.safetensors")
    del weights["mask_decoder.iou_token.weight"]
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})

    with pytest.raises(MaskerError, match=r"not complete: 1 are missing .* mask_decoder\.iou_token\.weight"):
        load_masker(str(broken), "cpu", offline=True)


def test_what_is_no_masker_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    (empty := tmp_path / "empty").mkdir()

    with pytest.raises(MaskerError, match=r"type 'bert', which makes no masks from boxes: name one of sam, "):
        load_masker(str(tmp_path), "cpu", offline=True)
    with pytest.raises(MaskerError, match=r"cannot read .*config\.json"):
        load_masker(str(empty), "cpu", offline=True)
    with pytest.raises(MaskerError, match="no masker at nowhere: name 'tabletop'"):
        load_masker("nowhere", "cpu", offline=True)
    with pytest.raises(MaskerError, match="no weights for facebook/no-such-sam"):
        load_masker("facebook/no-such-sam", "cpu", offline=True)
