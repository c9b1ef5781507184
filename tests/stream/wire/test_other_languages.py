"""The documentation's examples in other languages read every message exactly, nanoseconds included."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from groundcast.stream.wire.packing import pack, unpack

HERE = Path(__file__).parents[1]
EXAMPLES = HERE.parents[1] / "docs" / "examples"
GOLDEN = ("golden_live.msgpack", "golden_file.msgpack", "golden_positions.msgpack", "golden_status.msgpack")
WIDTHS = (0, 127, 128, 2**8, 2**16 - 1, 2**16, 2**32 - 1, 2**32, 2**53, 2**53 + 1, 2**63 - 1)
EVERY_FORM: dict[str, Any] = {
    "whole_ns": [*WIDTHS, *(-1 - width for width in WIDTHS)],
    "whole": [2**53 - 1, 1 - 2**53],
    "real": [0.1, -1e300, 5e-324, 20.0],
    "other": [None, True, False, {}, [], {"deep": [{"deeper": 1}]}],
    "texts": ["", 'ä€𝄞 "\\\n', "x" * 31, "x" * 32, "x" * 255, "x" * 256, "x" * 70_000],
    "lists": [[1] * length for length in (15, 16, 70_000)],
    "maps": [{str(key): key for key in range(length)} for length in (15, 16, 70_000)],
}
BIG_KEYS = ("epoch", "pts")

Read = Callable[[Path], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def node() -> Read:
    program = shutil.which("node")
    if program is None:
        pytest.skip("Node is not installed")
    return lambda path: _run(program, EXAMPLES / "read_message.mjs", path)


@pytest.fixture(scope="module")
def cpp(tmp_path_factory: pytest.TempPathFactory) -> Read:
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("g++ is not installed")
    program = tmp_path_factory.mktemp("cpp") / "read_message"
    strict = ("-std=c++17", "-Wall", "-Wextra", "-Werror")
    compiled = _run(compiler, *strict, EXAMPLES / "read_message.cpp", "-o", program)
    assert compiled.returncode == 0, compiled.stderr
    return lambda path: _run(program, path)


@pytest.fixture
def every_form(tmp_path: Path) -> Path:
    path = tmp_path / "every_form.msgpack"
    path.write_bytes(pack(EVERY_FORM))
    return path


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, command)], capture_output=True, encoding="utf-8", timeout=60, check=False)


def as_node_says(value: Any, key: str = "") -> Any:
    """BigInts are texts in its JSON: all integers of some keys, whatever their value."""
    if isinstance(value, dict):
        return {name: as_node_says(item, name) for name, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [as_node_says(item, key) for item in cast("list[Any]", value)]
    is_big = type(value) is int and (key.endswith("_ns") or key in BIG_KEYS)
    return str(value) if is_big else value


@pytest.mark.parametrize("name", GOLDEN)
def test_node_reads_a_message_with_its_nanoseconds_as_big_ints(node: Read, name: str) -> None:
    said = node(HERE / name)
    assert json.loads(said.stdout) == as_node_says(unpack((HERE / name).read_bytes())), said.stderr


@pytest.mark.parametrize("name", GOLDEN)
def test_cpp_reads_a_message_with_its_nanoseconds_as_integers(cpp: Read, name: str) -> None:
    said = cpp(HERE / name)
    assert json.loads(said.stdout) == unpack((HERE / name).read_bytes()), said.stderr


def test_node_reads_every_form_that_a_value_may_have(node: Read, every_form: Path) -> None:
    assert json.loads(node(every_form).stdout) == as_node_says(EVERY_FORM)


def test_cpp_reads_every_form_that_a_value_may_have(cpp: Read, every_form: Path) -> None:
    assert json.loads(cpp(every_form).stdout) == EVERY_FORM


def test_a_message_that_is_cut_off_is_refused(node: Read, cpp: Read, tmp_path: Path) -> None:
    cut = tmp_path / "cut.msgpack"
    cut.write_bytes((HERE / GOLDEN[0]).read_bytes()[:-1])
    for read in (node, cpp):
        said = read(cut)
        assert (said.returncode, said.stdout) == (1, "")
        assert "the message is cut off" in said.stderr
