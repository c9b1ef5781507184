"""Files of a diffusers pipeline: found by folder or hub name, refused where they bring code or lack weights."""

# diffusers and transformers leave most types open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportPrivateImportUsage=false

from __future__ import annotations

import json
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from torch import nn

from ..weights.hub import is_hub_name

INDEX = "model_index.json"
READ_ERRORS = (OSError, ValueError, RuntimeError, TypeError, LookupError, AttributeError, ImportError)
_INSTALL = "pip install 'groundcast[node,edit]'"


class PainterError(ValueError):
    """A pipeline cannot be loaded or used; the text says why and what to do."""


def check_pipeline(name: str) -> None:
    """Check early what can be checked before the pipeline is loaded: the library, the name, a folder's index.

    Raises:
        PainterError: diffusers is missing; or there is no such folder, or it holds no pipeline.
    """
    if find_spec("diffusers") is None:
        raise PainterError(f"editing needs diffusers, which is missing: {_INSTALL}")
    folder = Path(name).expanduser()
    if folder.is_dir():
        class_of(folder)
    elif not is_hub_name(name):
        raise PainterError(f"no pipeline at {name}: name a folder with {INDEX}, or a model of the hub as 'owner/model'")


@contextmanager
def quiet() -> Generator[None]:
    """Within this block diffusers and transformers print neither bars nor remarks, which are for programmers."""
    import diffusers
    import transformers

    logs: tuple[Any, ...] = (diffusers.utils.logging, transformers.logging)
    before = [log.get_verbosity() for log in logs]
    had_bars = [log.is_progress_bar_enabled() for log in logs]
    for log in logs:
        log.set_verbosity_error()
        log.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        for log, verbosity, had_bar in zip(logs, before, had_bars, strict=True):
            log.set_verbosity(verbosity)
            if had_bar:
                log.enable_progress_bar()


def pipeline_folder(name: str, *, offline: bool = False) -> Path:
    """The folder with a pipeline's files; those of the hub are downloaded, unless they are in the local cache.

    Raises:
        PainterError: there is no such folder or model.
    """
    check_pipeline(name)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    import diffusers

    repository, _, revision = name.partition("@")
    try:
        found = diffusers.DiffusionPipeline.download(
            repository,
            revision=revision or None,
            use_safetensors=True,
            local_files_only=offline,
            trust_remote_code=False,
        )
    except READ_ERRORS as error:
        raise PainterError(f"the pipeline {name} was not found: {_short(error)}") from error
    return Path(found)


def class_of(folder: Path) -> str:
    """The class that a folder's index names.

    Raises:
        PainterError: there is no index, or it names none of the library's classes.
    """
    name = _index(folder).get("_class_name")
    if not isinstance(name, str):
        raise PainterError(f"{folder / INDEX} names no pipeline of diffusers: code that comes with weights is not run")
    return name


def read_networks(folder: Path) -> dict[str, Any]:
    """The networks of a pipeline, in float32, each from complete safetensors.

    Raises:
        PainterError: a part is of another library; weights are pickled, missing or of another shape, which the
            libraries themselves would draw at random.
    """
    networks: dict[str, Any] = {}
    for part, entry in _index(folder).items():
        if part.startswith("_") or not isinstance(entry, list):
            continue
        kind = _class_named(folder, part, cast("list[object]", entry))
        if kind is not None and issubclass(kind, nn.Module):
            networks[part] = _read_network(folder / part, kind)
    return networks


def _index(folder: Path) -> dict[str, Any]:
    path = folder / INDEX
    try:
        facts: Any = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise PainterError(f"cannot read {path}, which describes the pipeline beside it: {_short(error)}") from error
    if not isinstance(facts, dict):
        raise PainterError(f"{path} describes no pipeline: name the folder of one that diffusers has saved")
    return cast("dict[str, Any]", facts)


def _class_named(folder: Path, part: str, entry: list[object]) -> type | None:
    """The class of a part, which must be one of diffusers' or transformers' own; None where the part is left out."""
    import diffusers
    import transformers

    library, name = entry if len(entry) == 2 else ("", "")
    if library is None or name is None:
        return None
    known: dict[object, object] = {"diffusers": diffusers, "transformers": transformers}
    source = known.get(library) or getattr(diffusers.pipelines, str(library), None)
    found = getattr(source, str(name), None) if isinstance(source, ModuleType) else None
    if not isinstance(found, type) or Path(part).name != part:
        raise PainterError(
            f"{folder / INDEX}: {part} is {library}.{name}, which is in neither diffusers nor transformers: code that "
            "comes with weights is not run"
        )
    return found


def _read_network(folder: Path, kind: type[Any]) -> Any:
    options: dict[str, Any] = {}
    if kind.__module__.startswith("transformers"):
        options = {"dtype": "float32", "trust_remote_code": False}
    elif hasattr(kind, "_load_pretrained_model"):
        options = {"low_cpu_mem_usage": False}
    try:
        network, report = kind.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, output_loading_info=True, **options
        )
    except READ_ERRORS as error:
        advice = " (pickled weights are not read: convert them to safetensors)" if _only_pickles(folder) else ""
        raise PainterError(f"{folder} cannot be read as {kind.__name__}{advice}: {_short(error)}") from error
    faults = [str(one) for key in ("missing_keys", "mismatched_keys") for one in report[key]]
    if faults:
        some = ", ".join(sorted(faults)[:3])
        raise PainterError(
            f"the weights in {folder} are not complete: {len(faults)} are missing or of another shape: {some}"
        )
    return network


def _only_pickles(folder: Path) -> bool:
    names = [path.suffix for path in folder.glob("*")]
    return ".safetensors" not in names and any(suffix in (".bin", ".pt", ".pth", ".ckpt", ".pkl") for suffix in names)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
