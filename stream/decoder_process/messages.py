"""Messages between the node and a decoder process: small msgpack maps, those to the node read as a stranger's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Literal, get_args

from ..decode.opened_source import StreamFacts, TimedPicture
from ..frame import Clock
from ..options import Pace, SourceOptions
from ..source_url import full_url
from ..timing.liveness import Liveness
from ..wire.message_fields import Fields
from ..wire.packing import pack, unpack
from ..wire.push_message import MAX_PIXELS
from ..wire.topics import MessageError

MAX_MESSAGE = 65_536
"""Bytes of one message."""

Kind = Literal["ready", "opened", "picture", "image", "pulse", "over", "lost", "refused", "broke"]
ImageState = Literal["made", "damaged", "left"]
"""Of a picture's image: it lies in the slot, cannot be made, or was not asked for yet."""

_KINDS: tuple[Kind, ...] = get_args(Kind)
_IMAGE_STATES: tuple[ImageState, ...] = get_args(ImageState)
_CLOCKS: tuple[Clock, ...] = get_args(Clock)
_MIN_INT = -(2**63)
_MAX_TEXT = 2000
_MAX_TICKS_HZ = 2**31 - 1
_MAX_RATE_HZ = 1e6
# What a decoder process is told of a source. The rest concerns the node alone.
_OPTIONS = (
    *("name", "pace", "loop", "transport", "stream", "open_timeout_s", "read_timeout_s", "target_hz"),
    *("key_frames_only", "redirect_hosts"),
)


@dataclass(frozen=True, slots=True)
class Opened:
    """What a decoder process says of a source that it opened; see `Connection`."""

    facts: StreamFacts
    rate_hz: float
    held_back_s: float


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """A picture as a decoder process tells of it: the times of a `TimedPicture`, and what became of its image."""

    pts: int | None
    time_base: tuple[int, int]
    camera_unix_ns: int | None
    received_ns: int
    image: ImageState
    height: int
    width: int


class Report:
    """One message of a decoder process.

    Args:
        body: as it came.

    Raises:
        MessageError: (from here and from every method) it is not as it must be.
    """

    def __init__(self, body: bytes) -> None:
        self._fields = Fields(unpack(body))
        self.kind: Kind = self._fields.word("kind", _KINDS)

    @property
    def text(self) -> str:
        """What it says to people, without what could command a terminal."""
        text = self._fields.text("text")[:_MAX_TEXT]
        return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)

    @property
    def shortfall(self) -> str | None:
        return None if self._fields.is_null("text") else self.text

    @property
    def waits(self) -> bool:
        """Whether the process waits on purpose, as long as it likes."""
        return self._fields.flag("waits")

    def opened(self) -> Opened:
        said = self._fields
        facts = StreamFacts(
            live=said.flag("live"),
            dated=said.flag("dated"),
            container=said.text("container")[:_MAX_TEXT],
            codec=said.text("codec")[:_MAX_TEXT],
            rate_hz=None if said.is_null("stated_hz") else said.number("stated_hz", 1e-6, _MAX_RATE_HZ),
            stamped_by=said.word("stamped_by", _CLOCKS),
            notice=self.shortfall,
            may_leap=said.flag("may_leap"),
            polled=said.flag("polled"),
        )
        return Opened(facts, said.number("rate_hz", 1e-6, _MAX_RATE_HZ), said.number("held_back_s", 0.0, 60.0))

    def picture(self, now_ns: int) -> DecodedPicture:
        said = self._fields
        ticks, hz = said.integers("time_base", 2, minimum=1)
        if max(ticks, hz) > _MAX_TICKS_HZ:
            raise MessageError("time_base is beyond what FFmpeg counts in")
        state, height, width = self.image()
        return DecodedPicture(
            pts=self._maybe("pts"),
            time_base=(ticks, hz),
            camera_unix_ns=self._maybe("camera_unix_ns"),
            received_ns=min(now_ns, said.integer("received_ns")),
            image=state,
            height=height,
            width=width,
        )

    def image(self) -> tuple[ImageState, int, int]:
        """What became of the image, its height and its width, which fit a slot."""
        state: ImageState = self._fields.word("image", _IMAGE_STATES)
        height, width = self._fields.integers("size", 2, minimum=0)
        if state == "made" and not 0 < height * width <= MAX_PIXELS:
            raise MessageError(f"size is {width} x {height} px: from 1 to {MAX_PIXELS} fit a slot")
        return state, height, width

    def update(self, pulse: Liveness, now_ns: int) -> None:
        """Set all that a pulse knows to what the process said, where it says anything of it."""
        said = self._fields.maybe(self._fields.fields, "pulse")
        if said is None:
            return
        pulse.packet_ns = min(now_ns, said.integer("packet_ns"))
        pulse.progress_ns = min(now_ns, said.integer("progress_ns"))
        pulse.picture_ns = None if said.is_null("picture_ns") else min(now_ns, said.integer("picture_ns"))
        pulse.packets, pulse.keys, pulse.corrupt = (said.integer(name) for name in ("packets", "keys", "corrupt"))
        pulse.interval_s = said.number("interval_s", 0.0)
        pulse.picture_interval_s = said.number("picture_interval_s", 0.0)
        pulse.min_patience_s = said.number("min_patience_s", 0.0)
        pulse.key_distance_s = None if said.is_null("key_distance_s") else said.number("key_distance_s")
        warning = None if said.is_null("warning") else said.text("warning")[:_MAX_TEXT]
        pulse.warning = warning if warning is None or warning.isprintable() else "its decoder warns in no known words"

    def _maybe(self, key: str) -> int | None:
        return None if self._fields.is_null(key) else self._fields.integer(key, _MIN_INT)


