"""Files that `groundcast edit` writes: the edited picture, and the boxes as GLIGEN takes them; whole or not at all."""

# Pillow leaves the type of its pictures' facts open.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...model.detections import Detections
from ...model.pictures.still_picture import open_picture
from ..exits import RunError
from ..show.detection_rows import detection_rows

_JPEG_QUALITY = 95


def colour_profile(path: Path) -> bytes | None:
    """The ICC profile of a picture whose RGB is stored as it is read; None where it has none."""
    with open_picture(path) as opened:
        profile = opened.info.get("icc_profile")
        return profile if isinstance(profile, bytes) and opened.mode in ("RGB", "RGBA", "P") else None


def save_edited(image: NDArray[np.uint8], path: Path, profile: bytes | None) -> None:
    """Write (H, W, 3) RGB as PNG or JPEG, as the suffix says, with the original's colour profile.

    Raises:
        RunError: the disk takes no more.
    """
    data = BytesIO()
    options = {} if profile is None else {"icc_profile": profile}
    if path.suffix.lower() == ".png":
        Image.fromarray(image).save(data, "PNG", **options)
    else:
        Image.fromarray(image).save(data, "JPEG", quality=_JPEG_QUALITY, subsampling=0, **options)
    _write(path, data.getvalue())


def save_boxes(
    path: Path, picture: Path, size_hw: tuple[int, int], found: Detections, phrases: tuple[str, ...]
) -> None:
    """Write boxes and phrases as GLIGEN takes them, beside what was found.

    Args:
        size_hw: of the picture, px.
        found: what was found; its boxes are px of the picture.
        phrases: what shall be in each box.

    Raises:
        RunError: the disk takes no more.
    """
    height, width = size_hw
    boxes = found.boxes_xyxy.astype(float)
    shares = (boxes / np.array([width, height, width, height])).clip(0.0, 1.0)
    values = {
        "source": str(picture),
        "width": width,
        "height": height,
        "gligen_phrases": list(phrases),
        "gligen_boxes": shares.round(6).tolist(),
        "detections": detection_rows(found),
    }
    _write(path, (json.dumps(values, ensure_ascii=False, indent=1) + "\n").encode())


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise RunError(f"{path} cannot be written ({error.strerror}): free some space, then run it again") from error
