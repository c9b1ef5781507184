"""Picture index: a vector for each picture and each sampled frame, on disk; only new and changed files get new ones."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...model.embeddings.vector_search import VectorGraph, dot_products, has_graph_library
from ..exits import InputError, writing
from ..survey.append_file import append, full_disk, parsed_line
from ..survey.journal import file_stamp

_FORMAT = 1
_VECTORS, _FILES, _GRAPH = "vectors.f16", "files.jsonl", "graph.usearch"
_GRAPH_ROWS = 100_000  # from here on, the graph of neighbours is faster than all dot products


class PictureIndex:
    """The vectors of pictures. A file's line is written once its vectors are; what a kill cut off is removed.

    Args:
        folder: for the index, which is made if it is missing. Only one process may have it open.
        model: the name of what made the vectors.
        dimensions: of a vector.
        graph_rows: number of vectors from which a graph of neighbours is used, where usearch is installed.

    Raises:
        InputError: another process has it open, it is of another model, or it cannot be written.
    """

    def __init__(self, folder: Path, model: str, dimensions: int, graph_rows: int = _GRAPH_ROWS) -> None:
        self._folder, self._dimensions, self._graph_rows = folder, dimensions, graph_rows
        self._places: dict[str, tuple[int, int, tuple[int, int]]] = {}  # first row, rows, the file's size and time
        with writing(folder, "folder"):
            folder.mkdir(parents=True, exist_ok=True)
            self._files = (folder / _FILES).open("a+b", buffering=0)
            self._vectors = (folder / _VECTORS).open("a+b", buffering=0)
        try:
            self._lock()
            self._rows = self._read({"groundcast_vectors": _FORMAT, "model": model, "dimensions": dimensions})
        except BaseException:
            self.close()
            raise

    def is_done(self, path: str) -> bool:
        """Whether a file has vectors, and has not changed since."""
        place = self._places.get(path)
        return place is not None and place[2] == file_stamp(path)

    def add(self, path: str, vectors: NDArray[np.float32]) -> None:
        """Keep a file's vectors, in place of earlier ones.

        Raises:
            RunError: the disk takes no more.
        """
        stamp, count = file_stamp(path), len(vectors)
        append(self._vectors, vectors.astype("<f2").tobytes(), self._folder)
        line = {"path": path, "size": stamp[0], "changed_ns": stamp[1], "first": self._rows, "rows": count}
        append(self._files, json.dumps(line, separators=(",", ":")).encode() + b"\n", self._folder)
        self._places[path] = self._rows, count, stamp
        self._rows += count

    def best(self, paths: Sequence[str], query: NDArray[np.float32], count: int) -> list[tuple[str, float]]:
        """The files whose best vector has the largest dot product with a query, the best first.

        Args:
            paths: to choose from; those without vectors are left out.
            query: the direction.
            count: how many files.
        """
        wanted = {path: self._places[path] for path in paths if path in self._places}
        if not wanted or not self._rows:
            return []
        matrix: NDArray[np.float16] = np.memmap(
            self._folder / _VECTORS, "<f2", "r", shape=(self._rows, self._dimensions)
        )
        names = list(wanted)
        owner = np.full(self._rows, -1, np.int64)  # of each row the file, by its place in `names`
        for number, (first, rows, _) in enumerate(wanted.values()):
            owner[first : first + rows] = number
        rows = self._near_rows(matrix, owner, query, count)
        scores = dot_products(matrix, query, rows)
        best = np.full(len(names), -np.inf, np.float32)
        np.maximum.at(best, owner[rows], scores)
        order = np.lexsort((np.arange(len(names)), -best))[:count]
        return [(names[number], float(best[number])) for number in order if np.isfinite(best[number])]

    def close(self) -> None:
        """Close the files."""
        self._files.close()
        self._vectors.close()

    def __enter__(self) -> PictureIndex:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _near_rows(
        self, matrix: NDArray[np.float16], owner: NDArray[np.int64], query: NDArray[np.float32], count: int
    ) -> NDArray[np.int64]:
        """The rows to compare: all of the wanted files, or with a graph those near the query, of enough files."""
        live = np.flatnonzero(owner >= 0)
        if len(live) < self._graph_rows or not has_graph_library():
            return live
        graph = VectorGraph(self._folder / _GRAPH, self._dimensions)
        try:
            graph.update(matrix)
        except OSError as error:
            raise full_disk(self._folder / _GRAPH, error) from error
        asked = max(64, 4 * count)
        while asked < self._rows // 4:
            near = graph.search(query, asked)
            near = near[owner[near] >= 0]
            if len(np.unique(owner[near])) >= count:
                return near
            asked *= 4
        return live

    def _lock(self) -> None:
        try:
            fcntl.flock(self._files, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(
                f"{self._folder} is in use by another search: wait for it, or name another --index"
            ) from error

    def _read(self, header: Mapping[str, Any]) -> int:
        """Read what is there; returns the number of complete vectors. What follows them is cut off."""
        self._files.seek(0)
        width = 2 * self._dimensions
        stored, end, rows = os.fstat(self._vectors.fileno()).st_size // width, 0, 0
        for number, line in enumerate(self._files.read().splitlines(keepends=True)):
            values = parsed_line(line)
            if values is None:
                break
            if number == 0:
                if values != header:
                    raise InputError(f"{self._folder} is no index of this model: name another --index")
            else:
                first, count = int(values["first"]), int(values["rows"])
                if first + count > stored:
                    break
                self._places[values["path"]] = first, count, (int(values["size"]), int(values["changed_ns"]))
                rows = max(rows, first + count)
            end += len(line)
        self._files.truncate(end)
        self._vectors.truncate(rows * width)
        if end == 0:
            append(self._files, json.dumps(dict(header)).encode() + b"\n", self._folder)
        return rows
