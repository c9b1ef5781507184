"""`groundcast detect --format`: a survey, from its files to its results."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...model.prompt import Prompt
from ...stream.options import SourceOptions
from ...stream.source_url import full_url
from ..exits import RunError
from ..settings.sources import named_sources
from ..show.input_files import JOURNAL, InputFiles
from .entry import FileEntry
from .file_names import namer, plain_path
from .formats import write_formats
from .journal import Journal
from .line_file import lines_of
from .options import DetectOptions
from .remaining import count_done, run_remaining
from .survey import Submit, SurveyPlan
from .survey_results import SurveyResults
from .tree import Tree


def open_journal(out: Path, options: DetectOptions) -> Journal:
    """The journal of a folder of results; see `Journal` for its errors."""
    settings = {
        "prompt": options.prompt,
        "refer": options.refer,
        "model": options.model,
        "size": options.size,
        "threshold": options.minimum,
        "text_threshold": options.text_threshold,
        "nms": options.nms,
        "sample_hz": options.sample_hz,
        "drawings": options.drawings,
        "crops": options.crops,
    }
    return Journal(out / JOURNAL, settings, overwrite=options.overwrite)


class SurveyRun:
    """One run of a survey.

    Args:
        paths: the files and folders of the command line.
        found: the files in them.
        out: the folder of results.
        options: of the command.
        journal: what earlier runs have done.
    """

    def __init__(
        self, paths: Sequence[str], found: InputFiles, out: Path, options: DetectOptions, journal: Journal
    ) -> None:
        self._out, self._options, self._journal, self._faults = out, options, journal, found.faults
        files = list({plain_path(file): file for file in found.files}.values())  # no file twice
        self._sources = [
            SourceOptions(name, file, target_hz=options.sample_hz) for name, file in named_sources(files).items()
        ]
        self._name_of = namer(paths)
        self._pictures = self._detections = 0
        self._before = count_done(self._sources, journal)
        self._began_s = time.monotonic()

    @property
    def is_complete(self) -> bool:
        """Whether every file has its result, so that no model is needed."""
        return self._before == len(self._sources)

    def detect(self, submit: Submit, batch: int, in_flight: int) -> None:
        """Detect in all files that have no result yet.

        Args:
            submit: starts the detection in a batch of pictures.
            batch: pictures in one.
            in_flight: batches submitted before the first one's result is taken.

        Raises:
            RunError: the disk takes no more.
        """
        tree = Tree(self._out, drawings=self._options.drawings, crops=self._options.crops)
        plan = SurveyPlan(self._sources, self._faults, batch, in_flight)
        run_remaining(plan, submit, self._journal, tree, self._name_of, self._on_file)

    def finish(self, prompt: Prompt) -> None:
        """Write the results in the formats that were asked for.

        Raises:
            RunError: the disk takes no more, or some files could not be read.
        """
        options, paths = self._options, [full_url(one.url) for one in self._sources]

        def entries() -> Iterator[FileEntry]:
            return self._journal.entries(paths)

        is_free = options.text_threshold is not None  # the labels are not those of the prompt
        results = SurveyResults(
            entries,
            self._name_of,
            _labels(entries()) if is_free else [phrase.name for phrase in prompt.phrases if not phrase.negative],
            options.model,
            None if options.refer is not None else options.minimum,
        )
        for path in write_formats(self._out, options.formats, results):
            print(f"results are in {path}", file=sys.stderr)
        unread = self._journal.failed(paths)
        if options.as_json:
            print(json.dumps(self._figures(unread)))
        if unread:
            raise RunError(f"{unread} of {len(paths)} files could not be read, or not to their end")

    def _on_file(self, entry: FileEntry) -> None:
        self._pictures += len(entry.frames)
        self._detections += entry.boxes
        if self._options.as_json:
            for line in lines_of(entry):
                print(json.dumps(line), flush=True)

    def _figures(self, unread: int) -> dict[str, Any]:
        return {
            "files": len(self._sources),
            "earlier": self._before,
            "pictures": self._pictures,
            "detections": self._detections,
            "unread": unread,
            "seconds": round(time.monotonic() - self._began_s, 3),
        }


def _labels(entries: Iterator[FileEntry]) -> list[str]:
    return sorted({box.label for entry in entries for frame in entry.frames for box in frame.boxes})
