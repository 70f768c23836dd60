"""Reader of passages: a small network that reads a question with a passage and points at the words that answer.

The network is multilingual-e5-small with two outputs for each piece of the text, the start and the end of the answer;
the first piece stands for "not here" (Devlin et al. 2019, "BERT", section 4.3). `benchmarks/reader_fit` fits it and
writes its file. Here it runs in numpy, for a worker process: a passage of 100 pieces takes about 60 ms of one core.
"""

from __future__ import annotations

import io
import json
import logging
import zipfile
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from itertools import pairwise
from math import inf, sqrt
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sentencepiece import SentencePieceProcessor

READER_FILE = files("data") / "answer_reader.npz"
"""File with the weights and the vocabulary; its "about" says from what it was made."""
FORMAT = 1
START, PAD, END, UNKNOWN = range(4)
"""Ids of the pieces that mark the beginning and ends of texts, fill batches, and stand for unknown characters."""
BLOCK = 32
"""Number of weights of a row that share a scale."""
MAX_QUESTION_PIECES = 64
MAX_TITLE_PIECES = 48
MAX_TEXT_PIECES = 256
MAX_CHARS = 2_000
"""Maximum number of characters of a question, title or text that are cut into pieces."""
MAX_ANSWER_PIECES = 32

_logger = logging.getLogger(__name__)


class ReaderFileError(Exception):
    """The reader's file is missing, cut, or of another format."""


class Passage(NamedTuple):
    """Text that may answer, with the headline of its article."""

    title: str
    text: str


class Reading(NamedTuple):
    """The words of a passage that most likely answer: `text[start:end]`.

    `log_odds` are those of these words against "not here"; -inf, with no words, if there is nothing to read.
    """

    start: int
    end: int
    log_odds: float


class EncodedPassage(NamedTuple):
    """Pieces of a question and a passage, with the character offsets in the text of the pieces from `text_start` on."""

    ids: list[int]
    text_start: int
    offsets: list[tuple[int, int]]


def is_reader_installed() -> bool:
    """Return whether the packages that the reader needs are installed."""
    return all(find_spec(package) is not None for package in ("numpy", "sentencepiece"))


def encode_passage(pieces: SentencePieceProcessor, question: str, passage: Passage) -> EncodedPassage:
    """Cut a question and a passage into pieces: `<s> question </s> title </s> text </s>`, each up to its maximum."""
    ids = [
        START,
        *pieces.encode(_clean(question))[:MAX_QUESTION_PIECES],
        END,
        *pieces.encode(_clean(passage.title))[:MAX_TITLE_PIECES],
        END,
    ]
    encoded_text = pieces.encode(_clean(passage.text), return_type="offset_mapping")
    text_ids, offsets = encoded_text["ids"][:MAX_TEXT_PIECES], encoded_text["offsets"][:MAX_TEXT_PIECES]
    return EncodedPassage([*ids, *text_ids, END], len(ids), offsets)


def _clean(text: str) -> str:
    """Return the first `MAX_CHARS` characters, as many after as before, without what UTF-8 cannot hold."""
    return text[:MAX_CHARS].encode("utf-8", "replace").decode()


