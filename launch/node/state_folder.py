"""The folder of what a node remembers: its file of events, which `groundcast events` finds there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_ENDING = ".events.sqlite"


def own_event_store(node: str, environment: Mapping[str, str]) -> Path:
    """The path of a node's file of events."""
    return _folder(environment) / f"{node}{_ENDING}"


def event_stores(environment: Mapping[str, str]) -> dict[str, Path]:
    """The files of events in this user's folder, by node name."""
    return {path.name.removesuffix(_ENDING): path for path in sorted(_folder(environment).glob(f"*{_ENDING}"))}


def _folder(environment: Mapping[str, str]) -> Path:
    """The service's folder, made by systemd; else the user's folder for states."""
    if service := environment.get("STATE_DIRECTORY"):
        return Path(service.split(":")[0])
    if (states := environment.get("XDG_STATE_HOME")) and Path(states).is_absolute():
        return Path(states) / "groundcast"
    return Path(environment.get("HOME") or Path.home()) / ".local" / "state" / "groundcast"
