"""A source that a decoder process has opened, as the reader sees it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from ...model.image import Image
from ..decode.opened_source import TimedPicture
from ..options import SourceOptions
from ..source_url import RefusedError, SourceError, kind_of
from ..timing.liveness import Liveness
from ..wire.topics import MessageError
from .link import DecoderLink
from .messages import DecodedPicture, ImageState, Kind, Report, options_values, pack_order

_EAGER_AFTER = 3  # pictures in a row whose image was wanted: then the next one's is made without being asked for
_SLACK_S = 2.0  # beyond FFmpeg's own time limits, at which the process would say so itself
_LOOK_UP_S = 20.0  # a name server may take that long
_MAX_PULSES = 40  # a second, at most


class DecoderError(RuntimeError):
    """Something unforeseen in a decoder process; the text is its traceback."""


class DecoderConnection:
    """Implements `OpenedSource`: orders pictures of the process, and believes nothing that it says unseen.

    Args:
        link: the process.
        options: what it shall open.

    Raises:
        SourceError: it cannot be opened; or the process hung, ended, or sent what it must not.
    """

    def __init__(self, link: DecoderLink, options: SourceOptions) -> None:
        self._link, self._options = link, options
        now_ns = time.monotonic_ns()
        self.liveness = Liveness(now_ns, now_ns)
        self.shortfall: str | None = None
        self._image: Image | None = None
        self._is_idle = False
        self._is_wanted = False
        self._wanted_in_row = 0
        self._slot = link.slots.acquire() if options.target_hz is None else None
        self._moved_s = time.monotonic()
        self._pulses = 0
        network_s = 2.0 * options.open_timeout_s + options.read_timeout_s
        self._patience_s = network_s + _LOOK_UP_S + _SLACK_S
        link.send(pack_order("open", options=options_values(options), slot=self._slot))
        try:
            opened = self._receive("opened").opened()
        except MessageError as error:
            raise self._misbehaved(error) from None
        except SourceError:
            self.close()
            raise
        lacks = link.missing_protection
        self.facts = replace(opened.facts, notice="; ".join(filter(None, (opened.facts.notice, lacks))) or None)
        self.rate_hz, self.held_back_s = opened.rate_hz, opened.held_back_s
        is_stream = kind_of(options.url) == "rtsp"
        self._patience_s = _SLACK_S + (options.read_timeout_s if is_stream else network_s)

    def pictures(self) -> Iterator[TimedPicture]:
        """As `OpenedSource`.

        Raises:
            SourceError: the source was lost; or the process hung, ended, or sent what it must not.
        """
        try:
            while (report := self._receive("picture", "over")).kind == "picture":
                self._is_wanted = False
                yield self._picture(report.picture(time.monotonic_ns()))
                self._image = None
                self._link.renew_processor_time()
                self._wanted_in_row = self._wanted_in_row + 1 if self._is_wanted else 0
                if self._slot is None and self._wanted_in_row >= _EAGER_AFTER:
                    self._slot = self._link.slots.acquire()
                self._order("next", self._slot)
            self.shortfall = report.shortfall
        except MessageError as error:
            raise self._misbehaved(error) from None

    def close(self) -> None:
        """End what is still being read, which only the end of the process does in time."""
        self._image = None
        if not self._is_idle:
            self._link.kill()
        elif self._slot is not None:
            self._link.slots.release(self._slot)
            self._slot = None

    def _picture(self, decoded: DecodedPicture) -> TimedPicture:
        if decoded.image == "left":
            if self._slot is not None:
                raise MessageError("an image was left out although it was asked for")
            image = self._fetch
        else:
            self._image = self._taken(decoded.image, decoded.height, decoded.width)
            image = self._hand_out
        return TimedPicture(
            image=image,
            pts=decoded.pts,
            time_base=decoded.time_base,
            camera_unix_ns=decoded.camera_unix_ns,
            driver_us=None,
            received_ns=decoded.received_ns,
        )

    def _hand_out(self) -> Image | None:
        """The image that came with the picture; the connection no longer holds it."""
        self._is_wanted = True
        image, self._image = self._image, None
        return image

    def _fetch(self) -> Image | None:
        """The image of a picture that came without."""
        self._is_wanted = True
        self._slot = self._link.slots.acquire()
        self._order("image", self._slot)
        try:
            return self._taken(*self._receive("image").image())
        except MessageError as error:
            raise self._misbehaved(error) from None

    def _taken(self, state: ImageState, height: int, width: int) -> Image | None:
        """What lies in the slot that the process was given; a damaged picture leaves the slot to the next."""
        if self._slot is None or state == "left":
            raise MessageError("an image has no slot")
        if state == "damaged":
            return None
        slot, self._slot = self._slot, None
        return self._link.slots.picture(slot, height, width)

    def _order(self, do: Literal["next", "image"], slot: int | None) -> None:
        self._moved_s, self._pulses = time.monotonic(), 0
        self._link.send(pack_order(do, slot=slot))

    def _receive(self, *expected: Kind) -> Report:
        """The next report that is more than a pulse."""
        while True:
            report = self._link.receive(self._moved_s + self._patience_s)
            if report is None:
                raise self._link.failure(f"did nothing for {self._patience_s:g} s")
            if report.kind == "pulse":
                self._note_pulse(report)
                continue
            self._is_idle = report.kind in ("over", "lost", "refused", "broke")
            report.update(self.liveness, time.monotonic_ns())
            if report.kind in expected:
                return report
            raise self._reason(report)

    def _note_pulse(self, report: Report) -> None:
        packets = self.liveness.packets
        report.update(self.liveness, time.monotonic_ns())
        now_s = time.monotonic()
        self._pulses += 1
        if self._pulses > _MAX_PULSES * (1.0 + now_s - self._moved_s):
            raise MessageError("more pulses than there can be")
        self._link.check_processor_time()
        if report.waits or self.liveness.packets != packets:
            self._moved_s, self._pulses = now_s, 0

    def _reason(self, report: Report) -> Exception:
        """Why there is no more of the source."""
        if report.kind == "lost":
            return SourceError(report.text)
        if report.kind == "refused":
            return RefusedError(report.text)
        if report.kind == "broke":
            return DecoderError(report.text)
        return MessageError(f"{report.kind} out of turn")

    def _misbehaved(self, error: MessageError) -> SourceError:
        return self._link.failure(f"sent what it must not ({error})")
