"""Requests as users of roboflow/inference send them to its Grounding DINO route, and answers as it gives them.

https://inference.roboflow.com: POST /grounding_dino/infer with `image`, `text`, `box_threshold`, `text_threshold` and
`class_agnostic_nms`; boxes are answered by their centre. Labels here are always one of `text`, so `text_threshold`,
by which the original cuts its labels, changes nothing. `api_key` is ignored: access is this server's own token.
"""

from __future__ import annotations

import time
import uuid
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .answers import PictureAnswer
from .api_error import bad_request
from .detect_request import Share, first_fault, read_detect_request
from .detect_routes import unless_gone
from .detection_service import DetectionService
from .request_body import MAX_PICTURES, decode_base64, read_json
from .upload_picture import Upload


class _Picture(BaseModel):
    model_config = ConfigDict(extra="ignore")

    type: Annotated[str, Field(max_length=40)]
    value: str


class _Inference(BaseModel):
    model_config = ConfigDict(extra="ignore")

    image: _Picture | Annotated[list[_Picture], Field(min_length=1, max_length=MAX_PICTURES)]
    text: Annotated[list[Annotated[str, Field(max_length=200)]], Field(min_length=1, max_length=1000)]
    box_threshold: Share = 0.5
    class_agnostic_nms: bool = False


def roboflow_routes(service: DetectionService) -> list[Route]:
    """The route /grounding_dino/infer."""

    async def infer(request: Request) -> Response:
        try:
            asked = _Inference.model_validate(await read_json(request))
        except ValidationError as error:
            raise bad_request(first_fault(error)) from error
        pictures = asked.image if isinstance(asked.image, list) else [asked.image]
        uploads = [Upload("", _bytes_of(picture)) for picture in pictures]
        wanted = read_detect_request(
            {"prompt": asked.text, "threshold": asked.box_threshold, "agnostic_nms": asked.class_agnostic_nms}
        )
        started = time.monotonic()
        answer = await unless_gone(request, service.detect(uploads, wanted))
        took_s = time.monotonic() - started
        for picture in answer.pictures:
            if picture.error is not None:
                raise picture.error
        shown = [_answer(picture, asked.text, took_s) for picture in answer.pictures]
        return JSONResponse(shown if isinstance(asked.image, list) else shown[0])

    return [Route("/grounding_dino/infer", infer, methods=["POST"])]


def _bytes_of(picture: _Picture) -> bytes:
    if picture.type != "base64":
        raise bad_request(f"image type {picture.type!r} is not taken: send {{'type': 'base64', 'value': ...}}")
    return decode_base64(picture.value, "image.value")


def _answer(picture: PictureAnswer, text: list[str], took_s: float) -> dict[str, Any]:
    found = picture.detections
    assert found is not None
    predictions: list[dict[str, Any]] = []
    for row in range(len(found)):
        left, top, right, bottom = (float(value) for value in found.boxes_xyxy[row])
        predictions.append(
            {
                "x": (left + right) / 2,
                "y": (top + bottom) / 2,
                "width": right - left,
                "height": bottom - top,
                "confidence": float(found.scores[row]),
                "class": found.name(row),
                "class_id": text.index(found.name(row)),
                "detection_id": str(uuid.uuid4()),
            }
        )
    return {
        "inference_id": str(uuid.uuid4()),
        "time": took_s,
        "image": {"width": picture.width, "height": picture.height},
        "predictions": predictions,
    }
