"""Reads settings from YAML. Errors state the line and, for an unknown key, its right place or the nearest key."""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ...model.prompt import PromptError
from ...stream.control.source_settings import Place, first_error, requirement, shown_place
from ...stream.source_url import SourceUrl
from .camera_file import CameraFileError, with_camera_files
from .settings import FORMS, NodeSettings, is_map
from .settings_paths import from_folder
from .yaml_file import YamlError, read_yaml

Where = typing.Callable[[Place], str]
Section = typing.TypeVar("Section", bound=BaseModel)
# Keys that had another name before 0.1.0.
_RENAMED = {"least_iou": "min_iou", "nms_across": "agnostic_nms", "lanes": "cpu_workers"}
_SECRET = re.compile(r"\$(\$)?\{([A-Za-z_][A-Za-z0-9_]*)\}")


class SettingsError(ValueError):
    """The settings cannot be used; the text says which one, on which line, and what to do."""


def read_settings(path: Path, environment: Mapping[str, str]) -> NodeSettings:
    """Read a settings file. `${NAME}` in a text becomes the environment's NAME; `$${NAME}` stays `${NAME}`.

    Raises:
        SettingsError: the file cannot be read, is not YAML, or a setting in it is wrong.
    """
    return validated(*read_values(path, environment))


def read_values(path: Path, environment: Mapping[str, str]) -> tuple[dict[str, Any], Where]:
    """The values of a settings file, not yet validated, and a function that gives the line of each.

    Relative paths are relative to the file's folder.

    Raises:
        SettingsError: the file cannot be read, is not YAML, or uses a variable that is not set.
    """
    try:
        values, lines = read_yaml(path)
    except FileNotFoundError as error:
        raise SettingsError(f"{SourceUrl(str(path))} does not exist: check the path of the settings file") from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be read as a text file ({error.strerror}): give a YAML file") from error
    except YamlError as error:
        raise SettingsError(
            f"{path} {error}" if error.line is None else f"{path}, line {error.line}: {error}"
        ) from error
    if not is_map(values):
        raise SettingsError(f"{path} contains no settings: write at least `prompt:` and `sources:`")

    def where(place: Place) -> str:
        line = next((lines[place[:n]] for n in range(len(place), 0, -1) if place[:n] in lines), 1)
        return f"{path}, line {line}: "

    placed = from_folder(_with_secrets(values, (), environment, where), path.parent)
    try:
        return with_camera_files(placed, path.parent), where
    except CameraFileError as error:
        raise SettingsError(f"{where(error.place)}{error}") from error


def validated(values: Mapping[str, Any], where: Where) -> NodeSettings:
    """Settings from plain values.

    Args:
        values: from a YAML file or from flags.
        where: the start of the error sentence about a setting, such as its file and line.

    Raises:
        SettingsError: the first setting that is wrong.
    """
    settings = checked(NodeSettings, values, where)
    place: Place = ("prompt",)
    try:
        settings.to_prompt()
        for row, source in enumerate(settings.sources):
            place = ("sources", row, "prompt")
            source.to_options()
    except PromptError as error:
        raise SettingsError(f"{where(place)}{error}") from error
    return settings


def checked(section: type[Section], values: Mapping[str, Any], where: Where = lambda _place: "") -> Section:
    """One section of the settings from plain values; raises as `validated` does."""
    try:
        return section.model_validate(values)
    except ValidationError as error:
        place, detail = first_error(error)
        raise SettingsError(where(place) + _sentence(place, detail)) from None


def _sentence(place: Place, detail: ErrorDetails) -> str:
    name = shown_place(place) or "the settings"
    if detail["type"] == "extra_forbidden":
        return _unknown(place)
    if detail["type"] == "missing":
        return f"`{name}` is missing: add it"
    if detail["type"] == "string_pattern_mismatch":
        return f"`{name}` must be {FORMS[detail.get('ctx', {})['pattern']]}"
    if detail["type"] == "model_type":
        return f"`{name}` must hold settings, one on a line, such as `{next(iter(_section(place).model_fields))}:`"
    return requirement(detail) if not place else f"`{name}` must {requirement(detail)}"


def _unknown(place: Place) -> str:
    section = _section(place[:-1])
    key = shown_place(place[-1:])
    known = sorted(section.model_fields)
    near = _places_of(key) or difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    inside = shown_place(place[:-1])
    unknown = f"unknown key `{key}`{f' in `{inside}`' if inside else ''}"
    if _RENAMED.get(key) in known:
        return f"{unknown}: it is called `{_RENAMED[key]}` now"
    return f"{unknown}: did you mean {_listed(near)}?" if near else f"{unknown}: known ones are {', '.join(known)}"


def _places_of(key: str) -> list[str]:
    """The right places of a key that was written at a wrong one, such as `model.threshold`."""
    fields = NodeSettings.model_fields
    sections = {name: field.annotation for name, field in fields.items() if _is_model(field.annotation)}
    inside = [f"{name}.{key}" for name, section in sections.items() if section and key in section.model_fields]
    return [key, *inside] if key in fields else inside


def _listed(names: Sequence[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return " or ".join(filter(None, (", ".join(quoted[:-1]), quoted[-1])))


def _section(place: Place) -> type[BaseModel]:
    """The section of the settings at `place`."""
    section: type[BaseModel] = NodeSettings
    for part in place:
        if isinstance(part, str):
            section = _model_in(section.model_fields[part].annotation) or section
    return section


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if _is_model(annotation):
        return annotation
    return next((model for part in typing.get_args(annotation) if (model := _model_in(part))), None)


def _is_model(annotation: Any) -> typing.TypeGuard[type[BaseModel]]:
    is_class = isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias)
    return is_class and issubclass(annotation, BaseModel)


def _with_secrets(value: Any, place: Place, environment: Mapping[str, str], where: Where) -> Any:
    if is_map(value):
        return {key: _with_secrets(item, (*place, str(key)), environment, where) for key, item in value.items()}
    if isinstance(value, list):
        listed = cast("list[Any]", value)
        return [_with_secrets(item, (*place, index), environment, where) for index, item in enumerate(listed)]
    if not isinstance(value, str):
        return value

    def filled(match: re.Match[str]) -> str:
        if match[1]:
            return match[0][1:]
        if match[2] not in environment:
            raise SettingsError(f"{where(place)}${{{match[2]}}} is not in the environment: set it, or write $${{...}}")
        return environment[match[2]]

    return _SECRET.sub(filled, value)
