"""A node with either kind of tracker publishes the same objects under ids that hold."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from groundcast.stream.options import SourceOptions, TrackerKind, TrackerOptions
from groundcast.stream.tracking.tracker import TrackerError, check_kind

from .blob_detector import BlobDetector
from .running_node import FRAMES, Node


@pytest.mark.parametrize("kind", ["norfair", "own"])
def test_a_node_tracks_by_either_kind(kind: TrackerKind, clip: str, detector: BlobDetector) -> None:
    pytest.importorskip("norfair" if kind == "norfair" else "scipy")
    with Node(detector, SourceOptions("clip", clip), tracker=TrackerOptions(kind=kind)) as node:
        messages = node.listen_to_the_end()
    tracks = [{(track.id, track.phrase, track.state) for track in message.tracks} for message in messages]
    assert len(tracks) == FRAMES
    assert tracks[-1] == {(1, "red blob", "matched"), (2, "green blob", "matched")} or tracks[-1] == {
        (1, "green blob", "matched"),
        (2, "red blob", "matched"),
    }


def test_a_missing_norfair_is_named_with_what_to_set() -> None:
    check_kind("own")
    if find_spec("norfair") is not None:
        check_kind("norfair")
        return
    with pytest.raises(TrackerError, match=r"norfair is not installed: install it, or set `tracker: \{kind: own\}`"):
        check_kind("norfair")
