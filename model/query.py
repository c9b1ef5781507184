"""Query: one picture and what the detector is to find in it."""

from __future__ import annotations

from dataclasses import dataclass

from .image import Image
from .prompt import Prompt


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """One picture, the prompt for it and the size at which the network sees it.

    Args:
        image: (h, w, 3) uint8 RGB of any size; or as a decoder gave it, which spares host work where there is a GPU.
        prompt: the phrases to find.
        size_px: the short side of the network's input; None is the detector's own.
    """

    image: Image
    prompt: Prompt
    size_px: int | None = None

    @property
    def image_hw(self) -> tuple[int, int]:
        """The picture's height and width, px."""
        return self.image.shape[0], self.image.shape[1]
