"""The API's own routes: detect, models, health and metrics."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .answers import picture_json
from .api_error import ApiError, bad_request
from .api_metrics import ApiMetrics
from .detect_request import DetectRequest
from .detection_service import Answer, DetectionService
from .request_body import read_detect_call, read_json

_GONE_CHECK_S = 0.25
Result = TypeVar("Result")


def detect_routes(service: DetectionService, metrics: ApiMetrics) -> list[Route]:
    """The routes below /v1, and those that a supervisor of the process asks."""
    pool = service.pool

    async def detect(request: Request) -> Response:
        call = await read_detect_call(request)
        started = time.monotonic()
        answer = await unless_gone(request, service.detect(call.uploads, call.request))
        return JSONResponse(answer_json(answer, call.request, time.monotonic() - started))

    async def models(_request: Request) -> Response:
        return JSONResponse({"models": [_model_json(service, name) for name in pool.names]})

    async def load(request: Request) -> Response:
        name = _name_in(await read_json(request))
        await pool.load(name)
        return JSONResponse(_model_json(service, name))

    async def unload(request: Request) -> Response:
        name = _name_in(await read_json(request))
        await pool.unload(name)
        return JSONResponse(_model_json(service, name))

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"ok": True})

    async def readyz(_request: Request) -> Response:
        is_ready = bool(pool.loaded)
        return JSONResponse({"ready": is_ready}, 200 if is_ready else 503)

    async def metrics_page(request: Request) -> Response:
        content_type, body = metrics.page(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    return [
        Route("/v1/detect", detect, methods=["POST"]),
        Route("/v1/models", models),
        Route("/v1/models/load", load, methods=["POST"]),
        Route("/v1/models/unload", unload, methods=["POST"]),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics_page),
    ]


async def unless_gone(request: Request, work: Awaitable[Result]) -> Result:
    """The result of `work`, which is cancelled when the caller hangs up.

    Raises:
        ApiError: the caller has hung up.
    """
    task = asyncio.ensure_future(work)
    try:
        while not task.done():
            await asyncio.wait([task], timeout=_GONE_CHECK_S)
            if not task.done() and await request.is_disconnected():
                raise ApiError(499, "gone", "the caller has hung up")
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def answer_json(answer: Answer, request: DetectRequest, took_s: float) -> dict[str, Any]:
    """The body of an answer to /v1/detect."""
    info = answer.info
    return {
        "model": {"name": info.name, "dtype": info.dtype, "score_rule": request.score_rule or info.score_rule},
        "prompt": {"hash": answer.prompt.hash, "phrases": list(answer.prompt.names)},
        "boxes": request.boxes,
        "pictures": [picture_json(picture, request.boxes) for picture in answer.pictures],
        "took_ms": round(took_s * 1000, 1),
    }


def _model_json(service: DetectionService, name: str) -> dict[str, Any]:
    for model in service.pool.loaded:
        if model.name == name:
            info = model.detector.info
            return {
                "name": name,
                "loaded": True,
                "dtype": info.dtype,
                "input": model.detector.input_rule,
                "bytes": model.bytes,
                "waiting": model.dispatcher.waiting,
            }
    return {"name": name, "loaded": False}


def _name_in(values: dict[str, Any]) -> str:
    name = values.get("name")
    if not isinstance(name, str) or set(values) != {"name"}:
        raise bad_request('name the model: {"name": "tabletop"}')
    return name
