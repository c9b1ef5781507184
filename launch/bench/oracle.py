"""transformers' Grounding DINO, prepared so that a comparison with it proves something."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

_SWIN: dict[str, dict[str, Any]] = {
    "swin-t": {"embed_dim": 96, "depths": [2, 2, 6, 2], "num_heads": [3, 6, 12, 24], "window_size": 7},
    "swin-b": {"embed_dim": 128, "depths": [2, 2, 18, 2], "num_heads": [4, 8, 16, 32], "window_size": 12},
    "mm-large": {"embed_dim": 192, "depths": [2, 2, 18, 2], "num_heads": [6, 12, 24, 48], "window_size": 12},
}
# transformers knows the marks that part phrases by their numbers in BERT's own vocabulary.
_MARKS = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, ".": 1012, "?": 1029}
_FIRST_WORD = 200


def full_size(name: Literal["swin-t", "swin-b", "mm-large"], seed: int) -> nn.Module:
    """A model of published size with random weights that hide nothing.

    'mm-large' is MM-Grounding-DINO's and LLMDet's: four stages, five levels, heads of each layer's own.
    """
    from transformers import (
        GroundingDinoConfig,
        GroundingDinoForObjectDetection,
        MMGroundingDinoConfig,
        MMGroundingDinoForObjectDetection,
        SwinConfig,
    )

    torch.manual_seed(seed)
    stages: dict[str, Any] = {"out_indices": [1, 2, 3, 4] if name == "mm-large" else [2, 3, 4], "drop_path_rate": 0.0}
    swin = SwinConfig(**_SWIN[name], **stages)
    if name == "mm-large":
        own: dict[str, Any] = {"decoder_bbox_embed_share": False, "decoder_cls_embed_share": False}
        config = MMGroundingDinoConfig(backbone_config=swin, num_feature_levels=5, **own)
        model = MMGroundingDinoForObjectDetection(config)
    else:
        model = GroundingDinoForObjectDetection(GroundingDinoConfig(backbone_config=swin))
    draw_anew(model, std=0.05)
    return model.eval()


def from_folder(folder: Path) -> nn.Module:
    """The model of a folder in the hub's layout; nothing is downloaded."""
    from transformers import AutoModelForZeroShotObjectDetection

    return AutoModelForZeroShotObjectDetection.from_pretrained(folder, local_files_only=True).float().eval()


@torch.no_grad()
def draw_anew(model: Any, std: float) -> None:
    """Draw every parameter that begins at zero, or near it: they would hide whole blocks.

    Sampling offsets, attention weights, the last layers of the box heads and the fusion's gammas begin there; a model
    without its decoder's image attention would answer the same.
    """
    for name, parameter in model.named_parameters():
        if name.endswith(("vision_param", "text_param")):
            parameter.fill_(1.0)
        elif "sampling_offsets" in name or "attention_weights" in name or float(parameter.abs().max()) == 0.0:
            parameter.normal_(std=std)
        elif ".bias" in name or "norm" in name:
            parameter.add_(torch.randn_like(parameter) * 0.1)
    for own, copy in zip(model.bbox_embed, model.model.decoder.bbox_embed, strict=True):
        copy.load_state_dict(own.state_dict())
    classes = getattr(model.model.decoder, "class_embed", None)
    if classes is not None:
        for own, copy in zip(model.class_embed, classes, strict=True):
            copy.load_state_dict(own.state_dict())


def vocabulary(words: int = 100) -> dict[str, int]:
    """BERT's numbers for the marks, and some words: word0, word1, ..."""
    return _MARKS | {f"word{row}": _FIRST_WORD + row for row in range(words)}


def save(model: Any, folder: Path) -> Path:
    """As the hub has it, with a vocabulary beside."""
    model.save_pretrained(folder)
    rows = [f"[unused{row}]" for row in range(model.config.text_config.vocab_size)]
    for token, row in vocabulary().items():
        rows[row] = token
    (folder / "vocab.txt").write_text("\n".join(rows) + "\n")
    return folder


@contextmanager
def chosen_places(places: Tensor | None) -> Generator[list[Tensor]]:
    """Record which places (B, Q) transformers chooses, or choose for it."""
    chosen: list[Tensor] = []
    topk = torch.topk

    def choose(values: Tensor, *arguments: Any, **options: Any) -> Any:
        found = topk(values, *arguments, **options)
        rows = found[1] if places is None else places
        chosen.append(rows)
        return values.gather(1, rows), rows

    torch.topk = choose  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield chosen
    finally:
        torch.topk = topk


@contextmanager
def sampled_in_float32() -> Generator[None]:
    """Let transformers sample in float32 whatever it computes in.

    grid_sample in bfloat16 on a CPU reads beside the map, as of torch 2.14: sums of 1e32, and soon nothing but NaN.
    """
    sample = torch.nn.functional.grid_sample

    def exactly(maps: Tensor, places: Tensor, *arguments: Any, **options: Any) -> Tensor:
        return sample(maps.float(), places.float(), *arguments, **options).to(maps.dtype)

    torch.nn.functional.grid_sample = exactly
    try:
        yield
    finally:
        torch.nn.functional.grid_sample = sample


def deform_attn_of_transformers(
    value: Tensor, shapes: list[tuple[int, int]], reference: Tensor, projected: Tensor, points: int
) -> Tensor:
    """Deformable attention as transformers computes it, by grid_sample; arguments as `deform_attn` takes them."""
    from transformers.models.grounding_dino.modeling_grounding_dino import MultiScaleDeformableAttention

    heads, levels = value.shape[2], len(shapes)
    offsets, logits = projected.split([heads * levels * points * 2, heads * levels * points], -1)
    offsets = offsets.unflatten(-1, (heads, levels, points, 2))
    weights = logits.unflatten(-1, (heads, -1)).softmax(-1).unflatten(-1, (levels, points))
    near = reference.to(value.dtype)[:, :, None, :, None]
    if near.shape[-1] == 4:
        places = near[..., :2] + offsets / points * near[..., 2:] * 0.5
    else:
        cells = torch.tensor(shapes, device=offsets.device).flip(-1)
        places = near + offsets / cells[:, None]
    starts = torch.tensor([sum(h * w for h, w in shapes[:level]) for level in range(levels)], device=offsets.device)
    sizes = torch.tensor(shapes, device=offsets.device)
    return MultiScaleDeformableAttention()(value, sizes, shapes, starts, places, weights, 64)
