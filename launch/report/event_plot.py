"""Plot of stored counts: bars over time, and a map of where events happened."""

# matplotlib leaves its types open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ...stream.events.store import MINUTE_NS
from ...stream.events.stored import CountRow
from ...stream.track import Box
from ..exits import InputError

_BLUR_SHARE = 0.02  # of the picture's width
_MAX_LEGEND = 12


def draw_counts(
    out: Path, rows: Sequence[CountRow], span_minutes: int, boxes: Sequence[Box], picture: Path | None
) -> None:
    """Write the plot.

    Args:
        out: a PNG.
        rows: counts of spans of so many minutes.
        span_minutes: of each row.
        boxes: of events, px of the original picture.
        picture: of the camera, shown below the map; None for none.

    Raises:
        InputError: the picture cannot be read.
    """
    figure = Figure(figsize=(10, 9), layout="constrained")
    over_time, place = figure.subplots(2, 1)
    _draw_bars(over_time, rows, span_minutes)
    _draw_map(place, boxes, None if picture is None else _read(picture))
    figure.savefig(out, dpi=100, format="png")


def _draw_bars(axes: Axes, rows: Sequence[CountRow], span_minutes: int) -> None:
    """A bar for each span, stacked by place, direction and phrase."""
    series: dict[str, dict[datetime, int]] = {}
    for row in rows:
        begin = datetime.fromtimestamp(row.begin_unix_ns / 1e9, UTC).astimezone()
        for name, count in (("entered", row.entered), ("left", row.left), ("in", row.ins), ("out", row.outs)):
            if count:
                spans = series.setdefault(f"{row.place} {name}: {row.phrase}", {})
                spans[begin] = spans.get(begin, 0) + count
    begins = sorted({begin for spans in series.values() for begin in spans})
    bottom = np.zeros(len(begins))
    width_days = span_minutes * MINUTE_NS / 86_400e9
    for label, spans in sorted(series.items()):
        heights = np.array([spans.get(begin, 0) for begin in begins], np.float64)
        axes.bar(begins, heights, width_days, bottom, label=label, align="edge")  # pyright: ignore[reportArgumentType]
        bottom += heights
    axes.set_ylabel("objects")
    axes.tick_params(axis="x", rotation=30)
    if 0 < len(series) <= _MAX_LEGEND:
        axes.legend(fontsize=8)


def _draw_map(axes: Axes, boxes: Sequence[Box], background: NDArray[np.uint8] | None) -> None:
    """Where the boxes of events stood: brighter where more of them did."""
    if background is None:
        width = int(max((box[2] for box in boxes), default=640)) + 1
        height = int(max((box[3] for box in boxes), default=480)) + 1
    else:
        height, width = background.shape[:2]
        axes.imshow(background)
    heat = np.zeros((height, width), np.float32)
    for left, top, right, bottom in boxes:
        heat[max(0, int(top)) : int(bottom) + 1, max(0, int(left)) : int(right) + 1] += 1.0
    heat = cv2.GaussianBlur(heat, (0, 0), max(1.0, _BLUR_SHARE * width)).astype(np.float32)
    shown = np.ma.masked_less(heat, 1e-3)
    axes.imshow(shown, cmap="inferno", alpha=0.6 if background is not None else 1.0)
    axes.set_title(f"where {len(boxes)} events happened")
    axes.set_axis_off()


def _read(picture: Path) -> NDArray[np.uint8]:
    read = cv2.imread(str(picture))
    if read is None:  # pyright: ignore[reportUnnecessaryComparison]
        raise InputError(f"{picture} is no picture that can be read: name a JPEG or a PNG of the camera")
    return cv2.cvtColor(read, cv2.COLOR_BGR2RGB).astype(np.uint8)
