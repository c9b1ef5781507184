"""The house keeps its own rules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .house_rooms import ROOMS
from .house_rules import (
    arrows,
    circles,
    circles_of_rooms,
    names_given_twice,
    threads_and_processes,
    too_long,
    violations,
)

ROOT = Path(__file__).parent.parent
ARCHITECTURE = ROOT / "docs" / "architecture.md"


def test_the_house_keeps_its_rules() -> None:
    assert violations(ROOT) == []


def test_no_import_goes_round_in_a_circle() -> None:
    assert circles(ROOT) == []


def test_no_import_goes_round_in_a_circle_of_rooms() -> None:
    assert circles_of_rooms(ROOT) == []


def test_the_table_of_rooms_names_no_folder_and_no_way_that_is_not_there() -> None:
    used = arrows(ROOT)
    allowed = {
        (room, f"{room.split('/')[0]}/{other}") for room, (_, others) in ROOMS.items() for other in others - {"*"}
    }

    assert [room for room in ROOMS if not (ROOT / room).is_dir()] == []
    assert sorted(allowed - used) == []


def test_the_page_about_the_architecture_names_files_that_are_there() -> None:
    linked: list[str] = re.findall(r"\]\(([^)#]+)\)", ARCHITECTURE.read_text())

    assert [path for path in linked if not (ARCHITECTURE.parent / path).exists()] == []


def test_the_page_about_the_architecture_has_the_table_of_rooms() -> None:
    said = dict(re.findall(r"^\| `(\w+(?:/\w+)?)/` \| (.+) \|$", ARCHITECTURE.read_text(), re.MULTILINE))

    assert said == {room: sentence for room, (sentence, _) in ROOMS.items()}


def test_the_page_about_the_architecture_has_every_thread_and_process() -> None:
    rows = ARCHITECTURE.read_text().splitlines()

    missing = [
        f"{where}: {name or 'what it starts'} has no row among the threads and processes of docs/architecture.md"
        for where, name in threads_and_processes(ROOT)
        if not any(row.startswith("|") and f"[{where}]" in row and name in row for row in rows)
    ]

    assert missing == []


def test_no_two_classes_have_one_name() -> None:
    assert names_given_twice(ROOT) == []


def test_tests_are_short_enough_to_read() -> None:
    found = [text for path in sorted((ROOT / "tests").rglob("*.py")) for text in too_long(ROOT, path)]

    assert found == []


@pytest.mark.parametrize(
    ("path", "code", "said"),
    [
        ("cuda/a.py", "from ..model import prompt", "cuda must not look up at model.prompt"),
        ("model/a.py", "from ..stream.frame import Frame", "model must not look up at stream.frame"),
        ("stream/a.py", "from ..launch.cli import main", "stream must not look up at launch.cli"),
        ("stream/a.py", "from ..model.detector import Detector", "model.detector is behind a door"),
        ("stream/a.py", "from ..model import detector", "model.detector is behind a door"),
        ("stream/a.py", "from ..cuda import deform_attn", "cuda.deform_attn is behind a door"),
        ("model/a.py", "from ..cuda.deform_attn_cpu import run", "cuda.deform_attn_cpu is behind a door"),
        ("model/training/a.py", "from ...cuda.deform_attn_cpu import run", "cuda.deform_attn_cpu is behind a door"),
        ("launch/run.py", "def f():\n    from ..cuda import graph_plain", "cuda.graph_plain is behind a door"),
        ("model/dino/a.py", "from ..training.loss import loss", "model/dino must not import model/training"),
        ("model/runtime/a.py", "from ..tabletop import words", "model/runtime must not import model/tabletop"),
        ("model/tabletop/a.py", "from ..training import loss", "model/tabletop must not import model/training"),
        ("model/prompt.py", "from .dino.tokenizer import T", "model must not import model/dino"),
        (
            "stream/wire/a.py",
            "from ..sockets.bound_socket import BindError",
            "stream/wire must not import stream/sockets",
        ),
        ("stream/capture/a.py", "from ..pipeline import P", "stream/capture must not import stream/doors"),
        ("stream/frame.py", "from .capture.reader import R", "stream must not import stream/capture"),
        ("stream/attic/a.py", "X = 1", "stream/attic: a folder that tests/house_rooms.py does not know"),
        ("stream/reader.py", "import torch", "torch is not for stream/reader.py"),
        ("stream/a.py", "import torch.nn as nn", "torch is not for stream/a.py"),
        ("stream/a.py", "def f():\n    import norfair", "norfair is not for stream/a.py"),
        ("model/a.py", "from transformers import BertModel", "transformers is not for model/a.py"),
        ("model/a.py", "from timm.models import swin", "timm is not for model/a.py"),
        ("stream/tracker.py", "import zmq.asyncio", "zmq is not for stream/tracker.py"),
        ("model/a.py", "import av", "av is not for model/a.py"),
        ("stream/a.py", "from groundcast.stream import b", "import groundcast.stream relatively"),
        ("stream/a.py", "import model.prompt", "import model.prompt relatively"),
        ("stream/a.py", "from ... import secrets", "leaves the house"),
        ("stream/a.py", "import importlib\nimportlib.import_module('torch')", "torch is not for stream/a.py"),
        ("stream/a.py", "import importlib as il\nil.import_module(name)", "a name that is only known at run time"),
        ("stream/a.py", "from importlib import import_module as go\ngo('norfair')", "norfair is not for stream/a.py"),
        ("stream/a.py", "__import__('torch')", "torch is not for stream/a.py"),
        ("stream/a.py", "__import__(name)", "a name that is only known at run time"),
        ("model/a.py", "from importlib import import_module\nimport_module('..stream.b', __package__)", "look up at"),
        ("stream/a.py", "import runpy", "runpy"),
        ("stream/a.py", "exec('import torch')", "exec"),
        ("stream/a.py", "import sys\nsys.modules['torch']", "sys.modules"),
        ("stream/subscriber.py", "import numpy", "stream/subscriber.py must stay light"),
        ("stream/subscriber.py", "from .frame import Frame", "stream/subscriber.py must stay light"),
        ("model/prompt.py", "import numpy", "model/prompt.py must stay light"),
        ("model/a.py", "import os\nos.environ['X']", "environment variables are read in launch/ alone"),
        ("model/a.py", "from os import getenv", "environment variables are read in launch/ alone"),
        ("stream/__init__.py", "", "no __init__.py"),
        ("model/utils.py", "", "says nothing about its job"),
        ("model/a.py", "X = 1", "says its one job in its first line"),
        ("model/a.py", "\n" * 400, "401 lines"),
        ("model/a.py", "def f():\n" + "    x = 1\n" * 61, "62 lines"),
    ],
)
def test_a_planted_violation_is_caught(tmp_path: Path, path: str, code: str, said: str) -> None:
    _plant(tmp_path, "stream/frame.py", "import numpy")
    bare = path.endswith("__init__.py") or said.startswith("says its one job")
    target = tmp_path / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(code if bare else f'"""A file."""\n{code}')

    found = violations(tmp_path)

    assert any(said in text for text in found), found


def test_what_is_allowed_is_let_through(tmp_path: Path) -> None:
    _plant(tmp_path, "launch/bench/ops.py", "from ...cuda.deform_attn_cpu import run\nfrom ...model.detector import D")
    _plant(tmp_path, "stream/pipeline.py", "from ..model.prompt import Prompt\nfrom .frame import Frame")
    _plant(tmp_path, "stream/frame.py", "import numpy")
    _plant(tmp_path, "model/prompt.py", "import json")
    _plant(tmp_path, "model/training/trainer.py", "from ..tabletop.scenes import draw\nfrom ..layers import Mlp")
    _plant(
        tmp_path, "cuda/graph.py", "import torch\nimport cuda.bindings.runtime\nfrom importlib.util import find_spec"
    )

    assert violations(tmp_path) == []


def test_too_many_files_in_a_folder_are_caught(tmp_path: Path) -> None:
    for number in range(26):
        _plant(tmp_path, f"stream/node/part_{number}.py", "X = 1")

    assert violations(tmp_path) == ["stream/node: 26 Python files, at most 25: make a room of some"]


def test_a_circle_of_rooms_is_caught_where_no_two_files_make_one(tmp_path: Path) -> None:
    _plant(tmp_path, "stream/wire/a.py", "from ..node.b import B")
    _plant(tmp_path, "stream/node/b.py", "X = 1")
    _plant(tmp_path, "stream/node/c.py", "from ..wire.d import D")
    _plant(tmp_path, "stream/wire/d.py", "X = 1")

    assert circles(tmp_path) == []
    assert circles_of_rooms(tmp_path) == ["stream/node -> stream/wire -> stream/node"]


def test_a_name_given_twice_is_caught(tmp_path: Path) -> None:
    _plant(tmp_path, "stream/a.py", "class Clock: ...")
    _plant(tmp_path, "model/b.py", "class Clock: ...")

    assert names_given_twice(tmp_path) == ["Clock: model/b.py, stream/a.py"]


def test_a_thread_is_found_by_the_beginning_of_its_name(tmp_path: Path) -> None:
    _plant(tmp_path, "stream/a.py", "import threading\nthreading.Thread(target=f, name=f'reader-{name}')")
    _plant(tmp_path, "model/b.py", "from subprocess import Popen\nPopen(['true'])")

    assert threads_and_processes(tmp_path) == [("model/b.py", ""), ("stream/a.py", "reader-")]


def test_a_circle_is_caught(tmp_path: Path) -> None:
    _plant(tmp_path, "stream/a.py", "from .b import B")
    _plant(tmp_path, "stream/b.py", "from . import c")
    _plant(tmp_path, "stream/c.py", "def f():\n    from .a import A")

    assert circles(tmp_path) == ["stream.a -> stream.b -> stream.c -> stream.a"]


def _plant(root: Path, path: str, code: str) -> None:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(f'"""A file."""\n{code}\n')
