"""The index of pictures on disk: best files first, only new ones get vectors, and a kill costs no more than a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from groundcast.launch.exits import InputError
from groundcast.launch.photos.picture_index import PictureIndex
from groundcast.model.embeddings.vector_search import has_graph_library

RNG = np.random.default_rng(0)
D = 8


def unit(count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    vectors = RNG.normal(size=(count, D)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def fill(folder: Path, count: int) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    """Files with one to three vectors each."""
    found: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = {}
    folder.mkdir()
    for number in range(count):
        path = folder / f"{number:03}.jpg"
        path.write_bytes(bytes(number + 1))
        found[str(path)] = unit(1 + number % 3)
    return found


def test_the_file_of_the_best_vector_comes_first(tmp_path: Path) -> None:
    files = fill(tmp_path / "photos", 20)
    query = unit(1)[0]
    with PictureIndex(tmp_path / "index", "m", D) as index:
        for path, vectors in files.items():
            index.add(path, vectors)
        found = index.best([*files, "not there"], query, 5)
        alone = index.best([found[3][0]], query, 5)

    expected = sorted(files, key=lambda path: -float((files[path] @ query).max()))[:5]
    assert [path for path, _ in found] == expected
    assert [score for _, score in found] == pytest.approx(
        [float((files[path] @ query).max()) for path in expected], abs=2e-3
    )
    assert alone == found[3:4]


def test_what_is_kept_is_new_where_a_file_is_and_survives_a_kill(tmp_path: Path) -> None:
    files = fill(tmp_path / "photos", 4)
    first, second, third, fourth = files
    with PictureIndex(tmp_path / "index", "m", D) as index:
        for path in (first, second, third):
            index.add(path, files[path])
        with pytest.raises(InputError, match="in use by another search"):
            PictureIndex(tmp_path / "index", "m", D)
    whole = (tmp_path / "index" / "files.jsonl").read_bytes()
    (tmp_path / "index" / "files.jsonl").write_bytes(whole[:-7])  # killed while the line of the third was written
    Path(first).write_bytes(b"another picture")

    with PictureIndex(tmp_path / "index", "m", D) as index:
        assert [index.is_done(path) for path in files] == [False, True, False, False]
        index.add(first, -files[first])
        index.add(third, files[third])
        index.add(fourth, files[fourth])
        assert all(index.is_done(path) for path in files)
        query = -files[first][0]
        assert index.best(list(files), query, 1)[0] == (first, pytest.approx(1, abs=2e-3))
        assert index.best([third], files[third][2], 1) == [(third, pytest.approx(1, abs=2e-3))]
    with pytest.raises(InputError, match="no index of this model"):
        PictureIndex(tmp_path / "index", "other", D)


def test_vectors_that_are_missing_are_made_again(tmp_path: Path) -> None:
    files = fill(tmp_path / "photos", 3)
    with PictureIndex(tmp_path / "index", "m", D) as index:
        for path, vectors in files.items():
            index.add(path, vectors)
    with (tmp_path / "index" / "vectors.f16").open("r+b") as file:
        file.truncate(4 * D * 2)  # of the third file's three vectors only the first is there
    with PictureIndex(tmp_path / "index", "m", D) as index:
        assert [index.is_done(path) for path in files] == [True, True, False]


@pytest.mark.skipif(not has_graph_library(), reason="needs the [search] extra")
def test_many_vectors_are_searched_by_a_graph(tmp_path: Path) -> None:
    files = fill(tmp_path / "photos", 250)
    query = unit(1)[0]
    with PictureIndex(tmp_path / "index", "m", D, graph_rows=100) as index:
        for path, vectors in files.items():
            index.add(path, vectors)
        found = [path for path, _ in index.best(list(files), query, 5)]
        few = list(files)[:60]
        among = [path for path, _ in index.best(few, query, 5)]

    nearest = sorted(files, key=lambda path: -float((files[path] @ query).max()))
    assert (tmp_path / "index" / "graph.usearch").exists()
    assert found[0] == nearest[0]
    assert len({*found} & {*nearest[:5]}) >= 4
    assert among[0] == next(path for path in nearest if path in few)
