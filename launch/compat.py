"""Compatibility with scripts for the original Grounding DINO: the same four functions.

    from groundingdino.util.inference import load_model, load_image, predict, annotate      # before
    from groundcast.launch.compat import load_model, load_image, predict, annotate        # after

Arguments and results are the original's; docs/models.md lists what is mended. `compat="original"`, which `load_model`
and `load_image` take, mends nothing: phrases are cut and merged as there, and pictures lie as they are stored.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ..model.detections import Detections
from ..model.prompt import Phrase, Prompt, PromptError
from .exits import RunError
from .show.draw import draw, drawn_detections
from .show.image_files import read_picture

Compat = Literal["groundcast", "original"]

_SHORT_SIDE, _MAX_SIDE = 800, 1333  # px
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

if TYPE_CHECKING:
    from torch import Tensor

    from ..model.config import ModelConfig
    from ..model.runtime.free_phrases import FreePhrase
    from ..model.runtime.network import Network
    from ..model.runtime.network_output import RawOutput


@dataclass(frozen=True, slots=True)
class Model:
    """A loaded model."""

    network: Network
    compat: Compat


def load_model(
    model_config_path: str | None,
    model_checkpoint_path: str,
    device: str = "auto",
    compat: Compat = "groundcast",
) -> Model:
    """Load weights: a file, a folder, or 'owner/model' of the hub.

    Args:
        model_config_path: not needed and not read: the weights tell what they are.

    Raises:
        CheckpointError: the weights are missing, unreadable, or no Grounding DINO.
        DeviceError: the device is not here.
    """
    from ..model.runtime.network import Network
    from ..model.weights.checkpoint import find_checkpoint, read_checkpoint

    del model_config_path
    path = find_checkpoint(model_checkpoint_path)
    return Model(Network(read_checkpoint(path), device, None, path), compat)


def load_image(image_path: str, compat: Compat = "groundcast") -> tuple[NDArray[np.uint8], Tensor]:
    """The picture, (h, w, 3) uint8 RGB, and the same as the network wants it, (3, H, W) float.

    Args:
        compat: 'original' leaves a picture as it is stored: not turned upright, 16 bits cut at 255, alpha left out.

    Raises:
        RunError: there is no picture in the file.
    """
    import torch

    image = read_picture(Path(image_path)).image if compat == "groundcast" else _as_stored(image_path)
    height, width = image.shape[:2]
    resized = Image.fromarray(image).resize(_resized(width, height), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(resized)).permute(2, 0, 1).contiguous().float().div(255)
    mean, std = (torch.tensor(values)[:, None, None] for values in (_MEAN, _STD))
    return image, (pixels - mean) / std


def _as_stored(image_path: str) -> NDArray[np.uint8]:
    try:
        with Image.open(image_path) as opened:
            return np.array(opened.convert("RGB"), np.uint8)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise RunError(f"{image_path} is no picture that can be read ({error}): check the file") from error


def _resized(width: int, height: int) -> tuple[int, int]:
    """Width and height of the network's input, px: whole numbers, cut off as the original cuts them off."""
    small, large = float(min(width, height)), float(max(width, height))
    short = _SHORT_SIDE
    if large / small * short > _MAX_SIDE:
        short = round(_MAX_SIDE * small / large)
    if min(width, height) == short:
        return width, height
    return (short, int(short * height / width)) if width < height else (int(short * width / height), short)


def predict(
    model: Model,
    image: Tensor,
    caption: str,
    box_threshold: float,
    text_threshold: float,
    device: str | None = None,
    remove_combined: bool = False,
) -> tuple[Tensor, Tensor, list[str]]:
    """Boxes (n, 4; cx cy w h in 0..1 of the picture), their scores (n,) and phrases.

    Args:
        image: from `load_image`, whose size is that of the published weights. A model that was trained at another is
            shown it at its own; a picture that a script made of another size stays as it is.
        caption: phrases parted by '.' or '?'.
        box_threshold: the least score of a box's best word.
        text_threshold: with compat 'original', the least score of a word that becomes part of the phrase.
        device: taken for the original's sake; the model stays where it was loaded.
        remove_combined: with compat 'original', a phrase keeps to the words beside its best one, between two '.';
            else phrases are never combined.

    Returns:
        In the order of the model's queries, as the original does.

    Raises:
        PromptError: words that the model was not taught; with compat 'groundcast', a caption without words.
    """
    import torch

    del device
    image = _at_own_size(model.network.config, image)
    if model.compat == "original":
        return _as_the_original(model.network, image, caption, box_threshold, text_threshold, remove_combined)
    prompt = _asked(caption)
    found = _named_phrases(model.network.raw_outputs(image, prompt), prompt, box_threshold)
    xyxy = torch.from_numpy(np.array([one.box_xyxy for one in found], np.float32).reshape(-1, 4))
    boxes = torch.cat([(xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]], 1)
    return boxes, torch.tensor([one.score for one in found]), [one.label for one in found]


