"""Picker: decides from each message of a node what the arm does next, and never acts on anything but that message."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ...stream.position import Vector3
from ...stream.track import Track
from ...stream.wire.message_types import DetectionMessage

Phase = Literal["look", "above", "down", "grip", "lift", "done"]

_HOVER_M, _GRASP_M, _LIFTED_M = 0.17, 0.015, 0.24  # heights of the tip over the table
_HOME_M: Vector3 = (0.30, 0.0, 0.38)
_FAST_M_S, _SLOW_M_S = 0.30, 0.12
_BEHIND_SURFACE_M = 0.006  # the middle of a thing lies so far behind the surface that the camera sees
_NEAR_M = 0.010  # of the tip from where it has to be
_MOVED_M = 0.035  # since the descent began: up again
_MIN_GRIP_M = 0.012  # fingers that are closer hold nothing
_MIN_SIGHTINGS = 2
_GRIP_S = 0.7
_LOOK_AGAIN_S = 2.5  # without a position: back up
_MAX_TRIES = 4


@dataclass(frozen=True, slots=True)
class ArmState:
    """What a robot tells of itself: where its tip is and how far the fingers are apart."""

    tip_m: Vector3
    grip_m: float


@dataclass(frozen=True, slots=True)
class Decision:
    """Where the tip goes next."""

    tip_m: Vector3
    speed_m_s: float
    closed: bool
    phase: Phase


class Picker:
    """Picks the thing of one phrase.

    Args:
        phrase: what to pick.
        speed: how fast simulated time passes.
    """

    def __init__(self, phrase: str, speed: float = 1.0) -> None:
        self._phrase = phrase
        self._speed = speed
        self.phase: Phase = "look"
        self.tries = 1
        self._sightings = 0
        self._target: Vector3 | None = None
        self._descent: Vector3 | None = None
        self._since_s = 0.0
        self._seen_s = 0.0

    def decide(self, message: DetectionMessage, state: ArmState, now_s: float) -> Decision | None:
        """The next command; None where this message gives no reason to move.

        Args:
            message: one that the subscriber has let through, so it is fresh.
            state: of the robot.
            now_s: monotonic.
        """
        found = self._measured(message)
        if found is not None:
            self._seen_s = now_s
            self._target = found
        if self.phase in ("grip", "lift", "done"):
            return self._hold(state, now_s)
        if found is None:
            return self._without(now_s)
        self._sightings += 1
        return self._approach(found, state, now_s)

    def _approach(self, target: Vector3, state: ArmState, now_s: float) -> Decision | None:
        x, y, _ = target
        if self.phase == "look":
            if self._sightings < _MIN_SIGHTINGS:
                return None
            self.phase = "above"
        if self.phase == "down" and self._descent is not None and _apart(self._descent, target) > _MOVED_M:
            self.phase = "above"  # it was moved
        if self.phase == "above":
            if _apart(state.tip_m, target) > _NEAR_M or state.tip_m[2] > _HOVER_M + 0.03:
                height = (
                    max(_HOVER_M, min(state.tip_m[2], _HOVER_M + 0.10))
                    if _apart(state.tip_m, target) > 0.06
                    else _HOVER_M
                )
                return Decision((x, y, height), _FAST_M_S * self._speed, closed=False, phase="above")
            self.phase, self._descent = "down", target
        if state.tip_m[2] > _GRASP_M + 0.008 or _apart(state.tip_m, target) > _NEAR_M:
            low = _GRASP_M if _apart(state.tip_m, target) < 2 * _NEAR_M else state.tip_m[2]
            return Decision((x, y, low), _SLOW_M_S * self._speed, closed=False, phase="down")
        self.phase, self._since_s = "grip", now_s
        return self._hold(state, now_s)

    def _hold(self, state: ArmState, now_s: float) -> Decision:
        """Close the fingers, wait, and lift: straight up, wherever the thing is by now."""
        x, y, z = state.tip_m
        if self.phase == "grip":
            if now_s - self._since_s < _GRIP_S / self._speed:
                return Decision((x, y, z), _SLOW_M_S * self._speed, closed=True, phase="grip")
            self.phase = "lift"
        if self.phase == "lift" and state.grip_m < _MIN_GRIP_M:
            self._begin_again()
            return Decision((x, y, _LIFTED_M), _FAST_M_S * self._speed, closed=False, phase="look")
        if z > _LIFTED_M - 0.01:
            self.phase = "done"
        return Decision((x, y, _LIFTED_M), _SLOW_M_S * self._speed, closed=True, phase=self.phase)

    def _without(self, now_s: float) -> Decision | None:
        """The thing has no position in this message: stand still, and go up after a while to see more."""
        if self.phase == "look" or now_s - self._seen_s > _LOOK_AGAIN_S / self._speed:
            if self.phase != "look":
                self._begin_again()
            return Decision(_HOME_M, _SLOW_M_S * self._speed, closed=False, phase="look")
        return None

    def _begin_again(self) -> None:
        self.tries += 1
        self.phase = "look" if self.tries <= _MAX_TRIES else "done"
        self._sightings, self._descent = 0, None

    def _measured(self, message: DetectionMessage) -> Vector3 | None:
        """The middle of the thing, where this message's own picture measured it."""
        tracks = [track for track in message.tracks if track.phrase == self._phrase and _is_measured(track)]
        if not tracks:
            return None
        best = max(tracks, key=self._likelihood)
        assert best.position is not None
        x, y, z = best.position.xyz_m
        pose = message.frame.pose
        if pose is None:
            return (x, y, z)
        across, along = x - pose.translation_m[0], y - pose.translation_m[1]
        far = math.hypot(across, along)
        if far < 0.02:
            return (x, y, z)
        return (x + across / far * _BEHIND_SURFACE_M, y + along / far * _BEHIND_SURFACE_M, z)

    def _likelihood(self, track: Track) -> float:
        """Its score, and less of it the further it is from where the thing was."""
        assert track.position is not None
        known = self._target
        return track.score - (2.0 * _apart(track.position.xyz_m, known) if known is not None else 0.0)


def _is_measured(track: Track) -> bool:
    return track.position is not None and track.position.predicted_s is None and track.state != "coasting"


def _apart(one: Vector3, other: Vector3) -> float:
    return math.hypot(one[0] - other[0], one[1] - other[1])
