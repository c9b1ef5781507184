"""Draws boxes and their labels into a picture."""

from __future__ import annotations

import colorsys
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ...model.detections import Detections
from ...model.masks.mask import Mask, mask_of, pixels_of, resized
from ...stream.track import Box, Track
from ...stream.track_mask import TrackMask
from ..exits import RunError

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]
_MAX_MASK_PX = 1 << 27  # of a mask that came over the network
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_COLOUR_WORDS: dict[str, Colour] = {
    "red": (225, 50, 45),
    "orange": (245, 140, 30),
    "yellow": (235, 205, 40),
    "green": (50, 170, 75),
    "blue": (50, 105, 230),
    "purple": (150, 75, 200),
    "pink": (240, 120, 180),
    "brown": (140, 90, 50),
    "white": (235, 235, 235),
    "black": (40, 40, 40),
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """One box to draw: px of the picture, its phrase, its label, whether it was detected or only predicted.

    Args:
        mask: its pixels, which are tinted; it may be of another size than the picture.
        score: 0..1; where boxes cover each other, the higher score lies on top.
    """

    box_xyxy: Box
    phrase: str
    text: str
    seen: bool = True
    score: float = 0.0
    mask: Mask | None = None


def drawn_tracks(tracks: Sequence[Track], masks: Mapping[int, TrackMask] | None = None) -> list[Drawn]:
    """Tracks with their ids, and with the masks that some of them have."""
    return [
        Drawn(
            t.box_xyxy,
            t.phrase,
            f"{t.phrase} #{t.id}",
            t.state != "coasting",
            t.score,
            _received(masks[t.id]) if masks and t.id in masks else None,
        )
        for t in tracks
    ]


def drawn_detections(found: Detections, masks: Sequence[Mask | None] | None = None) -> list[Drawn]:
    """Detections with their scores, and with their masks if masks were looked for."""
    boxes: list[list[float]] = found.boxes_xyxy.astype(float).tolist()
    scores: list[float] = found.scores.astype(float).tolist()
    return [
        Drawn(
            (x1, y1, x2, y2),
            found.name(row),
            f"{found.name(row)} {scores[row]:.2f}",
            score=scores[row],
            mask=None if masks is None else masks[row],
        )
        for row, (x1, y1, x2, y2) in enumerate(boxes)
    ]


def draw(image: Picture, boxes: Sequence[Drawn]) -> Picture:
    """A copy of an RGB picture with the boxes on it.

    Labels never leave the picture, and stand beside each other wherever there is room; the higher score chooses first.
    """
    canvas = np.ascontiguousarray(image).copy()
    scale = max(0.4, min(canvas.shape[:2]) / 900)
    width_px = max(2, round(scale * 2.5))
    rising = sorted(boxes, key=lambda box: box.score)
    for box in rising:
        if box.mask is not None:
            _tint(canvas, box.mask, colour_of(box.phrase), width_px)
    for box in rising:
        _outline(canvas, box, width_px)
    placed: list[_Label] = []
    for box in reversed(rising):
        placed.append(_place(box, scale, canvas.shape, placed))
    for label in reversed(placed):  # labels last, so that no outline crosses a word
        _write(canvas, label, scale)
    return canvas


def drawn_jpeg(jpeg: bytes, tracks: Sequence[Track]) -> bytes | None:
    """A JPEG with its tracks drawn on it; None where it cannot be decoded."""
    image = decoded_jpeg(jpeg)
    if image is None:
        return None
    drawn = cv2.cvtColor(draw(image, drawn_tracks(tracks)), cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()


def decoded_jpeg(jpeg: bytes) -> Picture | None:
    """The picture in RGB; None where it cannot be decoded."""
    try:
        image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # for empty input
        return None
    if image is None:  # pyright: ignore[reportUnnecessaryComparison]
        return None
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


def save(image: Picture, path: Path) -> None:
    """Write an RGB picture in the format of the file's suffix."""
    if not cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR)):
        raise RunError(f"{path} cannot be written: check that its folder exists and that the disk has room")


