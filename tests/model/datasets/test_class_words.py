"""Vocabulary files: synonyms of classes, and classes that may be true of one object."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from groundcast.model.datasets.class_words import read_class_words
from groundcast.model.datasets.coco_records import CocoError


def _write(folder: Path, content: object) -> Path:
    path = folder / "words.json"
    path.write_text(json.dumps(content))
    return path


def test_synonyms_and_overlaps_are_read_both_ways(tmp_path: Path) -> None:
    content = {"bottle": {"wordings": ["bottles"], "overlaps": ["soda bottle"]}, "mug": {}}

    words = read_class_words(_write(tmp_path, content))

    assert words.wordings_of("bottle") == ("bottle", "bottles")
    assert words.wordings_of("mug") == ("mug",)
    assert words.overlaps["soda bottle"] == {"bottle"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], "must hold an object with a field for each class"),
        ({"mug": ["cup"]}, "'mug' is .* which must be an object with fields"),
        ({"mug": {"synonyms": ["cup"]}}, "'synonyms' is unknown: write 'wordings' or 'overlaps'"),
        ({"mug": {"wordings": [3]}}, "'wordings' is .* which must be text"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, content: object, said: str) -> None:
    with pytest.raises(CocoError, match=said):
        read_class_words(_write(tmp_path, content))
