"""Candidates of some articles, judged: plain functions that a worker process runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bot.answers.answer_model import LONGEST
from bot.answers.answer_scorer import Scorer, marking, scorer, span_scorer
from bot.answers.answer_spans import spans
from bot.answers.candidates import Candidate, Reading, candidates, read
from bot.answers.features import ArticleMeasures, measure
from bot.answers.passages import as_given
from bot.answers.question_terms import Terms
from bot.answers.understanding import Question
from bot.core.models import Article
from bot.search.index.analysis import words

UNLIKELY = 1e-4
"""How likely other words are the answer where there are none."""
KEPT = 12
"""Candidates that are handed on, the best ones."""
FOLLOWING = 2
"""Sentences after a quote that may be quoted beside it."""
ENCODED = 1_700
"""Characters of those that are held against the meaning of the question: each takes .2 ms of processor."""


Stretch = tuple[str, tuple[int, int]]
"""Some sentences of an article: their text, and the numbers of the first and of the one after the last."""


class Judged(NamedTuple):
    """A candidate as it may be quoted, and how likely it answers.

    `span` are the numbers of its first sentence and of the one after its last (-1 and 0: the headline),
    `answer` the words in it that are the likeliest answer, and `answers` how likely they are, from 0 to 1,
    `others` how likely the likeliest other ones. `after` is what follows it.
    """

    article_id: int
    published: int
    text: str
    span: tuple[int, int]
    features: tuple[float, ...]
    probability: float
    answer: str | None = None
    answers: float = 0.0
    others: float = UNLIKELY
    after: Stretch | None = None

    @property
    def following(self) -> Judged | None:
        """What follows it: what answers often stands after the words of the question."""
        return self.after and self._replace(text=self.after[0], span=self.after[1], answer=None)

    @property
    def marked(self) -> str | None:
        """Those words, where it is likely enough that they are the answer."""
        if self.answer and marking().marks(self.probability, self.answers, self.others):
            return self.answer
        return None

    def overlaps(self, other: Judged) -> bool:
        """Whether the two share a sentence."""
        return (
            self.article_id == other.article_id
            and self.span[0] < other.span[1]
            and other.span[0] < self.span[1]
        )


def measured(question: Question, readings: Iterable[Reading]) -> list[tuple[Candidate, list[float]]]:
    """The candidates of articles with their features."""
    terms = Terms(question)
    articles = [ArticleMeasures(terms, reading) for reading in readings]
    return [
        (candidate, measure(question, terms, each, candidate, superseded))
        for each, superseded in [(each, each.superseded(articles)) for each in articles]
        for candidate in candidates(each.reading)
    ]


def judge(
    question: Question,
    articles: Sequence[Article],
    at_hand: frozenset[int] = frozenset(),
    near: frozenset[int] = frozenset(),
) -> list[Judged]:
    """Judge what articles say to a question by its words: the best candidates, the best first.

    `at_hand`: the ids of those that are talked about; `near`: of those that mean most nearly what is asked,
    whose first candidates are handed on whatever their words.
    """
    readings = {article.id: read(article) for article in articles}
    by_words, terms = scorer(meaning=False), Terms(question)
    judged = [
        told_of(
            candidate,
            features,
            by_words.probability(features, at_hand=candidate.reading.article.id in at_hand),
        )
        for candidate, features in measured(question, readings.values())
    ]
    judged.sort(key=lambda each: -each.probability)
    return [
        answered(question, terms, readings[each.article_id], each)
        for each in kept([each for each in judged if each.text], near)
    ]


def kept(judged: Sequence[Judged], near: frozenset[int]) -> list[Judged]:
    """Of candidates by their words, the best first, those that are handed on.

    `near` are the ids of articles that mean what is asked: their headline and beginning are among them,
    whatever their words, and all of them are short enough to be held against the meaning of the question.
    """
    if not near:
        return list(judged[:KEPT])
    chosen = {n for n, each in enumerate(judged) if each.article_id in near and each.span[0] <= 0}
    room = ENCODED - sum(len(judged[n].text) for n in chosen)
    for n, each in enumerate(judged[:KEPT]):
        if n not in chosen and len(each.text) <= room:
            chosen.add(n)
            room -= len(each.text)
    return [judged[n] for n in sorted(chosen)]


def told_of(candidate: Candidate, features: Sequence[float], probability: float) -> Judged:
    """A candidate as it may be quoted; its text is "" where it is not in the article as given."""
    article = candidate.reading.article
    span = candidate.number, candidate.number + len(candidate.lines)
    return Judged(article.id, article.published, _as_given(candidate), span, tuple(features), probability)


def following(reading: Reading, end: int) -> Stretch | None:
    """The sentences after some of an article, as many as fit in a quote."""
    for last in range(min(end + FOLLOWING, len(reading.lines)), end, -1):
        text = _as_given(Candidate(reading, end, reading.lines[end:last]))
        if 0 < len(text) <= LONGEST:
            return text, (end, last)
    return None


def answered(
    question: Question, terms: Terms, reading: Reading, judged: Judged, by: Scorer | None = None
) -> Judged:
    """A candidate with what follows it and, as far as any have the form of one, the words in it that are the
    likeliest answer."""
    judged = judged._replace(after=following(reading, judged.span[1]))
    scored = by or span_scorer()
    found = [
        (scored.probability(features), form.text)
        for number in range(*judged.span)
        for form, features in spans(question, terms, reading, number)
        if form.text in judged.text
    ]
    if not found:
        return judged
    probability, answer = max(found)
    said = set(words(answer))
    others = max((other for other, text in found if not said.issuperset(words(text))), default=UNLIKELY)
    return judged._replace(answer=answer, answers=probability, others=others)


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
    found = as_given(given, text)
    if not found:
        return "" if as_given(given, first) else text
    return found if len(found) <= LONGEST else ""
