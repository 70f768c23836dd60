"""Features of candidates, which are passages that may answer a question.

No feature depends on a particular topic, and none excludes a candidate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import exp, log

from bot.answers.candidates import AnswerCandidate, ArticleAnalysis
from bot.answers.question_analysis import AnalysedQuestion, AnswerType
from bot.answers.question_terms import QuestionTermMatcher

_ADJACENT_CHARS = 8
"""Maximum distance in characters of two of a question's words in a passage for them to count as adjacent."""
_PROXIMITY_DECAY_CHARS = 60.0
"""Further distance in characters of two of a question's words in a passage at which their proximity drops to 1/e."""
_TITLE_WEIGHT = 3
"""Number of times that a word of the title is counted; a word of the text is counted once."""
_AVERAGE_DOCUMENT_WORDS = 150
"""Assumed average length of an article, in words without stop words."""
_MONTH_SECONDS = 30 * 86_400


class ArticleFeatures:
    """Features that all candidates (passages that may answer) of an article share.

    `article_share` and `title_share` are the shares, from 0 to 1, of the weight of the question's terms (content words)
    that occur in the article and in its title. `bm25` is the mean BM25 score of
    the terms in the article, by their weight.
    """

    def __init__(self, term_matcher: QuestionTermMatcher, analysis: ArticleAnalysis) -> None:
        self.analysis = analysis
        title_offsets_by_term, text_offsets_by_term = (
            term_matcher.find_term_offsets([analysis.title]),
            term_matcher.find_term_offsets(analysis.sentences),
        )
        self.title_term_indexes = set(title_offsets_by_term)
        self.article_share = term_matcher.compute_weight_share(self.title_term_indexes.union(text_offsets_by_term))
        self.title_share = term_matcher.compute_weight_share(self.title_term_indexes)
        word_count = sum(len(sentence.tokens) for sentence in analysis.sentences)
        self.bm25 = (
            sum(
                weight
                * _compute_bm25_term_score(
                    _TITLE_WEIGHT * len(title_offsets_by_term.get(term_index, ()))
                    + len(text_offsets_by_term.get(term_index, ())),
                    word_count,
                )
                for term_index, weight in enumerate(term_matcher.term_weights)
            )
            / term_matcher.total_weight
        )

    def compute_log_months_behind_newest(self, features_of_articles: Iterable[ArticleFeatures]) -> float:
        """Return log(1 + months), for the months from this article to the newest article that is as relevant.

        An article is as relevant if its title, and its title and text together, each contain at least as large a share
        of the question. Returns 0 if there is no newer such article.
        """
        newest_published_at = max(
            (
                features.analysis.article.published
                for features in features_of_articles
                if features.article_share >= self.article_share and features.title_share >= self.title_share
            ),
            default=0,
        )
        return log(1 + max(0, newest_published_at - self.analysis.article.published) / _MONTH_SECONDS)


def _compute_bm25_term_score(weighted_count: int, word_count: int) -> float:
    """Return the BM25 score of a term in an article of `word_count` content words.

    `weighted_count` is how often the term occurs; each occurrence in the title counts `_TITLE_WEIGHT` times.

    Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework" (https://doi.org/10.1561/1500000019).
    The constants are the usual ones. The length of the article is compared with a constant instead of the average, so
    that the score does not depend on which articles are stored.
    """
    return 2.2 * weighted_count / (weighted_count + 1.2 * (0.25 + 0.75 * word_count / _AVERAGE_DOCUMENT_WORDS))


def has_answer_form(question: AnalysedQuestion, term_matcher: QuestionTermMatcher, candidate: AnswerCandidate) -> bool:
    """Return whether a passage has words in the form of the expected answer, besides the question's own words.

    Words that only introduce an answer, such as "because", count even if they are in the question.
    """
    span_types = question.span_types
    for sentence in candidate.sentences:
        for span in sentence.typed_spans:
            if span.answer_type not in span_types:
                continue
            tokens_inside = sentence.list_tokens_in(span)
            if (
                not span.is_answer_itself
                or any(not term_matcher.find_matching_term_indexes(token.stem) for token in tokens_inside)
                or not (tokens_inside or span.answer_type is AnswerType.NAME)
            ):
                return True
    return False


FEATURE_NAMES = (
    # Shares of the weight of the terms that are in the passage, in it or the title, in the article, and in the title
    "in window", "in window or title", "in article", "in title",
    "together",  # How close the terms stand to each other in the passage
    "bm25",  # BM25 score of the article
    "terms",  # log(1 + number of the question's terms that any article contains) / 3
    "has form", "lacks form",  # Whether words have the form of the expected answer; both 0 if no form is expected
    "superseded",  # log(1 + months) by which another article as relevant is newer
    "cosine", "article cosine",  # Similarity in meaning of the question to the passage and to the article
)  # fmt: skip
"""Names of the features of a passage that may answer (candidate), in the order of the vector.

The model file must list the same names.
"""
COSINE_FEATURE_COUNT = 2
"""Number of features, at the end of `FEATURE_NAMES`, that need cosines from the passage encoder."""


def has_cosines(features: Sequence[float]) -> bool:
    """Return whether the features of a passage include those that compare its meaning with the question's."""
    return len(features) == len(FEATURE_NAMES)


def compute_topic_score(features: Sequence[float]) -> float:
    """Return how much an article is about the topic of a question, from 0 to about 3.

    `features` are the features of any passage of the article, because all its passages share the features used here.
    """
    return features[FEATURE_NAMES.index("bm25")] + features[FEATURE_NAMES.index("in title")]


def compute_candidate_features(
    question: AnalysedQuestion,
    term_matcher: QuestionTermMatcher,
    article_features: ArticleFeatures,
    candidate: AnswerCandidate,
    log_months_behind_newest: float,
) -> list[float]:
    """Return the features of a passage that may answer, in the order of `FEATURE_NAMES`.

    The features that need cosines are left out. `log_months_behind_newest` is how much newer another article is that is
    as relevant: log(1 + months).
    """
    offsets_by_term = term_matcher.find_term_offsets(candidate.sentences)
    has_form = has_answer_form(question, term_matcher, candidate)
    return [
        term_matcher.compute_weight_share(offsets_by_term),
        term_matcher.compute_weight_share(article_features.title_term_indexes.union(offsets_by_term)),
        article_features.article_share,
        article_features.title_share,
        _compute_term_proximity(term_matcher, offsets_by_term),
        article_features.bm25,
        log(1 + term_matcher.indexed_term_count) / 3,
        float(has_form),
        float(bool(question.answer_types) and not has_form),
        log_months_behind_newest,
    ]


def _compute_term_proximity(term_matcher: QuestionTermMatcher, offsets_by_term: Mapping[int, Sequence[int]]) -> float:
    """Return how close the question's words stand to each other in a passage, from 0 to 1."""
    if len(offsets_by_term) <= 1:
        return 0.0
    total_proximity = 0.0
    for term_index, offsets in offsets_by_term.items():
        other_offsets = [
            offset
            for other_index, offsets_of_other_term in offsets_by_term.items()
            if other_index != term_index
            for offset in offsets_of_other_term
        ]
        distance = min(abs(offset - other_offset) for offset in offsets for other_offset in other_offsets)
        total_proximity += term_matcher.term_weights[term_index] * exp(
            -max(0, distance - _ADJACENT_CHARS) / _PROXIMITY_DECAY_CHARS
        )
    return total_proximity / term_matcher.total_weight
