"""Embedded models: the weights that come with groundcast, by name, and which of them knows a wording."""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import cast

_MODEL = Path(__file__).parents[1]
EMBEDDED = {name: _MODEL / name / f"{name}.safetensors" for name in ("tabletop", "everyday")}


def embedded_with(wordings: Collection[str]) -> str | None:
    """The name of the first embedded model that was taught all of the wordings; None if there is none."""
    return next((name for name in EMBEDDED if _wordings(name).issuperset(wordings)), None)


@lru_cache(maxsize=len(EMBEDDED))
def _wordings(name: str) -> frozenset[str]:
    described = EMBEDDED[name].with_suffix(".json")
    if not described.is_file():  # a copy without the model; `groundcast doctor` says so
        return frozenset()
    facts = cast("dict[str, object]", json.loads(described.read_text(encoding="utf-8")))
    return frozenset(cast("list[str]", facts["known_wordings"]))
