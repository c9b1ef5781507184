"""Message encoding: dataclasses to msgpack bytes, and back.

Maps, lists, texts, integers, floats, booleans: readable by any msgpack in any language. Unknown values are
absent, except `detected_xyxy`, which is null while a track coasts. Minor versions only add keys, and a reader
ignores keys it does not know. `message.schema.json` and `status.schema.json` say the same for other languages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import get_args

from ..stats import SourceState
from ..track import Box, Track, TrackState
from .message_fields import Fields
from .message_identity import identity_map, open_message, read_identity
from .message_types import (
    ClockName,
    DetectionMessage,
    FrameInfo,
    ModelInfo,
    PictureHeader,
    PromptInfo,
    StatusMessage,
)
from .packing import pack
from .place_counts import counts_map, read_counts
from .position_map import pose_map, position_map, read_pose, read_position

_MAX_REASON_LENGTH = 2000
_CLOCKS: tuple[ClockName, ...] = get_args(ClockName)
_SOURCE_STATES: tuple[SourceState, ...] = get_args(SourceState)
_TRACK_STATES: tuple[TrackState, ...] = get_args(TrackState)


def encode(message: DetectionMessage | StatusMessage | PictureHeader) -> bytes:
    """One message as bytes that the matching decode function accepts.

    Raises:
        MessageError: a value that cannot be sent (NaN, a numpy number, a bad name), named by its key.
    """
    # A message is checked by the rules for reading: one set of rules, and no message that a subscriber would refuse.
    if isinstance(message, DetectionMessage):
        values = _detections_map(message)
        _read_detections(Fields(values))
    elif isinstance(message, StatusMessage):
        values = _status_map(message)
        _read_status(Fields(values))
    else:
        values = identity_map(message)
        _read_picture_header(Fields(values))
    return pack(values)


def decode_detections(body: bytes) -> DetectionMessage:
    """The message in `body`.

    Raises:
        MessageError: not msgpack, another major version, a missing key, a wrong type or range.
    """
    return _read_detections(open_message(body))


def decode_status(body: bytes) -> StatusMessage:
    """The status in `body`; raises as `decode_detections` does."""
    return _read_status(open_message(body))


def decode_picture_header(body: bytes) -> PictureHeader:
    """The header in `body`; raises as `decode_detections` does."""
    return _read_picture_header(open_message(body))


def as_replay(message: DetectionMessage | StatusMessage) -> DetectionMessage | StatusMessage:
    """The same message, marked as sent again."""
    return replace(message, replay=True)


def _detections_map(message: DetectionMessage) -> dict[str, object]:
    values = identity_map(message)
    values["frame"] = _frame_map(message.frame)
    values["published_unix_ns"] = message.published_unix_ns
    values["published_monotonic_ns"] = message.published_monotonic_ns
    if message.boot_id:
        values["boot_id"] = message.boot_id
    model, prompt = message.model, message.prompt
    values.update(
        stage_ms=dict(message.stage_ms),
        model={"name": model.name, "dtype": model.dtype, "score_rule": model.score_rule},
        prompt={"version": prompt.version, "hash": prompt.hash, "phrases": list(prompt.phrases)},
        dropped=message.dropped,
        dropped_total=message.dropped_total,
        stale=message.stale,
        replay=message.replay,
        tracks=[_track_map(track) for track in message.tracks],
    )
    if message.tracks_left_out:
        values["tracks_left_out"] = message.tracks_left_out
    return values


def _frame_map(frame: FrameInfo) -> dict[str, object]:
    values: dict[str, object | None] = {
        "index": frame.index,
        "pts": frame.pts,
        "time_base": None if frame.time_base is None else list(frame.time_base),
        "width": frame.width,
        "height": frame.height,
        "file": frame.file,
        "frame_id": frame.frame_id,
        "captured_unix_ns": frame.captured_unix_ns,
        "captured_sent_unix_ns": frame.captured_sent_unix_ns,
        "clock": frame.clock,
        "captured_error_ms": frame.captured_error_ms,
        "age_ms": frame.age_ms,
        "pose": None if frame.pose is None else pose_map(frame.pose),
        "calibration": frame.calibration,
    }
    return _known(values)


def _track_map(track: Track) -> dict[str, object]:
    values: dict[str, object | None] = {
        "id": track.id,
        "uid": track.uid,
        "phrase": track.phrase,
        "score": track.score,
        "box_xyxy": list(track.box_xyxy),
    }
    moments: dict[str, object | None] = {
        "state": track.state,
        "first_seen_unix_ns": track.first_seen_unix_ns,
        "last_matched_unix_ns": track.last_matched_unix_ns,
        "age_s": track.age_s,
        "misses": track.misses,
        "velocity_px_s": list(track.velocity_px_s),
        "position": None if track.position is None else position_map(track.position),
        "no_position": track.no_position,
    }
    detected = None if track.detected_xyxy is None else list(track.detected_xyxy)
    return {**_known(values), "detected_xyxy": detected, **_known(moments)}


def _status_map(message: StatusMessage) -> dict[str, object]:
    values: dict[str, object | None] = {
        "state": message.state,
        "published_unix_ns": message.published_unix_ns,
        "fps_in": message.fps_in,
        "fps_out": message.fps_out,
        "frames_decoded": message.frames_decoded,
        "dropped_total": message.dropped_total,
        "reconnects": message.reconnects,
        "corrupt": message.corrupt,
        "latency_ms": dict(message.latency_ms) or None,
        "prompt_version": message.prompt_version,
        "stale_total": message.stale_total or None,
        "since_message_ms": message.since_message_ms,
        "still_total": message.still_total or None,
        "off_schedule_total": message.off_schedule_total or None,
        "paused": message.paused or None,
        "counts": [counts_map(one) for one in message.counts] or None,
        "uncertain_since_unix_ns": message.uncertain_since_unix_ns,
        "error": _sendable(message.error),
        "warning": _sendable(message.warning),
        "ended": _sendable(message.ended),
        "replay": message.replay,
    }
    return {**identity_map(message), **_known(values)}


def _known(values: Mapping[str, object | None]) -> dict[str, object]:
    return {key: value for key, value in values.items() if value is not None}


def _sendable(text: str | None) -> str | None:
    """Make any text sendable: a file name or a library's error must not prevent a status from being sent."""
    return None if text is None else text[:_MAX_REASON_LENGTH].encode("utf-8", "replace").decode("utf-8")


