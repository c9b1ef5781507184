"""Zone settings: the keys of a zone and a line in a settings file or a request, and how they are checked."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ..zone import BoxPoint, LineOptions, LinePoint, Point, ZoneOptions

MAX_PLACES = 64  # zones, and as many lines, of one source
_MAX_PX = 100_000
_MAX_CORNERS = 64

Coordinate = Annotated[float, Field(ge=-_MAX_PX, le=_MAX_PX)]
Corner = tuple[Coordinate, Coordinate]
PlaceName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$", max_length=64)]
PhraseName = Annotated[str, Field(min_length=1, max_length=200)]
Settle = Annotated[float, Field(ge=0, le=60)]


def _polygon(corners: tuple[Point, ...]) -> tuple[Point, ...]:
    pairs = zip(corners, (*corners[1:], corners[0]), strict=True)
    area = sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs) / 2
    if abs(area) < 1.0:
        raise ValueError("be the corners of an area in px of the picture, which these points do not enclose")
    return corners


def _line(points: tuple[Point, Point]) -> tuple[Point, Point]:
    if points[0] == points[1]:
        raise ValueError("be two different points, in px of the picture")
    return points


class _Place(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)

    name: PlaceName
    phrases: Annotated[tuple[PhraseName, ...], Field(max_length=64)] = ()
    settle_s: Settle = 0.2


class ZoneSettings(_Place):
    """An area in which objects are counted."""

    polygon_px: Annotated[tuple[Corner, ...], Field(min_length=3, max_length=_MAX_CORNERS), AfterValidator(_polygon)]
    point: BoxPoint = "centre"
    dwell_s: Annotated[float, Field(gt=0, le=604_800)] | None = None

    def to_options(self) -> ZoneOptions:
        """The options for the node."""
        return ZoneOptions(**self.model_dump())


class LineSettings(_Place):
    """A line across which objects are counted."""

    points_px: Annotated[tuple[Corner, Corner], AfterValidator(_line)]
    point: LinePoint = "centre"

    def to_options(self) -> LineOptions:
        """The options for the node."""
        return LineOptions(**self.model_dump())


def place_options(given: dict[str, Any], settings: BaseModel) -> dict[str, Any]:
    """`given`, the values of a source's settings, with the options of its zones and lines in their place."""
    for key in ("zones", "lines"):
        if key in given:
            places: tuple[ZoneSettings | LineSettings, ...] = getattr(settings, key)
            given[key] = tuple(place.to_options() for place in places)
    return given


def check_places(zones: tuple[ZoneSettings, ...], lines: tuple[LineSettings, ...]) -> None:
    """Raise ValueError where two zones or lines of a source have one name."""
    names = [place.name for place in (*zones, *lines)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"name each zone and line once, but {twice!r} is there twice")
