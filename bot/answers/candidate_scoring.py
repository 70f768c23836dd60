"""Scoring of candidates (passages that may answer): pure functions that run in a worker process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bot.answers.answer_model import MAX_QUOTE_LENGTH
from bot.answers.answer_scorer import Scorer, load_candidate_scorer, load_highlight_model, load_span_scorer
from bot.answers.candidate_features import ArticleFeatures, compute_candidate_features
from bot.answers.candidates import AnswerCandidate, ArticleAnalysis, analyse_article, iter_candidates
from bot.answers.passages import find_verbatim
from bot.answers.question_analysis import AnalysedQuestion
from bot.answers.question_terms import QuestionTermMatcher
from bot.answers.span_features import iter_span_features
from bot.core.models import Article
from bot.search.index.text_analysis import tokenize

MIN_PROBABILITY = 1e-4
"""Probability that is assumed for a passage's second-best answer if there is none."""
MAX_CANDIDATES = 12
"""Maximum number of candidates (passages that may answer) that are returned, best first."""
MAX_FOLLOWING_SENTENCES = 2
"""Maximum number of sentences after a quote that may be quoted with it."""
MAX_ENCODED_CHARS = 1_700
"""Maximum total length in characters of the passages that the encoder compares with a question.

Each character takes 0.2 ms of CPU time.
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
        answer_span: The words in the passage that are the most probable answer, or None.
        span_probability: Probability of `answer_span`, from 0 to 1.
        runner_up_probability: Probability of the best span that consists of other words.
        following: The sentences after the passage that may be quoted with it, or None.
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
    following: PassageRange | None = None

    @property
    def following_candidate(self) -> ScoredCandidate | None:
        """Return the sentences after the passage as a passage of their own, or None if there are none.

        The answer often follows the sentence that contains the question's words.
        """
        return self.following and self._replace(
            text=self.following[0], sentence_range=self.following[1], answer_span=None
        )

    @property
    def highlighted_span(self) -> str | None:
        """Return the words that answer if they are probable enough to be highlighted; otherwise None."""
        if self.answer_span and load_highlight_model().should_highlight(
            self.probability, self.span_probability, self.runner_up_probability
        ):
            return self.answer_span
        return None

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


def score_candidates(
    question: AnalysedQuestion,
    articles: Sequence[Article],
    context_ids: frozenset[int] = frozenset(),
    nearest_ids: frozenset[int] = frozenset(),
) -> list[ScoredCandidate]:
    """Return the passages of the articles that most likely answer (candidates), scored by words, best first.

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
    return [
        with_answer_span(question, term_matcher, analysis_by_id[selected_candidate.article_id], selected_candidate)
        for selected_candidate in select_candidates(
            [quotable_candidate for quotable_candidate in candidates if quotable_candidate.text], nearest_ids
        )
    ]


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


def with_answer_span(
    question: AnalysedQuestion,
    term_matcher: QuestionTermMatcher,
    analysis: ArticleAnalysis,
    candidate: ScoredCandidate,
    scorer: Scorer | None = None,
) -> ScoredCandidate:
    """Return a passage with the sentences after it and the words that most probably answer.

    No words are marked if the passage has none in the form of an answer.
    """
    candidate = candidate._replace(following=find_following_range(analysis, candidate.sentence_range[1]))
    span_scorer = scorer or load_span_scorer()
    scored_spans = [
        (span_scorer.predict_probability(features), span.text)
        for sentence_index in range(*candidate.sentence_range)
        for span, features in iter_span_features(question, term_matcher, analysis, sentence_index)
        if span.text in candidate.text
    ]
    if not scored_spans:
        return candidate
    probability, answer_text = max(scored_spans)
    answer_tokens = set(tokenize(answer_text))
    runner_up_probability = max(
        (other_probability for other_probability, text in scored_spans if not answer_tokens.issuperset(tokenize(text))),
        default=MIN_PROBABILITY,
    )
    return candidate._replace(
        answer_span=answer_text, span_probability=probability, runner_up_probability=runner_up_probability
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
