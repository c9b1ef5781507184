"""The commands `groundcast bench ...` and their options. PyTorch is loaded when one runs, not for its help."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ...stream.options import Decoding
from ..exits import RunError
from ..settings.command_options import MAX_SEED
from .node import MAX_P95_MS, bench_node

_DEVICE = "auto, cpu or cuda."
_TABLETOP = "red cube . blue ball . green can . yellow ring"


def parity(
    model: Annotated[
        Literal["swin-t", "swin-b", "both", "mm-large"],
        typer.Option(help="Which published size; mm-large, of MM-Grounding-DINO and LLMDet, needs 9 GB of memory."),
    ] = "both",
    sizes: Annotated[str, typer.Option(help="Heights and widths of the input: 480x640,800x1333.")] = "480x640,800x1333",
    seed: Annotated[int, typer.Option(help="Seed of the random weights and pictures.", min=0, max=MAX_SEED)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False,
) -> None:
    """Compare our model's output with that of transformers.

    The weights are random; transformers writes them, our loader reads them.
    """
    from .parity import bench_parity

    result = bench_parity(("swin-t", "swin-b") if model == "both" else (model,), sizes, seed)
    if as_json:
        print(json.dumps(result))
    if not result["ok"]:
        raise RunError("our output differs from transformers' by more than rounding explains")


def kernel(
    pairs: Annotated[int, typer.Option(help="How often each version is timed.", min=7)] = 7,
    device: Annotated[str, typer.Option(help=_DEVICE)] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False,
) -> None:
    """Time the kernels beside transformers and PyTorch. Without parity there are no figures."""
    from ...model.runtime.device import named_device
    from .kernel import bench_kernel

    result = bench_kernel(pairs, named_device(device))
    if as_json:
        print(json.dumps(result))


def model(
    model: Annotated[Literal["swin-t", "swin-b"], typer.Option(help="Which published size.")] = "swin-t",
    size: Annotated[
        str | None, typer.Option(help="Sizes of the input: 640, or height x width, 800x1333,544x960.")
    ] = None,
    phrases: Annotated[int, typer.Option(help="How many phrases the prompt has.", min=1, max=50)] = 4,
    pairs: Annotated[int, typer.Option(help="How often each version is timed.", min=7)] = 7,
    device: Annotated[str, typer.Option(help=_DEVICE)] = "auto",
    seed: Annotated[int, typer.Option(help="Seed of the random weights and pictures.", min=0, max=MAX_SEED)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False,
) -> None:
    """Time a whole model beside transformers. Without parity there are no figures.

    Weights are random; pictures come one at a time. Our model encodes the prompt once, as in a stream; transformers
    encodes it with each picture.
    """
    from ...model.runtime.device import named_device
    from .model import bench_model

    result = bench_model(model, size, phrases, pairs, named_device(device), seed)
    if as_json:
        print(json.dumps(result))


def node(
    cameras: Annotated[int, typer.Option(help="How many cameras, each with 30 frames a second.", min=1)] = 1,
    seconds: Annotated[float, typer.Option(help="How long to measure, after a warm-up, s.", min=1.0)] = 20.0,
    size: Annotated[str, typer.Option(help="Size of the cameras' pictures, width x height.")] = "1920x1080",
    model: Annotated[str, typer.Option(help="Weights, as for 'groundcast run'.")] = "tabletop",
    prompt: Annotated[str, typer.Option(help="What to look for.")] = _TABLETOP,
    input_px: Annotated[int | None, typer.Option(help="Short side of the network's input.", min=64)] = None,
    device: Annotated[str, typer.Option(help=_DEVICE)] = "auto",
    decode: Annotated[Decoding, typer.Option(help="Where the pictures are decoded.")] = "cpu",
    find: Annotated[
        bool, typer.Option("--find", help=f"Find the most cameras with p95 within {MAX_P95_MS:g} ms.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False,
) -> None:
    """Measure a node and its H.264 cameras from a subscriber."""
    weights = str(Path(model).absolute()) if Path(model).exists() else model  # the settings file lies elsewhere
    model_settings: dict[str, Any] = {"name": weights, "device": device}
    if input_px is not None:
        model_settings["size_px"] = input_px
    result = bench_node(cameras, seconds, size, model_settings, prompt, find=find, decode=decode)
    if as_json:
        print(json.dumps(result))


def memory(
    frames: Annotated[int, typer.Option(help="How many pictures.", min=40)] = 10_000,
    model: Annotated[str, typer.Option(help="Weights, as for 'groundcast run'.")] = "tabletop",
    prompt: Annotated[str, typer.Option(help="What to look for.")] = "red cube . blue ball . green can",
    input_px: Annotated[int | None, typer.Option(help="Short side of the network's input.", min=64)] = None,
    device: Annotated[str, typer.Option(help=_DEVICE)] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False,
) -> None:
    """Watch memory while the detector gets pictures of changing sizes."""
    from ...model.runtime.device import named_device
    from .memory import bench_memory

    result = bench_memory(frames, model, prompt, input_px, named_device(device))
    if as_json:
        print(json.dumps(result))
    if not result["flat"]:
        raise RunError("memory grows with the number of pictures")


def positions(
    scenes: Annotated[int, typer.Option(help="How many scenes to render.", min=1)] = 50,
    seed: Annotated[int, typer.Option(help="Which scenes, and which noise.", min=0, max=MAX_SEED)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False,
) -> None:
    """Measure positions in metres against rendered scenes. Needs MuJoCo (groundcast[eval])."""
    from .positions import bench_positions

    result = bench_positions(scenes, seed)
    if as_json:
        print(json.dumps(result))


def everything(
    device: Annotated[str, typer.Option(help=_DEVICE)] = "auto",
    frames: Annotated[
        int | None, typer.Option(help="Pictures of the memory benchmark. Default: as many as fit the time.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the JSON object to this file, after each part.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False,
) -> None:
    """Run every benchmark, in less than ten minutes on a GPU.

    Kernels, model, overlap, cameras and memory. When one fails, the others still run, and the exit code is 1.
    """
    from .suite import bench_all

    whole, failed = bench_all(device, frames, out)
    if as_json:
        print(whole)
    if failed:
        raise RunError(f"no figures of {', '.join(failed)}")


COMMANDS: dict[str, Callable[..., None]] = {
    "parity": parity,
    "kernel": kernel,
    "model": model,
    "node": node,
    "memory": memory,
    "positions": positions,
    "all": everything,
}
