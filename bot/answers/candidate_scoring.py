"""Scoring of candidates (passages that may answer): pure functions that run in a worker process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bot.answers.answer_model import MAX_QUOTE_LENGTH
from bot.answers.answer_scorer import Scorer, load_candidate_scorer, load_highlight_model, load_span_scorer
from bot.answers.candidate_features import ArticleFeatures, compute_candidate_features, compute_topic_score
from bot.answers.candidates import AnswerCandidate, ArticleAnalysis, analyse_article, iter_candidates
from bot.answers.passages import find_verbatim
from bot.answers.question_analysis import AnalysedQuestion
from bot.answers.question_terms import QuestionTermMatcher
from bot.answers.quote_excerpts import Excerpt, extract_excerpt
from bot.core.models import Article

MAX_CANDIDATES = 12
"""Maximum number of candidates (passages that may answer) that are returned, best first."""
MAX_FOLLOWING_SENTENCES = 2
"""Maximum number of sentences after a quote that may be quoted with it."""
MAX_ENCODED_CHARS = 1_700
"""Maximum total length in characters of the passages that the encoder compares with a question.

Each character takes 0.2 ms of CPU time.
"""


MIN_TOPIC_SCORE = 1.62
"""Minimum topic score of an article that is about the same thing as a question.

Of 116 pairs of a question and an article that doesn't answer it, judged by eye, 2 of the 30 above it were unrelated.
"""

PassageRange = tuple[str, tuple[int, int]]
"""Text of consecutive sentences of an article, with the index of the first and the index after the last."""


class ScoredCandidate(NamedTuple):
    """A passage that may answer a question, with the probability that it does.

    Attributes:
        published: When the article was published, as Unix time in seconds.
        text: Verbatim text; empty if the passage does not occur in the article as the feed gave it.
        sentence_range: Index of the first sentence and index after the last; (-1, 0) for the headline.
        probability: Probability from 0 to 1 that the passage answers the question.
        excerpt: The sentences of the passage that are shown to people, with the words that answer.
        following: The sentences after the passage that may be quoted with it, or None.
    """

    article_id: int
    published: int
    text: str
    sentence_range: tuple[int, int]
    features: tuple[float, ...]
    probability: float
    excerpt: Excerpt = Excerpt(())
    following: PassageRange | None = None

    @property
    def following_candidate(self) -> ScoredCandidate | None:
        """Return the sentences after the passage as a passage of their own, or None if there are none.

        The answer often follows the sentence that contains the question's words.
        """
        return self.following and self._replace(
            text=self.following[0], sentence_range=self.following[1], excerpt=Excerpt(())
        )

    @property
    def shown_excerpt(self) -> Excerpt:
        """Return the excerpt to show: the sentence that answers alone if its words are probable enough.

        Less probable words are left out unless they have the form that the question plainly asks for.
        """
        if self.excerpt.answer_span and load_highlight_model().should_highlight(
            self.probability, self.excerpt.span_probability, self.excerpt.runner_up_probability
        ):
            return self.excerpt.shorten()
        return self.excerpt if self.excerpt.is_plain else Excerpt(self.excerpt.sentences)

    def overlaps(self, second: ScoredCandidate) -> bool:
        """Return whether this passage and another one share a sentence."""
        return (
            self.article_id == second.article_id
            and self.sentence_range[0] < second.sentence_range[1]
            and second.sentence_range[0] < self.sentence_range[1]
        )


def extract_candidates(
    question: AnalysedQuestion, analyses: Iterable[ArticleAnalysis]
) -> list[tuple[AnswerCandidate, list[float]]]:
    """Return the passages of the articles that may answer the question, each with its features.

    A passage is scored by its features.
    """
    term_matcher = QuestionTermMatcher(question)
    article_features = [ArticleFeatures(term_matcher, analysis) for analysis in analyses]
    return [
        (
            candidate,
            compute_candidate_features(question, term_matcher, features, candidate, log_months_behind_newest),
        )
        for features, log_months_behind_newest in [
            (article_feature, article_feature.log_months_behind_newest(article_features))
            for article_feature in article_features
        ]
        for candidate in iter_candidates(features.analysis)
    ]


class ScoredArticles(NamedTuple):
    """Passages of articles that may answer a question (candidates), and the articles about the same thing.

    Attributes:
        candidates: The likeliest candidates, best first.
        related_ids: Ids of the articles whose topic score is at least `MIN_TOPIC_SCORE`, highest first.
    """

    candidates: list[ScoredCandidate]
    related_ids: tuple[int, ...]


def score_candidates(
    question: AnalysedQuestion,
    articles: Sequence[Article],
    context_ids: frozenset[int] = frozenset(),
    nearest_ids: frozenset[int] = frozenset(),
) -> ScoredArticles:
    """Score the passages of the articles that may answer (candidates) by words.

    `context_ids` are articles that the conversation is about, `nearest_ids` those nearest in meaning, whose
    first candidates are always returned.
    """
    analysis_by_id = {article.id: analyse_article(article) for article in articles}
    scorer, term_matcher = load_candidate_scorer(with_cosines=False), QuestionTermMatcher(question)
    candidates = [
        make_scored_candidate(
            candidate,
            features,
            scorer.predict_probability(features, in_context=candidate.analysis.article.id in context_ids),
        )
        for candidate, features in extract_candidates(question, analysis_by_id.values())
    ]
    candidates.sort(key=lambda scored_candidate: -scored_candidate.probability)
    topic_scores = {candidate.article_id: compute_topic_score(candidate.features) for candidate in candidates}
    selected_candidates = select_candidates(
        [quotable_candidate for quotable_candidate in candidates if quotable_candidate.text], nearest_ids
    )
    return ScoredArticles(
        [
            with_excerpt(question, term_matcher, analysis_by_id[candidate.article_id], candidate)
            for candidate in selected_candidates
        ],
        tuple(
            sorted(
                (id_ for id_, topic_score in topic_scores.items() if topic_score >= MIN_TOPIC_SCORE),
                key=lambda id_: -topic_scores[id_],
            )
        ),
    )


def select_candidates(candidates: Sequence[ScoredCandidate], nearest_ids: frozenset[int]) -> list[ScoredCandidate]:
    """Return the candidates (passages that may answer) to keep from a list sorted best first.

    The headlines and first passages of the articles in `nearest_ids` are always kept. If there are any, the
    total length is limited to `MAX_ENCODED_CHARS`, so that the passage encoder can compare all candidates.
    """
    if not nearest_ids:
        return list(candidates[:MAX_CANDIDATES])
    selected_indexes = {
        nearest_index
        for nearest_index, scored_candidate in enumerate(candidates)
        if scored_candidate.article_id in nearest_ids and scored_candidate.sentence_range[0] <= 0
    }
    remaining_chars = MAX_ENCODED_CHARS - sum(
        len(candidates[selected_index].text) for selected_index in selected_indexes
    )
    for candidate_index, candidate in enumerate(candidates[:MAX_CANDIDATES]):
        if candidate_index not in selected_indexes and len(candidate.text) <= remaining_chars:
            selected_indexes.add(candidate_index)
            remaining_chars -= len(candidate.text)
    return [candidates[selected_candidate_index] for selected_candidate_index in sorted(selected_indexes)]


def make_scored_candidate(candidate: AnswerCandidate, features: Sequence[float], probability: float) -> ScoredCandidate:
    """Create a scored candidate; its text is "" if the passage does not occur verbatim in the article."""
    article = candidate.analysis.article
    sentence_range = candidate.sentence_index, candidate.sentence_index + len(candidate.sentences)
    return ScoredCandidate(
        article.id,
        article.published,
        _find_verbatim_text(candidate),
        sentence_range,
        tuple(features),
        probability,
    )


def find_following_range(analysis: ArticleAnalysis, range_start: int) -> PassageRange | None:
    """Return the most sentences from index `range_start` on, up to two, that fit in one quote, or None."""
    for range_end in range(min(range_start + MAX_FOLLOWING_SENTENCES, len(analysis.sentences)), range_start, -1):
        following_text = _find_verbatim_text(
            AnswerCandidate(analysis, range_start, analysis.sentences[range_start:range_end])
        )
        if 0 < len(following_text) <= MAX_QUOTE_LENGTH:
            return following_text, (range_start, range_end)
    return None


def with_excerpt(
    question: AnalysedQuestion,
    term_matcher: QuestionTermMatcher,
    analysis: ArticleAnalysis,
    candidate: ScoredCandidate,
    scorer: Scorer | None = None,
) -> ScoredCandidate:
    """Return a passage with its excerpt for people and with the sentences after it."""
    return candidate._replace(
        following=find_following_range(analysis, candidate.sentence_range[1]),
        excerpt=extract_excerpt(
            question, term_matcher, analysis, candidate.sentence_range, scorer or load_span_scorer()
        ),
    )


def _find_verbatim_text(candidate: AnswerCandidate) -> str:
    """Return a passage's text with the article's own white space, or "" if it is not in the article.

    It is not there as a whole if text was cut out between two sentences. If the article's web page was read
    instead of the feed's text, not even the first sentence occurs; then the text is returned as it is.
    """
    candidate_text, article = candidate.text, candidate.analysis.article
    if candidate.is_headline:
        return candidate_text
    first_sentence = candidate.analysis.text[candidate.sentences[0].start : candidate.sentences[0].end]
    article_text = article.text or article.summary
    verbatim_text = find_verbatim(article_text, candidate_text)
    if not verbatim_text:
        return "" if find_verbatim(article_text, first_sentence) else candidate_text
    return verbatim_text if len(verbatim_text) <= MAX_QUOTE_LENGTH else ""
