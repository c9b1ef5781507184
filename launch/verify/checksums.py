"""SHA-256 sums of a model's files, in a file beside them that `sha256sum -c` reads too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..exits import InputError

SUMS = "SHA256SUMS"
_BESIDE = ("config.json", "vocab.txt", "tokenizer.json", "tokenizer_config.json", "preprocessor_config.json")
_HEX_DIGITS = 64


def model_files(weights: Path) -> list[Path]:
    """The weights, all parts of them, and what lies beside them and belongs to them.

    Raises:
        CheckpointError: the weights are an index that names no files.
    """
    from ...model.weights.weight_files import shard_names

    parts = [weights.parent / name for name in shard_names(weights)] if weights.suffix == ".json" else []
    beside = [weights.parent / name for name in _BESIDE if (weights.parent / name).is_file()]
    own = weights.with_suffix(".json")
    described = [own] if own != weights and own.is_file() else []
    return list(dict.fromkeys([weights, *parts, *described, *beside]))


def write_sums(files: Sequence[Path], folder: Path) -> Path:
    """
    Raises:
        InputError: the folder cannot be written.
    """
    from ...model.weights.checkpoint import file_sha256

    lines = [f"{file_sha256(file)}  {file.name}\n" for file in files]
    path, partial = folder / SUMS, folder / f".{SUMS}"
    try:
        partial.write_text("".join(lines), encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror}): copy the model's folder, then --write"
        ) from error
    return path


def differing_files(folder: Path) -> dict[str, str] | None:
    """What is wrong with each file that is not as its sum says, by its name; None where there are no sums.

    Raises:
        InputError: the sums cannot be read.
    """
    from ...model.weights.checkpoint import file_sha256

    path = folder / SUMS
    if not path.is_file():
        return None
    wrong: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        digest, name = line[:_HEX_DIGITS].lower(), line[_HEX_DIGITS:].strip().removeprefix("*")
        if len(digest) < _HEX_DIGITS or Path(name).name != name or not name:
            raise InputError(f"{path}, line {number}: this is no sum and file beside it: write the sums again")
        if not (folder / name).is_file():
            wrong[name] = "missing"
        elif file_sha256(folder / name) != digest:
            wrong[name] = "not the file that the sum was made of"
    return wrong
