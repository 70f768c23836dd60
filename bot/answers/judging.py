"""Candidates of some articles, judged: plain functions that a worker process runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bot.answers.answer_model import LONGEST
from bot.answers.answer_scorer import scorer
from bot.answers.candidates import Candidate, Reading, candidates, read
from bot.answers.features import ArticleMeasures, Terms, answering_form, measure
from bot.answers.understanding import Question
from bot.core.models import Article

KEPT = 12
"""Candidates that are handed on, the best ones: so many are held against the meaning of the question."""


class Judged(NamedTuple):
    """A candidate as it may be quoted, and how likely it answers.

    `span` are the numbers of its first sentence and of the one after its last (-1 and 0: the headline),
    `answer` the words in it that answer, where those can be told.
    """

    article_id: int
    published: int
    text: str
    span: tuple[int, int]
    answer: str | None
    features: tuple[float, ...]
    probability: float

    def overlaps(self, other: Judged) -> bool:
        """Whether the two share a sentence."""
        return (
            self.article_id == other.article_id
            and self.span[0] < other.span[1]
            and other.span[0] < self.span[1]
        )


class Judgement(NamedTuple):
    """The candidates, the best first, and how much of the question the articles speak of at the most (0 to
    1)."""

    candidates: tuple[Judged, ...]
    on_topic: float


def measured(
    question: Question, readings: Iterable[Reading], newest: int
) -> tuple[list[tuple[Candidate, list[float]]], float]:
    """The candidates of articles with their features, and how much of the question an article speaks of."""
    terms = Terms(question)
    read_ = [ArticleMeasures(terms, reading, newest) for reading in readings]
    found = [
        (candidate, measure(question, terms, each, candidate))
        for each in read_
        for candidate in candidates(each.reading)
    ]
    return found, max((each.in_article for each in read_), default=0.0) * question.known


def judge(
    question: Question,
    articles: Sequence[Article],
    newest: int,
    at_hand: frozenset[int] = frozenset(),
    near: frozenset[int] = frozenset(),
) -> Judgement:
    """Judge what articles say to a question by its words.

    `newest`: when the newest one stored is from; `at_hand`: the ids of those that are talked about; `near`:
    of those that mean most nearly what is asked, whose first candidates are handed on whatever their words.
    """
    found, on_topic = measured(question, map(read, articles), newest)
    by_words = scorer(meaning=False)
    judged = [
        told_of(
            question,
            by_words.probability(features, at_hand=candidate.reading.article.id in at_hand),
            candidate,
            features,
        )
        for candidate, features in found
    ]
    judged.sort(key=lambda each: -each.probability)
    return Judgement(tuple(kept([each for each in judged if each.text], near)), on_topic)


def kept(judged: Sequence[Judged], near: frozenset[int]) -> list[Judged]:
    """Of candidates by their words, the best first, those that are held against the meaning of the question.

    `near` are the ids of articles whose headline and beginning are among them, whatever their words.
    """
    further = (each for each in judged[KEPT:] if each.article_id in near and each.span[0] <= 0)
    return [*judged[:KEPT], *further]


def told_of(
    question: Question, probability: float, candidate: Candidate, features: Sequence[float]
) -> Judged:
    """A candidate as it may be quoted; its text is "" where it is not in the article as given."""
    text = _as_given(candidate)
    form, _ = answering_form(question, Terms(question), candidate, shown=True)
    answer = form.text if form is not None and form.is_answer and form.text in text else None
    article = candidate.reading.article
    return Judged(
        article.id,
        article.published,
        text,
        (candidate.number, candidate.number + len(candidate.lines)),
        answer,
        tuple(features),
        probability,
    )


def _as_given(candidate: Candidate) -> str:
    """A candidate word for word, with the white space of the article as given; "" where it is not there.

    Something may have been left out between two of its sentences. What is read may also be the article's page
    instead of what its feed gave: then none of them stands there.
    """
    text, article = candidate.text, candidate.reading.article
    if candidate.is_headline:
        return text
    first = candidate.reading.text[candidate.lines[0].start : candidate.lines[0].end]
    given = article.text or article.summary
    found = _found_in(given, text)
    return found if found or _found_in(given, first) else text


def _found_in(given: str, text: str) -> str:
    """A stretch of a text as it is given there, whatever white space is between its words; "" without it."""
    if text in given:
        return text
    pieces = text.split()
    position = given.find(pieces[0])
    while position >= 0:
        end = position
        for piece in pieces:
            found = given.find(piece, end)
            if found < 0 or given[end:found].strip():
                break
            end = found + len(piece)
        else:
            return given[position:end] if end - position <= LONGEST else ""
        position = given.find(pieces[0], position + 1)
    return ""
