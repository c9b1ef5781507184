"""Jobs: requests of many pictures that run in the background, with their progress, results and cancelling."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .answers import picture_json
from .api_error import ApiError
from .detect_request import DetectRequest
from .detection_service import DetectionService
from .upload_picture import Upload

_MAX_JOBS = 64
_MAX_RUNNING = 4
_MAX_HELD_BYTES = 512 * 2**20
_KEPT_S = 600.0


@dataclass(slots=True, eq=False)
class PictureJob:
    """A job.

    Args:
        name: random, and known to its caller alone.
        uploads: those still to do.
        request: what to find.
        total: number of pictures.
        state: 'running', 'done', 'cancelled' or 'failed'.
        pictures: the entries of those that are done, in order.
        error: why it failed.
        ended_s: monotonic time of its end.
    """

    name: str
    uploads: list[Upload]
    request: DetectRequest
    total: int
    state: str = "running"
    pictures: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    error: ApiError | None = None
    ended_s: float | None = None
    task: asyncio.Task[None] | None = None


class JobStore:
    """The jobs of a server, bounded in number and bytes. Results are kept for ten minutes."""

    def __init__(self, service: DetectionService) -> None:
        self._service = service
        self._jobs: dict[str, PictureJob] = {}

    def start(self, uploads: Sequence[Upload], request: DetectRequest) -> PictureJob:
        """Begin a job.

        Raises:
            ApiError: too many run, or hold too many bytes.
        """
        self._forget()
        running = [job for job in self._jobs.values() if job.state == "running"]
        held = sum(len(upload.data) for job in running for upload in job.uploads)
        if len(running) >= _MAX_RUNNING or held + sum(len(one.data) for one in uploads) > _MAX_HELD_BYTES:
            raise ApiError(503, "busy", f"{len(running)} jobs run already: try again later", retry_after_s=5)
        if len(self._jobs) >= _MAX_JOBS:
            raise ApiError(503, "busy", f"{len(self._jobs)} jobs are kept: delete those you have read", retry_after_s=5)
        job = PictureJob(secrets.token_urlsafe(16), list(uploads), request, len(uploads))
        self._jobs[job.name] = job
        job.task = asyncio.ensure_future(self._run(job))
        return job

    def get(self, name: str) -> PictureJob:
        """A job by its name.

        Raises:
            ApiError: there is none.
        """
        self._forget()
        if name not in self._jobs:
            raise ApiError(404, "no_such_job", "there is no such job: results are kept for ten minutes")
        return self._jobs[name]

    async def delete(self, name: str) -> PictureJob:
        """Cancel a job and forget it."""
        job = self.get(name)
        if job.task is not None and not job.task.done():
            job.task.cancel()
            await asyncio.gather(job.task, return_exceptions=True)
        self._jobs.pop(name, None)
        return job

    async def close(self) -> None:
        """Cancel all."""
        for name in list(self._jobs):
            await self.delete(name)

    async def _run(self, job: PictureJob) -> None:
        try:
            while job.uploads:
                upload = job.uploads[0]
                try:
                    answer = await self._service.detect([upload], job.request)
                    job.pictures.append(picture_json(answer.pictures[0], job.request.boxes))
                except ApiError as error:
                    if error.code == "busy":  # the callers who wait come first
                        await asyncio.sleep(error.retry_after_s or 1)
                        continue
                    if error.code != "bad_picture":
                        raise
                    job.pictures.append({"name": upload.name, "error": {"code": error.code, "message": error.message}})
                job.uploads.pop(0)
            job.state = "done"
        except ApiError as error:
            job.state, job.error = "failed", error
        except asyncio.CancelledError:
            job.state = "cancelled"
            raise
        finally:
            job.uploads.clear()
            job.ended_s = time.monotonic()

    def _forget(self) -> None:
        now_s = time.monotonic()
        for name, job in list(self._jobs.items()):
            if job.ended_s is not None and now_s - job.ended_s > _KEPT_S:
                del self._jobs[name]
