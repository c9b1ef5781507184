"""Each name of the wire is imported from the file that defines it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
WIRE = ROOT / "stream" / "wire"


def imports_of(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The file of the wire, and the name, of each import from one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            room, _, stem = node.module.rpartition(".")
            if room.endswith("wire"):
                yield from ((stem, alias.name) for alias in node.names)


def names_borrowed_by(path: Path) -> set[str]:
    """The names that a file has from others."""
    body = ast.parse(path.read_text()).body
    return {alias.name for node in body if isinstance(node, ast.ImportFrom) for alias in node.names}


def test_each_name_of_the_wire_is_imported_from_the_file_that_defines_it() -> None:
    borrowed = {path.stem: names_borrowed_by(path) for path in WIRE.glob("*.py")}
    files = [path for floor in ("launch", "stream", "tests") for path in (ROOT / floor).rglob("*.py")]
    texts = {path: path.read_text() for path in files}

    found = [
        f"{path.relative_to(ROOT)}: {name} of {stem}.py"
        for path, text in texts.items()
        if "wire." in text
        for stem, name in imports_of(ast.parse(text))
        if name in borrowed.get(stem, ())
    ]

    assert found == []
