"""`groundcast verify`: what is not as published is named: a weight, the words, a figure, a file."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import GroundingDinoImageProcessor

from groundcast.launch.bench.oracle import from_folder, save, vocabulary
from groundcast.launch.verify.answers import PUBLISHED, answers_for, read_answers

from ...model.oracle import Sizes, ask_oracle, oracle
from ..commands import Ended, in_process

NAME = "someone/small"
PHRASE = "word1 word2"
WIDTH, HEIGHT = 192, 12  # which the network sees at 1333x83 px, an eighth of what it sees of others


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random model as the hub has it, a picture, and what transformers says of the two."""
    folder = tmp_path_factory.mktemp("published")
    save(oracle(Sizes(queries=8)), folder / "small")
    image = np.random.default_rng(3).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    cv2.imwrite(str(folder / "picture.png"), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    pixels = GroundingDinoImageProcessor()(images=image, return_tensors="pt")
    ids = torch.tensor([[vocabulary()[token] for token in ("[CLS]", "word1", "word2", ".", "[SEP]")]])
    shown = pixels["pixel_values"]
    answer = ask_oracle(from_folder(folder / "small"), shown, ids, torch.ones_like(ids).bool(), pixels["pixel_mask"])
    logits, boxes = answer.logits[0, :, :5], answer.pred_boxes[0]
    best = logits.sigmoid().max(1).values
    threshold = float((best.sort().values[4] + best.sort().values[3]) / 2)
    centre, half = boxes[best > threshold, :2], boxes[best > threshold, 2:] / 2
    corners = torch.cat([centre - half, centre + half], 1)
    content = {
        "pictures": {"noise": {"url": "", "width": WIDTH, "height": HEIGHT}},
        "answers": [
            {
                "model": NAME,
                "source": "transformers, in this process",
                "picture": "noise",
                "phrases": [PHRASE],
                "threshold": threshold,
                "token_ids": ids[0].tolist(),
                "logits": logits[:3, :3].tolist(),
                "boxes": boxes[:3, :3].tolist(),
                "scores": best[best > threshold].tolist(),
                "found_xyxy": corners.tolist(),
                "first_box_xyxy": (corners[0] * torch.tensor([WIDTH, HEIGHT] * 2)).tolist(),
            }
        ],
    }
    (folder / "answers.json").write_text(json.dumps(content))
    return folder


@pytest.fixture
def copy(published: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(published, tmp_path / "copy"))


def _verify(capsys: pytest.CaptureFixture[str], folder: Path, *more: str) -> Ended:
    given = ("--picture", folder / "picture.png", "--answers", folder / "answers.json", "--offline", "--json")
    return in_process(capsys, "verify", folder / "small", *given, *more)


@contextmanager
def no_network() -> Generator[list[str]]:
    """Whatever asks for a name or opens a connection, as Python itself reports it."""
    asked: list[str] = []
    is_open = [True]

    def listen(event: str, arguments: Any) -> None:
        if is_open[0] and event in ("socket.getaddrinfo", "socket.connect", "socket.gethostbyname"):
            asked.append(f"{event} {arguments}")

    sys.addaudithook(listen)  # there is no way to take it away again
    try:
        yield asked
    finally:
        is_open[0] = False


def test_a_model_that_answers_as_published_is_ok_without_any_network(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with no_network() as asked:
        ended = _verify(capsys, copy, "--write")

    assert ended.code == 0, ended.err
    result = json.loads(ended.out.splitlines()[-1])
    assert result["ok"]
    names = [check["name"].split()[0] for check in result["checks"]]
    assert names == ["words", "logits", "boxes", "scores,", "boxes", "first"]
    assert asked == []
    again = _verify(capsys, copy)
    assert json.loads(again.out.splitlines()[-1])["checks"][0]["said"] == "as their sums in SHA256SUMS say"
    sums = (copy / "small" / "SHA256SUMS").read_text()
    assert [line.split()[1] for line in sums.splitlines()] == ["model.safetensors", "config.json", "vocab.txt"]


def _spoil_weights(folder: Path) -> None:
    path = folder / "small" / "model.safetensors"
    weights = load_file(path)
    name = next(name for name in weights if name.endswith("decoder.layers.1.fc1.weight"))
    weights[name][0] *= -8
    save_file(weights, path, metadata={"format": "pt"})


def _spoil_words(folder: Path) -> None:
    path = folder / "small" / "vocab.txt"
    path.write_text(path.read_text().replace("word2\n", "wordX\n").replace("word3\n", "word2\n"))


def _spoil_figure(folder: Path) -> None:
    path = folder / "answers.json"
    content = json.loads(path.read_text())
    content["answers"][0]["boxes"][1][2] += 0.01
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("spoil", "said", "advice"),
    [
        (_spoil_weights, "logits:", "fetch or copy the weights again"),
        (_spoil_words, "the word file is another model's", "put the model's own vocab.txt beside its weights"),
        (_spoil_figure, "boxes: 1 of 9 figures differ by more than 0.0001: the furthest, [1, 2], is", "copied right"),
    ],
)
def test_what_is_not_as_published_is_named(
    spoil: Callable[[Path], None], said: str, advice: str, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(copy)

    ended = _verify(capsys, copy, "--write")

    assert ended.code == 1
    assert said in ended.sentence
    assert advice in ended.sentence
    assert not (copy / "small" / "SHA256SUMS").exists()


def test_a_file_that_was_changed_on_the_way_is_named(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _verify(capsys, copy, "--write").code == 0
    (copy / "small" / "config.json").unlink()
    _spoil_weights(copy)

    ended = _verify(capsys, copy)

    assert ended.code == 1
    assert "file model.safetensors: not the file that the sum was made of" in ended.sentence
    assert "file config.json: missing" in ended.sentence
    assert "copy these files again" in ended.sentence


def test_every_query_is_compared_with_transformers_where_that_is_asked_for(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = _verify(capsys, copy, "--transformers")

    assert ended.code == 0, ended.err
    check = json.loads(ended.out.splitlines()[-1])["checks"][-1]
    assert check["name"] == "transformers, all queries"
    assert "against fp64 logits are off by" in check["said"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--as", "someone/else"], "nothing is published of it"),
        (["--picture", "lost.jpg"], "picture lost.jpg does not exist: name the file of noise"),
        (["--picture", "small.png"], "is 8x8 px, that of noise is 192x12"),
        (["--answers", "lost.json"], "answers lost.json cannot be read"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    more: list[str], said: str, copy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(copy)
    cv2.imwrite("small.png", np.zeros((8, 8, 3), np.uint8))

    ended = _verify(capsys, copy, *more)

    assert ended.code == 2
    assert said in ended.sentence


def test_without_the_picture_offline_says_which_one_to_bring(
    copy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(copy / "cache"))
    with no_network() as asked:
        named = in_process(capsys, "verify", copy / "small", "--as", "IDEA-Research/grounding-dino-tiny", "--offline")

    assert named.code == 2
    assert "http://images.cocodataset.org/val2017/000000039769.jpg, is not here" in named.sentence
    assert asked == []


def test_the_published_answers_are_whole() -> None:
    answers = read_answers(PUBLISHED)

    assert len({one.model for one in answers}) == 12
    assert len(answers_for("openmmlab-community/mm_grounding_dino_tiny_o365v1_goldg_v3det@main", answers)) == 2
    for one in answers:
        assert len(one.found_xyxy) in (0, len(one.scores))
        assert all(0.3 < score < 1 for score in one.scores)
        assert all(0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1 for x0, y0, x1, y1 in one.found_xyxy)
