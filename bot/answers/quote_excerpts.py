"""Excerpts of passages for people: at most two sentences, with the words that answer the question."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from bot.answers.answer_scorer import Scorer
from bot.answers.candidates import ArticleAnalysis
from bot.answers.question_analysis import AnalysedQuestion, AnswerType
from bot.answers.question_terms import QuestionTermMatcher
from bot.answers.span_features import SPAN_TYPES, iter_span_features
from bot.answers.typed_spans import TypedSpan, is_relative_day

MIN_ANSWER_PROBABILITY_RATIO = 2.0
"""Minimum factor by which the words given as the answer are more probable than any others in the shown sentences."""
MIN_ALONE_PROBABILITY = 0.4
"""Minimum probability that words answer, from which their sentence is shown without its neighbours."""
MIN_MEASURE_OR_TIME_PROBABILITY = 0.15
"""Minimum probability that a length of time, a sum, a date or a plain number is what a question asks for."""
MIN_NAME_OR_COUNT_PROBABILITY = 0.05
"""Minimum probability that a name, or a number of the things that a question names, is what it asks for."""
MAX_EXCERPT_SENTENCES = 2
"""Maximum number of sentences in an excerpt."""
MAX_WORDS_TO_COUNTED_NOUN = 2
"""Maximum number of content words after a number among which the thing that it counts is looked for."""

DEPENDENT_SENTENCE_PATTERN = re.compile(
    r"[\W_]*(?:it|its|he|his|she|her|they|their|this|that|these|those|such|ils?|elles?|ce|cet|cette|ces|cela|ça|c|celui"
    r"|celle|ceux|son|sa|ses|leurs?|une telle|un tel)\b",
    re.IGNORECASE,
)
"""Pattern of a sentence that begins with a word for something that the sentence before it names."""
_DURATION_PATTERN = re.compile(
    r"(?:second|minute|hour|day|week|month|year|decade|seconde|heure|jour|semaine|an|année|siècle)s?\b|mois\b",
    re.IGNORECASE,
)
_YEAR_PATTERN = re.compile(r"\b\d{4}\b")


class ScoredSpan(NamedTuple):
    """Words of a sentence that may answer, with their probability from 0 to 1."""

    probability: float
    sentence_index: int
    span: TypedSpan


class Excerpt(NamedTuple):
    """At most two sentences of a passage, with the words in one of them that answer.

    Attributes:
        answer_text: The number, sum or time that answers; None if others are about as probable. A name is never given
            as the answer: names beside the right one are about as probable too often.
        has_expected_answer: Whether some words may be what the question asks for, such as a number of the right
            things; true if the question asks for no number, sum, date or name.
    """

    sentences: tuple[str, ...]
    answer_text: str | None = None
    has_expected_answer: bool = True


def extract_excerpt(
    question: AnalysedQuestion,
    term_matcher: QuestionTermMatcher,
    analysis: ArticleAnalysis,
    sentence_range: tuple[int, int],
    span_scorer: Scorer,
) -> Excerpt:
    """Return the one or two adjacent sentences of a passage that most likely answer, and the words in them that answer.

    `sentence_range` is the index of the first sentence and the index after the last; (-1, 0) is the headline. The
    sentence with very probable words is shown alone. If the excerpt begins with the sentence of these words, and that
    sentence with a word such as "it", the excerpt is this sentence and the one before it.
    """
    spans = sorted(
        (
            ScoredSpan(span_scorer.predict_probability(features), sentence_index, span)
            for sentence_index in range(*sentence_range)
            for span, features in iter_span_features(question, term_matcher, analysis, sentence_index)
            if _is_expected(question, term_matcher, analysis, sentence_index, span)
        ),
        reverse=True,
    )
    shown_range = _select_sentences(term_matcher, analysis, sentence_range, spans)
    spans = [span for span in spans if span.sentence_index in shown_range]
    if not spans:
        return Excerpt(
            _extract_sentence_texts(analysis, shown_range),
            has_expected_answer=question.span_types.isdisjoint(SPAN_TYPES),
        )
    probability, sentence_index, span = spans[0]
    if probability >= MIN_ALONE_PROBABILITY:
        shown_range = range(sentence_index, sentence_index + 1)
    (first_sentence,) = _extract_sentence_texts(analysis, shown_range[:1])
    if shown_range.start == sentence_index > 0 and DEPENDENT_SENTENCE_PATTERN.match(first_sentence):
        shown_range = range(sentence_index - 1, sentence_index + 1)
    is_name_or_count = span.answer_type is AnswerType.NAME or question.counted_term_indexes
    min_probability = MIN_NAME_OR_COUNT_PROBABILITY if is_name_or_count else MIN_MEASURE_OR_TIME_PROBABILITY
    second_probability = spans[1].probability if len(spans) > 1 else 0.0
    is_clear = (
        span.answer_type is not AnswerType.NAME and probability >= MIN_ANSWER_PROBABILITY_RATIO * second_probability
    )
    return Excerpt(
        _extract_sentence_texts(analysis, shown_range),
        answer_text=span.text if is_clear else None,
        has_expected_answer=probability >= min_probability
        and _counts_expected_noun(question, term_matcher, analysis, sentence_index, span),
    )


def _is_expected(
    question: AnalysedQuestion,
    term_matcher: QuestionTermMatcher,
    analysis: ArticleAnalysis,
    sentence_index: int,
    span: TypedSpan,
) -> bool:
    """Return whether words of a sentence have a type that the question asks for, and are a number of the right things.

    A weekday alone or "today" is no date, and no year before the article's is in the future.
    """
    if span.answer_type not in question.span_types:
        return False
    if span.answer_type is AnswerType.NAME:
        return True
    if span.answer_type is AnswerType.TIME:
        published_year = datetime.fromtimestamp(analysis.article.published, UTC).year
        is_too_early = any(int(year) < published_year for year in _YEAR_PATTERN.findall(span.text))
        return not is_relative_day(span.text) and not (question.asks_about_future and is_too_early)
    if question.asks_duration:
        return _DURATION_PATTERN.search(span.text) is not None
    # A number without a noun may count anything.
    return span.text[-1].isdigit() or _counts_expected_noun(question, term_matcher, analysis, sentence_index, span)


def _counts_expected_noun(
    question: AnalysedQuestion,
    term_matcher: QuestionTermMatcher,
    analysis: ArticleAnalysis,
    sentence_index: int,
    span: TypedSpan,
) -> bool:
    """Return whether a noun whose number the question asks for is in some words or shortly after; true without one."""
    _, sentence = analysis.get_text_and_sentence(sentence_index)
    tokens_after = [token for token in sentence.tokens if token.start >= span.end][:MAX_WORDS_TO_COUNTED_NOUN]
    return not question.counted_term_indexes or any(
        not question.counted_term_indexes.isdisjoint(term_matcher.find_matching_term_indexes(token.stem))
        for token in (*sentence.list_tokens_in(span), *tokens_after)
    )


def _select_sentences(
    term_matcher: QuestionTermMatcher,
    analysis: ArticleAnalysis,
    sentence_range: tuple[int, int],
    spans: Sequence[ScoredSpan],
) -> range:
    """Return the indexes of the `MAX_EXCERPT_SENTENCES` sentences of a passage that have most of the question's words.

    A passage of fewer sentences is returned whole. Sentences with words that may answer go first; the probability of
    these words counts, too.
    """
    range_start, range_end = sentence_range
    if range_end - range_start <= MAX_EXCERPT_SENTENCES:
        return range(range_start, range_end)

    def score_sentences(sentence_indexes: range) -> tuple[bool, float]:
        sentences = analysis.sentences[sentence_indexes.start : sentence_indexes.stop]
        term_share = term_matcher.compute_weight_share(term_matcher.find_term_offsets(sentences))
        probability = max((span.probability for span in spans if span.sentence_index in sentence_indexes), default=0.0)
        return probability > 0, term_share + probability

    starts = range(range_start, range_end - MAX_EXCERPT_SENTENCES + 1)
    return max((range(start, start + MAX_EXCERPT_SENTENCES) for start in starts), key=score_sentences)


def _extract_sentence_texts(analysis: ArticleAnalysis, sentence_indexes: range) -> tuple[str, ...]:
    return tuple(
        text[sentence.start : sentence.end] for text, sentence in map(analysis.get_text_and_sentence, sentence_indexes)
    )
