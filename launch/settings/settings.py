"""Settings of a node: one pydantic model for the YAML file and for flags."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeGuard, cast

from pydantic import AfterValidator, Field, model_validator

from ...model.config import Precision
from ...model.prompt import Prompt
from ...stream.control.source_settings import (
    Name,
    PromptSettings,
    Section,
    Share,
    SourceDefaults,
    SourceSettings,
    to_prompt,
)
from ...stream.event import EventKind
from ...stream.options import (
    MAX_SOURCES,
    ClipOptions,
    ControlOptions,
    EventStoreOptions,
    NodeOptions,
    PublisherOptions,
    TrackerKind,
    TrackerOptions,
)
from ...stream.sockets.endpoint import AddressError, parse_endpoint
from ...stream.wire.topics import NAME_PATTERN

# Patterns, and how error messages describe them.
FORMS = {
    NAME_PATTERN: "letters, digits, '_', '.' or '-' only, since it becomes part of the topic",
    r"^(auto|cpu|cuda(:\d+)?)$": "auto, cpu, cuda or cuda:1",
    r"^(tcp|ipc)://.+": "a ZeroMQ address such as tcp://127.0.0.1:5570 or ipc:///run/groundcast.sock",
    r"^[a-z0-9_.:-]+$": "hosts alone, in lower case, such as media.example.org or 192.0.2.7",
    r"^[^/@\s]+:\d{1,5}$": "a host and a port such as 127.0.0.1:9108",
}
_, _DEVICE, _ADDRESS, _, _HOST_AND_PORT = FORMS


def _expanded(path: Path) -> Path:
    try:
        full = path.expanduser()
    except RuntimeError:
        raise ValueError(f"be a path that can be used: no user is called {path.parts[0][1:]}") from None
    if "\0" in str(full):
        raise ValueError("be a path that can be used: it holds a null byte")
    return full


def _bindable(address: str) -> str:
    try:
        parse_endpoint(address)
    except AddressError as error:
        raise ValueError(f"be an address that can be used: {error}") from None
    return address


def _with_port(address: str) -> str:
    if int(address.rpartition(":")[2]) > 65535:
        raise ValueError("have a port from 0 to 65535")
    return address


Seconds = Annotated[float, Field(ge=0, le=86_400)]
Address = Annotated[str, Field(pattern=_ADDRESS), AfterValidator(_bindable)]
HostAndPort = Annotated[str, Field(pattern=_HOST_AND_PORT), AfterValidator(_with_port)]


def is_map(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether a value is a map, as YAML and flags make them."""
    return isinstance(value, dict)


class TrackerSettings(Section):
    """How boxes are linked over time."""

    coast_s: Seconds = 1.0
    confirm_hits: Annotated[int, Field(ge=1, le=1000)] = 3
    min_iou: Share = 0.2
    publish: Literal["matched", "all"] = "all"
    kind: TrackerKind = "norfair"


class PublishSettings(Section):
    """Where and how messages leave."""

    address: Address = "tcp://127.0.0.1:5570"
    high_water_mark: Annotated[int, Field(ge=1, le=1_000_000)] = 64
    insecure: bool = False
    keys: Annotated[Path, AfterValidator(_expanded)] | None = None
    wait_for_subscriber_s: Seconds = 0.0
    jpeg_quality: Annotated[int, Field(ge=1, le=100)] = 85


class ControlSettings(Section):
    """The control socket: a socket file that only its user can open, unless another address is set."""

    enabled: bool = True
    address: Address | None = None
    insecure: bool = False


class HealthSettings(Section):
    """The HTTP address of the health pages; without one there are none."""

    address: HostAndPort | None = None
    insecure: bool = False


class EventSettings(Section):
    """Where events and counts are kept, once a source has zones, lines or other events."""

    store: Annotated[Path, AfterValidator(_expanded)] | None = None
    """An SQLite file; None is one of the node's name in the user's folder for states."""
    enabled: bool = True
    keep_days: Annotated[float, Field(gt=0, le=36_500)] = 90.0


class ClipSettings(Section):
    """Clips of events; without a folder there are none."""

    folder: Annotated[Path, AfterValidator(_expanded)] | None = None
    before_s: Annotated[float, Field(ge=0, le=300)] = 5.0
    after_s: Annotated[float, Field(ge=0, le=300)] = 5.0
    max_clip_s: Annotated[float, Field(gt=0, le=3600)] = 120.0
    max_mib: Annotated[int, Field(ge=1, le=100_000_000)] = 10_000
    max_days: Annotated[float, Field(gt=0, le=36_500)] = 30.0
    ring_mib: Annotated[int, Field(ge=1, le=4096)] = 64
    """Of the undecoded packets that are kept of each source."""
    kinds: Annotated[tuple[EventKind, ...], Field(min_length=1, max_length=10)] = (
        *("enter", "cross", "dwell", "appear", "moved"),
    )

    def to_options(self) -> ClipOptions | None:
        """The options of the node's clips."""
        folder = self.folder
        values: dict[str, Any] = self.model_dump()
        return None if folder is None else ClipOptions(**values)


