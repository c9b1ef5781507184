"""The option --keys of commands that connect to a node with keys."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..exits import InputError


def _there(keys: Path | None) -> Path | None:
    if keys is not None and not keys.exists():
        raise InputError(f"--keys {keys} does not exist: name the folder with your key, or the key file")
    return keys


KeysOption = Annotated[
    Path | None,
    typer.Option(help="The folder with your key, or the key file, for a node with keys.", callback=_there),
]
