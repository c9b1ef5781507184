"""A node whose source waits for motion: what it skips is counted, and tracks and counts go on."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from groundcast.launch.show.video_file import VideoFile
from groundcast.stream.options import SourceOptions
from groundcast.stream.watch_options import MotionOptions

from .watched_reader import WatchedReader

RATE_HZ = 10


def still_then_moving(path: Path) -> Path:
    """20 s without motion, 2 s in which a square walks, 4 s in which it stands."""
    random = np.random.default_rng(3)
    ground = np.repeat(random.integers(70, 130, (18, 32, 1)), 3, axis=2).repeat(10, axis=0).repeat(10, axis=1)
    with VideoFile(path) as video:
        for number in range(26 * RATE_HZ):
            image = ground.astype(np.uint8)
            if number >= 20 * RATE_HZ:
                left = 10 * min(20, number - 20 * RATE_HZ)
                image[75:115, left : left + 30] = (15, 15, 15)
            video.write(image, number / RATE_HZ)
    return path


def test_pictures_without_motion_are_skipped_and_counted(tmp_path: Path) -> None:
    clip = still_then_moving(tmp_path / "a.mp4")
    options = SourceOptions("a", str(clip), motion=MotionOptions(hold_s=1.0, look_every_s=10.0))
    with WatchedReader(options, pictures=False) as reader:
        assert reader.until_finished()
        frames, stats = reader.frames, reader.stats

    assert stats.still == stats.frames_decoded - len(frames) == stats.frames_dropped
    assert [frame.index for frame in frames if frame.index < 20 * RATE_HZ] == [0, 100]
    walked = [frame.index for frame in frames if 20 * RATE_HZ <= frame.index < 22 * RATE_HZ]
    assert len(walked) >= 1.5 * RATE_HZ
    assert frames[1].still_s > 9.0
    assert frames[-1].still_total_s == pytest.approx(sum(frame.still_s for frame in frames))
