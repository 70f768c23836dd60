"""Vectors of articles in files beside the database, searched by usearch's HNSW graphs over bytes.

The files are derived data: if they are missing, damaged or of another model, they are rebuilt. Vectors are
only ever added. Most are in sealed segments (files that no longer grow) mapped into memory, the last ones in
a segment that grows; segments of similar size are merged (a log-structured merge). A vector in a later
segment overrides that of the same article in an earlier segment. A manifest, replaced atomically, names the
segments, so that a process killed at any moment leaves the previous state, and other processes can read while
one writes.
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

from bot.core.private_files import make_private_folder, restrict_to_owner

if TYPE_CHECKING:
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

SEGMENT_CAPACITY = 4_096
"""Number of vectors at which a segment (a file of vectors) is sealed: no more are added to it."""
MERGE_FACTOR = 8
"""Number of segments (files of vectors) merged into one, and the limit (exclusive) of the ratio of their sizes."""
HNSW_EXPANSION_ADD = 64
"""Number of graph nodes examined when a vector is added (HNSW, https://arxiv.org/abs/1603.09320)."""
HNSW_EXPANSION_SEARCH = 512
"""Number of graph nodes examined by a search.

With this number, a search finds 97.6 % of the true 50 nearest of 100,000 vectors in 5 ms.
"""
_MANIFEST_FILE = "manifest.json"
_MANIFEST_FORMAT_VERSION = 1


@dataclass(slots=True)
class _Segment:
    """A graph of vectors and the name of its file; `file_name` is empty while there is no file."""

    graph: Any
    file_name: str = ""

    def __len__(self) -> int:
        return len(self.graph)


class VectorIndex:
    """Index of the vectors of articles that one model computed.

    All methods are thread-safe and may block, so they belong in a thread. One process at a time is the
    writer, the one that holds the lock; other processes see what the writer saved.
    """

    def __init__(self, folder: Path, model_id: str) -> None:
        self._folder, self._model_id = folder, model_id
        self.index_id = ""
        """Random name of the index, renewed when the index is cleared; "" if there is no index."""
        self._segments: list[_Segment] = []
        self._growing_segment: _Segment | None = None
        self._loaded_manifest_state: tuple[int, int] | None = None
        """Inode and modification time of the manifest that was loaded, or None."""
        self._segments_lock = threading.RLock()
        self._writer_lock = filelock.FileLock(folder.with_name(f"{folder.name}.lock"), thread_local=False)
        self.refresh()

    @property
    def is_writer(self) -> bool:
        """Return whether this process is the writer, which may add vectors."""
        return bool(self._writer_lock.is_locked)

    def __len__(self) -> int:
        with self._segments_lock:
            return sum(map(len, self._list_segments()))

    def become_writer(self) -> bool:
        """Become the writer unless another process is; return whether this process is the writer now.

        Raises `OSError` if the folder cannot be created.
        """
        if self.is_writer:
            return True
        make_private_folder(self._folder)
        try:
            self._writer_lock.acquire(timeout=0)
        except filelock.Timeout:
            return False
        self.refresh()
        return True

    def clear(self) -> None:
        """Discard all vectors; their files are deleted by the next `save`."""
        with self._segments_lock:
            self._segments, self._growing_segment = [], None
            self.index_id = secrets.token_hex(8)

    def refresh(self) -> None:
        """Load what another process has saved; files that cannot be read are treated as missing."""
        with self._segments_lock:
            if self._growing_segment is not None:  # This process is the writer.
                return
            try:
                file_status = (self._folder / _MANIFEST_FILE).stat()
                manifest_state = file_status.st_ino, file_status.st_mtime_ns
                if manifest_state == self._loaded_manifest_state:
                    return
                self._segments, self.index_id = self._read_manifest()
                self._loaded_manifest_state = manifest_state
            except FileNotFoundError:
                self._segments, self.index_id, self._loaded_manifest_state = [], "", None
            except Exception as error:  # noqa: BLE001  # any damage leads to a rebuild
                log.warning("vector index unreadable error=%s", error)
                self._segments, self.index_id, self._loaded_manifest_state = [], "", None

    def _read_manifest(self) -> tuple[list[_Segment], str]:
        manifest = json.loads((self._folder / _MANIFEST_FILE).read_text(encoding="utf-8"))
        if manifest["version"] != _MANIFEST_FORMAT_VERSION or manifest["model"] != self._model_id:
            return [], ""
        segments = []
        for file_name, vector_count, file_size_bytes in manifest["segments"]:
            segment_file = self._folder / file_name
            graph = (
                _load_graph(segment_file, is_memory_mapped=True)
                if segment_file.stat().st_size == file_size_bytes
                else None
            )
            if graph is None or len(graph) != vector_count:
                raise ValueError(f"{file_name} is damaged")
            segments.append(_Segment(graph, file_name))
        return segments, str(manifest["stamp"])

    def add(self, article_ids: Sequence[int], vectors: Sequence[bytes]) -> None:
        """Add vectors (a signed byte per dimension) in memory; `save` writes them."""
        if not article_ids:
            return
        article_id_array = np.asarray(article_ids, np.uint64)
        vector_rows = np.frombuffer(b"".join(vectors), np.int8).reshape(len(article_id_array), -1)
        with self._segments_lock:
            if self._growing_segment is None:
                self._growing_segment = self._open_growing_segment(vector_rows.shape[1])
            _upsert_vectors(self._growing_segment.graph, article_id_array, vector_rows)

    def _open_growing_segment(self, dimension_count: int) -> _Segment:
        """Return the last segment, loaded into memory, or a new segment if the last one is sealed (full)."""
        if not self._segments or len(self._segments[-1]) >= SEGMENT_CAPACITY:
            return _Segment(_create_graph(dimension_count))
        last_segment = self._segments.pop()
        if last_segment.file_name:  # It is mapped read-only, so it is loaded before vectors are added.
            last_segment = _Segment(_load_graph(self._folder / last_segment.file_name, is_memory_mapped=False))
        return last_segment

    def save(self, filter_existing: Callable[[Sequence[int]], Collection[int]]) -> None:
        """Write the vectors that were added, and merge segments.

        `filter_existing` is a function that returns which article ids still exist; a merge drops the vectors
        of all others.

        Raises:
            OSError: The disk does not accept the vectors; they stay in memory for the next `save`.
        """
        with self._segments_lock:
            if self._growing_segment is not None:
                self._segments.append(self._growing_segment)
                self._growing_segment = None
            self._merge_segments(filter_existing)
            make_private_folder(self._folder)
            for segment in self._segments:
                if not segment.file_name:
                    file_name = f"{secrets.token_hex(8)}.usearch"
                    segment.graph.save(self._folder / file_name)
                    segment.file_name = file_name
            manifest = {
                "version": _MANIFEST_FORMAT_VERSION,
                "model": self._model_id,
                "stamp": self.index_id,
                "segments": [
                    (segment.file_name, len(segment), (self._folder / segment.file_name).stat().st_size)
                    for segment in self._segments
                ],
            }
            temporary_file = self._folder / f"{_MANIFEST_FILE}.part"
            temporary_file.write_text(json.dumps(manifest), encoding="utf-8")
            temporary_file.replace(self._folder / _MANIFEST_FILE)
            file_names = {segment.file_name for segment in self._segments}
            for segment_file in self._folder.glob("*.usearch"):
                if segment_file.name not in file_names:
                    segment_file.unlink(missing_ok=True)
            restrict_to_owner(self._folder)
            self._loaded_manifest_state = None
            self.refresh()  # Map the written files, which frees their memory.

    def _merge_segments(self, filter_existing: Callable[[Sequence[int]], Collection[int]]) -> None:
        while (segment_range := self._find_mergeable_range()) is not None:
            start_index, end_index = segment_range
            graph = _create_graph(self._segments[start_index].graph.ndim)
            for segment in self._segments[start_index:end_index]:
                article_id_array = np.asarray(list(segment.graph.keys), np.uint64)
                existing_ids = filter_existing(article_id_array.tolist())
                article_id_array = article_id_array[
                    [article_id in existing_ids for article_id in article_id_array.tolist()]
                ]
                if len(article_id_array):
                    _upsert_vectors(graph, article_id_array, _get_vectors(segment.graph, article_id_array))
            self._segments[start_index:end_index] = [_Segment(graph)] if len(graph) else []

    def _find_mergeable_range(self) -> tuple[int, int] | None:
        """Return the first `MERGE_FACTOR` consecutive segments to merge as start and (exclusive) end index, or None.

        They are of similar size, and none is less than half full.
        """
        segment_sizes = [len(segment) for segment in self._segments]
        for start_index in range(len(segment_sizes) - MERGE_FACTOR + 1):
            sizes_in_range = segment_sizes[start_index : start_index + MERGE_FACTOR]
            if min(sizes_in_range) >= SEGMENT_CAPACITY // 2 and max(sizes_in_range) < MERGE_FACTOR * min(
                sizes_in_range
            ):
                return start_index, start_index + MERGE_FACTOR
        return None

    def find_nearest(self, vector: bytes, max_count: int) -> list[tuple[int, float]]:
        """Return at most `max_count` articles with vectors nearest to the given one, as ids with cosines.

        The best come first.
        """
        query_row = np.frombuffer(vector, np.int8)
        cosine_by_id: dict[int, float] = {}
        with self._segments_lock:
            segments = self._list_segments()
            for segment_index, segment in enumerate(segments):
                if not len(segment) or segment.graph.ndim != len(query_row):
                    continue
                matches = segment.graph.search(query_row, min(max_count, len(segment)), threads=1)
                for article_id, distance in zip(matches.keys.tolist(), matches.distances.tolist(), strict=True):
                    has_direction = not math.isnan(distance)  # A zero vector has no direction.
                    if has_direction and not any(
                        article_id in later_segment.graph for later_segment in segments[segment_index + 1 :]
                    ):
                        cosine_by_id[article_id] = 1.0 - distance
        return sorted(cosine_by_id.items(), key=lambda id_and_cosine: -id_and_cosine[1])[:max_count]

    def compute_cosines_by_id(self, vector: bytes, article_ids: Collection[int]) -> dict[int, float]:
        """Return the cosines, from -1 to 1, between a vector and articles, by article id.

        Articles without a vector are left out.
        """
        cosine_by_id: dict[int, float] = {}
        sorted_ids = np.asarray(sorted(article_ids), np.uint64)
        with self._segments_lock:
            for segment in self._list_segments() if len(sorted_ids) else ():
                ids_in_segment = sorted_ids[segment.graph.contains(sorted_ids)]
                if len(ids_in_segment) and segment.graph.ndim == len(vector):
                    stored_vectors = [row.tobytes() for row in _get_vectors(segment.graph, ids_in_segment)]
                    cosine_by_id.update(
                        zip(ids_in_segment.tolist(), compute_cosines(vector, stored_vectors), strict=True)
                    )
        return cosine_by_id

    def _list_segments(self) -> list[_Segment]:
        return [*self._segments, *([] if self._growing_segment is None else [self._growing_segment])]

    def close(self) -> None:
        """Close the index, so that another process can write. Vectors that were not saved are lost."""
        with self._segments_lock:
            self._segments, self._growing_segment = [], None
        self._writer_lock.release(force=True)


