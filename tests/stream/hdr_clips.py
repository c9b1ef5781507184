"""Short videos in high dynamic range."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

BT2020, PQ, HLG = 9, 16, 18


def write_hdr(path: Path, transfer: int, signals: tuple[float, ...]) -> Path:
    """Upright stripes of grey, 16 px wide each, one picture."""
    columns = np.repeat(np.array([round(signal * 65535) for signal in signals], np.uint16), 16)
    pixels = np.broadcast_to(columns[None, :, None], (32, len(columns), 3))
    with av.open(path, "w") as container:
        stream = container.add_stream("ffv1", 25)
        stream.width, stream.height, stream.pix_fmt = len(columns), 32, "yuv420p10le"
        stream.codec_context.colorspace, stream.codec_context.color_trc = BT2020, transfer
        stream.codec_context.color_range = 1
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb48le").reformat(
            format="yuv420p10le", dst_colorspace=BT2020, dst_color_range=1
        )
        frame.colorspace, frame.color_trc = BT2020, transfer
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
