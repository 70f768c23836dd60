"""Analysis of a question: content words, expected answer type, and whether the answer changes over time."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from math import log

from bot.search.index import text_analysis
from bot.text.language import detect_language

MAX_QUESTION_TERMS = 64
"""Maximum number of terms (content words) of a question that are searched for."""


class AnswerType(StrEnum):
    """Type of answer that a question expects."""

    NUMBER = "number"
    MONEY = "money"
    TIME = "time"
    NAME = "name"
    REASON = "reason"
    DEFINITION = "definition"


_PRICE_PATTERN = (
    r"money|argent|pri(?:x|ces?)|costs?|cout\w*|tarifs?|salaire|salary|amende|fine|paid|pay|worth|fee|revenue|budget"
)
_MEASURE_PATTERN = (
    r"ages?|old|tall|high|far|heavy|long|big|fast|hauteur|height|poids|weight|taille|size|vitesse|speed|distance"
    r"|magnitude|pourcentage|percentage|percent|rate|taux|nombre|number|capacite|capacity|range|duree|score|bilan"
)
_ANSWER_TYPE_PATTERNS = {
    AnswerType.MONEY: re.compile(rf"\b(?:{_PRICE_PATTERN})\b"),
    AnswerType.NUMBER: re.compile(
        r"\b(?:(?:combien|cb)(?: de temps| d annees)?(?: dur\w+)?|dur(?:e|era|ee)"
        rf"|how (?:many|much|often|long)|how (?:{_MEASURE_PATTERN})|{_MEASURE_PATTERN})\b"
    ),
    AnswerType.TIME: re.compile(
        r"\b(?:quand|when|annee|year|date|jour|day|mois|month|siecle|century|heure|depuis|until|jusqu)\b"
    ),
    AnswerType.REASON: re.compile(
        r"\b(?:pourquoi|pk|prk|why|raisons?|reasons?|causes?|how come|comment(?!.* appelle)"
        r"|how (?:do|does|did|is|are))\b"
    ),
    AnswerType.NAME: re.compile(
        r"\b(?:qui|who\w*|ou|where|quel(?:le)?s?|lequel|laquelle|which|nom|name|called|appelle|pays|ville|city|country|chez|whats?|quoi|koi|que|qu)\b"
    ),
}
_COUNTED_NOUNS_PATTERN = re.compile(r"\b(?:how many|(?:combien|cb|nombre) de?|number of) (\w+(?: \w+)?)")
_DURATION_PATTERN = re.compile(r"\b(?:how long|combien de temps|duree|dure|durera|durer)\b")
_FUTURE_PATTERN = re.compile(r"\b(?:will|gonna|does|sera|seront|va|vont|aura|auront)\b")
_MAX_DEFINITION_TERMS = 2
"""Maximum number of content words of a question that asks for a definition."""
_DEFINITION_PATTERN = re.compile(
    r"\b(?:what s|whats|what is|what are|c est (?:quoi|qui)|c [kq]u?oi|qu est ce qu\w*"
    r"|who is|who s|qui est)\b"
)
UNKNOWN_TERM_FACTOR = 0.5
"""Factor on the weight of a question word that no article contains.

It is relative to the weight of a word that a single article contains.
"""
FOLLOW_UP_TERM_FACTOR = 4.0
"""Factor on the weight of a word that a follow-up adds to the previous question."""
IMPLIED_TERM_FACTOR = 0.3
"""Factor on the weight of a word that asks for a number, sum of money or time ("year", "price").

