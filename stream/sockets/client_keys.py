"""Client keys: a client's own key pair, and the node's public key."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from .key_files import NODE, KeyFileError, KeyPair, check_folder, public_file, read_pair, read_public, secret_file


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """The keys of one client for one node.

    Args:
        own: the client's pair, whose public half the node allows.
        node: the node's public key; the client does not connect to a node without the secret half.
    """

    own: KeyPair
    node: bytes


Keys = ClientKeys | str | PathLike[str]
"""A client's keys, or their path: a folder with node.key and NAME.key_secret, or that file if there are several."""


def read_client_keys(keys: Keys) -> ClientKeys:
    """A client's keys, read if a path was given.

    Raises:
        KeyFileError: one of them is missing or damaged, others can read the secret or write to the folder.
    """
    if isinstance(keys, ClientKeys):
        return keys
    given = Path(keys)
    folder = given if given.is_dir() else given.parent
    check_folder(folder)
    secret = _only_secret(folder) if given.is_dir() else given
    node = public_file(folder, NODE)
    if not node.is_file():
        raise KeyFileError(f"{node} is missing: copy {node.name} from the node's folder of keys")
    return ClientKeys(read_pair(secret), read_public(node))


def _only_secret(folder: Path) -> Path:
    found = sorted(set(folder.glob("*.key_secret")) - {secret_file(folder, NODE)})
    if not found:
        raise KeyFileError(f"{folder} holds no key of a client: groundcast keys new NAME --folder {folder}")
    if len(found) > 1:
        raise KeyFileError(f"{folder} holds the keys of several clients: name one file, such as {found[0]}")
    return found[0]
