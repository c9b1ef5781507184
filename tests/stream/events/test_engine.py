"""What is counted, and what is not, of tracks along known paths."""

from __future__ import annotations

from dataclasses import replace

from groundcast.stream.event import Event
from groundcast.stream.events.engine import EventEngine, EventRules
from groundcast.stream.events.static_spots import StaticSpot
from groundcast.stream.track import Track
from groundcast.stream.zone import LineOptions, ZoneOptions

from .moving import play, track, walk

DOOR = LineOptions("door", ((200, 0), (200, 240)))  # downwards: in is to the left
SHELF = ZoneOptions("shelf", ((100, 50), (300, 50), (300, 150), (100, 150)), dwell_s=2.0)
RIGHT = [20.0 * step for step in range(20)]


def crossings(events: list[Event]) -> list[str | None]:
    return [event.direction for event in events if event.kind == "cross"]


def kinds(events: list[Event]) -> list[str]:
    return [event.kind for event in events]


def at_door() -> EventEngine:
    return EventEngine(EventRules(lines=(DOOR,)))


def test_a_line_is_crossed_once_each_way() -> None:
    engine = at_door()

    events = play(engine, walk(1, [*RIGHT, *reversed(RIGHT)]))

    assert crossings(events) == ["out", "in"]
    assert engine.counts()[0].totals == {"in": {"bottle": 1}, "out": {"bottle": 1}}
    assert events[0].box_xyxy == (200.0, 80.0, 240.0, 120.0)
    assert (events[0].place, events[0].phrase, events[0].object) == ("door", "bottle", "n/s/1/1-1")


def test_a_box_that_flickers_on_a_line_crosses_it_once() -> None:
    flicker = [100, 150, 199, 201, 198, 202, 199, 203, 198, 201, 240, 280, 300]

    assert crossings(play(at_door(), walk(1, flicker))) == ["out"]


def test_a_turn_on_the_line_is_no_crossing() -> None:
    turn = [100, 140, 180, 197, 201, 203, 201, 190, 150, 100]

    assert crossings(play(at_door(), walk(1, turn))) == []


def turn(apex: float, smoothed_apex: float) -> list[list[Track]]:
    """An object that goes right, rests at a place and goes back; its smoothed box goes on beyond that place."""
    frames = [*walk(1, [100, 140, 180]), *walk(1, [smoothed_apex] * 5), *walk(1, [180, 140, 100])]
    found = [100, 140, 180, *[apex] * 5, 180, 140, 100]
    return [
        [replace(one, detected_xyxy=track(1, x, 100).box_xyxy) for one in tracks]
        for tracks, x in zip(frames, found, strict=True)
    ]


def test_a_smoothed_box_that_goes_on_over_the_line_where_its_object_turns_is_no_crossing() -> None:
    assert crossings(play(at_door(), turn(apex=203, smoothed_apex=206))) == []
    assert crossings(play(at_door(), turn(apex=206, smoothed_apex=206))) == ["out", "in"]


def test_a_smoothed_box_that_goes_on_into_a_zone_where_its_object_turns_does_not_enter() -> None:
    zone = ZoneOptions("zone", ((200, 0), (300, 0), (300, 200), (200, 200)))

    assert play(EventEngine(EventRules((zone,))), turn(apex=203, smoothed_apex=206)) == []
    entered = play(EventEngine(EventRules((zone,))), turn(apex=206, smoothed_apex=206))
    assert [kind for kind in kinds(entered) if kind != "count_changed"] == ["enter", "leave"]


def test_one_wrong_detection_beyond_the_line_is_no_crossing() -> None:
    assert crossings(play(at_door(), walk(1, [100, 110, 120, 260, 130, 140, 150]))) == []


def test_a_track_that_begins_on_the_line_does_not_cross_it() -> None:
    assert crossings(play(at_door(), walk(1, [199, 201, 203, 240, 280, 320]))) == []


def test_a_way_round_the_end_of_a_line_crosses_nothing() -> None:
    path = [(100, 100), (100, 200), (150, 300), (250, 300), (300, 200), (300, 100)]
    frames = [[track(1, x, y)] for x, y in path for _ in range(5)]

    assert crossings(play(at_door(), frames)) == []


def test_a_coasting_track_crosses_only_once_it_is_found_again() -> None:
    engine = at_door()
    hidden = [[track(1, x, 100, "coasting")] for x in (180, 200, 220, 240)]

    before = play(engine, [*walk(1, [100, 120, 140, 160]), *hidden])
    after = play(engine, walk(1, [260, 280, 300, 320]), begin_s=0.8)

    assert crossings(before) == []
    assert crossings(after) == ["out"]


