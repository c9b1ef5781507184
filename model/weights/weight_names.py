"""Weight names: every published spelling of Grounding DINO's weights, mapped to our names.

The original's files, mmdetection's, the hub's (transformers 4 names, which transformers 5 still writes) and
transformers 5's own. MM-Grounding-DINO and LLMDet have a bias for each class head.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from .mmdet_names import MMDET, MMDET_LEFTOVERS

Part = Literal["whole", "query", "key", "value", "unfolded", "one"]
Spelling = Literal["own", "original", "mmdetection", "hub"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where one of our tensors comes from.

    Args:
        names: in the file; several are concatenated (query, key, value of one projection).
        part: the third of a joint projection; 'unfolded' if four cells become one in the order of torch's Unfold;
            'one' for the single entry of a list.
    """

    names: tuple[str, ...]
    part: Part = "whole"


@dataclass(frozen=True, slots=True)
class NamePlan:
    """The mapping from a file's tensors to ours.

    Args:
        spelling: the publisher of the names.
        sources: the source of each of our tensors, by our name.
        levels: the stages of the backbone that are used, from 0; empty if the names do not show it.
        duplicates: names of tensors that the file stores twice, with the other name: both must be equal.
        ignored: known names of tensors that are not used.
        unknown: names that match no rule.
    """

    spelling: Spelling
    sources: dict[str, Source]
    levels: tuple[int, ...]
    duplicates: dict[str, str]
    ignored: tuple[str, ...]
    unknown: tuple[str, ...]


# Tensors in published files that no model needs.
_LEFTOVERS = re.compile(
    r"label_enc\.weight|.*bert\.pooler\..*|.*\.relative_position_index|.*bert\.embeddings\.position_ids"
    r"|.*text_backbone\.embeddings\.position_ids|.*text_backbone\.pooler\..*|.*\.swin\.layernorm\.(weight|bias)"
    r"|model\.decoder\.class_embed\.\d+\.bias|.*num_batches_tracked|.*language_backbone\.body\.model\.pooler\..*"
)

_BLOCK = r"backbone.body.body.layers.\1.blocks.\2."
_ENC, _DEC = r"encoder.layers.\1.", r"decoder.layers.\1."