def _read_detections(fields: Fields) -> DetectionMessage:
    model, prompt = fields.fields("model"), fields.fields("prompt")
    return DetectionMessage(
        **read_identity(fields, min_seq=1),
        frame=_read_frame(fields.fields("frame")),
        model=ModelInfo(model.text("name"), model.text("dtype"), model.text("score_rule")),
        prompt=PromptInfo(prompt.integer("version"), prompt.text("hash"), prompt.texts("phrases")),
        tracks=tuple(_read_track(Fields(item, "tracks[]")) for item in fields.items("tracks")),
        published_unix_ns=fields.integer("published_unix_ns"),
        published_monotonic_ns=fields.integer("published_monotonic_ns"),
        boot_id=fields.maybe(fields.text, "boot_id") or "",
        stage_ms=fields.numbers_by_name("stage_ms"),
        dropped=fields.integer("dropped"),
        dropped_total=fields.integer("dropped_total"),
        stale=fields.flag("stale"),
        replay=fields.flag("replay"),
        tracks_left_out=fields.maybe(fields.integer, "tracks_left_out") or 0,
    )


def _read_frame(fields: Fields) -> FrameInfo:
    return FrameInfo(
        index=fields.integer("index"),
        width=fields.integer("width", minimum=1),
        height=fields.integer("height", minimum=1),
        clock=fields.word("clock", _CLOCKS),
        pts=fields.maybe(lambda key: fields.integer(key, minimum=-(2**63)), "pts"),
        time_base=fields.maybe(lambda key: _ratio(fields, key), "time_base"),
        file=fields.maybe(fields.text, "file"),
        frame_id=fields.maybe(fields.text, "frame_id"),
        captured_unix_ns=fields.maybe(fields.integer, "captured_unix_ns"),
        captured_sent_unix_ns=fields.maybe(fields.integer, "captured_sent_unix_ns"),
        captured_error_ms=fields.maybe(lambda key: fields.number(key, minimum=0.0), "captured_error_ms"),
        age_ms=fields.maybe(fields.number, "age_ms"),
        pose=fields.maybe(lambda key: read_pose(fields.fields(key)), "pose"),
        calibration=fields.maybe(fields.text, "calibration"),
    )


