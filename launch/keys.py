"""`groundcast keys`: makes key pairs, and allows or revokes a node's clients."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from ..stream.sockets.allow_list import Purpose, allow, allowed, revoke
from ..stream.sockets.key_files import NODE, make_pair, public_file, read_public, secret_file
from .exits import InputError

_Folder = Annotated[
    Path | None,
    typer.Option(help="The folder of keys. Default: ~/.config/groundcast/keys.", show_default=False),
]
_Name = Annotated[str, typer.Argument(help=f"The client's name; {NODE} is the node itself.", show_default=False)]


def new_keys(
    name: _Name,
    folder: _Folder = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an old pair.")] = False,
) -> None:
    """Make a key pair: one for the node, one for each client."""
    keys = _folder(folder)
    make_pair(keys, name, force=force)
    typer.echo(f"Made {secret_file(keys, name)}, which is secret, and {public_file(keys, name)}, which is not.")
    typer.echo("\n".join(_next_steps(keys, name)))


def allow_client(
    key: Annotated[str, typer.Argument(help="A client's name, or the path of its NAME.key.", show_default=False)],
    watch: Annotated[bool, typer.Option(help="It may subscribe to the node.")] = True,
    control: Annotated[bool, typer.Option("--control", help="It may control the node.")] = False,
    push: Annotated[bool, typer.Option("--push", help="It may push pictures to the node.")] = False,
    folder: _Folder = None,
) -> None:
    """Allow a client to connect."""
    keys = _folder(folder)
    is_path = "/" in key or key.endswith((".key", ".key_secret"))
    public = Path(key) if is_path else public_file(keys, key)
    name = public.name.removesuffix(".key_secret").removesuffix(".key")
    chosen: dict[Purpose, bool] = {"watch": watch, "control": control, "push": push}
    purposes: list[Purpose] = [purpose for purpose, is_chosen in chosen.items() if is_chosen]
    if name == NODE:
        raise InputError(f"{NODE} is the node itself: name a client")
    if not purposes:
        raise InputError("with --no-watch, say what else it may do: --control or --push")
    allow(keys, name, public, purposes)
    typer.echo(f"{name} may {_listed(allowed(keys)[name])}. A running node knows it at once.")


def revoke_client(
    name: Annotated[str, typer.Argument(help="The client's name.", show_default=False)], folder: _Folder = None
) -> None:
    """Revoke a client. A running node drops it within two seconds."""
    was = revoke(_folder(folder), name)
    typer.echo(f"{name} may {_listed(was)} no more. A running node drops it within two seconds.")


def list_keys(
    folder: _Folder = None, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False
) -> None:
    """List the keys in a folder, and what each client may do."""
    keys = _folder(folder)
    if folder is not None and not folder.is_dir():
        raise InputError(f"there is no folder {folder}: name the one that 'groundcast keys new' made")
    clients = _clients(keys)
    node = public_file(keys, NODE)
    node_key = read_public(node).decode() if node.exists() else None
    if as_json:
        typer.echo(json.dumps({"folder": str(keys), "node": node_key, "clients": clients}))
        return
    typer.echo(f"In {keys}:")
    typer.echo(f"  {NODE:<20}{node_key or f'has no key: groundcast keys new {NODE}'}")
    for name, may in clients.items():
        typer.echo(f"  {name:<20}may {_listed(may) or 'nothing'}")


def default_folder(environment: Mapping[str, str]) -> Path:
    """The default folder of keys, in the user's configuration."""
    home = environment.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(home).expanduser() / "groundcast" / "keys"


def _folder(given: Path | None) -> Path:
    return default_folder(os.environ) if given is None else given


def _clients(keys: Path) -> dict[str, tuple[Purpose, ...]]:
    """The clients that are allowed, and those whose keys lie in the folder but are not."""
    idle = {path.stem: () for path in sorted(keys.glob("*.key")) if path.stem != NODE}
    return dict(sorted({**idle, **allowed(keys)}.items()))


def _next_steps(keys: Path, name: str) -> list[str]:
    here = f" --folder {keys}" if keys != default_folder(os.environ) else ""
    if name == NODE:
        return [
            f"Run the node with them:   groundcast run --keys {keys} ...",
            f"Make a client's keys:     groundcast keys new NAME{here}",
        ]
    if not secret_file(keys, NODE).exists():
        return [
            f"Let it in at the node:    copy {name}.key there, then there: groundcast keys allow {name}.key",
            f"Know the node:            copy {NODE}.key from its folder of keys to {keys}",
        ]
    return [
        f"Let it in:                groundcast keys allow {name}{here}",
        f"Copy to its machine:      scp -p {secret_file(keys, name)} {public_file(keys, NODE)} HOST:FOLDER/",
        "Use them there:           groundcast listen tcp://THIS-HOST:5570 --keys FOLDER",
    ]


def _listed(may: Sequence[Purpose]) -> str:
    return " and ".join(may)
