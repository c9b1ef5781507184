"""What a model is made of: sizes and choices, no weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Precision = Literal["auto", "float32", "bfloat16", "float16"]
Proposals = Literal["ranked", "peaks"]


class ConfigError(ValueError):
    """A model configuration cannot be read; the text names the key."""


@dataclass(frozen=True, slots=True)
class TextConfig:
    """The BERT that reads the prompt."""

    vocabulary: int
    width: int = 768
    layers: int = 12
    heads: int = 12
    feed_forward: int = 3072


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """One Grounding DINO.

    Args:
        name: what the messages call the model.
        body: 'full' is the original's; 'edge' fuses text into the stride-32 map alone (Grounding DINO 1.5 Edge,
            https://arxiv.org/abs/2405.10300).
        backbone: a timm name; backbone_options: what timm is told besides. `config_file.py` lists what a file may name.
        levels: maps of the backbone that are used, the finest first.
        extra_levels: further maps, each half as fine as the one before.
        width: channels of every map, query and text feature.
        heads, points: of deformable attention; ordinary attention has as many heads. The full body's fusion and text
            attention have half of them, and its text layers half of `feed_forward`.
        layers: of the feature enhancer, and of the decoder.
        fusion_width: channels inside image-text fusion.
        fusion_scale: the fusion's first strength (its gammas).
        queries: how many proposals go to the decoder.
        proposals: 'ranked' is the original's: the best places of all, and each query begins with what was learnt for
            its rank. 'peaks' are places that no neighbour on their map makes superfluous, each with the box that it and
            its neighbours propose, and all queries begin alike: two places that score alike no longer want the same
            thing, nor does rounding decide what they begin with.
        head: 'dot' is the original's plain product; 'scaled' divides by sqrt(width) and adds a learnt bias.
        share_heads: one box and one class head for all decoder layers, as in the original.
        refine_eps, answer_eps: how near to 0 and 1 a box may be when its logit is taken, before the next decoder layer
            sees it and in what a layer answers. 1e-5 each in transformers, 1e-3 each in the original; 1e-3 and 1e-5 in
            mmdetection.
        input_pixels: of the Edge body: the area of the network's input that the weights were trained for, px.
        input_short: of the full body: the short side of that, px.
    """

    name: str
    text: TextConfig
    body: Literal["full", "edge"] = "edge"
    backbone: str = "efficientvit_b0"
    backbone_options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    levels: tuple[int, ...] = (1, 2, 3)
    extra_levels: int = 0
    width: int = 128
    heads: int = 4
    points: int = 4
    enhancer_layers: int = 2
    decoder_layers: int = 3
    feed_forward: int = 512
    fusion_width: int = 128
    fusion_scale: float = 1.0
    queries: int = 60
    proposals: Proposals = "ranked"
    head: Literal["dot", "scaled"] = "scaled"
    share_heads: bool = False
    refine_eps: float = 1e-5
    answer_eps: float = 1e-5
    input_pixels: int = 320 * 240
    input_short: int = 800

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as a JSON file holds them."""
        return asdict(self)
