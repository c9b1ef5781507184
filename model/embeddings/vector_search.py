"""Vector search: the rows of a matrix that point most in the direction of a query, exactly or by a graph."""

# pyright: reportMissingTypeStubs=false, reportMissingImports=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CHUNK_ROWS = 65_536

Vectors = NDArray[np.float16]
Rows = NDArray[np.int64]


def dot_products(vectors_ND: Vectors, query_D: NDArray[np.float32], rows: Rows | None = None) -> NDArray[np.float32]:
    """The dot product of each row, or of some rows, with a query; computed in float32, a chunk at a time."""
    count = len(vectors_ND) if rows is None else len(rows)
    found = np.empty(count, np.float32)
    for first in range(0, count, _CHUNK_ROWS):
        part = slice(first, first + _CHUNK_ROWS)
        own = vectors_ND[part] if rows is None else vectors_ND[rows[part]]
        found[part] = own.astype(np.float32) @ query_D
    return found


def has_graph_library() -> bool:
    """Whether usearch is installed."""
    return find_spec("usearch") is not None


class VectorGraph:
    """A graph of neighbours (HNSW, by usearch) over the rows of a matrix that only grows; kept in a file.

    Its answers are approximate: some of the nearest rows may be missing.

    Args:
        path: of the file; a missing or damaged one is made anew.
        dimensions: of the vectors.
    """

    def __init__(self, path: Path, dimensions: int) -> None:
        from usearch.index import Index

        self._path = path
        self._index: Any = None
        if path.exists():
            try:
                self._index = Index.restore(str(path))
            except (RuntimeError, ValueError, OSError):
                self._index = None
        if self._index is None or self._index.ndim != dimensions:
            self._index = Index(ndim=dimensions, metric="ip", dtype="f16")

    def __len__(self) -> int:
        return len(self._index)

    def update(self, vectors_ND: Vectors) -> None:
        """Add the rows that the graph does not have yet, and keep it.

        Raises:
            OSError: the disk takes no more.
        """
        if len(self) == len(vectors_ND):
            return
        if len(self) > len(vectors_ND):  # the matrix was begun anew
            self._index.clear()
        for first in range(len(self), len(vectors_ND), _CHUNK_ROWS):
            rows = np.arange(first, min(first + _CHUNK_ROWS, len(vectors_ND)))
            self._index.add(rows.astype(np.uint64), np.asarray(vectors_ND[rows[0] : rows[-1] + 1]))
        part = self._path.with_name(f".{self._path.name}.part")
        try:
            self._index.save(str(part))
        except RuntimeError as error:
            raise OSError(None, str(error)) from error
        part.replace(self._path)

    def search(self, query_D: NDArray[np.float32], count: int) -> Rows:
        """About `count` rows with the largest dot products, the largest first."""
        found = self._index.search(query_D.astype(np.float16), min(count, len(self)))
        return np.asarray(found.keys, np.int64)
