"""What cameras do wrong, as things that can be done to one, and what its source must say of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Self

import numpy as np

from groundcast.stream.options import SourceOptions
from groundcast.stream.stats import SourceState

from ..stream.encoded_clips import Clip, encode_pictures, read_h264
from ..stream.rtsp_server import Behaviour, RtspServer
from ..stream.watched_reader import DATA
from .camera_process import moving_pictures, moving_scene

RATE_HZ = 10
OPEN_TIMEOUT_S, READ_TIMEOUT_S, FROZEN_AFTER_S = 1.0, 2.0, 1.0


def watched_source(name: str, url: str) -> SourceOptions:
    """A source with the limits that the signs' times are made for."""
    return SourceOptions(
        name, url, open_timeout_s=OPEN_TIMEOUT_S, read_timeout_s=READ_TIMEOUT_S, frozen_after_s=FROZEN_AFTER_S
    )


@cache
def moving() -> Clip:
    """Squares on a floor, with a key frame every second."""
    return moving_scene(320, 240, RATE_HZ)


@cache
def larger() -> Clip:
    return moving_scene(640, 360, RATE_HZ)


@cache
def in_h265() -> Clip:
    return moving_scene(320, 240, RATE_HZ, "hevc")


@cache
def still() -> Clip:
    """The first picture of the moving ones, for ever."""
    picture = next(moving_pictures(320, 240, 1))
    return encode_pictures([picture] * RATE_HZ, RATE_HZ, RATE_HZ)


@cache
def black() -> Clip:
    return encode_pictures([np.zeros((240, 320, 3), np.uint8)] * RATE_HZ, RATE_HZ, RATE_HZ)


@cache
def street() -> Clip:
    """Real footage, where it is; its key frames lie 8.4 s apart."""
    path = DATA / "street.h264"
    return read_h264(path) if path.exists() else moving()


class FaultyCamera:
    """A camera on a port of its own, to which faults can be done."""

    def __init__(self, clip: Clip, port: int = 0) -> None:
        self.behaviour = Behaviour()
        self._turns = 0
        self._clip = clip
        self._server = RtspServer(clip, port=port, behaviour=self.behaviour)
        self.url = self._server.url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def kill(self) -> None:
        self._server.close()

    def revive(self, clip: Clip | None = None) -> None:
        self._server = RtspServer(clip or self._clip, port=self._server.port, behaviour=self.behaviour)

    def show(self, clip: Clip) -> None:
        self._server.show(clip)

    def hang_up(self) -> None:
        self._server.hang_up()

    def reset(self) -> None:
        self._server.break_connections()

    def turn(self) -> int:
        """0, 1, 0, 1, ...: for faults that go one way and then the other."""
        self._turns += 1
        return self._turns % 2


@dataclass(frozen=True)
class Sign:
    """What a source must say, and how soon after the fault began.

    Args:
        state: of the source.
        says: part of its error, or of its warning; "" where it has nothing to say.
        within_s: seconds.
    """

    state: SourceState
    says: str
    within_s: float


@dataclass(frozen=True)
class Fault:
    """One thing that a camera does wrong.

    Args:
        name: for the report.
        begin: does it.
        signs: what must be seen then, in this order.
        end: lets the camera come back.
        clip: what it shows at first.
    """

    name: str
    begin: Callable[[FaultyCamera], None]
    signs: tuple[Sign, ...]
    end: Callable[[FaultyCamera], None]
    clip: Callable[[], Clip] = moving


def _do(**changes: object) -> Callable[[FaultyCamera], None]:
    def change(camera: FaultyCamera) -> None:
        for name, value in changes.items():
            setattr(camera.behaviour, name, value)

    return change


def _then(*steps: Callable[[FaultyCamera], None]) -> Callable[[FaultyCamera], None]:
    def all_of_them(camera: FaultyCamera) -> None:
        for step in steps:
            step(camera)

    return all_of_them


_LOST = Sign("reconnecting", "", 1.0)
_REFUSED = Sign("reconnecting", "refused the connection", 2.5)
_ON = Sign("running", "", 1.0)
_LEAPS_S = {number: 500.0 if number // 5 % 2 else -500.0 for number in range(0, 100_000, 5)}

FAULTS = (
    Fault("killed and back", FaultyCamera.kill, (_LOST, _REFUSED), FaultyCamera.revive),
    Fault(
        "unplugged: silence without a reset",
        lambda camera: camera.behaviour.unplug(),
        (Sign("stalled", "no packet for", 2.0), Sign("reconnecting", "sent nothing for", READ_TIMEOUT_S + 1.0)),
        lambda camera: camera.behaviour.plug_in(),
    ),
    Fault(
        "accepts and never answers",
        _then(_do(mute=True), FaultyCamera.reset),
        (_LOST, Sign("reconnecting", "did not answer within", 2 * OPEN_TIMEOUT_S + 1.0)),
        _do(mute=False),
    ),
    Fault("resets every connection", _then(_do(reset=True), FaultyCamera.reset), (_LOST,), _do(reset=False)),
    Fault("stops in mid-GOP", _then(_do(first_picture=5), FaultyCamera.hang_up), (_LOST,), lambda _: None),
    Fault(
        "changes its resolution",
        lambda camera: camera.show(larger() if camera.turn() else moving()),
        (_ON,),
        lambda _: None,
    ),
    Fault(
        "comes back with H.265 instead of H.264, and the other way round",
        FaultyCamera.kill,
        (_LOST,),
        lambda camera: camera.revive(in_h265() if camera.turn() else moving()),
    ),
    Fault("times leap back and forth", _do(leaps_s=_LEAPS_S), (_ON,), _do(leaps_s={})),
    Fault(
        "times stand still",
        _do(frozen_time=True),
        (Sign("stalled", "times stand still", 2.5),),
        _do(frozen_time=False),
    ),
    Fault(
        "sends the same picture",
        lambda camera: camera.show(still()),
        (Sign("running", "have not changed for", FROZEN_AFTER_S + 2.0),),
        lambda camera: camera.show(moving()),
    ),
    Fault(
        "covers its lens",
        lambda camera: camera.show(black()),
        (Sign("running", "have been black for", FROZEN_AFTER_S + 2.0),),
        lambda camera: camera.show(moving()),
    ),
    Fault(
        "turns from H.264 into H.265 without a word, and back",
        lambda camera: camera.show(in_h265() if camera.turn() else moving()),
        (Sign("stalled", "no p", 2.0), Sign("reconnecting", "", READ_TIMEOUT_S + 2.0)),
        lambda _: None,
    ),
    Fault(
        "describes another stream",
        _then(FaultyCamera.kill, lambda camera: setattr(camera.behaviour, "sets_of", larger())),
        (_LOST,),
        FaultyCamera.revive,
    ),
    Fault("describes nothing", _then(FaultyCamera.kill, _do(fmtp=False)), (_LOST,), FaultyCamera.revive),
    Fault("flips bytes in 5 % of its packets", _do(flip_share=0.05), (_ON,), _do(flip_share=0.0), street),
)
