"""Object memory: what SAM 2 remembers of one object, bounded whatever the length of the video.

Letters: L memory token, C channel.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from torch import Tensor

_MAX_PROMPTED = 2  # the first frame, and the last one whose box was used again


@dataclass(frozen=True, slots=True)
class Remembered:
    """One frame of an object.

    Args:
        frame: the frame's number in its stream.
        features_LC, positions_LC: the frame's memory tokens and their positions.
        pointer_C: the object's token.
    """

    frame: int
    features_LC: Tensor
    positions_LC: Tensor
    pointer_C: Tensor


@dataclass(slots=True)
class ObjectMemory:
    """The frames of one object that later ones attend to.

    Args:
        spatial: how many recent frames keep their tokens; pointers: how many keep their pointer.
        last_seen: the number of the last frame with the object's box.
    """

    spatial: int
    pointers: int
    last_seen: int = 0
    _prompted: list[Remembered] = field(default_factory=list[Remembered])
    _recent: deque[Remembered] = field(default_factory=deque[Remembered])

    @property
    def is_empty(self) -> bool:
        return not self._prompted

    def add_prompted(self, remembered: Remembered) -> None:
        """Add a frame whose mask came from a box. Between the first and the last such frame none is kept."""
        self._prompted = [*self._prompted[: _MAX_PROMPTED - 1], remembered]
        self._recent = deque(one for one in self._recent if one.frame != remembered.frame)

    def add(self, remembered: Remembered) -> None:
        """Add a frame whose mask came from the memory; the oldest of too many are dropped."""
        self._recent.append(remembered)
        while self._recent and self._recent[0].frame <= remembered.frame - max(self.spatial, self.pointers):
            self._recent.popleft()

    def tokens(self, frame: int) -> Iterator[tuple[int, Remembered]]:
        """The frames that `frame` attends to, and how long ago each was: 0 for those with a box, which come first."""
        for one in self._prompted:
            yield 0, one
        for one in self._recent:  # the oldest first
            if 1 <= frame - one.frame <= self.spatial:
                yield frame - one.frame, one

    def object_pointers(self, frame: int) -> Iterator[tuple[int, Remembered]]:
        """The frames whose pointer `frame` attends to, and how many frames ago each was."""
        for one in self._prompted:
            yield frame - one.frame, one
        for one in reversed(self._recent):
            if 1 <= frame - one.frame <= self.pointers:
                yield frame - one.frame, one
