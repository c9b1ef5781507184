"""Control requests: the keys of each operation, their limits, and the command that it calls; no bytes.

`control.schema.json` says the same for other languages.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import Field

from ..node.node_api import CommandError, NodeApi
from ..options import MAX_SOURCES, SourceOptions
from ..source_url import SourceError, SourceUrl, kind_of, path_of
from ..zone import LineOptions, ZoneOptions
from .answers import Map, applied_map, lease_map, picture_map, sources_map, status_page
from .source_settings import Name, PromptSettings, Section, Share, SourceDefaults, SourceSettings, Url, to_prompt
from .watch_settings import watch_options
from .zone_settings import MAX_PLACES, LineSettings, PlaceName, ZoneSettings, place_options

Pool = Literal["quick", "sources", "pictures"]
Version = Annotated[int, Field(ge=0, lt=2**63)]
Skip = Annotated[int, Field(ge=0, le=MAX_SOURCES)]
LeaseId = Annotated[str, Field(min_length=1, max_length=64)]


class Later(NamedTuple):
    """An answer that is not there yet: once `ready` is done, `values` returns it or raises."""

    ready: Future[Any]
    values: Callable[[], Map]


class Request(Section):
    """A request without its `id` and its `op`.

    Attributes:
        pool: the thread pool that carries it out. Checking a source's file, and waiting for a picture, may take
            seconds.
    """

    pool: ClassVar[Pool] = "quick"

    @abstractmethod
    def carry_out(self, node: NodeApi, client: str) -> Map | Later:
        """Call the node, and return the answer without `id` and `ok`. May take as long as the node does.

        Raises:
            CommandError, PromptError: the node refuses.
        """


class GetStatus(Request):
    """The state of the node and of its sources, without the first `skip`."""

    skip: Skip = 0

    def carry_out(self, node: NodeApi, client: str) -> Map:
        return status_page(node.status(), self.skip)


class ListSources(Request):
    """The settings of each source, without the first `skip`."""

    skip: Skip = 0

    def carry_out(self, node: NodeApi, client: str) -> Map:
        return sources_map(node.status(), self.skip)


class SetPrompt(Request):
    """Set the prompt."""

    prompt: PromptSettings
    source: Name | None = None
    if_version: Version | None = None
    everywhere: bool = False

    def carry_out(self, node: NodeApi, client: str) -> Map:
        if self.everywhere and self.source is not None:
            raise CommandError("bad_request", "`everywhere` means all sources: leave out `source` or `everywhere`")
        prompt = to_prompt(self.prompt)
        return applied_map(node.set_prompt(prompt, self.source, self.if_version, everywhere=self.everywhere))


class SetThresholds(Request):
    """Change the minimum scores of phrases."""

    thresholds: Annotated[dict[str, Share], Field(min_length=1)]
    source: Name | None = None
    if_version: Version | None = None

    def carry_out(self, node: NodeApi, client: str) -> Map:
        return applied_map(node.set_thresholds(self.thresholds, self.source, self.if_version))


class AddSource(Request):
    """Add a source, with the same keys as in a settings file."""

    pool: ClassVar[Pool] = "sources"
    source: SourceSettings

    def carry_out(self, node: NodeApi, client: str) -> Map:
        _check_url(self.source.url)
        return applied_map(node.add_source(self.source.to_options(), client))


class SourceChange(SourceDefaults):
    """The settings of a source that change."""

    name: Name
    url: Url = "as it is"

    def over(self, options: SourceOptions) -> SourceOptions:
        """`options` with these settings; raises PromptError for a wrong prompt."""
        given: dict[str, Any] = self.model_dump(exclude_unset=True)
        if self.prompt is not None:
            given["prompt"] = to_prompt(self.prompt)
        return replace(options, **watch_options(place_options(given, self), self))


class UpdateSource(Request):
    """Change some settings of a source."""

    pool: ClassVar[Pool] = "sources"
    source: SourceChange

    def carry_out(self, node: NodeApi, client: str) -> Map:
        present = next((one for one in node.status().options if one.name == self.source.name), None)
        if present is None:
            raise CommandError("unknown_source", f"no source is called {self.source.name!r}: ask for the `list`")
        if "url" in self.source.model_fields_set and self.source.url != present.url:
            _check_url(self.source.url)
        return applied_map(node.update_source(self.source.name, self.source.over, client))


class RemoveSource(Request):
    """Remove a source."""

    pool: ClassVar[Pool] = "sources"
    source: Name

    def carry_out(self, node: NodeApi, client: str) -> Map:
        return applied_map(node.remove_source(self.source))


class PutZone(Request):
    """Add a zone to a source, or replace the one of its name."""

    pool: ClassVar[Pool] = "sources"
    source: Name
    zone: ZoneSettings

    def carry_out(self, node: NodeApi, client: str) -> Map:
        new = self.zone.to_options()

        def change(options: SourceOptions) -> SourceOptions:
            _check_place(new.name, options.lines, options.zones)
            return replace(options, zones=(*(one for one in options.zones if one.name != new.name), new))

        return applied_map(node.update_source(self.source, change, client))


class PutLine(Request):
    """Add a line to a source, or replace the one of its name."""

    pool: ClassVar[Pool] = "sources"
    source: Name
    line: LineSettings

    def carry_out(self, node: NodeApi, client: str) -> Map:
        new = self.line.to_options()

        def change(options: SourceOptions) -> SourceOptions:
            _check_place(new.name, options.zones, options.lines)
            return replace(options, lines=(*(one for one in options.lines if one.name != new.name), new))

        return applied_map(node.update_source(self.source, change, client))


class RemovePlace(Request):
    """Remove a zone or a line from a source."""

    pool: ClassVar[Pool] = "sources"
    source: Name
    name: PlaceName

    def carry_out(self, node: NodeApi, client: str) -> Map:
        def change(options: SourceOptions) -> SourceOptions:
            zones = tuple(one for one in options.zones if one.name != self.name)
            lines = tuple(one for one in options.lines if one.name != self.name)
            if (zones, lines) == (options.zones, options.lines):
                known = ", ".join(one.name for one in (*zones, *lines)) or "none"
                text = f"source {self.source!r} has no zone or line {self.name!r}: name one of those it has ({known})"
                raise CommandError("bad_request", text)
            return replace(options, zones=zones, lines=lines)

        return applied_map(node.update_source(self.source, change, client))


class _OneOrAll(Request):
    source: Name | None = None


class ResetTracks(_OneOrAll):
    """End the tracks of one source, or of all."""

    def carry_out(self, node: NodeApi, client: str) -> Map:
        return applied_map(node.reset_tracks(self.source))


class Pause(_OneOrAll):
    """Pause detection for one source, or for all."""

    def carry_out(self, node: NodeApi, client: str) -> Map:
        return applied_map(node.pause(self.source))


class Resume(_OneOrAll):
    """Resume detection."""

    def carry_out(self, node: NodeApi, client: str) -> Map:
        return applied_map(node.resume(self.source))


class GetPicture(Request):
    """The next picture of a source, and the message that belongs to it."""

    pool: ClassVar[Pool] = "pictures"
    source: Name
    timeout_s: Annotated[float, Field(gt=0, le=10)] = 2.0

    def carry_out(self, node: NodeApi, client: str) -> Later:
        request = node.request_picture(self.source, self.timeout_s)
        return Later(request, lambda: picture_map(request.result().jpeg(), request.result().message))


class Ask(Request):
    """Lease phrases, or renew a lease."""

    phrases: PromptSettings
    seconds: float
    source: Name | None = None
    lease: LeaseId | None = None

    def carry_out(self, node: NodeApi, client: str) -> Map:
        return lease_map(node.ask(client, to_prompt(self.phrases).phrases, self.seconds, self.source, self.lease))


class Release(Request):
    """End a lease."""

    lease: LeaseId

    def carry_out(self, node: NodeApi, client: str) -> Map:
        return applied_map(node.release(self.lease))


OPERATIONS: dict[str, type[Request]] = {
    "status": GetStatus,
    "list": ListSources,
    "set_prompt": SetPrompt,
    "set_thresholds": SetThresholds,
    "add_source": AddSource,
    "update_source": UpdateSource,
    "remove_source": RemoveSource,
    "put_zone": PutZone,
    "put_line": PutLine,
    "remove_place": RemovePlace,
    "reset_tracks": ResetTracks,
    "pause": Pause,
    "resume": Resume,
    "picture": GetPicture,
    "ask": Ask,
    "release": Release,
}


def _check_place(name: str, others: Sequence[ZoneOptions | LineOptions], same: Sequence[object]) -> None:
    """Refuse a zone that has a line's name, and the other way round, and one too many."""
    if any(one.name == name for one in others):
        raise CommandError("name_taken", f"{name!r} is a zone or a line of the other kind: remove it first")
    if len(same) > MAX_PLACES:
        raise CommandError("too_many", f"there are {MAX_PLACES} of them, which is the most: remove one first")


def _check_url(url: str) -> None:
    """Refuse a URL that no client may add.

    The node opens files to check them, so a pipe or a device could block this pool for ever. Some filters write files
    as the node's own user, while on loopback any user of the host is a client.
    """
    try:
        kind = kind_of(url)
    except SourceError as error:
        raise CommandError("bad_source", str(error)) from error
    path = path_of(url)
    if kind == "file" and path.exists() and not path.is_file():
        text = f"{SourceUrl(url)} is a pipe or a device: name a file, a folder, a camera or a stream"
        raise CommandError("bad_source", text)
    if kind == "lavfi":
        raise CommandError("bad_source", "filters (lavfi:) may write files: name them in the node's settings")
