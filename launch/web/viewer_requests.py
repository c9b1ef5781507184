"""Viewer requests: what a viewer may ask of the node, checked, and what is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from ...model.prompt import Phrase, Prompt, PromptError
from ...stream.controller import ControlError
from ...stream.node.node_api import Applied
from .node_control import NodeControl
from .viewer_lease import ViewerLease

Values = Mapping[str, Any]
Answer = dict[str, Any]


class ViewerRequestError(ValueError):
    """A request that cannot be carried out; one sentence.

    Args:
        code: for the page's script.
        text: what, where, what to do.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class ViewerRequests:
    """Carries out the requests of one viewer.

    Args:
        control: the viewer's own connection to the node.
        lease: what this viewer asks for.
    """

    def __init__(self, control: NodeControl, lease: ViewerLease) -> None:
        self._control = control
        self._lease = lease
        self._operations: dict[str, Callable[[Values], Awaitable[Answer]]] = {
            "ask": self._ask,
            "set_prompt": self._set_prompt,
            "set_thresholds": self._set_thresholds,
            "add_source": self._add_source,
            "update_source": self._update_source,
            "remove_source": self._remove_source,
            "put_zone": self._put_zone,
            "put_line": self._put_line,
            "remove_place": self._remove_place,
            "reset_tracks": self._reset_tracks,
            "pause": self._pause,
            "resume": self._resume,
        }

    async def carry_out(self, request: Values) -> Answer:
        """Carry out `{"op": ..., ...}`.

        Raises:
            ViewerRequestError: the request is wrong, or the node refuses it.
        """
        operation = self._operations.get(_text(request, "op"))
        if operation is None:
            raise ViewerRequestError("bad_request", "the page asks for something that this server does not know")
        try:
            return await operation(request)
        except PromptError as error:
            raise ViewerRequestError("bad_prompt", str(error)) from error
        except ControlError as error:
            raise ViewerRequestError(error.code, str(error)) from error

    async def _ask(self, request: Values) -> Answer:
        prompt = _prompt(request)
        phrases = () if prompt is None else prompt.phrases
        if any(phrase.negative for phrase in phrases):
            raise ViewerRequestError("bad_prompt", "a viewer cannot ask for a negative phrase: set the node's prompt")
        lease = await self._lease.change(phrases, _name(request, "source"))
        answer: Answer = {"phrases": [_phrase_map(phrase) for phrase in phrases]}
        return answer if lease is None else {**answer, **_applied(lease.applied)}

    async def _set_prompt(self, request: Values) -> Answer:
        prompt, source, version = _prompt(request), _name(request, "source"), _version(request)
        if prompt is None:
            raise ViewerRequestError("bad_prompt", "the prompt asks for nothing: add a phrase first")
        return _applied(await self._control.ask(lambda node: node.set_prompt(prompt, source, version)))

    async def _set_thresholds(self, request: Values) -> Answer:
        thresholds, source = _shares(request, "thresholds"), _name(request, "source")
        return _applied(await self._control.ask(lambda node: node.set_thresholds(thresholds, source)))

    async def _add_source(self, request: Values) -> Answer:
        settings = _map(request, "settings")
        return _applied(await self._control.ask(lambda node: node.add_source(settings)))

    async def _update_source(self, request: Values) -> Answer:
        settings = _map(request, "settings")
        return _applied(await self._control.ask(lambda node: node.update_source(settings)))

    async def _remove_source(self, request: Values) -> Answer:
        source = _name(request, "source")
        if source is None:
            raise ViewerRequestError("bad_request", "name the source to remove")
        return _applied(await self._control.ask(lambda node: node.remove_source(source)))

    async def _put_zone(self, request: Values) -> Answer:
        source, zone = _text(request, "source"), _map(request, "zone")
        return _applied(await self._control.ask(lambda node: node.put_zone(source, zone)))

    async def _put_line(self, request: Values) -> Answer:
        source, line = _text(request, "source"), _map(request, "line")
        return _applied(await self._control.ask(lambda node: node.put_line(source, line)))

    async def _remove_place(self, request: Values) -> Answer:
        source, name = _text(request, "source"), _text(request, "name")
        return _applied(await self._control.ask(lambda node: node.remove_place(source, name)))

    async def _reset_tracks(self, request: Values) -> Answer:
        source = _name(request, "source")
        return _applied(await self._control.ask(lambda node: node.reset_tracks(source)))

    async def _pause(self, request: Values) -> Answer:
        source = _name(request, "source")
        return _applied(await self._control.ask(lambda node: node.pause(source)))

    async def _resume(self, request: Values) -> Answer:
        source = _name(request, "source")
        return _applied(await self._control.ask(lambda node: node.resume(source)))


def _phrase_map(phrase: Phrase) -> Answer:
    return {"name": phrase.name, "threshold": phrase.threshold}


def _applied(applied: Applied) -> Answer:
    first = {source: list(at) for source, at in applied.first_seq.items()}
    return {"prompt_version": applied.prompt_version, "first_seq": first}


def _text(request: Values, key: str) -> str:
    value = request.get(key)
    if not isinstance(value, str):
        raise ViewerRequestError("bad_request", f"{key} must be a text")
    return value


def _name(request: Values, key: str) -> str | None:
    return None if request.get(key) is None else _text(request, key)


def _version(request: Values) -> int | None:
    value = request.get("if_version")
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise ViewerRequestError("bad_request", "if_version must be a whole number")
    return value


def _map(request: Values, key: str) -> dict[str, Any]:
    value = request.get(key)
    if not isinstance(value, dict):
        raise ViewerRequestError("bad_request", f"{key} must be an object")
    return cast("dict[str, Any]", value)


def _shares(request: Values, key: str) -> dict[str, float]:
    values = _map(request, key)
    for value in values.values():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise ViewerRequestError("bad_request", "a threshold must lie in 0..1")
    return values


def _prompt(request: Values) -> Prompt | None:
    """The prompt of `phrases`, followed by those of `text`, as it is typed; None where both are empty."""
    listed = request.get("phrases", [])
    if not isinstance(listed, list):
        raise ViewerRequestError("bad_request", "phrases must be a list")
    phrases = [_phrase(one) for one in cast("list[object]", listed)]
    text = _text(request, "text") if "text" in request else ""
    typed = Prompt.parse(text).phrases if text.strip() else ()
    return Prompt.of([*phrases, *typed]) if phrases or typed else None


def _phrase(value: object) -> Phrase:
    if not isinstance(value, dict):
        raise ViewerRequestError("bad_request", "a phrase must be an object")
    fields = cast("dict[str, Any]", value)
    name, threshold = _text(fields, "name"), fields.get("threshold")
    ask = cast("object", fields.get("ask") or [])
    if threshold is not None:
        _shares({"thresholds": {name: threshold}}, "thresholds")
    if not isinstance(ask, list) or not all(isinstance(one, str) for one in cast("list[object]", ask)):
        raise ViewerRequestError("bad_request", "the wordings of a phrase must be a list of texts")
    return Phrase(name, tuple(cast("list[str]", ask)), threshold, fields.get("negative") is True)
