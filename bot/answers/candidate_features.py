"""Features of answer candidates. None depends on a particular topic, and none excludes a candidate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import exp, log

from bot.answers.candidates import AnswerCandidate, ArticleAnalysis
from bot.answers.question_analysis import (
    PATTERN_TYPES,
    SPAN_TYPES_BY_ANSWER_TYPE,
    AnalysedQuestion,
    AnswerType,
)
from bot.answers.question_terms import QuestionTermMatcher
from bot.answers.typed_spans import TypedSpan, find_typed_spans

_PROXIMITY_DECAY_CHARS = 60.0
"""Distance in characters at which the weight of a question word drops to 1/e."""
_TITLE_WEIGHT = 3
"""How many times a word of the title counts."""
_AVERAGE_DOCUMENT_LENGTH = 150
"""Assumed average length of an article, in words without stop words."""
_MONTH_SECONDS = 30 * 86_400


class ArticleFeatures:
    """Features that all candidates of an article share."""

    def __init__(self, terms: QuestionTermMatcher, reading: ArticleAnalysis) -> None:
        self.reading = reading
        in_title, in_text = terms.term_positions([reading.title]), terms.term_positions(reading.sentences)
        self.title_term_indexes = set(in_title)
        self.title_related_terms = terms.related_term_indexes([reading.title]) | self.title_term_indexes
        self.article_share = terms.weight_share(self.title_term_indexes.union(in_text))
        self.title_share = terms.weight_share(self.title_term_indexes)
        length = sum(len(line.words) for line in reading.sentences)
        self.bm25 = (
            sum(
                weight
                * _bm25_term_score(
                    _TITLE_WEIGHT * len(in_title.get(number, ())) + len(in_text.get(number, ())), length
                )
                for number, weight in enumerate(terms.weights)
            )
            / terms.total_weight
        )

    def age_behind_newer(self, others: Iterable[ArticleFeatures]) -> float:
        """Return how much older the article is than the newest one that matches the question as well.

        As log(1 + months). An article matches as well if its title and its whole text each contain at least
        as large a share of the question.
        """
        newest = max(
            (
                other.reading.article.published
                for other in others
                if other.article_share >= self.article_share and other.title_share >= self.title_share
            ),
            default=0,
        )
        return log(1 + max(0, newest - self.reading.article.published) / _MONTH_SECONDS)


def _bm25_term_score(count: int, length: int) -> float:
    """Return the BM25 score of a term that occurs `count` times, with the usual constants.

    Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework" (https://doi.org/10.1561/1500000019).
    The length is compared with a constant instead of an average, so that the score does not depend on other
    stored articles.
    """
    return 2.2 * count / (count + 1.2 * (0.25 + 0.75 * length / _AVERAGE_DOCUMENT_LENGTH))


def best_typed_span(
    question: AnalysedQuestion, terms: QuestionTermMatcher, candidate: AnswerCandidate
) -> tuple[TypedSpan | None, float]:
    """Return the span that most likely answers, or None, and its proximity to the question's words.

    The proximity is from 0 to 1.
    """
    wanted = {form for kind in question.kinds for form in SPAN_TYPES_BY_ANSWER_TYPE[kind]}
    places = terms.term_positions(candidate.sentences)
    best, nearness = None, 0.0
    for line in candidate.sentences:
        for form in line.forms:
            if form.kind not in wanted:
                continue
            inside = [word for word in line.words if form.start <= word.start < form.end]
            if (
                form.is_answer_itself
                and all(terms.matching_terms(word.stem) for word in inside)
                and (inside or form.kind is AnswerType.NAME)
            ):
                continue
            near = 0.0
            for number, starts in places.items():
                distance = min(
                    max(form.start - start, start - form.end, 0) if not form.start <= start < form.end else 0
                    for start in starts
                )
                near += terms.weights[number] * exp(-distance / _PROXIMITY_DECAY_CHARS)
            near /= terms.total_weight
            if best is None or near > nearness:
                best, nearness = form, near
    return best, nearness


def has_expected_span(question: AnalysedQuestion, text: str) -> bool:
    """Return whether a text has a span of the expected type.

    Always true unless the question expects a number, a sum of money or a time.
    """
    kinds = question.kinds & PATTERN_TYPES
    kinds = frozenset({AnswerType.MONEY}) if AnswerType.MONEY in kinds else kinds
    wanted = {form for kind in kinds for form in SPAN_TYPES_BY_ANSWER_TYPE[kind]}
    return not wanted or any(form.kind in wanted for form in find_typed_spans(text))


FEATURE_NAMES = (
    "in window", "in window or title", "in article", "in title", "family in window or title",
    "together", "bm25", "terms", "unknown", "has form", "lacks form", "near form", "in a sentence",
    "asks number", "asks money", "asks time", "asks name", "asks reason", "asks definition", "asks other",
    "headline", "place", "superseded", "cosine", "article cosine",
)  # fmt: skip
"""Names of the features, in the order of the vector; the model file must list the same."""
COSINE_FEATURES = 2
"""Number of features, the last ones, that need the encoder."""


def candidate_feature_vector(
    question: AnalysedQuestion,
    terms: QuestionTermMatcher,
    article: ArticleFeatures,
    candidate: AnswerCandidate,
    superseded: float,
) -> list[float]:
    """Return the features of a candidate in the order of `FEATURE_NAMES`, without the cosines."""
    places = terms.term_positions(candidate.sentences)
    window = set(places)
    family = terms.related_term_indexes(candidate.sentences) | window
    form, near = best_typed_span(question, terms, candidate)
    formed = bool(question.kinds)
    return [
        terms.weight_share(window),
        terms.weight_share(window | article.title_term_indexes),
        article.article_share,
        article.title_share,
        terms.weight_share(family | article.title_related_terms),
        _term_proximity(terms, places),
        article.bm25,
        log(1 + terms.known_count) / 3,
        1 - terms.known_count / (len(terms.weights) or 1),
        float(formed and form is not None),
        float(formed and form is None),
        near,
        max(terms.weight_share(terms.term_positions([line])) for line in candidate.sentences),
        *(float(kind in question.kinds) for kind in AnswerType),
        float(not formed),
        float(candidate.is_headline),
        log(1 + max(0, candidate.sentence_index)) / 4,
        superseded,
    ]


def _term_proximity(terms: QuestionTermMatcher, places: Mapping[int, Sequence[int]]) -> float:
    """Return how close the question's terms stand to each other, from 0 to 1."""
    if len(places) <= 1:
        return 0.0
    total = 0.0
    for number, starts in places.items():
        others = [start for other, found in places.items() if other != number for start in found]
        distance = min(abs(start - other) for start in starts for other in others)
        total += terms.weights[number] * exp(-max(0, distance - 8) / _PROXIMITY_DECAY_CHARS)
    return total / terms.total_weight
