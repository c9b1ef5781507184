"""`groundcast search --prefilter`: the detector looks only at the files that a CLIP finds most like the prompt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from groundcast.launch.photos import prefilter
from groundcast.launch.survey.journal import read_journal
from groundcast.model.embeddings.picture_embedder import PictureEmbedder, load_embedder

from ...model.embeddings.tiny_embedders import write_embedder
from ..commands import Ended, in_process
from .conftest import Corrupt, Loads


def search(capsys: pytest.CaptureFixture[str], photos: Path, model: Path, index: Path, *more: str) -> Ended:
    words = ("--prompt", "red square", "--prefilter", str(model), "--index", str(index), "--offline", "--json")
    return in_process(capsys, "search", photos, *words, *more)


def looked_at(index: Path) -> set[str]:
    return {Path(one.path).name for path in index.glob("*.jsonl") for one in read_journal(path)[1]}


def test_the_detector_looks_only_at_the_candidates_and_only_new_files_are_compared(
    capsys: pytest.CaptureFixture[str],
    photos: Path,
    clip: Path,
    tmp_path: Path,
    loads: Loads,
    corrupt: Corrupt,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, index = write_embedder(tmp_path / "clip", "clip"), tmp_path / "index"
    (photos / "walk.mp4").write_bytes(clip.read_bytes())
    compared: list[int] = []
    pictures = PictureEmbedder.pictures

    def counting(self: PictureEmbedder, images: Any) -> Any:
        compared.append(len(images))
        return pictures(self, images)

    monkeypatch.setattr(prefilter.PictureEmbedder, "pictures", counting)
    embedder = load_embedder(str(model), "cpu", offline=True)
    names = ("in ä/one.png", "two.jpg", "empty.png")
    vectors = embedder.pictures([np.asarray(Image.open(photos / name)) for name in names])
    likeness = dict(zip(names, vectors @ embedder.texts(["a photo of red square"])[0], strict=True))
    compared.clear()

    first = search(capsys, photos, model, index, "--candidates", "4")
    assert first.code == 0, first.err
    assert sum(compared) == 3 + 2  # of the clip two frames, one a second
    assert looked_at(index) == {"one.png", "two.jpg", "empty.png", "walk.mp4"}
    assert {Path(json.loads(line)["file"]).name for line in first.out.splitlines()} == {
        "one.png",
        "two.jpg",
        "walk.mp4",
    }

    (photos / "walk.mp4").unlink()
    other = tmp_path / "other"
    few = search(capsys, photos, model, other, "--candidates", "1")
    assert few.code == 0, few.err
    assert looked_at(other) == {Path(max(likeness, key=lambda name: likeness[name])).name}

    compared.clear()
    Image.fromarray(np.full((50, 60, 3), (230, 20, 20), np.uint8)).save(photos / "new.png")
    corrupt()
    again = search(capsys, photos, model, index, "--candidates", "4")
    assert sum(compared) == 1  # the new one alone
    assert again.code == 1
    assert "1 files could not be read" in again.err
    assert "new.png" in looked_at(index)


def test_a_model_of_another_kind_is_refused_in_a_sentence(
    capsys: pytest.CaptureFixture[str], photos: Path, tmp_path: Path
) -> None:
    ended = search(capsys, photos, tmp_path / "nowhere", tmp_path / "index")
    assert ended.code == 2
    assert "no CLIP or SigLIP at" in ended.sentence
