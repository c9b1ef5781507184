"""Words of a side: 'left' and 'right', which change places when a picture is mirrored."""

from __future__ import annotations

import re

_OTHER_SIDE = {"left": "right", "right": "left", "leftmost": "rightmost", "rightmost": "leftmost"}
_SIDED = re.compile(rf"\b({'|'.join(_OTHER_SIDE)})\b", re.IGNORECASE)


def mirrored_text(text: str) -> str:
    """The text as it is true of the mirrored picture; unchanged where it names no side."""
    return _SIDED.sub(lambda side: _OTHER_SIDE[side[0].lower()], text)
