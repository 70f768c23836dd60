"""Sentences, excerpts, and where the words of a query are in them."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Sequence

from bot.text import terms
from bot.text.safe import ELLIPSIS, cut, length

_ABBREVIATIONS = frozenset(
    ["m", "mm", "mme", "mmes", "mlle", "mlles", "me", "dr", "pr", "st", "ste", "cf", "p", "pp", "ex", "art", "av", "apr", "env", "hab", "no", "nos", "vol", "fig", "éd", "ed", "éds", "eds", "chap", "tél", "al", "mr", "mrs", "ms", "prof", "gen", "col", "lt", "sgt", "capt", "rev", "hon", "sr", "jr", "inc", "ltd", "corp", "co", "llc", "vs", "etc", "approx", "dept", "est", "govt", "univ", "gov", "sen", "rep", "jan", "janv", "feb", "fév", "févr", "mar", "apr", "avr", "jun", "jul", "juil", "aug", "sep", "sept", "oct", "nov", "déc", "dec", "mt", "ave", "blvd", "bd", "bros", "messrs"]
)
_ENDS = frozenset({"etc", "inc", "ltd", "corp", "co", "jr", "sr", "al", "est"})
"""Abbreviations that often end a sentence: they do when a capital follows."""
_STOP = re.compile(
    r"""(?:[.!?…]+|[。！？])(?:[\ \xa0\u202f]?[»”"’')\]]+)?(?=\s|$|(?<=[。！？])|(?<=[。！？][»”"’')\]]))"""
)
_WORD_BEFORE = re.compile(r"([^\W\d_](?:[\w.'’-]*[\w])?)$|(\w)$")
_START = re.compile(r"""\s*["“«'‘(\[—–-]*\s*(\w)""")
_BLOCK = re.compile(r"\n\s*\n|\n")
_SPACE = re.compile(r"\s+")


def sentences(text: str) -> list[str]:
    """The sentences of `text` in order, in its own words and marks, white space at the ends off.

    A line break ends a sentence. Abbreviations, initials, decimals and ellipses within one do not.
    """
    found: list[str] = []
    for block in _BLOCK.split(text):
        start = 0
        for match in _STOP.finditer(block):
            if _ends(block, match):
                found.append(block[start : match.end()].strip())
                start = match.end()
        found.append(block[start:].strip())
    return [sentence for sentence in found if sentence]


def _ends(block: str, stop: re.Match[str]) -> bool:
    after = _START.match(block, stop.end())
    if after is None:
        return True
    mark = stop[0]
    if after[1].islower():
        return False
    if mark[0] != "." or len(mark.rstrip("»”\"’')] \xa0\u202f")) > 1:
        return True
    before = _WORD_BEFORE.search(block, max(0, stop.start() - 40), stop.start())
    if before is None:
        return True
    word = before[0]
    if len(word) == 1 and word.isupper():
        return False
    if "." in word and all(len(part) <= 1 for part in word.split(".")):
        return after[1].isupper() and len(word) > 3 and False
    folded = word.lower().rpartition("'")[2].rpartition("’")[2]
    return folded not in _ABBREVIATIONS or (folded in _ENDS and after[1].isupper())


def excerpt(text: str, limit: int) -> str:
    """The beginning of `text`, at most `limit` UTF-16 units: whole sentences, else whole words and …"""
    text = _SPACE.sub(" ", text).strip() if "\n" not in text else text.strip()
    if length(text) <= limit:
        return text
    taken = ""
    position = 0
    for sentence in sentences(text):
        end = text.index(sentence, position) + len(sentence)
        if length(text[:end]) > limit:
            break
        position = end
        taken = text[:end]
    if length(taken) * 3 >= limit:
        return taken
    return _at_word(text, limit)


def _at_word(text: str, limit: int) -> str:
    short = cut(text, limit)
    if not short.endswith(ELLIPSIS):
        return short
    kept = short[: -len(ELLIPSIS)]
    if len(kept) < len(text) and not text[len(kept)].isspace():
        word = max(kept.rfind(" "), kept.rfind("\n"))
        if word * 2 > len(kept):
            kept = kept[:word]
    return kept.rstrip(" \n,;:–—-") + ELLIPSIS


def around(text: str, spans: Sequence[tuple[int, int]], limit: int) -> str:
    """The stretch of `text` of at most `limit` UTF-16 units that holds most of `spans`, with … where it is cut."""
    if length(text) <= limit:
        return text.strip()
    if not spans:
        return excerpt(text, limit)
    room = max(1, limit - 2)
    ordered = sorted(spans)
    starts = [start for start, _ in ordered]
    best = max(
        range(len(ordered)),
        key=lambda index: (bisect_left(starts, starts[index] + room * 3 // 4) - index, -index),
    )
    start = _start_before(text, starts[best], room // 4)
    tail = text[start:].strip()
    lead = ELLIPSIS if text[:start].strip() else ""
    return lead + _at_word(tail, limit - len(lead))


def _start_before(text: str, position: int, room: int) -> int:
    """Where to begin so that `position` is shown: at a sentence when one begins within `room`, else at a word."""
    first = max(0, position - room)
    if first == 0:
        return 0
    begins = [match.end() for match in re.finditer(r"[.!?…»”]\s+|\n+", text[first:position])]
    if begins:
        return first + begins[0]
    space = text.find(" ", first, position)
    return position if space < 0 else space + 1


def marks(text: str, wanted: Collection[str], language: str | None = None) -> list[tuple[int, int]]:
    """Where in `text` the words lie whose index form is in `wanted`, as (start, end) in characters.

    `language` is that of the text; None takes a word in either language.
    """
    found: list[tuple[int, int]] = []
    previous: tuple[str, int, int] | None = None
    for word, start, end in terms.spans(text):
        if _is_wanted(word, wanted, language):
            _append(found, start, end)
        elif previous and word[0].isdecimal() and previous[0] + word in wanted and start - previous[2] <= 1:
            _append(found, previous[1], end)
        previous = (word, start, end)
    return found


def _append(found: list[tuple[int, int]], start: int, end: int) -> None:
    """Add a span; one that overlaps the last becomes part of it."""
    if found and start < found[-1][1]:
        start, end = found[-1][0], max(end, found.pop()[1])
    found.append((start, end))


def _is_wanted(word: str, wanted: Collection[str], language: str | None) -> bool:
    if language is None:
        return any(form in wanted for form in terms.alternatives(word))
    return any(form in wanted for form in terms.stems(word, language))
