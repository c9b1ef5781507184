"""Rendered scenes are counted with the boxes that the embedded model finds."""

from __future__ import annotations

import pytest

from .rendered_scenes import judge_rendered

pytest.importorskip("mujoco", reason="renders scenes")
SCENES, LEAST_SHARE = 70, 0.97


@pytest.mark.bar
@pytest.mark.slow
def test_nearly_all_rendered_scenes_are_counted_exactly() -> None:
    verdicts = judge_rendered(range(SCENES), ("norfair", "own"))
    for kind, verdict in verdicts.items():
        print(f"tracker {kind}")
        verdict.show()
    for verdict in verdicts.values():
        assert verdict.scenes.total() == SCENES
        assert verdict.ours.total() >= LEAST_SHARE * SCENES, verdict.wrong
