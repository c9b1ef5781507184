"""Detection service: from uploaded pictures to their detections, for every shape of request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...model.detections import Detections, DetectorInfo
from ...model.prompt import Prompt, PromptError
from ...model.query import Query
from .answers import PictureAnswer
from .api_error import ApiError, bad_request
from .detect_request import DetectRequest
from .model_pool import LoadedModel, ModelPool
from .pixel_budget import MAX_HELD_PIXELS, PixelBudget
from .upload_picture import Upload, count_pixels, decode_upload

if TYPE_CHECKING:
    from ...model.runtime.postprocess import ReportRules

_DECODERS = 2
_MAX_DECODING = 64  # pictures that wait to be decoded


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one request.

    Args:
        info: of the model that answered.
        prompt: what was asked.
        pictures: one for each picture, in order.
    """

    info: DetectorInfo
    prompt: Prompt
    pictures: tuple[PictureAnswer, ...]


class DetectionService:
    """Decodes pictures in threads and runs them through the pool's models. Lives in one event loop.

    Args:
        pool: the models.
        usual: which boxes are reported unless a request says.
        max_pixels: of decoded pictures, of all callers together; others wait undecoded.
    """

    def __init__(self, pool: ModelPool, usual: ReportRules, max_pixels: int = MAX_HELD_PIXELS) -> None:
        self.pool = pool
        self.pixels = PixelBudget(max_pixels)
        self._usual = usual
        self._decoders = ThreadPoolExecutor(_DECODERS, thread_name_prefix="decode-upload")
        self._decoding = 0
        self._free_phrases = asyncio.Lock()

    async def detect(self, uploads: Sequence[Upload], request: DetectRequest) -> Answer:
        """Answer one request. Cancelling the call takes its pictures out of the queues.

        Raises:
            ApiError: nothing of it can be answered. A single picture of several that cannot be read has its own error.
        """
        if not uploads:
            raise bad_request("the request holds no picture: send at least one")
        async with self._model(request) as (model, prompt):
            model.dispatcher.check_room(len(uploads))
            tasks = [asyncio.ensure_future(self._one(upload, model, prompt, request)) for upload in uploads]
            try:
                pictures = await asyncio.gather(*tasks)
            except BaseException:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                raise
        if len(pictures) == 1 and pictures[0].error is not None:
            raise pictures[0].error
        return Answer(model.detector.info, prompt, tuple(pictures))

    async def detect_array(self, image: NDArray[np.uint8], request: DetectRequest) -> Answer:
        """The same for one picture that is pixels already, (h, w, 3) uint8 RGB."""
        async with self._model(request) as (model, prompt):
            found = await self._find(image, model, prompt, request)
            height, width = image.shape[:2]
            return Answer(model.detector.info, prompt, (PictureAnswer("", width, height, found),))

    def close(self) -> None:
        """End the decoding threads."""
        self._decoders.shutdown(wait=False, cancel_futures=True)

    @asynccontextmanager
    async def _model(self, request: DetectRequest) -> AsyncGenerator[tuple[LoadedModel, Prompt]]:
        try:
            prompt = request.asked()
            async with self.pool.use(request.model) as model:
                model.detector.check(prompt)
                yield model, prompt
        except PromptError as error:
            raise ApiError(422, "bad_prompt", str(error)) from error

    async def _one(self, upload: Upload, model: LoadedModel, prompt: Prompt, request: DetectRequest) -> PictureAnswer:
        if self._decoding >= _MAX_DECODING:
            raise ApiError(503, "busy", "too many pictures wait to be decoded: try again in a second", retry_after_s=1)
        loop = asyncio.get_running_loop()
        self._decoding += 1
        is_decoding = True
        try:
            pixels = await loop.run_in_executor(self._decoders, count_pixels, upload)
            async with self.pixels.hold(pixels):
                image = await loop.run_in_executor(self._decoders, decode_upload, upload)
                self._decoding -= 1
                is_decoding = False
                found = await self._find(image, model, prompt, request)
        except ApiError as error:
            if error.code != "bad_picture":
                raise
            return PictureAnswer(upload.name, error=error)
        finally:
            self._decoding -= is_decoding
        return PictureAnswer(upload.name, image.shape[1], image.shape[0], found)

    async def _find(
        self, image: NDArray[np.uint8], model: LoadedModel, prompt: Prompt, request: DetectRequest
    ) -> Detections:
        if request.text_threshold is not None:
            return await self._find_freely(image, model, prompt, request)
        query = Query(image, prompt, request.size_px)
        found = await model.dispatcher.detect(query, request.rules(self._usual))
        return found.best(1 if request.refer is not None else request.max_detections or len(found))

    async def _find_freely(
        self, image: NDArray[np.uint8], model: LoadedModel, prompt: Prompt, request: DetectRequest
    ) -> Detections:
        """Boxes labelled with the tokens of the caption, one picture at a time."""
        from ..survey.submitting import find_freely

        threshold = self._usual.threshold if request.threshold is None else request.threshold
        async with self._free_phrases:
            found = await asyncio.to_thread(
                find_freely, model.detector, image, prompt, threshold, request.text_threshold or 0.0
            )
        return found.best(request.max_detections or len(found))
