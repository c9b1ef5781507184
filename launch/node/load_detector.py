"""Loads the detector that a node's settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...model.prompt import Prompt
from ..settings.settings import ModelSettings
from ..show.progress import busy

if TYPE_CHECKING:
    from ...model.detector import Detector


def load_detector(model: ModelSettings) -> Detector:
    """Load the model that the settings name. Takes seconds."""
    from ...model.detector import Detector, DetectorOptions

    options = DetectorOptions(
        device=model.device,
        size=model.size_px,
        dtype=model.dtype,
        threshold=model.threshold,
        score_rule=model.score_rule,
        nms_iou=model.nms_iou,
        agnostic_nms=model.agnostic_nms,
        offline=model.offline,
        cpu_workers=model.cpu_workers or _default_workers(model.device),
        batch=model.batch,
    )
    return Detector.load(model.name, options)


def load_for_prompt(model: ModelSettings, prompt: Prompt) -> Detector:
    """Load the model that the settings name, and check that it knows the words of the prompt.

    Raises:
        PromptError: it does not know them; the model is closed again.
    """
    with busy(f"loading {model.name}"):
        detector = load_detector(model)
    try:
        detector.check(prompt)
    except BaseException:
        detector.close()
        raise
    return detector


def _default_workers(device: str) -> int:
    """How many pictures a device computes at once unless the settings say."""
    import torch

    on_gpu = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
    return 1 if on_gpu else min(2, torch.get_num_threads())
