"""Message parts: what a message says of its frame, and how long each stage took."""

from __future__ import annotations

from ..frame import Frame
from ..geometry.position_finder import Placed
from ..wire.message_types import FrameInfo
from .inference import FrameResult


def frame_info(frame: Frame, age_ms: float | None, placed: Placed | None) -> FrameInfo:
    """The frame in a message; `placed` says where its camera was, where the source has geometry."""
    return FrameInfo(
        index=frame.index,
        width=frame.width,
        height=frame.height,
        clock=frame.clock,
        pts=frame.pts,
        time_base=frame.time_base,
        file=frame.file,
        frame_id=frame.frame_id,
        captured_unix_ns=frame.captured_unix_ns,
        captured_sent_unix_ns=frame.captured_sent_unix_ns,
        captured_error_ms=frame.captured_error_ms,
        age_ms=age_ms,
        pose=placed and placed.pose,
        calibration=placed and placed.calibration,
    )


def stage_ms(result: FrameResult, now_ns: int) -> dict[str, float]:
    """How long each stage took; their sum is the time from the picture's first bytes to its message."""
    frame = result.query.frame
    return {
        "decode": (frame.decoded_ns - frame.received_ns) / 1e6,
        "wait": (result.submitted_ns - frame.decoded_ns) / 1e6,
        "infer": (result.done_ns - result.submitted_ns) / 1e6,
        "track": (now_ns - result.done_ns) / 1e6,
    }
