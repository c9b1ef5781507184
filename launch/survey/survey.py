"""Survey: detection in all files of some folders, continued where an earlier run was stopped."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...model.detections import Detections
from ...stream.options import SourceOptions
from ...stream.source_url import full_url
from ..exits import say
from ..show.image_inputs import InputImage, Unread, in_original
from ..show.mask_finder import FindMasks
from .entry import FileEntry, FrameEntry, boxes_of
from .journal import Journal
from .read_ahead import OpenedFile, read_ahead

Submit = Callable[[list[NDArray[np.uint8]]], Callable[[], list[Detections]]]
"""Starts the detection in a batch of pictures; the result waits for it."""


class PictureResults(Protocol):
    """Takes the pictures of a survey with what was detected in them, such as a `Tree` of drawings."""

    def add(self, name: str, shot: InputImage, found: Detections) -> None:
        """Take one picture.

        Args:
            name: of its file in the results.
            shot: the picture; it may be smaller than the original.
            found: in px of the original.
        """
        ...

    def end_file(self) -> None:
        """The file is done."""
        ...


class NoResults:
    """Takes pictures and keeps nothing of them."""

    def add(self, name: str, shot: InputImage, found: Detections) -> None:
        """Nothing is kept."""

    def end_file(self) -> None:
        """Nothing is kept."""


Item = InputImage | Unread | OpenedFile


@dataclass(frozen=True, slots=True)
class SurveyPlan:
    """What a survey does.

    Args:
        files: all files, in order.
        faults: why a file cannot be used, by its path.
        batch: pictures in one batch.
        in_flight: batches submitted before the first one's result is taken.
    """

    files: Sequence[SourceOptions]
    faults: dict[str, str]
    batch: int
    in_flight: int


def run_survey(
    plan: SurveyPlan,
    submit: Submit,
    journal: Journal,
    tree: PictureResults,
    name_of: Callable[[str], str],
    on_file: Callable[[FileEntry], None],
    find_masks: FindMasks | None = None,
) -> None:
    """Detect in every file that the journal does not have yet, and add it to the journal.

    Args:
        plan: what to do.
        submit: starts the detection in a batch.
        journal: gets each file's result.
        tree: gets each picture with its detections.
        name_of: a file's name in the results.
        on_file: called with each file that is done.
        find_masks: finds the pixels of the objects, while the detector works on the next batch; None without masks.
    """
    groups = _groups(plan.files, plan.batch)
    pending = [one for group in groups if not all(journal.is_done(full_url(s.url)) for s in group) for one in group]
    group_of = {full_url(one.url): number for number, group in enumerate(groups) for one in group}
    collected = _Collector(journal, tree, name_of, on_file, find_masks)
    flying: deque[tuple[list[Item], Callable[[], list[Detections]]]] = deque()
    for items in _batches(read_ahead(pending, plan.faults.get), group_of, plan.batch):
        images = [item.image for item in items if isinstance(item, InputImage)]
        flying.append((items, submit(images) if images else list[Detections]))
        if len(flying) > plan.in_flight:
            collected.take(*flying.popleft())
    while flying:
        collected.take(*flying.popleft())
    collected.end()


class _Collector:
    """Joins the results of a file's pictures into its entry."""

    def __init__(
        self,
        journal: Journal,
        tree: PictureResults,
        name_of: Callable[[str], str],
        on_file: Callable[[FileEntry], None],
        find_masks: FindMasks | None,
    ) -> None:
        self._journal, self._tree, self._name_of, self._on_file = journal, tree, name_of, on_file
        self._find_masks = find_masks
        self._opened: OpenedFile | None = None
        self._frames: list[FrameEntry] = []
        self._rate_hz: float | None = None
        self._failure: str | None = None

    def take(self, items: Sequence[Item], wait: Callable[[], list[Detections]]) -> None:
        """Take a batch with its results, once they are there."""
        answers = iter(wait())
        for item in items:
            if isinstance(item, OpenedFile):
                self.end()
                self._opened = item
            elif isinstance(item, Unread):
                self._failure = item.reason
                say(item.reason)
            else:
                self._add(item, next(answers))

    def end(self) -> None:
        """Write the entry of the file that was taken last."""
        if self._opened is None:
            return
        self._tree.end_file()
        entry = FileEntry(
            full_url(self._opened.source.url),
            self._opened.is_clip,
            tuple(self._frames),
            self._opened.taken,
            self._rate_hz,
            self._failure,
        )
        self._journal.add(entry)
        self._opened, self._frames, self._rate_hz, self._failure = None, [], None, None
        self._on_file(entry)

    def _add(self, shot: InputImage, in_input: Detections) -> None:
        self._rate_hz = shot.rate_hz
        masks = None if self._find_masks is None or not len(in_input) else self._find_masks(shot, in_input)
        found = in_original(in_input, shot)
        boxes = boxes_of(found, masks)
        self._frames.append(FrameEntry(shot.index, round(shot.time_s, 6), shot.width, shot.height, boxes))
        self._tree.add(self._name_of(full_url(shot.source.url)), shot, found)


def _groups(files: Sequence[SourceOptions], batch: int) -> list[Sequence[SourceOptions]]:
    """The files that are detected in together: `batch` of them.

    Where a run was stopped its batches are made as before, since a GPU's results may differ in the last digit between
    batches.
    """
    return [files[first : first + batch] for first in range(0, len(files), batch)]


def _batches(opened: Iterator[OpenedFile], group_of: dict[str, int], size: int) -> Iterator[list[Item]]:
    """Batches of pictures, each of one group, with the beginnings of files and what could not be read between them."""
    items: list[Item] = []
    count, group = 0, -1
    for file in opened:
        if (own := group_of[full_url(file.source.url)]) != group or file.is_clip:
            if items:
                yield items
            items, count, group = [], 0, -1 if file.is_clip else own
        items.append(file)
        for shot in file.images:
            items.append(shot)
            count += isinstance(shot, InputImage)
            if count >= size:
                yield items
                items, count = [], 0
    if items:
        yield items
