"""The shipped demo clip is as the README describes it, and its ground truth fits its pictures."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from groundcast.model.prompt import Prompt
from groundcast.model.tabletop.clip_truth import CLIP_PATH, ClipTruth, TruthObject, crossings, read_truth, write_truth
from groundcast.model.tabletop.words import HELD_OUT, pair_of

from ..drawing import drawing


@pytest.fixture(scope="module")
def truth() -> ClipTruth:
    return read_truth()


def _frame(truth: ClipTruth, phrase: str, at: int) -> TruthObject:
    return next(one for one in truth.frames[at] if one.phrase == phrase)


def test_the_clip_is_as_long_and_as_large_as_its_truth_says(truth: ClipTruth) -> None:
    with av.open(str(CLIP_PATH)) as container:
        stream = container.streams.video[0]
        frames = sum(1 for _ in container.decode(stream))
        shape = (stream.width, stream.height, stream.average_rate)
        kind = (stream.codec_context.name, stream.codec_context.pix_fmt)

    assert frames == len(truth.frames)
    assert shape == (truth.width, truth.height, truth.fps) == (640, 480, truth.fps)
    assert kind == ("h264", "yuv420p")
    assert 14 <= frames / truth.fps <= 16
    assert CLIP_PATH.stat().st_size <= 2_000_000


def test_the_prompt_asks_for_every_object_and_for_words_that_are_known(truth: ClipTruth) -> None:
    phrases = Counter(one.phrase for one in truth.frames[0])
    pairs = {pair_of(name) for name in Prompt.parse(truth.prompt).names}

    assert len(phrases) >= 6
    assert phrases.keys() == set(Prompt.parse(truth.prompt).names)
    assert {"mug", "bottle"} <= {kind for _, kind in pairs}
    assert len(pairs & HELD_OUT) <= 2


def test_an_id_keeps_its_phrase_through_the_clip(truth: ClipTruth) -> None:
    assert len({(one.id, one.phrase) for frame in truth.frames for one in frame}) == len(truth.frames[0])


def test_things_pass_in_front_of_each_other_and_are_seen_again(truth: ClipTruth) -> None:
    found = crossings(truth)

    assert len({(front, behind) for front, behind, _ in found}) >= 3
    assert any(one.visible < 0.5 for _, behind, at in found for one in truth.frames[at] if one.id == behind)


def test_what_counts_shows_enough(truth: ClipTruth) -> None:
    for one in (one for frame in truth.frames for one in frame):
        x0, y0, x1, y1 = one.box_xyxy
        assert one.counted == (one.visible >= 0.3 and min(x1 - x0, y1 - y0) >= 24)  # 12 px at half the size


def test_objects_move_smoothly(truth: ClipTruth) -> None:
    whole = [{o.id: o.box_xyxy for o in frame if o.visible == 1.0} for frame in truth.frames]
    steps = [
        max(abs(b - a) for a, b in zip(before[one], after[one], strict=True))
        for before, after in pairwise(whole)
        for one in before.keys() & after.keys()
    ]

    assert max(steps) <= 16
    assert np.percentile(steps, 75) >= 1  # and they do move


def test_the_pictures_show_what_the_truth_says(truth: ClipTruth) -> None:
    with av.open(str(CLIP_PATH)) as container:
        for at, frame in enumerate(container.decode(video=0)):
            if at % 60 == 30:
                image = frame.to_ndarray(format="rgb24").astype(int)
                assert (_middle(image, _frame(truth, "red mug", at)) @ [1, -1, -1] > 50).mean() > 0.5
                assert (_middle(image, _frame(truth, "blue cube", at)) @ [-1, 0, 1] > 50).mean() > 0.4


def test_the_truth_is_read_as_it_was_written(truth: ClipTruth, tmp_path: Path) -> None:
    write_truth(tmp_path / "truth.json", truth)

    assert read_truth(tmp_path / "truth.json") == truth


def test_a_crossing_is_counted_once_and_only_when_sides_change() -> None:
    def passing(x: float) -> tuple[TruthObject, ...]:
        hidden = 0.5 if abs(x - 100) < 20 else 1.0
        near = TruthObject(1, "red mug", (x, 20, x + 40, 60), 1.0, counted=True)
        return near, TruthObject(2, "blue cube", (100, 0, 140, 40), hidden, counted=True)

    there = [float(x) for x in range(0, 200, 4)]
    back_again = [*there[:26], *reversed(there[:26])]
    clips = [ClipTruth(640, 480, 20, 0, "", tuple(passing(x) for x in path)) for path in (there, back_again)]

    assert [(front, behind) for front, behind, _ in crossings(clips[0])] == [(1, 2)]
    assert crossings(clips[1]) == []


def test_the_shipped_truth_is_what_its_seed_gives(truth: ClipTruth) -> None:
    with drawing() as draw:
        from groundcast.model.tabletop.clip import choreograph, name_objects

        scene_at = choreograph(truth.seed)
        for at in (0, 110, 215):
            scene = scene_at(at / truth.fps)
            drawn = name_objects(scene, draw(scene))
            assert [one.phrase for one in drawn] == [one.phrase for one in truth.frames[at]]
            ours, shipped = ([one.box_xyxy for one in objects] for objects in (drawn, truth.frames[at]))
            np.testing.assert_allclose(ours, shipped, atol=1.0)  # another OpenGL may round an edge otherwise


def _middle(image: NDArray[np.int64], one: TruthObject) -> NDArray[np.int64]:
    """The pixels of the inner third of an object's box."""
    x0, y0, x1, y1 = one.box_xyxy
    dx, dy = (x1 - x0) / 3, (y1 - y0) / 3
    return image[int(y0 + dy) : int(y1 - dy), int(x0 + dx) : int(x1 - dx)]
