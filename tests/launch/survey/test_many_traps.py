"""A folder of 2,000 pictures and 20 clips with the embedded model: complete, the same after kills, and fast."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from groundcast.launch.node.load_detector import load_detector
from groundcast.launch.settings.settings import ModelSettings
from groundcast.launch.show.input_files import JOURNAL, find_files
from groundcast.launch.survey.options import DetectOptions
from groundcast.launch.survey.run import SurveyRun, open_journal
from groundcast.launch.survey.submitting import submitter
from groundcast.model.detector import Detector
from groundcast.model.pictures.still_picture import read_pictures
from groundcast.model.prompt import Prompt

from .many_traps import FOLDERS, PROMPT, Card, fill_card
from .test_formats import check_megadetector

pytestmark = [pytest.mark.bar, pytest.mark.slow]
FORMATS = ("megadetector.json", "detections.csv", "coco.json", "detections.jsonl")
KILLS = 3
ROUNDS, ROUND_FILES = 12, 128
LEAST_SHARE = 0.95


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Card:
    return fill_card(tmp_path_factory.mktemp("cards") / "card")


def start(card: Card, out: Path) -> subprocess.Popen[bytes]:
    """The command as a user gives it."""
    formats = ("--format=megadetector", "--format=csv", "--format=coco", "--format=jsonl")
    command = [str(Path(sys.executable).parent / "groundcast"), "detect", "card", "--prompt", PROMPT]
    log = (out.parent / f"{out.name}.log").open("ab")
    with log:
        return subprocess.Popen([*command, "--out", str(out), *formats], cwd=card.folder.parent, stderr=log, stdout=log)


def kill_after(process: subprocess.Popen[bytes], journal: Path, lines: int) -> None:
    """Kill the command once its journal has so many lines."""
    while not journal.exists() or journal.read_bytes().count(b"\n") < lines:
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def test_a_run_that_is_killed_three_times_ends_with_the_same_bytes(card: Card, tmp_path: Path) -> None:
    files = card.pictures + card.clips
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert start(card, whole).wait(1200) == 1, "some files are corrupt"

    draw = random.Random(16)
    for number in range(KILLS):
        low = files * number // (KILLS + 1)
        kill_after(start(card, out), out / JOURNAL, 2 + low + draw.randrange(files // (KILLS + 1)))
        assert not any((out / name).exists() for name in FORMATS)
    assert start(card, out).wait(1200) == 1

    for name in FORMATS:
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name
    done = Counter(json.loads(line)["path"] for line in (out / JOURNAL).read_bytes().splitlines()[1:])
    tried_again = {path for path, times in done.items() if times > 1}
    assert len(done) == files
    assert {path.removeprefix("card/") for path in tried_again} <= card.corrupt
    check_entries(card, json.loads((out / "megadetector.json").read_text()))


def check_entries(card: Card, found: dict[str, Any]) -> None:
    """Every file is one entry, of the kind that it should be, in natural order."""
    check_megadetector(found)
    images: dict[str, dict[str, Any]] = {image["file"]: image for image in found["images"]}
    assert len(images) == len(found["images"]) == card.pictures + card.clips
    assert {name for name, image in images.items() if image.get("failure")} == card.corrupt
    assert all(images[name]["detections"] == [] for name in card.empty)
    assert {name for name, image in images.items() if image.get("width") == 480} == card.turned
    assert {name.rsplit("/", 1)[0] for name in images} == set(FOLDERS)
    of_one_folder = [name for name in images if name.startswith(f"{FOLDERS[0]}/IMG")]
    numbers = [int(name.split("IMG_")[1].split(".")[0]) for name in of_one_folder]
    assert numbers == sorted(numbers)
    with_objects = sum(bool(image.get("detections")) for image in images.values())
    assert with_objects > 0.9 * (card.pictures - len(card.corrupt) - len(card.empty))


def test_a_folder_is_detected_in_as_fast_as_the_model_alone_is(card: Card, tmp_path: Path) -> None:
    """The two take turns over the same pictures, so that whatever else the machine does slows both."""
    paths = [str(path) for path in find_files([str(card.folder)]).files if Path(path).suffix == ".JPG"]
    sound = [path for path in paths if str(Path(path).relative_to(card.folder)) not in card.corrupt]
    ratios: list[float] = []
    with load_detector(ModelSettings(name="tabletop", threshold=0.3)) as detector:
        run_bare(detector, sound[:8])
        for number in range(ROUNDS):
            some = sound[number * ROUND_FILES : (number + 1) * ROUND_FILES]
            both = (run_bare, run_survey_over) if number % 2 else (run_survey_over, run_bare)
            rates = {run: len(some) / run(detector, some, tmp_path / str(number)) for run in both}
            ratios.append(rates[run_survey_over] / rates[run_bare])
            print(f"folder {rates[run_survey_over]:.1f}, model alone {rates[run_bare]:.1f} pictures/s")
    print(f"median of the ratios: {np.median(ratios):.3f}")
    assert np.median(ratios) >= LEAST_SHARE


def run_bare(detector: Detector, paths: Sequence[str], _out: Path | None = None) -> float:
    """How long the model takes for pictures that are decoded already, s."""
    images = [next(read_pictures(Path(path))).image for path in paths]
    submit = submitter(detector, Prompt.parse(PROMPT), DetectOptions(prompt=PROMPT))
    size = detector.batch
    waiting: deque[Callable[[], object]] = deque()
    began_s = time.monotonic()
    for first in range(0, len(images), size):
        waiting.append(submit(images[first : first + size]))
        if len(waiting) > detector.depth + 1:
            waiting.popleft()()
    for wait in waiting:
        wait()
    return time.monotonic() - began_s


def run_survey_over(detector: Detector, paths: Sequence[str], out: Path) -> float:
    """How long a survey takes for the files: to read, decode, detect, and write down, s."""
    out.mkdir()
    options = DetectOptions(prompt=PROMPT, out=out, formats=["megadetector"])
    found = find_files(list(paths), out)
    began_s = time.monotonic()
    with open_journal(out, options) as journal:
        run = SurveyRun(paths, found, out, options, journal)
        run.detect(submitter(detector, Prompt.parse(PROMPT), options), detector.batch, detector.depth + 1)
        run.finish(Prompt.parse(PROMPT))
    return time.monotonic() - began_s
