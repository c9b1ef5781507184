"""Zone settings: the keys of a zone and a line in a settings file or a request, and how they are checked."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ..wire.topics import MAX_FRAME_ID_LENGTH
from ..zone import BoxPoint, LineOptions, LinePoint, Point, ZoneOptions

MAX_PLACES = 64  # zones, and as many lines, of one source
MAX_CORNERS = 64
_MAX_PX = 100_000
_MAX_M = 10_000
_MIN_AREA_M2 = 1e-4

Coordinate = Annotated[float, Field(ge=-_MAX_PX, le=_MAX_PX)]
Corner = tuple[Coordinate, Coordinate]
Metres = Annotated[float, Field(ge=-_MAX_M, le=_MAX_M)]
CornerM = tuple[Metres, Metres]
PlaceName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$", max_length=64)]
PhraseName = Annotated[str, Field(min_length=1, max_length=200)]
Settle = Annotated[float, Field(ge=0, le=60)]


def _area_px(corners: tuple[Point, ...]) -> tuple[Point, ...]:
    if _area(corners) < 1.0:
        raise ValueError("be the corners of an area in px of the picture, which these points do not enclose")
    return corners


def _area_m(corners: tuple[Point, ...]) -> tuple[Point, ...]:
    if _area(corners) < _MIN_AREA_M2:
        raise ValueError("be the corners of an area in metres, 1 cm2 at least, which these points do not enclose")
    return corners


def _area(corners: tuple[Point, ...]) -> float:
    pairs = zip(corners, (*corners[1:], corners[0]), strict=True)
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs) / 2)


def _line(points: tuple[Point, ...]) -> tuple[Point, ...]:
    if points[0] == points[1]:
        raise ValueError("be two different points")
    return points


class _Place(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)
    border: ClassVar[str]

    name: PlaceName
    phrases: Annotated[tuple[PhraseName, ...], Field(max_length=64)] = ()
    settle_s: Settle = 0.2
    frame: Annotated[str, Field(min_length=1, max_length=MAX_FRAME_ID_LENGTH)] | None = None

    @model_validator(mode="after")
    def _has_one_border(self) -> _Place:
        in_px, in_m = f"{self.border}_px", f"{self.border}_m"
        wanted, other = (in_px, in_m) if self.frame is None else (in_m, in_px)
        if wanted not in self.model_fields_set or other in self.model_fields_set:
            raise ValueError(f"have {in_px}, or a frame and {in_m} in it, and not both")
        if dict(self)["point"] not in (None, "position") and self.frame is not None:
            raise ValueError("count by point: position, since it has a frame")
        if dict(self)["point"] == "position" and self.frame is None:
            raise ValueError("have a frame and its points in metres if it counts by point: position")
        return self

    def _values(self) -> dict[str, Any]:
        values = self.model_dump()
        return {**values, "point": values["point"] or ("centre" if self.frame is None else "position")}


class ZoneSettings(_Place):
    """An area in which objects are counted."""

    border = "polygon"

    polygon_px: Annotated[
        tuple[Corner, ...], Field(min_length=3, max_length=MAX_CORNERS), AfterValidator(_area_px)
    ] = ()
    polygon_m: Annotated[tuple[CornerM, ...], Field(min_length=3, max_length=MAX_CORNERS), AfterValidator(_area_m)] = ()
    point: BoxPoint | None = None
    dwell_s: Annotated[float, Field(gt=0, le=604_800)] | None = None

    def to_options(self) -> ZoneOptions:
        """The options for the node."""
        return ZoneOptions(**self._values())


class LineSettings(_Place):
    """A line across which objects are counted."""

    border = "points"

    points_px: Annotated[tuple[Corner, ...], Field(min_length=2, max_length=2), AfterValidator(_line)] = ()
    points_m: Annotated[tuple[CornerM, ...], Field(min_length=2, max_length=2), AfterValidator(_line)] = ()
    point: LinePoint | None = None

    def to_options(self) -> LineOptions:
        """The options for the node."""
        return LineOptions(**self._values())


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
