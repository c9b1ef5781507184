"""Reads YAML within limits: plain values of a settings file, and the line of each."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TypeAlias, cast

import yaml

Place: TypeAlias = tuple[str | int, ...]

MAX_BYTES = 256 * 1024  # 256 sources with all their settings take a quarter of it
MAX_VALUES = 30_000  # each use of an alias counts
MAX_DEPTH = 20
MAX_NUMBER = 100  # characters

_PLAIN = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "map", "seq", "merge")}
_NAMES = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge")
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


class YamlError(ValueError):
    """Not YAML, or beyond a limit.

    Args:
        line: of the error; None where it concerns the whole file.
        text: what is wrong, and what to do.
    """

    def __init__(self, line: int | None, text: str) -> None:
        super().__init__(text)
        self.line = line


def read_yaml(path: Path, *, number_keys: bool = False) -> tuple[object, dict[Place, int]]:
    """The plain values in a file, and the line of each. Dates stay text.

    Args:
        path: the file.
        number_keys: keys may be whole numbers too; they become text in the places.

    Raises:
        OSError: the file cannot be read.
        YamlError: it is no YAML, is longer or deeper than a settings file can be, or names one key twice.
    """
    with path.open("rb") as file:
        return read_yaml_bytes(file.read(MAX_BYTES + 1), number_keys=number_keys)


def read_yaml_bytes(data: bytes, *, number_keys: bool = False) -> tuple[object, dict[Place, int]]:
    """The same for the content of a file.

    Raises:
        YamlError: see `read_yaml`.
    """
    if len(data) > MAX_BYTES:
        raise YamlError(None, f"is longer than the {MAX_BYTES // 1024} KiB that settings may have: name another file")
    try:
        return _read(data.decode("utf-8"), _NAMES + _NUMBERS[:1] if number_keys else _NAMES)
    except UnicodeDecodeError as error:
        raise YamlError(None, f"is no text (byte {error.start} is not UTF-8): give a YAML file") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise YamlError(line, f"not YAML ({_unquoted(error.problem or '')}): correct that line") from error
    except yaml.YAMLError as error:  # a control character
        raise YamlError(None, "is not YAML: give a text file") from error


class _Loader(yaml.CSafeLoader):
    """PyYAML's loader that is written in C, without a form for dates."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if tag in _PLAIN]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def _read(text: str, key_tags: tuple[str, ...]) -> tuple[object, dict[Place, int]]:
    _check_size(text)  # before any recursion
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        lines: dict[Place, int] = {}
        left = MAX_VALUES
        for place, node in _walk(root, (), (), key_tags):
            left -= 1
            if left < 0:
                raise YamlError(_line(node), f"more than {MAX_VALUES} values, with what aliases repeat: repeat less")
            _check_node(loader, node)
            lines.setdefault(place, _line(node))
        return cast("object", None if root is None else loader.construct_document(root)), lines
    finally:
        loader.dispose()


def _check_size(text: str) -> None:
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=_Loader)):
        if number > 2 * MAX_VALUES:  # what ends a list or a map is one, too
            raise YamlError(event.start_mark.line + 1, f"more than {MAX_VALUES} values: settings have fewer")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise YamlError(event.start_mark.line + 1, f"nested more than {MAX_DEPTH} deep: settings are not")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _walk(
    node: yaml.Node | None, place: Place, above: tuple[yaml.Node, ...], key_tags: tuple[str, ...]
) -> Generator[tuple[Place, yaml.Node]]:
    """Every value and its place, with aliases followed. A setting's key comes before its value."""
    if node is None:
        return
    yield place, node
    if node in above:
        raise YamlError(_line(node), "an alias contains itself: write it out")
    above = (*above, node)
    if isinstance(node, yaml.MappingNode):
        known: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag not in key_tags:
                raise YamlError(_line(key), "a key must be a name: put it in quotes if it is one")
            name = str(key.value)
            if name in known:
                raise YamlError(_line(key), f"`{name[:40]}` was already set on line {known[name]}: keep one")
            known[name] = _line(key)
            yield (*place, name), key
            yield from _walk(value, (*place, name), above, key_tags)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _walk(value, (*place, index), above, key_tags)


def _check_node(loader: _Loader, node: yaml.Node) -> None:
    if node.tag not in _PLAIN:
        raise YamlError(_line(node), "a tag (!) that settings do not have: leave it out")
    if not isinstance(node, yaml.ScalarNode):
        return
    if node.tag in _NUMBERS and len(node.value) > MAX_NUMBER:
        raise YamlError(_line(node), f"a number of {len(node.value)} digits: {MAX_NUMBER} are read")
    plain: str = loader.resolve(yaml.ScalarNode, node.value, (True, False))
    if node.tag not in (plain, "tag:yaml.org,2002:str"):
        raise YamlError(_line(node), "a tag (!!) that does not fit its value: leave it out")
    try:
        if node.tag in _NUMBERS:
            loader.construct_object(node)
    except ValueError as error:  # 0x_ has the form of a number but is not one
        raise YamlError(
            _line(node), "this looks like a number but is not one: correct it, or put it in quotes"
        ) from error


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1


def _unquoted(problem: str) -> str:
    """The parser's message without its quotes from the file, which may be part of a password."""
    parts = problem.split("'")
    return "'".join(part if index % 2 == 0 or len(part) <= 1 else "..." for index, part in enumerate(parts))