# Original -> ours. `{x}` stands for weight or bias and is kept.
_ORIGINAL: tuple[tuple[str, str], ...] = (
    (r"backbone\.0\.patch_embed\.(proj|norm)\.", r"backbone.body.body.patch_embed.\1."),
    (r"backbone\.0\.layers\.(\d+)\.blocks\.(\d+)\.", _BLOCK),
    (r"backbone\.0\.norm(\d)\.", r"backbone.body.norms.stage\1."),
    (r"backbone\.0\.layers\.(\d+)\.downsample\.", "backbone.body.body.layers.<+1:1>.downsample."),
    (r"bert\.", "text_encoder.bert."),
    (r"feat_map\.", "text_encoder.projection."),
    (r"input_proj\.", "backbone.project."),
    (r"transformer\.level_embed", "encoder.level_embed"),
    (r"transformer\.tgt_embed\.weight", "query_content"),
    (r"transformer\.enc_output\.", "selection.output."),
    (r"transformer\.enc_output_norm\.", "selection.norm."),
    (r"transformer\.enc_out_bbox_embed\.", "selection.box."),
    (r"transformer\.encoder\.layers\.(\d+)\.self_attn\.", _ENC + "image_attention."),
    (r"transformer\.encoder\.layers\.(\d+)\.norm1\.", _ENC + "image_norm."),
    (r"transformer\.encoder\.layers\.(\d+)\.linear(\d)\.", _ENC + r"image_feed_forward.fc\2."),
    (r"transformer\.encoder\.layers\.(\d+)\.norm2\.", _ENC + "image_feed_forward.norm."),
    (r"transformer\.encoder\.text_layers\.(\d+)\.self_attn\.in_proj_", _ENC + "text_attention.<qkv>."),
    (r"transformer\.encoder\.text_layers\.(\d+)\.self_attn\.out_proj\.", _ENC + "text_attention.out."),
    (r"transformer\.encoder\.text_layers\.(\d+)\.linear(\d)\.", _ENC + r"text_feed_forward.fc\2."),
    (r"transformer\.encoder\.text_layers\.(\d+)\.norm1\.", _ENC + "text_norm."),
    (r"transformer\.encoder\.text_layers\.(\d+)\.norm2\.", _ENC + "text_feed_forward.norm."),
    (r"transformer\.encoder\.fusion_layers\.(\d+)\.gamma_v$", _ENC + "fusion.image_scale"),
    (r"transformer\.encoder\.fusion_layers\.(\d+)\.gamma_l$", _ENC + "fusion.text_scale"),
    (r"transformer\.encoder\.fusion_layers\.(\d+)\.layer_norm_v\.", _ENC + "fusion.norm_image."),
    (r"transformer\.encoder\.fusion_layers\.(\d+)\.layer_norm_l\.", _ENC + "fusion.norm_text."),
    (r"transformer\.encoder\.fusion_layers\.(\d+)\.attn\.v_proj\.", _ENC + "fusion.image_proj."),
    (r"transformer\.encoder\.fusion_layers\.(\d+)\.attn\.l_proj\.", _ENC + "fusion.text_proj."),
    (r"transformer\.encoder\.fusion_layers\.(\d+)\.attn\.values_v_proj\.", _ENC + "fusion.image_values."),
    (r"transformer\.encoder\.fusion_layers\.(\d+)\.attn\.values_l_proj\.", _ENC + "fusion.text_values."),
    (r"transformer\.encoder\.fusion_layers\.(\d+)\.attn\.out_v_proj\.", _ENC + "fusion.image_out."),
    (r"transformer\.encoder\.fusion_layers\.(\d+)\.attn\.out_l_proj\.", _ENC + "fusion.text_out."),
    (r"transformer\.decoder\.layers\.(\d+)\.self_attn\.in_proj_", _DEC + "self_attention.<qkv>."),
    (r"transformer\.decoder\.layers\.(\d+)\.self_attn\.out_proj\.", _DEC + "self_attention.out."),
    (r"transformer\.decoder\.layers\.(\d+)\.norm2\.", _DEC + "self_norm."),
    (r"transformer\.decoder\.layers\.(\d+)\.ca_text\.in_proj_", _DEC + "text_attention.<qkv>."),
    (r"transformer\.decoder\.layers\.(\d+)\.ca_text\.out_proj\.", _DEC + "text_attention.out."),
    (r"transformer\.decoder\.layers\.(\d+)\.catext_norm\.", _DEC + "text_norm."),
    (r"transformer\.decoder\.layers\.(\d+)\.cross_attn\.", _DEC + "image_attention."),
    (r"transformer\.decoder\.layers\.(\d+)\.norm1\.", _DEC + "image_norm."),
    (r"transformer\.decoder\.layers\.(\d+)\.linear(\d)\.", _DEC + r"feed_forward.fc\2."),
    (r"transformer\.decoder\.layers\.(\d+)\.norm3\.", _DEC + "feed_forward.norm."),
    (r"transformer\.decoder\.norm\.", "decoder.norm."),
    (r"transformer\.decoder\.ref_point_head\.", "decoder.reference_head."),
    (r"(?:transformer\.decoder\.)?bbox_embed\.", "decoder.box."),
)

_SWIN = r"model\.backbone\.conv_encoder\.model\.(?:swin\.)?"
_SWIN_BLOCK = _SWIN + r"encoder\.layers\.(\d+)\.blocks\.(\d+)\."
_HUB_ENC, _HUB_DEC = r"model\.encoder\.layers\.(\d+)\.", r"model\.decoder\.layers\.(\d+)\."

