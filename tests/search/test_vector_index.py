"""The vector index: segments, merges and damaged files."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from bot.search.semantic import vector_index
from bot.search.semantic.rank_fusion import fuse_rankings
from bot.search.semantic.vector_index import VectorIndex, compute_cosines
from tests.support.search.library import list_modes

DIMENSIONS = 64


def draw_vectors(count: int, seed: int = 7) -> list[bytes]:
    rng = np.random.default_rng(seed)
    return [row.tobytes() for row in rng.integers(-90, 90, (count, DIMENSIONS)).astype(np.int8)]


@pytest.fixture
def index(tmp_path, monkeypatch) -> Iterable[VectorIndex]:
    monkeypatch.setattr(vector_index, "SEGMENT_CAPACITY", 32)
    monkeypatch.setattr(vector_index, "MERGE_FACTOR", 3)
    opened_index = VectorIndex(tmp_path / "vectors", "toy")
    assert opened_index.become_writer()
    opened_index.clear()
    yield opened_index
    opened_index.close()


def test_segments_are_searched_as_one_with_latest_vectors(index, tmp_path):
    vector_by_article_id: dict[int, bytes] = {}
    for step in range(20):
        ids = [*range(step * 20, step * 20 + 20), *range(0, step * 20, 50)]
        vectors = draw_vectors(len(ids), step)
        index.add(ids, vectors)
        vector_by_article_id |= dict(zip(ids, vectors, strict=True))
        index.save(set)
    reopened_index = VectorIndex(tmp_path / "vectors", "toy")
    for article_id, vector in vector_by_article_id.items():
        (best, cosine), *_ = reopened_index.find_nearest(vector, 3)
        assert best == article_id
        assert cosine == pytest.approx(1, abs=0.01)
    assert len(list((tmp_path / "vectors").glob("*.usearch"))) < 8
    assert reopened_index.compute_cosines_by_id(vector_by_article_id[0], [0, 10_000]) == {0: pytest.approx(1)}


def test_vectors_are_readable_only_by_owner(tmp_path):
    index = VectorIndex(tmp_path / "vectors", "toy")
    index.become_writer()
    index.clear()
    index.add(range(5), draw_vectors(5))
    index.save(set)
    assert list_modes(tmp_path / "vectors") == {"drwx------", "-rw-------"}
    index.close()


def test_merge_drops_deleted_vectors(index):
    for step in range(4):
        index.add(range(step * 32, step * 32 + 32), draw_vectors(32, step))
        index.save(lambda ids: {id_ for id_ in ids if id_ % 2})
    assert len(index) == 48 + 32


def test_unsaved_vector_is_found_but_not_persisted(index, tmp_path):
    (vector,) = draw_vectors(1)
    index.save(set)
    index.add([5], [vector])
    assert index.find_nearest(vector, 1)[0][0] == 5
    assert len(VectorIndex(tmp_path / "vectors", "toy")) == 0


@pytest.mark.parametrize("file", ["manifest.json", "*.usearch"])
def test_damaged_file_counts_as_missing(index, tmp_path, file):
    index.add([5], draw_vectors(1))
    index.save(set)
    (path,) = (tmp_path / "vectors").glob(file)
    path.write_bytes(path.read_bytes()[:40])
    assert VectorIndex(tmp_path / "vectors", "toy").index_id == ""


def test_zero_vector_has_no_similarity(index):
    index.add([1, 2], [bytes(DIMENSIONS), *draw_vectors(1)])
    assert [id_ for id_, cosine in index.find_nearest(draw_vectors(1)[0], 2) if cosine > 0.1] == [2]
    assert compute_cosines(bytes(DIMENSIONS), draw_vectors(1)) == [0]


def test_rankings_are_fused_by_rank():
    assert fuse_rankings("abcd", "dbe") == ["b", "d", "a", "c", "e"]
    assert fuse_rankings(["only"], []) == ["only"]
