"""Loads a masker by name: the embedded one, a folder, or a model of the hub."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..image import Image
from .mask import Mask

EMBEDDED = "tabletop"
_INSTALL = "pip install 'groundcast[node,masks]'"


class Masker(Protocol):
    """Finds the object in each box of a picture. One thread at a time may use it."""

    @property
    def name(self) -> str:
        """The masker's name in messages."""
        ...

    def masks(self, image: Image, boxes_xyxy: NDArray[np.float32]) -> Sequence[Mask | None]:
        """One mask a box, in order; None where there is none. Boxes are (n, 4), px of the image."""
        ...


def load_masker(name: str = EMBEDDED, device: str = "auto", *, offline: bool = False) -> Masker:
    """Load a masker. Takes seconds.

    Args:
        name: 'tabletop' is the embedded one; else a folder, or 'owner/model' of the hub.
        device: 'auto' is the first GPU if there is one; else 'cpu', 'cuda', 'cuda:1'.
        offline: use the hub's local cache alone.

    Raises:
        MaskerError: there is no such model, or it is none that makes masks from boxes.
        DeviceError: this machine has no such device.
    """
    from ..runtime.device import named_device
    from .published_masker import MaskerError

    if find_spec("pycocotools") is None:
        raise MaskerError(f"masks need pycocotools, which is missing: {_INSTALL}")
    chosen = named_device(device)
    if name != EMBEDDED:
        from .published_masker import load_published

        return load_published(name, chosen, offline=offline)
    from .embedded import EmbeddedMasker

    return EmbeddedMasker(device=str(chosen))
