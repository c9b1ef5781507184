"""A folder of keys as a user would have made it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from groundcast.stream.sockets.allow_list import PURPOSES, allow
from groundcast.stream.sockets.key_files import NODE, make_pair, public_file, secret_file


def make_keys(folder: Path, *clients: str) -> Path:
    """A node's keys, and clients that may do everything."""
    make_pair(folder, NODE)
    for name in clients:
        make_pair(folder, name)
        allow(folder, name, public_file(folder, name), PURPOSES)
    return folder


def make_foreign(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a file to another user; where we may not do so, be another user to all that asks."""
    if os.geteuid() == 0:
        os.chown(path, 65534, 65534)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 65534)


def hand_over(keys: Path, name: str, to: Path) -> Path:
    """What is copied to a client's machine."""
    to.mkdir(mode=0o700)
    for file in (public_file(keys, NODE), secret_file(keys, name)):
        shutil.copy2(file, to / file.name)
    return to
