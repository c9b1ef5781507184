"""Pictures, or batches of them, that threads make before they are needed, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Made = TypeVar("Made")


def made_ahead(make: Callable[[int], Made], numbers: Sequence[int], threads: int) -> Iterator[Made]:
    """What `make` returns for each number, in their order; at most `threads` are made ahead.

    An error of `make` is raised when its turn comes.
    """
    with ThreadPoolExecutor(threads) as pool:
        waiting = iter(numbers)
        coming = [pool.submit(make, number) for number in islice(waiting, threads)]
        while coming:
            made = coming.pop(0).result()
            coming += [pool.submit(make, number) for number in islice(waiting, 1)]
            yield made
