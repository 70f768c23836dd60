"""Excerpts of passages for people: at most two sentences, with the words that answer the question."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from bot.answers.answer_scorer import Scorer
from bot.answers.candidates import AnalysedSentence, ArticleAnalysis
from bot.answers.expected_answers import find_expected_answer
from bot.answers.question_analysis import AnalysedQuestion, AnswerType
from bot.answers.question_terms import QuestionTermMatcher
from bot.answers.span_features import iter_span_features
from bot.answers.typed_spans import TypedSpan

MIN_ALONE_PROBABILITY = 0.4
"""Minimum probability that words answer, from which their sentence is shown without its neighbours."""
MISMATCH_FACTOR = 0.2
"""Factor on the probability of words that have the expected type but are not what the question asks for.

It isn't applied to words that end in a digit, because a number without a noun may be a number of anything.
"""
MAX_EXCERPT_SENTENCES = 2
"""Maximum number of sentences in an excerpt."""
MIN_CLAUSE_CHARS = 12
"""Minimum length in characters of a clause that gives a reason or says what something is."""
MAX_CLAUSE_CHARS = 160
"""Maximum length in characters of a clause that gives a reason or says what something is."""

DEPENDENT_SENTENCE_PATTERN = re.compile(
    r"[\W_]*(?:it|its|he|his|she|her|they|their|this|that|these|those|such|ils?|elles?|ce|cet|cette|ces|cela|ça|c|celui"
    r"|celle|ceux|son|sa|ses|leurs?|une telle|un tel)\b",
    re.IGNORECASE,
)
"""Pattern of a sentence that begins with a word for something that the sentence before it names."""
_CLAUSE_END_PATTERN = re.compile(r"[,;:–—](?=\s)|[.!?…](?=\s|$)")


class ScoredSpan(NamedTuple):
    """Words that may answer, with their probability from 0 to 1, and whether they are what the question asks for."""

    probability: float
    span: TypedSpan
    is_match: bool


class Excerpt(NamedTuple):
    """At most two sentences of a passage, with the words in one of them that most probably answer.

    Attributes:
        answer_text: The words that most probably answer; for a question for a reason or definition, the clause that
            gives it. None if there are none.
        has_expected_answer: Whether these words are likely and what the question plainly asks for, such as a number
            of the right things; true if the question asks plainly for nothing.
        span_probability: Probability of `answer_text`, from 0 to 1; 0 for a clause and for None.
    """

    sentences: tuple[str, ...]
    answer_text: str | None = None
    has_expected_answer: bool = True
    span_probability: float = 0.0


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
    expected_answer = find_expected_answer(question)
    spans_by_sentence_index = {
        sentence_index: [
            ScoredSpan(
                span_scorer.predict_probability(features),
                span,
                expected_answer.matches(term_matcher, analysis.article.published, sentence, span),
            )
            for span, features in iter_span_features(question, term_matcher, analysis, sentence_index)
            if expected_answer.has_type(analysis, text, sentence, span)
        ]
        for sentence_index in range(*sentence_range)
        for text, sentence in (analysis.get_text_and_sentence(sentence_index),)
    }
    shown_range = _select_sentences(term_matcher, analysis, sentence_range, spans_by_sentence_index)
    if not expected_answer.span_types:
        return Excerpt(_extract_sentence_texts(analysis, shown_range), _find_clause(question, analysis, shown_range))
    indexed_spans = [(index, span) for index in shown_range for span in spans_by_sentence_index[index]]
    if not indexed_spans:
        return Excerpt(_extract_sentence_texts(analysis, shown_range), has_expected_answer=False)
    best_index, best_span = max(
        indexed_spans,
        key=lambda indexed_span: (
            indexed_span[1].probability
            * (1.0 if indexed_span[1].is_match or indexed_span[1].span.text[-1].isdigit() else MISMATCH_FACTOR)
        ),
    )
    text, best_sentence = analysis.get_text_and_sentence(best_index)
    shown_sentences = [analysis.get_text_and_sentence(index)[1] for index in shown_range]
    has_expected_answer = (
        best_span.is_match
        and best_span.probability >= expected_answer.min_probability
        and expected_answer.has_relation(term_matcher, text, shown_sentences)
    )
    if best_span.probability >= MIN_ALONE_PROBABILITY:
        shown_range = range(best_index, best_index + 1)
    if shown_range.start == best_index > 0 and DEPENDENT_SENTENCE_PATTERN.match(
        text[best_sentence.start : best_sentence.end]
    ):
        shown_range = range(best_index - 1, best_index + 1)
    return Excerpt(
        _extract_sentence_texts(analysis, shown_range), best_span.span.text, has_expected_answer, best_span.probability
    )


def _select_sentences(
    term_matcher: QuestionTermMatcher,
    analysis: ArticleAnalysis,
    sentence_range: tuple[int, int],
    spans_by_sentence_index: Mapping[int, Sequence[ScoredSpan]],
) -> range:
    """Return the indexes of the `MAX_EXCERPT_SENTENCES` sentences of a passage that have most of the question's words.

    A passage of fewer sentences is returned whole. Sentences with words that the question asks for go first; the
    probability of words that may answer counts, too.
    """
    range_start, range_end = sentence_range
    if range_end - range_start <= MAX_EXCERPT_SENTENCES:
        return range(range_start, range_end)

    def score_sentences(start: int) -> tuple[bool, float]:
        end = start + MAX_EXCERPT_SENTENCES
        term_share = term_matcher.compute_weight_share(term_matcher.find_term_offsets(analysis.sentences[start:end]))
        spans = [span for index in range(start, end) for span in spans_by_sentence_index[index]]
        span_probability = max((span.probability for span in spans), default=0.0)
        return any(span.is_match for span in spans), term_share + span_probability

    best_start = max(range(range_start, range_end - MAX_EXCERPT_SENTENCES + 1), key=score_sentences)
    return range(best_start, best_start + MAX_EXCERPT_SENTENCES)


def _find_clause(question: AnalysedQuestion, analysis: ArticleAnalysis, sentence_indexes: range) -> str | None:
    """Return the first clause that gives a reason or says what something is, if the question asks for that, or None."""
    for sentence_index in sentence_indexes:
        text, sentence = analysis.get_text_and_sentence(sentence_index)
        for span in _iter_introductions(question, sentence):
            start = span.end if span.answer_type is AnswerType.DEFINITION else span.start
            if span.answer_type is AnswerType.DEFINITION:
                start -= len(re.split(r"[\s’']", span.text)[-1])
            end_match = _CLAUSE_END_PATTERN.search(text, start + MIN_CLAUSE_CHARS, sentence.end)
            clause = text[start : end_match.start() if end_match else sentence.end]
            if len(clause) > MAX_CLAUSE_CHARS:
                clause = clause[:MAX_CLAUSE_CHARS].rpartition(" ")[0]
            if len(clause) >= MIN_CLAUSE_CHARS:
                return clause
    return None


def _iter_introductions(question: AnalysedQuestion, sentence: AnalysedSentence) -> Iterator[TypedSpan]:
    """Yield the words that introduce a reason ("because") or a definition ("is a"), if the question asks for that."""
    for span in sentence.typed_spans:
        if span.answer_type in question.answer_types & {AnswerType.REASON, AnswerType.DEFINITION}:
            yield span


def _extract_sentence_texts(analysis: ArticleAnalysis, sentence_indexes: range) -> tuple[str, ...]:
    return tuple(
        text[sentence.start : sentence.end] for text, sentence in map(analysis.get_text_and_sentence, sentence_indexes)
    )
