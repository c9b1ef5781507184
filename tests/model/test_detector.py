"""The detector's public interface."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from groundcast.model.detector import Detector, DetectorOptions, DeviceError
from groundcast.model.prompt import Prompt, PromptError
from groundcast.model.query import Query
from groundcast.model.runtime.ticket import CancelledError

from .tiny import write_tiny

MUG = Prompt.parse("red mug . can")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def detector(weights: Path) -> Iterator[Detector]:
    with Detector.load(str(weights), DetectorOptions(device="cpu", threshold=0.0)) as loaded:
        yield loaded


def _picture(height: int, width: int, seed: int = 0) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)


def test_pictures_of_many_sizes_and_prompts_answer_as_each_alone(detector: Detector) -> None:
    pictures = [_picture(64, 96), _picture(128, 192, 1), _picture(100, 60, 2)]
    prompts = [MUG, Prompt.parse("blue object"), MUG]
    together = detector.detect(pictures, prompts)
    for row, found in enumerate(together):
        (alone,) = detector.detect([pictures[row]], [prompts[row]])
        assert found.names == prompts[row].names
        assert len(found) == len(alone) > 0
        np.testing.assert_allclose(np.sort(found.scores), np.sort(alone.scores), atol=1e-4)
        height, width = pictures[row].shape[:2]
        assert (found.boxes_xyxy >= 0).all()
        assert (found.boxes_xyxy <= [width, height, width, height]).all()


def test_a_picture_of_one_pixel_and_a_blank_one_are_answered(detector: Detector) -> None:
    for picture in (_picture(1, 1), np.zeros((480, 640, 3), np.uint8)):
        (found,) = detector.detect([picture], [MUG])
        assert np.isfinite(found.scores).all()
        assert np.isfinite(found.boxes_xyxy).all()


def test_words_it_was_not_taught_are_refused_with_the_list(detector: Detector) -> None:
    with pytest.raises(PromptError, match=r"not taught 'zebra': it knows object, red, .*mug.*--model"):
        detector.check(Prompt.parse("red mug . zebra"))
    with pytest.raises(PromptError, match="not taught 'mug red'"):
        detector.detect([_picture(64, 96)], [Prompt.parse("mug red")])


def test_tickets_finish_in_order_and_call_back(detector: Detector) -> None:
    finished: list[int] = []
    done = threading.Event()

    def note(index: int) -> None:
        finished.append(index)
        if index == 4:
            done.set()

    tickets = [detector.submit([Query(_picture(64, 96, i), MUG)], lambda i=i: note(i)) for i in range(5)]
    assert done.wait(20)
    assert finished == [0, 1, 2, 3, 4]
    assert all(ticket.done() for ticket in tickets)


def hold(released: threading.Event) -> None:
    released.wait(60)


def test_a_ticket_that_has_not_begun_can_be_cancelled(weights: Path) -> None:
    with Detector.load(str(weights)) as own:
        released = threading.Event()
        first = own.submit([Query(_picture(64, 96), MUG)], lambda: hold(released))
        second = own.submit([Query(_picture(64, 96), MUG)])
        first.wait(20)  # its callback now holds the detector's thread
        assert second.cancel()
        released.set()
        with pytest.raises(CancelledError):
            second.wait(20)
        assert not second.cancel()


def test_a_worker_in_the_middle_of_a_batch_is_left_behind(weights: Path) -> None:
    own, released = Detector.load(str(weights)), threading.Event()
    own.submit([Query(_picture(64, 96), MUG)], lambda: hold(released)).wait(20)
    begin_s = time.monotonic()
    own.close(0.05)
    assert time.monotonic() - begin_s < 20.0  # the callback would hold it for a minute
    released.set()
    own.close()


def test_a_closed_detector_gives_no_answer(weights: Path) -> None:
    own = Detector.load(str(weights))
    own.close()
    own.close()
    with pytest.raises(CancelledError):
        own.submit([Query(_picture(64, 96), MUG)])


def test_what_is_no_picture_is_refused(detector: Detector) -> None:
    grey, empty = np.zeros((64, 96), np.uint8), np.zeros((0, 96, 3), np.uint8)
    for wrong in (grey, np.zeros((64, 96, 3), np.float32), empty, None, "desk.jpg"):
        with pytest.raises(ValueError, match="uint8 RGB"):
            detector.submit([Query(wrong, MUG)])  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="as many prompts"):
        detector.detect([_picture(64, 96)], [MUG, MUG])


def test_a_device_that_is_not_here_is_refused(weights: Path) -> None:
    with pytest.raises(DeviceError, match="'warp9' is no device"):
        Detector.load(str(weights), DetectorOptions(device="warp9"))


def test_a_threshold_that_is_no_number_is_refused(weights: Path) -> None:
    with pytest.raises(PromptError, match="nan"):
        Detector.load(str(weights), DetectorOptions(threshold=float("nan")))


def test_parallel_workers_give_the_results_of_one(weights: Path, detector: Detector) -> None:
    pictures = [_picture(64, 96, seed) for seed in range(8)]
    with Detector.load(str(weights), DetectorOptions(device="cpu", threshold=0.0, cpu_workers=2)) as two:
        assert (detector.depth, two.depth) == (1, 2)
        both_at_work = threading.Barrier(2)  # a single worker would wait here in vain
        tickets = [two.submit([Query(picture, MUG)], lambda: _meet(both_at_work)) for picture in pictures]
        for ticket, picture in zip(tickets, pictures, strict=True):
            (found,), (alone,) = ticket.wait(20), detector.detect([picture], [MUG])
            np.testing.assert_allclose(found.boxes_xyxy, alone.boxes_xyxy, atol=0.01)
            np.testing.assert_allclose(found.scores, alone.scores, atol=1e-5)


def _meet(barrier: threading.Barrier) -> None:
    barrier.wait(20)
