"""Excerpts of passages for people: at most two sentences, with the words that answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bot.answers.answer_scorer import Scorer, load_candidate_scorer
from bot.answers.candidate_features import ArticleFeatures, compute_candidate_features
from bot.answers.candidates import AnalysedSentence, AnswerCandidate, ArticleAnalysis
from bot.answers.question_analysis import (
    PATTERN_TYPES,
    SPAN_TYPES_BY_ANSWER_TYPE,
    AnalysedQuestion,
    AnswerType,
    asks_for_name,
)
from bot.answers.question_terms import QuestionTermMatcher
from bot.answers.span_features import iter_span_features
from bot.answers.typed_spans import TypedSpan
from bot.search.index.text_analysis import tokenize

MIN_PROBABILITY = 1e-4
"""Probability that is assumed for the second-best words that answer if a passage has no such words."""
MAX_EXCERPT_SENTENCES = 2
"""Maximum number of sentences in an excerpt."""
MIN_CLAUSE_CHARS = 12
"""Minimum length in characters of a clause that gives a reason or says what something is."""
MAX_CLAUSE_CHARS = 160
"""Maximum length in characters of a clause that gives a reason or says what something is."""

_DEPENDENT_SENTENCE_PATTERN = re.compile(
    r"[\W_]*(?:it|its|he|his|she|her|they|their|this|that|these|those|such|ils?|elles?|ce|cet|cette|ces|cela|ça|c|celui"
    r"|celle|ceux|son|sa|ses|leurs?|une telle|un tel)\b",
    re.IGNORECASE,
)
"""Pattern of a sentence that begins with a word for something that the sentence before it names."""
_CLAUSE_END_PATTERN = re.compile(r"[,;:–—](?=\s)|[.!?…](?=\s|$)")


class Excerpt(NamedTuple):
    """At most two sentences of a passage, with the words in one of them that most probably answer.

    Attributes:
        answer_span: The words that most probably answer, or None.
        is_plain: Whether the words have the form that the question plainly asks for, such as a number.
        span_probability: Probability of `answer_span`, from 0 to 1.
        runner_up_probability: Probability of the best span that consists of other words.
    """

    sentences: tuple[str, ...]
    answer_span: str | None = None
    is_plain: bool = False
    span_probability: float = 0.0
    runner_up_probability: float = MIN_PROBABILITY

    def shorten(self) -> Excerpt:
        """Return the excerpt with only the sentence that answers.

        If this sentence begins with a word such as "it", the sentence before it is kept too.
        """
        answer_index = next(
            (index for index, sentence in enumerate(self.sentences) if (self.answer_span or "") in sentence), 0
        )
        is_dependent = answer_index > 0 and _DEPENDENT_SENTENCE_PATTERN.match(self.sentences[answer_index])
        return self._replace(sentences=self.sentences[answer_index - bool(is_dependent) : answer_index + 1])


def extract_excerpt(
    question: AnalysedQuestion,
    term_matcher: QuestionTermMatcher,
    analysis: ArticleAnalysis,
    sentence_range: tuple[int, int],
    span_scorer: Scorer,
) -> Excerpt:
    """Return the two adjacent sentences of a passage that most likely answer, and the words in them that answer.

    `sentence_range` is the index of the first sentence and the index after the last; (-1, 0) is the headline. If the
    words that answer are in a first sentence that begins with a word such as "it", the excerpt begins one sentence
    earlier.
    """
    range_start, range_end = _select_sentences(question, term_matcher, analysis, sentence_range)
    plain_types = _list_plain_types(question)
    scored_spans = [
        (span_scorer.predict_probability(features), sentence_index, span)
        for sentence_index in range(range_start, range_end)
        for span, features in iter_span_features(question, term_matcher, analysis, sentence_index)
        if not plain_types
        or (span.answer_type in plain_types and not _is_time_or_number(analysis, sentence_index, span))
    ]
    clause = None if plain_types else _find_clause(question, analysis, range(range_start, range_end))
    if clause is not None:
        return Excerpt(_extract_sentence_texts(analysis, range_start, range_end), clause, is_plain=True)
    if not scored_spans:
        return Excerpt(_extract_sentence_texts(analysis, range_start, range_end))
    probability, sentence_index, best_span = max(scored_spans, key=lambda scored_span: scored_span[0])
    if sentence_index == range_start > 0 and _DEPENDENT_SENTENCE_PATTERN.match(
        _extract_sentence_texts(analysis, range_start, range_start + 1)[0]
    ):
        range_start, range_end = range_start - 1, range_start + 1
    answer_tokens = set(tokenize(best_span.text))
    return Excerpt(
        _extract_sentence_texts(analysis, range_start, range_end),
        best_span.text,
        bool(plain_types),
        probability,
        max(
            (
                span_probability
                for span_probability, _, span in scored_spans
                if not answer_tokens.issuperset(tokenize(span.text))
            ),
            default=MIN_PROBABILITY,
        ),
    )


def _select_sentences(
    question: AnalysedQuestion,
    term_matcher: QuestionTermMatcher,
    analysis: ArticleAnalysis,
    sentence_range: tuple[int, int],
) -> tuple[int, int]:
    """Return the range of the `MAX_EXCERPT_SENTENCES` sentences of a passage that score best on their own."""
    range_start, range_end = sentence_range
    if range_end - range_start <= MAX_EXCERPT_SENTENCES:
        return range_start, range_end
    scorer, article_features = load_candidate_scorer(with_cosines=False), ArticleFeatures(term_matcher, analysis)

    def score_sentences(start: int) -> float:
        candidate = AnswerCandidate(analysis, start, analysis.sentences[start : start + MAX_EXCERPT_SENTENCES])
        return scorer.predict_probability(
            compute_candidate_features(question, term_matcher, article_features, candidate, 0.0)
        )

    best_start = max(range(range_start, range_end - MAX_EXCERPT_SENTENCES + 1), key=score_sentences)
    return best_start, best_start + MAX_EXCERPT_SENTENCES


def _list_plain_types(question: AnalysedQuestion) -> frozenset[AnswerType]:
    """Return the types of words that a question plainly asks for: numbers, sums and times, or only names, or none."""
    pattern_types = question.answer_types & PATTERN_TYPES
    plain_types = {span_type for answer_type in pattern_types for span_type in SPAN_TYPES_BY_ANSWER_TYPE[answer_type]}
    if not plain_types and asks_for_name(question.text):
        plain_types = {AnswerType.NAME}
    return frozenset(plain_types)


def _is_time_or_number(analysis: ArticleAnalysis, sentence_index: int, span: TypedSpan) -> bool:
    """Return whether a span that looks like a name is a time or a number with a capital, such as "Wednesday"."""
    _, sentence = _get_text_and_sentence(analysis, sentence_index)
    return span.answer_type is AnswerType.NAME and any(
        overlapping_span.start == span.start and overlapping_span.answer_type in PATTERN_TYPES
        for overlapping_span in sentence.typed_spans
    )


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
