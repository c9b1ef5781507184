"""Review app: the routes of the review page: its files, the login, the pictures and the edits."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import cv2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from ...model.pictures.still_picture import StillError, read_header, read_pictures
from ..web.access import Access
from ..web.guard import Application, Guard
from ..web.request_limits import RequestLimits
from ..web.static_files import read_static_files, static_answer
from .edits import EditError
from .label_file import LabelFile, LabelFileError
from .session import ReviewSession

_LOGIN = "/login"
_PUBLIC = (_LOGIN, "/static/login.html", "/static/login.js", "/static/page.css", "/static/icon.svg")
_SHOWN = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "bmp": "image/bmp", "gif": "image/gif"}
_STATUS = {"changed": 409, "gone": 404, "nothing": 409}
_MAX_PIXELS = 40_000_000


def review_app(access: Access, file: LabelFile) -> Application:
    """The page of one data set, behind the guard."""
    files = {**read_static_files(), **read_static_files(Path(__file__).parent / "static")}
    session = ReviewSession(file)
    changes = {"edit": session.edit, "undo": session.undo, "redo": session.redo}
    guards: list[Guard] = []

    async def show(request: Request) -> Response:
        name = request.path_params.get("name", "review.html")
        return static_answer(request, files, name) or _refuse(404, "gone", "there is no such page: open / instead")

    async def log_in(request: Request) -> Response:
        if request.method == "GET":
            return static_answer(request, files, "login.html") or _refuse(404, "gone", "the login page is missing")
        token = (await request.body()).decode("utf-8", "replace").strip()
        if not access.is_token(token):
            guards[0].charge_wrong_token(request.client.host if request.client else "?")
            return _refuse(401, "wrong_token", "the token is wrong: it stands in the line that the command printed")
        return RedirectResponse("/", 303, headers={"set-cookie": access.login_cookie()})

    async def image(request: Request) -> Response:
        record = file.pictures.get(request.path_params["number"])
        if record is None:
            return _refuse(404, "gone", "this picture is no longer in the data set: reload the page")
        return _picture_answer(file.folder / record.image["file_name"])

    async def picture(request: Request) -> Response:
        return _answered(lambda: session.picture(request.path_params["number"]))

    async def overview(_request: Request) -> Response:
        return _answered(session.overview)

    async def change(request: Request) -> Response:
        body = await request.body()
        carry_out = changes.get(request.path_params["what"])
        if carry_out is None:
            return _refuse(404, "gone", "there is no such change")
        return _answered(lambda: carry_out(_values(body)))

    app = Starlette(
        routes=[
            Route("/", show),
            Route("/static/{name}", show),
            Route(_LOGIN, log_in, methods=["GET", "POST"]),
            Route("/api/set", overview),
            Route("/api/pictures/{number:int}", picture),
            Route("/api/pictures/{number:int}/image", image),
            Route("/api/change/{what}", change, methods=["POST"]),
        ]
    )
    limits = RequestLimits(requests_per_s=200.0, burst=1000)
    guards.append(Guard(app, access, limits, public=_PUBLIC, login=_LOGIN))
    return guards[0]


def _answered(ask: Callable[[], Mapping[str, Any]]) -> Response:
    """The answer as JSON, or the sentence that says why there is none."""
    try:
        return JSONResponse(ask())
    except EditError as error:
        return _refuse(_STATUS.get(error.code, 400), error.code, str(error))
    except LabelFileError as error:
        return _refuse(507, "not_saved", str(error))


def _values(body: bytes) -> Mapping[str, Any]:
    try:
        values = cast("object", json.loads(body))
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise EditError("bad_request", "a request must be an object of JSON")
    return cast("Mapping[str, Any]", values)


def _picture_answer(path: Path) -> Response:
    """The picture as it is where browsers show it upright, else as a JPEG."""
    try:
        header = read_header(path)
        if header.kind in _SHOWN and header.orientation == 1:
            return Response(path.read_bytes(), media_type=_SHOWN[header.kind])
        pixels = next(read_pictures(path, _MAX_PIXELS)).image
    except (OSError, StillError) as error:
        said = f"{path} cannot be shown ({error}): put the file back, or reject the picture"
        return _refuse(404, "no_picture", said)
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92])
    return Response(encoded.tobytes(), media_type="image/jpeg")


def _refuse(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": message}}, status)
