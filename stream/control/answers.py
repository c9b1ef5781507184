"""Control answers: the status, sources, leases and pictures of a node to maps and back.

Light enough for a client. Phrases and sources have the keys of a settings file; what is unknown is absent.
`control.schema.json` describes the same for other languages.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields as fields_of
from dataclasses import replace
from typing import cast

from ...model.prompt import Phrase, Prompt
from ..geometry_options import GeometryOptions, geometry_map
from ..node.node_api import Applied, Lease, LeaseInfo, NodeStatus
from ..options import SourceOptions
from ..wire.message import decode_detections, decode_status, encode
from ..wire.message_fields import Fields
from ..wire.message_types import DetectionMessage, ModelInfo, StatusMessage
from ..wire.packing import MAX_BODY_BYTES, pack, unpack
from ..wire.watch_maps import watch_maps
from ..zone import LineOptions, ZoneOptions

Map = dict[str, object]

_MAX_SOURCES_BYTES = MAX_BODY_BYTES // 2  # for all sources of one answer


def phrase_map(phrase: Phrase) -> Map:
    """A phrase, with the keys of a settings file."""
    values: Map = {"name": phrase.name}
    if phrase.ask:
        values["ask"] = list(phrase.ask)
    if phrase.threshold is not None:
        values["threshold"] = phrase.threshold
    if phrase.negative:
        values["negative"] = True
    return values


def read_phrase(fields: Fields) -> Phrase:
    """The phrase; raises MessageError or PromptError."""
    return Phrase(
        fields.text("name"),
        fields.maybe(fields.texts, "ask") or (),
        fields.maybe(fields.number, "threshold"),
        fields.maybe(fields.flag, "negative") or False,
    )


def source_map(options: SourceOptions) -> Map:
    """A source, with the keys of a settings file, without the secrets in its URL."""
    values: Map = {}
    for field in fields_of(options):
        value: object = getattr(options, field.name)
        if isinstance(value, Prompt):
            value = [phrase_map(phrase) for phrase in value.phrases]
        elif field.name in ("zones", "lines", "object_events", "motion", "schedule"):
            continue
        elif isinstance(value, GeometryOptions):
            value = geometry_map(value)
        if value is not None and field.name != "keys":  # the node's keys are no setting of a source
            values[field.name] = value
    places = {"zones": [place_map(one) for one in options.zones], "lines": [place_map(one) for one in options.lines]}
    given = {key: value for key, value in (*places.items(), ("object_events", list(options.object_events))) if value}
    return {**values, **given, **watch_maps(options), "url": str(options.url)}


def place_map(place: ZoneOptions | LineOptions) -> Map:
    """A zone or a line, with the keys of a settings file."""
    values: Map = {field.name: getattr(place, field.name) for field in fields_of(place)}
    return {key: value for key, value in values.items() if value not in (None, ())}


def sources_map(status: NodeStatus, skip: int = 0) -> Map:
    """The settings and the state of as many sources as fit into an answer; `left_out` counts the rest."""
    states = {source.source: source.state for source in status.sources}
    sources = [one for one in status.options if one.name in states][skip:]
    fitting = _fitting(
        {"settings": source_map(one), "state": states[one.name], "paused": one.name in status.paused} for one in sources
    )
    return {"sources": fitting, **_left_out(len(sources) - len(fitting))}


def status_page(status: NodeStatus, skip: int = 0) -> Map:
    """The status of a node, without the first sources, of as many as fit into an answer."""
    sources = status.sources[skip:]
    shown = _fitting({"prompt": _prompt(status, one.source), "status": message_map(one)} for one in sources)
    prompts = {one.source: values["prompt"] for one, values in zip(sources, shown, strict=False)}
    page = {**status_map(replace(status, sources=(), prompts={})), **_left_out(len(sources) - len(shown))}
    return {**page, "prompts": prompts, "sources": [one["status"] for one in shown]}


def status_map(status: NodeStatus) -> Map:
    """The status of a node."""
    model = status.model
    return {
        "node": status.node,
        "epoch": status.epoch,
        "model": {"name": model.name, "dtype": model.dtype, "score_rule": model.score_rule},
        "prompt_version": status.prompt_version,
        "prompts": {source: _prompt(status, source) for source in status.prompts},
        "sources": [message_map(source) for source in status.sources],
        "paused": list(status.paused),
        "leases": [_lease_info_map(lease) for lease in status.leases],
        "unsent": status.unsent,
        "rejected_connections": dict(status.rejected_connections),
    }


def read_status(fields: Fields) -> NodeStatus:
    """The status, without `options`, which are not sent. Raises MessageError or PromptError."""
    model, prompts = fields.fields("model"), fields.fields("prompts")
    rejected_connections = fields.maybe(fields.fields, "rejected_connections")  # absent in the answer of an older node
    return NodeStatus(
        node=fields.text("node"),
        epoch=fields.integer("epoch"),
        model=ModelInfo(model.text("name"), model.text("dtype"), model.text("score_rule")),
        prompt_version=fields.integer("prompt_version"),
        prompts={
            source: Prompt(tuple(read_phrase(Fields(one, "prompts[]")) for one in prompts.items(source)))
            for source in prompts.names()
        },
        sources=tuple(decode_status(_bytes(one)) for one in fields.items("sources")),
        paused=fields.texts("paused"),
        leases=tuple(_read_lease_info(Fields(one, "leases[]")) for one in fields.items("leases")),
        unsent=fields.integer("unsent"),
        rejected_connections={}
        if rejected_connections is None
        else {reason: rejected_connections.integer(reason) for reason in rejected_connections.names()},
    )


def left_out(fields: Fields) -> int:
    """How many sources did not fit into an answer; raises MessageError."""
    return fields.maybe(fields.integer, "left_out") or 0


def applied_map(applied: Applied) -> Map:
    """A command that was carried out."""
    first = {source: list(at) for source, at in applied.first_seq.items()}
    return {"prompt_version": applied.prompt_version, "first_seq": first}


def read_applied(fields: Fields) -> Applied:
    """A command that was carried out; raises MessageError."""
    first = fields.fields("first_seq")
    pairs = {source: first.integers(source, 2, minimum=0) for source in first.names()}
    return Applied(fields.integer("prompt_version"), {source: (at[0], at[1]) for source, at in pairs.items()})


def lease_map(lease: Lease) -> Map:
    """A lease, for the client that holds it."""
    return {"lease": lease.id, "seconds_left": lease.seconds_left, **applied_map(lease.applied)}


def read_lease(fields: Fields) -> Lease:
    """A lease; raises MessageError."""
    return Lease(fields.text("lease"), fields.number("seconds_left"), read_applied(fields))


def picture_map(jpeg: bytes, message: DetectionMessage) -> Map:
    """A picture and its message."""
    return {"jpeg": jpeg, "message": message_map(message)}


def read_picture(fields: Fields) -> tuple[bytes, DetectionMessage]:
    """A picture and its message; raises MessageError."""
    return fields.blob("jpeg"), decode_detections(_bytes(fields.anything("message")))


def message_map(message: DetectionMessage | StatusMessage) -> object:
    """A message, as it is published."""
    return unpack(encode(message))


def _prompt(status: NodeStatus, source: str) -> list[Map]:
    return [phrase_map(phrase) for phrase in status.prompts[source].phrases]


def _fitting(maps: Iterable[Map]) -> list[Map]:
    """As many maps as fit into an answer, at least one."""
    fitting: list[Map] = []
    size_bytes = 0
    for one in maps:
        size_bytes += len(pack(one))
        if fitting and size_bytes > _MAX_SOURCES_BYTES:
            break
        fitting.append(one)
    return fitting


def _left_out(count: int) -> Map:
    return {"left_out": count} if count > 0 else {}


def _bytes(message: object) -> bytes:
    return pack(cast("Map", message))  # the decoder checks what it is


def _lease_info_map(lease: LeaseInfo) -> Map:
    values: Map = {
        "client": lease.client,
        "phrases": list(lease.phrases),
        "seconds_left": max(0.0, lease.seconds_left),
    }
    return values if lease.source is None else {**values, "source": lease.source}


def _read_lease_info(fields: Fields) -> LeaseInfo:
    source = fields.maybe(fields.text, "source")
    return LeaseInfo(fields.text("client"), fields.texts("phrases"), source, fields.number("seconds_left"))
