"""Faults of a sender are logged when they change, and from time to time while they last."""

from __future__ import annotations

import logging

import pytest

from groundcast.stream.bridges.fault_log import FaultLog

LOG = logging.getLogger("sender")


def test_a_fault_that_lasts_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    faults = FaultLog(LOG)
    for waiting in range(3):
        faults.warn(f"http://host:80 takes no events (no answer in time): {waiting} wait")
    assert caplog.messages == ["http://host:80 takes no events (no answer in time): 0 wait"]


def test_another_fault_is_logged_at_once(caplog: pytest.LogCaptureFixture) -> None:
    faults = FaultLog(LOG)
    faults.warn("http://host:80 takes no events (no answer in time): 2 wait")
    faults.warn("http://host:80 rejected an event with 400: it is dropped")
    assert len(caplog.messages) == 2


def test_a_fault_is_logged_again_after_a_while_or_after_a_success(caplog: pytest.LogCaptureFixture) -> None:
    faults = FaultLog(LOG, every_s=0.0)
    faults.warn("a fault: 1")
    faults.warn("a fault: 2")
    faults = FaultLog(LOG)
    faults.warn("a fault: 3")
    faults.clear()
    faults.warn("a fault: 4")
    assert len(caplog.messages) == 4