def compute_cosines(vector: bytes, other_vectors: Sequence[bytes]) -> list[float]:
    """Return the cosines, from -1 to 1, between a vector and each of several vectors."""
    if not other_vectors:
        return []
    vector_floats = np.frombuffer(vector, np.int8).astype(np.float32)
    other_vector_floats = (
        np.frombuffer(b"".join(other_vectors), np.int8).reshape(len(other_vectors), -1).astype(np.float32)
    )
    length_products = np.linalg.norm(other_vector_floats, axis=1) * np.linalg.norm(vector_floats)
    vector_cosines: list[float] = (other_vector_floats @ vector_floats / np.maximum(length_products, 1e-9)).tolist()
    return vector_cosines


def _create_graph(dimension_count: int) -> Any:  # noqa: ANN401  # usearch has no types
    from usearch.index import Index  # noqa: PLC0415 - of the extra

    return Index(
        ndim=dimension_count,
        metric="cos",
        dtype="i8",
        expansion_add=HNSW_EXPANSION_ADD,
        expansion_search=HNSW_EXPANSION_SEARCH,
    )


def _load_graph(graph_file: Path, *, is_memory_mapped: bool) -> Any:  # noqa: ANN401  # as above
    """Load a graph into memory, or map its file if `is_memory_mapped`; None if the file is no graph."""
    from usearch.index import Index  # noqa: PLC0415 - of the extra

    graph: Any = Index.restore(graph_file, view=is_memory_mapped)
    if graph is not None:
        graph.expansion_search = HNSW_EXPANSION_SEARCH
    return graph


def _upsert_vectors(graph: Any, article_id_array: NDArray[np.uint64], vector_rows: NDArray[np.int8]) -> None:  # noqa: ANN401  # as above
    """Add vectors to a graph by article id, replacing existing ones; of several with one id, the last counts."""
    row_index_by_id = {article_id: index for index, article_id in enumerate(article_id_array.tolist())}
    last_row_indexes = np.asarray(list(row_index_by_id.values()))
    article_id_array, vector_rows = article_id_array[last_row_indexes], vector_rows[last_row_indexes]
    existing_id_array = article_id_array[graph.contains(article_id_array)] if len(graph) else article_id_array[:0]
    if len(existing_id_array):
        graph.remove(existing_id_array)
    graph.add(article_id_array, vector_rows, threads=1)


def _get_vectors(graph: Any, article_id_array: NDArray[np.uint64]) -> NDArray[np.int8]:  # noqa: ANN401  # as above
    return np.stack(graph.get(article_id_array))