def colour_of(phrase: str) -> Colour:
    """The colour that a phrase names, else a bright one that depends only on its text."""
    named = next((colour for word, colour in _COLOUR_WORDS.items() if word in phrase.lower().split()), None)
    if named is not None:
        return named
    hue = zlib.crc32(phrase.encode()) % 360 / 360
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.75, 0.9)
    return round(red * 255), round(green * 255), round(blue * 255)


def _received(mask: TrackMask) -> Mask | None:
    """A mask from a message; None where its run lengths are damaged, or its size is no picture's."""
    if mask.size_hw[0] * mask.size_hw[1] > _MAX_MASK_PX:
        return None
    received = Mask(mask.size_hw, mask.rle, mask.area_px, mask.quality, mask.box_xyxy)
    try:
        return mask_of(pixels_of(received), mask.quality)  # its box and area are then true, too
    except ValueError:
        return None


def _tint(canvas: Picture, mask: Mask, colour: Colour, width_px: int) -> None:
    """Mix a mask's pixels half with the colour, and draw its edge."""
    fitted = resized(mask, (canvas.shape[0], canvas.shape[1]))
    if fitted is None:
        return
    x1, y1, x2, y2 = (round(side) for side in fitted.box_xyxy)
    pixels, part = pixels_of(fitted)[y1:y2, x1:x2], canvas[y1:y2, x1:x2]
    part[pixels] = (part[pixels] * 0.5 + np.array(colour) * 0.5).astype(np.uint8)
    edges, _ = cv2.findContours(pixels.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE, offset=(x1, y1))
    cv2.drawContours(canvas, edges, -1, colour, max(1, width_px // 2))


def _outline(canvas: Picture, box: Drawn, width_px: int) -> None:
    x1, y1, x2, y2 = (round(value) for value in box.box_xyxy)
    contrast = (0, 0, 0) if _is_light(colour_of(box.phrase)) else (255, 255, 255)
    cv2.rectangle(canvas, (x1, y1), (x2, y2), contrast, width_px + 2)
    cv2.rectangle(canvas, (x1, y1), (x2, y2), colour_of(box.phrase), width_px if box.seen else 1)


@dataclass(frozen=True, slots=True)
class _Label:
    """A label and its place, px of the picture; `below` is its part under the baseline."""

    text: str
    colour: Colour
    left: int
    top: int
    right: int
    bottom: int
    below: int

    def shared_with(self, other: _Label) -> int:
        """The overlap with another label, px."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0, width) * max(0, height)


def _place(box: Drawn, scale: float, shape: tuple[int, ...], placed: Sequence[_Label]) -> _Label:
    """Place a box's label on its upper edge, or in a corner inside or below, where it overlaps other labels least."""
    text = box.text if box.seen else f"{box.text} ?"
    text = text.encode("ascii", "replace").decode()  # the font knows no other letters
    (width, height), below = cv2.getTextSize(text, _FONT, scale, 1)
    wide, high = width + 4, height + below + 2
    x1, y1, x2, y2 = box.box_xyxy

    def at(x: float, y: float) -> _Label:
        left = int(max(0, min(x, shape[1] - wide)))
        bottom = int(max(high, min(y, shape[0] - 1)))
        return _Label(text, colour_of(box.phrase), left, bottom - high, left + wide, bottom, below)

    lines = (y1, y1 + high, y2 + high, y2, y1 - high, y2 + 2 * high)
    places = [at(x, y) for y in lines for x in (x1, x2 - wide)]
    return min(places, key=lambda label: sum(label.shared_with(other) for other in placed))  # the first of the best


def _write(canvas: Picture, label: _Label, scale: float) -> None:
    cv2.rectangle(canvas, (label.left, label.top), (label.right, label.bottom), label.colour, cv2.FILLED)
    ink = (0, 0, 0) if _is_light(label.colour) else (255, 255, 255)
    at = (label.left + 2, label.bottom - label.below)
    cv2.putText(canvas, label.text, at, _FONT, scale, ink, 1, cv2.LINE_AA)


def _is_light(colour: Colour) -> bool:
    red, green, blue = colour
    return 0.299 * red + 0.587 * green + 0.114 * blue > 140
