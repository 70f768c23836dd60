"""Candidates of some articles, judged: plain functions that a worker process runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bot.answers.answer_model import MAX_QUOTE_LENGTH
from bot.answers.answer_scorer import Scorer, candidate_scorer, highlight_model, span_scorer
from bot.answers.candidate_features import ArticleFeatures, candidate_feature_vector
from bot.answers.candidates import AnswerCandidate, ArticleAnalysis, analyse_article, iter_candidates
from bot.answers.passages import find_verbatim
from bot.answers.question_analysis import AnalysedQuestion
from bot.answers.question_terms import QuestionTermMatcher
from bot.answers.span_features import iter_span_features
from bot.core.models import Article
from bot.search.index.text_analysis import tokens

MIN_PROBABILITY = 1e-4
"""How likely other words are the answer where there are none."""
MAX_CANDIDATES = 12
"""Candidates that are handed on, the best ones."""
MAX_FOLLOWING_SENTENCES = 2
"""Sentences after a quote that may be quoted beside it."""
MAX_ENCODED_CHARS = 1_700
"""Characters of those that are held against the meaning of the question: each takes .2 ms of processor."""


SentenceRange = tuple[str, tuple[int, int]]
"""Some sentences of an article: their text, and the numbers of the first and of the one after the last."""


class ScoredCandidate(NamedTuple):
    """A candidate as it may be quoted, and how likely it answers.

    `span` are the numbers of its first sentence and of the one after its last (-1 and 0: the headline),
    `answer` the words in it that are the likeliest answer, and `answers` how likely they are, from 0 to 1,
    `others` how likely the likeliest other ones. `after` is what follows it.
    """

    article_id: int
    published: int
    text: str
    sentence_range: tuple[int, int]
    features: tuple[float, ...]
    probability: float
    answer_span: str | None = None
    span_probability: float = 0.0
    runner_up_probability: float = MIN_PROBABILITY
    after: SentenceRange | None = None

    @property
    def following_candidate(self) -> ScoredCandidate | None:
        """What follows it: what answers often stands after the words of the question."""
        return self.after and self._replace(
            text=self.after[0], sentence_range=self.after[1], answer_span=None
        )

    @property
    def highlighted_span(self) -> str | None:
        """Those words, where it is likely enough that they are the answer."""
        if self.answer_span and highlight_model().should_highlight(
            self.probability, self.span_probability, self.runner_up_probability
        ):
            return self.answer_span
        return None

    def overlaps(self, other: ScoredCandidate) -> bool:
        """Whether the two share a sentence."""
        return (
            self.article_id == other.article_id
            and self.sentence_range[0] < other.sentence_range[1]
            and other.sentence_range[0] < self.sentence_range[1]
        )


def extract_candidates(
    question: AnalysedQuestion, readings: Iterable[ArticleAnalysis]
) -> list[tuple[AnswerCandidate, list[float]]]:
    """The candidates of articles with their features."""
    terms = QuestionTermMatcher(question)
    articles = [ArticleFeatures(terms, reading) for reading in readings]
    return [
        (candidate, candidate_feature_vector(question, terms, each, candidate, superseded))
        for each, superseded in [(each, each.age_behind_newer(articles)) for each in articles]
        for candidate in iter_candidates(each.reading)
    ]


def score_candidates(
    question: AnalysedQuestion,
    articles: Sequence[Article],
    context_ids: frozenset[int] = frozenset(),
    nearest_ids: frozenset[int] = frozenset(),
) -> list[ScoredCandidate]:
    """Judge what articles say to a question by its words: the best candidates, the best first.

    `context_ids`: the ids of those that are talked about; `near`: of those that mean most nearly what is
    asked, whose first candidates are handed on whatever their words.
    """
    readings = {article.id: analyse_article(article) for article in articles}
    by_words, terms = candidate_scorer(with_cosines=False), QuestionTermMatcher(question)
    judged = [
        make_scored_candidate(
            candidate,
            features,
            by_words.probability(features, in_context=candidate.analysis.article.id in context_ids),
        )
        for candidate, features in extract_candidates(question, readings.values())
    ]
    judged.sort(key=lambda each: -each.probability)
    return [
        with_answer_span(question, terms, readings[each.article_id], each)
        for each in select_candidates([each for each in judged if each.text], nearest_ids)
    ]


def select_candidates(judged: Sequence[ScoredCandidate], near: frozenset[int]) -> list[ScoredCandidate]:
    """Of candidates by their words, the best first, those that are handed on.

    `near` are the ids of articles that mean what is asked: their headline and beginning are among them,
    whatever their words, and all of them are short enough to be held against the meaning of the question.
    """
    if not near:
        return list(judged[:MAX_CANDIDATES])
    chosen = {n for n, each in enumerate(judged) if each.article_id in near and each.sentence_range[0] <= 0}
    room = MAX_ENCODED_CHARS - sum(len(judged[n].text) for n in chosen)
    for n, each in enumerate(judged[:MAX_CANDIDATES]):
        if n not in chosen and len(each.text) <= room:
            chosen.add(n)
            room -= len(each.text)
    return [judged[n] for n in sorted(chosen)]


def make_scored_candidate(
    candidate: AnswerCandidate, features: Sequence[float], probability: float
) -> ScoredCandidate:
    """A candidate as it may be quoted; its text is "" where it is not in the article as given."""
    article = candidate.analysis.article
    span = candidate.sentence_index, candidate.sentence_index + len(candidate.sentences)
    return ScoredCandidate(
        article.id, article.published, _verbatim_text(candidate), span, tuple(features), probability
    )


def following_range(reading: ArticleAnalysis, end: int) -> SentenceRange | None:
    """The sentences after some of an article, as many as fit in a quote."""
    for last in range(min(end + MAX_FOLLOWING_SENTENCES, len(reading.sentences)), end, -1):
        text = _verbatim_text(AnswerCandidate(reading, end, reading.sentences[end:last]))
        if 0 < len(text) <= MAX_QUOTE_LENGTH:
            return text, (end, last)
    return None


def with_answer_span(
    question: AnalysedQuestion,
    terms: QuestionTermMatcher,
    reading: ArticleAnalysis,
    judged: ScoredCandidate,
    by: Scorer | None = None,
) -> ScoredCandidate:
    """A candidate with what follows it and, as far as any have the form of one, the words in it that are the
    likeliest answer."""
    judged = judged._replace(after=following_range(reading, judged.sentence_range[1]))
    scored = by or span_scorer()
    found = [
        (scored.probability(features), form.text)
        for number in range(*judged.sentence_range)
        for form, features in iter_span_features(question, terms, reading, number)
        if form.text in judged.text
    ]
    if not found:
        return judged
    probability, answer = max(found)
    said = set(tokens(answer))
    others = max(
        (other for other, text in found if not said.issuperset(tokens(text))), default=MIN_PROBABILITY
    )
    return judged._replace(answer_span=answer, span_probability=probability, runner_up_probability=others)


def _verbatim_text(candidate: AnswerCandidate) -> str:
    """A candidate word for word, with the white space of the article as given; "" where it is not there.

    Something may have been left out between two of its sentences. What is read may also be the article's page
    instead of what its feed gave: then none of them stands there.
    """
    text, article = candidate.text, candidate.analysis.article
    if candidate.is_headline:
        return text
    first = candidate.analysis.text[candidate.sentences[0].start : candidate.sentences[0].end]
    given = article.text or article.summary
    found = find_verbatim(given, text)
    if not found:
        return "" if find_verbatim(given, first) else text
    return found if len(found) <= MAX_QUOTE_LENGTH else ""
