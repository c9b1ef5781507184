# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""For scripts that were written for the original Grounding DINO: the same four functions.

    from groundingdino.util.inference import load_model, load_image, predict, annotate      # before
    from groundcast.launch.original import load_model, load_image, predict, annotate        # after

Arguments and results are the original's. Mended: every phrase is one of the caption's own, a caption may be longer than
256 tokens, and nothing has to be compiled. `load_model(..., compat="original")` gives the original's phrases back, cut
and merged ones included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ..model.detections import Detections
from ..model.prompt import Prompt
from .draw import draw, drawn_detections
from .pictures import read_picture

if TYPE_CHECKING:
    from torch import Tensor

    from ..model.free_phrases import FreePhrase
    from ..model.network import Network
    from ..model.seen import RawOutput


@dataclass(frozen=True, slots=True)
class Model:
    """A loaded model."""

    network: Network
    compat: Literal["groundcast", "original"]


def load_model(
    model_config_path: str | None,
    model_checkpoint_path: str,
    device: str = "auto",
    compat: Literal["groundcast", "original"] = "groundcast",
) -> Model:
    """Load weights: a file, a folder, or 'owner/model' of the hub.

    Args:
        model_config_path: not needed and not read: the weights tell what they are.

    Raises:
        CheckpointError: the weights are missing, unreadable, or no Grounding DINO.
        DeviceError: the device is not here.
    """
    from ..model.checkpoint import find_checkpoint, read_checkpoint
    from ..model.network import Network

    del model_config_path
    path = find_checkpoint(model_checkpoint_path)
    return Model(Network(read_checkpoint(path), device, None, path), compat)


def load_image(image_path: str) -> tuple[NDArray[np.uint8], Tensor]:
    """The picture, (h, w, 3) uint8 RGB, and the same as the network wants it, (3, H, W) float.

    Raises:
        RunError: there is no picture in the file.
    """
    from ..model.preprocess import LONGEST_SIDE, SHORT_SIDE, normalise, resize_as_published, short_side_size

    image = read_picture(Path(image_path)).image
    size = short_side_size(image.shape[0], image.shape[1], SHORT_SIDE, LONGEST_SIDE)
    return image, normalise(resize_as_published(image, size)[None], [size.valid_xy])[0]


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
        image: from `load_image`.
        caption: phrases parted by '.'.
        box_threshold: the least score of a box's best word.
        text_threshold: with compat 'original', the least score of a word that becomes part of the phrase.
        device: taken for the original's sake; the model stays where it was loaded.
        remove_combined: with compat 'original', a phrase keeps to the words beside its best one, between two '.';
            else phrases are never combined.

    Raises:
        PromptError: a caption without words.
    """
    import torch

    from ..model.free_phrases import free_phrases

    del device
    prompt = Prompt.parse(caption.lower().replace(".", " . "))  # the original parts at every dot
    outputs = model.network.look(image, prompt)
    if model.compat == "original":
        found = free_phrases(outputs, box_threshold, text_threshold, combine=not remove_combined)
    else:
        found = _named_phrases(outputs, prompt, box_threshold)
    xyxy = torch.from_numpy(np.array([one.box_xyxy for one in found], np.float32).reshape(-1, 4))
    boxes = torch.cat([(xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]], 1)
    return boxes, torch.tensor([one.score for one in found]), [one.label for one in found]


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


def _named_phrases(outputs: Sequence[RawOutput], prompt: Prompt, box_threshold: float) -> list[FreePhrase]:
    """Every query whose best word scores above the threshold, called by the phrase that this word is of."""
    from ..model.free_phrases import FreePhrase

    found: list[FreePhrase] = []
    for output in outputs:
        words = output.phrases >= 0
        scores, phrases = output.scores[:, words], output.phrases[words]
        best = scores.max(1)
        for row in np.flatnonzero(best > box_threshold):
            name = prompt.phrases[int(phrases[scores[row].argmax()])].name
            found.append(FreePhrase(name, float(best[row]), output.boxes_xyxy[row]))
    return found
