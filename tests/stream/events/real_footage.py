"""Stored detections of two public clips: boxes of bottles and cars, found by their colour and by motion.

    python -m tests.stream.events.real_footage FOLDER

writes `real_footage.json` anew from `bottles.mp4` and `cars.mp4` in that folder (intel-iot-devkit/sample-videos, CC BY
4.0). No model is involved, so boxes flicker, merge with a hand, and end early at the picture's edge.
"""

# pyright: reportArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
import sys
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

STORED = Path(__file__).with_name("real_footage.json")
Image = NDArray[np.uint8]
BLUE_PX, CAR_PX = 2500, 6000  # the least area of an object
EVERY = {"bottles": 2, "cars": 1}  # which pictures are stored


def detect(path: Path) -> dict[str, object]:
    """The boxes in a clip, as lists of whole px, a list for each stored picture."""
    every = EVERY[path.stem]
    with av.open(str(path)) as container:
        rate = float(container.streams.video[0].average_rate or 25)
        pictures = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)][::every]
    height, width = pictures[0].shape[:2]
    find = _bottles if path.stem == "bottles" else _Cars(pictures[:: 16 // every])
    return {"width": width, "height": height, "hz": rate / every, "boxes": [find(one) for one in pictures]}


def _bottles(picture: Image) -> list[list[int]]:
    """What is bluer than it is red; the wall, the table, the hand and shadows are not."""
    blue, _, red = cv2.split(picture.astype(np.int16))
    return _boxes(blue - red > 6, BLUE_PX, gap=(41, 15))


class _Cars:
    """What differs from the mean of the clip, once the camera's exposure is taken out."""

    def __init__(self, pictures: list[Image]) -> None:
        self._empty = np.median(np.stack(pictures), axis=0)

    def __call__(self, picture: Image) -> list[list[int]]:
        gain = np.median(self._empty / np.maximum(picture, 1))
        return _boxes(np.abs(picture * gain - self._empty).max(axis=2) > 30, CAR_PX, gap=(21, 21))


def _boxes(mask: NDArray[np.bool_], area_px: int, gap: tuple[int, int]) -> list[list[int]]:
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, np.ones(gap, np.uint8))
    _, _, parts, _ = cv2.connectedComponentsWithStats(closed)
    return [[x, y, x + w, y + h] for x, y, w, h, area in parts[1:].tolist() if area >= area_px]


def main() -> None:
    """Write the file."""
    found = {name: detect(Path(sys.argv[1]) / f"{name}.mp4") for name in EVERY}
    STORED.write_text(json.dumps(found, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
