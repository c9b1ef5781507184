"""Small CLIPs and SigLIPs with random weights, written as folders, as transformers builds them."""

# transformers leaves most types open.
# pyright: reportArgumentType=false, reportCallIssue=false, reportPrivateImportUsage=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors

FAMILIES = ("clip", "siglip", "siglip2")
WORDS = ("<pad>", "<s>", "</s>", "<unk>", "a", "photo", "of", "red", "square", "blue", "thing", ".")
_TEXT = {
    "vocab_size": len(WORDS),
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 16,
    "eos_token_id": 2,
    "bos_token_id": 1,
    "pad_token_id": 0,
}
_SHAPE = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}


def write_embedder(folder: Path, family: str, seed: int = 0) -> Path:
    """Write a model with its preparation of pictures and texts; returns the folder."""
    torch.manual_seed(seed)
    model, processor = {"clip": _clip, "siglip": _siglip, "siglip2": _siglip2}[family]()
    with torch.no_grad():  # drawn anew, so that no block is as good as absent
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.copy_(torch.randn(weight.shape) * 1.2 / weight[0].numel() ** 0.5)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _clip() -> tuple[Any, Any]:
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor

    config = CLIPConfig(
        text_config={**_TEXT, "projection_dim": 24},
        vision_config={**_SHAPE, "image_size": 32, "patch_size": 8, "projection_dim": 24},
        projection_dim=24,
    )
    images = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    return CLIPModel(config), CLIPProcessor(images, _tokenizer())


def _siglip() -> tuple[Any, Any]:
    from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel, SiglipProcessor

    config = SiglipConfig(
        text_config={**_TEXT, "projection_size": 32}, vision_config={**_SHAPE, "image_size": 32, "patch_size": 8}
    )
    return SiglipModel(config), SiglipProcessor(SiglipImageProcessor(size={"height": 32, "width": 32}), _tokenizer())


def _siglip2() -> tuple[Any, Any]:
    from transformers import Siglip2Config, Siglip2ImageProcessor, Siglip2Model, Siglip2Processor

    config = Siglip2Config(
        text_config={**_TEXT, "projection_size": 32}, vision_config={**_SHAPE, "num_patches": 16, "patch_size": 16}
    )
    return Siglip2Model(config), Siglip2Processor(
        Siglip2ImageProcessor(patch_size=16, max_num_patches=256), _tokenizer()
    )


def _tokenizer() -> Any:
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)])
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=16,
    )
