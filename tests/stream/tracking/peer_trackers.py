"""Public trackers over detections in files: runs in an environment of its own that has `trackers` and `norfair`.

    python peer_trackers.py FOLDER

FOLDER/NAME.npz holds the detections of a sequence; FOLDER/NAME.TRACKER.npz gets its tracks.
"""

# That environment's libraries are not known here.
# pyright: reportMissingImports=false, reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Frames = list[NDArray[np.float64]]
Rows = list[list[float]]


def main(folder: Path) -> None:
    for path in sorted(folder.glob("*.in.npz")):
        with np.load(path) as file:
            counts, rows, rate_hz = file["counts"], file["rows"], float(file["rate_hz"])
        frames = np.split(rows, np.cumsum(counts)[:-1])
        for name, track in (
            ("norfair plain", _norfair),
            ("SORT", _roboflow("SORTTracker")),
            ("ByteTrack", _roboflow("ByteTrackTracker")),
            ("OC-SORT", _roboflow("OCSORTTracker")),
            ("BoT-SORT", _roboflow("BoTSORTTracker", enable_cmc=False)),
        ):
            tracks = [np.asarray(one, float).reshape(-1, 5) for one in track(frames, rate_hz)]
            out = path.with_name(path.name.replace(".in.npz", f".{name}.out.npz"))
            np.savez(out, counts=[len(one) for one in tracks], rows=np.concatenate(tracks))


def _norfair(frames: Frames, _rate_hz: float) -> Iterator[Rows]:
    from norfair.tracker import Detection, Tracker

    tracker = Tracker(distance_function="iou", distance_threshold=0.7)
    for rows in frames:
        found = [Detection(row[:4].reshape(2, 2), scores=row[[4, 4]]) for row in rows]
        alive = tracker.update(found)
        seen = [one for one in alive if one.live_points.any() and one.last_detection in found]
        yield [[*one.estimate.ravel(), float(one.id or 0)] for one in seen]


def _roboflow(name: str, **options: object) -> Callable[[Frames, float], Iterator[Rows]]:
    def track(frames: Frames, rate_hz: float) -> Iterator[Rows]:
        import supervision as sv
        import trackers

        tracker = getattr(trackers, name)(frame_rate=rate_hz, **options)
        for rows in frames:
            found = sv.Detections(
                xyxy=rows[:, :4].astype(np.float32), confidence=rows[:, 4], class_id=np.zeros(len(rows), int)
            )
            seen = tracker.update(found)
            yield [[*box, one] for box, one in zip(seen.xyxy, seen.tracker_id, strict=True) if one >= 0]

    return track


if __name__ == "__main__":
    main(Path(sys.argv[1]))
