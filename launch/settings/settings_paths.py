"""Relative paths in a settings file are relative to that file's folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from ...model.weights.embedded import EMBEDDED
from ...stream.source_url import SourceError, kind_of, path_of
from .settings import is_map

_WEIGHT_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")


def from_folder(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Settings, not yet validated, with relative paths of sources, weights and keys resolved against `folder`.

    URLs, devices and model names stay. A model is a path where such a file or folder exists, or where its name starts
    with a dot or has a suffix of weights.
    """
    changed = dict(values)
    if isinstance(values.get("sources"), list):
        sources = cast("list[object]", values["sources"])
        changed["sources"] = [_with(one, "url", folder, _is_source) for one in sources]
    if "publish" in values:
        changed["publish"] = _with(values["publish"], "keys", folder, _is_keys)
    if "events" in values:
        changed["events"] = _with(values["events"], "store", folder, _is_keys)
    if "clips" in values:
        changed["clips"] = _with(values["clips"], "folder", folder, _is_keys)
    if isinstance(values.get("model"), str):
        changed["model"] = _with({"name": values["model"]}, "name", folder, _is_model)["name"]
    elif "model" in values:
        changed["model"] = _with(values["model"], "name", folder, _is_model)
    return changed


def _with(section: object, key: str, folder: Path, is_path: Callable[[str, Path], bool]) -> Any:
    """A section of the settings with `key` resolved against `folder` where it is a relative path."""
    if not is_map(section) or not isinstance(section.get(key), str):
        return section
    text: str = section[key]
    try:
        is_relative = is_path(text, folder) and not path_of(text).is_absolute()
    except (SourceError, OSError, RuntimeError, ValueError):
        return section  # wrong; validation reports it
    return {**section, key: str(folder / text)} if is_relative else section


def _is_source(text: str, _folder: Path) -> bool:
    return not text.startswith("file://") and kind_of(text) in ("file", "folder")


def _is_keys(text: str, _folder: Path) -> bool:
    return bool(text)


def _is_model(text: str, folder: Path) -> bool:
    is_path = (folder / text).exists() or text.startswith(".") or text.endswith(_WEIGHT_SUFFIXES)
    return is_path and text not in EMBEDDED
