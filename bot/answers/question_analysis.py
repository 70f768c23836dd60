"""What a question asks: its telling words, the kind of thing that would answer, whether the answer
changes."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from math import log

from bot.search.index import text_analysis
from bot.text.language import detect

MAX_TERMS = 64
"""Words of a question that are looked for."""


class AnswerType(StrEnum):
    """The kind of thing that answers."""

    NUMBER = "number"
    MONEY = "money"
    TIME = "time"
    NAME = "name"
    REASON = "reason"
    DEFINITION = "definition"


_PRICE = r"pri(?:x|ces?)|costs?|cout\w*|tarifs?|salaire|salary|amende|fine|paid|pay|worth|fee|revenue|budget"
_MEASURE = (
    r"ages?|old|tall|high|far|heavy|long|big|fast|hauteur|height|poids|weight|taille|size|vitesse|speed|distance"
    r"|magnitude|pourcentage|percentage|percent|rate|taux|nombre|number|capacite|capacity|range|duree|score|bilan"
)
_KINDS = (
    (AnswerType.MONEY, rf"\b(?:{_PRICE})\b"),
    (
        AnswerType.NUMBER,
        (
            r"\b(?:(?:combien|cb)(?: de temps| d annees)?(?: dur\w+)?|dur(?:e|era|ee)"
            rf"|how (?:many|much|often|long)|how (?:{_MEASURE})|{_MEASURE})\b"
        ),
    ),
    (
        AnswerType.TIME,
        r"\b(?:quand|when|annee|year|date|jour|day|mois|month|siecle|century|heure|depuis|until|jusqu)\b",
    ),
    (
        AnswerType.REASON,
        r"\b(?:pourquoi|pk|prk|why|raisons?|reasons?|causes?|how come|comment|how (?:do|does|did|is|are))\b",
    ),
    (
        AnswerType.NAME,
        (
            r"\b(?:qui|who\w*|ou|where|quel(?:le)?s?|lequel|laquelle|which|nom|name|called|appelle|chez|pays|ville"
            r"|city|country|whats?|quoi|koi|que|qu)\b"
        ),
    ),
)
_MAX_DEFINITION_TERMS = 2
"""Telling words of a question that asks what they are."""
_WHAT_IS = re.compile(
    r"\b(?:what s|whats|what is|what are|c est (?:quoi|qui)|c [kq]u?oi|qu est ce qu\w*"
    r"|who is|who s|qui est)\b"
)
UNKNOWN_TERM_FACTOR = 0.5
"""What a word counts that no article has, of what one counts that a single article has."""
FOLLOW_UP_TERM_FACTOR = 2.0
"""What a word counts that a follow-up brings to a question, beside what it would count in it."""
IMPLIED_TERM_FACTOR = 0.3
"""What a word counts that the form of the answer says: a date is a "year", a sum a "price"."""
_COMPILED = tuple((kind, re.compile(pattern)) for kind, pattern in _KINDS)
_COUNT = re.compile(r"\bhow many|\b(?:combien|cb) d[e ]")
PATTERN_TYPES = frozenset({AnswerType.NUMBER, AnswerType.MONEY, AnswerType.TIME})
"""Kinds whose answer has a form of its own."""
SPAN_TYPES_BY_ANSWER_TYPE = {
    AnswerType.NUMBER: (AnswerType.NUMBER, AnswerType.MONEY),
    AnswerType.MONEY: (AnswerType.MONEY,),
    AnswerType.TIME: (AnswerType.TIME,),
    AnswerType.NAME: (AnswerType.NAME,),
    AnswerType.REASON: (AnswerType.REASON,),
    AnswerType.DEFINITION: (AnswerType.DEFINITION,),
}
"""The forms of answers by the kind that is asked for."""
_QUESTION_WORDS = frozenset(
    "cb combien how many much who whom whose when where why which what whats whos hows wheres pourquoi quand"
    " koi quoi qui quel quelle quels quelles comment ou a c d l j m n s t y pk prk gonna"
    " wanna gotta u ur lol plz pls svp stp".split()
)
"""Words of asking that no answer repeats."""
_PAST = re.compile(r"\b(?:was|were|did|had|etait|etaient|fut|avait|avaient|(?:19|20)\d\d)\b")
PRESENT = re.compile(
    r"\b(?:now|currently|current|today|still|yet|so far|these days|lately|latest|newest|maintenant|actuel\w*"
    r"|encore|aujourd hui|en ce moment|dernier\w*|desormais|finalement|is|are|est|sont|runs|dirige)\b"
)
"""What speaks of the present."""


@dataclass(frozen=True, slots=True)
class QuestionTerm:
    """A telling word of a question: the index terms it may have, and how much of the question it is.

    `weight` is its inverse document frequency; what no article has (not `known`) may be rare or mistyped.
    """

    word: str
    stems: frozenset[str]
    weight: float
    is_in_index: bool = True


@dataclass(frozen=True, slots=True)
class AnalysedQuestion:
    """A question, understood. `changes`: it speaks of the present, so that the newest answer counts."""

    text: str
    language: str | None
    terms: tuple[QuestionTerm, ...]
    kinds: frozenset[AnswerType]
    changes: bool


def answer_types_of(line: str) -> dict[AnswerType, re.Match[str]]:
    """The kinds of answer that the words of a question may ask for, with the words that do."""
    return {kind: match for kind, pattern in _COMPILED if (match := pattern.search(line))}


def analyse_question(
    text: str, frequency: Callable[[str], int], articles: int, follow_up_words: Collection[str] = ()
) -> AnalysedQuestion:
    """Understand a question. `frequency` tells in how many of so many `articles` an index term stands;
    `added` are words that a follow-up brought."""
    words = text_analysis.tokens(text)
    line = " ".join(words)
    said = {word for match in PRESENT.finditer(line) for word in match[0].split()}
    small = text_analysis.stop_words_in(words) | _QUESTION_WORDS | said
    matches = answer_types_of(line)
    kinds = set(matches)
    if {AnswerType.NUMBER, AnswerType.MONEY} <= kinds:
        kinds -= {AnswerType.MONEY if _COUNT.search(line) else AnswerType.NUMBER}
    implied = {word for kind, match in matches.items() if kind in PATTERN_TYPES for word in match[0].split()}
    terms: list[QuestionTerm] = []
    for word in dict.fromkeys(words):
        stems = text_analysis.query_stems(word) if word not in small else None
        if stems and len(terms) < MAX_TERMS:
            found = max(map(frequency, stems))
            weight = log(1 + articles / (found or 1)) * (1.0 if found else UNKNOWN_TERM_FACTOR)
            weight *= (IMPLIED_TERM_FACTOR if word in implied else 1.0) * (
                FOLLOW_UP_TERM_FACTOR if word in follow_up_words else 1.0
            )
            terms.append(QuestionTerm(word, stems, weight, found > 0))
    if kinds & PATTERN_TYPES or (AnswerType.REASON in kinds and "appelle" in words):
        kinds -= {AnswerType.NAME} if kinds & PATTERN_TYPES else {AnswerType.REASON}
    if _WHAT_IS.search(line) and len(terms) <= _MAX_DEFINITION_TERMS and not kinds & PATTERN_TYPES:
        kinds = {AnswerType.DEFINITION}
    return AnalysedQuestion(
        text=text,
        language=detect(text),
        terms=tuple(terms),
        kinds=frozenset(kinds),
        changes=bool(PRESENT.search(line)) and not _PAST.search(line),
    )
