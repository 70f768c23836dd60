"""Scoring of candidates (passages that may answer): pure functions that run in a worker process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bot.answers.answer_scorer import Scorer, load_candidate_scorer, load_span_scorer
from bot.answers.candidate_features import ArticleFeatures, compute_candidate_features, compute_topic_score
from bot.answers.candidates import (
    AnswerCandidate,
    ArticleAnalysis,
    analyse_article,
    find_quotable_window,
    iter_candidates,
)
from bot.answers.question_analysis import AnalysedQuestion
from bot.answers.question_terms import QuestionTermMatcher
from bot.answers.quote_excerpts import Excerpt, extract_excerpt
from bot.core.models import Article

MAX_CANDIDATES = 12
"""Maximum number of candidates (passages that may answer) that are kept because they are likely.

Candidates from the articles nearest to the question in meaning may be kept beside them.
"""
MAX_FOLLOWING_SENTENCES = 2
"""Maximum number of sentences after a quote that may be quoted with it."""
MAX_ENCODED_CHARS = 1_700
"""Maximum total length in characters of the passages that the encoder compares with a question.

Only passages that are compared in any case may exceed it. Each character takes 0.2 ms of CPU time.
"""
MIN_TOPIC_SCORE = 1.62
"""Minimum topic score of an article that counts as related: about the topic of the question.

Of 116 pairs of a question and an article that doesn't answer it, 30 had at least this score; judged by eye, 2 of these
articles were unrelated.
"""


class ScoredCandidate(NamedTuple):
    """A passage that may answer a question, with the probability that it does.

    Attributes:
        published: When the article was published, as Unix time in seconds.
        language: ISO 639-1 code of the article's language, or None if unknown.
        text: Text with the article's own white space; empty if the passage cannot be quoted, because it is too long or
            text was cut out between its sentences.
        sentence_range: Index of the first sentence and index after the last; (-1, 0) for the headline.
        features: Values in the order of `FEATURE_NAMES`, of which those that need cosines may be missing.
        probability: Probability from 0 to 1 that the passage answers the question.
        excerpt: The sentences of the passage that are shown to people, with the words that answer.
        following_candidate: The sentences after the passage, if they can be quoted. They have its features and its
            probability, because the answer often follows the sentence that contains the question's words.
    """

    article_id: int
    published: int
    language: str | None
    text: str
    sentence_range: tuple[int, int]
    features: tuple[float, ...]
    probability: float
    excerpt: Excerpt = Excerpt(())
    following_candidate: ScoredCandidate | None = None

    @property
    def is_headline(self) -> bool:
        """Return whether the passage is the article's headline rather than sentences of its text."""
        return self.sentence_range[0] < 0

    def overlaps(self, second_candidate: ScoredCandidate) -> bool:
        """Return whether this passage and another one share a sentence."""
        return (
            self.article_id == second_candidate.article_id
            and self.sentence_range[0] < second_candidate.sentence_range[1]
            and second_candidate.sentence_range[0] < self.sentence_range[1]
        )


def extract_candidates(
    question: AnalysedQuestion, analyses: Iterable[ArticleAnalysis]
) -> list[tuple[AnswerCandidate, list[float]]]:
    """Return the passages of the articles that may answer the question, each with the features that score it."""
    term_matcher = QuestionTermMatcher(question)
    features_of_articles = [ArticleFeatures(term_matcher, analysis) for analysis in analyses]
    return [
        (
            candidate,
            compute_candidate_features(question, term_matcher, article_features, candidate, log_months_behind_newest),
        )
        for article_features in features_of_articles
        for log_months_behind_newest in (article_features.compute_log_months_behind_newest(features_of_articles),)
        for candidate in iter_candidates(article_features.analysis)
    ]


class ScoredArticles(NamedTuple):
    """Passages of articles that may answer a question (candidates), and the articles about the question's topic.

    Attributes:
        candidates: The likeliest candidates, best first.
        related_article_ids: Ids of the articles whose topic score is at least `MIN_TOPIC_SCORE`, highest first.
    """

    candidates: list[ScoredCandidate]
    related_article_ids: tuple[int, ...]


