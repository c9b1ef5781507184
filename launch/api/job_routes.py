"""The routes of jobs: begin one, read its progress and results, cancel it."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .answers import error_json
from .api_error import bad_request
from .job_store import JobStore, PictureJob
from .request_body import read_detect_call


def job_routes(jobs: JobStore) -> list[Route]:
    """The routes below /v1/jobs."""

    async def begin(request: Request) -> Response:
        call = await read_detect_call(request)
        if not call.uploads:
            raise bad_request("the request holds no picture: send at least one")
        job = jobs.start(call.uploads, call.request)
        return JSONResponse(_job_json(job, with_pictures=False), 202, {"location": f"/v1/jobs/{job.name}"})

    async def show(request: Request) -> Response:
        return JSONResponse(_job_json(jobs.get(request.path_params["name"]), with_pictures=True))

    async def delete(request: Request) -> Response:
        return JSONResponse(_job_json(await jobs.delete(request.path_params["name"]), with_pictures=False))

    return [
        Route("/v1/jobs", begin, methods=["POST"]),
        Route("/v1/jobs/{name}", show, methods=["GET"]),
        Route("/v1/jobs/{name}", delete, methods=["DELETE"]),
    ]


def _job_json(job: PictureJob, *, with_pictures: bool) -> dict[str, Any]:
    values: dict[str, Any] = {"job": job.name, "state": job.state, "done": len(job.pictures), "total": job.total}
    if job.error is not None:
        values["error"] = error_json(job.error)
    if with_pictures:
        values["pictures"] = job.pictures
    return values