def pack_report(kind: Kind, pulse: Liveness | None = None, **values: object) -> bytes:
    """One message of a decoder process."""
    said = {} if pulse is None else {"pulse": asdict(pulse)}
    return pack({"kind": kind, **said, **values})


def opened_values(opened: Opened) -> dict[str, object]:
    """What `Report.opened` reads."""
    facts = {item.name: getattr(opened.facts, item.name) for item in fields(StreamFacts)}
    stated_hz, notice = facts.pop("rate_hz"), facts.pop("notice")
    return {
        **facts,
        "stated_hz": stated_hz,
        "text": notice,
        "rate_hz": opened.rate_hz,
        "held_back_s": opened.held_back_s,
    }


def picture_values(picture: TimedPicture) -> dict[str, object]:
    """What `Report.picture` reads, but for the image."""
    return {
        "pts": picture.pts,
        "time_base": list(picture.time_base),
        "camera_unix_ns": picture.camera_unix_ns,
        "received_ns": picture.received_ns,
    }


def pack_order(do: Literal["open", "next", "image"], **values: object) -> bytes:
    """One message to a decoder process."""
    return pack({"do": do, **values})


def options_values(options: SourceOptions) -> dict[str, object]:
    """What a decoder process needs to know of a source."""
    values: dict[str, object] = {name: getattr(options, name) for name in _OPTIONS}
    return {**values, "url": full_url(options.url), "redirect_hosts": list(options.redirect_hosts)}


def options_of(values: Mapping[str, object]) -> SourceOptions:
    """What `options_values` was given, as the decoder process reads it of the node that started it."""
    said = Fields(values)
    pace: Pace = said.word("pace", get_args(Pace))
    return SourceOptions(
        name=said.text("name"),
        url=said.text("url"),
        pace=pace,
        loop=said.flag("loop"),
        transport=said.word("transport", ("tcp", "udp")),
        stream=None if said.is_null("stream") else said.integer("stream"),
        open_timeout_s=said.number("open_timeout_s"),
        read_timeout_s=said.number("read_timeout_s"),
        target_hz=None if said.is_null("target_hz") else said.number("target_hz"),
        key_frames_only=said.flag("key_frames_only"),
        decode_process=True,
        redirect_hosts=said.texts("redirect_hosts"),
    )
