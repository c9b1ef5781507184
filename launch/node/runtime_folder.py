"""The folder of control sockets: where a node puts its socket file, and how `groundcast ctl` finds it."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..exits import InputError

_ENDING = ".control"
_OF_THE_SERVICE = Path("/run/groundcast")


def own_control_address(node: str, environment: Mapping[str, str]) -> str:
    """The address of a node's socket file, which only this user can open. Makes its folder.

    Raises:
        InputError: the folder cannot be made, or other users can write to it.
    """
    folder = next(_folders(environment))
    what_to_do = "name another place with --control, or say --no-control"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise InputError(f"folder {folder} cannot be made ({error.strerror}): {what_to_do}") from error
    if not _is_own(folder):
        raise InputError(f"folder {folder} belongs to another user, or others can write to it: {what_to_do}")
    return f"ipc://{folder / f'{node}{_ENDING}'}"


def running_nodes(environment: Mapping[str, str]) -> dict[str, str]:
    """The control addresses of the nodes on this host that this user may control, by node name.

    The systemd service's nodes come last. Folders that other users can write to are skipped.
    """
    folders = [*filter(_is_own, _folders(environment)), _OF_THE_SERVICE]
    files = [file for folder in folders for file in sorted(folder.glob(f"*{_ENDING}")) if _answers(file)]
    return {file.name.removesuffix(_ENDING): f"ipc://{file}" for file in reversed(files)}


def _folders(environment: Mapping[str, str]) -> Iterator[Path]:
    """The service's folder, made by systemd; else the logged-in user's; else one below /tmp."""
    if service := environment.get("RUNTIME_DIRECTORY"):
        yield Path(service.split(":")[0])
    if (user := environment.get("XDG_RUNTIME_DIR")) and _is_own(Path(user)):
        yield Path(user) / "groundcast"
    yield Path(f"/tmp/groundcast-{os.getuid()}")  # not TMPDIR, which may differ between a node and a client


def _is_own(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022


def _answers(file: Path) -> bool:
    """Whether a node accepts connections there: a killed node leaves its file behind."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(file))
        except OSError:
            return False
    return True
