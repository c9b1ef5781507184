"""Source settings: the keys of a source in a settings file or a request, and how they are checked."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from ...model.prompt import Phrase, Prompt
from ..options import MAX_TIMEOUT_S, Decoding, FolderKind, Pace, SourceOptions, Transport
from ..source_url import MAX_URL_LENGTH, SourceUrl
from ..wire.topics import MAX_FRAME_ID_LENGTH, MAX_NAME_LENGTH, NAME_PATTERN
from ..zone import ObjectEventKind
from .geometry_settings import GeometrySettings
from .section import Section
from .watch_settings import MotionSettings, ScheduleSettings, watch_options
from .zone_settings import MAX_PLACES, LineSettings, ZoneSettings, check_places, place_options

Place = tuple[str | int, ...]
MAX_SIDE_PX = 100_000
_KEY = re.compile(r"\w[\w .-]{0,63}")


def _no_nan(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"be a number in 0..1, which {value} is not")
    return value


def _area(roi_xyxy: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    left, top, right, bottom = roi_xyxy
    if not (0 <= left < right <= MAX_SIDE_PX and 0 <= top < bottom <= MAX_SIDE_PX):
        raise ValueError("be left, top, right and bottom in px of the picture, with left < right and top < bottom")
    return roi_xyxy


Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=MAX_NAME_LENGTH)]
Url = Annotated[str, Field(min_length=1, max_length=MAX_URL_LENGTH), AfterValidator(SourceUrl)]
Host = Annotated[str, Field(pattern=r"^[a-z0-9_.:-]+$", max_length=255)]
Timeout = Annotated[float, Field(gt=0, le=MAX_TIMEOUT_S)]
Share = Annotated[float, BeforeValidator(_no_nan), Field(ge=0, le=1)]


class PhraseSettings(Section):
    """One phrase with more than a name."""

    name: str
    ask: tuple[str, ...] = ()
    threshold: Share | None = None
    negative: bool = False

    def to_phrase(self) -> Phrase:
        """The phrase; raises PromptError for one without words."""
        return Phrase(self.name, self.ask, self.threshold, self.negative)


PromptSettings = str | list[str | PhraseSettings]


def to_prompt(settings: PromptSettings) -> Prompt:
    """The prompt; raises PromptError where it is empty, or has a phrase twice."""
    if isinstance(settings, str):
        return Prompt.parse(settings)
    return Prompt.of([phrase if isinstance(phrase, str) else phrase.to_phrase() for phrase in settings])


class SourceDefaults(Section):
    """The settings that every source has, with their defaults."""

    pace: Pace = "asap"
    loop: bool = False
    folder: FolderKind = "pictures"
    transport: Transport = "tcp"
    stream: Annotated[int, Field(ge=0, le=9999)] | None = None
    open_timeout_s: Timeout = 5.0
    read_timeout_s: Timeout = 5.0
    frame_id: Annotated[str, Field(max_length=MAX_FRAME_ID_LENGTH)] | None = None
    camera_latency_ms: Annotated[float, Field(ge=0, le=60_000)] = 0.0
    prompt: PromptSettings | None = None
    threshold: Share | None = None
    size_px: Annotated[int, Field(ge=32, le=4096)] | None = None
    target_hz: Annotated[float, Field(ge=0.0001, le=1000)] | None = None
    roi_xyxy: Annotated[tuple[int, int, int, int], AfterValidator(_area)] | None = None
    key_frames_only: bool = False
    decode: Decoding = "cpu"
    decode_process: bool = False
    frozen_after_s: Annotated[float, Field(gt=0, le=86_400)] = 10.0
    redirect_hosts: Annotated[tuple[Host, ...], Field(max_length=16)] = ()
    zones: Annotated[tuple[ZoneSettings, ...], Field(max_length=MAX_PLACES)] = ()
    lines: Annotated[tuple[LineSettings, ...], Field(max_length=MAX_PLACES)] = ()
    object_events: Annotated[tuple[ObjectEventKind, ...], Field(max_length=3)] = ()
    relink_s: Annotated[float, Field(ge=0, le=3600)] = 2.0
    away_s: Annotated[float, Field(gt=0, le=86_400)] = 2.0
    static_after_s: Annotated[float, Field(ge=1, le=2_592_000)] | None = None
    geometry: GeometrySettings | None = None
    motion: MotionSettings | None = None
    schedule: ScheduleSettings | None = None

    @model_validator(mode="after")
    def _one_name_each_place(self) -> SourceDefaults:
        check_places(self.zones, self.lines)
        return self


class SourceSettings(SourceDefaults):
    """One camera, stream, file or folder."""

    name: Name
    url: Url

    def to_options(self) -> SourceOptions:
        """The options for the node.

        Raises:
            PromptError: its own prompt is empty, or has a phrase twice.
        """
        values: dict[str, Any] = self.model_dump(exclude={"geometry"})
        values["geometry"] = None if self.geometry is None else self.geometry.to_options()
        values["prompt"] = None if self.prompt is None else to_prompt(self.prompt)
        return SourceOptions(**watch_options(place_options(values, self), self))


def first_error(error: ValidationError) -> tuple[Place, ErrorDetails]:
    """The error to report of all that were found, and the place of its key.

    An unknown key often causes a missing one, and a missing one other errors, so they are taken in this order. Where a
    value may have several forms, the deepest error belongs to the form that the user meant.
    """
    order = {"extra_forbidden": 0, "missing": 1}
    errors = error.errors(include_input=False)
    worst = min(errors, key=lambda detail: (order.get(detail["type"], 2), -len(_place(detail))))
    return _place(worst), worst


def requirement(detail: ErrorDetails) -> str:
    """What a value must be, in words that follow `must`."""
    return re.sub(r"^(Value error, |(Input|String|List|Tuple) should )", "", detail["msg"])


def shown_place(place: Place) -> str:
    """The dotted place of a key. Text that cannot be a key is hidden: it may be part of a password."""
    return ".".join(part if _KEY.fullmatch(part := str(step)) else "***" for step in place)


def _place(detail: ErrorDetails) -> Place:
    """The place of an error, without the steps that pydantic adds for the members of a union."""
    return tuple(part for part in detail["loc"] if isinstance(part, int) or not re.search(r"[\[\]A-Z]|^str$", part))