def score_candidates(
    question: AnalysedQuestion,
    articles: Sequence[Article],
    context_article_ids: frozenset[int] = frozenset(),
    nearest_article_ids: frozenset[int] = frozenset(),
) -> ScoredArticles:
    """Score the passages of the articles that may answer (candidates) by words.

    `context_article_ids` are the ids of articles that the conversation is about, `nearest_article_ids` those of the
    articles nearest to the question in meaning, whose headlines and first passages are always among the candidates.
    """
    analysis_by_article_id = {article.id: analyse_article(article) for article in articles}
    scorer, term_matcher = load_candidate_scorer(with_cosines=False), QuestionTermMatcher(question)
    candidates = [
        make_scored_candidate(
            candidate,
            features,
            scorer.predict_probability(features, in_context=candidate.analysis.article.id in context_article_ids),
        )
        for candidate, features in extract_candidates(question, analysis_by_article_id.values())
    ]
    candidates.sort(key=lambda scored_candidate: -scored_candidate.probability)
    topic_score_by_article_id = {
        candidate.article_id: compute_topic_score(candidate.features) for candidate in candidates
    }
    selected_candidates = select_candidates(
        [candidate for candidate in candidates if candidate.text], nearest_article_ids
    )
    return ScoredArticles(
        [
            add_excerpt(question, term_matcher, analysis_by_article_id[candidate.article_id], candidate)
            for candidate in selected_candidates
        ],
        tuple(
            sorted(
                (
                    article_id
                    for article_id, topic_score in topic_score_by_article_id.items()
                    if topic_score >= MIN_TOPIC_SCORE
                ),
                key=lambda article_id: -topic_score_by_article_id[article_id],
            )
        ),
    )


def select_candidates(
    candidates: Sequence[ScoredCandidate], nearest_article_ids: frozenset[int]
) -> list[ScoredCandidate]:
    """Return the candidates (passages that may answer) to keep from a list sorted best first.

    The headlines and first passages of the articles in `nearest_article_ids` are always kept. If there are such
    articles, others are kept only as far as all have at most `MAX_ENCODED_CHARS`, because the passage encoder compares
    them.
    """
    if not nearest_article_ids:
        return list(candidates[:MAX_CANDIDATES])
    selected_indexes = {
        index
        for index, candidate in enumerate(candidates)
        if candidate.article_id in nearest_article_ids and candidate.sentence_range[0] <= 0
    }
    remaining_chars = MAX_ENCODED_CHARS - sum(len(candidates[index].text) for index in selected_indexes)
    for index, candidate in enumerate(candidates[:MAX_CANDIDATES]):
        if index not in selected_indexes and len(candidate.text) <= remaining_chars:
            selected_indexes.add(index)
            remaining_chars -= len(candidate.text)
    return [candidates[index] for index in sorted(selected_indexes)]


def make_scored_candidate(candidate: AnswerCandidate, features: Sequence[float], probability: float) -> ScoredCandidate:
    """Return a passage that may answer, with its score (probability); its text is "" if it cannot be quoted."""
    article = candidate.analysis.article
    sentence_range = candidate.sentence_index, candidate.sentence_index + len(candidate.sentences)
    return ScoredCandidate(
        article.id,
        article.published,
        article.language,
        candidate.find_verbatim_text(),
        sentence_range,
        tuple(features),
        probability,
    )


def find_following_candidate(analysis: ArticleAnalysis, candidate: ScoredCandidate) -> ScoredCandidate | None:
    """Return at most `MAX_FOLLOWING_SENTENCES` sentences after a passage, or None if they can't be quoted."""
    window = find_quotable_window(analysis, candidate.sentence_range[1], MAX_FOLLOWING_SENTENCES)
    return None if window is None else make_scored_candidate(window, candidate.features, candidate.probability)


def add_excerpt(
    question: AnalysedQuestion,
    term_matcher: QuestionTermMatcher,
    analysis: ArticleAnalysis,
    candidate: ScoredCandidate,
    span_scorer: Scorer | None = None,
) -> ScoredCandidate:
    """Return a copy of a passage with its excerpt for people, and with the sentences after it.

    `span_scorer` predicts which words answer; None stands for the scorer in the model file.
    """
    return candidate._replace(
        following_candidate=find_following_candidate(analysis, candidate),
        excerpt=extract_excerpt(
            question, term_matcher, analysis, candidate.sentence_range, span_scorer or load_span_scorer()
        ),
    )
