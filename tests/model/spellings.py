"""The hub's weights under the original's and mmdetection's names, independent of the tested tables."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false

from __future__ import annotations

import re

import torch
import torch.nn.functional as F
from torch import Tensor

_SWIN = r"model\.backbone\.conv_encoder\.model\."
_RENAMES = (
    (_SWIN + r"embeddings\.patch_embeddings\.projection", "backbone.0.patch_embed.proj"),
    (_SWIN + r"embeddings\.norm", "backbone.0.patch_embed.norm"),
    (_SWIN + r"hidden_states_norms\.stage(\d)", lambda m: f"backbone.0.norm{int(m[1]) - 1}"),
    (_SWIN + "encoder", "backbone.0"),
    (r"attention\.self\.(relative_position_bias_table)", r"attn.\1"),
    (r"^(backbone.*)attention\.self\.", r"\1attn.self."),
    (r"^(backbone.*)attention\.output\.dense", r"\1attn.proj"),
    (r"^(backbone.*)intermediate\.dense", r"\1mlp.fc1"),
    (r"^(backbone.*)output\.dense", r"\1mlp.fc2"),
    (r"layernorm_before", "norm1"),
    (r"layernorm_after", "norm2"),
    (r"model\.text_backbone", "bert"),
    (r"model\.text_projection", "feat_map"),
    (r"model\.input_proj_vision", "input_proj"),
    (r"model\.level_embed", "transformer.level_embed"),
    (r"model\.query_position_embeddings", "transformer.tgt_embed"),
    (r"model\.enc_output", "transformer.enc_output"),
    (r"model\.encoder_output_bbox_embed", "transformer.enc_out_bbox_embed"),
    (r"model\.encoder\.layers\.(\d+)\.deformable_layer\.self_attn_layer_norm", r"transformer.encoder.layers.\1.norm1"),
    (r"model\.encoder\.layers\.(\d+)\.deformable_layer\.final_layer_norm", r"transformer.encoder.layers.\1.norm2"),
    (r"model\.encoder\.layers\.(\d+)\.deformable_layer\.fc", r"transformer.encoder.layers.\1.linear"),
    (r"model\.encoder\.layers\.(\d+)\.deformable_layer", r"transformer.encoder.layers.\1"),
    (r"model\.encoder\.layers\.(\d+)\.text_enhancer_layer\.fc", r"transformer.encoder.text_layers.\1.linear"),
    (
        r"model\.encoder\.layers\.(\d+)\.text_enhancer_layer\.layer_norm_before",
        r"transformer.encoder.text_layers.\1.norm1",
    ),
    (
        r"model\.encoder\.layers\.(\d+)\.text_enhancer_layer\.layer_norm_after",
        r"transformer.encoder.text_layers.\1.norm2",
    ),
    (r"model\.encoder\.layers\.(\d+)\.text_enhancer_layer", r"transformer.encoder.text_layers.\1"),
    (r"model\.encoder\.layers\.(\d+)\.fusion_layer", r"transformer.encoder.fusion_layers.\1"),
    (r"vision_param", "gamma_v"),
    (r"text_param", "gamma_l"),
    (r"layer_norm_vision", "layer_norm_v"),
    (r"layer_norm_text", "layer_norm_l"),
    (r"(out_|values_|\.)vision_proj", r"\1v_proj"),
    (r"(out_|values_|\.)text_proj\.", r"\1l_proj."),
    (r"model\.decoder\.layers", "transformer.decoder.layers"),
    (r"self_attn_layer_norm", "norm2"),
    (r"encoder_attn_text_layer_norm", "catext_norm"),
    (r"encoder_attn_layer_norm", "norm1"),
    (r"final_layer_norm", "norm3"),
    (r"encoder_attn_text", "ca_text"),
    (r"encoder_attn", "cross_attn"),
    (r"(decoder\.layers\.\d+\.)fc", r"\1linear"),
    (r"model\.decoder\.layer_norm", "transformer.decoder.norm"),
    (r"model\.decoder\.reference_points_head", "transformer.decoder.ref_point_head"),
)


def in_the_originals_words(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Independent of the tables that are tested: substring by substring, projections stacked at the end."""
    renamed: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        for pattern, replacement in _RENAMES:
            name = re.sub(pattern, replacement, name)  # noqa: PLW2901
        renamed[name] = tensor
    stacked: dict[str, Tensor] = {}
    for name, tensor in renamed.items():
        match = re.match(r"(transformer\..*(?:self_attn|ca_text))\.query\.(weight|bias)$", name)
        swin = re.match(r"(backbone.*attn)\.self\.query\.(weight|bias)$", name)
        if match or swin:
            parts = torch.cat([renamed[name.replace(".query.", f".{part}.")] for part in ("query", "key", "value")])
            stacked[f"{match[1]}.in_proj_{match[2]}" if match else f"{swin[1]}.qkv.{swin[2]}"] = parts  # type: ignore[index]
        elif not re.search(r"\.(key|value)\.(weight|bias)$", name) or name.startswith("bert"):
            stacked[name] = tensor
    layers = len({name.split(".")[3] for name in stacked if name.startswith("transformer.decoder.layers.")})
    first = {name: tensor for name, tensor in stacked.items() if name.startswith("bbox_embed.0.")}
    for layer in range(layers):  # every layer has its own, or the first one again
        for name, tensor in first.items():
            own = stacked.setdefault(name.replace("embed.0.", f"embed.{layer}."), tensor)
            stacked[f"transformer.decoder.{name.replace('embed.0.', f'embed.{layer}.')}"] = own
    return stacked


