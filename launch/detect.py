"""`groundcast detect`: pictures, folders and clips in; boxes and drawings out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from ..model.prompt import Prompt
from ..stream.options import SourceOptions
from .exits import InputError, RunError, make_writable, running, say
from .node.load_detector import load_for_prompt
from .settings.command_options import spread_options
from .settings.settings import ModelSettings
from .settings.settings_file import checked
from .settings.sources import named_sources
from .show.image_inputs import InputImage, Unread, in_original
from .show.input_files import InputFiles, find_files
from .show.mask_finder import FindMasks, mask_finder
from .show.progress import progress
from .show.results import DetectionOutput, make_folder
from .standard_streams import outlive_reader
from .survey.formats import check_formats
from .survey.options import DetectOptions
from .survey.read_ahead import read_ahead
from .survey.run import SurveyRun, open_journal
from .survey.submitting import submitter
from .survey.survey import Submit

_BATCH = 8


@spread_options
def detect(
    paths: Annotated[list[str], typer.Argument(help="Pictures, clips, folders of both.", show_default=False)],
    options: DetectOptions,
) -> None:
    """Detect objects in pictures, folders and clips. Folders are searched with their subfolders.

    A file that cannot be read is reported and skipped; the exit code is then 1.
    """
    _check(options)
    prompt = Prompt.parse(options.prompt) if options.prompt is not None else Prompt.whole(options.refer or "")
    settings = _model_settings(options)
    found = find_files(paths, options.out)
    if options.formats and options.out is not None:
        _survey(paths, found, options.out, options, settings, prompt)
        return
    if options.out is not None:
        make_folder(options.out, overwrite=options.overwrite)
        outlive_reader()
    for remark in found.remarks:
        say(remark)
    find_masks = mask_finder(options.masker, options.device, offline=options.offline) if options.masks else None
    with load_for_prompt(settings, prompt) as detector:
        submit = submitter(detector, prompt, options)
        with (
            DetectionOutput(options.out, as_json=options.as_json) as output,
            running(),
            progress("detecting") as advance,
        ):
            for batch_inputs in _batches(_images(found, options.sample_hz, advance), options.batch or _BATCH):
                _detect_batch(batch_inputs, submit, find_masks, output)
    if output.unread:
        raise RunError(f"{output.unread} of {len(found.files)} files could not be read, or not to their end")


def _survey(
    paths: Sequence[str],
    found: InputFiles,
    out: Path,
    options: DetectOptions,
    settings: ModelSettings,
    prompt: Prompt,
) -> None:
    """Detect in folders, with one entry of results for each file."""
    make_writable(out)
    outlive_reader()
    for remark in found.remarks:
        say(remark)
    with open_journal(out, options) as journal:
        run = SurveyRun(paths, found, out, options, journal)
        if not run.is_complete:
            with load_for_prompt(settings, prompt) as detector, running(InputError):
                run.detect(submitter(detector, prompt, options), options.batch or detector.batch, detector.depth + 1)
        with running(InputError):
            run.finish(prompt)


def _model_settings(options: DetectOptions) -> ModelSettings:
    values = {
        "name": options.model,
        "device": options.device,
        "size_px": options.size,
        "threshold": options.minimum,
        "offline": options.offline,
        "cpu_workers": None if options.formats else 1,
    }
    return checked(ModelSettings, values if options.nms is None else {**values, "nms_iou": options.nms})


def _check(options: DetectOptions) -> None:
    """Refuse options that contradict each other."""
    thresholds = options.threshold, options.text_threshold, options.nms
    if (options.prompt is None) == (options.refer is None):
        raise InputError("no prompt: write either --prompt 'red mug . blue cube' or --refer 'the left red mug'")
    if options.refer is not None and thresholds != (None, None, None):
        raise InputError("--refer finds one box: leave --threshold, --text-threshold and --nms away")
    if options.text_threshold is not None and not 0.0 <= options.text_threshold <= 1.0:  # also refuses NaN
        raise InputError(f"--text-threshold {options.text_threshold:g} is not a score: write a number in 0..1")
    if options.text_threshold is not None and options.nms is not None:
        raise InputError("with --text-threshold boxes have no phrases that --nms could compare: leave one of them away")
    if options.sample_hz is not None and not 0.0001 <= options.sample_hz <= 1000.0:
        raise InputError(f"--sample-hz {options.sample_hz:g} is no rate: write frames per second, such as 1 or 0.5")
    check_formats(options.formats)
    if options.formats and options.out is None:
        raise InputError("--format writes files: name a folder for them with --out")
    if not options.formats and (options.drawings or options.crops):
        raise InputError("--drawings and --crops go with --format: --out alone draws every picture")
    if options.formats and options.masks:
        raise InputError("--masks goes into detections.jsonl and drawings, not into a --format: leave one of them away")


def _detect_batch(
    batch_inputs: Sequence[InputImage | Unread],
    submit: Submit,
    find_masks: FindMasks | None,
    output: DetectionOutput,
) -> None:
    """Detect in a batch, and pass on its detections, and what could not be read, in order."""
    images = [one.image for one in batch_inputs if isinstance(one, InputImage)]
    answers = iter(submit(images)() if images else ())
    for one in batch_inputs:
        if isinstance(one, InputImage):
            found = next(answers)
            masks = None if find_masks is None else find_masks(one, found)
            output.add(one, in_original(found, one), masks)
        else:
            output.add_unread(one)


def _batches(shots: Iterable[InputImage | Unread], size: int) -> Iterator[list[InputImage | Unread]]:
    """Pictures in batches."""
    stream = iter(shots)
    while batch_inputs := list(islice(stream, size)):
        yield batch_inputs


def _images(
    found: InputFiles, sample_hz: float | None, advance: Callable[[int, int], None]
) -> Iterator[InputImage | Unread]:
    """Every picture of every file, in order."""
    sources = [SourceOptions(name, file, target_hz=sample_hz) for name, file in named_sources(found.files).items()]
    for done, opened in enumerate(read_ahead(sources, found.faults.get), 1):
        yield from opened.images
        advance(done, len(found.files))