# The hub's and transformers 5's -> ours.
_HUB: tuple[tuple[str, str], ...] = (
    (_SWIN + r"embeddings\.patch_embeddings\.projection\.", "backbone.body.body.patch_embed.proj."),
    (_SWIN + r"embeddings\.norm\.", "backbone.body.body.patch_embed.norm."),
    (_SWIN_BLOCK + r"layernorm_before\.", _BLOCK + "norm1."),
    (_SWIN_BLOCK + r"layernorm_after\.", _BLOCK + "norm2."),
    (
        _SWIN
        + r"encoder\.layers\.(\d+)\.blocks\.(\d+)\.attention\.(?:self\.)?(query|key|value|q_proj|k_proj|v_proj)\.",
        _BLOCK + r"attn.<\3>.",
    ),
    (
        _SWIN_BLOCK + r"attention\.(?:self|relative_position_bias)\."
        r"(?=relative_position_bias_table)",
        _BLOCK + "attn.",
    ),
    (_SWIN_BLOCK + r"attention\.(?:output\.dense|o_proj)\.", _BLOCK + "attn.proj."),
    (_SWIN_BLOCK + r"(?:intermediate\.dense|mlp\.fc1)\.", _BLOCK + "mlp.fc1."),
    (_SWIN_BLOCK + r"(?:output\.dense|mlp\.fc2)\.", _BLOCK + "mlp.fc2."),
    (_SWIN + r"encoder\.layers\.(\d+)\.downsample\.", "backbone.body.body.layers.<+1:1>.downsample."),
    (r"model\.backbone\.conv_encoder\.model\.hidden_states_norms\.stage(\d)\.", "backbone.body.norms.stage<-1:1>."),
    (r"model\.text_backbone\.", "text_encoder.bert."),
    (r"model\.text_projection\.", "text_encoder.projection."),
    (r"model\.input_proj_vision\.", "backbone.project."),
    (r"model\.level_embed", "encoder.level_embed"),
    (r"model\.query_position_embeddings\.weight", "query_content"),
    (r"model\.enc_output\.", "selection.output."),
    (r"model\.enc_output_norm\.", "selection.norm."),
    (r"model\.encoder_output_bbox_embed\.", "selection.box."),
    (r"model\.encoder_output_class_embed\.", "selection.classify."),
    (_HUB_ENC + r"deformable_layer\.self_attn\.", _ENC + "image_attention."),
    (_HUB_ENC + r"deformable_layer\.self_attn_layer_norm\.", _ENC + "image_norm."),
    (_HUB_ENC + r"deformable_layer\.fc(\d)\.", _ENC + r"image_feed_forward.fc\2."),
    (_HUB_ENC + r"deformable_layer\.final_layer_norm\.", _ENC + "image_feed_forward.norm."),
    (_HUB_ENC + r"text_enhancer_layer\.self_attn\.out_proj\.", _ENC + "text_attention.out."),
    (_HUB_ENC + r"text_enhancer_layer\.self_attn\.", _ENC + "text_attention."),
    (_HUB_ENC + r"text_enhancer_layer\.fc(\d)\.", _ENC + r"text_feed_forward.fc\2."),
    (_HUB_ENC + r"text_enhancer_layer\.layer_norm_before\.", _ENC + "text_norm."),
    (_HUB_ENC + r"text_enhancer_layer\.layer_norm_after\.", _ENC + "text_feed_forward.norm."),
    (_HUB_ENC + r"fusion_layer\.vision_param$", _ENC + "fusion.image_scale"),
    (_HUB_ENC + r"fusion_layer\.text_param$", _ENC + "fusion.text_scale"),
    (_HUB_ENC + r"fusion_layer\.layer_norm_vision\.", _ENC + "fusion.norm_image."),
    (_HUB_ENC + r"fusion_layer\.layer_norm_text\.", _ENC + "fusion.norm_text."),
    (_HUB_ENC + r"fusion_layer\.attn\.vision_proj\.", _ENC + "fusion.image_proj."),
    (_HUB_ENC + r"fusion_layer\.attn\.text_proj\.", _ENC + "fusion.text_proj."),
    (_HUB_ENC + r"fusion_layer\.attn\.values_vision_proj\.", _ENC + "fusion.image_values."),
    (_HUB_ENC + r"fusion_layer\.attn\.values_text_proj\.", _ENC + "fusion.text_values."),
    (_HUB_ENC + r"fusion_layer\.attn\.out_vision_proj\.", _ENC + "fusion.image_out."),
    (_HUB_ENC + r"fusion_layer\.attn\.out_text_proj\.", _ENC + "fusion.text_out."),
    (_HUB_DEC + r"self_attn\.out_proj\.", _DEC + "self_attention.out."),
    (_HUB_DEC + r"self_attn\.", _DEC + "self_attention."),
    (_HUB_DEC + r"self_attn_layer_norm\.", _DEC + "self_norm."),
    (_HUB_DEC + r"encoder_attn_text\.out_proj\.", _DEC + "text_attention.out."),
    (_HUB_DEC + r"encoder_attn_text\.", _DEC + "text_attention."),
    (_HUB_DEC + r"encoder_attn_text_layer_norm\.", _DEC + "text_norm."),
    (_HUB_DEC + r"encoder_attn\.", _DEC + "image_attention."),
    (_HUB_DEC + r"encoder_attn_layer_norm\.", _DEC + "image_norm."),
    (_HUB_DEC + r"fc(\d)\.", _DEC + r"feed_forward.fc\2."),
    (_HUB_DEC + r"final_layer_norm\.", _DEC + "feed_forward.norm."),
    (r"model\.decoder\.layer_norm\.", "decoder.norm."),
    (r"model\.decoder\.reference_points_head\.", "decoder.reference_head."),
    (r"(?:model\.decoder\.)?bbox_embed\.", "decoder.box."),
    (r"class_embed\.(\d+)\.", r"classify.\1."),
)

