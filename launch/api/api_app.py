"""API app: the routes of the HTTP API behind the guard, and how errors are answered."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..web.access import Access
from ..web.guard import Application, Guard, Receive, Send
from ..web.request_limits import RequestLimits
from .api_error import ApiError
from .api_metrics import ApiMetrics
from .detect_routes import detect_routes
from .detection_service import DetectionService
from .job_routes import job_routes
from .job_store import JobStore
from .label_studio import LabelStudio, label_studio_routes
from .open_inference import open_inference_routes
from .openapi import openapi_routes
from .roboflow_routes import roboflow_routes

_PUBLIC = ("/healthz", "/readyz", "/v2/health/live", "/v2/health/ready")
MAX_BODY_BYTES = 64 * 2**20
_BODY_S = 60.0
_REQUESTS_PER_S = 2000.0
_HUNG_UP = 499  # in the figures alone: there is no one to answer


def api_app(access: Access, make_service: Callable[[], DetectionService], label_studio: LabelStudio) -> Application:
    """The HTTP API.

    Args:
        access: which clients are answered.
        make_service: makes the service inside the server's event loop.
        label_studio: how pictures of Label Studio's projects are fetched.
    """
    return Guard(
        _Lazy(lambda: _starlette(make_service(), label_studio)),
        access,
        RequestLimits(
            body_bytes=MAX_BODY_BYTES, body_s=_BODY_S, requests_per_s=_REQUESTS_PER_S, burst=int(2 * _REQUESTS_PER_S)
        ),
        public=_PUBLIC,
    )


class _Lazy:
    """An application that is made when the server begins, inside its event loop."""

    def __init__(self, make: Callable[[], Starlette]) -> None:
        self._make = make
        self._app: Starlette | None = None

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if self._app is None:
            self._app = self._make()
        await self._app(scope, receive, send)


def _starlette(service: DetectionService, label_studio: LabelStudio) -> Starlette:
    metrics = ApiMetrics(service.pool)
    jobs = JobStore(service)
    routes = [
        *detect_routes(service, metrics),
        *job_routes(jobs),
        *open_inference_routes(service),
        *roboflow_routes(service),
        *label_studio_routes(service, label_studio),
        *openapi_routes(),
    ]

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        await service.pool.load(service.pool.names[0])
        try:
            yield
        finally:
            await jobs.close()
            await service.pool.close()
            service.close()

    return Starlette(
        routes=[_counted(route, metrics) for route in routes],
        lifespan=lifespan,
        exception_handlers={ApiError: _answer_error, HTTPException: _answer_http_error},
    )


def _counted(route: Route, metrics: ApiMetrics) -> Route:
    """The route, whose answers are counted."""
    inner = route.endpoint

    async def endpoint(request: Request) -> Response:
        started_s = time.monotonic()
        status = 500
        try:
            response = await inner(request)
            status = response.status_code
            return response
        except ApiError as error:
            status = error.status
            raise
        except HTTPException as error:
            status = error.status_code
            raise
        except ClientDisconnect:
            status = _HUNG_UP
            raise
        finally:
            metrics.count(route.path, status, time.monotonic() - started_s)

    return Route(route.path, endpoint, methods=sorted(route.methods or ()), include_in_schema=route.include_in_schema)


async def _answer_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    headers = {} if error.retry_after_s is None else {"retry-after": str(error.retry_after_s)}
    return JSONResponse({"error": {"code": error.code, "message": error.message}}, error.status, headers)


async def _answer_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        code, message = "no_such_path", "there is nothing at this path: see /docs"
    elif error.status_code == 405:
        code, message = "wrong_method", f"this path does not take {request.method}: see /docs"
    else:
        code, message = "refused", str(error.detail)[:200]
    return JSONResponse({"error": {"code": code, "message": message}}, error.status_code, dict(error.headers or {}))
