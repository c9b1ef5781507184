"""Query: one picture and the prompt to find in it."""

from __future__ import annotations

from dataclasses import dataclass

from .image import Image
from .prompt import Prompt


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """One picture, its prompt and the size of the network's input for it.

    Args:
        image: (h, w, 3) uint8 RGB of any size; or a decoder's planes, which saves work on the host with a GPU.
        prompt: the phrases to find.
        size_px: the short side of the network's input; None is the detector's.
    """

    image: Image
    prompt: Prompt
    size_px: int | None = None

    @property
    def image_hw(self) -> tuple[int, int]:
        """The picture's height and width, px."""
        return self.image.shape[0], self.image.shape[1]
