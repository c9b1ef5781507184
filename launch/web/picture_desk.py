"""Picture desk: pictures that browsers upload, passed one by one to a process that detects in them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, cast

from .request_limits import Refusal

MAX_UPLOAD_BYTES = 25 * 2**20
_LENGTH_BYTES = 4
_MAX_HEAD_BYTES = 16 * 1024
_MAX_WAITING = 4
_MAX_ANSWER_BYTES = 32 * 2**20
_WITHIN_S = 180.0  # the first request loads the model
_IDLE_S = 600.0
_NUMBERS = {"threshold": (0.0, 1.0), "text_threshold": (0.0, 1.0), "nms": (0.0, 1.0), "size": (32, 4096)}
_WORKER = "groundcast.launch.detect_worker"


class PictureRefusedError(ValueError):
    """A picture that is not detected in; `refusal` is the answer."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class PictureDesk:
    """Detects in uploaded pictures. The process with the model starts with the first one, and ends when none comes.

    Args:
        models: names or paths of the models that a viewer may choose from; the first is the default.
        device: as in `groundcast detect`.
        offline: take published models only from the local cache.
    """

    def __init__(self, models: Sequence[str], device: str = "auto", *, offline: bool = False) -> None:
        self.models = tuple(models)
        self._device = device
        self._offline = offline
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._idle: asyncio.TimerHandle | None = None

    async def detect(self, body: bytes) -> dict[str, Any]:
        """Detect in an upload: four bytes of length, so many bytes of JSON with what to look for, and the picture.

        Raises:
            PictureRefusedError: the upload is wrong, too many wait, or the process failed.
        """
        request, picture = self._request(body)
        if self._waiting >= _MAX_WAITING:
            text = "other pictures wait already: try again in a few seconds"
            raise PictureRefusedError(Refusal(503, "busy", text, ((b"retry-after", b"5"),)))
        self._waiting += 1
        try:
            async with self._turn:
                answer = await self._ask(request, picture)
        finally:
            self._waiting -= 1
        if "error" in answer:
            error = cast("Mapping[str, str]", answer["error"])
            raise PictureRefusedError(Refusal(422, error["code"], error["message"]))
        return answer

    async def close(self) -> None:
        """End the process."""
        if self._idle is not None:
            self._idle.cancel()
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _request(self, body: bytes) -> tuple[dict[str, Any], bytes]:
        """What to look for, checked, and the picture."""
        length = int.from_bytes(body[:_LENGTH_BYTES], "big")
        if len(body) < _LENGTH_BYTES or length > min(_MAX_HEAD_BYTES, len(body) - _LENGTH_BYTES):
            raise _wrong("the upload must be four bytes of length, a JSON object and a picture")
        try:
            head = json.loads(body[_LENGTH_BYTES : _LENGTH_BYTES + length])
        except (ValueError, RecursionError) as error:
            raise _wrong("what to look for must be a JSON object") from error
        if not isinstance(head, dict):
            raise _wrong("what to look for must be a JSON object")
        values = cast("dict[str, Any]", head)
        picture = body[_LENGTH_BYTES + length :]
        if not picture:
            raise _wrong("the picture is missing: choose a file")
        model = values.get("model", self.models[0])
        if model not in self.models:
            raise _wrong(f"this page offers the models {', '.join(self.models)} alone")
        request: dict[str, Any] = {"model": model, "device": self._device, "offline": self._offline}
        request.update({key: _text(values, key) for key in ("prompt", "refer") if values.get(key) is not None})
        request.update({key: _number(values, key) for key in _NUMBERS if values.get(key) is not None})
        return request, picture

    async def _ask(self, request: Mapping[str, Any], picture: bytes) -> dict[str, Any]:
        try:
            async with asyncio.timeout(_WITHIN_S):
                return await self._exchange(json.dumps(request).encode(), picture)
        except TimeoutError as error:
            await self.close()
            text = f"the detector took more than {_WITHIN_S:g} s and was stopped: try a smaller picture"
            raise PictureRefusedError(Refusal(504, "too_slow", text)) from error
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            await self.close()
            text = "the detector's process ended at this picture: the page's log says why; other pictures go on"
            raise PictureRefusedError(Refusal(502, "detector_failed", text)) from error
        except asyncio.CancelledError:
            await self.close()  # its answer would be taken for that of the next picture
            raise

    async def _exchange(self, head: bytes, picture: bytes) -> dict[str, Any]:
        if self._process is None or self._process.returncode is not None:
            pipe = asyncio.subprocess.PIPE
            command = (sys.executable, "-m", _WORKER)
            self._process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None
        assert answers is not None
        for part in (head, picture):
            requests.write(len(part).to_bytes(_LENGTH_BYTES, "big") + part)
        await requests.drain()
        length = int.from_bytes(await answers.readexactly(_LENGTH_BYTES), "big")
        if length > _MAX_ANSWER_BYTES:
            raise ConnectionError("the answer is too long")
        answer = cast("dict[str, Any]", json.loads(await answers.readexactly(length)))
        self._end_when_idle()
        return answer

    def _end_when_idle(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        loop = asyncio.get_running_loop()
        self._idle = loop.call_later(_IDLE_S, self._end)

    def _end(self) -> None:
        if self._waiting == 0 and self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()  # it ends with its input
            self._process = None


def _wrong(text: str) -> PictureRefusedError:
    return PictureRefusedError(Refusal(400, "bad_request", text))


def _text(values: Mapping[str, Any], key: str) -> str:
    value = values[key]
    if not isinstance(value, str):
        raise _wrong(f"{key} must be a text")
    return value


def _number(values: Mapping[str, Any], key: str) -> float | int:
    low, high = _NUMBERS[key]
    value = values[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise _wrong(f"{key} must be a number in {low:g}..{high:g}")
    return int(value) if key == "size" else float(value)
