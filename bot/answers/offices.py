"""Whether a passage names an office together with what it is of: the capital of Italy, the Danish king."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from bot.answers import office_holders
from bot.answers.question_analysis import Question
from bot.search.passages import Passages
from bot.text import terms

_NEAR = 6  # words of one clause between an office and what it is of
_GENERAL = frozenset("head chief leader".split())
_AGENTS = office_holders.HEADS - {"president", "presidente"}
_NO_OFFICE = re.compile(r"peine\W+capitale|capital\W+(?:punishment|gains?|markets?|expenditures?)")
_PAUSE = re.compile(r"[,;:()–—]")
_OF_ANOTHER = re.compile(r"\W+(?:of|de|du|des|d)\b(?:\W+(?:the|la|le|les|l)\b)*\W+[^\W\d_a-zà-ÿ]")


def told(asked: Question, read: Passages, first: int, last: int) -> bool:
    """Whether the sentences from `first` to `last` name the office, and it is that of what is asked for.

    It is told beside it in one clause; or the title or the sentence before names what it is of, and the
    office is not said to be that of something else. Who holds an office has to be named with it.
    """
    titled = _names(asked.of, terms.words(read.article.title))
    for number in range(first, last + 1):
        before = read.sentences[number - 1].text if number else ""
        named = titled or _names(asked.of, terms.words(before))
        if _in_clause(asked, read.sentences[number].text, named_before=named):
            return True
    return False


def _in_clause(asked: Question, text: str, *, named_before: bool) -> bool:
    """Whether a sentence has the office with what it is of, or alone where that was `named_before`."""
    offices = _called(asked.office)
    read = office_holders.Titles(text, asked.of)
    for place, word in enumerate(read.words):
        if word.rstrip("e") not in offices or _is_none(read.words, place):
            continue
        if asked.held and not _is_held(asked, read, place, named_before=named_before):
            continue
        if not asked.of or (named_before and not _OF_ANOTHER.match(text, read.ends[place])):
            return True
        if _is_of(text, read, place):
            return True
    return False


def _called(office: str) -> frozenset[str]:
    """What holders of an office are called, but for what a woman's title ends in."""
    called = {office}
    if office in _AGENTS:
        called |= office_holders.HEADS if office in _GENERAL else _GENERAL
    return frozenset(name.rstrip("e") for name in called)


def _is_held(asked: Question, read: office_holders.Titles, place: int, *, named_before: bool) -> bool:
    """Whether somebody is named who holds the very office there."""
    if asked.prime is not read.is_prime(place) or read.is_of_another(place):
        return False
    if not read.names_holder(place, past=not asked.now):
        return False
    if asked.office in _AGENTS:
        return read.is_of(place) or (named_before and read.is_plain(place))
    return bool(asked.of) or read.stands_alone(place)


def _is_of(text: str, read: office_holders.Titles, place: int) -> bool:
    """Whether what the office there is of is named beside it in one clause."""
    begins, ends = read.starts[place], read.ends[place]
    for at in range(max(0, place - _NEAR), min(place + _NEAR + 1, len(read.words))):
        between = text[ends : read.starts[at]] if at > place else text[read.ends[at] : begins]
        if read.is_what_of(at) and not _PAUSE.search(between):
            return True
    return False


def _is_none(words: Sequence[str], place: int) -> bool:
    """Whether a word only looks like an office: `la peine capitale`."""
    return _NO_OFFICE.search(" ".join(words[max(0, place - 1) : place + 2])) is not None


def _names(of: Collection[str], words: Collection[str]) -> bool:
    """Whether one of these words is what the office is of, or is called after it: Italy, Italian."""
    return any(word == each or office_holders.is_called_after(word, each) for each in of for word in words)
