"""The published families that make masks from boxes, and what of transformers belongs to each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Family:
    """One family of models.

    Args:
        model: transformers' class of the image model.
        processor: its class of the picture's preparation and of the boxes'.
        image_processor: its class of the picture's preparation alone.
        video: the model that follows objects through video; "" where there is none.
    """

    model: str
    processor: str
    image_processor: str
    video: str = ""


_SAM = Family("SamModel", "SamProcessor", "SamImageProcessor")
_SAM_HQ = Family("SamHQModel", "SamHQProcessor", "SamImageProcessor")
_SAM2 = Family("Sam2Model", "Sam2Processor", "Sam2ImageProcessor", "Sam2VideoModel")
_EDGE_TAM = Family("EdgeTamModel", "Sam2Processor", "Sam2ImageProcessor", "EdgeTamVideoModel")
_SAM3 = Family("Sam3TrackerModel", "Sam3TrackerProcessor", "Sam3ImageProcessor")

# `model_type` of config.json. SAM 2, EdgeTAM and SAM 3 are published as their video models, whose weights hold the
# image model's.
FAMILIES: dict[str, Family] = {
    "sam": _SAM,
    "sam_hq": _SAM_HQ,
    "sam2": _SAM2,
    "sam2_video": _SAM2,
    "edgetam": _EDGE_TAM,
    "edgetam_video": _EDGE_TAM,
    "sam3_tracker": _SAM3,
    "sam3_tracker_video": _SAM3,
    "sam3_video": _SAM3,
    "sam3": _SAM3,
}