_NORM = re.compile(r"backbone\.body\.norms\.stage(\d+)\.")
_ORDER = {"query": 0, "key": 1, "value": 2, "q_proj": 0, "k_proj": 1, "v_proj": 2}
_THIRDS: tuple[Part, ...] = ("query", "key", "value")


def plan_names(names: Collection[str]) -> NamePlan:
    """Map each name of a published file to ours. Names of our own files are unchanged."""
    unprefixed = {name.removeprefix("module."): name for name in names}
    spelling = _spelling(unprefixed)
    rules = {"own": (), "original": _ORIGINAL, "mmdetection": MMDET, "hub": _HUB}[spelling]
    sources: dict[str, Source] = {}
    stacks: dict[str, dict[int, str]] = {}
    duplicates: dict[str, str] = {}
    ignored: list[str] = []
    unknown: list[str] = []
    for name in sorted(unprefixed):
        ours = name if spelling == "own" else _rename(name, rules)
        if _LEFTOVERS.fullmatch(name) or (spelling == "mmdetection" and MMDET_LEFTOVERS.fullmatch(name)):
            ignored.append(unprefixed[name])
        elif ours is None:
            unknown.append(unprefixed[name])
        elif "<qkv>" in ours:
            for part in _THIRDS:
                sources[ours.replace("<qkv>", part)] = Source((unprefixed[name],), part)
        elif stacked := re.search(f"<({'|'.join(_ORDER)})>", ours):
            stacks.setdefault(ours.replace(stacked[0], "qkv"), {})[_ORDER[stacked[1]]] = unprefixed[name]
        elif (place := _unmarked(ours)) not in sources:
            sources[place] = Source((unprefixed[name],), _marked_part(ours))
        else:
            duplicates[unprefixed[name]] = sources[place].names[0]  # the same head under its second name
    for ours, parts in stacks.items():
        if len(parts) == len(_THIRDS):
            sources[ours] = Source(tuple(parts[row] for row in sorted(parts)))
        else:
            unknown += parts.values()
    levels = tuple(sorted({int(match[1]) for ours in sources if (match := _NORM.match(ours))}))
    layers = {match[1] for ours in sources if (match := re.match(r"decoder\.layers\.(\d+)\.", ours))}
    counted = {_numbered(ours, levels, len(layers)): source for ours, source in sources.items()}
    return NamePlan(spelling, counted, levels, duplicates, tuple(ignored), tuple(unknown))


def _unmarked(ours: str) -> str:
    return ours.replace("<unfolded>", "").replace("<one>", "")


def _marked_part(ours: str) -> Part:
    return "unfolded" if "<unfolded>" in ours else "one" if "<one>" in ours else "whole"


def _spelling(unprefixed: Collection[str]) -> Spelling:
    if "query_content" in unprefixed:
        return "own"
    if any(name.startswith("transformer.") for name in unprefixed):
        return "original"
    return "mmdetection" if any(name.startswith("bbox_head.") for name in unprefixed) else "hub"


def _numbered(ours: str, levels: tuple[int, ...], layers: int) -> str:
    """Our name with numbers that depend on the model: norms counted from the lowest used stage, extra maps, heads."""
    if match := _NORM.match(ours):
        return f"backbone.body.norms.{levels.index(int(match[1]))}.{ours[match.end() :]}"
    if match := re.match(r"backbone\.project\.extra(\d+)\.", ours):
        return f"backbone.project.{len(levels) + int(match[1])}.{ours[match.end() :]}"
    if match := re.match(r"head\.(box|classify)\.(\d+)\.", ours):
        is_last = int(match[2]) == layers  # mmdetection stores the proposals' head after those of the decoder
        parts = {"box": "decoder.box", "classify": "classify"}
        place = f"selection.{match[1]}" if is_last else f"{parts[match[1]]}.{match[2]}"
        return f"{place}.{ours[match.end() :]}"
    return ours


def _rename(name: str, rules: Iterable[tuple[str, str]]) -> str | None:
    for pattern, replacement in rules:
        match = re.match(pattern, name)
        if match is not None:
            ours = match.expand(replacement) + name[match.end() :]
            shift = re.search(r"<([+-]\d):1>", ours)  # a number with another origin
            return ours if shift is None else ours.replace(shift[0], str(int(match[1]) + int(shift[1])))
    return None
