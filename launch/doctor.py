"""`groundcast doctor`: what is installed, what is missing, and how to get it."""

# torch leaves the type of a device's properties open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import ctypes.util
import importlib.metadata
import json
import os
import platform
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..model.weights.embedded import EMBEDDED
from .exits import FAILED

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Finding:
    """The state of one thing."""

    what: str
    state: Literal["ok", "absent", "missing"]  # absent: an option needs it; missing: every node needs it
    said: str


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Show what is installed, what is missing, and how to get it."""
    findings = [_python(), *_packages(), *_embedded()]
    if not any(finding.state == "missing" for finding in findings):
        for look in (_devices, _kernels, _decoders, _sockets):
            findings += look()
    findings.append(_renderer())
    missing = [finding for finding in findings if finding.state == "missing"]
    if as_json:
        typer.echo(json.dumps({"ok": not missing, "findings": [asdict(finding) for finding in findings]}))
    else:
        for finding in findings:
            typer.echo(f"{finding.state:<8}{finding.what:<26}{finding.said}")
        typer.echo(
            f"{len(missing)} missing: a node cannot run." if missing else "Everything that a node needs is installed."
        )
    if missing:
        raise typer.Exit(FAILED)


def _python() -> Finding:
    version = platform.python_version_tuple()
    fits = version[:2] in {("3", "11"), ("3", "12")}
    advice = "" if fits else ": a node runs on 3.11 and 3.12"
    cores = len(os.sched_getaffinity(0))
    said = f"{platform.python_version()} on {platform.machine()}, {cores} cores{advice}"
    return Finding("python", "ok" if fits else "missing", said)


def _packages() -> list[Finding]:
    found = [Finding("groundcast", "ok", importlib.metadata.version("groundcast"))]
    extras: dict[str, str | None] = {}  # of each library, the first that brings it
    for requirement in importlib.metadata.requires("groundcast") or []:
        name = re.split(r"[^A-Za-z0-9_.-]", requirement)[0]
        stated = re.search(r"extra == ['\"]([a-z0-9-]+)", requirement)
        extra = stated[1] if stated else None
        if extra != "dev":
            extras.setdefault(name, extra)
    return found + [_package(name, extra) for name, extra in extras.items()]


def _package(name: str, extra: str | None) -> Finding:
    try:
        return Finding(name, "ok", importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        what = f"'groundcast[{extra}]'" if extra else "groundcast"
        return Finding(name, "missing" if extra in (None, "node") else "absent", f"pip install {what}")


def _embedded() -> list[Finding]:
    found: list[Finding] = []
    models = {path: f"the embedded model {name}" for name, path in EMBEDDED.items()}
    for path, use in {**models, EMBEDDED["tabletop"].with_name("clip.mp4"): "the demo's clip"}.items():
        if path.is_file():
            found.append(Finding(path.name, "ok", f"{use}, {path.stat().st_size / 1e6:.1f} MB"))
        else:
            found.append(Finding(path.name, "absent", f"{use} is not in this copy: reinstall groundcast"))
    return found


def _devices() -> list[Finding]:
    import torch

    threads = Finding("cpu", "ok", f"{torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}")
    if not torch.cuda.is_available():
        why = "this torch is a CPU build" if torch.version.cuda is None else "no NVIDIA driver or no GPU"
        return [threads, Finding("cuda", "absent", f"{why}: models run on the CPU")]
    names = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    return [
        threads,
        *(
            Finding(
                f"cuda:{i}", "ok", f"{device.name}, {device.total_memory / 2**30:.0f} GiB, CUDA {torch.version.cuda}"
            )
            for i, device in enumerate(names)
        ),
    ]


def _kernels() -> list[Finding]:
    import torch

    from ..cuda.deform_attn import Kernel, KernelError, deform_attn

    on_gpu = torch.cuda.is_available()
    kernels: list[Kernel] = ["cpu", "reference", *(["triton"] if on_gpu else [])]
    found: list[Finding] = []
    for kernel in kernels:
        device = "cuda" if kernel == "triton" else "cpu"
        value, projected = torch.zeros(1, 4, 1, 8, device=device), torch.zeros(1, 1, 3, device=device)
        places = torch.full((1, 1, 1, 2), 0.5, device=device)
        try:
            deform_attn(value, [(2, 2)], places, projected, 1, kernel=kernel)
            found.append(Finding(f"deform_attn {kernel}", "ok", "runs"))
        except (KernelError, ImportError) as error:
            found.append(Finding(f"deform_attn {kernel}", "absent", str(error)))
    return [*found, *(_gpu_path() if on_gpu else _cpu_path())]


def _gpu_path() -> list[Finding]:
    """What a GPU does besides running the network."""
    import torch

    from ..cuda.graph import GraphCache
    from ..cuda.image_prep import Preparation, image_prep, image_prep_kernel

    picture = torch.zeros(1, 4, 4, 3, dtype=torch.uint8, device="cuda")
    chosen = image_prep_kernel(picture)
    image_prep(picture, Preparation((2, 2), (2, 2), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)), torch.float32)
    graphs = GraphCache(picture.device, calls_before=0)
    graphs.run("doctor", _brighter, (picture,))
    how = "replayed" if graphs.captured else "cannot be captured here: every kernel is launched by itself"
    return [Finding(f"image_prep {chosen}", "ok", "runs"), Finding("cuda graphs", "ok", how)]


def _brighter(picture: Tensor) -> tuple[Tensor]:
    return (picture + 1,)


def _cpu_path() -> list[Finding]:
    return [
        Finding("image_prep", "ok", "on the CPU, by OpenCV or PyTorch as the model was trained; in one pass on a GPU"),
        Finding("cuda graphs", "absent", "they need a GPU: every kernel is called by itself"),
    ]


def _decoders() -> list[Finding]:
    import av
    from av.codec.hwaccel import hwdevices_available

    from ..stream.decode.gpu_decoding import why_no_gpu_decoder
    from ..stream.decoder_process.sandbox import missing_protection

    wanted = ("h264", "hevc", "mjpeg", "vp9", "av1")
    have = [name for name in wanted if name in av.codecs_available]
    lacking = sorted(set(wanted) - set(have))
    said = ", ".join(have) + (f"; not {', '.join(lacking)}" if lacking else "")
    hardware = ", ".join(hwdevices_available()) or "none"
    lacks, unprotected = why_no_gpu_decoder(), missing_protection()
    return [
        Finding("decoders", "ok" if "h264" in have else "missing", f"{said}; hardware: {hardware}"),
        Finding("decode: cuda", "absent" if lacks else "ok", lacks or "videos can be decoded on the GPU"),
        Finding(
            "decode_process",
            "absent" if unprotected else "ok",
            unprotected or "decoder processes are kept from files and other processes",
        ),
    ]


def _sockets() -> list[Finding]:
    import zmq

    curve = zmq.has("curve")
    said = f"ZeroMQ {zmq.zmq_version()}, {'with' if curve else 'without'} CURVE"
    return [Finding("sockets", "ok", said)]


def _renderer() -> Finding:
    find: Callable[[str], str | None] = ctypes.util.find_library
    usable = [name for name in ("OSMesa", "EGL") if find(name)]
    if usable:
        return Finding("scene rendering", "ok", f"{' and '.join(usable)} (training and evaluation draw scenes)")
    advice = "apt-get install libosmesa6, to draw scenes for training and evaluation"
    return Finding("scene rendering", "absent", advice)
