"""A dataclass of options becomes the options of a command."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from groundcast.launch.settings.command_options import spread_options


@dataclass(frozen=True, slots=True)
class CopyOptions:
    """How to copy."""

    target: Annotated[Path, typer.Option(help="Where to.")]
    times: Annotated[int, typer.Option(help="How often.", min=1)] = 1
    is_fast: Annotated[bool, typer.Option("--fast", help="Do not look back.")] = False
    names: Annotated[list[str], typer.Option(help="What to call them.")] = field(default_factory=lambda: ["one"])


@dataclass(frozen=True, slots=True)
class OftenOptions(CopyOptions):
    """The same with another default, and one more."""

    times: Annotated[int, typer.Option(help="How often.", min=1)] = 3
    pause_s: Annotated[float | None, typer.Option(help="Between two.")] = None


@dataclass(frozen=True, slots=True)
class WaitOptions:
    """How long to wait."""

    pause_s: Annotated[float, typer.Option(help="Between two.")] = 1.0


Source = Annotated[str, typer.Argument(help="What to copy.", show_default=False)]
seen: list[Any] = []


def copy(source: Source, options: CopyOptions) -> None:
    """Copy a thing."""
    seen.append((source, options))


def copy_often(source: Source, options: OftenOptions) -> None:
    seen.append((source, options))


def copy_and_wait(source: Source, options: CopyOptions, wait: WaitOptions) -> None:
    seen.append((source, options, wait))


def _run(command: Any, *arguments: str) -> tuple[int, str]:
    seen.clear()
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(spread_options(command))
    ended = CliRunner().invoke(app, arguments)
    return ended.exit_code, ended.output


def test_a_command_gets_what_was_given_and_the_defaults_of_the_rest() -> None:
    assert _run(copy, "a", "--target", "b", "--fast")[0] == 0
    assert seen == [("a", CopyOptions(Path("b"), is_fast=True))]
    assert _run(copy, "a", "--target", "b", "--times", "2", "--names", "x", "--names", "y")[0] == 0
    assert seen == [("a", CopyOptions(Path("b"), times=2, names=["x", "y"]))]


def test_a_subclass_changes_a_default_and_adds_an_option() -> None:
    assert _run(copy_often, "a", "--target", "b")[0] == 0
    assert seen == [("a", OftenOptions(Path("b"), times=3))]
    assert _run(copy_often, "a", "--target", "b", "--pause-s", "0.5")[0] == 0
    assert seen == [("a", OftenOptions(Path("b"), times=3, pause_s=0.5))]


def test_help_says_what_the_fields_say() -> None:
    code, said = _run(copy, "--help")
    assert code == 0
    for line in ("Copy a thing.", "What to copy.", "--target", "Where to.", "--fast", "Do not look back."):
        assert line in said
    assert "--options" not in said
    assert "--is-fast" not in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("a",), "--target"), (("a", "--target", "b", "--times", "0"), "--times"), (("a", "--target", "b", "--x"), "--x")],
)
def test_wrong_options_are_refused(arguments: tuple[str, ...], said: str) -> None:
    code, output = _run(copy, *arguments)
    assert code == 2
    assert said in output
    assert seen == []


def test_a_command_takes_several_dataclasses() -> None:
    assert _run(copy_and_wait, "a", "--pause-s", "0.5", "--target", "b")[0] == 0
    assert seen == [("a", CopyOptions(Path("b")), WaitOptions(0.5))]


def test_a_command_without_a_dataclass_is_refused() -> None:
    def none(source: str) -> None: ...

    with pytest.raises(TypeError, match="must take a dataclass of options"):
        spread_options(none)


def test_options_of_the_same_name_are_refused() -> None:
    def two(options: CopyOptions, others: OftenOptions) -> None: ...

    def double(times: int, options: CopyOptions) -> None: ...

    with pytest.raises(ValueError, match="duplicate parameter name: 'target'"):
        spread_options(two)
    with pytest.raises(ValueError, match="duplicate parameter name: 'times'"):
        spread_options(double)
