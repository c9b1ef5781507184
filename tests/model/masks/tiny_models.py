"""Small SAMs with random weights, one of each family, as transformers builds them."""

# transformers leaves most types open.
# pyright: reportArgumentType=false, reportCallIssue=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportPrivateImportUsage=false

from __future__ import annotations

from typing import Any

import torch

SIDE_PX = 128
FAMILIES = ("sam", "sam_hq", "sam2", "edgetam", "sam3_tracker")


def tiny_model(family: str, seed: int = 0) -> tuple[Any, Any]:
    """A model and its processor. Weights that start at zero or one are drawn anew, so that each block counts."""
    torch.manual_seed(seed)
    model, processor = _BUILDERS[family]()
    model.eval()
    redraw(model, seed)
    return model, processor


def redraw(model: torch.nn.Module, seed: int) -> None:
    """Draw every weight anew, so that each block counts, those included that begin at zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=generator)
            if weight.ndim > 1:  # large enough that masks of different boxes differ
                weight.copy_(noise * 1.5 / weight[0].numel() ** 0.5)
            elif "norm" in name and name.endswith("weight"):
                weight.copy_(1 + 0.3 * noise)
            else:
                weight.copy_(0.3 * noise)


def _sam() -> tuple[Any, Any]:
    from transformers import SamConfig, SamImageProcessor, SamModel, SamProcessor

    config = SamConfig(
        vision_config={
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": SIDE_PX,
            "output_channels": 32,
            "window_size": 4,
            "global_attn_indexes": [1],
            "mlp_dim": 64,
            "num_pos_feats": 16,
        },
        prompt_encoder_config=_PROMPTS,
        mask_decoder_config=_DECODER,
    )
    image_processor = SamImageProcessor(size={"longest_edge": SIDE_PX}, pad_size={"height": SIDE_PX, "width": SIDE_PX})
    return SamModel(config), SamProcessor(image_processor)


def _sam_hq() -> tuple[Any, Any]:
    from transformers import SamHQConfig, SamHQModel, SamHQProcessor, SamImageProcessor

    config = SamHQConfig(
        vision_config={
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": SIDE_PX,
            "output_channels": 32,
            "window_size": 4,
            "global_attn_indexes": [1],
            "mlp_dim": 64,
            "num_pos_feats": 16,
        },
        prompt_encoder_config=_PROMPTS,
        mask_decoder_config={**_DECODER, "vit_dim": 32},
    )
    image_processor = SamImageProcessor(size={"longest_edge": SIDE_PX}, pad_size={"height": SIDE_PX, "width": SIDE_PX})
    return SamHQModel(config), SamHQProcessor(image_processor)


_PROMPTS: dict[str, Any] = {"hidden_size": 32, "image_size": SIDE_PX, "patch_size": 16, "mask_input_channels": 8}
_DECODER: dict[str, Any] = {
    "hidden_size": 32,
    "mlp_dim": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "iou_head_hidden_dim": 32,
}
_HIERA: dict[str, Any] = {
    "model_type": "sam2_hiera_det_model",
    "hidden_size": 16,
    "image_size": [SIDE_PX, SIDE_PX],
    "blocks_per_stage": [1, 1, 2, 1],
    "embed_dim_per_stage": [16, 32, 64, 128],
    "num_attention_heads_per_stage": [1, 1, 2, 2],
    "window_size_per_stage": [4, 4, 4, 4],
    "global_attention_blocks": [3],
    "window_positional_embedding_background_size": [4, 4],
}


def sam2_vision() -> dict[str, Any]:
    """The image encoder of a small SAM 2."""
    side = SIDE_PX // 4
    return {
        "backbone_config": _HIERA,
        "backbone_channel_list": [128, 64, 32, 16],
        "backbone_feature_sizes": [[side, side], [side // 2, side // 2], [side // 4, side // 4]],
        "fpn_hidden_size": 32,
    }


def _sam2() -> tuple[Any, Any]:
    from transformers import Sam2Config, Sam2ImageProcessor, Sam2Model, Sam2Processor

    config = Sam2Config(vision_config=sam2_vision(), prompt_encoder_config=_PROMPTS, mask_decoder_config=_DECODER)
    return Sam2Model(config), Sam2Processor(Sam2ImageProcessor(size={"height": SIDE_PX, "width": SIDE_PX}))


def edgetam_vision() -> dict[str, Any]:
    """The image encoder of a small EdgeTAM."""
    side = SIDE_PX // 4
    return {
        "backbone_config": {
            "model_type": "timm_wrapper",
            "architecture": "repvit_m0_9.dist_300e_in1k",
            "num_classes": 2,
            "model_args": {"in_chans": 3, "features_only": True, "out_indices": [0, 1, 2, 3]},
        },
        "backbone_channel_list": [384, 192, 96, 48],
        "backbone_feature_sizes": [[side, side], [side // 2, side // 2], [side // 4, side // 4]],
        "fpn_hidden_size": 32,
    }


def _edgetam() -> tuple[Any, Any]:
    from transformers import EdgeTamConfig, EdgeTamModel, Sam2ImageProcessor, Sam2Processor

    config = EdgeTamConfig(vision_config=edgetam_vision(), prompt_encoder_config=_PROMPTS, mask_decoder_config=_DECODER)
    return EdgeTamModel(config), Sam2Processor(Sam2ImageProcessor(size={"height": SIDE_PX, "width": SIDE_PX}))


def _sam3() -> tuple[Any, Any]:
    from transformers import Sam3ImageProcessor, Sam3TrackerConfig, Sam3TrackerModel, Sam3TrackerProcessor

    grid = SIDE_PX // 16
    config = Sam3TrackerConfig(
        vision_config={
            "model_type": "sam3_vision_model",
            "backbone_config": {
                "model_type": "sam3_vit_model",
                "hidden_size": 32,
                "intermediate_size": 64,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "image_size": SIDE_PX,
                "patch_size": 16,
                "window_size": 4,
                "global_attn_indexes": [1],
                "pretrain_image_size": 64,
            },
            "fpn_hidden_size": 32,
            "backbone_feature_sizes": [[4 * grid, 4 * grid], [2 * grid, 2 * grid], [grid, grid]],
            "scale_factors": [4.0, 2.0, 1.0, 0.5],
        },
        prompt_encoder_config=_PROMPTS,
        mask_decoder_config=_DECODER,
    )
    image_processor = Sam3ImageProcessor(size={"height": SIDE_PX, "width": SIDE_PX})
    return Sam3TrackerModel(config), Sam3TrackerProcessor(image_processor, target_size=SIDE_PX)


_BUILDERS = {"sam": _sam, "sam_hq": _sam_hq, "sam2": _sam2, "edgetam": _edgetam, "sam3_tracker": _sam3}


def tiny_video_model(family: str, seed: int = 0) -> tuple[Any, Any]:
    """A video model, SAM 2's or EdgeTAM's, and its processor; weights are drawn as in `tiny_model`."""
    import transformers

    torch.manual_seed(seed)
    grid = SIDE_PX // 16
    sizes: dict[str, Any] = {
        "image_size": SIDE_PX,
        "memory_attention_hidden_size": 128,
        "memory_attention_num_layers": 2,
        "memory_attention_feed_forward_hidden_size": 64,
        "memory_attention_rope_feat_sizes": [grid, grid],
        "memory_encoder_hidden_size": 128,
        "memory_encoder_output_channels": 64,
        "mask_downsampler_embed_dim": 128,
        "memory_fuser_embed_dim": 128,
        "memory_fuser_intermediate_dim": 64,
    }
    wide = {"hidden_size": 128}  # memory tokens have 64 channels whatever the config says
    parts: dict[str, Any] = {
        "prompt_encoder_config": {**_PROMPTS, **wide},
        "mask_decoder_config": {**_DECODER, **wide},
    }
    if family == "sam2":
        config: Any = transformers.Sam2VideoConfig(
            vision_config={**sam2_vision(), "fpn_hidden_size": 128}, **parts, **sizes
        )
        model: Any = transformers.Sam2VideoModel(config)
    else:
        perceiver = {
            "perceiver_resampler_hidden_size": 64,
            "perceiver_resampler_num_latents": 16,
            "perceiver_resampler_num_latents_2d": 16,
            "perceiver_resampler_attention_head_dim": 64,
            "perceiver_resampler_mlp_intermediate_size": 32,
            "memory_attention_rope_k_sizes": [4, 4],
        }
        config = transformers.EdgeTamVideoConfig(
            vision_config={**edgetam_vision(), "fpn_hidden_size": 128, "model_type": "edgetam_vision_model"},
            **parts,
            **sizes,
            **perceiver,
        )
        model = transformers.EdgeTamVideoModel(config)
    redraw(model, seed)
    with torch.no_grad():  # objects count as seen, so that their masks are compared
        model.mask_decoder.pred_obj_score_head.proj_out.bias.fill_(3.0)
    image_processor = transformers.Sam2ImageProcessor(size={"height": SIDE_PX, "width": SIDE_PX})
    video_processor = transformers.Sam2VideoVideoProcessor(size={"height": SIDE_PX, "width": SIDE_PX})
    return model.eval(), transformers.Sam2VideoProcessor(image_processor, video_processor)
