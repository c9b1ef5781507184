"""Section: a map of known keys and finite numbers, as settings and requests hold them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A map of known keys and finite numbers."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)
