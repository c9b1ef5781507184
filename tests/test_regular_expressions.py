"""Every regular expression of the house takes time in proportion to its text, up to a megabyte."""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .house_rules import FLOORS

ROOT = Path(__file__).parent.parent
FILLERS = ("a", "1", " ", ".", "(", "a.", "://", "a@", "?p=", "${", "[", "-", "=", "\n", '"', "a b ", "<1>", "\u00e9")
MEGABYTE = 2**20


def _patterns() -> Iterator[tuple[str, str | bytes, int, bool]]:
    """Where each stands, the pattern, its flags, and whether it is looked for within a text, or must be all of it."""
    searched: dict[int, bool] = {}
    for path in sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py")):
        text = path.read_text()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
                name = ast.unparse(node.targets[0])
                searched[id(node.value)] = bool(re.search(rf"\b{re.escape(name)}\.(search|sub|split|find)", text))
            if not isinstance(node, ast.Call):
                continue
            within = searched.get(id(node), not ast.unparse(node.func).endswith("match"))
            is_re = isinstance(node.func, ast.Attribute) and ast.unparse(node.func).startswith("re.")
            given = node.args[:1] if is_re else [word.value for word in node.keywords if word.arg == "pattern"]
            for one in given:
                if isinstance(one, ast.Constant) and isinstance(one.value, str | bytes):
                    flags = re.DOTALL if "DOTALL" in ast.unparse(node) else 0
                    flags |= re.MULTILINE if "MULTILINE" in ast.unparse(node) else 0
                    yield f"{path.name}:{node.lineno}", one.value, flags, within


FOUND = list(_patterns())


def _search_s(pattern: str | bytes, flags: int, within: bool, filler: str, size: int) -> float:
    written = (filler * size)[:size]
    text = written.encode("latin-1") if isinstance(pattern, bytes) else written
    compiled = re.compile(pattern, flags)
    began_s = time.thread_time()
    if within:
        compiled.sub(type(pattern)(), text)  # type: ignore[arg-type]
    else:
        compiled.fullmatch(text)  # type: ignore[arg-type]
    return time.thread_time() - began_s


def test_the_search_for_regular_expressions_finds_them() -> None:
    assert len(FOUND) > 25


@pytest.mark.parametrize(("where", "pattern", "flags", "within"), FOUND, ids=[one[0] for one in FOUND])
def test_a_megabyte_takes_a_regular_expression_no_longer_than_its_share(
    where: str, pattern: str | bytes, flags: int, within: bool
) -> None:
    for filler in FILLERS:
        small_s = _search_s(pattern, flags, within, filler, MEGABYTE // 64)
        assert small_s < 0.1, f"{where}: {small_s:.2f} s for 16 KiB of {filler!r}"
    assert all(_search_s(pattern, flags, within, filler, MEGABYTE) < 2.0 for filler in FILLERS[:3]), where
