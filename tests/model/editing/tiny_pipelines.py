"""Tiny pipelines with random weights, as diffusers saves them: Stable Diffusion for inpainting, and GLIGEN."""

# diffusers leaves most types open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportPrivateImportUsage=false

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

needs_diffusers = pytest.mark.skipif(find_spec("diffusers") is None, reason="editing needs diffusers")
SIDE_PX = 32  # the tiny UNet's 16 cells of 2 px
_WIDTH = 8


def save_inpainting(folder: Path) -> Path:
    """A Stable Diffusion whose UNet reads nine channels, as published ones for inpainting do."""
    from diffusers import StableDiffusionInpaintPipeline

    return _saved(StableDiffusionInpaintPipeline, folder, 9)


def save_drawing(folder: Path) -> Path:
    """A Stable Diffusion that draws whole pictures: its UNet reads four channels."""
    from diffusers import StableDiffusionPipeline

    return _saved(StableDiffusionPipeline, folder, 4)


def save_gligen(folder: Path, channels: int = 9) -> Path:
    """A GLIGEN; with nine channels one for inpainting."""
    from diffusers import StableDiffusionGLIGENPipeline

    return _saved(StableDiffusionGLIGENPipeline, folder, channels, attention_type="gated")


def save_refusing(folder: Path) -> Path:
    """A Stable Diffusion for inpainting whose safety check refuses every picture."""
    from diffusers import StableDiffusionInpaintPipeline
    from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
    from transformers import CLIPConfig, CLIPImageProcessor

    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision = {**sizes, "image_size": 16, "patch_size": 8}
    checker = StableDiffusionSafetyChecker(CLIPConfig(vision_config=vision, projection_dim=8))
    checker.concept_embeds_weights.fill_(-2.0)
    processor = CLIPImageProcessor(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16})
    kind: Any = StableDiffusionInpaintPipeline
    pipeline = kind(**_parts(folder), unet=_unet(9), safety_checker=checker, feature_extractor=processor)
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def _saved(kind: Any, folder: Path, channels: int, **options: Any) -> Path:
    torch.manual_seed(0)
    pipeline = kind(
        **_parts(folder),
        unet=_unet(channels, **options),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def _unet(channels: int, **options: Any) -> Any:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=16,
        in_channels=channels,
        out_channels=4,
        layers_per_block=1,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=_WIDTH,
        attention_head_dim=4,
        norm_num_groups=4,
        **options,
    )


def _parts(folder: Path) -> dict[str, Any]:
    from diffusers import AutoencoderKL, DDIMScheduler
    from transformers import CLIPTextConfig, CLIPTextModel

    kind: Any = AutoencoderKL
    vae = kind(
        block_out_channels=[4, 8],
        in_channels=3,
        out_channels=3,
        down_block_types=["DownEncoderBlock2D", "DownEncoderBlock2D"],
        up_block_types=["UpDecoderBlock2D", "UpDecoderBlock2D"],
        latent_channels=4,
        norm_num_groups=4,
        sample_size=SIDE_PX,
    )
    tokenizer = _tokenizer(folder / "words")
    text = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=_WIDTH,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=77,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return {
        "vae": vae,
        "text_encoder": CLIPTextModel(text),
        "tokenizer": tokenizer,
        "scheduler": DDIMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, clip_sample=False
        ),
    }


def _tokenizer(folder: Path) -> Any:
    """Letters alone: each word is its letters."""
    from transformers import CLIPTokenizer

    folder.mkdir(parents=True)
    letters = "abcdefghijklmnopqrstuvwxyz"
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({token: index for index, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer.from_pretrained(folder, model_max_length=77)
