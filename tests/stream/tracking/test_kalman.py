from __future__ import annotations

import numpy as np
import pytest

from groundcast.stream.tracking.kalman import BoxKalman


def _box(cx: float, cy: float, width: float = 40.0, height: float = 20.0) -> list[list[float]]:
    return [[cx], [cy], [width], [height]]


def _kalman(step_s: float) -> BoxKalman:
    return BoxKalman(np.array(_box(100.0, 50.0)).reshape(2, 2), lambda: step_s)


def test_a_box_at_constant_velocity_is_predicted_where_it_goes() -> None:
    kalman = _kalman(0.1)
    for number in range(1, 21):
        kalman.predict()
        kalman.update(np.array(_box(100.0 + 10.0 * number, 50.0)))
    kalman.predict()
    assert kalman.x[:4, 0].tolist() == pytest.approx([310.0, 50.0, 40.0, 20.0], abs=1.0)
    assert kalman.x[4:6, 0].tolist() == pytest.approx([100.0, 0.0], abs=3.0)


def test_many_small_steps_predict_what_one_long_step_does() -> None:
    many, one = _kalman(0.1), _kalman(1.0)
    for kalman in (many, one):
        kalman.x[4:6, 0] = (30.0, -5.0)
    for _ in range(10):
        many.predict()
    one.predict()
    assert many.x.ravel().tolist() == pytest.approx(one.x.ravel().tolist())
    assert many.centre_error_px == pytest.approx(one.centre_error_px)


def test_the_uncertainty_grows_without_detections_and_shrinks_with_one() -> None:
    kalman = _kalman(0.1)
    first_px = kalman.centre_error_px
    kalman.predict()
    predicted_px = kalman.centre_error_px
    kalman.update(np.array(_box(100.0, 50.0)))
    assert predicted_px > first_px
    assert kalman.centre_error_px < predicted_px


def test_a_box_that_is_being_occluded_moves_less_than_its_visible_part() -> None:
    whole, occluded = _kalman(0.1), _kalman(0.1)
    for kalman, width in ((whole, 40.0), (occluded, 20.0)):
        kalman.predict()
        kalman.update(np.array(_box(110.0, 50.0, width)))
    assert occluded.x[4, 0] < whole.x[4, 0]
