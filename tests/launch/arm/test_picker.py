"""The picker moves the arm on positions that a message's own picture measured, and on nothing else."""

from __future__ import annotations

from groundcast.launch.arm.picker import ArmState, Decision, Picker
from groundcast.stream.position import CameraPose, Position
from groundcast.stream.track import Track
from groundcast.stream.wire.message_types import DetectionMessage, FrameInfo, ModelInfo, PromptInfo

HOME = ArmState((0.30, 0.0, 0.38), 0.11)
PLACE = (0.42, 0.05, 0.05)


def track(
    xyz_m: tuple[float, float, float] | None, *, phrase: str = "red mug", predicted_s: float | None = None
) -> Track:
    position = (
        None
        if xyz_m is None
        else Position("base", xyz_m, (1e-6, 0, 0, 1e-6, 0, 1e-6), "depth", predicted_s=predicted_s)
    )
    return Track(
        id=1,
        uid="a",
        phrase=phrase,
        score=0.9,
        box_xyxy=(0.0, 0.0, 9.0, 9.0),
        detected_xyxy=(0.0, 0.0, 9.0, 9.0),
        state="matched",
        first_seen_unix_ns=1,
        last_matched_unix_ns=1,
        age_s=1.0,
        misses=0,
        velocity_px_s=(0.0, 0.0),
        position=position,
    )


def message(*tracks: Track) -> DetectionMessage:
    pose = CameraPose("base", (0.42, 0.05, 0.6), (0.0, 0.0, 0.0, 1.0))
    return DetectionMessage(
        node="n",
        source="wrist",
        epoch=1,
        generation=1,
        seq=1,
        frame=FrameInfo(0, 640, 480, "push", captured_unix_ns=1, age_ms=5.0, pose=pose),
        model=ModelInfo("tabletop", "float32", "mean"),
        prompt=PromptInfo(1, "", ("red mug",)),
        tracks=tracks,
        published_unix_ns=1,
        published_monotonic_ns=1,
    )


def above(picker: Picker) -> Decision:
    picker.decide(message(track(PLACE)), HOME, 0.0)
    decision = picker.decide(message(track(PLACE)), HOME, 0.1)
    assert decision is not None
    return decision


def test_two_sightings_send_the_arm_above_the_thing() -> None:
    picker = Picker("red mug")

    first = picker.decide(message(track(PLACE)), HOME, 0.0)
    second = picker.decide(message(track(PLACE)), HOME, 0.1)

    assert first is None
    assert second is not None
    assert second.phase == "above"
    assert second.tip_m[:2] == PLACE[:2]
    assert second.tip_m[2] > 0.1
    assert not second.closed


def test_another_thing_and_a_predicted_position_move_nothing() -> None:
    picker = Picker("red mug")
    above(picker)

    assert picker.decide(message(track(PLACE, phrase="blue mug")), HOME, 0.2) is None
    assert picker.decide(message(track(PLACE, predicted_s=0.2)), HOME, 0.3) is None
    assert picker.decide(message(track(None)), HOME, 0.4) is None


def test_the_whole_pick_goes_down_closes_and_lifts() -> None:
    picker = Picker("red mug")
    above(picker)

    down = picker.decide(message(track(PLACE)), ArmState((0.42, 0.05, 0.17), 0.11), 1.0)
    grip = picker.decide(message(track(PLACE)), ArmState((0.42, 0.05, 0.016), 0.11), 2.0)
    lift = picker.decide(message(), ArmState((0.42, 0.05, 0.016), 0.07), 3.0)
    done = picker.decide(message(), ArmState((0.42, 0.05, 0.238), 0.07), 4.0)

    assert down is not None
    assert (down.phase, down.closed) == ("down", False)
    assert down.tip_m[2] < 0.03
    assert grip is not None
    assert (grip.phase, grip.closed) == ("grip", True)
    assert lift is not None
    assert (lift.phase, lift.closed) == ("lift", True)
    assert lift.tip_m[2] > 0.2
    assert done is not None
    assert done.phase == "done"


def test_a_thing_that_moves_is_followed_from_above() -> None:
    picker = Picker("red mug")
    above(picker)
    picker.decide(message(track(PLACE)), ArmState((0.42, 0.05, 0.17), 0.11), 1.0)

    followed = picker.decide(message(track((0.35, -0.05, 0.05))), ArmState((0.42, 0.05, 0.10), 0.11), 1.2)

    assert followed is not None
    assert followed.phase == "above"
    assert followed.tip_m[0] < 0.40
    assert followed.tip_m[2] >= 0.17


def test_empty_fingers_begin_again() -> None:
    picker = Picker("red mug")
    above(picker)
    picker.decide(message(track(PLACE)), ArmState((0.42, 0.05, 0.17), 0.11), 1.0)
    picker.decide(message(track(PLACE)), ArmState((0.42, 0.05, 0.016), 0.11), 2.0)

    again = picker.decide(message(), ArmState((0.42, 0.05, 0.016), 0.002), 3.0)

    assert again is not None
    assert not again.closed
    assert again.tip_m[2] > 0.2
    assert picker.tries == 2


def test_a_thing_out_of_sight_sends_the_arm_up_after_a_while() -> None:
    picker = Picker("red mug")
    above(picker)
    low = ArmState((0.42, 0.05, 0.10), 0.11)

    assert picker.decide(message(), low, 1.0) is None
    back = picker.decide(message(), low, 4.0)

    assert back is not None
    assert back.phase == "look"
    assert back.tip_m[2] > 0.3
