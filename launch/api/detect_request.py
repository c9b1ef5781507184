"""Detect request: what a caller asks of its pictures, checked field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ...model.prompt import Phrase, Prompt
from .api_error import bad_request

if TYPE_CHECKING:
    from ...model.runtime.postprocess import ReportRules

Share = Annotated[float, Field(ge=0.0, le=1.0)]
_MAX_TEXT = 50_000


class PhraseRequest(BaseModel):
    """One phrase: its label, the wordings given to the model, its own threshold."""

    model_config = ConfigDict(extra="forbid", strict=False)

    name: Annotated[str, Field(min_length=1, max_length=200, description="The label of its detections.")]
    ask: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=200)]],
        Field(max_length=100, description="Wordings for the model, the best of which counts. Default: the name."),
    ] = []
    threshold: Annotated[Share | None, Field(description="Its own minimum score.")] = None
    negative: Annotated[
        bool, Field(description="Found but not reported, so that it is not taken for another phrase.")
    ] = False


class DetectRequest(BaseModel):
    """What to find in the pictures of one request. Give either `prompt` or `refer`."""

    model_config = ConfigDict(extra="forbid", strict=False)

    prompt: Annotated[
        Annotated[str, Field(max_length=_MAX_TEXT)]
        | Annotated[list[Annotated[str, Field(max_length=200)] | PhraseRequest], Field(max_length=1000)]
        | None,
        Field(description="Phrases separated by ' . ', or a list of phrases."),
    ] = None
    refer: Annotated[
        str | None, Field(max_length=200, description="A sentence such as 'the left red mug': one box answers it.")
    ] = None
    model: Annotated[
        str | None, Field(max_length=300, description="One of /v1/models. Default: the first of them.")
    ] = None
    threshold: Annotated[Share | None, Field(description="The minimum score of a box.")] = None
    text_threshold: Annotated[
        Share | None,
        Field(description="Label each box with the caption's tokens above this score, as the original does."),
    ] = None
    nms_iou: Annotated[
        Share | None, Field(description="Of two boxes with a higher IoU the better is kept; null keeps both.")
    ] = None
    agnostic_nms: Annotated[bool | None, Field(description="Suppress across phrases too.")] = None
    score_rule: Annotated[
        Literal["mean", "max"] | None, Field(description="How the scores of a phrase's words become one.")
    ] = None
    size_px: Annotated[int | None, Field(ge=32, le=2048, description="The short side of the network's input.")] = None
    boxes: Annotated[
        Literal["pixels", "normalised"], Field(description="Boxes in px of the picture, or in 0..1 of its sides.")
    ] = "pixels"
    max_detections: Annotated[int | None, Field(ge=1, le=1000, description="The best boxes of a picture alone.")] = None

    @model_validator(mode="after")
    def _one_question(self) -> DetectRequest:
        if (self.prompt is None) == (self.refer is None):
            raise ValueError("say what to find: either 'prompt' or 'refer'")
        if self.refer is not None and (self.threshold, self.text_threshold) != (None, None):
            raise ValueError("'refer' finds one box: leave the thresholds away")
        return self

    def asked(self) -> Prompt:
        """The prompt.

        Raises:
            PromptError: it cannot be asked.
        """
        if self.refer is not None:
            return Prompt.whole(self.refer)
        if isinstance(self.prompt, str):
            return Prompt.parse(self.prompt)
        return Prompt(tuple(_phrase(one) for one in self.prompt or ()))

    def rules(self, usual: ReportRules) -> ReportRules:
        """Which boxes are reported: the server's usual rules with what the request says of them."""
        if self.refer is not None:
            return replace(usual, threshold=0.0, nms_iou=None)
        given = {
            name: value
            for name in ("threshold", "agnostic_nms", "score_rule")
            if (value := getattr(self, name)) is not None
        }
        if "nms_iou" in self.model_fields_set:
            given["nms_iou"] = self.nms_iou
        return replace(usual, **given)


def read_detect_request(values: Mapping[str, Any]) -> DetectRequest:
    """Check a request's fields.

    Raises:
        ApiError: a field is unknown, missing, or out of range; the sentence names the first.
    """
    try:
        return DetectRequest.model_validate(dict(values))
    except ValidationError as error:
        raise bad_request(first_fault(error)) from error


def first_fault(error: ValidationError) -> str:
    """The first fault that pydantic found, as a sentence."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in fault["loc"] if not str(part).startswith(("str", "list", "constrained")))
    text = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        return f"field {place[:100]!r} is not known: leave it out"
    return f"{place[:100]}: {text[:300]}" if place else text[:300]


def _phrase(one: str | PhraseRequest) -> Phrase:
    return Phrase(one) if isinstance(one, str) else Phrase(one.name, tuple(one.ask), one.threshold, one.negative)
