"""tabletop evaluation: its prompts, what counts, and the figures of a perfect and a poor detector."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from groundcast.model.detections import Detections, DetectorInfo
from groundcast.model.evaluation.tabletop_eval import ask, evaluate_tabletop
from groundcast.model.prompt import Prompt
from groundcast.model.tabletop.dataset import FIRST_SEED, OBJECT_DTYPE, SceneShard
from groundcast.model.tabletop.words import COLOURS, HELD_OUT, KINDS, PAIRS, pair_of, phrase

pytest.importorskip("faster_coco_eval", reason="needs the [eval] extra")

SCENES = 12


def _objects(rng: np.random.Generator, scene: int) -> NDArray[np.void]:
    """Five objects side by side; the last shows too little to count."""
    rows = np.zeros(5, OBJECT_DTYPE)
    rows["scene"], rows["visible"] = scene, [1, 1, 0.5, 0.31, 0.2]
    held_out = sorted(HELD_OUT)[scene % len(HELD_OUT)]
    pairs = [held_out, *(PAIRS[int(row)] for row in rng.choice(len(PAIRS), 4, replace=False))]
    rows["colour"], rows["kind"] = [COLOURS.index(c) for c, _ in pairs], [KINDS.index(k) for _, k in pairs]
    left = np.arange(5) * 60.0
    rows["box_xyxy"] = np.stack([left, left * 0 + 20, left + rng.uniform(15, 40, 5), left * 0 + 70], 1)
    return rows


@pytest.fixture
def shard(tmp_path: Path) -> SceneShard:
    rng = np.random.default_rng(3)
    np.save(tmp_path / "objects.npy", np.concatenate([_objects(rng, scene) for scene in range(SCENES)]))
    for scene in range(SCENES):  # the picture's shade tells the detectors below which scene it is
        cv2.imwrite(str(tmp_path / f"{scene:05d}.jpg"), np.full((480, 640, 3), 20 * scene, np.uint8))
    return SceneShard(tmp_path, FIRST_SEED["eval"], SCENES)


class Knowing:
    """Answers with the truth, where `wrong` does not change the words of it; misses what shows too little."""

    info = DetectorInfo("knowing", "float32", "mean")

    def __init__(self, shard: SceneShard, *, wrong: Sequence[tuple[str, str]] = ()) -> None:
        self._objects, self._wrong = shard.objects(), set(wrong)
        self.asked: list[Prompt] = []

    def detect(self, images: Sequence[NDArray[np.uint8]], prompts: Sequence[Prompt]) -> list[Detections]:
        self.asked += prompts
        return [self._answer(image, prompt) for image, prompt in zip(images, prompts, strict=True)]

    def _answer(self, image: NDArray[np.uint8], prompt: Prompt) -> Detections:
        rows = self._objects[self._objects["scene"] == round(int(image[0, 0, 0]) / 20)][:4]
        pairs = [(COLOURS[int(row["colour"])], KINDS[int(row["kind"])]) for row in rows]
        absent = next(name for name in prompt.names if pair_of(name) not in pairs)
        names = [absent if pair in self._wrong else phrase(*pair) for pair in pairs]
        indices = np.array([prompt.names.index(name) for name in names])
        return Detections(prompt.names, rows["box_xyxy"].astype(np.float32) * 2, np.full(4, 0.9, np.float32), indices)


def test_perfect_answers_score_one_and_all_objects_are_counted(shard: SceneShard) -> None:
    result = evaluate_tabletop(Knowing(shard), shard, batch=5, resamples=20)

    assert result.figures["AP"] == result.figures["unseen_AP50"] == pytest.approx(1.0)
    assert result.intervals["AP"] == pytest.approx((1.0, 1.0))
    assert (result.scenes, result.instances) == (SCENES, 4 * SCENES)
    assert result.unseen_instances >= SCENES


def test_a_detector_that_fails_on_new_pairs_alone_is_found_out(shard: SceneShard) -> None:
    result = evaluate_tabletop(Knowing(shard, wrong=sorted(HELD_OUT)), shard, resamples=20)

    assert result.figures["unseen_AP50"] == 0.0
    assert result.figures["seen_AP50"] > 0.6
    assert result.intervals["AP"][0] < result.figures["AP"] < result.intervals["AP"][1]


def test_the_result_is_one_json_object(shard: SceneShard) -> None:
    result = json.loads(json.dumps(evaluate_tabletop(Knowing(shard), shard, resamples=5).as_dict(), allow_nan=False))

    assert {"AP", "AP50", "AP75", "unseen_AP50", "AP_95", "instances", "unseen_instances", "scenes"} <= result.keys()
    assert result["model"]["score_rule"] == "mean"


def test_progress_is_told(shard: SceneShard) -> None:
    steps: list[tuple[int, int]] = []

    def note(done: int, total: int) -> None:
        steps.append((done, total))

    evaluate_tabletop(Knowing(shard), shard, batch=5, resamples=2, on_progress=note)

    assert steps == [(5, SCENES), (10, SCENES), (SCENES, SCENES)]


def test_a_prompt_asks_for_what_shows_and_for_absent_words_near_it() -> None:
    for scene in range(40):
        objects = _objects(np.random.default_rng(scene), scene)
        present = {(COLOURS[int(row["colour"])], KINDS[int(row["kind"])]) for row in objects}
        asked = {pair_of(name) for name in ask(objects, scene).names}
        absent = asked - present

        assert present <= asked
        assert len(absent) == 6
        assert sum(colour in {c for c, _ in present} for colour, _ in absent) >= 2
        assert sum(kind in {k for _, k in present} for _, kind in absent) >= 2


def test_the_same_scene_is_asked_the_same_way() -> None:
    objects = _objects(np.random.default_rng(0), 0)

    assert ask(objects, 7) == ask(objects, 7) != ask(objects, 8)
    assert {one.threshold for one in ask(objects, 7).phrases} == {0.0}
