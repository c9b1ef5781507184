"""Survey results: what the writers of result files read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .entry import FileEntry


@dataclass(frozen=True, slots=True)
class SurveyResults:
    """The results of a survey.

    Args:
        entries: reads them from the beginning at each call, in the order of the files.
        name_of: a file's name in the results, from its path.
        categories: the labels; they are numbered from 1.
        model: the model's name.
        threshold: the minimum score; None where there is none.
    """

    entries: Callable[[], Iterator[FileEntry]]
    name_of: Callable[[str], str]
    categories: Sequence[str]
    model: str
    threshold: float | None

    @property
    def category_ids(self) -> dict[str, int]:
        """The number of each label."""
        return {name: number for number, name in enumerate(self.categories, 1)}