_MM_ENC, _MM_DEC = r"model\.encoder\.layers\.(\d+)\.", r"model\.decoder\.layers\.(\d+)\."
_MM_RENAMES = (
    (_SWIN + r"embeddings\.patch_embeddings\.", "backbone.patch_embed."),
    (_SWIN + r"embeddings\.norm", "backbone.patch_embed.norm"),
    (_SWIN + r"hidden_states_norms\.stage(\d)", lambda m: f"backbone.norm{int(m[1]) - 1}"),
    (_SWIN + r"encoder\.layers", "backbone.stages"),
    (r"attention\.self\.(relative_position_bias_table)", r"attn.w_msa.\1"),
    (r"^(backbone.*)attention\.self\.", r"\1attn.w_msa."),
    (r"^(backbone.*)attention\.output\.dense", r"\1attn.w_msa.proj"),
    (r"^(backbone.*)intermediate\.dense", r"\1ffn.layers.0.0"),
    (r"^(backbone.*)output\.dense", r"\1ffn.layers.1"),
    (r"layernorm_before", "norm1"),
    (r"layernorm_after", "norm2"),
    (r"model\.text_backbone", "language_model.language_backbone.body.model"),
    (r"model\.text_projection", "text_feat_map"),
    (r"model\.level_embed", "level_embed"),
    (r"model\.query_position_embeddings", "query_embedding"),
    (r"model\.enc_output_norm", "memory_trans_norm"),
    (r"model\.enc_output\.", "memory_trans_fc."),
    (_MM_ENC + r"deformable_layer\.self_attn_layer_norm", r"encoder.layers.\1.norms.0"),
    (_MM_ENC + r"deformable_layer\.final_layer_norm", r"encoder.layers.\1.norms.1"),
    (_MM_ENC + r"deformable_layer\.fc1", r"encoder.layers.\1.ffn.layers.0.0"),
    (_MM_ENC + r"deformable_layer\.fc2", r"encoder.layers.\1.ffn.layers.1"),
    (_MM_ENC + r"deformable_layer", r"encoder.layers.\1"),
    (_MM_ENC + r"text_enhancer_layer\.fc1", r"encoder.text_layers.\1.ffn.layers.0.0"),
    (_MM_ENC + r"text_enhancer_layer\.fc2", r"encoder.text_layers.\1.ffn.layers.1"),
    (_MM_ENC + r"text_enhancer_layer\.layer_norm_before", r"encoder.text_layers.\1.norms.0"),
    (_MM_ENC + r"text_enhancer_layer\.layer_norm_after", r"encoder.text_layers.\1.norms.1"),
    (_MM_ENC + r"text_enhancer_layer\.self_attn", r"encoder.text_layers.\1.self_attn.attn"),
    (_MM_ENC + r"fusion_layer", r"encoder.fusion_layers.\1"),
    (r"vision_param", "gamma_v"),
    (r"text_param", "gamma_l"),
    (r"layer_norm_vision", "layer_norm_v"),
    (r"layer_norm_text", "layer_norm_l"),
    (r"(out_|values_|\.)vision_proj", r"\1v_proj"),
    (r"(out_|values_|\.)text_proj\.", r"\1l_proj."),
    (_MM_DEC + r"self_attn_layer_norm", r"decoder.layers.\1.norms.0"),
    (_MM_DEC + r"encoder_attn_text_layer_norm", r"decoder.layers.\1.norms.1"),
    (_MM_DEC + r"encoder_attn_layer_norm", r"decoder.layers.\1.norms.2"),
    (_MM_DEC + r"final_layer_norm", r"decoder.layers.\1.norms.3"),
    (_MM_DEC + r"fc1", r"decoder.layers.\1.ffn.layers.0.0"),
    (_MM_DEC + r"fc2", r"decoder.layers.\1.ffn.layers.1"),
    (_MM_DEC + r"self_attn", r"decoder.layers.\1.self_attn.attn"),
    (_MM_DEC + r"encoder_attn_text", r"decoder.layers.\1.cross_attn_text.attn"),
    (_MM_DEC + r"encoder_attn", r"decoder.layers.\1.cross_attn"),
    (r"model\.decoder\.layer_norm", "decoder.norm"),
    (r"model\.decoder\.reference_points_head", "decoder.ref_point_head"),
)


