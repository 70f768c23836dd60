"""Excerpts of passages for people: at most two sentences, with the words that answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from bot.answers.answer_scorer import Scorer, load_candidate_scorer
from bot.answers.candidate_features import ArticleFeatures, compute_candidate_features
from bot.answers.candidates import AnalysedSentence, AnswerCandidate, ArticleAnalysis
from bot.answers.expected_answers import find_expected_answer
from bot.answers.question_analysis import AnalysedQuestion, AnswerType
from bot.answers.question_terms import QuestionTermMatcher
from bot.answers.span_features import iter_span_features
from bot.answers.typed_spans import TypedSpan

MIN_ALONE_PROBABILITY = 0.4
"""Minimum probability of the words that answer for their sentence to be shown alone."""
MISMATCH_FACTOR = 0.2
"""Factor on the probability of words that have the expected type but are not what the question asks for.

A number without a noun may be a number of anything.
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
    """Words that may answer, with their probability, and whether they are what the question plainly asks for."""

    probability: float
    span: TypedSpan
    is_match: bool


class Excerpt(NamedTuple):
    """At most two sentences of a passage, with the words in one of them that most probably answer.

    Attributes:
        answer_span: The words that most probably answer, or None.
        is_expected: Whether they are likely and what the question plainly asks for, such as a number of the right
            things; true if it asks plainly for nothing.
        span_probability: Probability of `answer_span`, from 0 to 1; 0 for a clause.
    """

    sentences: tuple[str, ...]
    answer_span: str | None = None
    is_expected: bool = True
    span_probability: float = 0.0


def extract_excerpt(
    question: AnalysedQuestion,
    term_matcher: QuestionTermMatcher,
    analysis: ArticleAnalysis,
    sentence_range: tuple[int, int],
    span_scorer: Scorer,
) -> Excerpt:
    """Return the two adjacent sentences of a passage that most likely answer, and the words in them that answer.

    `sentence_range` is the index of the first sentence and the index after the last; (-1, 0) is the headline. The
    sentence with very probable words is shown alone. If the words that answer are in a first sentence that begins with
    a word such as "it", the excerpt begins one sentence earlier.
    """
    expected = find_expected_answer(question)
    spans = {
        sentence_index: [
            ScoredSpan(
                span_scorer.predict_probability(features),
                span,
                expected.matches(term_matcher, analysis.article.published, sentence, span),
            )
            for span, features in iter_span_features(question, term_matcher, analysis, sentence_index)
            if expected.has_type(analysis, text, sentence, span)
        ]
        for sentence_index in range(*sentence_range)
        for text, sentence in (_get_text_and_sentence(analysis, sentence_index),)
    }
    range_start, range_end = _select_sentences(question, term_matcher, analysis, sentence_range, spans)
    texts = _extract_sentence_texts(analysis, range_start, range_end)
    if not expected.span_types:
        return Excerpt(texts, _find_clause(question, analysis, range(range_start, range_end)))
    shown_spans = [(*span, index) for index in range(range_start, range_end) for span in spans[index]]
    if not shown_spans:
        return Excerpt(texts, is_expected=False)
    probability, best_span, is_match, answer_index = max(
        shown_spans,
        key=lambda span: span[0] * (1.0 if span[2] or span[1].text[-1].isdigit() else MISMATCH_FACTOR),
    )
    text, _ = _get_text_and_sentence(analysis, range_start)
    shown_sentences = [_get_text_and_sentence(analysis, index)[1] for index in range(range_start, range_end)]
    is_expected = (
        is_match and probability >= expected.min_probability and expected.is_about(term_matcher, text, shown_sentences)
    )
    if probability >= MIN_ALONE_PROBABILITY:
        range_start, range_end = answer_index, answer_index + 1
    if range_start == answer_index > 0:
        (first_text,) = _extract_sentence_texts(analysis, answer_index, answer_index + 1)
        if DEPENDENT_SENTENCE_PATTERN.match(first_text):
            range_start, range_end = answer_index - 1, answer_index + 1
    texts = _extract_sentence_texts(analysis, range_start, range_end)
    return Excerpt(texts, best_span.text, is_expected, probability)


def _select_sentences(
    question: AnalysedQuestion,
    term_matcher: QuestionTermMatcher,
    analysis: ArticleAnalysis,
    sentence_range: tuple[int, int],
    spans: Mapping[int, Sequence[ScoredSpan]],
) -> tuple[int, int]:
    """Return the range of the `MAX_EXCERPT_SENTENCES` sentences of a passage that score best on their own.

    Sentences with words that the question asks for go first. `spans` are the words that may answer, by sentence index.
    """
    range_start, range_end = sentence_range
    if range_end - range_start <= MAX_EXCERPT_SENTENCES:
        return range_start, range_end
    scorer, article_features = load_candidate_scorer(with_cosines=False), ArticleFeatures(term_matcher, analysis)

    def score_sentences(start: int) -> tuple[bool, float]:
        end = start + MAX_EXCERPT_SENTENCES
        candidate = AnswerCandidate(analysis, start, analysis.sentences[start:end])
        features = compute_candidate_features(question, term_matcher, article_features, candidate, 0.0)
        has_match = any(span.is_match for index in range(start, end) for span in spans[index])
        return has_match, scorer.predict_probability(features)

    best_start = max(range(range_start, range_end - MAX_EXCERPT_SENTENCES + 1), key=score_sentences)
    return best_start, best_start + MAX_EXCERPT_SENTENCES


def _find_clause(question: AnalysedQuestion, analysis: ArticleAnalysis, sentence_range: Sequence[int]) -> str | None:
    """Return the first clause that gives a reason or says what something is, if the question asks for that, or None."""
    for sentence_index in sentence_range:
        text, sentence = _get_text_and_sentence(analysis, sentence_index)
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


def _get_text_and_sentence(analysis: ArticleAnalysis, sentence_index: int) -> tuple[str, AnalysedSentence]:
    """Return a sentence with the text to which its offsets refer; index -1 stands for the headline."""
    if sentence_index < 0:
        return analysis.article.title, analysis.title
    return analysis.text, analysis.sentences[sentence_index]


def _extract_sentence_texts(analysis: ArticleAnalysis, range_start: int, range_end: int) -> tuple[str, ...]:
    return tuple(
        text[sentence.start : sentence.end]
        for text, sentence in (_get_text_and_sentence(analysis, index) for index in range(range_start, range_end))
    )
