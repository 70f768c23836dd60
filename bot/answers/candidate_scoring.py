"""Scoring of candidates: pure functions that run in a worker process."""

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
"""Probability assumed for a runner-up span if there is none."""
MAX_CANDIDATES = 12
"""Maximum number of candidates that are returned, best first."""
MAX_FOLLOWING_SENTENCES = 2
"""Maximum number of sentences after a quote that may be quoted with it."""
MAX_ENCODED_CHARS = 1_700
"""Maximum total characters of candidates that the passage encoder compares; it takes 0.2 ms CPU for each."""


SentenceRange = tuple[str, tuple[int, int]]
"""Sentences of an article: their text, and the indexes of the first one and of the one after the last."""


class ScoredCandidate(NamedTuple):
    """A scored candidate.

    Attributes:
        published: When its article was published, in Unix time.
        text: Verbatim text; empty if it does not occur in the article as the feed gave it.
        sentence_range: Index of its first sentence and of the one after its last; (-1, 0) for the headline.
        probability: Probability from 0 to 1 that it answers the question.
        answer_span: The words in it that are the most probable answer, or None.
        span_probability: Probability of `answer_span`, from 0 to 1.
        runner_up_probability: Probability of the best span that consists of other words.
        following: The sentences after it that may be quoted with it, or None.
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
        """Return the sentences after it as a candidate, or None.

        The answer often follows the sentence that contains the question's words.
        """
        return self.after and self._replace(
            text=self.after[0], sentence_range=self.after[1], answer_span=None
        )

    @property
    def highlighted_span(self) -> str | None:
        """Return the answer span if it is probable enough to be highlighted, or None."""
        if self.answer_span and highlight_model().should_highlight(
            self.probability, self.span_probability, self.runner_up_probability
        ):
            return self.answer_span
        return None

    def overlaps(self, other: ScoredCandidate) -> bool:
        """Return whether two candidates share a sentence."""
        return (
            self.article_id == other.article_id
            and self.sentence_range[0] < other.sentence_range[1]
            and other.sentence_range[0] < self.sentence_range[1]
        )


def extract_candidates(
    question: AnalysedQuestion, readings: Iterable[ArticleAnalysis]
) -> list[tuple[AnswerCandidate, list[float]]]:
    """Return the candidates of the articles with their features."""
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
    """Score the candidates of the articles by their words, and return the best ones, best first.

    `context_ids` are articles that the conversation is about, `nearest_ids` those nearest in meaning, whose
    first candidates are always returned.
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
    """Select the candidates to return from a list sorted best first.

    The headlines and first passages of `nearest_ids` are always included. The total length then is limited to
    `MAX_ENCODED_CHARS`, so that the passage encoder can compare all of them.
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
    """Create a scored candidate; its text is "" if it does not occur verbatim in the article."""
    article = candidate.analysis.article
    span = candidate.sentence_index, candidate.sentence_index + len(candidate.sentences)
    return ScoredCandidate(
        article.id, article.published, _verbatim_text(candidate), span, tuple(features), probability
    )


def following_range(reading: ArticleAnalysis, end: int) -> SentenceRange | None:
    """Return the sentences from index `range_start` on that fit in one quote, or None."""
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
    """Add the following sentences and, if the candidate has typed spans, the most probable answer span."""
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
    """Return a candidate's text with the article's own white space, or "" if the text does not occur.

    Text may have been cut out between two sentences. If the article's web page was read instead of the feed's
    text, not even the first sentence occurs; then the text is returned as it is.
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
