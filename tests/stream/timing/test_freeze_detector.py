from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from groundcast.model.image import DecodedImage
from groundcast.stream.timing.freeze_detector import FreezeDetector

RANDOM = np.random.default_rng(5)


def _noise(low: int, high: int) -> NDArray[np.uint8]:
    return (low + (high - low) * RANDOM.random((720, 1280, 3), np.float32)).astype(np.uint8)


SCENE = _noise(40, 200)
SMOOTH = np.asarray(cv2.resize(SCENE[::40, ::40], (640, 360), interpolation=cv2.INTER_CUBIC), np.uint8)


def _warning(*pictures: NDArray[np.uint8], every_s: float = 0.5, longest_s: float = 10.0) -> str | None:
    watch = FreezeDetector()
    for number, picture in enumerate(pictures):
        watch.update(picture, 100.0 + number * every_s, longest_s)
    return watch.warning


def test_the_same_picture_for_ten_seconds_is_noticed_and_not_before() -> None:
    assert _warning(*[SCENE] * 20) is None
    said = _warning(*[SCENE] * 21)
    assert said is not None
    assert "not changed for 10 s" in said


@pytest.mark.parametrize("quality", [60, 90])
def test_a_still_scene_is_still_though_the_sensor_is_noisy_and_the_picture_is_coded_anew(quality: int) -> None:
    def coded() -> NDArray[np.uint8]:
        noisy = np.clip(SMOOTH + RANDOM.normal(0.0, 3.0, SMOOTH.shape), 0, 255).astype(np.uint8)
        jpeg = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)

    assert _warning(*[coded() for _ in range(23)]) is not None


def test_what_coding_the_same_picture_again_does_to_it_is_no_change() -> None:
    again = [SCENE + _noise(0, 12) for _ in range(25)]
    assert _warning(*again) is not None


@pytest.mark.parametrize("place", [(0, 0), (300, 640), (690, 1240)])
def test_something_small_that_moves_is_a_change(place: tuple[int, int]) -> None:
    moved = SCENE.copy()
    moved[place[0] : place[0] + 21, place[1] : place[1] + 21] ^= 0x40
    assert _warning(*[SCENE, moved] * 15) is None


def test_a_warning_clears_itself() -> None:
    assert _warning(*[SCENE] * 25, np.invert(SCENE)) is None


def test_dusk_is_not_frozen() -> None:
    assert _warning(*[np.full((90, 160, 3), 200 - number, np.uint8) for number in range(150)]) is None


def test_a_covered_lens_is_black_though_the_camera_writes_the_time() -> None:
    pictures = [_noise(0, 20) for _ in range(25)]
    for number, picture in enumerate(pictures):
        picture[10:30, 10 * number : 10 * number + 200] = 255
    said = _warning(*pictures)
    assert said is not None
    assert "black for 12 s" in said


def test_a_dark_room_with_a_lamp_in_it_is_not_black() -> None:
    room = np.zeros((480, 640, 3), np.uint8)
    room[100:200, 100:200] = 180
    assert "black" not in (_warning(*[room] * 25) or "")


def test_another_size_is_a_change_and_a_tiny_picture_is_fine() -> None:
    sizes = [(24, 32), (480, 640), (3, 5), (1, 1)]
    assert _warning(*[np.full((*size, 3), 100, np.uint8) for size in sizes * 8]) is None


@pytest.mark.parametrize(("gpu", "looks"), [(None, 16), (0, 4)])
def test_a_picture_is_brought_from_a_gpu_once_a_second(gpu: int | None, looks: int) -> None:
    asked: list[int] = []

    def to_rgb() -> NDArray[np.uint8]:
        asked.append(1)
        return SCENE

    watch = FreezeDetector()
    for number in range(32):
        watch.update(DecodedImage((), (720, 1280, 3), "bt709", False, gpu, to_rgb), 100.0 + number / 8, 10.0)
    assert len(asked) == looks
