"""Remaining files: detection in the files of a survey that have no result yet, with its progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...model.prompt import Prompt
from ...stream.options import SourceOptions
from ...stream.source_url import full_url
from ..exits import InputError, running, say
from ..node.load_detector import load_for_prompt
from ..settings.settings import ModelSettings
from ..show.mask_finder import FindMasks
from ..show.progress import progress
from .entry import FileEntry
from .journal import Journal
from .submitting import prompt_submitter
from .survey import PictureResults, Submit, SurveyPlan, run_survey


def count_done(files: Sequence[SourceOptions], journal: Journal) -> int:
    """How many files have their result."""
    return sum(journal.is_done(full_url(one.url)) for one in files)


def detect_remaining(
    files: Sequence[SourceOptions],
    faults: dict[str, str],
    journal: Journal,
    model: ModelSettings,
    prompt: Prompt,
    results: PictureResults,
    name_of: Callable[[str], str],
    load_masker: Callable[[], FindMasks] | None = None,
) -> None:
    """Detect in all files that have no result yet, all phrases in one pass. Loads the model only if there are some.

    Args:
        files: all files, in order.
        faults: why a file cannot be used, by its path.
        journal: has the results of earlier runs, and gets the new ones.
        model: to load.
        prompt: what to look for.
        results: gets each picture with its detections.
        name_of: a file's name in the results.
        load_masker: loads what finds the pixels of the objects; None without masks.

    Raises:
        MaskerError: there is no such masker.
        PromptError: the model does not know the prompt's words.
        RunError: the disk takes no more.
    """
    if count_done(files, journal) == len(files):
        return
    find_masks = None if load_masker is None else load_masker()
    with load_for_prompt(model, prompt) as detector, running(InputError):
        plan = SurveyPlan(files, faults, detector.batch, detector.depth + 1)
        run_remaining(plan, prompt_submitter(detector, prompt), journal, results, name_of, find_masks=find_masks)


def run_remaining(
    plan: SurveyPlan,
    submit: Submit,
    journal: Journal,
    results: PictureResults,
    name_of: Callable[[str], str],
    on_file: Callable[[FileEntry], None] = lambda _entry: None,
    find_masks: FindMasks | None = None,
) -> None:
    """Run a survey, and show how far it is; see `run_survey` for the arguments.

    Raises:
        RunError: the disk takes no more.
    """
    total, done = len(plan.files), count_done(plan.files, journal)
    if done:
        say(f"{done} of {total} files have their result from an earlier run")
    with progress("detecting") as advance:

        def count(entry: FileEntry) -> None:
            nonlocal done
            done += 1
            on_file(entry)
            advance(done, total)

        try:
            run_survey(plan, submit, journal, results, name_of, count, find_masks)
        except KeyboardInterrupt:
            say(f"stopped: {done} of {total} files are done; the same command continues")
            raise