class PassageReader:
    """The network with its vocabulary."""

    def __init__(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        """Prepare the network whose `arrays` have the names of `benchmarks.reader_fit.reader_file`.

        Raises:
            KeyError: An array is missing.
            ValueError: An array has another type or shape, or the format is another one.
        """
        import numpy as np  # noqa: PLC0415 - optional, and in the worker alone
        from sentencepiece import SentencePieceProcessor  # noqa: PLC0415 - optional, and in the worker alone

        about = json.loads(arrays["about"].tobytes())
        if about["format"] != FORMAT:
            raise ValueError(f"format {about['format']} instead of {FORMAT}")
        self._np = np
        self._pieces = SentencePieceProcessor(model_proto=arrays["vocabulary"].tobytes())
        self._heads = int(about["heads"])
        self._layers = int(about["layers"])
        self._epsilon = float(about["epsilon"])
        self._word_integers, self._word_scales = arrays["emb.word"], arrays["emb.word.scales"]
        self._weights: dict[str, NDArray[np.float32]] = {
            name: self._unpack(array, arrays[f"{name}.scales"]).T
            if f"{name}.scales" in arrays
            else array.astype(np.float32)
            for name, array in arrays.items()
            if name not in {"about", "vocabulary", "emb.word"} and not name.endswith(".scales")
        }
        self.score_pieces([self.encode("?", Passage("", "a"))])

    def encode(self, question: str, passage: Passage) -> EncodedPassage:
        """Cut a question and a passage into pieces."""
        return encode_passage(self._pieces, question, passage)

    def read(self, question: str, passages: Sequence[Passage]) -> list[Reading]:
        """Read passages for the words that answer a question; any text is accepted."""
        encoded_passages = [self.encode(question, passage) for passage in passages]
        return [
            self._choose_words(encoded_passage, passage.text, scores)
            for encoded_passage, passage, scores in zip(
                encoded_passages, passages, self.score_pieces(encoded_passages), strict=True
            )
        ]

    def score_pieces(self, encoded_passages: Sequence[EncodedPassage]) -> list[NDArray[np.float32]]:
        """Return the scores of the pieces of each passage as start and as end of the answer: arrays (pieces, 2)."""
        np, weights = self._np, self._weights
        if not encoded_passages:
            return []
        lengths = [len(passage.ids) for passage in encoded_passages]
        bounds = np.cumsum([0, *lengths])
        ids = np.concatenate([passage.ids for passage in encoded_passages])
        positions = np.concatenate([np.arange(length) for length in lengths])
        states = self._unpack(self._word_integers[ids], self._word_scales[ids])
        states = self._normalize(states + weights["emb.pos"][positions] + weights["emb.type"][0], "emb.ln")
        width = states.shape[1]
        head_width = width // self._heads
        for layer in range(self._layers):
            queries, keys, values = (
                (states @ weights[f"l{layer}.{name}.w"] + weights[f"l{layer}.{name}.b"]).reshape(
                    -1, self._heads, head_width
                )
                for name in "qkv"
            )
            queries *= 1 / sqrt(head_width)
            attended = np.empty_like(states)
            for start, end in pairwise(bounds):
                attention = queries[start:end].transpose(1, 0, 2) @ keys[start:end].transpose(1, 2, 0)
                attention = np.exp(attention - attention.max(axis=-1, keepdims=True))
                attention /= attention.sum(axis=-1, keepdims=True)
                attended[start:end] = (
                    (attention @ values[start:end].transpose(1, 0, 2)).transpose(1, 0, 2).reshape(-1, width)
                )
            attended = attended @ weights[f"l{layer}.ao.w"] + weights[f"l{layer}.ao.b"]
            states = self._normalize(states + attended, f"l{layer}.aln")
            inner = _compute_gelu(states @ weights[f"l{layer}.fi.w"] + weights[f"l{layer}.fi.b"])
            inner = inner @ weights[f"l{layer}.fo.w"] + weights[f"l{layer}.fo.b"]
            states = self._normalize(states + inner, f"l{layer}.oln")
        scores = states @ weights["span.w"].T + weights["span.b"]
        return [scores[start:end] for start, end in pairwise(bounds)]

    def _choose_words(self, passage: EncodedPassage, text: str, scores: NDArray[np.float32]) -> Reading:
        np = self._np
        count = len(passage.offsets)
        text_scores = scores[passage.text_start : passage.text_start + count]
        if not count or not np.isfinite(scores).all():
            return Reading(0, 0, -inf)
        span_scores = text_scores[:, 0][:, None] + text_scores[:, 1][None, :]
        distance = np.arange(count)[None, :] - np.arange(count)[:, None]
        span_scores[(distance < 0) | (distance >= MAX_ANSWER_PIECES)] = -inf
        first, last = divmod(int(span_scores.argmax()), count)
        start, end = passage.offsets[first][0], passage.offsets[last][1]
        words = text[start:end]
        start += len(words) - len(words.lstrip())
        return Reading(start, start + len(words.strip()), float(span_scores[first, last] - scores[0].sum()))

    def _unpack(self, integers: NDArray[np.generic], scales: NDArray[np.generic]) -> NDArray[np.float32]:
        """Return rows of weights in float32: of 8-bit integers, or of 4-bit ones, two in a byte."""
        np = self._np
        rows, blocks = scales.shape
        if integers.shape[1] * 2 == blocks * BLOCK:
            packed = integers.view(np.uint8)
            integers = np.concatenate([packed & 15, packed >> 4], axis=1).astype(np.int8) - 8
        weights = integers.reshape(rows, blocks, BLOCK).astype(np.float32) * scales.astype(np.float32)[:, :, None]
        return weights.reshape(rows, -1)  # type: ignore[no-any-return]

    def _normalize(self, states: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        states = states - states.mean(axis=-1, keepdims=True)
        variance = (states * states).mean(axis=-1, keepdims=True)
        states /= self._np.sqrt(variance + self._epsilon)
        normalized: NDArray[np.float32] = states * self._weights[f"{name}.w"] + self._weights[f"{name}.b"]
        return normalized


def _compute_gelu(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return GELU by its approximation with tanh (Hendrycks and Gimpel 2016), within .001 of the exact one."""
    import numpy as np  # noqa: PLC0415 - optional, and in the worker alone

    activations: NDArray[np.float32] = (
        0.5 * values * (1 + np.tanh(0.7978845608 * (values + 0.044715 * values * values * values)))
    )
    return activations


@cache
def load_reader() -> PassageReader | None:
    """Load the reader; return None, with one line in the log, if its file or its packages are missing or unusable."""
    if not is_reader_installed():
        return None
    try:
        return read_reader_file(READER_FILE.read_bytes())
    except (OSError, ReaderFileError) as error:
        _logger.warning("Answers come without the reader: %s", error)
        return None


def read_reader_file(data: bytes) -> PassageReader:
    """Return the reader whose file has these bytes.

    Raises:
        ReaderFileError: The file is cut or of another format.
    """
    import numpy as np  # noqa: PLC0415 - optional, and in the worker alone

    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return PassageReader(dict(arrays))
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, EOFError, RuntimeError, IndexError, TypeError) as error:
        raise ReaderFileError(f"{READER_FILE.name} cannot be used ({error}).") from error


def read_passages(question: str, passages: Sequence[Passage]) -> list[Reading] | None:
    """Read passages for the words that answer a question; return None without the reader. Runs in a worker."""
    reader = load_reader()
    return None if reader is None else reader.read(question, passages)
