"""Place counts: the counts of a zone or a line as a map, and back."""

from __future__ import annotations

from typing import get_args

from ..event import CountName, PlaceCounts, PlaceKind
from .message_fields import Fields

_PLACE_KINDS: tuple[PlaceKind, ...] = get_args(PlaceKind)
_COUNT_NAMES: tuple[CountName, ...] = get_args(CountName)


def counts_map(counts: PlaceCounts) -> dict[str, object]:
    """The counts as a status carries them."""
    now = {"now": dict(counts.now)} if counts.kind == "zone" else {}
    totals = {name: dict(of_phrase) for name, of_phrase in counts.totals.items()}
    return {"name": counts.name, "kind": counts.kind, **now, "totals": totals}


def read_counts(fields: Fields) -> PlaceCounts:
    """The counts in a map; raises MessageError."""
    now, totals = fields.maybe(fields.fields, "now"), fields.fields("totals")
    return PlaceCounts(
        name=fields.text("name"),
        kind=fields.word("kind", _PLACE_KINDS),
        now={} if now is None else _integers_by_name(now),
        totals={name: _integers_by_name(totals.fields(name)) for name in _COUNT_NAMES if name in totals.names()},
    )


def _integers_by_name(fields: Fields) -> dict[str, int]:
    return {name: fields.integer(name) for name in fields.names()}
