"""Scripted scenes with known counts, counted by the node's tracker and events, and by supervision on the same tracks.

    python -m tests.stream.events.counted_scenes 200

prints how many of so many scenes each counts exactly. Objects move along written paths; their true boxes are what the
detector is said to see. A scene is exact if the crossings of its line in both directions, the zone's entries and exits,
and what is inside it at the end are all right.
"""

# supervision leaves its types open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from groundcast.model.detections import Detections
from groundcast.stream.events.engine import EventEngine, EventRules
from groundcast.stream.options import TrackerKind, TrackerOptions
from groundcast.stream.track import Box, Track
from groundcast.stream.tracking.tracker import Tracker
from groundcast.stream.zone import LineOptions, ZoneOptions

WIDTH, HEIGHT = 640, 480
LINE_X, ZONE_LEFT, ZONE_RIGHT = 320.0, 420.0, 560.0
LINE = LineOptions("line", ((LINE_X, 0), (LINE_X, HEIGHT)))  # downwards: in is to the left
ZONE = ZoneOptions("zone", ((ZONE_LEFT, 0), (ZONE_RIGHT, 0), (ZONE_RIGHT, HEIGHT), (ZONE_LEFT, HEIGHT)))
PHRASE = "mug"
_TURN_SHARE = 0.08  # of its side: how far beyond a border an object may turn back without having crossed it


@dataclass(frozen=True)
class Mover:
    """One object: its stations (s, px to the right), between which it moves steadily; before and after it rests."""

    stations: tuple[tuple[float, float], ...]
    y: float
    side: float = 50.0

    def x(self, time_s: float) -> float:
        times, places = zip(*self.stations, strict=True)
        return float(np.interp(time_s, times, places))

    def box(self, time_s: float) -> Box:
        x = self.x(time_s)
        return x - self.side / 2, self.y - self.side / 2, x + self.side / 2, self.y + self.side / 2


@dataclass(frozen=True)
class CountedScene:
    """Objects and what the detector misses of them.

    Args:
        hidden: (left, right) px between which a thing in front hides objects.
        missed: the share of detections that are missing by chance.
        pause: (from, to) s in which no picture comes.
    """

    kind: str
    movers: tuple[Mover, ...]
    hz: float
    seconds: float
    hidden: tuple[float, float] | None = None
    missed: float = 0.0
    pause: tuple[float, float] | None = None


@dataclass
class Counts:
    """What is counted in a scene."""

    ins: int = 0
    outs: int = 0
    entered: int = 0
    left: int = 0
    inside: int = 0


@dataclass
class Verdict:
    """How often ours and supervision's counts were right."""

    scenes: Counter[str] = field(default_factory=Counter[str])
    ours: Counter[str] = field(default_factory=Counter[str])
    line: Counter[str] = field(default_factory=Counter[str])
    zone: Counter[str] = field(default_factory=Counter[str])
    crossings: Counter[str] = field(default_factory=Counter[str])
    wrong: list[str] = field(default_factory=list[str])

    def show(self) -> None:
        """Print the table."""
        print(f"{'scenes':<24}{'':>6}{'ours':>6}{'LineZone':>10}{'PolygonZone':>13}")
        for kind, count in self.scenes.items():
            print(f"{kind:<24}{count:>6}{self.ours[kind]:>6}{self.line[kind]:>10}{self.zone[kind]:>13}")
        sums = (self.scenes.total(), self.ours.total(), self.line.total(), self.zone.total())
        print(f"{'all':<24}{sums[0]:>6}{sums[1]:>6}{sums[2]:>10}{sums[3]:>13}")
        print(f"crossings: {dict(self.crossings)}")
        print("\n".join(self.wrong))


