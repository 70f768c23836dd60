"""Expected answers: whether words of a sentence are what a question plainly asks for.

A question asks plainly for a number, perhaps of something, for a sum, a length of time, a date, or a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from bot.answers.candidates import AnalysedSentence, ArticleAnalysis
from bot.answers.question_analysis import (
    PATTERN_ANSWER_TYPES,
    SPAN_TYPES_BY_ANSWER_TYPE,
    AnalysedQuestion,
    AnswerType,
    asks_for_name,
)
from bot.answers.question_terms import QuestionTermMatcher
from bot.answers.typed_spans import TypedSpan, is_relative_day
from bot.search.index.text_analysis import tokenize
from bot.text.words import fold

MAX_WORDS_TO_COUNTED_NOUN = 2
"""Maximum number of content words after a number among which the thing that it counts is looked for."""
MIN_MEASURE_OR_TIME_PROBABILITY = 0.2
"""Minimum probability that a length of time, a sum, a date or a plain number is what a question asks for."""
MIN_NAME_OR_COUNT_PROBABILITY = 0.05
"""Minimum probability that a name, or a number of the things that a question names, is what it asks for."""

_COUNTED_NOUNS_PATTERN = re.compile(
    r"\b(?:how many|(?:combien|cb|nombre) (?:de|d)|number of) (?!the\b|times\b|fois\b)(\w+(?: \w+)?)"
)
_DURATION_QUESTION_PATTERN = re.compile(r"\b(?:how long|combien de temps|duree|dure|durera|durer)\b")
_DURATION_PATTERN = re.compile(
    r"(?:second|minute|hour|day|week|month|year|decade|seconde|heure|jour|semaine|an|année|siècle)s?\b|mois\b",
    re.IGNORECASE,
)
_FUTURE_PATTERN = re.compile(r"\b(?:will|gonna|does|sera|seront|va|vont|aura|auront)\b")
_WHO_PATTERN = re.compile(r"\b(?:who|qui) (.+)")
_ROLE_QUESTION_PATTERN = re.compile(r"\b(?:who is|who s|whos|qui est) (?:the|le|la|l)\b")
_LABEL_END_PATTERN = re.compile(r"[ \u00a0\u202f]?: ")
_YEAR_PATTERN = re.compile(r"\b(?:1[5-9]|20)\d\d\b")
_FOUNDING_HOMOGRAPHS = {"fond", "fonds"}
"""French nouns (bottom, funds) that have the stem of the verb for founding something."""


class ExpectedAnswer(NamedTuple):
    """Kind of words that answer a question.

    Attributes:
        span_types: Types of the words; empty if the question asks plainly for none.
        counted_term_indexes: Indexes of the question's terms (content words) of which one is what the number counts;
            empty for anything.
        is_duration: Whether the number is a length of time.
        may_be_future: Whether the question may be about the future, so that no year before the article's answers.
        asks_who: Whether the question asks who.
        relation_term_indexes: Index of the term that says what that person or organization did or is; empty if no
            term does.
    """

    span_types: frozenset[AnswerType]
    counted_term_indexes: frozenset[int]
    is_duration: bool
    may_be_future: bool
    asks_who: bool
    relation_term_indexes: frozenset[int]

    @property
    def min_probability(self) -> float:
        """Return the minimum probability of words that answer; 0 if the question asks plainly for no type of words."""
        if not self.span_types:
            return 0.0
        is_name_or_count = AnswerType.NAME in self.span_types or self.counted_term_indexes
        return MIN_NAME_OR_COUNT_PROBABILITY if is_name_or_count else MIN_MEASURE_OR_TIME_PROBABILITY

    def has_type(self, analysis: ArticleAnalysis, text: str, sentence: AnalysedSentence, span: TypedSpan) -> bool:
        """Return whether words of a sentence have the expected type; `text` is the text to which offsets refer.

        All words have it if the question asks plainly for no type. A date, the label of a headline ("Nordwave: ..."),
        and a word with a capital only because it begins the sentence are no names. A number or date inside a name
        ("Linux 6") is none.
        """
        if not self.span_types or span.answer_type not in self.span_types:
            return not self.span_types
        if span.answer_type is not AnswerType.NAME:
            return not any(
                other_span.answer_type is AnswerType.NAME and other_span.start < span.start < other_span.end
                for other_span in sentence.typed_spans
            )
        if _LABEL_END_PATTERN.match(text, span.end) or any(
            other_span.answer_type in PATTERN_ANSWER_TYPES and other_span.start <= span.start < other_span.end
            for other_span in sentence.typed_spans
        ):
            return False
        if self.asks_who and (any(map(str.isdigit, span.text)) or span.text.endswith(("’s", "'s"))):
            return False
        is_perhaps_no_name = span.start == sentence.start and span.text.isalpha() and span.text[1:].islower()
        return not is_perhaps_no_name or re.search(rf"[\w,;:’'] {span.text}\b", analysis.text) is not None

    def matches(
        self, term_matcher: QuestionTermMatcher, published: int, sentence: AnalysedSentence, span: TypedSpan
    ) -> bool:
        """Return whether words of the expected type are what the question asks for.

        Names always are; a weekday alone or "today" is no date. `published` is the Unix time in seconds of the article.
        """
        if span.answer_type is AnswerType.NAME:
            return True
        if span.answer_type is AnswerType.TIME:
            years = [int(year) for year in _YEAR_PATTERN.findall(span.text)]
            is_too_early = self.may_be_future and any(
                year < datetime.fromtimestamp(published, UTC).year for year in years
            )
            return not is_too_early and not is_relative_day(span.text)
        if self.is_duration:
            return _DURATION_PATTERN.search(span.text) is not None
        return not self.counted_term_indexes or not self.counted_term_indexes.isdisjoint(
            _find_counted_term_indexes(term_matcher, sentence, span)
        )

    def has_relation(self, term_matcher: QuestionTermMatcher, text: str, sentences: Iterable[AnalysedSentence]) -> bool:
        """Return whether sentences say what the question says that a person did or is (relation); true without one."""
        return not self.relation_term_indexes or any(
            not self.relation_term_indexes.isdisjoint(term_matcher.find_matching_term_indexes(token.stem))
            and fold(text[token.start : token.end]) not in _FOUNDING_HOMOGRAPHS
            for sentence in sentences
            for token in sentence.tokens
        )


def find_expected_answer(question: AnalysedQuestion) -> ExpectedAnswer:
    """Return the kind of words that a question plainly asks for."""
    normalized_text = " ".join(tokenize(question.text))
    counted_match = (
        None if AnswerType.MONEY in question.answer_types else _COUNTED_NOUNS_PATTERN.search(normalized_text)
    )
    is_duration = _DURATION_QUESTION_PATTERN.search(normalized_text) is not None
    pattern_types = (
        {AnswerType.NUMBER} if counted_match or is_duration else question.answer_types & PATTERN_ANSWER_TYPES
    )
    span_types = {span_type for answer_type in pattern_types for span_type in SPAN_TYPES_BY_ANSWER_TYPE[answer_type]}
    asks_for_definition = AnswerType.DEFINITION in question.answer_types and not _ROLE_QUESTION_PATTERN.search(
        normalized_text
    )
    if not span_types and not asks_for_definition and asks_for_name(question.text):
        span_types = {AnswerType.NAME}
    who_match = _WHO_PATTERN.search(normalized_text) if AnswerType.NAME in span_types else None
    return ExpectedAnswer(
        span_types=frozenset(span_types),
        counted_term_indexes=_find_term_indexes(question, counted_match[1])
        if counted_match and not is_duration
        else frozenset(),
        is_duration=is_duration,
        may_be_future=_FUTURE_PATTERN.search(normalized_text) is not None,
        asks_who=who_match is not None,
        relation_term_indexes=frozenset(sorted(_find_term_indexes(question, who_match[1]))[:1])
        if who_match
        else frozenset(),
    )


def _find_term_indexes(question: AnalysedQuestion, words: str) -> frozenset[int]:
    """Return the indexes of the question's terms (content words) that are among words separated by spaces."""
    return frozenset(index for index, term in enumerate(question.terms) if term.word in words.split())


def _find_counted_term_indexes(
    term_matcher: QuestionTermMatcher, sentence: AnalysedSentence, span: TypedSpan
) -> set[int]:
    """Return the indexes of the question's terms (content words) that are in a number or shortly after it."""
    tokens_after = [token for token in sentence.tokens if token.start >= span.end][:MAX_WORDS_TO_COUNTED_NOUN]
    return {
        index
        for token in (*sentence.list_tokens_in(span), *tokens_after)
        for index in term_matcher.find_matching_term_indexes(token.stem)
    }
