"""The tests mirror the rooms: each file has a test of its name, or a line that says which test covers it."""

from __future__ import annotations

from pathlib import Path

from .house_coverage import COVERED_BY
from .house_rules import FLOORS

ROOT = Path(__file__).parent.parent


def test_each_file_has_a_test_of_its_name_or_is_listed_with_the_test_that_covers_it() -> None:
    files = {path.relative_to(ROOT).with_suffix("") for floor in FLOORS for path in (ROOT / floor).rglob("*.py")}
    tested = {path for path in files if (ROOT / "tests" / path.parent / f"test_{path.name}.py").is_file()}
    listed = [Path(path) for paths in COVERED_BY.values() for path in paths.split()]

    assert sorted(files - tested - set(listed)) == []
    assert sorted(set(listed) - files) == []
    assert sorted(set(listed) & tested) == []
    assert len(listed) == len(set(listed))


def test_the_tests_that_are_listed_are_there() -> None:
    assert [test for test in COVERED_BY if not (ROOT / "tests" / test).is_file()] == []
