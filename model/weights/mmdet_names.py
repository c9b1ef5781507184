"""mmdetection's weight names of MM-Grounding-DINO and LLMDet, mapped to ours.

Source: mmdetection's `grounding_dino.py` and the converter to the hub's names in transformers.
"""

from __future__ import annotations

import re

# Tensors of training and of LLMDet's language model, which detection does not need.
MMDET_LEFTOVERS = re.compile(
    r"dn_query_generator\..*|image_seperate\..*|(?:lmm|connector|region_connector|ref_point_head)\..*"
)

_BLOCK = r"backbone.body.body.layers.\1.blocks.\2."
_STAGE_BLOCK = r"backbone\.stages\.(\d+)\.blocks\.(\d+)\."
_ENC, _DEC = r"encoder.layers.\1.", r"decoder.layers.\1."
_LAYER, _TEXT, _FUSION = (
    r"encoder\.layers\.(\d+)\.",
    r"encoder\.text_layers\.(\d+)\.",
    r"encoder\.fusion_layers\.(\d+)\.",
)
_DECODER = r"decoder\.layers\.(\d+)\."

# mmdetection -> ours. `<unfolded>` marks tensors in the order of torch's Unfold.
MMDET: tuple[tuple[str, str], ...] = (
    (r"backbone\.patch_embed\.projection\.", "backbone.body.body.patch_embed.proj."),
    (r"backbone\.patch_embed\.norm\.", "backbone.body.body.patch_embed.norm."),
    (_STAGE_BLOCK + r"attn\.w_msa\.", _BLOCK + "attn."),
    (_STAGE_BLOCK + r"(norm\d)\.", _BLOCK + r"\3."),
    (_STAGE_BLOCK + r"ffn\.layers\.0\.0\.", _BLOCK + "mlp.fc1."),
    (_STAGE_BLOCK + r"ffn\.layers\.1\.", _BLOCK + "mlp.fc2."),
    (r"backbone\.stages\.(\d+)\.downsample\.", "backbone.body.body.layers.<+1:1>.downsample.<unfolded>"),
    (r"backbone\.norm(\d)\.", r"backbone.body.norms.stage\1."),
    (r"neck\.convs\.(\d+)\.conv\.", r"backbone.project.\1.0."),
    (r"neck\.convs\.(\d+)\.gn\.", r"backbone.project.\1.1."),
    (r"neck\.extra_convs\.(\d+)\.conv\.", r"backbone.project.extra\1.0."),
    (r"neck\.extra_convs\.(\d+)\.gn\.", r"backbone.project.extra\1.1."),
    (r"language_model\.language_backbone\.body\.model\.", "text_encoder.bert."),
    (r"text_feat_map\.", "text_encoder.projection."),
    (r"level_embed$", "encoder.level_embed"),
    (r"query_embedding\.weight$", "query_content"),
    (r"memory_trans_fc\.", "selection.output."),
    (r"memory_trans_norm\.", "selection.norm."),
    (_FUSION + r"gamma_v$", _ENC + "fusion.image_scale"),
    (_FUSION + r"gamma_l$", _ENC + "fusion.text_scale"),
    (_FUSION + r"layer_norm_v\.", _ENC + "fusion.norm_image."),
    (_FUSION + r"layer_norm_l\.", _ENC + "fusion.norm_text."),
    (_FUSION + r"attn\.v_proj\.", _ENC + "fusion.image_proj."),
    (_FUSION + r"attn\.l_proj\.", _ENC + "fusion.text_proj."),
    (_FUSION + r"attn\.values_v_proj\.", _ENC + "fusion.image_values."),
    (_FUSION + r"attn\.values_l_proj\.", _ENC + "fusion.text_values."),
    (_FUSION + r"attn\.out_v_proj\.", _ENC + "fusion.image_out."),
    (_FUSION + r"attn\.out_l_proj\.", _ENC + "fusion.text_out."),
    (_TEXT + r"self_attn\.attn\.in_proj_", _ENC + "text_attention.<qkv>."),
    (_TEXT + r"self_attn\.attn\.out_proj\.", _ENC + "text_attention.out."),
    (_TEXT + r"ffn\.layers\.0\.0\.", _ENC + "text_feed_forward.fc1."),
    (_TEXT + r"ffn\.layers\.1\.", _ENC + "text_feed_forward.fc2."),
    (_TEXT + r"norms\.0\.", _ENC + "text_norm."),
    (_TEXT + r"norms\.1\.", _ENC + "text_feed_forward.norm."),
    (_LAYER + r"self_attn\.", _ENC + "image_attention."),
    (_LAYER + r"norms\.0\.", _ENC + "image_norm."),
    (_LAYER + r"ffn\.layers\.0\.0\.", _ENC + "image_feed_forward.fc1."),
    (_LAYER + r"ffn\.layers\.1\.", _ENC + "image_feed_forward.fc2."),
    (_LAYER + r"norms\.1\.", _ENC + "image_feed_forward.norm."),
    (_DECODER + r"self_attn\.attn\.in_proj_", _DEC + "self_attention.<qkv>."),
    (_DECODER + r"self_attn\.attn\.out_proj\.", _DEC + "self_attention.out."),
    (_DECODER + r"norms\.0\.", _DEC + "self_norm."),
    (_DECODER + r"cross_attn_text\.attn\.in_proj_", _DEC + "text_attention.<qkv>."),
    (_DECODER + r"cross_attn_text\.attn\.out_proj\.", _DEC + "text_attention.out."),
    (_DECODER + r"norms\.1\.", _DEC + "text_norm."),
    (_DECODER + r"cross_attn\.", _DEC + "image_attention."),
    (_DECODER + r"norms\.2\.", _DEC + "image_norm."),
    (_DECODER + r"ffn\.layers\.0\.0\.", _DEC + "feed_forward.fc1."),
    (_DECODER + r"ffn\.layers\.1\.", _DEC + "feed_forward.fc2."),
    (_DECODER + r"norms\.3\.", _DEC + "feed_forward.norm."),
    (r"decoder\.norm\.", "decoder.norm."),
    (r"decoder\.ref_point_head\.", "decoder.reference_head."),
    (r"bbox_head\.cls_branches\.(\d+)\.bias$", r"head.classify.\1.bias<one>"),
    (r"bbox_head\.reg_branches\.(\d+)\.0\.", r"head.box.\1.layers.0."),
    (r"bbox_head\.reg_branches\.(\d+)\.2\.", r"head.box.\1.layers.1."),
    (r"bbox_head\.reg_branches\.(\d+)\.4\.", r"head.box.\1.layers.2."),
)
