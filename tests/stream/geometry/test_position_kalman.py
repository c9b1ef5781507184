"""The filter of a position: in seconds, growing while nothing is measured, and not fooled by one wrong measurement."""

from __future__ import annotations

import numpy as np
import pytest

from groundcast.stream.geometry.position_kalman import PositionKalman

NOISE_M2 = np.eye(3) * 0.002**2
NONE_M2 = np.zeros((3, 3))


def test_velocity_is_found_in_metres_per_second_at_any_rate() -> None:
    for step_s in (1 / 30, 0.1):
        kalman = PositionKalman(np.zeros(3), NOISE_M2, 0.5)
        for step in range(1, 40):
            kalman.predict(step_s)
            assert kalman.update(np.array([0.2 * step * step_s, 0.0, 0.0]), NOISE_M2, NONE_M2)
        assert kalman.velocity_m_s is not None
        assert kalman.velocity_m_s[0] == pytest.approx(0.2, abs=0.01)


def test_predicting_in_parts_is_predicting_once() -> None:
    one, two = (PositionKalman(np.ones(3), NOISE_M2, 1.0) for _ in range(2))
    one.predict(0.3)
    for _ in range(30):
        two.predict(0.01)
    np.testing.assert_allclose(one.covariance_m2, two.covariance_m2, rtol=1e-6)
    assert one.predicted_s == pytest.approx(two.predicted_s)


def test_coasting_makes_the_covariance_grow() -> None:
    kalman = PositionKalman(np.zeros(3), NOISE_M2, 2.0)
    sizes: list[float] = []
    for _ in range(10):
        sizes.append(float(np.trace(kalman.covariance_m2)))
        kalman.predict(0.05)
    assert sizes == sorted(sizes)
    assert sizes[-1] > 10 * sizes[0]


def test_one_outlier_is_left_out_and_a_second_one_begins_anew() -> None:
    kalman = PositionKalman(np.zeros(3), NOISE_M2, 0.5)
    for _ in range(20):
        kalman.predict(0.03)
        kalman.update(np.zeros(3), NOISE_M2, NONE_M2)
    far = np.array([0.5, 0.0, 0.0])
    kalman.predict(0.03)
    assert not kalman.update(far, NOISE_M2, NONE_M2)
    assert abs(kalman.point_m[0]) < 0.01
    assert kalman.predicted_s == pytest.approx(0.03)
    kalman.predict(0.03)
    assert kalman.update(far, NOISE_M2, NONE_M2)
    assert kalman.point_m[0] == pytest.approx(0.5)
    assert kalman.velocity_m_s is None


def test_its_covariance_is_the_spread_of_its_errors() -> None:
    rng = np.random.default_rng(6)
    inside = 0
    for _ in range(200):
        kalman = PositionKalman(rng.normal(0, 0.002, 3), NOISE_M2, 0.05)
        for _ in range(8):
            kalman.predict(0.03)
            kalman.update(rng.normal(0, 0.002, 3), NOISE_M2, NONE_M2)
        inside += float(kalman.point_m @ np.linalg.solve(kalman.covariance_m2, kalman.point_m)) < 7.815
    assert inside / 200 > 0.92


def test_a_position_without_noise_across_a_plane_is_filtered() -> None:
    flat = np.diag([1e-6, 1e-6, 0.0])
    kalman = PositionKalman(np.zeros(3), flat, 1.0)
    for _ in range(5):
        kalman.predict(0.0)
        assert kalman.update(np.zeros(3), flat, NONE_M2)
    assert np.isfinite(kalman.covariance_m2).all()


def test_a_long_run_stays_stable() -> None:
    rng = np.random.default_rng(7)
    kalman = PositionKalman(np.zeros(3), NOISE_M2, 2.0)
    for _ in range(3000):
        kalman.predict(1 / 30)
        assert kalman.update(rng.normal(0, 0.002, 3), NOISE_M2, NONE_M2)
    assert np.abs(kalman.covariance_m2 - kalman.covariance_m2.T).max() < 1e-12
    assert 0 < np.trace(kalman.covariance_m2) < np.trace(NOISE_M2)
