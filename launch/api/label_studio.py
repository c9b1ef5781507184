"""Label Studio ML backend: pre-annotates a project's tasks with boxes under the project's own labels.

https://labelstud.io/guide/ml_create: /setup, /predict, /webhook, /health. The prompt that a person writes into the
project's TextArea `prompt` is kept per project, and holds for the tasks that follow.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...model.prompt import PromptError
from .answers import PictureAnswer
from .api_error import ApiError, bad_request
from .detect_request import PhraseRequest, read_detect_request
from .detect_routes import unless_gone
from .detection_service import DetectionService
from .label_config import LabelConfig, read_label_config
from .picture_fetch import PictureFetch
from .request_body import decode_base64, read_json
from .upload_picture import Upload

_MAX_PROJECTS = 1000
_MAX_TASKS = 64
_MAX_PROMPT = 5000
_MAX_BYTES = 128 * 2**20  # of all pictures of a request


class LabelStudio:
    """What is known of the projects: where their pictures come from, and the last prompt that was written in each.

    Args:
        fetch: from where pictures may be fetched.
        base: the Label Studio server, to which paths such as /data/upload/1/a.jpg belong; None knows none.
    """

    def __init__(self, fetch: PictureFetch, base: str | None = None) -> None:
        self.fetch = fetch
        self.base = base
        self._prompts: OrderedDict[str, str] = OrderedDict()

    def prompt_of(self, project: str) -> str | None:
        """The last prompt that was written in a project."""
        return self._prompts.get(project)

    def keep_prompt(self, project: str, prompt: str) -> None:
        """Keep a project's prompt."""
        self._prompts[project] = prompt[:_MAX_PROMPT]
        self._prompts.move_to_end(project)
        while len(self._prompts) > _MAX_PROJECTS:
            self._prompts.popitem(last=False)


def label_studio_routes(service: DetectionService, studio: LabelStudio) -> list[Route]:
    """The four routes that Label Studio calls."""

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "UP", "model_class": "groundcast"})

    async def setup(request: Request) -> Response:
        body = await read_json(request)
        config = read_label_config(_text(body, "schema"))
        _check_prompt(config, None)
        return JSONResponse({"model_version": _version(service)})

    async def predict(request: Request) -> Response:
        body = await read_json(request)
        config = read_label_config(_text(body, "label_config"))
        project = str(body.get("project", "")).partition(".")[0][:100]
        if written := _written_prompt(body, config):
            studio.keep_prompt(project, written)
        results = await unless_gone(request, _predict(service, studio, body, config, project))
        return JSONResponse({"results": results, "model_version": _version(service)})

    async def webhook(request: Request) -> Response:
        body = await read_json(request)
        project = str(cast("dict[str, Any]", body.get("project") or {}).get("id", ""))[:100]
        annotation = body.get("annotation")
        if isinstance(annotation, dict) and (written := _prompt_in(cast("dict[str, Any]", annotation).get("result"))):
            studio.keep_prompt(project, written)
        return JSONResponse({"result": "ok"}, 201)

    return [
        Route("/health", health),
        Route("/setup", setup, methods=["POST"]),
        Route("/predict", predict, methods=["POST"]),
        Route("/webhook", webhook, methods=["POST"]),
    ]


async def _predict(
    service: DetectionService, studio: LabelStudio, body: Mapping[str, Any], config: LabelConfig, project: str
) -> list[dict[str, Any]]:
    tasks = body.get("tasks")
    if not isinstance(tasks, list) or len(cast("list[Any]", tasks)) > _MAX_TASKS:
        raise bad_request(f"'tasks' must be a list of at most {_MAX_TASKS}")
    prompt = _check_prompt(config, studio.prompt_of(project))
    phrases = [PhraseRequest(name=one.name, ask=list(one.ask)) for one in prompt]
    wanted = read_detect_request({"prompt": [one.model_dump() for one in phrases], **_settings(body)})
    uploads: list[Upload] = []
    for number, task in enumerate(cast("list[Any]", tasks)):
        uploads.append(await asyncio.to_thread(_picture_of, studio, task, config, number))
        if sum(len(upload.data) for upload in uploads) > _MAX_BYTES:
            raise bad_request(f"the pictures of these tasks are larger than {_MAX_BYTES // 2**20} MiB: ask for fewer")
    if not uploads:
        return []
    answer = await service.detect(uploads, wanted)
    return [_result(picture, config, _version(service)) for picture in answer.pictures]


