"""Vectors of pictures and texts: exactly those of transformers' own model and processor, on random weights."""

# transformers leaves most types open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from groundcast.model.embeddings.picture_embedder import EmbedderError, load_embedder

from .tiny_embedders import FAMILIES, write_embedder

TEXTS = ["a photo of red square", "a photo of blue", "a photo of " + "red " * 40]
CLASSES = {"clip": "CLIPModel", "siglip": "SiglipModel", "siglip2": "Siglip2Model"}


def pictures() -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    sizes = ((50, 70), (33, 31), (120, 47), (32, 32), (3, 40))
    return [
        rng.integers(0, 255, (h // 8 + 1, w // 8 + 1, 3), np.uint8).repeat(8, 0).repeat(8, 1)[:h, :w] for h, w in sizes
    ]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("embedders")


def oracle(folder: Path, family: str) -> NDArray[np.float64]:
    """The likeness (pictures, texts) that transformers' whole model computes, without its scale and bias."""
    import transformers

    model: Any = getattr(transformers, CLASSES[family]).from_pretrained(folder)
    processor: Any = transformers.AutoProcessor.from_pretrained(folder)
    inputs = processor(
        text=TEXTS,
        images=pictures(),
        input_data_format="channels_last",
        padding="longest" if family == "clip" else "max_length",
        truncation=True,
        max_length=16,
        return_tensors="pt",
    )
    with torch.inference_mode():
        logits = model.eval()(**inputs).logits_per_image.double()
        bias = model.logit_bias if family != "clip" else torch.zeros(1)
        return ((logits - bias) / model.logit_scale.exp()).numpy()


@pytest.mark.parametrize("family", FAMILIES)
def test_vectors_give_the_likeness_of_transformers_own_model(folders: Path, family: str) -> None:
    folder = write_embedder(folders / family, family)
    embedder = load_embedder(str(folder), "cpu", offline=True)

    together, texts = embedder.pictures(pictures()), embedder.texts(TEXTS)
    alone = np.concatenate([embedder.pictures([one]) for one in pictures()])

    expected = oracle(folder, family)
    assert expected.std() > 0.02  # the weights tell the pictures and texts apart
    assert together.shape == (5, embedder.dimensions)
    assert np.abs(together @ texts.T - expected).max() < 1e-5
    assert np.abs(alone - together).max() < 1e-5
    assert np.linalg.norm(together, axis=1) == pytest.approx(1)


def test_weights_that_are_missing_are_refused_and_never_random(folders: Path, tmp_path: Path) -> None:
    folder = write_embedder(tmp_path / "broken", "clip")
    weights = load_file(folder / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})

    with pytest.raises(EmbedderError, match=r"not complete: 1 are missing .* visual_projection\.weight"):
        load_embedder(str(folder), "cpu", offline=True)


def test_what_is_no_embedder_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(
        EmbedderError, match=r"type 'bert', which does not compare pictures with texts: name one of clip"
    ):
        load_embedder(str(tmp_path), "cpu", offline=True)
    with pytest.raises(EmbedderError, match="no CLIP or SigLIP at nowhere"):
        load_embedder("nowhere", "cpu", offline=True)
    with pytest.raises(EmbedderError, match="no weights for no-one/no-model"):
        load_embedder("no-one/no-model", "cpu", offline=True)
    bare = shutil.copytree(write_embedder(tmp_path / "whole", "clip"), tmp_path / "bare")
    for path in (*bare.glob("*processor*"), *bare.glob("*token*")):
        path.unlink()
    with pytest.raises(EmbedderError, match=r"preparation of pictures and texts in .*bare cannot be read"):
        load_embedder(str(bare), "cpu", offline=True)
