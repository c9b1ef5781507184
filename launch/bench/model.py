"""`groundcast bench model`: time per picture, beside transformers with the same weights."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from ...model.dino.grounding_dino import GroundingDino
from ...model.dino.text_encoder import pad_words
from ...model.dino.tokenizer import Tokenizer
from ...model.prompt import Prompt
from ...model.runtime.device import within
from ...model.runtime.network import build
from ...model.runtime.precision import exact_products, multiplies_in_bfloat16, number_format
from ...model.weights.checkpoint import Checkpoint, find_checkpoint, read_checkpoint
from ..exits import RunError, say
from .detector import DetectorRun
from .hardware import count_flops, finish, hardware, roofline
from .oracle import full_size, save, vocabulary
from .pairs import RoundTimes, in_turns
from .sizes import Size, sizes
from .truth import ReferenceAnswer, ask_truth, measure_half, measure_parity

ModelName = Literal["swin-t", "swin-b"]
_EAGER, _COMPILED, _THROUGH = "transformers, eager float32", "transformers, compiled bfloat16", "through the detector"
_USUAL = {"cpu": "640", "cuda": "800x1333,544x960"}


def bench_model(
    name: ModelName, size: str | None, phrases: int, pairs: int, device: torch.device, seed: int
) -> dict[str, Any]:
    """The figures of `bench model`.

    Raises:
        RunError: our output differs from transformers', or half precision costs more than twice what it costs there.
    """
    theirs = full_size(name, seed)
    with tempfile.TemporaryDirectory() as folder, within(device):  # Triton launches on the device that is current
        path = find_checkpoint(str(save(theirs, Path(folder))))
        bench = _Bench(name, theirs.to(device), read_checkpoint(path), path, device, _words(phrases), pairs)
        results = [bench.measure(own, seed) for own in sizes(size or _USUAL[device.type])]
    return {"bench": "model", "model": name, "phrases": phrases, **hardware(device), "sizes": results}


@dataclass(frozen=True, slots=True)
class _Bench:
    name: str
    theirs: nn.Module
    checkpoint: Checkpoint
    path: Path
    device: torch.device
    prompt: Prompt
    pairs: int

    def measure(self, size: Size, seed: int) -> dict[str, Any]:
        """Parity, then times, of one size."""
        generator = torch.Generator().manual_seed(seed)
        picture = torch.randn(1, 3, *size, generator=generator).to(self.device)
        words = pad_words([Tokenizer(vocabulary()).encode(self.prompt)])
        with exact_products(self.device):  # theirs too, so that both compute the same
            truth = ask_truth(self.theirs, picture, words)
            ours = {torch.float32: build(self.checkpoint, self.device, self.path)}
            proofs: dict[str, Any] = {"parity": asdict(self._checked(ours[torch.float32], truth))}
            if multiplies_in_bfloat16(self.device):
                ours[torch.bfloat16] = build(self.checkpoint, self.device, self.path, torch.bfloat16)
                proofs["half"] = asdict(self._checked(ours[torch.bfloat16], truth))
            return {"height": size[0], "width": size[1], **proofs, **self._timed(ours, truth)}

    def _checked(self, ours: GroundingDino, truth: ReferenceAnswer) -> Any:
        dtype = ours.query_content.dtype
        proof = (
            measure_parity(self.name, ours, self.theirs, truth)
            if dtype == torch.float32
            else measure_half(ours, self.theirs, truth, dtype)
        )
        say(proof.sentence)
        if not proof.ok:
            raise RunError("our answers differ from transformers' by more than rounding explains: no figures")
        return proof

    @torch.inference_mode()
    def _timed(self, ours: dict[torch.dtype, GroundingDino], truth: ReferenceAnswer) -> dict[str, Any]:
        asks = {_called(dtype): self._our_way(network, truth) for dtype, network in ours.items()}
        dtype = number_format("auto", self.device)
        others = {_EAGER: self._their_way(self.theirs, truth)}
        if self.device.type == "cuda":
            others |= self._compiled(truth, dtype)
        with DetectorRun(self.path, self.device, dtype, truth.picture.shape[2:], self.prompt) as through:
            turns = in_turns(asks | {_THROUGH: through.once} | others, self.pairs)
            rates = through.rates()
        self._say(turns, [*asks, _THROUGH], truth)
        flops, numbers = count_flops(asks[_called(torch.float32)]), _weights(self.checkpoint)
        floors = {
            _called(own): asdict(
                roofline(flops, numbers * own.itemsize, turns.median_s(_called(own)), self.device, own)
            )
            for own in ours
        }
        ratios = [
            {"ours": way, "theirs": other, **asdict(turns.pairs(way, other))}
            for way in (*asks, _THROUGH)
            for other in others
        ]
        medians = {way: turns.median_s(way) for way in turns.times_s}
        return {"ratios": ratios, "median_s": medians, "roofline": floors, "stream": {"dtype": _called(dtype), **rates}}

    def _our_way(self, network: GroundingDino, truth: ReferenceAnswer) -> Callable[[], object]:
        dtype = network.query_content.dtype
        picture, text = truth.picture.to(dtype), network.read(truth.words).to(dtype)

        def ask() -> None:
            network(picture, text)
            finish(self.device)

        return ask

    def _compiled(self, truth: ReferenceAnswer, dtype: torch.dtype) -> dict[str, Callable[[], object]]:
        """transformers' model, compiled for this size; None, with a message, where that fails."""
        torch.compiler.reset()  # else the second size is compiled for any size, which is slower
        way = self._their_way(torch.compile(copy.deepcopy(self.theirs).to(dtype), dynamic=False), truth, dtype)
        try:
            way()
        except Exception as error:  # noqa: BLE001 - a compiler may raise anything
            say(f"no figures of {_COMPILED}: {error}")
            return {}
        return {_COMPILED: way}

    def _their_way(
        self, network: Any, truth: ReferenceAnswer, dtype: torch.dtype = torch.float32
    ) -> Callable[[], object]:
        picture, words = truth.picture.to(dtype), truth.words

        def ask() -> None:
            network(pixel_values=picture, input_ids=words.ids_BT, attention_mask=(~words.no_word_BT).long())
            finish(self.device)

        return ask

    def _say(self, turns: RoundTimes, ways: list[str], truth: ReferenceAnswer) -> None:
        height, width = truth.picture.shape[2:]
        for way in ways:
            for other in (_EAGER, _COMPILED):
                if other in turns.times_s:
                    pairs = turns.pairs(way, other)
                    low, high = pairs.quartiles
                    say(
                        f"{self.name} {height}x{width}, {way}: {pairs.ours_s * 1e3:.1f} ms; {other}: "
                        f"{pairs.theirs_s * 1e3:.1f} ms; {pairs.ratio:.2f} times as fast ({low:.2f}..{high:.2f} in the "
                        f"middle half of {pairs.pairs} pairs)"
                    )


def _words(phrases: int) -> Prompt:
    return Prompt.parse(" . ".join(f"word{n}" for n in range(phrases)))


def _called(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _weights(checkpoint: Checkpoint) -> int:
    """How many numbers must be read for each picture: those of the words are not."""
    return sum(one.numel() for name, one in checkpoint.weights.items() if not name.startswith("text_encoder."))