def _check_prompt(config: LabelConfig, written: str | None) -> tuple[Any, ...]:
    try:
        return config.prompt(written).phrases
    except PromptError as error:
        raise ApiError(422, "bad_prompt", str(error)) from error


def _settings(body: Mapping[str, Any]) -> dict[str, Any]:
    """The thresholds that a project's extra parameters may set."""
    params = body.get("params")
    extra = cast("dict[str, Any]", params).get("extra_params") if isinstance(params, dict) else None
    if not isinstance(extra, dict):
        return {}
    known = cast("dict[str, Any]", extra)
    return {name: known[name] for name in ("threshold", "nms_iou", "model") if name in known}


def _picture_of(studio: LabelStudio, task: Any, config: LabelConfig, number: int) -> Upload:
    data = cast("dict[str, Any]", task).get("data") if isinstance(task, dict) else None
    value = cast("dict[str, Any]", data).get(config.field) if isinstance(data, dict) else None
    if not isinstance(value, str):
        raise bad_request(f"task {number} has no data.{config.field[:40]}")
    if value.startswith("data:"):
        return Upload(f"task {number}", decode_base64(value, f"task {number}"))
    return Upload(f"task {number}", studio.fetch.fetch(value, studio.base))


def _written_prompt(body: Mapping[str, Any], config: LabelConfig) -> str | None:
    """What a person has just written: Label Studio sends it as the context of an interactive prediction."""
    params = body.get("params")
    context = cast("dict[str, Any]", params).get("context") if isinstance(params, dict) else None
    result = cast("dict[str, Any]", context).get("result") if isinstance(context, dict) else None
    return _prompt_in(result) if config.prompt_control else None


def _prompt_in(result: Any) -> str | None:
    for one in cast("list[Any]", result) if isinstance(result, list) else []:
        entry = cast("dict[str, Any]", one) if isinstance(one, dict) else {}
        if entry.get("type") == "textarea" and entry.get("from_name") in ("prompt", "groundcast_prompt"):
            value = entry.get("value")
            text = cast("dict[str, Any]", value).get("text") if isinstance(value, dict) else None
            lines = cast("list[Any]", text) if isinstance(text, list) else [text]
            return " . ".join(line.strip() for line in lines if isinstance(line, str) and line.strip()) or None
    return None


def _result(picture: PictureAnswer, config: LabelConfig, version: str) -> dict[str, Any]:
    """A prediction: boxes in percent of the picture's sides."""
    found = picture.detections
    if found is None:
        return {"result": [], "score": 0.0, "model_version": version}
    boxes: list[dict[str, Any]] = []
    for row in range(len(found)):
        label = config.label_of(found.name(row))
        if label is None:
            continue
        left, top, right, bottom = (float(value) for value in found.boxes_xyxy[row])
        value = {
            "x": 100 * left / picture.width,
            "y": 100 * top / picture.height,
            "width": 100 * (right - left) / picture.width,
            "height": 100 * (bottom - top) / picture.height,
            "rotation": 0,
            "rectanglelabels": [label],
        }
        boxes.append(
            {
                "id": f"groundcast-{row}",
                "from_name": config.control,
                "to_name": config.picture,
                "type": "rectanglelabels",
                "original_width": picture.width,
                "original_height": picture.height,
                "image_rotation": 0,
                "value": value,
                "score": float(found.scores[row]),
            }
        )
    score = sum(one["score"] for one in boxes) / len(boxes) if boxes else 0.0
    return {"result": boxes, "score": score, "model_version": version}


def _version(service: DetectionService) -> str:
    return f"groundcast {service.pool.names[0]}"


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise bad_request(f"'{name}' must be the project's label config, as XML")
    return value