def in_mmdetections_words(weights: dict[str, Tensor], stages: int) -> dict[str, Tensor]:
    """MM's weights from the hub; so many stages of the backbone are used."""
    layers = len({name.split(".")[3] for name in weights if name.startswith("model.decoder.layers.")})
    heads: dict[str, Tensor] = {}
    renamed: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        if "bbox_embed" in name or "class_embed" in name:
            heads[name] = tensor
            continue
        for pattern, replacement in _MM_RENAMES:
            name = re.sub(pattern, replacement, name)  # noqa: PLW2901
        if match := re.match(r"model\.input_proj_vision\.(\d+)\.(\d)\.(.*)", name):
            kind = "convs" if int(match[1]) < stages else "extra_convs"
            row = int(match[1]) - (stages if kind == "extra_convs" else 0)
            name = f"neck.{kind}.{row}.{('conv', 'gn')[int(match[2])]}.{match[3]}"  # noqa: PLW2901
        renamed[name] = _unfolded(tensor) if "downsample" in name else tensor
    stacked = _stacked(renamed)
    for layer in range(layers):
        stacked |= _mm_head(heads, "bbox_embed.{}.", "class_embed.{}.", layer, layer)
    stacked |= _mm_head(heads, "model.encoder_output_bbox_embed.", "model.encoder_output_class_embed.", 0, layers)
    left = {"dn_query_generator.label_embedding.weight": torch.zeros(5, 2), "lmm.layers.0.weight": torch.zeros(1)}
    return stacked | left


def _mm_head(heads: dict[str, Tensor], box: str, classify: str, layer: int, place: int) -> dict[str, Tensor]:
    """One layer's heads; the first one's where it has none of its own, as it is stored where all share one."""
    found: dict[str, Tensor] = {}
    for row in range(3):
        for kind in ("weight", "bias"):
            own = f"{box.format(layer)}layers.{row}.{kind}"
            tensor = heads[own if own in heads else f"{box.format(0)}layers.{row}.{kind}"]
            found[f"bbox_head.reg_branches.{place}.{2 * row}.{kind}"] = tensor
    own = f"{classify.format(layer)}bias"
    found[f"bbox_head.cls_branches.{place}.bias"] = heads[own if own in heads else f"{classify.format(0)}bias"].view(1)
    return found


def _stacked(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    stacked: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        match = re.match(r"((?:encoder|decoder)\..*\.attn|backbone.*w_msa)\.query\.(weight|bias)$", name)
        if match:
            parts = torch.cat([weights[name.replace(".query.", f".{part}.")] for part in ("query", "key", "value")])
            stacked[f"{match[1]}.qkv.{match[2]}" if "w_msa" in name else f"{match[1]}.in_proj_{match[2]}"] = parts
        elif not re.search(r"\.(key|value)\.(weight|bias)$", name) or name.startswith("language_model"):
            stacked[name] = tensor
    return stacked


def _unfolded(merged: Tensor) -> Tensor:
    """The last dimension in the order in which torch's Unfold makes four cells one."""
    cells = torch.arange(float(merged.shape[-1])).view(1, -1, 2, 2)
    slices = cells[:, :, 0::2, 0::2], cells[:, :, 1::2, 0::2], cells[:, :, 0::2, 1::2], cells[:, :, 1::2, 1::2]
    from_slices = torch.cat(slices, 1).flatten().long()
    from_unfold = F.unfold(cells, 2, stride=2).flatten().long()
    at = torch.empty_like(from_slices)
    at[from_slices] = torch.arange(len(at))
    return merged[..., at[from_unfold]]
