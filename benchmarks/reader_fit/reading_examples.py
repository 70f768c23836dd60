"""Examples for the network: passages cut as Telex cuts them, questions made rough as people type them in a chat."""

from __future__ import annotations

import random
import unicodedata
from typing import NamedTuple

from sentencepiece import SentencePieceProcessor

from benchmarks.reader_fit.labelled_sets import LabelledQuestion
from bot.answers.passage_reader import Passage, encode_passage
from bot.text.excerpts import split_sentences

MAX_SENTENCES = 4
MAX_WINDOW_CHARS = 420
"""Maximum length of a passage in characters, about that of a quote."""
UNANSWERED_SHARE = 0.4
"""Share of the answered questions that are read with a passage of the same article that does not hold the answer."""


class ReadingExample(NamedTuple):
    """Pieces of a question with a passage, where the text begins, and the right first and last pieces.

    Position 0, the first piece, is right if nothing answers.
    """

    ids: list[int]
    text_start: int
    text_size: int
    spans: tuple[tuple[int, int], ...]


def make_rough(question: str, rng: random.Random) -> str:
    """Return a question as it might be typed: lower case, without marks or accents, with letters swapped."""
    if rng.random() < 0.3:
        return question
    if rng.random() < 0.8:
        question = question.lower()
    if rng.random() < 0.7:
        question = question.rstrip(" ?.!")
    if rng.random() < 0.3:
        question = "".join(c for c in unicodedata.normalize("NFD", question) if not unicodedata.combining(c))
    if rng.random() < 0.15:
        position = rng.randrange(max(1, len(question) - 1))
        pair = question[position : position + 2]
        question = question[:position] + (pair[::-1] if rng.random() < 0.5 else pair[:1]) + question[position + 2 :]
    return question


def cut_window(question: LabelledQuestion, rng: random.Random) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Return consecutive sentences of the paragraph, and the answers there.

    They hold the first answer; or none, for `UNANSWERED_SHARE` of the questions and for those without an answer.
    """
    sentences, position = [], 0
    for sentence in split_sentences(question.paragraph):
        start = question.paragraph.find(sentence, position)
        if start < 0:
            continue
        position = start + len(sentence)
        sentences.append((start, position))
    if not sentences:
        return "", ()
    is_answered = bool(question.answers) and rng.random() >= UNANSWERED_SHARE
    answer = rng.choice(question.answers) if is_answered else None
    choices = [
        index
        for index, (start, end) in enumerate(sentences)
        if (start <= answer[0] < end if answer else not any(start < e and s < end for s, e in question.answers))
    ]
    if not choices:
        return "", ()
    first = last = rng.choice(choices)
    for _ in range(rng.randrange(MAX_SENTENCES)):
        is_before = rng.random() < 0.5
        index = first - 1 if is_before else last + 1
        if not 0 <= index < len(sentences) or (answer is None and index not in choices):
            continue
        if (
            max(sentences[last][1], sentences[index][1]) - min(sentences[first][0], sentences[index][0])
            > MAX_WINDOW_CHARS
        ):
            continue
        first, last = min(first, index), max(last, index)
    start, end = sentences[first][0], sentences[last][1]
    spans = tuple((s - start, e - start) for s, e in question.answers if start <= s and e <= end)
    return question.paragraph[start:end], spans if answer else ()


def make_example(
    pieces: SentencePieceProcessor, question: LabelledQuestion, rng: random.Random
) -> ReadingExample | None:
    """Return an example of a question, or None if its paragraph gives none."""
    text, answers = cut_window(question, rng)
    if not text:
        return None
    title = question.title if rng.random() < 0.8 else ""
    encoded = encode_passage(pieces, make_rough(question.question, rng), Passage(title, text))
    spans = []
    for start, end in answers:
        touched = [index for index, (left, right) in enumerate(encoded.offsets) if left < end and start < right]
        if touched:
            spans.append((encoded.text_start + touched[0], encoded.text_start + touched[-1]))
    if answers and not spans:
        return None
    return ReadingExample(encoded.ids, encoded.text_start, len(encoded.offsets), tuple(spans) or ((0, 0),))
