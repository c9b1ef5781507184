"""Loads the masker that a node's settings name."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..settings.settings import NodeSettings

if TYPE_CHECKING:
    from ...stream.mask_protocol import StreamMasker

_EMBEDDED = "tabletop"


def load_track_masker(settings: NodeSettings) -> StreamMasker | None:
    """The masker of a node's tracks; None where it has none.

    Unless the settings name one it is the embedded masker beside the embedded detector: it knows what tabletop knows.

    Raises:
        MaskerError: the named model is missing, or makes no masks from boxes.
    """
    masks, model = settings.masks, settings.model
    if not masks.enabled or (masks.model is None and (model.name != _EMBEDDED or find_spec("pycocotools") is None)):
        return None
    from ...model.masks.load import load_track_masker as load

    return load(masks.model or _EMBEDDED, model.device, offline=model.offline)
