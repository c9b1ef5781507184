"""The health pages of a node: /metrics for Prometheus, /healthz and /readyz for service managers."""

from __future__ import annotations

import json
from typing import Any

from ...stream.wire.message_types import StatusMessage
from .health import Health
from .health_server import HttpPage, Pages
from .metrics import Metrics


def health_pages(health: Health) -> Pages:
    """The pages of one node, by path."""
    metrics = Metrics(health)
    return {
        "/metrics": lambda accept: HttpPage(200, *metrics.page(accept)),
        "/healthz": lambda _accept: _healthz(health),
        "/readyz": lambda _accept: _readyz(health),
    }


def _healthz(health: Health) -> HttpPage:
    alive = health.alive()
    return _json(alive.ok, {"alive": alive.ok, "said": alive.said})


def _readyz(health: Health) -> HttpPage:
    status = health.status()
    verdict = health.ready(status)
    values: dict[str, Any] = {"ready": verdict.ok, "said": verdict.said}
    if status is not None:
        values["node"], values["prompt_version"] = status.node, status.prompt_version
        values["sources"] = {
            source.source: _source_values(source, is_paused=source.source in status.paused) for source in status.sources
        }
    return _json(verdict.ok, values)


def _source_values(source: StatusMessage, *, is_paused: bool) -> dict[str, Any]:
    said = {"error": source.error, "warning": source.warning, "ended": source.ended}
    return {"state": source.state, "paused": is_paused, **{key: text for key, text in said.items() if text}}


def _json(ok: bool, values: dict[str, Any]) -> HttpPage:
    return HttpPage(200 if ok else 503, "application/json", json.dumps(values).encode() + b"\n")
