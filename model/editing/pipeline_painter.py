"""Pipeline painter: a diffusers pipeline for inpainting, or GLIGEN, as a painter."""

# diffusers leaves most types open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportPrivateImportUsage=false

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from ..image import Rgb
from ..runtime.device import named_device
from ..runtime.precision import multiplies_in_bfloat16
from .painting import Painter, PaintRequest
from .pipeline_files import READ_ERRORS, PainterError, class_of, pipeline_folder, quiet, read_networks

GLIGEN = "StableDiffusionGLIGENPipeline"
_USUAL_PX = 1024
_INPAINT_CHANNELS = 9  # the noisy picture, the mask, and the picture around the mask


class PaintError(RuntimeError):
    """A pipeline gave no picture; the text says why."""


@dataclass(frozen=True, slots=True)
class PaintOptions:
    """How a pipeline paints.

    Args:
        steps: of denoising.
        guidance: how closely the text is followed; None is the pipeline's own.
        size_px: the longer side of what is painted; None is the size that the pipeline was trained at.
    """

    steps: int = 30
    guidance: float | None = None
    size_px: int | None = None


def places_in_boxes(name: str) -> bool:
    """Whether a folder's pipeline is GLIGEN, which puts things into boxes. A model of the hub is known once loaded."""
    folder = Path(name).expanduser()
    return folder.is_dir() and class_of(folder) == GLIGEN


def load_painter(
    name: str, device: str = "auto", options: PaintOptions | None = None, *, offline: bool = False
) -> Painter:
    """Load a pipeline from a folder, or by its hub name 'owner/model'. Takes seconds to minutes.

    Raises:
        PainterError: there is no such pipeline, it cannot paint inside a mask, or its weights are pickled or
            not complete.
        DeviceError: this machine has no such device.
    """
    chosen = named_device(device)
    folder = pipeline_folder(name, offline=offline)
    import diffusers

    is_gligen = class_of(folder) == GLIGEN
    kind: Any = getattr(diffusers, GLIGEN, None) if is_gligen else diffusers.AutoPipelineForInpainting
    if kind is None:
        raise PainterError(f"{folder} is a GLIGEN, which diffusers {diffusers.__version__} no longer has")
    with quiet():
        networks = read_networks(folder)
        try:
            pipeline = kind.from_pretrained(folder, local_files_only=True, use_safetensors=True, **networks)
        except READ_ERRORS as error:
            reason = " ".join(str(error).split())[:300]
            raise PainterError(
                f"{folder} is a {class_of(folder)}, which cannot paint inside a mask: {reason}"
            ) from error
        pipeline.set_progress_bar_config(disable=True)
        in_bfloat16 = chosen.type == "cuda" and multiplies_in_bfloat16(chosen)
        pipeline.to(chosen, torch.bfloat16 if in_bfloat16 else torch.float32)
    if is_gligen:
        return GligenPainter(pipeline, options or PaintOptions())
    return InpaintPainter(pipeline, options or PaintOptions())


class InpaintPainter:
    """Paints inside a mask with any of diffusers' pipelines for inpainting."""

    def __init__(self, pipeline: Any, options: PaintOptions) -> None:
        self._pipeline, self._options = pipeline, options
        self._accepted = set(inspect.signature(pipeline.__call__).parameters)

    def size_for(self, window_hw: tuple[int, int]) -> tuple[int, int]:
        multiple = 2 * _scale_of(self._pipeline)
        longer = self._options.size_px or _trained_px(self._pipeline)
        scale = longer / max(window_hw)
        height, width = (max(multiple, round(side * scale / multiple) * multiple) for side in window_hw)
        return height, width

    def paint(self, image: Rgb, mask_HW: NDArray[np.bool_], request: PaintRequest) -> Rgb:
        """As a `Painter`.

        Raises:
            PaintError: the memory is too small, or the pipeline's own check refused its picture.
        """
        height, width = mask_HW.shape
        values: dict[str, Any] = {
            "prompt": request.text,
            "image": Image.fromarray(image),
            "mask_image": Image.fromarray(mask_HW.astype(np.uint8) * 255),
            "height": height,
            "width": width,
            "strength": 1.0,
            "negative_prompt": request.negative or None,
        }
        accepted = {name: value for name, value in values.items() if name in self._accepted}
        return _picture_of(self._pipeline, accepted, self._options, request.seed)


class GligenPainter:
    """Paints phrases into boxes, with GLIGEN's weights for inpainting (https://arxiv.org/abs/2301.07093).

    Raises:
        PainterError: the weights draw whole pictures.
    """

    def __init__(self, pipeline: Any, options: PaintOptions) -> None:
        channels = pipeline.unet.config.in_channels
        if channels != _INPAINT_CHANNELS:
            raise PainterError(
                f"this GLIGEN draws whole pictures (its UNet reads {channels} channels, not {_INPAINT_CHANNELS}): name "
                "weights for inpainting"
            )
        self._pipeline, self._options = pipeline, options
        self._side_px = int(pipeline.vae.config.sample_size)  # it crops what has another size

    def size_for(self, window_hw: tuple[int, int]) -> tuple[int, int]:
        return self._side_px, self._side_px

    def paint(self, image: Rgb, mask_HW: NDArray[np.bool_], request: PaintRequest) -> Rgb:
        """As a `Painter`; it paints the boxes, whatever the mask, and nothing where there are none.

        Raises:
            PaintError: as of `InpaintPainter.paint`.
        """
        if not request.phrases:
            return image
        values: dict[str, Any] = {
            "prompt": request.text,
            "gligen_phrases": list(request.phrases),
            "gligen_boxes": request.boxes_xyxy.astype(float).tolist(),
            "gligen_inpaint_image": Image.fromarray(image),
            "height": mask_HW.shape[0],
            "width": mask_HW.shape[1],
            "negative_prompt": request.negative or None,
        }
        return _picture_of(self._pipeline, values, self._options, request.seed)


def _picture_of(pipeline: Any, values: dict[str, Any], options: PaintOptions, seed: int) -> Rgb:
    values = {**values, "num_inference_steps": options.steps}
    if options.guidance is not None:
        values["guidance_scale"] = options.guidance
    try:
        with quiet(), torch.random.fork_rng():  # GLIGEN also draws from the generator of the process
            torch.manual_seed(seed)
            answer = pipeline(**values, generator=torch.Generator("cpu").manual_seed(seed))
    except torch.cuda.OutOfMemoryError as error:
        raise PaintError(
            "the GPU's memory is too small for this pipeline: name a smaller size or another device"
        ) from error
    if any(getattr(answer, "nsfw_content_detected", None) or ()):
        raise PaintError("the pipeline's own safety check refused its picture: try another text or seed")
    return np.array(answer.images[0].convert("RGB"), np.uint8)


def _trained_px(pipeline: Any) -> int:
    """The side of the pictures that the network was trained on, px."""
    network = getattr(pipeline, "unet", None) or getattr(pipeline, "transformer", None)
    cells = getattr(getattr(network, "config", None), "sample_size", None)
    return cells * _scale_of(pipeline) if isinstance(cells, int) else _USUAL_PX


def _scale_of(pipeline: Any) -> int:
    """Px of the picture for each cell of the network's input, along a side."""
    return int(getattr(pipeline, "vae_scale_factor", 8))
