"""The vectors of articles in files beside the database, and the nearest of them: usearch's graphs over bytes.

The files are derived: whoever finds them missing, damaged or of another model begins anew. Vectors are only
ever added. Most stand in sealed segments that are mapped into memory, the last few in one that grows; equally
large segments are put together (a log-structured merge). What a later segment holds of an article replaces
what an earlier one does. A manifest, replaced as a whole, names the segments, so that a process killed at any
moment leaves the state before, and others read while one writes.
"""

from __future__ import annotations

import json
import logging
import math
import secrets
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock
import numpy as np

from bot.core.private_files import close_files, make_private_folder

if TYPE_CHECKING:
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

SEGMENT_CAPACITY = 4_096
"""Vectors at which the last segment is sealed."""
MERGE_FACTOR = 8
"""Sealed segments of about one size that are put together."""
HNSW_EXPANSION_ADD = (
    64  # looked at for a new vector (expansion_add of HNSW, https://arxiv.org/abs/1603.09320),
)
HNSW_EXPANSION_SEARCH = 512  # and for a question: .976 of the true fifty among 100,000, in 5 ms
_MANIFEST = "manifest.json"
_VERSION = 1


@dataclass(slots=True)
class _Segment:
    """A graph and its file; `name` is empty while it has none."""

    graph: Any
    name: str = ""

    def __len__(self) -> int:
        return len(self.graph)


class VectorIndex:
    """The vectors of one model. Every method may block: it belongs in a thread. All may be called at once.

    One process writes at a time, the one that got the lock (`writes`); the others see what it saved.
    """

    def __init__(self, folder: Path, model: str) -> None:
        self._folder, self._model = folder, model
        self.generation = ""
        """A name drawn when the index was begun; "" for one that there is not."""
        self._segments: list[_Segment] = []
        self._active_segment: _Segment | None = None
        self._manifest_version: tuple[int, int] | None = None
        self._segments_lock = threading.RLock()
        self._lock = filelock.FileLock(folder.with_name(f"{folder.name}.lock"), thread_local=False)
        self.refresh()

    @property
    def is_writer(self) -> bool:
        """Whether this process may add."""
        return bool(self._lock.is_locked)

    def __len__(self) -> int:
        with self._segments_lock:
            return sum(map(len, self._all()))

    def become_writer(self) -> bool:
        """Become the process that writes, if none is. Raises OSError where the folder cannot be made."""
        if self.is_writer:
            return True
        make_private_folder(self._folder)
        try:
            self._lock.acquire(timeout=0)
        except filelock.Timeout:
            return False
        self.refresh()
        return True

    def clear(self) -> None:
        """Forget all vectors. The files go with the next `save`."""
        with self._segments_lock:
            self._segments, self._active_segment = [], None
            self.generation = secrets.token_hex(8)

    def refresh(self) -> None:
        """Take what another process saved. What cannot be read counts as none."""
        with self._segments_lock:
            if self._active_segment is not None:  # this process writes: it knows
                return
            try:
                state = (self._folder / _MANIFEST).stat()
                seen = state.st_ino, state.st_mtime_ns
                if seen == self._manifest_version:
                    return
                self._segments, self.generation = self._read()
                self._manifest_version = seen
            except FileNotFoundError:
                self._segments, self.generation, self._manifest_version = [], "", None
            except Exception as error:  # noqa: BLE001  # whatever is wrong with the files, they are made anew
                log.warning("The index of meanings cannot be read and is made anew: %s", error)
                self._segments, self.generation, self._manifest_version = [], "", None

    def _read(self) -> tuple[list[_Segment], str]:
        told = json.loads((self._folder / _MANIFEST).read_text(encoding="utf-8"))
        if told["version"] != _VERSION or told["model"] != self._model:
            return [], ""
        segments = []
        for name, count, size in told["segments"]:
            file = self._folder / name
            graph = _load_graph(file, view=True) if file.stat().st_size == size else None
            if graph is None or len(graph) != count:
                raise ValueError(f"{name} is damaged")
            segments.append(_Segment(graph, name))
        return segments, str(told["stamp"])

    def add(self, article_ids: Sequence[int], vectors: Sequence[bytes]) -> None:
        """Keep vectors (a signed byte a dimension), in memory until `save`."""
        if not article_ids:
            return
        keys = np.asarray(article_ids, np.uint64)
        rows = np.frombuffer(b"".join(vectors), np.int8).reshape(len(keys), -1)
        with self._segments_lock:
            if self._active_segment is None:
                self._active_segment = self._open_active_segment(rows.shape[1])
            _upsert(self._active_segment.graph, keys, rows)

    def _open_active_segment(self, dimensions: int) -> _Segment:
        """The last segment, in memory; a new one where that is sealed."""
        if not self._segments or len(self._segments[-1]) >= SEGMENT_CAPACITY:
            return _Segment(_create_graph(dimensions))
        last = self._segments.pop()
        if last.name:  # mapped: what is to be added to has to be read
            last = _Segment(_load_graph(self._folder / last.name, view=False))
        return last

    def save(self, existing_ids: Callable[[Sequence[int]], Collection[int]]) -> None:
        """Write what was added. `living` tells which articles of some still are: a merge leaves out others.

        Raises OSError where the disk does not take it: all of it is in memory then, to be saved later.
        """
        with self._segments_lock:
            if self._active_segment is not None:
                self._segments.append(self._active_segment)
                self._active_segment = None
            self._merge(existing_ids)
            make_private_folder(self._folder)
            for segment in self._segments:
                if not segment.name:
                    name = f"{secrets.token_hex(8)}.usearch"
                    segment.graph.save(self._folder / name)
                    segment.name = name
            told = {
                "version": _VERSION,
                "model": self._model,
                "stamp": self.generation,
                "segments": [
                    (segment.name, len(segment), (self._folder / segment.name).stat().st_size)
                    for segment in self._segments
                ],
            }
            part = self._folder / f"{_MANIFEST}.part"
            part.write_text(json.dumps(told), encoding="utf-8")
            part.replace(self._folder / _MANIFEST)
            kept = {segment.name for segment in self._segments}
            for file in self._folder.glob("*.usearch"):
                if file.name not in kept:
                    file.unlink(missing_ok=True)
            close_files(self._folder)
            self._manifest_version = None
            self.refresh()  # maps what was written, and gives back its memory

    def _merge(self, living: Callable[[Sequence[int]], Collection[int]]) -> None:
        while (run := self._find_mergeable_run()) is not None:
            start, end = run
            graph = _create_graph(self._segments[start].graph.ndim)
            for segment in self._segments[start:end]:
                keys = np.asarray(list(segment.graph.keys), np.uint64)
                alive = living(keys.tolist())
                keys = keys[[key in alive for key in keys.tolist()]]
                if len(keys):
                    _upsert(graph, keys, _get_vectors(segment.graph, keys))
            self._segments[start:end] = [_Segment(graph)] if len(graph) else []

    def _find_mergeable_run(self) -> tuple[int, int] | None:
        """The first run of as many sealed segments as are put together, none much larger than another."""
        sizes = [len(segment) for segment in self._segments]
        for start in range(len(sizes) - MERGE_FACTOR + 1):
            run = sizes[start : start + MERGE_FACTOR]
            if min(run) >= SEGMENT_CAPACITY // 2 and max(run) < MERGE_FACTOR * min(run):
                return start, start + MERGE_FACTOR
        return None

    def nearest(self, vector: bytes, count: int) -> list[tuple[int, float]]:
        """About the `count` articles that mean most nearly this, each with its cosine, best first."""
        row = np.frombuffer(vector, np.int8)
        found: dict[int, float] = {}
        with self._segments_lock:
            segments = self._all()
            for place, segment in enumerate(segments):
                if not len(segment) or segment.graph.ndim != len(row):
                    continue
                matches = segment.graph.search(row, min(count, len(segment)), threads=1)
                for key, distance in zip(matches.keys.tolist(), matches.distances.tolist(), strict=True):
                    is_one = not math.isnan(distance)  # a vector of nothing has no direction
                    if is_one and not any(key in later.graph for later in segments[place + 1 :]):
                        found[key] = 1.0 - distance
        return sorted(found.items(), key=lambda each: -each[1])[:count]

    def cosines(self, vector: bytes, article_ids: Collection[int]) -> dict[int, float]:
        """How near each of some articles is in meaning, from -1 to 1; those without a vector are left out."""
        found: dict[int, float] = {}
        wanted = np.asarray(sorted(article_ids), np.uint64)
        with self._segments_lock:
            for segment in self._all() if len(wanted) else ():
                held = wanted[segment.graph.contains(wanted)]
                if len(held) and segment.graph.ndim == len(vector):
                    rows = [row.tobytes() for row in _get_vectors(segment.graph, held)]
                    found.update(zip(held.tolist(), cosines(vector, rows), strict=True))
        return found

    def _all(self) -> list[_Segment]:
        return [*self._segments, *([] if self._active_segment is None else [self._active_segment])]

    def close(self) -> None:
        """Let another process write. What was not saved is lost."""
        with self._segments_lock:
            self._segments, self._active_segment = [], None
        self._lock.release(force=True)


