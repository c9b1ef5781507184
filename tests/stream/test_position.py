"""A position's uncertainty is that of its least certain direction."""

import json
from pathlib import Path

import numpy as np
import pytest

from groundcast.stream import position as door
from groundcast.stream.position import METHODS, NO_POSITION, Position


def test_sigma_is_the_root_of_the_largest_eigenvalue() -> None:
    rng = np.random.default_rng(5)
    for scale in (1e-12, 1e-6, 1.0, 1e6):
        half = rng.normal(0, scale, (3, 3))
        covariance = half @ half.T
        xx, xy, xz, yy, yz, zz = covariance[np.triu_indices(3)].tolist()
        expected = np.sqrt(np.linalg.eigvalsh(covariance)[-1])
        assert Position("base", (0, 0, 0), (xx, xy, xz, yy, yz, zz), "depth").sigma_m == pytest.approx(expected)


@pytest.mark.parametrize(
    ("covariance", "sigma_m"), [((4, 0, 0, 4, 0, 4), 2), ((0, 0, 0, 0, 0, 0), 0), ((9, 0, 0, 1, 0, 4), 3)]
)
def test_sigma_of_a_sphere_a_point_and_an_axis(covariance: door.Covariance, sigma_m: float) -> None:
    assert Position("base", (0, 0, 0), covariance, "plane").sigma_m == pytest.approx(sigma_m)


def test_the_published_schema_names_every_reason_and_method() -> None:
    schema = json.loads((Path(door.__file__).parent / "wire" / "message.schema.json").read_text())
    reasons = schema["$defs"]["track"]["properties"]["no_position"]["description"]
    assert [name for name in NO_POSITION if name not in reasons] == []
    assert [
        name for name in METHODS if name not in schema["$defs"]["position"]["properties"]["method"]["description"]
    ] == []
