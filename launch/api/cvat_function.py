"""CVAT auto-annotation function: boxes for a task's pictures, found by a `groundcast serve`.

https://docs.cvat.ai/docs/api_sdk/sdk/auto-annotation. With cvat-cli:

    cvat-cli task auto-annotate 123 --function-module groundcast.launch.api.cvat_function \\
        -p url=str:http://127.0.0.1:8000 -p classes=str:"person; bottle = bottle, flask"
"""

# pyright: reportMissingImports=false, reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

_TIMEOUT_S = 120.0


class DetectionFunction:
    """Detects the classes of a prompt in each picture.

    Args:
        url: of the server.
        classes: the task's labels, separated by ';'. 'bottle = bottle, flask' gives a label its wordings.
        token_file: holds the server's token; None without one.
        threshold: the minimum score, unless the task's driver says; None is the server's.
    """

    def __init__(self, url: str, classes: str, token_file: str | None = None, threshold: float | None = None) -> None:
        import cvat_sdk.auto_annotation as cvataa

        self._phrases = [_phrase(text) for text in classes.split(";") if text.strip()]
        if not self._phrases:
            raise ValueError("classes names no label: write labels separated by ';'")
        self._url = f"{url.rstrip('/')}/v1/detect"
        self._token = None if token_file is None else Path(token_file).read_text().strip()
        self._threshold = threshold
        self._number_of = {phrase["name"]: number for number, phrase in enumerate(self._phrases)}
        labels = [cvataa.label_spec(phrase["name"], number, type="rectangle") for phrase, number in self._numbered()]
        self._spec = cvataa.DetectionFunctionSpec(labels=labels)

    @property
    def spec(self) -> Any:
        """The labels, as CVAT wants them."""
        return self._spec

    def detect(self, context: Any, image: Any) -> Sequence[Any]:
        """The boxes of one picture, a PIL image."""
        import cvat_sdk.auto_annotation as cvataa

        threshold = getattr(context, "conf_threshold", None)
        found = self._ask(image, self._threshold if threshold is None else threshold)
        return [
            cvataa.rectangle(self._number_of[one["phrase"]], [float(value) for value in one["box_xyxy"]])
            for one in found
        ]

    def _numbered(self) -> list[tuple[dict[str, Any], int]]:
        return [(phrase, number) for number, phrase in enumerate(self._phrases)]

    def _ask(self, image: Any, threshold: float | None) -> list[dict[str, Any]]:
        import base64

        file = BytesIO()
        image.convert("RGB").save(file, "PNG")
        asked: dict[str, Any] = {"picture": base64.b64encode(file.getvalue()).decode(), "prompt": self._phrases}
        if threshold is not None:
            asked["threshold"] = threshold
        headers = {"Content-Type": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        request = Request(self._url, json.dumps(asked).encode(), headers)
        try:
            with urlopen(request, timeout=_TIMEOUT_S) as answer:
                return json.loads(answer.read())["pictures"][0]["detections"]
        except HTTPError as error:
            raise RuntimeError(
                f"{self._url} answers {error.code}: {error.read(500).decode('utf-8', 'replace')}"
            ) from error


def create(
    url: str = "http://127.0.0.1:8000", classes: str = "", token_file: str | None = None, threshold: float | None = None
) -> DetectionFunction:
    """The function, with the parameters that cvat-cli's `-p` gives."""
    return DetectionFunction(url, classes, token_file, threshold)


def _phrase(text: str) -> dict[str, Any]:
    name, _, wordings = text.partition("=")
    ask = [one.strip() for one in wordings.split(",") if one.strip()]
    return {"name": name.strip(), "ask": ask}
