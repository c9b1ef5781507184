"""Which sets and licences the pictures of a data set state, for a model's card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from groundcast.model.datasets.attribution import Attribution, attributions, write_attributions
from groundcast.model.datasets.coco_records import read_records


def _write(folder: Path, images: list[dict[str, Any]], licenses: list[dict[str, Any]] | None = None) -> Path:
    path = folder / "train.json"
    content = {"images": images, "annotations": [], "categories": [], "licenses": licenses or []}
    path.write_text(json.dumps(content))
    return path


def test_pictures_are_counted_by_set_and_licence_with_where_they_come_from(tmp_path: Path) -> None:
    street = {"set": "street", "license": "CC BY 4.0", "source": "github:someone/street:a/1.jpg"}
    single = {"set": "coco", "license": "CC BY-SA 2.0", "flickr_url": "http://example.org/1.jpg"}
    path = _write(tmp_path, [street, {**street, "source": "github:someone/street:b/2.jpg"}, single])

    first, second = attributions(read_records(path))

    assert first == Attribution("coco", "CC BY-SA 2.0", 1, (), ("http://example.org/1.jpg",))
    assert second == Attribution("street", "CC BY 4.0", 2, ("github:someone/street",), ())
    assert write_attributions([path], tmp_path / "card.md")
    text = (tmp_path / "card.md").read_text()
    assert "| street | 2 | CC BY 4.0 | attribution | github:someone/street |" in text
    assert "* <http://example.org/1.jpg>, CC BY-SA 2.0" in text


def test_a_licence_may_be_the_number_of_one_in_the_file_s_own_list(tmp_path: Path) -> None:
    licenses = [{"id": 4, "name": "Attribution License", "url": "http://creativecommons.org/licenses/by/2.0/"}]

    (one,) = attributions(read_records(_write(tmp_path, [{"license": 4}], licenses)))

    assert one.license == "Attribution License http://creativecommons.org/licenses/by/2.0/"
    assert one.asks_for == "attribution"


@pytest.mark.parametrize(
    ("license_", "asked"),
    [
        ("CC BY 4.0 (repository MIT)", "attribution"),
        ("CC BY-SA 2.0", "attribution, and the same licence for adaptations"),
        ("Apache-2.0 (own photos of the author)", "its notice"),
        ("MIT", "its notice"),
        ("Public Domain (as stated)", "nothing"),
        ("CC0 1.0", "nothing"),
        ("ask me", "not known: look it up"),
        ("", "not known: look it up"),
    ],
)
def test_what_a_licence_asks_for_is_read_off_its_name(license_: str, asked: str) -> None:
    assert Attribution("set", license_, 1, (), ()).asks_for == asked


def test_a_file_that_states_nothing_gives_no_card(tmp_path: Path) -> None:
    path = _write(tmp_path, [{"id": 1, "file_name": "1.jpg"}])

    assert not write_attributions([path], tmp_path / "card.md")
    assert not (tmp_path / "card.md").exists()
