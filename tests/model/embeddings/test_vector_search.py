"""Vector search: dot products as numpy's, and a graph that finds nearly the same rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from groundcast.model.embeddings import vector_search
from groundcast.model.embeddings.vector_search import VectorGraph, dot_products

RNG = np.random.default_rng(0)
DRAWN = RNG.normal(size=(600, 16))
VECTORS: NDArray[np.float16] = (DRAWN / np.linalg.norm(DRAWN, axis=1, keepdims=True)).astype(np.float16)
QUERY = VECTORS[17].astype(np.float32)


def test_dot_products_are_those_of_float32_in_every_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_search, "_CHUNK_ROWS", 64)
    expected = VECTORS.astype(np.float32) @ QUERY

    assert np.allclose(dot_products(VECTORS, QUERY), expected, atol=1e-6)
    rows = np.array([5, 599, 17, 130] * 40)
    assert np.allclose(dot_products(VECTORS, QUERY, rows), expected[rows], atol=1e-6)


def test_a_graph_finds_nearly_the_nearest_rows_and_takes_only_new_ones(tmp_path: Path) -> None:
    pytest.importorskip("usearch", reason="needs the [search] extra")
    path = tmp_path / "graph.usearch"
    VectorGraph(path, 16).update(VECTORS[:400])
    graph = VectorGraph(path, 16)
    assert len(graph) == 400
    graph.update(VECTORS)
    found = VectorGraph(path, 16).search(QUERY, 20)

    nearest = np.argsort(-dot_products(VECTORS, QUERY))[:20]
    assert found[0] == 17
    assert len({*found.tolist()} & {*nearest.tolist()}) >= 18

    path.write_bytes(b"damaged")
    assert len(VectorGraph(path, 16)) == 0
    graph.update(VECTORS[:100])  # begun anew
    assert len(graph) == 100
