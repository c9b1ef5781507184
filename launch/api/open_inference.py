"""Open Inference Protocol v2, as KServe and Triton speak it, in JSON.

https://github.com/kserve/open-inference-protocol (inference_rest.md). Inputs: `image`, UINT8 [height, width, 3] RGB or
BYTES [1] with a picture file in base64; `prompt`, BYTES [1], or `refer`. Parameters are those of /v1/detect. Outputs:
`boxes` FP32 [n, 4] px, `scores` FP32 [n], `labels` BYTES [n].
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .api_error import ApiError, bad_request
from .detect_request import read_detect_request
from .detect_routes import unless_gone
from .detection_service import Answer, DetectionService
from .request_body import decode_base64, read_json
from .upload_picture import MAX_PICTURE_PIXELS, Upload

_PARAMETERS = {"threshold", "text_threshold", "nms_iou", "agnostic_nms", "score_rule", "size_px", "max_detections"}
_INPUTS = [
    {"name": "image", "datatype": "UINT8", "shape": [-1, -1, 3]},
    {"name": "prompt", "datatype": "BYTES", "shape": [1]},
]
_OUTPUTS = [
    {"name": "boxes", "datatype": "FP32", "shape": [-1, 4]},
    {"name": "scores", "datatype": "FP32", "shape": [-1]},
    {"name": "labels", "datatype": "BYTES", "shape": [-1]},
]


def open_inference_routes(service: DetectionService) -> list[Route]:
    """The routes below /v2."""

    async def server(_request: Request) -> Response:
        return JSONResponse({"name": "groundcast", "version": version("groundcast"), "extensions": []})

    async def live(_request: Request) -> Response:
        return JSONResponse({"live": True})

    async def ready(_request: Request) -> Response:
        is_ready = bool(service.pool.loaded)
        return JSONResponse({"ready": is_ready}, 200 if is_ready else 503)

    async def model(request: Request) -> Response:
        name = _known(service, request)
        return JSONResponse({"name": name, "platform": "pytorch", "inputs": _INPUTS, "outputs": _OUTPUTS})

    async def model_ready(request: Request) -> Response:
        name = _known(service, request)
        is_ready = any(one.name == name for one in service.pool.loaded)
        return JSONResponse({"name": name, "ready": is_ready}, 200 if is_ready else 503)

    async def infer(request: Request) -> Response:
        name = _known(service, request)
        body = await read_json(request)
        inputs = _inputs(body)
        wanted = read_detect_request({**_parameters(body), **_question(inputs), "model": name})
        image = inputs.get("image")
        if image is None:
            raise bad_request("input 'image' is missing")
        if image.get("datatype") == "BYTES":
            upload = Upload("", decode_base64(_first(image), "input 'image'"))
            answer = await unless_gone(request, service.detect([upload], wanted))
        else:
            answer = await unless_gone(request, service.detect_array(_pixels(image), wanted))
        return JSONResponse(_answer(answer, name, body.get("id")))

    return [
        Route("/v2", server),
        Route("/v2/health/live", live),
        Route("/v2/health/ready", ready),
        Route("/v2/models/{name:path}/ready", model_ready),
        Route("/v2/models/{name:path}/infer", infer, methods=["POST"]),
        Route("/v2/models/{name:path}", model),
    ]


def _known(service: DetectionService, request: Request) -> str:
    name = str(request.path_params["name"])
    if name not in service.pool.names:
        raise ApiError(404, "no_such_model", f"this server has no model {name[:100]!r}")
    return name


def _inputs(body: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    listed = body.get("inputs")
    if not isinstance(listed, list):
        raise bad_request("'inputs' must be a list of tensors")
    inputs: dict[str, dict[str, Any]] = {}
    for one in cast("list[Any]", listed):
        if not isinstance(one, dict) or not isinstance(cast("dict[str, Any]", one).get("name"), str):
            raise bad_request("each input is an object with 'name', 'datatype', 'shape' and 'data'")
        tensor = cast("dict[str, Any]", one)
        inputs[tensor["name"]] = tensor
    if unknown := set(inputs) - {"image", "prompt", "refer"}:
        raise bad_request(f"input {min(unknown)[:100]!r} is not known: send 'image' and 'prompt'")
    return inputs


def _parameters(body: Mapping[str, Any]) -> dict[str, Any]:
    parameters = body.get("parameters", {})
    if not isinstance(parameters, dict):
        raise bad_request("'parameters' must be an object")
    named = cast("dict[str, Any]", parameters)
    return {name: value for name, value in named.items() if name in _PARAMETERS}


def _question(inputs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {name: _first(inputs[name]) for name in ("prompt", "refer") if name in inputs}


def _first(tensor: Mapping[str, Any]) -> Any:
    data = tensor.get("data")
    if not isinstance(data, list) or not data:
        raise bad_request(f"input {str(tensor.get('name'))[:100]!r} has no data")
    return cast("list[Any]", data)[0]


def _pixels(tensor: Mapping[str, Any]) -> NDArray[np.uint8]:
    shape = tensor.get("shape")
    if tensor.get("datatype") != "UINT8" or not isinstance(shape, list):
        raise bad_request("input 'image' must be UINT8 [height, width, 3] or BYTES [1]")
    sides = cast("list[Any]", shape)
    if len(sides) == 4 and sides[0] == 1:  # a batch of one
        sides = sides[1:]
    if len(sides) != 3 or sides[2] != 3 or not all(type(side) is int and side > 0 for side in sides):
        raise bad_request("input 'image' must have the shape [height, width, 3]")
    if sides[0] * sides[1] > MAX_PICTURE_PIXELS:
        raise bad_request(f"input 'image' has more than {MAX_PICTURE_PIXELS} px: make it smaller")
    try:
        values = np.asarray(tensor.get("data"), dtype=np.float64).reshape(sides)
    except (TypeError, ValueError) as error:
        raise bad_request("input 'image' has other data than its shape says") from error
    if not bool(((values >= 0) & (values <= 255) & (values == np.floor(values))).all()):
        raise bad_request("input 'image' has values that are no UINT8")
    return values.astype(np.uint8)


def _answer(answer: Answer, name: str, request_id: Any) -> dict[str, Any]:
    (picture,) = answer.pictures
    found = picture.detections
    assert found is not None
    count = len(found)
    outputs = [
        {**_OUTPUTS[0], "shape": [count, 4], "data": found.boxes_xyxy.astype(float).ravel().tolist()},
        {**_OUTPUTS[1], "shape": [count], "data": found.scores.astype(float).tolist()},
        {**_OUTPUTS[2], "shape": [count], "data": [found.name(row) for row in range(count)]},
    ]
    body: dict[str, Any] = {"model_name": name, "outputs": outputs}
    return {**body, "id": request_id} if isinstance(request_id, str) else body
