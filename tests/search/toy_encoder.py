"""A stand-in for the encoder, for a worker: a few words mean the same, a direction a meaning."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from bot.search.semantic import vector_index

DIMENSIONS = 64
MEANINGS = {
    "car": 0, "automobile": 0, "voiture": 0,
    "dog": 1, "hound": 1, "chien": 1,
    "rain": 2, "drizzle": 2, "pluie": 2,
}  # fmt: skip
DEADLY = "deadly"


def encode(texts: Sequence[str]) -> list[bytes]:
    vectors = []
    for text in texts:
        if DEADLY in text:
            os._exit(1)
        vector = np.full(DIMENSIONS, -1, np.int8)
        for word in text.lower().replace("\n", " ").split():
            if word in MEANINGS:
                vector[MEANINGS[word] * 8 : MEANINGS[word] * 8 + 8] = 100
        vectors.append(vector.tobytes())
    return vectors


def cosines(question: str, passages: Sequence[str]) -> list[float]:
    return vector_index.compute_cosines(encode([question])[0], encode(passages))


def exit_process(*_: object) -> list[bytes]:
    os._exit(1)
