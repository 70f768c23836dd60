"""The file of the reader: arrays of numpy by the names of the base, in one archive.

Matrices are integers with a 16-bit scale for each 32 weights of a row (`NAME.scales`): those that were not fitted keep
the 4 bits of the base, two to a byte, the first half of the row in the low bits; those that were fitted have 8 bits.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from benchmarks.reader_fit.base_weights import BaseWeights
from benchmarks.reader_fit.network import ReaderNetwork
from bot.answers.passage_reader import BLOCK, FORMAT, read_reader_file

ORIGIN = (
    "Fitted from multilingual-e5-small (MIT, Wang et al. 2024) on SQuAD 2 (CC BY-SA 4.0), XQuAD (CC BY-SA 4.0), "
    "PIAF (CC BY 4.0), QAMR (MIT) and Telex's own questions over news."
)


def write_reader_file(
    path: Path, network: ReaderNetwork, base: BaseWeights, piece_ids: np.ndarray, vocabulary: bytes, **facts: int
) -> int:
    """Write the network, check that it can be read, and return the size of the file in bytes."""
    about = {"format": FORMAT, "heads": base.heads, "layers": base.layers, "epsilon": base.epsilon, "origin": ORIGIN}
    arrays = {
        "about": np.frombuffer(json.dumps(about | facts).encode(), np.uint8),
        "vocabulary": np.frombuffer(vocabulary, np.uint8),
        "span.w": network.span_w.detach().numpy(),
        "span.b": network.span_b.detach().numpy(),
    }
    for name, matrix in base.matrices.items():
        if network.is_frozen(name):
            rows = piece_ids if name == "emb.word" else slice(None)
            integers, arrays[f"{name}.scales"] = (matrix.integers[rows] + 8).astype(np.uint8), matrix.scales[rows]
            low, high = np.split(integers, 2, axis=1)
            arrays[name] = low | (high << 4)
        else:
            arrays[name], arrays[f"{name}.scales"] = quantize(
                network.get_parameter(name.replace(".", "_")).detach().numpy()
            )
    for name in base.vectors:
        arrays[name] = network.get_parameter(name.replace(".", "_")).detach().numpy().astype(np.float16)
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    read_reader_file(path.read_bytes())
    return path.stat().st_size


def quantize(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights as 8-bit integers, and the scales of their blocks."""
    blocks = weights.reshape(len(weights), -1, BLOCK)
    scales = (np.abs(blocks).max(axis=2) / 127).clip(1e-7).astype(np.float16)
    integers = np.rint(blocks / scales.astype(np.float32)[:, :, None]).clip(-127, 127).astype(np.int8)
    return integers.reshape(weights.shape), scales
