"""Whether a passage names an office together with what it is of: the capital of Italy, the Danish king."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from bot.news.passages import Passages
from bot.news.question import Question
from bot.text import terms

_NEAR = 6  # words of one clause between an office and what it is of
_LEAST = 4  # letters that a country and its people begin with alike, all but its last one or two
_LONG = 7
_NO_OFFICE = re.compile(r"peine\W+capitale|capital\W+(?:punishment|gains?|markets?|expenditures?)")
_PAUSE = re.compile(r"[,;:()–—]")
_OF_ANOTHER = re.compile(r"\W+(?:of|de|du|des|d)\b(?:\W+(?:the|la|le|les|l)\b)*\W+[^\W\d_a-zà-ÿ]")


def told(asked: Question, read: Passages, first: int, last: int) -> bool:
    """Whether the sentences from `first` to `last` name the office, and it is that of what is asked for.

    It is told beside it in one clause; or the title or the sentence before names what it is of, and the
    office is not said to be that of something else.
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
    found = list(terms.spans(text))
    offices = frozenset(terms.alternatives(asked.office))
    for place, (word, _, end) in enumerate(found):
        if offices.isdisjoint(terms.alternatives(word)) or _is_none(found, place):
            continue
        if named_before and not _OF_ANOTHER.match(text, end):
            return True
        for other, (near, start, stop) in enumerate(found[max(0, place - _NEAR) : place + _NEAR + 1]):
            at = max(0, place - _NEAR) + other
            between = text[end:start] if at > place else text[stop : found[place][1]]
            if _names(asked.of, (near,)) and not _PAUSE.search(between):
                return True
    return False


def _is_none(found: Sequence[tuple[str, int, int]], place: int) -> bool:
    """Whether a word only looks like an office: `la peine capitale`."""
    around = " ".join(word for word, _, _ in found[max(0, place - 1) : place + 2])
    return _NO_OFFICE.search(around) is not None


def _names(of: Collection[str], words: Collection[str]) -> bool:
    """Whether one of these words is what the office is of, or is called after it: Italy, Italian."""
    return any(word == each or _is_called_after(word, each) for each in of for word in words)


def _is_called_after(word: str, place: str) -> bool:
    begins = place[: -2 if len(place) >= _LONG else -1]
    return len(begins) >= _LEAST and word.startswith(begins) and not word.startswith("francois")
