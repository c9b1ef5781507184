"""`groundcast eval coco | lvis | odinw | refcoco`: figures, the choices behind them, wrong input named."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from groundcast.model.detections import Detections, DetectorInfo
from groundcast.model.detector import Detector
from groundcast.model.prompt import Prompt

from ...model.datasets.coco_sets import draw_set, write_set
from ..commands import in_process
from ..reports import check_report, read_classes

pytest.importorskip("faster_coco_eval", reason="needs the [eval] extra")

FILE = "_annotations.coco.json"
KNOWN = ("red cube", "ball", "mug_(coffee)", "blue ring", "can", "red object", "yellow bowl")


@pytest.fixture
def content() -> dict[str, Any]:
    """Three pictures whose categories the embedded model knows."""
    drawn = draw_set(1, pictures=3)
    for one, name in zip(drawn["categories"], KNOWN, strict=True):
        one["name"] = name
    return drawn


class Pointing:
    """A detector that always points at the same place."""

    info = DetectorInfo("pointing", "float32", "max")
    options = SimpleNamespace(nms_iou=None, one_phrase=False)
    input_rule = "as it is"

    def check(self, prompt: Prompt) -> None: ...

    def detect(self, images: Sequence[NDArray[np.uint8]], prompts: Sequence[Prompt]) -> list[Detections]:
        return [
            replace(self.refer(image, ""), names=prompt.names) for image, prompt in zip(images, prompts, strict=True)
        ]

    def refer(self, image: NDArray[np.uint8], sentence: str) -> Detections:
        box = np.array([[40, 40, 120, 100]], np.float32)
        return Detections((sentence,), box, np.ones(1, np.float32), np.zeros(1, np.int64))

    def __enter__(self) -> Pointing:
        return self

    def __exit__(self, *_: object) -> None: ...


@pytest.fixture
def pointing(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object) -> Pointing:
        return Pointing()

    monkeypatch.setattr(Detector, "load", load)


def _things(folder: Path, box: list[float]) -> Path:
    """One thing in one picture, as LVIS has it."""
    image = {"id": 1, "file_name": "1.png", "width": 320, "height": 240}
    known: dict[str, list[int]] = {"neg_category_ids": [], "not_exhaustive_category_ids": []}
    thing = {"id": 1, "image_id": 1, "category_id": 4, "bbox": box}
    category = {"id": 4, "name": "thing", "frequency": "c"}
    return write_set(folder, {"images": [image | known], "annotations": [thing], "categories": [category]}, FILE)


@pytest.mark.parametrize("task", ["coco", "lvis"])
@pytest.mark.parametrize(("box", "precision"), [([40, 40, 80, 60], 1.0), ([200, 40, 80, 60], 0.0)])
@pytest.mark.usefixtures("pointing")
def test_what_is_found_decides_the_figures(
    task: str, box: list[float], precision: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _things(tmp_path / "set", box)

    ended = in_process(capsys, "eval", task, path, path.parent, "--folder", tmp_path / "run", "--json")

    assert ended.code == 0
    result = json.loads(ended.out.splitlines()[-1])
    assert (result["AP"], result["AP50"]) == (precision, precision)


@pytest.mark.parametrize("task", ["coco", "lvis"])
def test_the_result_names_every_choice(
    task: str, content: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_set(tmp_path / "set", content)
    command = ["eval", task, path, tmp_path / "set", "--folder", tmp_path / "run", "--json"]

    first = in_process(capsys, *command)
    again = in_process(capsys, *command)

    assert (first.code, again.code) == (0, 0)
    result = json.loads(first.out.splitlines()[-1])
    assert {"AP", "AP50", "pictures", "instances", "ap_library", "nms_iou", "chunk"} <= result.keys()
    assert (result["pictures"], result["categories"], result["boxes_per_picture"]) == (3, 7, 300)
    assert result["chunk"] == {"coco": 80, "lvis": 40}[task]
    assert result["model"]["score_rule"] == "mean"
    assert result["network_input"] == "an area of 76800 px"
    assert ("APr" in result or "APf" in result) == (task == "lvis")
    assert "3 are done" in again.sentence
    assert {**json.loads(again.out.splitlines()[-1]), "seconds": 0} == {**result, "seconds": 0}
    assert json.loads((tmp_path / "run" / "result.json").read_text())["AP"] == result["AP"]


def test_a_run_with_other_options_is_refused(
    content: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_set(tmp_path / "set", content)
    command = ["eval", "coco", path, tmp_path / "set", "--limit", "2", "--folder", tmp_path / "run"]
    assert in_process(capsys, *command).code == 0

    refused = in_process(capsys, *command, "--nms", "0.7")

    assert refused.code == 2
    assert "holds a run whose nms_iou is null, and this one's is 0.7" in refused.sentence


@pytest.mark.parametrize(
    ("asked", "used"), [((), None), pytest.param(("--nms", "1"), None, marks=pytest.mark.slow), (("--nms", "0.5"), 0.5)]
)
def test_doubles_are_judged_too_unless_that_is_asked_for(
    asked: tuple[str, ...],
    used: float | None,
    content: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write_set(tmp_path / "set", content)
    folder = tmp_path / "run"

    ended = in_process(capsys, "eval", "coco", path, path.parent, "--limit", "1", "--folder", folder, "--json", *asked)

    assert ended.code == 0
    assert json.loads(ended.out.splitlines()[-1])["nms_iou"] == used
    *_, line = (folder / "detections.jsonl").read_text().splitlines()
    assert (len(json.loads(line)["scores"]) == 300) == (used is None)


@pytest.mark.parametrize(("stated", "precision"), [([], 1.0), (["thing"], 0.5)])
@pytest.mark.usefixtures("pointing")
def test_what_a_federated_picture_does_not_state_is_not_held_against_the_model(
    stated: list[str], precision: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    size = {"width": 320, "height": 240}
    images = [
        {"id": 1, "file_name": "1.png", **size, "exhaustive_for": stated},  # has no thing, or nothing is known
        {"id": 2, "file_name": "2.png", **size, "exhaustive_for": ["thing"]},
    ]
    thing = {"id": 1, "image_id": 2, "category_id": 4, "bbox": [40, 40, 80, 60]}
    content = {"images": images, "annotations": [thing], "categories": [{"id": 4, "name": "thing"}]}
    path = write_set(tmp_path / "set", content, FILE)

    ended = in_process(capsys, "eval", "coco", path, path.parent, "--folder", tmp_path / "run", "--json")

    result = json.loads(ended.out.splitlines()[-1])
    assert result["AP"] == pytest.approx(precision, abs=0.01)
    assert result["federated"]
    assert check_report(tmp_path / "run") == {"pr", "confusion", "samples_1"}
    assert read_classes(tmp_path / "run")["thing"]["instances"] == "1"
    assert result["ap"] == "fixed AP (arXiv 2102.01066)"


@pytest.mark.usefixtures("pointing")
def test_sets_that_flatter_can_be_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    size = {"width": 320, "height": 240}
    images = [{"id": 1, "file_name": "1.png", **size, "set": "easy"}, {"id": 2, "file_name": "2.png", **size}]
    boxes = {1: [40, 40, 80, 60], 2: [200, 40, 80, 60]}  # where the model points, and elsewhere
    things = [{"id": number, "image_id": number, "category_id": 4, "bbox": box} for number, box in boxes.items()]
    content = {"images": images, "annotations": things, "categories": [{"id": 4, "name": "thing"}]}
    path = write_set(tmp_path / "set", content, FILE)
    command = ["eval", "coco", path, path.parent, "--folder", tmp_path / "run", "--json"]

    ended = in_process(capsys, *command, "--leave-out", "easy")
    unknown = in_process(capsys, *command, "--leave-out", "simple")

    result = json.loads(ended.out.splitlines()[-1])
    assert result["AP"] > 0.4
    rest = {"pictures": 1, "instances": 1}
    assert {name: result["without"][name] for name in ("sets", "AP", *rest)} == {"sets": ["easy"], "AP": 0.0, **rest}
    assert unknown.code == 2
    assert "has no set 'simple': its pictures are of easy" in unknown.sentence


def test_categories_that_the_model_has_no_words_for_can_be_left_out(
    content: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content["categories"][-1]["name"] = "zebra"
    for image in content["images"]:
        image["exhaustive_for"] = [one["name"] for one in content["categories"]]
    path = write_set(tmp_path / "set", content, FILE)
    command = ["eval", "coco", path, path.parent, "--folder", tmp_path / "run", "--json"]

    refused = in_process(capsys, *command)
    ended = in_process(capsys, *command, "--known-only")

    assert "was not taught 'zebra'" in refused.err
    assert ended.code == 0, ended.err
    assert "6 of 7 categories are known to the model" in ended.err
    result = json.loads(ended.out.splitlines()[-1])
    assert (result["categories"], result["unknown_categories"]) == (6, ["zebra"])
    assert "zebra" not in read_classes(tmp_path / "run")


SPOILT: list[tuple[Callable[[Path], object], str]] = [
    (lambda path: path.unlink(), "cannot be read (No such file or directory): name a JSON file"),
    (lambda path: path.write_text("{"), "are not JSON (line 1, column 2"),
    (lambda path: next(iter(path.parent.glob("*.png"))).unlink(), "1 of 3 pictures are missing"),
    (lambda path: path.write_text(path.read_text().replace("yellow bowl", "zebra")), "was not taught 'zebra'"),
]


@pytest.mark.parametrize(("spoil", "said"), SPOILT)
def test_wrong_input_ends_before_anything_is_detected(
    spoil: Callable[[Path], object],
    said: str,
    content: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write_set(tmp_path / "set", content)
    spoil(path)

    ended = in_process(capsys, "eval", "coco", path, tmp_path / "set", "--folder", tmp_path / "run")

    assert ended.code == 2
    assert said in ended.sentence
    assert not (tmp_path / "run").exists()


def test_a_spoilt_picture_ends_the_run_with_its_name(
    content: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_set(tmp_path / "set", content)
    last = tmp_path / "set" / content["images"][-1]["file_name"]
    whole = last.read_bytes()
    last.write_bytes(whole[:45] + bytes(12) + whole[57:])  # its end is there

    ended = in_process(capsys, "eval", "coco", path, tmp_path / "set", "--batch", "1", "--folder", tmp_path / "run")

    assert ended.code == 1
    assert f"picture {last} cannot be read" in ended.sentence
    assert len((tmp_path / "run" / "detections.jsonl").read_text().splitlines()) == 3  # a header and two pictures


@pytest.mark.usefixtures("pointing")
def test_odinw_measures_each_set_and_their_mean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _things(tmp_path / "sets" / "mugs" / "test", [40, 40, 80, 60])
    _things(tmp_path / "sets" / "mugs" / "train", [200, 40, 80, 60])
    _things(tmp_path / "sets" / "rings", [200, 40, 80, 60])

    ended = in_process(capsys, "eval", "odinw", tmp_path / "sets", "--folder", tmp_path / "run", "--json")

    assert ended.code == 0
    result = json.loads(ended.out.splitlines()[-1])
    assert {name: one["AP"] for name, one in result["sets"].items()} == {"mugs": 1.0, "rings": 0.0}
    assert result["sets"]["mugs"]["annotations"].endswith(f"mugs/test/{FILE}")
    assert (result["AP"], result["split"]) == (0.5, "test")
    assert (tmp_path / "run" / "rings" / "detections.jsonl").is_file()


def test_a_set_without_annotations_is_named(
    content: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_set(tmp_path / "sets" / "rings", content, "annotations_val.json")
    (tmp_path / "sets" / "empty").mkdir()

    ended = in_process(capsys, "eval", "odinw", tmp_path / "sets", "--folder", tmp_path / "run")

    assert ended.code == 2
    assert f"data set {tmp_path / 'sets' / 'empty'} has no" in ended.sentence


def _sentences(folder: Path) -> Path:
    images = [{"id": n, "file_name": f"{n}.png", "width": 320, "height": 240, "caption": "the mug"} for n in (1, 2)]
    boxes = [[40, 40, 80, 60], [200, 40, 80, 60]]
    annotations = [{"id": n, "image_id": n, "bbox": box} for n, box in enumerate(boxes, 1)]
    return write_set(folder, {"images": images, "annotations": annotations})


@pytest.mark.usefixtures("pointing")
def test_refcoco_measures_one_box_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _sentences(tmp_path / "set")

    ended = in_process(capsys, "eval", "refcoco", path, tmp_path / "set", "--folder", tmp_path / "run", "--json")

    assert ended.code == 0
    result = json.loads(ended.out.splitlines()[-1])
    assert (result["P@1"], result["pictures"], result["instances"]) == (0.5, 2, 2)
    assert (result["iou_at_least"], result["prompt_wording"]) == (0.5, "the whole sentence")


@pytest.mark.parametrize(
    ("caption", "said"),
    [
        ('"the zebra"', "zebra"),
        ("null", "annotation 1: neither it nor its image has a 'sentence' or a 'caption'"),
    ],
)
def test_refcoco_names_what_does_not_fit_before_anything_is_detected(
    caption: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _sentences(tmp_path / "set")
    path.write_text(path.read_text().replace('"the mug"', caption))

    ended = in_process(capsys, "eval", "refcoco", path, tmp_path / "set", "--folder", tmp_path / "run")

    assert ended.code == 2
    assert said in ended.sentence
    assert not (tmp_path / "run").exists()
