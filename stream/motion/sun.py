"""The sun's height over the horizon, to about a tenth of a degree.

Method: the Astronomical Almanac's low-precision formulas for the sun (page C5), good from 1950 to 2050.
"""

from __future__ import annotations

import math

_J2000_UNIX_S = 946_728_000.0  # 2000-01-01 12:00 UTC
_DAY_S = 86_400.0
HORIZON_DEG = -0.833  # of sunrise and sunset: half the sun's disc, and refraction


def sun_height_deg(unix_s: float, latitude_deg: float, longitude_deg: float) -> float:
    """Degrees over the horizon, negative below it.

    Args:
        unix_s: the moment.
        latitude_deg, longitude_deg: the place, north and east positive.
    """
    days = (unix_s - _J2000_UNIX_S) / _DAY_S
    anomaly = math.radians(357.528 + 0.9856003 * days)
    longitude = math.radians(280.460 + 0.9856474 * days + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly))
    tilt = math.radians(23.439 - 4e-7 * days)
    ascension = math.atan2(math.cos(tilt) * math.sin(longitude), math.cos(longitude))
    declination = math.asin(math.sin(tilt) * math.sin(longitude))
    sidereal = math.radians(280.46061837 + 360.98564736629 * days + longitude_deg)
    hour_angle, latitude = sidereal - ascension, math.radians(latitude_deg)
    height = math.sin(latitude) * math.sin(declination) + math.cos(latitude) * math.cos(declination) * math.cos(
        hour_angle
    )
    return math.degrees(math.asin(max(-1.0, min(1.0, height))))
