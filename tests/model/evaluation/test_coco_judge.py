"""Our figures equal those of COCO's and LVIS's own tools."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from groundcast.model.datasets.coco_data import CocoData, read_coco
from groundcast.model.evaluation import coco_judge
from groundcast.model.evaluation.average_precision import SceneDetections
from groundcast.model.evaluation.coco_judge import best_of_classes, judge_as_coco, judge_as_lvis

from ..datasets.coco_sets import draw_found, draw_set, write_set

pytest.importorskip("faster_coco_eval", reason="needs the [eval] extra")

# What pycocotools 2.0.11 and lvis 0.5.3 say of these seeds, so that the comparison is made where they are missing.
PYCOCOTOOLS: dict[int, dict[str, float]] = {
    1: {
        "AP": 0.21764445334331706,
        "AP50": 0.40306520379127087,
        "AP75": 0.23139500046516837,
        "APs": 0.2302970297029703,
        "APm": 0.203707141099577,
        "APl": 0.6288989077479177,
    },
    2: {
        "AP": 0.3098690701118424,
        "AP50": 0.5932303495737781,
        "AP75": 0.31922604492953627,
        "APs": 0.1886963696369637,
        "APm": 0.2779132745638515,
        "APl": 0.7065711928335692,
    },
    3: {
        "AP": 0.23171502660226564,
        "AP50": 0.41001401714026614,
        "AP75": 0.2221073832460557,
        "APs": 0.056831683168316834,
        "APm": 0.2541464779750373,
        "APl": 0.6125475404683325,
    },
}
LVIS: dict[int, dict[str, float]] = {
    1: {
        "AP": 0.28966002097270227,
        "AP50": 0.5205637991260054,
        "AP75": 0.3223765671815162,
        "APs": 0.21702970297029703,
        "APm": 0.28490086901121037,
        "APl": 0.59407386452931,
        "APr": 0.2981387274580841,
        "APc": 0.3626512946514306,
        "APf": 0.20819004080859213,
    },
    2: {
        "AP": 0.4081887744939918,
        "AP50": 0.7452257661124871,
        "AP75": 0.45538600658095363,
        "APs": 0.20973597359735974,
        "APm": 0.37274032787512623,
        "APl": 0.7089005775577558,
        "APr": 0.3325884041216015,
        "APc": 0.44486539712013606,
        "APf": 0.4471125222402378,
    },
    3: {
        "AP": 0.30076727493956085,
        "AP50": 0.5148276343556514,
        "AP75": 0.30950527287160956,
        "APs": 0.12247524752475246,
        "APm": 0.3320480879707707,
        "APl": 0.6875,
        "APr": 0.2823053666490046,
        "APc": 0.3300762881556416,
        "APf": 0.2899201700140363,
    },
}

_ROUNDING = 1e-15  # the same numbers are summed in another order


def _case(
    folder: Path, seed: int, *, lvis: bool = False
) -> tuple[dict[str, Any], CocoData, dict[int, SceneDetections]]:
    content = draw_set(seed)
    return content, read_coco(write_set(folder, content), folder, lvis=lvis), draw_found(content, seed + 100)


def _results(found: dict[int, SceneDetections]) -> list[dict[str, Any]]:
    return [
        {"image_id": n, "category_id": int(k), "bbox": [*box[:2], *(box[2:] - box[:2])], "score": float(score)}
        for n, one in found.items()
        for box, k, score in zip(one.boxes_xyxy, one.categories, one.scores, strict=True)
    ]


def _pycocotools(content: dict[str, Any], found: dict[int, SceneDetections]) -> dict[str, float]:
    ground = pytest.importorskip("pycocotools.coco", reason="pycocotools is the oracle").COCO()
    ground.dataset = {"info": {}, **copy.deepcopy(content)}
    ground.createIndex()
    judge = pytest.importorskip("pycocotools.cocoeval").COCOeval(ground, ground.loadRes(_results(found)), "bbox")
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    return dict(zip(("AP", "AP50", "AP75", "APs", "APm", "APl"), map(float, judge.stats), strict=False))


def _lvis(path: Path, found: dict[int, SceneDetections]) -> dict[str, float]:
    lvis: Any = pytest.importorskip("lvis", reason="LVIS's own tool is the oracle")
    truth = lvis.LVIS(str(path))
    judge = lvis.LVISEval(truth, lvis.LVISResults(truth, _results(found), max_dets=-1), "bbox")
    judge.params.max_dets = -1
    judge.run()
    names = ("AP", "AP50", "AP75", "APs", "APm", "APl", "APr", "APc", "APf")
    return {name: float(judge.results[name]) for name in names}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_coco_figures_equal_those_stored_from_pycocotools(tmp_path: Path, seed: int) -> None:
    _, data, found = _case(tmp_path, seed)

    assert judge_as_coco(data, found).figures == pytest.approx(PYCOCOTOOLS[seed], abs=_ROUNDING)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_lvis_figures_equal_those_stored_from_its_own_tool(tmp_path: Path, seed: int) -> None:
    _, data, found = _case(tmp_path, seed, lvis=True)

    assert judge_as_lvis(data, found).figures == pytest.approx(LVIS[seed], abs=_ROUNDING)


@pytest.mark.parametrize("seed", range(4, 10))
def test_coco_figures_equal_pycocotools_where_it_is_installed(tmp_path: Path, seed: int) -> None:
    content, data, found = _case(tmp_path, seed)

    assert judge_as_coco(data, found).figures == pytest.approx(_pycocotools(content, found), abs=_ROUNDING)


@pytest.mark.filterwarnings("ignore:The 'warn' method is deprecated:DeprecationWarning")
@pytest.mark.parametrize("seed", range(4, 10))
def test_lvis_figures_equal_its_own_tool_where_it_is_installed(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(np, "float", float, raising=False)  # the tool is older than numpy 1.24
    _, data, found = _case(tmp_path, seed, lvis=True)

    assert judge_as_lvis(data, found).figures == pytest.approx(_lvis(tmp_path / "instances.json", found), abs=_ROUNDING)


@pytest.mark.parametrize("block", [1, 3])
def test_categories_that_are_judged_apart_give_the_same_figures(
    tmp_path: Path, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, data, found = _case(tmp_path, 1)
    ranked = read_coco(tmp_path / "instances.json", tmp_path, lvis=True)
    monkeypatch.setattr(coco_judge, "_BLOCK", block)

    assert judge_as_coco(data, found).figures == pytest.approx(PYCOCOTOOLS[1], abs=_ROUNDING)
    assert judge_as_lvis(ranked, found).figures == pytest.approx(LVIS[1], abs=_ROUNDING)


def test_nothing_found_scores_nothing_and_perfect_answers_score_one(tmp_path: Path) -> None:
    content, _, _ = _case(tmp_path, 1)
    data = read_coco(tmp_path / "instances.json", tmp_path, lvis=True)
    nothing = {
        image["id"]: SceneDetections(np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0))
        for image in content["images"]
    }
    perfect = dict(nothing)
    for number in perfect:
        own = [box for box in data.boxes if box.picture == number]
        xywh = np.array([box.box_xywh for box in own])
        boxes = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], 1, dtype=np.float64)
        perfect[number] = SceneDetections(boxes, np.array([box.category for box in own]), np.ones(len(own)))

    for judge in (judge_as_coco, judge_as_lvis):
        assert set(judge(data, nothing).figures.values()) == {0.0}
        assert judge(data, perfect).figures["AP"] == pytest.approx(1.0)


def test_of_each_category_the_best_boxes_of_the_whole_set_are_kept(tmp_path: Path) -> None:
    _, data, found = _case(tmp_path, 2)

    best = best_of_classes(data, found, 5)

    for category in (one.number for one in data.categories):
        every = np.concatenate([one.scores[one.categories == category] for one in found.values()])
        kept = np.concatenate([one.scores[one.categories == category] for one in best.values()])
        assert sorted(kept) == sorted(every)[-5:]
    every_box = best_of_classes(data, found, 10_000)
    assert {number: len(one.scores) for number, one in every_box.items()} == {
        number: len(one.scores) for number, one in found.items()
    }