class PageSettings(Section):
    """The page in the browser, a process beside the node; without an address there is none."""

    address: HostAndPort | None = None
    token: Annotated[Path, AfterValidator(_expanded)] | None = None
    """A file with the token that a browser must know; made where it is missing."""
    tls_certificate: Annotated[Path, AfterValidator(_expanded)] | None = None
    tls_key: Annotated[Path, AfterValidator(_expanded)] | None = None
    insecure: bool = False
    keys: Annotated[Path, AfterValidator(_expanded)] | None = None
    """The page's own key, as a client of a node with keys."""
    host_names: Annotated[tuple[str, ...], Field(max_length=16)] = ()


class MaskSettings(Section):
    """The masks of tracks, which are computed only while a client subscribes to them."""

    enabled: bool = True
    model: Annotated[str, Field(min_length=1)] | None = None
    """A SAM's folder or name on the hub, or tabletop; None is tabletop's masker beside tabletop, else none."""


class LogSettings(Section):
    """The format of log lines."""

    format: Literal["text", "json"] = "text"


class ModelSettings(Section):
    """The model, and the device that it runs on."""

    name: Annotated[str, Field(min_length=1)] = "tabletop"
    device: Annotated[str, Field(pattern=_DEVICE)] = "auto"
    size_px: Annotated[int, Field(ge=32, le=4096)] | None = None
    dtype: Precision = "auto"
    threshold: Share = 0.3
    score_rule: Literal["mean", "max"] = "mean"
    nms_iou: Share | None = 0.7
    agnostic_nms: bool = False
    offline: bool = False
    cpu_workers: Annotated[int, Field(ge=1, le=64)] | None = None
    """Batches computed in parallel on a CPU, None is two on several cores; queued on a GPU, None is one."""
    batch: Annotated[int, Field(ge=1, le=16)] | None = None
    """Maximum pictures of several sources in one batch; None is 8 on a GPU and 1 on a CPU."""


class NodeSettings(Section):
    """Everything about one node."""

    node: Name = "groundcast"
    check_name: bool = True
    """Refuse to start beside another node of that name."""
    prompt: PromptSettings
    model: ModelSettings = ModelSettings()
    publish: PublishSettings = PublishSettings()
    control: ControlSettings = ControlSettings()
    tracker: TrackerSettings = TrackerSettings()
    health: HealthSettings = HealthSettings()
    page: PageSettings = PageSettings()
    log: LogSettings = LogSettings()
    events: EventSettings = EventSettings()
    clips: ClipSettings = ClipSettings()
    masks: MaskSettings = MaskSettings()
    defaults: SourceDefaults = SourceDefaults()
    sources: Annotated[list[SourceSettings], Field(max_length=MAX_SOURCES)]
    stale_after_ms: Annotated[float, Field(gt=0, le=86_400_000)] = 1000.0
    heartbeat_s: Annotated[float, Field(ge=0.01, le=86_400)] = 1.0
    batch_wait_ms: Annotated[float, Field(ge=0, le=60_000)] = 5.0

    @model_validator(mode="before")
    @classmethod
    def _spread(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Apply the defaults to every source, and read `model: tabletop` as the model's name."""
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
        if not names and not self.control.enabled:
            raise ValueError(
                "there is no source, and control is disabled, so none can be added: name one under `sources`"
            )
        return self

    def to_options(self, own_store: Callable[[str], Path] | None = None) -> NodeOptions:
        """The options of the node's pipeline.

        Args:
            own_store: gives the path of a node's file of events by its name; None leaves out a file that is not named.
        """
        events, path = self.events, self.events.store
        if path is None and own_store is not None:
            path = own_store(self.node)
        return NodeOptions(
            node=self.node,
            sources=tuple(replace(source.to_options(), keys=self.publish.keys) for source in self.sources),
            tracker=TrackerOptions(**self.tracker.model_dump()),
            publisher=PublisherOptions(**self.publish.model_dump()),
            events=EventStoreOptions(path if events.enabled else None, events.keep_days),
            stale_after_ms=self.stale_after_ms,
            heartbeat_s=self.heartbeat_s,
            batch_wait_ms=self.batch_wait_ms,
            clips=self.clips.to_options(),
        )

    def to_control(self, own_address: Callable[[str], str]) -> ControlOptions | None:
        """The control socket's options; None where it is disabled.

        Args:
            own_address: gives the address of a node's socket file by the node's name. Only its user can open that
                file, so it needs no keys; another address does.
        """
        control = self.control
        if not control.enabled:
            return None
        if control.address is None:
            return ControlOptions(own_address(self.node))
        return ControlOptions(control.address, control.insecure, self.publish.keys)

    def to_prompt(self) -> Prompt:
        """The node's prompt.

        Raises:
            PromptError: it has no phrase, or the same twice.
        """
        return to_prompt(self.prompt)