def make_scene(seed: int) -> CountedScene:
    """One of the kinds in turn, at 5, 10 or 30 pictures a second; all else is drawn."""
    rng = np.random.default_rng([seed, 16])
    kind = list(_KINDS)[seed % len(_KINDS)]
    hz = float((5, 30, 10)[seed // len(_KINDS) % 3])
    return replace(_KINDS[kind](rng), kind=kind, hz=hz)


def frames(scene: CountedScene, seed: int) -> Iterator[tuple[float, list[Box]]]:
    """The time and the detections of each picture."""
    rng = np.random.default_rng([seed, 17])
    for index in range(int(scene.seconds * scene.hz)):
        time_s = index / scene.hz
        if scene.pause is not None and scene.pause[0] < time_s < scene.pause[1]:
            continue
        boxes = [mover.box(time_s) for mover in scene.movers]
        seen = [box for box in boxes if not _is_hidden(box, scene) and rng.random() >= scene.missed]
        yield time_s, [box for box in seen if box[2] > 4 and box[0] < WIDTH - 4]


def truth(scene: CountedScene) -> Counts:
    """The true counts: an object that turns back within a small share of its side has not crossed."""
    counts = Counts()
    for mover in scene.movers:
        for before, after in _passages(mover, LINE_X, scene):
            counts.ins += before and not after
            counts.outs += after and not before
        for border, inwards in ((ZONE_LEFT, True), (ZONE_RIGHT, False)):
            for _, after in _passages(mover, border, scene):
                counts.entered += after == inwards
                counts.left += after != inwards
        counts.inside += ZONE_LEFT < mover.x(scene.seconds) < ZONE_RIGHT
    return counts


def count_ours(tracked: Sequence[tuple[float, tuple[Track, ...]]]) -> Counts:
    """What the event engine counts."""
    engine = EventEngine(EventRules((ZONE,), (LINE,)))
    for time_s, tracks in tracked:
        engine.update(tracks, time_s, None)
    inside = sum(engine.counts()[0].now.values())
    engine.end()
    zone, line = engine.counts()
    ins, outs = (sum(line.totals[name].values()) for name in ("in", "out"))
    entered, left = (sum(zone.totals[name].values()) for name in ("entered", "left"))
    return Counts(ins, outs, entered, left, inside)


def count_theirs(tracked: Sequence[tuple[float, tuple[Track, ...]]]) -> tuple[int, int, int]:
    """What supervision's LineZone and PolygonZone count: in, out, inside at the end; by centres, of matched tracks."""
    import supervision as sv

    centre = (sv.Position.CENTER,)
    line = sv.LineZone(sv.Point(LINE_X, 0), sv.Point(LINE_X, HEIGHT), triggering_anchors=centre)
    corners = np.array([[ZONE_LEFT, 0], [ZONE_RIGHT, 0], [ZONE_RIGHT, HEIGHT], [ZONE_LEFT, HEIGHT]], np.int64)
    zone = sv.PolygonZone(corners, triggering_anchors=centre)
    inside = 0
    for _, tracks in tracked:
        matched = [track for track in tracks if track.state == "matched"]
        boxes = np.array([track.box_xyxy for track in matched], np.float32).reshape(-1, 4)
        found = sv.Detections(boxes, tracker_id=np.array([track.id for track in matched], np.int64))
        line.trigger(found)
        inside = int(zone.trigger(found).sum())
    return line.in_count, line.out_count, inside


def track_all(seen: Sequence[tuple[float, list[Box]]], kind: TrackerKind) -> list[tuple[float, tuple[Track, ...]]]:
    """The tracks that the node's tracker of a kind makes of true boxes."""
    tracker = Tracker(TrackerOptions(kind=kind), "n/s/1/1")
    tracked: list[tuple[float, tuple[Track, ...]]] = []
    for time_s, boxes in seen:
        found = Detections(
            (PHRASE,),
            np.array(boxes, np.float32).reshape(-1, 4),
            np.full(len(boxes), 0.9, np.float32),
            np.zeros(len(boxes), np.int64),
        )
        tracked.append((time_s, tracker.update(found, time_s, None, WIDTH, HEIGHT)))
    return tracked


def judge(seeds: Sequence[int], kind: TrackerKind = "norfair") -> Verdict:
    """Count all these scenes, with this kind of tracker."""
    verdict = Verdict()
    for seed in seeds:
        scene = make_scene(seed)
        compare(verdict, scene, seed, track_all(list(frames(scene, seed)), kind))
    return verdict


def compare(
    verdict: Verdict, scene: CountedScene, seed: int, tracked: Sequence[tuple[float, tuple[Track, ...]]]
) -> None:
    """Add a scene's counts to a verdict."""
    wanted, ours, theirs = truth(scene), count_ours(tracked), count_theirs(tracked)
    verdict.scenes[scene.kind] += 1
    verdict.ours[scene.kind] += ours == wanted
    # theirs names the directions the other way round
    verdict.line[scene.kind] += theirs[:2] in ((wanted.ins, wanted.outs), (wanted.outs, wanted.ins))
    verdict.zone[scene.kind] += theirs[2] == wanted.inside
    verdict.crossings.update(true=wanted.ins + wanted.outs, ours=ours.ins + ours.outs, theirs=sum(theirs[:2]))
    if ours != wanted:
        verdict.wrong.append(f"seed {seed}, {scene.kind} at {scene.hz:g} Hz: {ours}, but true are {wanted}")


def _passages(mover: Mover, border: float, scene: CountedScene) -> Iterator[tuple[bool, bool]]:
    """Each time that an object passes a border for good, while it is in the picture: whether it was, and is, right."""
    reach = _TURN_SHARE * mover.side
    side: bool | None = None
    for index in range(int(scene.seconds * 200) + 1):
        x = mover.x(index / 200)
        if not 4 - mover.side / 2 < x < WIDTH - 4 + mover.side / 2 or abs(x - border) <= reach:
            continue
        if side is not None and (x > border) != side:
            yield side, x > border
        side = x > border


def _is_hidden(box: Box, scene: CountedScene) -> bool:
    return scene.hidden is not None and scene.hidden[0] < (box[0] + box[2]) / 2 < scene.hidden[1]


def _pass(rng: np.random.Generator, y: float, begin_s: float = 0.5) -> Mover:
    """An object that goes from one side of the picture to the other, some 100 to 200 px in a second."""
    ways = [(60.0, 590.0), (590.0, 60.0), (-40.0, 500.0), (60.0, 490.0), (680.0, 80.0)]
    start, end = ways[rng.integers(len(ways))]
    seconds = abs(end - start) / rng.uniform(90.0, 200.0)
    return Mover(((begin_s, start), (begin_s + seconds, end)), y, rng.uniform(36.0, 70.0))


def _plain(rng: np.random.Generator) -> CountedScene:
    return CountedScene("", tuple(_pass(rng, y, rng.uniform(0.5, 2.0)) for y in (80, 240, 400)), 0.0, 10.0)


def _flicker(rng: np.random.Generator) -> CountedScene:
    return replace(_plain(rng), missed=float(rng.uniform(0.1, 0.3)))


def _occluded(rng: np.random.Generator) -> CountedScene:
    half = rng.uniform(20.0, 60.0)
    return replace(_plain(rng), hidden=(LINE_X - half, LINE_X + half))


def _turning(rng: np.random.Generator) -> CountedScene:
    """One that turns on the line, one that turns just before it, one that crosses, turns, and comes back."""
    sign = rng.choice((-1.0, 1.0))

    def turn(y: float, reach_share: float) -> Mover:
        side = rng.uniform(40.0, 70.0)
        far, apex = LINE_X - sign * rng.uniform(150, 240), LINE_X + sign * reach_share * side
        there_s = abs(apex - far) / rng.uniform(90, 180)
        stay_s = rng.uniform(0.0, 1.5)
        return Mover(
            ((0.5, far), (0.5 + there_s, apex), (0.5 + there_s + stay_s, apex), (0.5 + 2 * there_s + stay_s, far)),
            y,
            side,
        )

    shares = rng.uniform(-0.05, 0.07), rng.uniform(-0.9, -0.3), rng.uniform(0.8, 1.2)
    return CountedScene("", tuple(turn(y, share) for y, share in zip((80, 240, 400), shares, strict=True)), 0.0, 10.0)


def _side_by_side(rng: np.random.Generator) -> CountedScene:
    """Two that cross together, one above the other or one behind the other, a few px apart."""
    first = _pass(rng, 200.0)
    gap = first.side + rng.uniform(3.0, 10.0)
    if rng.random() < 0.5:
        return CountedScene("", (first, replace(first, y=200.0 + gap)), 0.0, 10.0)
    return CountedScene("", (first, replace(first, stations=tuple((t, x + gap) for t, x in first.stations))), 0.0, 10.0)


def _meeting(rng: np.random.Generator) -> CountedScene:
    """Two that meet on the line and overlap there, so that ids may be exchanged."""
    side, seconds = rng.uniform(40.0, 60.0), rng.uniform(2.5, 4.5)
    right = Mover(((0.5, 90.0), (0.5 + seconds, 550.0)), 220.0, side)
    left = Mover(((0.5, 550.0), (0.5 + seconds, 90.0)), 220.0 + rng.uniform(0.15, 0.8) * side, side)
    return CountedScene("", (right, left), 0.0, 9.0)


def _paused(rng: np.random.Generator) -> CountedScene:
    """A camera that is away for 5 s while one rests in the zone; others cross before and after."""
    before = Mover(((0.3, 100.0), (2.6, 500.0)), 100.0)
    after = Mover(((9.5, 550.0), (12.5, 100.0)), 380.0, rng.uniform(40.0, 60.0))
    resting = Mover(((0.0, float(rng.uniform(470, 510))),), 240.0)
    return CountedScene("", (before, after, resting), 0.0, 15.0, pause=(3.5, 8.5))


_KINDS: dict[str, Callable[[np.random.Generator], CountedScene]] = {
    "plain": _plain,
    "flicker": _flicker,
    "occlusion on the line": _occluded,
    "U-turns": _turning,
    "side by side": _side_by_side,
    "meeting on the line": _meeting,
    "pause of 5 s": _paused,
}


def main() -> None:
    """Print the table."""
    verdict = judge(range(int(sys.argv[1]) if len(sys.argv) > 1 else 70))
    verdict.show()


if __name__ == "__main__":
    main()
