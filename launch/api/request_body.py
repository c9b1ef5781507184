"""Request body: pictures and settings from a multipart form, from the raw bytes of a picture, or from JSON."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from ..settings.yaml_file import YamlError, read_yaml_bytes
from .api_error import ApiError, bad_request
from .detect_request import DetectRequest, read_detect_request
from .upload_picture import Upload

MAX_PICTURES = 64
_MAX_SETTINGS_BYTES = 256 * 1024
_MAX_NAME = 200
_SETTINGS = ("request", "inference_settings")  # parts of a form that hold several settings
_LISTS = ("prompt",)  # fields of a form or a query that may be JSON lists


@dataclass(frozen=True, slots=True)
class DetectCall:
    """One request: its pictures, and what to find in them."""

    uploads: tuple[Upload, ...]
    request: DetectRequest


async def read_detect_call(request: Request) -> DetectCall:
    """Read a request of any of the three forms.

    Raises:
        ApiError: the body is of another form, or a field of it is wrong.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return await _read_form(request)
    if kind == "application/json":
        values = await read_json(request)
        uploads = tuple(_json_picture(one) for one in _json_pictures(values))
        return DetectCall(uploads, read_detect_request(values))
    if kind.startswith("image/") or kind == "application/octet-stream":
        settings = _texts(request.query_params)
        return DetectCall((Upload("", await request.body()),), read_detect_request(settings))
    text = "send multipart/form-data, application/json, or a picture's bytes as image/jpeg or application/octet-stream"
    raise ApiError(415, "wrong_content_type", text)


async def read_json(request: Request) -> dict[str, Any]:
    """The body as a JSON object.

    Raises:
        ApiError: it is none.
    """
    try:
        values = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "bad_json", "the body is no JSON: send one object") from error
    if not isinstance(values, dict):
        raise ApiError(400, "bad_json", "the body is JSON, but no object: send {...}")
    return cast("dict[str, Any]", values)


def decode_base64(text: object, name: str) -> bytes:
    """The bytes of a base64 text, with or without 'data:image/...;base64,' before it.

    Raises:
        ApiError: it is no base64.
    """
    if not isinstance(text, str):
        raise bad_request(f"{name} must be a picture in base64")
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise bad_request(f"{name} is no base64") from error


def _json_pictures(values: dict[str, Any]) -> list[Any]:
    if "picture" in values:
        if "pictures" in values:
            raise bad_request("give either 'picture' or 'pictures'")
        return [values.pop("picture")]
    pictures = values.pop("pictures", None)
    if not isinstance(pictures, list) or not pictures:
        raise bad_request("the request holds no picture: send 'picture' or 'pictures'")
    listed = cast("list[Any]", pictures)
    if len(listed) > MAX_PICTURES:
        raise bad_request(f"the request holds {len(listed)} pictures, of at most {MAX_PICTURES}: send several")
    return listed


def _json_picture(one: Any) -> Upload:
    """A picture is a base64 text, or {"base64": ..., "name": ...}."""
    if isinstance(one, dict):
        values = cast("dict[str, Any]", one)
        name = values.get("name", "")
        if not isinstance(name, str) or set(values) - {"base64", "name"}:
            raise bad_request("a picture is base64 text, or an object with 'base64' and 'name'")
        return Upload(name[:_MAX_NAME], decode_base64(values.get("base64"), "picture.base64"))
    return Upload("", decode_base64(one, "picture"))


async def _read_form(request: Request) -> DetectCall:
    """A form: files under any name are pictures; fields are settings; `request` is JSON, `inference_settings` YAML."""
    uploads: list[Upload] = []
    values: dict[str, Any] = {}
    try:
        form_block = request.form(max_files=MAX_PICTURES, max_fields=64, max_part_size=_MAX_SETTINGS_BYTES)
        async with form_block as form:
            for field, value in form.multi_items():
                if isinstance(value, UploadFile) and field not in _SETTINGS:
                    uploads.append(Upload((value.filename or "")[:_MAX_NAME], await value.read()))
                    continue
                text = (await value.read()).decode("utf-8", "replace") if isinstance(value, UploadFile) else value
                values.update(_settings(field, text) if field in _SETTINGS else _texts({field: text}))
    except HTTPException as error:
        raise ApiError(400, "bad_form", f"the form cannot be read: {str(error.detail)[:200]}") from error
    return DetectCall(tuple(uploads), read_detect_request(values))


def _settings(field: str, text: str) -> Mapping[str, Any]:
    """A map of settings. JSON is YAML, so that both are read alike, without tags and aliases."""
    try:
        values, _ = read_yaml_bytes(text.encode())
    except YamlError as error:
        raise bad_request(f"{field}: {str(error)[:300]}") from error
    if not isinstance(values, Mapping):
        raise bad_request(f"{field} must be a map of settings such as 'threshold: 0.3'")
    return cast("Mapping[str, Any]", values)


def _texts(values: Mapping[str, str]) -> dict[str, Any]:
    """Fields of a form or a query: the text itself, or a JSON list where the field may be one."""
    read: dict[str, Any] = {}
    for name, text in values.items():
        if name in _LISTS and text.lstrip().startswith("["):
            try:
                read[name] = json.loads(text)
            except (ValueError, RecursionError) as error:
                raise bad_request(f"field {name!r} begins as a JSON list, but is none") from error
        else:
            read[name] = None if text == "null" else text
    return read
