"""JPEG encoding of pictures."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def to_jpeg(image: NDArray[np.uint8], quality: int) -> bytes:
    """Encode an RGB picture; `quality` is 1 to 100."""
    done, encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done, "every RGB picture has a JPEG"
    return encoded.tobytes()
