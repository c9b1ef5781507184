"""`groundcast bridge foxglove`: what it refuses."""

from __future__ import annotations

import pytest

from ..commands import in_process


def test_an_address_that_others_reach_needs_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    ended = in_process(capsys, "bridge", "foxglove", "--host", "0.0.0.0")

    assert ended.code == 2
    assert "--host 0.0.0.0 can be reached by others" in ended.err
