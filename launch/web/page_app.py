"""Page app: the routes of the page: its files, the login, and the WebSocket of the live view."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from .access import Access
from .guard import Application, Guard
from .hub import Hub
from .picture_desk import MAX_UPLOAD_BYTES, PictureDesk, PictureRefusedError
from .request_limits import RequestLimits
from .static_files import read_static_files, static_answer

_LOG = logging.getLogger(__name__)
_LOGIN = "/login"
_PUBLIC = (_LOGIN, "/static/login.html", "/static/login.js", "/static/page.css", "/static/icon.svg", "/healthz")
_DETECT = "/api/detect"
_MAX_LOGIN_BYTES = 4096


def page_app(access: Access, hub: Hub, desk: PictureDesk) -> Application:
    """The page of one node, behind the guard."""
    files = read_static_files()
    guards: list[Guard] = []

    async def show(request: Request) -> Response:
        name = request.path_params.get("name", "page.html")
        return static_answer(request, files, name) or _refuse(404, "there is no such page: open / instead")

    async def log_in(request: Request) -> Response:
        if request.method == "GET":
            return static_answer(request, files, "login.html") or _refuse(404, "the login page is missing")
        token = (await request.body()).decode("utf-8", "replace").strip()
        if not access.is_token(token):
            guards[0].charge_wrong_token(request.client.host if request.client else "?")
            return _refuse(401, "the token is wrong: it stands in the file that --token names")
        return RedirectResponse("/", 303, headers={"set-cookie": access.login_cookie()})

    async def live(socket: WebSocket) -> None:
        await hub.serve(socket)

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"ok": True})

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        running = asyncio.ensure_future(hub.run())
        running.add_done_callback(_report)
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await hub.close()
            await desk.close()

    app = Starlette(
        routes=[
            Route("/", show),
            Route("/static/{name}", show),
            Route(_LOGIN, log_in, methods=["GET", "POST"]),
            *_upload_routes(desk),
            Route("/healthz", healthz),
            WebSocketRoute("/live", live),
        ],
        lifespan=lifespan,
    )
    limits = RequestLimits(body_bytes_of={_LOGIN: _MAX_LOGIN_BYTES, _DETECT: MAX_UPLOAD_BYTES})
    guards.append(Guard(app, access, limits, public=_PUBLIC, login=_LOGIN))
    return guards[0]


def _upload_routes(desk: PictureDesk) -> list[Route]:
    async def models(_request: Request) -> Response:
        return JSONResponse({"models": desk.models})

    async def detect(request: Request) -> Response:
        try:
            return JSONResponse(await desk.detect(await request.body()))
        except PictureRefusedError as error:
            refusal = error.refusal
            headers = {name.decode(): value.decode() for name, value in refusal.headers}
            body = {"error": {"code": refusal.code, "message": refusal.message}}
            return JSONResponse(body, refusal.status, headers)

    return [Route("/api/models", models), Route(_DETECT, detect, methods=["POST"])]


def _refuse(status: int, message: str) -> Response:
    return JSONResponse({"error": {"code": "refused", "message": message}}, status)


def _report(running: asyncio.Future[None]) -> None:
    if not running.cancelled() and (error := running.exception()) is not None:
        _LOG.error("the page no longer receives from the node", exc_info=error)
