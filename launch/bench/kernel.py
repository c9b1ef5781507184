"""`groundcast bench kernel`: our kernels beside each other and beside transformers' version."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from ...cuda.deform_attn import Kernel, deform_attn
from ...cuda.image_prep import Preparation, image_prep
from ...model.runtime.device import within
from ..exits import RunError, say
from .hardware import finish, hardware, roofline
from .oracle import deform_attn_of_transformers
from .pairs import RoundTimes, in_turns

_HEADS, _CHANNELS, _POINTS, _QUERIES = 8, 32, 4, 900
_THEIRS = "transformers"
_IN_A_ROW = {"cpu": 1, "cuda": 20}  # a GPU is done with a small one before Python has launched the next
_SAME = 1e-3  # what fp32 may make of places a few cells apart
_ALSO = "the compiled kernel of the hub's 'kernels' package is fetched over the network: not run here"
_MEAN, _SCALE = (123.675, 116.28, 103.53), (1 / 58.395, 1 / 57.12, 1 / 57.375)


@dataclass(frozen=True, slots=True)
class KernelCase:
    """An input of deformable attention: points, as in the encoder, or boxes, as in the decoder."""

    name: str
    value: Tensor
    shapes: list[tuple[int, int]]
    reference: Tensor
    projected: Tensor

    def to(self, dtype: torch.dtype) -> KernelCase:
        """Places stay in float32, or go along to float64."""
        places = self.reference.to(torch.promote_types(dtype, torch.float32))
        return KernelCase(self.name, self.value.to(dtype), self.shapes, places, self.projected.to(dtype))

    def run(self, kernel: Kernel) -> Tensor:
        return deform_attn(self.value, self.shapes, self.reference, self.projected, _POINTS, kernel)

    def run_theirs(self) -> Tensor:
        return deform_attn_of_transformers(self.value, self.shapes, self.reference, self.projected, _POINTS)

    @property
    def bytes(self) -> int:
        """Read or written at least once."""
        tensors = (self.value, self.reference[:, :, :1], self.projected)
        out = self.projected.shape[1] * _HEADS * _CHANNELS * self.value.element_size()
        return out + sum(one.numel() * one.element_size() for one in tensors)

    @property
    def flops(self) -> int:
        """Four corners of each sample, multiplied and added."""
        samples = self.projected.shape[1] * _HEADS * len(self.shapes) * _POINTS
        return 2 * 4 * samples * _CHANNELS


def bench_kernel(
    pairs: int, device: torch.device, sizes: Sequence[tuple[int, int]] = ((480, 640), (800, 1333))
) -> dict[str, Any]:
    """The figures of `bench kernel`.

    Raises:
        RunError: a kernel is further from the truth than twice plain PyTorch in the same number format.
    """
    with torch.inference_mode(), within(device):  # Triton launches on the device that is current
        asked = [ask(size, device, decoder=decoder) for size in sizes for decoder in (False, True)]
        results = [_attention(one, pairs, device) for one in asked]
        prepared = _preparation(pairs, device) if device.type == "cuda" else "the reference alone runs on a CPU"
    return {"bench": "kernel", **hardware(device), "deform_attn": results, "image_prep": prepared, "not_run": _ALSO}


def ask(size: tuple[int, int], device: torch.device, *, decoder: bool) -> KernelCase:
    """Random features and offsets of about two cells, over four levels of an input of this size."""
    shapes = [(-(-size[0] // stride), -(-size[1] // stride)) for stride in (8, 16, 32, 64)]
    cells, generator = sum(h * w for h, w in shapes), torch.Generator().manual_seed(0)
    queries = _QUERIES if decoder else cells
    reference = torch.rand(1, queries, 1, 4 if decoder else 2, generator=generator)
    if decoder:
        reference[..., 2:] *= 0.2
    else:
        reference = torch.cat([_centres(*shape) for shape in shapes])[None, :, None]
    value = torch.randn(1, cells, _HEADS, _CHANNELS, generator=generator)
    projected = 2.0 * torch.randn(1, queries, _HEADS * 4 * _POINTS * 3, generator=generator)
    name = f"{'decoder' if decoder else 'encoder'} at {size[0]}x{size[1]}, {queries} queries"
    places = reference.expand(-1, -1, 4, -1)
    return KernelCase(name, value.to(device), shapes, places.to(device), projected.to(device))


def check(asked: KernelCase, kernel: Kernel, dtype: torch.dtype) -> dict[str, float]:
    """How far a kernel and plain PyTorch in the same number format are from the truth.

    Raises:
        RunError: the kernel is more than twice as far.
    """
    truth, own = asked.to(torch.float64).run("reference"), asked.to(dtype)
    got, plain = (own.run(one).double() - truth for one in (kernel, "reference"))
    theirs = asked.to(torch.float32).run_theirs().double() - truth
    errors = {name: float(one.abs().max()) for name, one in (("error", got), ("plain_error", plain))}
    if not theirs.abs().max() < _SAME:
        raise RunError(f"transformers answers something else for {asked.name}: no figures")
    if not (errors["error"] <= 2 * errors["plain_error"] and bool(got.square().mean() <= 4 * plain.square().mean())):
        raise RunError(f"kernel {kernel!r} in {dtype} is off by {errors['error']:.1e} for {asked.name}: no figures")
    return errors


def _attention(asked: KernelCase, pairs: int, device: torch.device) -> dict[str, Any]:
    fast: Kernel = "triton" if device.type == "cuda" else "cpu"
    exact, half = asked.to(torch.float32), asked.to(torch.bfloat16)
    formats = (torch.float32, torch.bfloat16)
    errors = {_called(fast, dtype): check(asked, fast, dtype) for dtype in formats}
    ways: dict[str, Callable[[], Tensor]] = {
        _called(fast, torch.float32): lambda: exact.run(fast),
        _called(fast, torch.bfloat16): lambda: half.run(fast),
        "reference, float32": lambda: exact.run("reference"),
        f"{_THEIRS}, float32": exact.run_theirs,
    }
    if device.type == "cuda":  # on a CPU grid_sample in bfloat16 reads beside the map
        ways[f"{_THEIRS}, bfloat16"] = half.run_theirs
    turns = _timed(ways, pairs, device)
    pairs_of = {(own, other): turns.pairs(own, other) for own in errors for other in ways if other not in errors}
    floors = {
        own: asdict(roofline(asked.flops, one.bytes, turns.median_s(own), device, dtype))
        for own, dtype, one in zip(errors, formats, (exact, half), strict=True)
    }
    for (own, other), row in pairs_of.items():
        say(f"{asked.name}: {own} {row.ours_s * 1e3:.2f} ms, {row.ratio:.2f} times as fast as {other}")
    ratios = [{"ours": own, "theirs": other, **asdict(row)} for (own, other), row in pairs_of.items()]
    medians = {name: turns.median_s(name) for name in ways}
    return {"asked": asked.name, "errors": errors, "median_s": medians, "ratios": ratios, "roofline": floors}


def _preparation(pairs: int, device: torch.device) -> list[dict[str, Any]]:
    """A 1080p picture to 544x960, by our kernel and by PyTorch."""
    picture = torch.randint(0, 256, (1, 1080, 1920, 3), dtype=torch.uint8, device=device)
    how = Preparation((540, 960), (544, 960), _MEAN, _SCALE)
    results: list[dict[str, Any]] = []
    for dtype in (torch.float32, torch.bfloat16):
        ways: dict[str, Callable[[], Tensor]] = {
            "triton": lambda dtype=dtype: image_prep(picture, how, dtype, kernel="triton"),
            "reference": lambda dtype=dtype: image_prep(picture, how, dtype, kernel="reference"),
        }
        apart = float((ways["triton"]().float() - ways["reference"]().float()).abs().max())
        if apart > (1e-6 if dtype == torch.float32 else 2**-6):
            raise RunError(f"image_prep kernel 'triton' is off by {apart:.1e} in {dtype}: no figures")
        turns = _timed(ways, pairs, device)
        moved = picture.numel() + 3 * 544 * 960 * dtype.itemsize
        results.append(
            {
                "dtype": str(dtype).removeprefix("torch."),
                "apart": apart,
                **asdict(turns.pairs("triton", "reference")),
                "roofline": asdict(roofline(0.0, moved, turns.median_s("triton"), device, dtype)),
            }
        )
    return results


def _timed(ways: dict[str, Callable[[], Tensor]], pairs: int, device: torch.device) -> RoundTimes:
    return in_turns(ways, pairs, _IN_A_ROW[device.type], lambda: finish(device))


def _centres(height: int, width: int) -> Tensor:
    y, x = torch.meshgrid((torch.arange(height) + 0.5) / height, (torch.arange(width) + 0.5) / width, indexing="ij")
    return torch.stack([x, y], -1).flatten(0, 1)


def _called(kernel: Kernel, dtype: torch.dtype) -> str:
    return f"{kernel}, {str(dtype).removeprefix('torch.')}"
