"""Tiny random pipelines through diffusers' own classes: loaded from folders, refused where they cannot be trusted."""

# safetensors leaves some types open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from groundcast.model.editing.area import alpha_of
from groundcast.model.editing.painting import PaintRequest, paint_area
from groundcast.model.editing.pipeline_files import INDEX, PainterError, check_pipeline
from groundcast.model.editing.pipeline_painter import PaintError, PaintOptions, load_painter, places_in_boxes

from .test_area import square
from .tiny_pipelines import SIDE_PX, needs_diffusers, save_drawing, save_gligen, save_inpainting, save_refusing

# Importing diffusers takes seconds.
pytestmark = [needs_diffusers, pytest.mark.slow]
STEPS = PaintOptions(steps=2)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pipelines")
    return {"inpaint": save_inpainting(folder / "inpaint"), "gligen": save_gligen(folder / "gligen")}


@pytest.fixture
def copied(saved: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved["inpaint"], tmp_path / "copied"))


def noise(*size_hw: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(3).integers(0, 256, (*size_hw, 3)).astype(np.uint8)


def request_with(seed: int = 0, text: str = "a vase") -> PaintRequest:
    return PaintRequest(text, "", seed, (text,), np.array([[30, 40, 50, 60]], np.float32))


@pytest.mark.parametrize("kind", ["inpaint", "gligen"])
def test_the_seed_decides_and_the_text_counts(saved: dict[str, Path], kind: str) -> None:
    image, alpha = noise(101, 77), alpha_of(square((101, 77), (30, 40, 50, 60)), 2, 3)
    painter = load_painter(str(saved[kind]), "cpu", STEPS)

    first, same, other_seed, other_text = (
        paint_area(image, alpha, painter, one).image
        for one in (request_with(7), request_with(7), request_with(8), request_with(7, "zoo"))
    )

    assert (first == same).all()
    assert (first[alpha == 0] == image[alpha == 0]).all()
    assert (first != image)[alpha == 1].mean() > 0.9
    assert (first != other_seed).any()
    assert (first != other_text).any()


def test_a_freshly_loaded_pipeline_gives_the_same_pixels(saved: dict[str, Path]) -> None:
    image, mask = noise(SIDE_PX, SIDE_PX), square((SIDE_PX, SIDE_PX), (8, 8, 20, 20))

    first, again = (load_painter(str(saved["inpaint"]), "cpu", STEPS).paint(image, mask, request_with()) for _ in "ab")

    assert (first == again).all()


def test_windows_are_painted_at_the_size_of_the_training_or_at_the_one_asked_for(saved: dict[str, Path]) -> None:
    own = load_painter(str(saved["inpaint"]), "cpu")
    larger = load_painter(str(saved["inpaint"]), "cpu", PaintOptions(size_px=64))

    assert own.size_for((300, 300)) == (SIDE_PX, SIDE_PX)
    assert own.size_for((10, 300)) == (4, SIDE_PX)
    assert larger.size_for((150, 300)) == (32, 64)


def test_gligen_is_told_by_its_folder_and_wants_weights_for_inpainting(saved: dict[str, Path], tmp_path: Path) -> None:
    assert places_in_boxes(str(saved["gligen"]))
    assert not places_in_boxes(str(saved["inpaint"]))
    with pytest.raises(PainterError, match="draws whole pictures"):
        load_painter(str(save_gligen(tmp_path / "drawing", channels=4)), "cpu")


def test_gligen_leaves_a_window_without_boxes_as_it_is(saved: dict[str, Path]) -> None:
    image = noise(SIDE_PX, SIDE_PX)
    nothing = PaintRequest("a vase", "", 0, (), np.zeros((0, 4), np.float32))

    painted = load_painter(str(saved["gligen"]), "cpu").paint(image, image[..., 0] > 0, nothing)

    assert (painted == image).all()


def test_a_pipeline_for_whole_pictures_paints_inside_masks_too(tmp_path: Path) -> None:
    image, alpha = noise(64, 64), alpha_of(square((64, 64), (20, 20, 40, 40)), 0, 0)
    painter = load_painter(str(save_drawing(tmp_path / "drawing")), "cpu", STEPS)

    painted = paint_area(image, alpha, painter, request_with()).image

    assert (painted[alpha == 0] == image[alpha == 0]).all()
    assert (painted != image)[alpha == 1].mean() > 0.9


def test_a_picture_that_the_pipelines_own_check_refuses_is_not_used(tmp_path: Path) -> None:
    image = noise(SIDE_PX, SIDE_PX)
    painter = load_painter(str(save_refusing(tmp_path / "refusing")), "cpu", STEPS)

    with pytest.raises(PaintError, match="safety check refused"):
        painter.paint(image, image[..., 0] > 100, request_with())


def test_pickled_weights_are_refused(copied: Path) -> None:
    for part in ("unet/diffusion_pytorch_model", "text_encoder/model"):
        whole = copied / f"{part}.safetensors"
        kept = whole.read_bytes()
        pickled = {"unet": "diffusion_pytorch_model.bin", "text_encoder": "pytorch_model.bin"}[whole.parent.name]
        torch.save(load_file(whole), whole.with_name(pickled))
        whole.unlink()
        with pytest.raises(PainterError, match="pickled weights are not read"):
            load_painter(str(copied), "cpu")
        whole.write_bytes(kept)


@pytest.mark.parametrize("part", ["unet/diffusion_pytorch_model", "text_encoder/model", "vae/diffusion_pytorch_model"])
@pytest.mark.parametrize("change", ["missing", "reshaped"])
def test_incomplete_weights_are_refused(copied: Path, part: str, change: str) -> None:
    path = copied / f"{part}.safetensors"
    weights = load_file(path)
    name = max(weights)
    weights[name] = torch.zeros(3, 5, 7)
    if change == "missing":
        del weights[name]
    save_file(weights, path, metadata={"format": "pt"})

    with pytest.raises(PainterError, match=path.parent.name):
        load_painter(str(copied), "cpu")


def named(entry: list[str]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        facts = json.loads((folder / INDEX).read_text())
        (folder / INDEX).write_text(json.dumps({**facts, "unet": entry}))

    return write


@pytest.mark.parametrize("entry", [["unet.own", "Network"], ["os", "system"], ["diffusers", "nothing"], ["diffusers"]])
def test_code_that_comes_with_weights_is_not_run(copied: Path, entry: list[str]) -> None:
    (copied / "unet" / "own.py").write_text("raise SystemExit('it ran')")
    named(entry)(copied)

    with pytest.raises(PainterError, match="is not run"):
        load_painter(str(copied), "cpu")


def test_a_pipeline_that_cannot_paint_inside_masks_is_refused(copied: Path) -> None:
    facts = json.loads((copied / INDEX).read_text())
    (copied / INDEX).write_text(json.dumps({**facts, "_class_name": "DDPMPipeline"}))

    with pytest.raises(PainterError, match="DDPMPipeline, which cannot paint inside a mask"):
        load_painter(str(copied), "cpu")


@pytest.mark.parametrize("written", [None, "no json", "[1]", '{"_class_name": ["own", "Pipeline"]}'])
def test_a_folder_without_a_pipeline_is_refused_before_anything_is_loaded(tmp_path: Path, written: str | None) -> None:
    if written is not None:
        (tmp_path / INDEX).write_text(written)

    with pytest.raises(PainterError, match=INDEX):
        check_pipeline(str(tmp_path))


def test_a_name_of_nothing_is_refused() -> None:
    with pytest.raises(PainterError, match="name a folder"):
        check_pipeline("nowhere at all")