def test_what_a_track_did_before_it_was_confirmed_counts() -> None:
    tentative = [[track(1, x, 100, "tentative")] for x in (150, 190)]

    assert crossings(play(at_door(), [*tentative, *walk(1, [230, 270, 310])])) == ["out"]


def test_a_track_that_is_never_confirmed_counts_nowhere() -> None:
    engine = EventEngine(EventRules((SHELF,), (DOOR,), frozenset({"appear", "disappear"})))

    events = play(engine, [[track(1, x, 100, "tentative")] for x in RIGHT])

    assert events == []


def test_an_object_whose_id_changes_crosses_once_and_stays_one_object() -> None:
    engine = EventEngine(EventRules(lines=(DOOR,), object_events=frozenset({"appear", "disappear"})))
    frames = [*walk(1, [100, 120, 140, 160, 180]), [], [], *walk(2, [240, 260, 280, 300])]

    events = play(engine, frames)

    assert kinds(events) == ["appear", "cross"]
    assert (events[1].track_id, events[1].object) == (2, events[0].object)


def test_another_object_far_away_is_another_object() -> None:
    engine = EventEngine(EventRules(object_events=frozenset({"appear", "disappear"})))

    events = play(engine, [*walk(1, [100] * 5), *walk(2, [300] * 30)])

    assert kinds(events) == ["appear", "appear", "disappear"]
    assert events[2].seconds == 0.4


def test_an_object_that_starts_from_rest_unseen_stays_one_object_where_its_way_comes_from_its_place() -> None:
    away, towards = walk(2, [150, 120, 90, 60]), walk(2, [150, 170, 190, 210])
    for after, appearing in ((away, 1), (towards, 2)):
        engine = EventEngine(EventRules(object_events=frozenset({"appear"})))

        events = play(engine, [*walk(1, [250] * 5), [], [], *_confirmed_at(2, after)])

        assert kinds(events) == ["appear"] * appearing


def test_single_detections_on_the_way_of_a_fast_object_to_its_confirmed_track_count() -> None:
    fast = _confirmed_at(2, walk(4, [300, 330, 360, 390]))
    found = [[track(2, 60, 100, "tentative")], [], [], [], [track(3, 180, 100, "tentative")], [], [], [], *fast]

    assert crossings(play(at_door(), found)) == ["out"]
    assert crossings(play(at_door(), fast)) == []


def _confirmed_at(index: int, frames: list[list[Track]]) -> list[list[Track]]:
    return [
        [replace(one, state="tentative") for one in tracks] if at < index else tracks
        for at, tracks in enumerate(frames)
    ]


def test_two_tracks_that_exchange_their_ids_cross_as_their_objects_do() -> None:
    right = walk(1, [100, 130, 160, 190]), walk(2, [220, 250, 280])
    left = walk(2, [300, 270, 240, 210], y=180), walk(1, [180, 150, 120], y=180)
    frames = [[*a, *b] for a, b in zip([*right[0], *right[1]], [*left[0], *left[1]], strict=True)]

    assert sorted(map(str, crossings(play(at_door(), frames)))) == ["in", "out"]


def test_an_object_enters_stays_and_leaves_a_zone() -> None:
    engine = EventEngine(EventRules(zones=(SHELF,)))
    path = [40, 60, 80, 130, 160, *[200] * 25, 260, 290, 330, 360, 390, *[400] * 4]

    events = play(engine, walk(1, path))

    assert kinds(events) == ["enter", "count_changed", "dwell", "leave", "count_changed"]
    assert [event.unseen for event in events if event.kind in ("enter", "leave")] == [False, False]
    assert [(one.previous, one.count) for one in events if one.kind == "count_changed"] == [(0, 1), (1, 0)]
    assert engine.counts()[0].totals == {"entered": {"bottle": 1}, "left": {"bottle": 1}}


def test_an_object_that_is_found_once_on_its_straight_way_through_a_zone_enters_and_leaves_it() -> None:
    through, back = [40, 200, 360], [40, 200, 40]
    for way, hz, kinds_of in ((through, 5.0, ["enter", "leave"]), (back, 5.0, []), (through, 20.0, [])):
        engine = EventEngine(EventRules(zones=(SHELF,)))

        assert kinds(play(engine, walk(1, way), hz=hz)) == kinds_of