def cosines(vector: bytes, others: Sequence[bytes]) -> list[float]:
    """From -1 to 1: how nearly each of the others points in the direction of a vector."""
    if not others:
        return []
    one = np.frombuffer(vector, np.int8).astype(np.float32)
    many = np.frombuffer(b"".join(others), np.int8).reshape(len(others), -1).astype(np.float32)
    lengths = np.linalg.norm(many, axis=1) * np.linalg.norm(one)
    found: list[float] = (many @ one / np.maximum(lengths, 1e-9)).tolist()
    return found


def _create_graph(dimensions: int) -> Any:  # noqa: ANN401  # usearch has no types
    from usearch.index import Index  # noqa: PLC0415 - of the extra

    return Index(
        ndim=dimensions,
        metric="cos",
        dtype="i8",
        expansion_add=HNSW_EXPANSION_ADD,
        expansion_search=HNSW_EXPANSION_SEARCH,
    )


def _load_graph(file: Path, *, view: bool) -> Any:  # noqa: ANN401  # as above
    """The graph of a file, mapped into memory or read; None where the file is none."""
    from usearch.index import Index  # noqa: PLC0415 - of the extra

    graph: Any = Index.restore(file, view=view)
    if graph is not None:
        graph.expansion_search = HNSW_EXPANSION_SEARCH
    return graph


def _upsert(graph: Any, keys: NDArray[np.uint64], rows: NDArray[np.int8]) -> None:  # noqa: ANN401  # as above
    """Add vectors under their keys, in place of those that were there; of one key given twice the last."""
    last = {key: place for place, key in enumerate(keys.tolist())}
    chosen = np.asarray(list(last.values()))
    keys, rows = keys[chosen], rows[chosen]
    known = keys[graph.contains(keys)] if len(graph) else keys[:0]
    if len(known):
        graph.remove(known)
    graph.add(keys, rows, threads=1)


def _get_vectors(graph: Any, keys: NDArray[np.uint64]) -> NDArray[np.int8]:  # noqa: ANN401  # as above
    return np.stack(graph.get(keys))
