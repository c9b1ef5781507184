"""Control codec: untrusted bytes to one of the requests in `requests.py`, and answers to bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from pydantic import ValidationError

from ..node.node_api import Refusal
from ..wire.packing import pack, unpack
from ..wire.topics import MessageError
from .requests import OPERATIONS, Request
from .source_settings import first_error, requirement, shown_place

RequestId = int | str | None
ErrorCode = Refusal | Literal["unknown_op", "busy", "failed"]
_MAX_ID_LENGTH = 64
_MAX_TEXT_LENGTH = 1000


class RequestError(ValueError):
    """Bytes that are no valid request.

    Args:
        request_id: of the request, None where it has none.
        code: bad_request or unknown_op.
        text: one sentence.
    """

    def __init__(self, request_id: RequestId, code: ErrorCode, text: str) -> None:
        super().__init__(text)
        self.request_id = request_id
        self.code: ErrorCode = code


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """A valid request, and the id of its answer."""

    id: int | str
    request: Request


def parse_request(body: bytes) -> ParsedRequest:
    """Read one request.

    Raises:
        RequestError: not one msgpack map with an `id`, an unknown `op`, or wrong keys and values.
    """
    try:
        values = unpack(body)
    except MessageError as error:
        raise RequestError(None, "bad_request", str(error)) from None
    if not isinstance(values, dict):
        raise RequestError(None, "bad_request", 'a request is a map, such as {"id": 1, "op": "status"}')
    keys = cast("dict[str, object]", values)  # or bytes, which json refuses below
    request_id = _check_id(keys.pop("id", None))
    operation = keys.pop("op", None)
    model = OPERATIONS.get(operation) if isinstance(operation, str) else None
    if model is None:
        raise RequestError(request_id, "unknown_op", f"`op` must be one of {', '.join(OPERATIONS)}")
    try:
        # Strict JSON needs the exact type of each value, but takes a list for a tuple, which msgpack does not have.
        return ParsedRequest(request_id, model.model_validate_json(json.dumps(keys), strict=True))
    except ValidationError as error:
        raise RequestError(request_id, "bad_request", _sentence(error)) from None
    except (TypeError, ValueError, RecursionError):
        raise RequestError(request_id, "bad_request", "the request holds bytes, or is nested too deeply") from None


def accepted(request_id: RequestId, values: Mapping[str, object]) -> bytes:
    """The answer to a request that was carried out; raises MessageError if it is too large."""
    return pack({"id": request_id, "ok": True, **values})


def refused(request_id: RequestId, code: ErrorCode, text: str) -> bytes:
    """The answer to a request that was refused; a long text is cut."""
    short = text[:_MAX_TEXT_LENGTH].encode("utf-8", "replace").decode("utf-8")
    return pack({"id": request_id, "ok": False, "error": {"code": code, "message": short}})


def lease_event(seconds_left: Mapping[str, float]) -> bytes:
    """The event that lease holders get every second: the seconds left of each of their leases."""
    return pack({"event": "leases", "leases": dict(seconds_left)})


def _check_id(value: object) -> int | str:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and 0 < len(value) <= _MAX_ID_LENGTH:
        return value
    raise RequestError(None, "bad_request", f"`id` must be an integer, or a text of 1 to {_MAX_ID_LENGTH} characters")


def _sentence(error: ValidationError) -> str:
    place, detail = first_error(error)
    name = shown_place(place)[:100] or "the request"
    if detail["type"] == "extra_forbidden":
        return f"unknown key `{name}`: leave it out"
    if detail["type"] == "missing":
        return f"`{name}` is missing: add it"
    return f"`{name}` must {requirement(detail)}"
