"""Model configuration: the sizes and choices that define a network, without its weights."""

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
    """The sizes of the BERT text encoder."""

    vocabulary: int
    width: int = 768
    layers: int = 12
    heads: int = 12
    feed_forward: int = 3072


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The sizes and choices of one Grounding DINO.

    Args:
        name: the model's name in messages.
        body: 'full' is the original's; 'edge' fuses text into the stride-32 map alone (Grounding DINO 1.5 Edge,
            https://arxiv.org/abs/2405.10300).
        backbone: a timm name; backbone_options: timm's further arguments. `config_file.py` lists the allowed ones.
        levels: the backbone's maps that are used, the finest first.
        extra_levels: further maps, each at half the resolution of the previous one.
        width: channels of every map, query and text feature.
        heads, points: of deformable attention; ordinary attention has as many heads. The full body's fusion and text
            attention have half of them, and its text layers half of `feed_forward`.
        layers: of the feature enhancer, and of the decoder.
        fusion_width: channels inside image-text fusion.
        fusion_scale: the initial value of the fusion's gammas.
        queries: number of proposals for the decoder.
        proposals: 'ranked' is the original's: the best places of all, each query with a learnt content for its rank.
            'peaks' are places that no neighbour on their map suppresses, each with the blended box of itself and its
            neighbours, and one learnt content for all queries: adjacent places of equal score no longer compete for
            one object, and rounding does not decide a query's content.
        head: 'dot' is the original's dot product; 'scaled' divides by sqrt(width) and adds a learnt bias.
        share_heads: one box and one class head for all decoder layers, as in the original.
        refine_eps, answer_eps: the minimum distance of a box from 0 and 1 when its logit is taken, for the next decoder
            layer's reference and for a layer's output. 1e-5 each in transformers, 1e-3 each in the original; 1e-3 and
            1e-5 in mmdetection.
        input_pixels: for the Edge body: the area of the network's input in training, px.
        input_short: for the full body: the short side of the network's input in training, px.
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
        """Plain values for a JSON file."""
        return asdict(self)
