"""Pushed arrays arrive the same however they lie in memory: views, strides, column-major, read-only."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import numpy as np

from groundcast.stream.options import SourceOptions
from groundcast.stream.pusher import Pusher

from ..rtsp_server import free_port
from ..watched_reader import WatchedReader

GREY = np.random.default_rng(0).integers(0, 256, (12, 18), np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 256, (12, 18, 3), np.uint8)


def test_a_picture_arrives_the_same_however_it_lies_in_memory() -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    read_only = COLOUR.copy()
    read_only.flags.writeable = False
    images = [
        *(
            GREY.T,
            np.asfortranarray(GREY),
            GREY[::-1],
            GREY[:, ::-1],
            GREY[2:9, 3:11],
            GREY[::2, ::3],
        ),
        np.broadcast_to(GREY[:1], GREY.shape),
        *(COLOUR.transpose(1, 0, 2), np.asfortranarray(COLOUR), COLOUR[::-1, ::-1], COLOUR[1:5], COLOUR[..., 0]),
        *(np.ascontiguousarray(COLOUR.transpose(2, 0, 1)).transpose(1, 2, 0), np.rot90(COLOUR), read_only),
    ]
    with WatchedReader(SourceOptions("cam", f"push:{address}")) as watched, Pusher(address, wait_s=5.0) as pusher:
        for number, image in enumerate(images, start=1):
            assert pusher.send(image)
            assert watched.until_frames(number)
    for frame, image in zip(watched.frames, images, strict=True):
        assert (frame.rgb == (image[..., None] if image.ndim == 2 else image)).all()