def _at_own_size(config: ModelConfig, image: Tensor) -> Tensor:
    """A picture of the published weights' size as large as this model was trained on; any other as it is."""
    import torch.nn.functional as F

    from ..model.runtime.input_rule import InputRule

    height, width = image.shape[1:]
    if _resized(width, height) != (width, height):
        return image
    own_hw = InputRule(config).size(height, width).picture_hw
    if own_hw == (height, width):
        return image
    return F.interpolate(image[None], own_hw, mode="bilinear", antialias=True)[0]


def annotate(image_source: NDArray[np.uint8], boxes: Tensor, logits: Tensor, phrases: list[str]) -> NDArray[np.uint8]:
    """The picture with boxes and phrases drawn on it, (h, w, 3) uint8 BGR as the original returns it."""
    height, width = image_source.shape[:2]
    centre, half = boxes[:, :2], boxes[:, 2:] / 2
    corners: NDArray[np.float32] = np.concatenate([(centre - half).numpy(), (centre + half).numpy()], 1)
    names = tuple(dict.fromkeys(phrases))
    found = Detections(
        names,
        (corners * np.array([width, height] * 2)).astype(np.float32),
        np.array([float(score) for score in logits], np.float32),  # a tensor, or what the script made of it
        np.array([names.index(phrase) for phrase in phrases], np.int64),
    )
    return np.asarray(cv2.cvtColor(draw(image_source, drawn_detections(found)), cv2.COLOR_RGB2BGR), np.uint8)


def _asked(caption: str) -> Prompt:
    """The text between two '.' or '?' is a phrase; a repeated phrase counts once.

    Raises:
        PromptError: there is no word in it.
    """
    phrases: dict[str, Phrase] = {}
    for piece in re.split(r"[.?]", caption.lower()):
        try:
            phrase = Phrase(" ".join(piece.split()))
        except PromptError:
            if any(letter.isalnum() for letter in piece):
                raise
            continue  # the text between two marks may be empty
        phrases.setdefault(phrase.spoken, phrase)
    return Prompt(tuple(phrases.values()))


def _as_the_original(
    network: Network, image: Tensor, caption: str, box_threshold: float, text_threshold: float, remove_combined: bool
) -> tuple[Tensor, Tensor, list[str]]:
    from ..model.runtime.free_phrases import free_label
    from ..model.runtime.whole_caption import closed_caption, tokenize_caption

    if not network.reads_any_words:
        network.check(_asked(caption))
    tokens = tokenize_caption(network.tokenizer, closed_caption(caption))
    scores, boxes = network.answer_caption(image, tokens)
    best = scores.max(1).values
    rows = (best > box_threshold).nonzero().flatten()
    pieces = network.tokenizer.words(tokens)
    combine = not remove_combined
    phrases = [free_label(own.numpy(), pieces, text_threshold, combine=combine) for own in scores[rows]]
    return boxes[rows], best[rows], phrases


def _named_phrases(outputs: Sequence[RawOutput], prompt: Prompt, box_threshold: float) -> list[FreePhrase]:
    """Every query whose best word scores above the threshold, labelled with that word's phrase."""
    from ..model.runtime.free_phrases import FreePhrase

    found: list[FreePhrase] = []
    for output in outputs:
        words = output.phrases >= 0
        scores, phrases = output.scores[:, words], output.phrases[words]
        best = scores.max(1)
        for row in np.flatnonzero(best > box_threshold):
            name = prompt.phrases[int(phrases[scores[row].argmax()])].name
            found.append(FreePhrase(name, float(best[row]), output.boxes_xyxy[row]))
    return found
