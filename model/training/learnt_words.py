"""Learnt words: the classes that a model found well on kept pictures, and its weights with their words alone."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from ..datasets.class_words import ClassWords
from ..evaluation.class_figures import CLASS_COLUMNS
from ..weights.checkpoint import CheckpointError, read_checkpoint, write_checkpoint

_KEPT_FACTS = ("recipe", "began_with", "learnt_from", "step")


class WordsError(ValueError):
    """The classes cannot be read, or none of them is left."""


def well_learnt(classes: Path, min_ap50: float, min_pictures: int) -> list[str]:
    """The names of the classes that reach an AP50 on enough pictures, in alphabetical order.

    Args:
        classes: the `classes.csv` of an evaluation.
        min_ap50: 0..1.
        min_pictures: with a counted object of the class.

    Raises:
        WordsError: the file cannot be read or has other columns, or no class reaches them.
    """
    try:
        with classes.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != CLASS_COLUMNS:
                raise WordsError(f"{classes} has other columns than {', '.join(CLASS_COLUMNS)}: name a classes.csv")
            rows = [(row["class"], float(row["AP50"]), int(row["pictures"])) for row in reader]
    except OSError as error:
        raise WordsError(f"{classes} cannot be read ({error.strerror}): name a classes.csv") from error
    except (TypeError, ValueError) as error:
        raise WordsError(f"{classes} is cut off or no table of classes ({error})") from error
    kept = sorted(name for name, ap50, pictures in rows if ap50 >= min_ap50 and pictures >= min_pictures)
    if not kept:
        raise WordsError(f"no class of {classes} reaches AP50 {min_ap50:g} on {min_pictures} pictures: lower a bound")
    return kept


def keep_words(
    weights: Path, classes: Sequence[str], words: ClassWords, out: Path, chosen_by: Mapping[str, float]
) -> tuple[str, ...]:
    """Write the weights again, so that the model answers to the wordings of these classes alone.

    Args:
        weights: of a training with words of its own.
        classes: those that stay.
        words: their synonyms.
        out: the new weights; the name of the file is the model's name.
        chosen_by: how the classes were chosen; kept in the description.

    Returns:
        The wordings that are left.

    Raises:
        CheckpointError: the weights cannot be read, or read any words.
        WordsError: a class has no wording that the model was taught.
    """
    checkpoint = read_checkpoint(weights)
    if checkpoint.known_wordings is None:
        raise CheckpointError(f"{weights} reads any words: there are none to leave out")
    taught = set(checkpoint.known_wordings)
    left = [wording for name in classes for wording in words.wordings_of(name) if wording in taught]
    for name in classes:
        if not taught.intersection(words.wordings_of(name)):
            raise WordsError(f"{weights} was not taught {name!r}: name the classes of its own evaluation")
    stored = cast("dict[str, Any]", json.loads(weights.with_suffix(".json").read_text(encoding="utf-8")))
    facts = {name: stored[name] for name in _KEPT_FACTS if name in stored}
    wordings = tuple(dict.fromkeys(left))
    trimmed = replace(checkpoint, config=replace(checkpoint.config, name=out.stem), known_wordings=wordings)
    write_checkpoint(out, trimmed, {**facts, "words_chosen_by": dict(chosen_by)})
    return wordings