Answers leave such words out.
"""
PATTERN_ANSWER_TYPES = frozenset({AnswerType.NUMBER, AnswerType.MONEY, AnswerType.TIME})
"""Answer types (number, sum of money, time) whose spans in a text are recognised by a pattern."""
_QUESTION_WORDS = frozenset(
    "cb combien how many much who whom whose when where why which what whats whos hows wheres pourquoi quand"
    " koi quoi qui quel quelle quels quelles comment ou a c d l j m n s t y pk prk gonna"
    " wanna gotta u ur lol plz pls svp stp".split()
)
"""Question words and fillers, which are not searched for because no answer repeats them."""
_FOUNDING_WORDS = frozenset(
    "founded founder founders cofounded cofounder created creator launched launches started fonde fondee fonda"
    " fondateur fondateurs cofondateur cree creee createur createurs lance lancee".split()
)
"""Words for founding something: an article that says who created it answers who founded it."""
_FOUNDING_STEMS = frozenset().union(*map(text_analysis.find_query_stems, (*_FOUNDING_WORDS, "online", "ligne")))
"""Stems of the words for founding something, including those of putting it online."""
_PAST_PATTERN = re.compile(r"\b(?:was|were|did|had|etait|etaient|fut|avait|avaient|(?:19|20)\d\d)\b")
PRESENT_TIME_PATTERN = re.compile(
    r"\b(?:now|currently|current|today|still|yet|so far|these days|lately|latest|newest|maintenant|actuel\w*"
    r"|encore|aujourd hui|en ce moment|dernier\w*|desormais|finalement|is|are|est|sont|runs|dirige)\b"
)
"""Pattern of words that refer to the present ("now", "currently")."""


@dataclass(frozen=True, slots=True)
class QuestionTerm:
    """A content word of a question.

    Attributes:
        stems: Index terms that the word may have; for a word for founding something, also of the other such words.
        weight: Inverse document frequency of the word, times `UNKNOWN_TERM_FACTOR`, `FOLLOW_UP_TERM_FACTOR`
            or `IMPLIED_TERM_FACTOR` where they apply.
        is_in_index: Whether any article contains the word; if not, it may be rare or mistyped.
    """

    word: str
    stems: frozenset[str]
    weight: float
    is_in_index: bool = True


@dataclass(frozen=True, slots=True)
class AnalysedQuestion:
    """A question with its content words and the types of answer that it expects.

    Attributes:
        language: ISO 639-1 code of the question's language, or None if unknown.
        terms: The content words to search for, at most `MAX_QUESTION_TERMS`.
        answer_types: Expected types of answer; empty if none is apparent.
        counted_term_indexes: Indexes of the terms of which one is what the expected number counts; empty for anything.
        asks_duration: Whether the expected number is a length of time.
        asks_about_future: Whether the question may be about the future.
        changes_over_time: Whether the question asks about the present, so that the newest answer counts.
        article_count: Number of articles in the search index.
    """

    text: str
    language: str | None
    terms: tuple[QuestionTerm, ...]
    answer_types: frozenset[AnswerType]
    counted_term_indexes: frozenset[int]
    asks_duration: bool
    asks_about_future: bool
    changes_over_time: bool
    article_count: int

    @property
    def span_types(self) -> frozenset[AnswerType]:
        """Return the types of words in a text (spans) that may answer: a sum of money may be the number asked for."""
        return self.answer_types | ({AnswerType.MONEY} if AnswerType.NUMBER in self.answer_types else set())


def match_answer_types(text: str) -> dict[AnswerType, re.Match[str]]:
    """Return the answer types that the words of a question suggest, each with its first match.

    `text` has the words of the question, folded (no case or accents) and separated by single spaces.
    """
    return {
        answer_type: match for answer_type, pattern in _ANSWER_TYPE_PATTERNS.items() if (match := pattern.search(text))
    }


def analyse_question(
    text: str,
    get_document_frequency: Callable[[str], int],
    article_count: int,
    follow_up_words: Collection[str] = (),
) -> AnalysedQuestion:
    """Analyse a question.

    `get_document_frequency` returns how many of the `article_count` articles contain an index term;
    `follow_up_words` are words that a follow-up added to the question.
    """
    words = text_analysis.tokenize(text)
    normalized_text = " ".join(words)
    present_words = {word for match in PRESENT_TIME_PATTERN.finditer(normalized_text) for word in match[0].split()}
    stop_words = text_analysis.find_stop_words(words) | _QUESTION_WORDS | present_words
    match_by_answer_type = match_answer_types(normalized_text)
    expected_types = set(match_by_answer_type)
    asks_duration = _DURATION_PATTERN.search(normalized_text) is not None
    counted_match = _COUNTED_NOUNS_PATTERN.search(normalized_text)
    if asks_duration or counted_match:
        expected_types -= {AnswerType.MONEY, AnswerType.TIME}
    elif AnswerType.MONEY in expected_types:
        expected_types.discard(AnswerType.NUMBER)
    implied_words = {
        word
        for answer_type, match in match_by_answer_type.items()
        if answer_type in PATTERN_ANSWER_TYPES
        for word in match[0].split()
    }
    terms: list[QuestionTerm] = []
    for word in dict.fromkeys(words):
        stems = text_analysis.find_query_stems(word) if word not in stop_words else None
        if stems and word in _FOUNDING_WORDS:
            stems |= _FOUNDING_STEMS
        if stems and len(terms) < MAX_QUESTION_TERMS:
            document_frequency = max(map(get_document_frequency, stems))
            weight = log(1 + article_count / (document_frequency or 1)) * (
                1.0 if document_frequency else UNKNOWN_TERM_FACTOR
            )
            weight *= (IMPLIED_TERM_FACTOR if word in implied_words else 1.0) * (
                FOLLOW_UP_TERM_FACTOR if word in follow_up_words else 1.0
            )
            terms.append(QuestionTerm(word, stems, weight, document_frequency > 0))
    if expected_types & PATTERN_ANSWER_TYPES:
        expected_types.discard(AnswerType.NAME)
    if (
        _DEFINITION_PATTERN.search(normalized_text)
        and sum(not follow_up_words or term.word in follow_up_words for term in terms) <= _MAX_DEFINITION_TERMS
        and not expected_types & PATTERN_ANSWER_TYPES
    ):
        expected_types = {AnswerType.DEFINITION}
    return AnalysedQuestion(
        text=text,
        language=detect_language(text),
        terms=tuple(terms),
        answer_types=frozenset(expected_types),
        counted_term_indexes=frozenset(
            index
            for index, term in enumerate(terms)
            if counted_match and not asks_duration and term.word in counted_match[1].split()
        ),
        asks_duration=asks_duration,
        asks_about_future=_FUTURE_PATTERN.search(normalized_text) is not None,
        changes_over_time=bool(PRESENT_TIME_PATTERN.search(normalized_text))
        and not _PAST_PATTERN.search(normalized_text),
        article_count=article_count,
    )
