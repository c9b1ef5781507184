"""The rules of the house, read off every import: which file may import which, and how long a file may be.

Standard library only.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

from .house_libraries import KNOWN_TO, LIGHT
from .house_rooms import MAX_FILES, ROOMS, may_import, room_circles, room_of

FLOORS = ("launch", "stream", "model", "cuda")  # each may look at those that come after it

# What of a floor can be seen from above it: (who looks, the floor looked at) -> the files that may be seen.
DOORS = {
    ("stream", "model"): {
        *("model.detections", "model.image", "model.masks.mask", "model.prompt", "model.query"),
        *(
            "model.pictures.jpeg_file",
            "model.pictures.orientation",
            "model.pictures.pixel_kinds",
            "model.pictures.still_picture",
        ),
        "model.pictures.tone_mapping",
    },
    ("stream", "cuda"): set[str](),
    ("model", "cuda"): {"cuda.deform_attn", "cuda.image_prep", "cuda.transfer", "cuda.graph", "cuda.size_cache"},
    ("launch", "cuda"): {"cuda.deform_attn", "cuda.image_prep", "cuda.transfer", "cuda.graph"},
}
BEHIND_DOORS = ("launch/bench/*.py",)

STARTERS = {"Thread", "Popen", "Process", "ProcessPoolExecutor", "ThreadPoolExecutor", "spawn"}
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}
MAX_FILE_LINES = 350
MAX_FUNCTION_LINES = 60


@dataclass(frozen=True)
class Import:
    """One import as written: the dotted name it means, and whether it is one of the house's own."""

    line: int
    name: str
    ours: bool


def violations(root: Path) -> list[str]:
    """Every breach of the rules in the four floors under `root`, a sentence each."""
    found: list[str] = []
    for path in _files(root):
        where = path.relative_to(root).as_posix()
        found += [f"{where}: {text}" for text in _shape(path)]
        found += too_long(root, path)
        tree = _tree(path)
        found += [f"{where}:{line}: {text}" for line, text in _ways_round(tree)]
        if not where.startswith("launch/"):
            found += [f"{where}:{line}: {text}" for line, text in _environment(tree)]
        for item in _imports(root, path):
            found += [f"{where}:{item.line}: {text}" for text in _judge(where, item)]
    return [*found, *_rooms(root), *_heavy(root)]


def circles(root: Path) -> list[str]:
    """Every circle of imports among the house's own files, those inside functions included."""
    graph = {_module(root, path): {i.name for i in _imports(root, path) if i.ours} for path in _files(root)}
    found: list[str] = []

    def walk(module: str, trail: tuple[str, ...]) -> None:
        if module in trail:
            circle = trail[trail.index(module) :]
            if module == min(circle):  # each circle once
                found.append(" -> ".join((*circle, module)))
            return
        for target in sorted(graph.get(module, ())):
            walk(target, (*trail, module))

    for module in sorted(graph):
        walk(module, ())
    return sorted(set(found))


def circles_of_rooms(root: Path) -> list[str]:
    """Every circle of imports among the rooms of a floor. Nouns belong to no room: all may import them."""
    return room_circles(arrows(root))


def arrows(root: Path) -> set[tuple[str, str]]:
    """Which room imports which other room of its floor: (importer, imported), front doors and nouns among them."""
    found: set[tuple[str, str]] = set()
    for path in _files(root):
        module = _module(root, path)
        for item in _imports(root, path):
            if item.ours and item.name.split(".")[0] == module.split(".")[0]:
                found.add((room_of(module), room_of(item.name)))
    return {(importer, imported) for importer, imported in found if importer != imported}


def _rooms(root: Path) -> Iterator[str]:
    for folder in sorted({path.parent for path in _files(root)}):
        where = folder.relative_to(root).as_posix()
        count = len(list(folder.glob("*.py")))
        if where not in ROOMS:
            yield f"{where}: a folder that tests/house_rooms.py does not know: say what the room is for"
        if count > MAX_FILES:
            yield f"{where}: {count} Python files, at most {MAX_FILES}: make a room of some"


def names_given_twice(root: Path) -> list[str]:
    """Every class name that two classes of the house have, with the files that define it."""
    places: dict[str, list[str]] = {}
    for path in _files(root):
        for node in _tree(path).body:
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(path.relative_to(root).as_posix())
    return [f"{name}: {', '.join(files)}" for name, files in sorted(places.items()) if len(files) > 1]


def threads_and_processes(root: Path) -> list[tuple[str, str]]:
    """Where threads and processes are started: the file, and how their names begin ("" where they have none)."""
    found: list[tuple[str, str]] = []
    for path in _files(root):
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.Call) and _dotted(node.func).rpartition(".")[2] in STARTERS:
                named = [one.value for one in node.keywords if one.arg in ("name", "thread_name_prefix")]
                parts = [part for value in named for part in getattr(value, "values", [value])]
                name = parts[0].value if parts and isinstance(parts[0], ast.Constant) else ""
                found.append((path.relative_to(root).as_posix(), str(name)))
    return found


def _files(root: Path) -> list[Path]:
    return sorted(path for floor in FLOORS for path in (root / floor).rglob("*.py"))


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _module(root: Path, path: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts)


def _dotted_path(where: str) -> str:
    return where.removesuffix(".py").replace("/", ".")


def _shape(path: Path) -> Iterator[str]:
    if path.name == "__init__.py":
        yield "no __init__.py in the floors: it would hide NVIDIA's cuda and ROS's launch"
        return
    if path.stem in VAGUE_NAMES:
        yield "a name that says nothing about its job: name it after what it holds"
    if not (ast.get_docstring(_tree(path)) or "").strip():
        yield "a file says its one job in its first line"


