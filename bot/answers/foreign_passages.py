"""Which passage in the other language answers a question, and how sure that is.

Words count there where the table of `bilingual` knows them, names and numbers where both languages write
them alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from bot.answers import descriptions, introductions, offices, question_analysis
from bot.answers.question_analysis import Kind, Question
from bot.answers.scoring import LONGEST, Passage
from bot.search.passages import Passages
from bot.search.ranking import Sought

# What tells that a passage answers: which one does, then whether it does.
_FOREIGN_CHOICE = {"cosine": 1.0, "article's cosine": 0.5, "with title": 0.4}
_FOREIGN_SURENESS = {"one": -2.48, "article's cosine": 2.67, "with title": 2.43, "ahead in meaning": 1.85}
_UNFORMED = (Kind.PERSON, Kind.PLACE, Kind.REASON, Kind.NAME, Kind.OTHER)


def foreign(
    wanted: Sequence[Sought], asked: Question, words: frozenset[str], read: Passages, most: int
) -> list[Passage]:
    """The first passages of an article in the other language, their shares of the words counted.

    Beside names, some word of the question has to stand in a passage whose form tells nothing.
    """
    total = sum(word.weight for word in wanted)
    found = []
    for first, last in islice(read.windows(LONGEST), most):
        sentences = read.sentences[first : last + 1]
        text = read.text[sentences[0].start : sentences[-1].end]
        if asked.who and not descriptions.introduces(asked.thing, text):
            continue
        if asked.office and not offices.told(asked, read, first, last):
            continue
        own = frozenset[str]().union(*(sentence.terms for sentence in sentences))
        if asked.kind in _UNFORMED and not _says_more(wanted, text, own):
            continue
        if asked.kind not in (
            *question_analysis.MEASURED,
            *question_analysis.FORMED,
        ) or question_analysis.present(asked.kind, text, words):
            share = sum(word.weight for word in wanted if word.match(own.union(read.title))) / total
            found.append(Passage(read, sentences, {"one": 1.0, "with title": share}, 0.0))
    return found


def foreign_points(features: dict[str, float]) -> float:
    """Which passage in the other language answers best."""
    return sum(weight * features[name] for name, weight in _FOREIGN_CHOICE.items())


def foreign_sureness(features: dict[str, float]) -> float:
    """How sure it is that a passage in the other language answers: the logarithm of the odds."""
    return sum(weight * features[name] for name, weight in _FOREIGN_SURENESS.items())


def _says_more(wanted: Sequence[Sought], text: str, found: frozenset[str]) -> bool:
    """Whether a passage has a word of the question, or its translation, beside what it writes as names."""
    plain = [
        word
        for word in wanted
        if len(word.word) > 1 and not (word.is_name or introductions.is_name(word.word, text))
    ]
    return not plain or any(word.match(found) for word in plain)
