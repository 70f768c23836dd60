"""Which vectors point in about the direction of another: arithmetic with numpy, which the extra brings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bot.store.sqlite.search_index import Scope
from bot.store.vectors import Signs

Number = TypeVar("Number", bound=np.generic)

BLOCK = 65_536  # entries compared at a time: their differences fit in the processor's cache
GROWTH = 1.25
_FAR = np.uint16(2**16 - 1)


class Neighbours:
    """The signs of all vectors, in memory: about 90 bytes an article.

    One thread may add while another looks.
    """

    def __init__(self) -> None:
        self._count = 0
        self._signs: NDArray[np.uint64] | None = None
        self._article_ids = np.empty(0, np.int64)
        self._feed_ids = np.empty(0, np.int32)
        self._published = np.empty(0, np.int64)

    def add(self, new: Signs) -> None:
        """Keep more of them. An article that comes again has changed; `nearest` may find it as it was too."""
        count = len(new.article_ids)
        if not count:
            return
        signs = np.frombuffer(new.signs, np.uint64).reshape(count, -1)
        first, last = self._count, self._count + count
        if self._signs is None:
            self._signs = np.empty((0, signs.shape[1]), np.uint64)
        if last > len(self._article_ids):
            room = max(1024, int(GROWTH * last))
            self._signs = _grown(self._signs, room)
            self._article_ids = _grown(self._article_ids, room)
            self._feed_ids = _grown(self._feed_ids, room)
            self._published = _grown(self._published, room)
        self._signs[first:last] = signs
        self._article_ids[first:last] = new.article_ids
        self._feed_ids[first:last] = new.feed_ids
        self._published[first:last] = new.published
        self._count = last

    def nearest(self, signs: bytes, scope: Scope, limit: int) -> list[int]:
        """Ids of about the `limit` articles whose signs differ least from these.

        Of the scope its feeds and dates are heeded.
        """
        count, all_signs = self._count, self._signs
        if all_signs is None:
            return []
        wanted = np.frombuffer(signs, np.uint64)
        differences = np.empty(count, np.uint16)
        for start in range(0, count, BLOCK):
            block = np.bitwise_count(all_signs[start : min(start + BLOCK, count)] ^ wanted)
            differences[start : start + BLOCK] = block.sum(axis=1, dtype=np.uint16)
        published = self._published[:count]
        if scope.feed_ids is not None:
            differences[~np.isin(self._feed_ids[:count], list(scope.feed_ids))] = _FAR
        if scope.since is not None:
            differences[published < scope.since] = _FAR
        if scope.before is not None:
            differences[published >= scope.before] = _FAR
        best = np.argpartition(differences, limit)[:limit] if count > limit else np.arange(count)
        best = best[differences[best] != _FAR]
        return [int(article_id) for article_id in np.unique(self._article_ids[best])]


def cosines(vector: bytes, others: Sequence[bytes]) -> list[float]:
    """From -1 to 1: how nearly each of the others points in the direction of a vector."""
    if not others:
        return []
    one = np.frombuffer(vector, np.int8).astype(np.float32)
    many = np.frombuffer(b"".join(others), np.int8).reshape(len(others), -1).astype(np.float32)
    lengths = np.linalg.norm(many, axis=1) * np.linalg.norm(one)
    found: list[float] = (many @ one / np.maximum(lengths, 1e-9)).tolist()
    return found


def _grown(values: NDArray[Number], room: int) -> NDArray[Number]:
    grown = np.empty((room, *values.shape[1:]), values.dtype)
    grown[: len(values)] = values
    return grown