def too_long(root: Path, path: Path) -> Iterator[str]:
    where = path.relative_to(root).as_posix()
    text = path.read_text()
    lines = len(text.splitlines())
    if lines > MAX_FILE_LINES:
        yield f"{where}: {lines} lines, at most {MAX_FILE_LINES}: split it"
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MAX_FUNCTION_LINES:
                said = f"{node.name} has {length} lines, over {MAX_FUNCTION_LINES}: name its parts"
                yield f"{where}:{node.lineno}: {said}"


def _imports(root: Path, path: Path) -> list[Import]:
    tree = _tree(path)
    importers = _importers(tree)
    package = _module(root, path).split(".")[:-1]
    found: list[Import] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [Import(node.lineno, alias.name, ours=False) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            stem = node.module or ""
            found += [_resolve(root, package, node.lineno, node.level, stem, alias.name) for alias in node.names]
        elif isinstance(node, ast.Call) and (name := _literal_import(node, importers)):
            level = len(name) - len(name.lstrip("."))
            found.append(_resolve(root, package, node.lineno, level, name.lstrip("."), ""))
    return found


def _resolve(root: Path, package: list[str], line: int, level: int, stem: str, name: str) -> Import:
    """The file that `from <level dots><stem> import <name>` means, when written in `package`."""
    if level == 0:
        return Import(line, f"{stem}.{name}".rstrip(".") if stem in {"groundcast", *FLOORS} else stem, ours=False)
    if level > len(package) + 1:
        return Import(line, f"{'.' * level}{stem}", ours=False)
    parts = [*package[: len(package) - level + 1], *(stem.split(".") if stem else [])]
    base = root.joinpath(*parts)
    # `from . import tracker` names a file, `from .tracker import Tracker` names something in one.
    if name and not base.with_suffix(".py").is_file() and (len(parts) < 2 or base.is_dir()):
        parts.append(name)
    return Import(line, ".".join(parts), ours=True)


def _importers(tree: ast.Module) -> set[str]:
    """Every name by which this file can call `importlib.import_module`."""
    names = {"__import__", "importlib.import_module"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {f"{a.asname}.import_module" for a in node.names if a.name == "importlib" and a.asname}
        elif isinstance(node, ast.ImportFrom) and node.module == "importlib":
            names |= {a.asname or a.name for a in node.names if a.name == "import_module"}
    return names


def _dotted(node: ast.AST) -> str:
    """`a.b.c` as text, or "" for any other expression."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def _literal_import(node: ast.Call, importers: set[str]) -> str | None:
    if _dotted(node.func) in importers and node.args and isinstance(node.args[0], ast.Constant):
        return str(node.args[0].value)
    return None


def _ways_round(tree: ast.Module) -> Iterator[tuple[int, str]]:
    importers = _importers(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = _dotted(node.func)
            if called in importers and not _literal_import(node, importers):
                yield node.lineno, f"{called} of a name that is only known at run time: write the import out"
            if called in {"exec", "eval", "compile"}:
                yield node.lineno, f"{called} runs code that cannot be checked"
        elif isinstance(node, ast.Subscript) and _dotted(node.value) == "sys.modules":
            yield node.lineno, "sys.modules as a way to a module: import it"
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            if "runpy" in names:
                yield node.lineno, "runpy runs code that cannot be checked"


def _environment(tree: ast.Module) -> Iterator[tuple[int, str]]:
    said = "environment variables are read in launch/ alone: pass the value in"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _dotted(node) in {"os.environ", "os.getenv", "os.environb"}:
            yield node.lineno, said
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            yield from ((node.lineno, said) for a in node.names if a.name in {"environ", "getenv", "environb"})


def _judge(where: str, item: Import) -> Iterator[str]:
    floor = where.split("/", 1)[0]
    first, *rest = item.name.split(".")
    if not item.ours:
        nvidia = first == "cuda" and rest[:1] != [] and rest[0] in {"bindings", "core", "pathfinder"}
        if first in {"groundcast", *FLOORS} and not nvidia:
            yield f"import {item.name} relatively: one dot is this room, two this floor, three the floors below"
        if first in KNOWN_TO and not any(fnmatch(where, pattern) for pattern in KNOWN_TO[first]):
            yield f"{first} is not for {where}"
        if not first:
            yield f"{item.name} leaves the house"
        return
    if first not in FLOORS:
        yield f"{item.name} leaves the house"
        return
    if FLOORS.index(first) < FLOORS.index(floor):
        yield f"{floor} must not look up at {item.name}"
    door = DOORS.get((floor, first))
    if door is not None and item.name not in door and not any(fnmatch(where, p) for p in BEHIND_DOORS):
        yield f"{item.name} is behind a door: {floor} sees only {', '.join(sorted(door)) or 'nothing of it'}"
    if first == floor and not may_import(room_of(_dotted_path(where)), room_of(item.name)):
        importer, imported = room_of(_dotted_path(where)), room_of(item.name)
        yield f"{importer} must not import {imported} ({item.name}): tests/house_rooms.py says which rooms it may"


def _heavy(root: Path) -> Iterator[str]:
    """Libraries that reach a file which must stay light, over however many steps."""
    for where, allowed in LIGHT.items():
        queue, seen = [root / where], set[Path]()
        while queue:
            path = queue.pop()
            if path in seen or not path.is_file():
                continue
            seen.add(path)
            for item in _imports(root, path):
                if item.ours:
                    queue.append(root.joinpath(*item.name.split(".")).with_suffix(".py"))
                elif (library := item.name.split(".")[0]) not in sys.stdlib_module_names | allowed:
                    yield f"{where} must stay light, but {path.relative_to(root)}:{item.line} imports {library}"
