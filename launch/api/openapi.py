"""OpenAPI: the description of the API for programs, and the same as a plain page for people."""

from __future__ import annotations

from html import escape
from importlib.metadata import version
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from .detect_request import DetectRequest
from .request_body import MAX_PICTURES

_JSON = "application/json"
_ERROR = {
    "description": "Refused, with a code and a sentence.",
    "content": {_JSON: {"schema": {"$ref": "#/components/schemas/Error"}}},
}


def openapi_routes() -> list[Route]:
    """The routes /openapi.json and /docs."""
    described = openapi()
    page = _page(described)

    async def show(_request: Request) -> Response:
        return JSONResponse(described)

    async def read(_request: Request) -> Response:
        return HTMLResponse(page)

    return [Route("/openapi.json", show), Route("/docs", read)]


def openapi() -> dict[str, Any]:
    """The description, OpenAPI 3.1."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "groundcast",
            "version": version("groundcast"),
            "description": "Find what words name in pictures. Boxes are px of the upright picture, origin top left.",
        },
        "paths": _paths(),
        "components": {"schemas": _schemas()},
    }


def _paths() -> dict[str, Any]:
    detect = {
        "summary": "Detect objects in one or many pictures.",
        "description": "A picture that cannot be read has an error of its own, if it is not the only one.",
        "requestBody": {"required": True, "content": _bodies()},
        "responses": _responses("DetectAnswer"),
    }
    job = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
    named = {"required": True, "content": {_JSON: {"schema": {"$ref": "#/components/schemas/ModelName"}}}}
    return {
        "/v1/detect": {"post": detect},
        "/v1/jobs": {
            "post": {
                "summary": "Detect in the background: answers at once with the job's name.",
                "requestBody": {"required": True, "content": _bodies()},
                "responses": _responses("Job", 202),
            }
        },
        "/v1/jobs/{name}": {
            "get": {"summary": "Progress and results.", "parameters": [job], "responses": _responses("Job")},
            "delete": {"summary": "Cancel and forget.", "parameters": [job], "responses": _responses("Job")},
        },
        "/v1/models": {"get": {"summary": "The models of this server.", "responses": _responses("Models")}},
        "/v1/models/load": {
            "post": {"summary": "Load a model.", "requestBody": named, "responses": _responses("Model")}
        },
        "/v1/models/unload": {
            "post": {"summary": "Unload a model.", "requestBody": named, "responses": _responses("Model")}
        },
        "/healthz": {"get": {"summary": "Whether the process answers.", "responses": {"200": {"description": "Yes."}}}},
        "/readyz": {
            "get": {
                "summary": "Whether a model is loaded.",
                "responses": {"200": {"description": "Yes."}, "503": {"description": "Not yet."}},
            }
        },
        "/metrics": {"get": {"summary": "For Prometheus.", "responses": {"200": {"description": "Metrics."}}}},
    }


def _bodies() -> dict[str, Any]:
    binary = {"schema": {"type": "string", "format": "binary"}}
    form = {
        "type": "object",
        "properties": {
            "picture": {"type": "array", "items": {"type": "string", "format": "binary"}, "maxItems": MAX_PICTURES},
            "request": {"type": "string", "description": "The settings as one JSON object."},
            "inference_settings": {"type": "string", "description": "The settings as YAML."},
        },
    }
    return {
        _JSON: {"schema": {"$ref": "#/components/schemas/DetectJson"}},
        "multipart/form-data": {"schema": form},
        "image/jpeg": binary,
        "application/octet-stream": binary,
    }


def _responses(schema: str, status: int = 200) -> dict[str, Any]:
    body = {_JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    refusals = ("400", "401", "403", "404", "408", "409", "413", "415", "421", "422", "429", "503")
    return {str(status): {"description": "Done.", "content": body}, **dict.fromkeys(refusals, _ERROR)}


def _schemas() -> dict[str, Any]:
    request = DetectRequest.model_json_schema(ref_template="#/components/schemas/{model}")
    phrase = request.pop("$defs")["PhraseRequest"]
    picture = {
        "oneOf": [
            {"type": "string", "contentEncoding": "base64"},
            {
                "type": "object",
                "required": ["base64"],
                "properties": {"base64": {"type": "string", "contentEncoding": "base64"}, "name": {"type": "string"}},
                "additionalProperties": False,
            },
        ]
    }
    properties = {
        "picture": picture,
        "pictures": {"type": "array", "items": picture, "minItems": 1, "maxItems": MAX_PICTURES},
        **request["properties"],
    }
    detection = _object(phrase={"type": "string"}, score={"type": "number"}, box_xyxy=_numbers(4))
    entry = _object(
        name={"type": "string"},
        width={"type": "integer"},
        height={"type": "integer"},
        detections={"type": "array", "items": detection},
    )
    failed = _object(name={"type": "string"}, error={"type": "object"})
    model = {
        "type": "object",
        "required": ["name", "loaded"],
        "properties": {"name": {"type": "string"}, "loaded": {"type": "boolean"}},
    }
    job = _object(
        job={"type": "string"},
        state={"enum": ["running", "done", "cancelled", "failed"]},
        done={"type": "integer"},
        total={"type": "integer"},
    )
    return {
        "PhraseRequest": phrase,
        "DetectJson": {**request, "properties": properties, "title": "DetectJson"},
        "DetectAnswer": _object(
            model={"type": "object"},
            prompt={"type": "object"},
            boxes={"enum": ["pixels", "normalised"]},
            pictures={"type": "array", "items": {"oneOf": [entry, failed]}},
            took_ms={"type": "number"},
        ),
        "Job": job,
        "Model": model,
        "Models": _object(models={"type": "array", "items": model}),
        "ModelName": {**_object(name={"type": "string"}), "additionalProperties": False},
        "Error": _object(error=_object(code={"type": "string"}, message={"type": "string"})),
    }


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


def _numbers(count: int) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "number"}, "minItems": count, "maxItems": count}


def _page(described: dict[str, Any]) -> str:
    """A page without scripts: every path with its summary, and the fields of a request."""
    rows = [
        f"<tr><td><code>{method.upper()} {escape(path)}</code></td><td>{escape(operation['summary'])}</td></tr>"
        for path, operations in described["paths"].items()
        for method, operation in operations.items()
    ]
    fields = [
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(str(field.get('description', '')))}</td></tr>"
        for name, field in described["components"]["schemas"]["DetectJson"]["properties"].items()
    ]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>groundcast</title>'
        f"<h1>groundcast {escape(described['info']['version'])}</h1><p>{escape(described['info']['description'])}</p>"
        f"<table>{''.join(rows)}</table><h2>Fields of a request</h2><table>{''.join(fields)}</table>"
        '<p>The same for programs: <a href="/openapi.json">/openapi.json</a></p></html>'
    )
