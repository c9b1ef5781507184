"""What a user can set about a node: one pydantic model, the same for a YAML file and for flags."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeGuard, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ..model.prompt import Phrase, Prompt
from ..stream.options import NodeOptions, PublisherOptions, SourceOptions, TrackerOptions

# The form of a text, and the words for it.
FORMS = {
    r"^[A-Za-z0-9_.-]+$": "letters, digits, '_', '.' or '-' only, since it becomes part of the topic",
    r"^(auto|cpu|cuda(:\d+)?)$": "auto, cpu, cuda or cuda:1",
    r"^(tcp|ipc)://.+": "a ZeroMQ address such as tcp://127.0.0.1:5570 or ipc:///run/groundcast.sock",
}
_NAME, _DEVICE, _ADDRESS = FORMS


def _no_nan(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"be a number in 0..1, which {value} is not")
    return value


def _area(roi_xyxy: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    left, top, right, bottom = roi_xyxy
    if not (0 <= left < right and 0 <= top < bottom):
        raise ValueError("be left, top, right and bottom in px of the picture, with left < right and top < bottom")
    return roi_xyxy


Name = Annotated[str, Field(pattern=_NAME, max_length=64)]
Seconds = Annotated[float, Field(ge=0)]
Share = Annotated[float, BeforeValidator(_no_nan), Field(ge=0, le=1)]


def is_map(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether a value is a map, as YAML and flags make them."""
    return isinstance(value, dict)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


class PhraseSettings(_Section):
    """One phrase with more than a name."""

    name: str
    ask: tuple[str, ...] = ()
    threshold: Share | None = None
    negative: bool = False


PromptSettings = str | list[str | PhraseSettings]


class SourceDefaults(_Section):
    """What holds for every source that does not say otherwise."""

    pace: Literal["asap", "realtime"] = "asap"
    loop: bool = False
    transport: Literal["tcp", "udp"] = "tcp"
    open_timeout_s: Annotated[float, Field(gt=0)] = 5.0
    read_timeout_s: Annotated[float, Field(gt=0)] = 5.0
    frame_id: str | None = None
    camera_latency_ms: Annotated[float, Field(ge=0)] = 0.0
    prompt: PromptSettings | None = None
    threshold: Share | None = None
    size_px: Annotated[int, Field(ge=32, le=4096)] | None = None
    target_hz: Annotated[float, Field(gt=0)] | None = None
    roi_xyxy: Annotated[tuple[int, int, int, int], AfterValidator(_area)] | None = None
    key_frames_only: bool = False
    frozen_after_s: Annotated[float, Field(gt=0)] = 10.0


class SourceSettings(SourceDefaults):
    """One camera, stream, file or folder."""

    name: Name
    url: Annotated[str, Field(min_length=1)]

    def to_options(self) -> SourceOptions:
        """What the stream floor is given.

        Raises:
            PromptError: its own prompt asks for nothing, or for the same twice.
        """
        values: dict[str, Any] = self.model_dump()
        values["prompt"] = None if self.prompt is None else _prompt(self.prompt)
        return SourceOptions(**values)


class TrackerSettings(_Section):
    """How boxes are linked over time."""

    coast_s: Seconds = 1.0
    confirm_hits: Annotated[int, Field(ge=1)] = 3
    least_iou: Share = 0.2
    publish: Literal["matched", "all"] = "all"


class PublishSettings(_Section):
    """Where and how messages leave."""

    address: Annotated[str, Field(pattern=_ADDRESS)] = "tcp://127.0.0.1:5570"
    high_water_mark: Annotated[int, Field(ge=1)] = 64
    insecure: bool = False
    wait_for_subscriber_s: Seconds = 0.0
    jpeg_quality: Annotated[int, Field(ge=1, le=100)] = 85


class ModelSettings(_Section):
    """Which model looks, and where it runs."""

    name: Annotated[str, Field(min_length=1)] = "tabletop"
    device: Annotated[str, Field(pattern=_DEVICE)] = "auto"
    size_px: Annotated[int, Field(ge=32, le=4096)] | None = None
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    threshold: Share = 0.3
    score_rule: Literal["mean", "max"] = "mean"
    nms_iou: Share | None = 0.7
    nms_across: bool = False
    offline: bool = False
    lanes: Annotated[int, Field(ge=1, le=64)] | None = None
    """Pictures computed side by side; None is two on a CPU of several cores and one on a GPU."""


class NodeSettings(_Section):
    """Everything about one node."""

    node: Name = "groundcast"
    prompt: PromptSettings
    model: ModelSettings = ModelSettings()
    publish: PublishSettings = PublishSettings()
    tracker: TrackerSettings = TrackerSettings()
    defaults: SourceDefaults = SourceDefaults()
    sources: Annotated[list[SourceSettings], Field(min_length=1)]
    stale_after_ms: Annotated[float, Field(gt=0)] = 1000.0
    heartbeat_s: Annotated[float, Field(gt=0)] = 1.0
    batch_wait_ms: Annotated[float, Field(ge=0)] = 5.0

    @model_validator(mode="before")
    @classmethod
    def _spread(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Lay the defaults under every source, and read `model: tabletop` as the model's name."""
        spread = dict(values)
        if isinstance(spread.get("model"), str):
            spread["model"] = {"name": spread["model"]}
        defaults, sources = spread.get("defaults"), spread.get("sources")
        if is_map(defaults) and isinstance(sources, list):
            known = {key: value for key, value in defaults.items() if key in SourceDefaults.model_fields}
            listed = cast("list[object]", sources)
            spread["sources"] = [{**known, **source} if is_map(source) else source for source in listed]
        return spread

    @model_validator(mode="after")
    def _one_name_each(self) -> NodeSettings:
        names = [source.name for source in self.sources]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two sources are called {twice!r}: give each its own name")
        return self

    def to_options(self) -> NodeOptions:
        """What the stream floor is given."""
        return NodeOptions(
            node=self.node,
            sources=tuple(source.to_options() for source in self.sources),
            tracker=TrackerOptions(**self.tracker.model_dump()),
            publisher=PublisherOptions(**self.publish.model_dump()),
            stale_after_ms=self.stale_after_ms,
            heartbeat_s=self.heartbeat_s,
            batch_wait_ms=self.batch_wait_ms,
        )

    def to_prompt(self) -> Prompt:
        """What is looked for.

        Raises:
            PromptError: nothing is asked for, or the same twice.
        """
        return _prompt(self.prompt)


def _prompt(said: PromptSettings) -> Prompt:
    if isinstance(said, str):
        return Prompt.parse(said)
    return Prompt.of([p if isinstance(p, str) else Phrase(**p.model_dump()) for p in said])
