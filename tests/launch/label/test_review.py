"""`groundcast dataset review` and `groundcast label --review`: what they open, what they refuse, and how they end."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from groundcast.launch.exits import code_when_interrupted

from ..commands import in_process
from ..review.review_sets import make_set, on_disk, review_process


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_set(tmp_path / "set")


def test_label_review_opens_the_same_page_and_ends_with_ctrl_c(folder: Path) -> None:
    with review_process(folder, "label", "--review", str(folder)) as review:
        assert review.url.startswith("open http://127.0.0.1:")
        review.process.send_signal(signal.SIGINT)
        assert review.process.wait(60) == 0
    assert len(on_disk(folder)["images"]) == 3


def test_ctrl_c_is_the_ordinary_end_of_a_review_alone() -> None:
    assert code_when_interrupted(["label", "--review", "x"]) == 0
    assert code_when_interrupted(["label", "--review=x"]) == 0
    assert code_when_interrupted(["dataset", "review", "x"]) == 0
    assert code_when_interrupted(["label", "photos"]) == 130
    assert code_when_interrupted(["dataset", "check", "x"]) == 130


def test_what_cannot_be_reviewed_is_refused_in_a_sentence(
    capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "yolo").mkdir()
    (tmp_path / "yolo" / "data.yaml").write_text("names: [a]")
    (tmp_path / "coco").mkdir()
    (tmp_path / "coco" / "train.json").write_text("{}")
    cut = tmp_path / "cut.json"
    cut.write_text((folder / "labels.json").read_text()[:99])
    refused = {
        str(tmp_path / "nothing"): "no data set to review",
        str(tmp_path / "yolo"): "groundcast dataset convert",
        str(tmp_path / "coco"): "train.json",
        str(cut): "not JSON",
    }
    for path, said in refused.items():
        ended = in_process(capsys, "dataset", "review", path, "--listen", "127.0.0.1:0")
        assert (ended.code, said in ended.sentence) == (2, True), path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--listen", "192.0.2.7:8081"), "can be reached by others"),
        (("--listen", "127.0.0.1"), "must look like"),
    ],
)
def test_only_this_host_reaches_the_page(
    capsys: pytest.CaptureFixture[str], folder: Path, words: tuple[str, ...], said: str
) -> None:
    ended = in_process(capsys, "dataset", "review", folder, *words)

    assert (ended.code, said in ended.sentence) == (2, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--folder", "x"), "no pictures"),
        (("photos", "--review", "set"), "leave the pictures away"),
        (("photos", "--prompt", "red mug"), "--folder"),
    ],
)
def test_label_needs_pictures_or_a_set_to_review(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    ended = in_process(capsys, "label", *words)

    assert (ended.code, said in ended.sentence) == (2, True)
