"""A folder of keys as a user would have made it."""

from __future__ import annotations

import shutil
from pathlib import Path

from groundcast.stream.allow_list import PURPOSES, allow
from groundcast.stream.key_files import NODE, make_pair, public_file, secret_file


def make_keys(folder: Path, *clients: str) -> Path:
    """A node's keys, and clients that may do everything."""
    make_pair(folder, NODE)
    for name in clients:
        make_pair(folder, name)
        allow(folder, name, public_file(folder, name), PURPOSES)
    return folder


def hand_over(keys: Path, name: str, to: Path) -> Path:
    """What is copied to a client's machine."""
    to.mkdir(mode=0o700)
    for file in (public_file(keys, NODE), secret_file(keys, name)):
        shutil.copy2(file, to / file.name)
    return to
