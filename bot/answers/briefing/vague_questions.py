"""Questions for the news rather than for a fact: "what's new with X", "quoi de neuf", "tech this week".

Told by their shape, not by phrases: a word for news stands at the head of its phrase ("any *news* on X",
"what's *new* in AI", not "the *new* phone"), or a time counted from now stands beside a topic; nothing asks
for a person, a place, a reason or a number; and what is left is short enough to be a topic.
"""

from datetime import UTC, tzinfo
from typing import NamedTuple

from bot.answers.briefing import time_expressions
from bot.answers.understanding import kinds_of
from bot.search.index import analysis
from bot.search.query.query_syntax import MAX_LENGTH
from bot.text.language import detect
from bot.text.times.periods import Period
from bot.text.words import fold

TOPIC = 4
"""Words of a topic at the most: more of them ask for something else,"""
TOPIC_OF_A_TIME = 2
"""and sooner where only a time is said."""
ALONE = 2
"""Words that are a topic where nothing else is said: a name with its article, or of two parts."""

_NOUNS = frozenset(
    "news headlines stories update updates developments recap roundup summary summarise summarize"
    " actu actus actualite actualites nouvelles nouveautes infos resume resumer recapitulatif".split()
)
"""Words that ask for news wherever they stand at the head of a phrase,"""
_OPEN_NOUNS = frozenset(
    "new latest happening happens neuf nouveau beau passe up miss missed happened arrive".split()
)
"""and those that do after an open word."""
_OPEN = frozenset("what whats anything something catch the quoi du rien que qu".split())
_SHAPES = ((" going on", " happening"), (" point sur", " actus sur"), ("did i ", ""), ("did we ", ""))
"""Turns of two words, and what is read for them."""
_CLOSED = frozenset(
    "who whom whose when where why how whys combien quand pourquoi comment lequel laquelle which did does was"
    " were will can should".split()
)
"""Words that ask for something else."""
_ADJECTIVES = frozenset(
    "top big biggest important recent recents recente recentes dernier derniers derniere dernieres latest new"
    " grandes principales any some all toutes interesting interessant cote niveau moment"
    " tell give show catch fill tu peux fais faire dis donne moi me y quelles quels on lately there".split()
)
"""Words beside those for news that are no topic."""
_EVERYTHING = frozenset(
    "tech technology technologie technologies world monde general generale today here ici".split()
)
"""What all that is kept is about."""


class Vague(NamedTuple):
    """A question for the news: on which words, of which time, in days of `zone`, in which language.

    The time is `stated`, or implied.
    """

    topic: tuple[str, ...]
    period: Period
    stated: bool
    zone: tzinfo = UTC
    language: str | None = None


def read(text: str, now: int, zone: tzinfo = UTC) -> Vague | None:
    """What news a question asks for, or None when it asks for something else.

    `now` is in seconds since 1970 in UTC; days begin at midnight in `zone`.
    """
    folded = folded_of(text[:MAX_LENGTH])
    moment = time_expressions.find(folded, now, zone)
    rest = folded if moment is None else f"{folded[: moment.start]} , {folded[moment.end :]}"
    for shape, read_for_it in _SHAPES:
        rest = rest.replace(shape, read_for_it)
    words = analysis.words(rest)
    if not (words or moment) or not _CLOSED.isdisjoint(words):
        return None
    small = analysis.small_words(words) | _ADJECTIVES
    heads = _heads(words, _NOUNS, small) or _heads(words, _OPEN_NOUNS, small, after=_OPEN)
    first = next((word for word in words if word not in small), "")
    heads = heads or ([first] if first in _NOUNS and len(words) <= TOPIC else [])  # actus spatial
    timed = moment is not None and moment.relative
    alone = moment is None and len(words) <= ALONE
    if not heads and (kinds_of(" ".join(words)) or not (timed or alone)):
        return None
    said = small | _NOUNS | _OPEN_NOUNS | _OPEN | _EVERYTHING
    topic = tuple(
        word
        for word in dict.fromkeys(words)
        if word not in said and (len(word) > 1 or word.isdigit()) and analysis.query_stems(word)
    )
    if len(topic) > (TOPIC if heads else TOPIC_OF_A_TIME) or not (topic or heads or timed):
        return None
    lately = Period(now - time_expressions.LATELY, now + 1)
    language = detect(text)
    if moment is None:
        return Vague(topic, lately, stated=False, zone=zone, language=language)
    counted = any(map(str.isdigit, folded[moment.start : moment.end]))  # "these days" are no number of days
    stated = counted or moment.period != lately
    return Vague(topic, moment.period, stated=stated, zone=zone, language=language)


def folded_of(text: str) -> str:
    """A question in folded words, one space apart, without halves of characters, which a person may send."""
    return " ".join(fold(text.encode("utf-8", "ignore").decode()).split())


def _heads(
    words: list[str], nouns: frozenset[str], small: frozenset[str], *, after: frozenset[str] | None = None
) -> list[str]:
    """Those of some nouns that stand at the head of their phrase: what follows is a small word, or nothing.

    With `after`, one of these words has to stand before them, or follows (il se passe quoi).
    """
    following = [*words[1:], ""] if words else []
    return [
        word
        for place, (word, next_) in enumerate(zip(words, following, strict=True))
        if word in nouns
        and (not next_ or next_ in small or next_ in nouns)
        and (after is None or not after.isdisjoint((*words[:place], next_)))
    ]
