"""The schemas that the node publishes, and what is valid under them."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from groundcast.stream.wire import message as door

_STREAM = Path(door.__file__).parent


def definitions() -> dict[str, Any]:
    """What the schema of the control socket has names for."""
    return _registry().contents("urn:groundcast:control:1")["$defs"]


def is_valid(name: str, value: Any) -> bool:
    """Whether a value is what the schema of the control socket calls by a name."""
    schema = {"$ref": f"urn:groundcast:control:1#/$defs/{name}"}
    return Draft202012Validator(schema, registry=_registry()).is_valid(value)


@cache
def _registry() -> Registry[Any]:
    files = [json.loads((_STREAM / f"{name}.schema.json").read_text()) for name in ("control", "message", "status")]
    return Registry[Any]().with_resources([(one["$id"], Resource.from_contents(one)) for one in files])