def test_an_object_first_seen_inside_is_counted_but_came_over_no_border() -> None:
    engine = EventEngine(EventRules(zones=(SHELF,)))

    events = play(engine, [*walk(1, [200] * 10), *[[]] * 25])

    assert [(event.kind, event.unseen) for event in events if event.kind in ("enter", "leave")] == [
        ("enter", True),
        ("leave", True),
    ]
    assert engine.counts()[0].totals == {"entered": {}, "left": {}}


def test_a_count_does_not_change_when_a_detection_flickers() -> None:
    engine = EventEngine(EventRules(zones=(SHELF,)))
    flicker = [[track(1, 200, 100)] if step % 7 < 4 else [track(1, 200, 100, "coasting")] for step in range(60)]

    events = play(engine, flicker)

    assert kinds(events) == ["enter", "count_changed", "dwell"]
    assert engine.counts()[0].now == {"bottle": 1}


def test_a_pause_of_the_camera_makes_counts_uncertain_and_crosses_nothing() -> None:
    engine = at_door()
    before = play(engine, walk(1, [100, 120, 140, 160, 180]))
    after = play(engine, walk(1, [220, 240, 260, 280]), begin_s=5.4)

    assert (crossings(before), kinds(after)) == ([], ["gap"])
    assert after[0].seconds == 5.0
    assert engine.uncertain_since_unix_ns == int(1e18 + 0.4e9)


def test_only_the_phrases_of_a_place_count() -> None:
    engine = EventEngine(EventRules(lines=(LineOptions("door", DOOR.points_px, phrases=("person",)),)))

    assert crossings(play(engine, walk(1, RIGHT, phrase="bottle"))) == []
    assert crossings(play(engine, walk(2, RIGHT, phrase="person"), begin_s=10.0)) == ["out"]


def test_an_object_that_rests_at_another_place_has_moved() -> None:
    engine = EventEngine(EventRules(object_events=frozenset({"moved"})))

    events = play(engine, walk(1, [*[100] * 30, 120, 140, 160, *[180] * 30]))

    assert [event.moved_px for event in events] == [(80.0, 0.0)]


def test_places_that_stay_as_they_are_keep_what_they_know() -> None:
    engine = EventEngine(EventRules(zones=(SHELF,), lines=(DOOR,)))
    play(engine, walk(1, [100, 120, 140, 160]))

    engine.set_rules(EventRules(lines=(DOOR,)))
    events = play(engine, walk(1, [220, 240, 260, 280]), begin_s=0.4)

    assert crossings(events) == ["out"]
    assert [one.name for one in engine.counts()] == ["door"]


def test_totals_go_on_from_those_of_the_last_run() -> None:
    engine = EventEngine(EventRules(lines=(DOOR,)), {("door", "out", "bottle"): 7}, 123)

    play(engine, walk(1, RIGHT))

    assert engine.counts()[0].totals["out"] == {"bottle": 8}
    assert engine.uncertain_since_unix_ns == 123


def test_a_place_where_nothing_moves_for_hours_is_static_and_makes_no_events() -> None:
    rules = EventRules(zones=(SHELF,), object_events=frozenset({"appear", "disappear"}), static_after_s=100.0)
    engine = EventEngine(rules)
    flicker = [[track(1 + step // 30, 200, 100)] if step % 30 < 8 else [] for step in range(1500)]

    events = play(engine, flicker)
    later = play(engine, flicker[:300], begin_s=150.0)

    assert kinds(events).count("static") == 1
    assert "static" not in kinds(later)
    assert [event for event in later if event.kind != "gap"] == []
    assert engine.counts()[0].now == {}


def test_an_object_that_moves_past_a_static_place_still_counts() -> None:
    spot = StaticSpot("bottle", (180.0, 80.0, 220.0, 120.0))
    engine = EventEngine(EventRules(lines=(DOOR,), static_after_s=100.0), static=[spot])

    assert crossings(play(engine, walk(1, RIGHT))) == ["out"]


def test_a_place_that_was_taken_back_makes_events_again() -> None:
    spot = StaticSpot("bottle", (180.0, 80.0, 220.0, 120.0))
    engine = EventEngine(EventRules(object_events=frozenset({"appear"})), static=[spot])
    assert play(engine, walk(1, [200] * 10)) == []

    engine.set_static([])

    assert kinds(play(engine, walk(1, [200] * 10), begin_s=1.0)) == ["appear"]