def _read_track(fields: Fields) -> Track:
    velocity = fields.numbers("velocity_px_s", 2)
    return Track(
        id=fields.integer("id"),
        uid=fields.text("uid"),
        phrase=fields.text("phrase"),
        score=fields.number("score", minimum=0.0, maximum=1.0),
        box_xyxy=_box(fields, "box_xyxy"),
        detected_xyxy=None if fields.is_null("detected_xyxy") else _box(fields, "detected_xyxy"),
        state=fields.word("state", _TRACK_STATES),
        first_seen_unix_ns=fields.maybe(fields.integer, "first_seen_unix_ns"),
        last_matched_unix_ns=fields.maybe(fields.integer, "last_matched_unix_ns"),
        age_s=fields.number("age_s", minimum=0.0),
        misses=fields.integer("misses"),
        velocity_px_s=(velocity[0], velocity[1]),
        position=fields.maybe(lambda key: read_position(fields.fields(key)), "position"),
        no_position=fields.maybe(fields.text, "no_position"),
    )


def _read_status(fields: Fields) -> StatusMessage:
    return StatusMessage(
        **read_identity(fields, min_seq=0),
        state=fields.word("state", _SOURCE_STATES),
        published_unix_ns=fields.integer("published_unix_ns"),
        fps_in=fields.number("fps_in", minimum=0.0),
        fps_out=fields.number("fps_out", minimum=0.0),
        frames_decoded=fields.integer("frames_decoded"),
        dropped_total=fields.integer("dropped_total"),
        reconnects=fields.integer("reconnects"),
        corrupt=fields.integer("corrupt"),
        latency_ms=fields.maybe(fields.numbers_by_name, "latency_ms") or {},
        prompt_version=fields.integer("prompt_version"),
        stale_total=fields.maybe(fields.integer, "stale_total") or 0,
        still_total=fields.maybe(fields.integer, "still_total") or 0,
        off_schedule_total=fields.maybe(fields.integer, "off_schedule_total") or 0,
        since_message_ms=fields.maybe(lambda key: fields.number(key, minimum=0.0), "since_message_ms"),
        paused=fields.maybe(fields.flag, "paused") or False,
        counts=tuple(read_counts(Fields(item, "counts[]")) for item in fields.maybe(fields.items, "counts") or ()),
        uncertain_since_unix_ns=fields.maybe(fields.integer, "uncertain_since_unix_ns"),
        error=fields.maybe(fields.text, "error"),
        warning=fields.maybe(fields.text, "warning"),
        ended=fields.maybe(fields.text, "ended"),
        replay=fields.flag("replay"),
    )


def _read_picture_header(fields: Fields) -> PictureHeader:
    return PictureHeader(**read_identity(fields, min_seq=1))


def _ratio(fields: Fields, key: str) -> tuple[int, int]:
    numerator, denominator = fields.integers(key, 2, minimum=1)
    return numerator, denominator


def _box(fields: Fields, key: str) -> Box:
    x1, y1, x2, y2 = fields.numbers(key, 4)
    return x1, y1, x2, y2
