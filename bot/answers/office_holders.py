"""Whether a sentence names who holds an office: `le ministre de la Santé X`, `X, president of Mexico`."""

from __future__ import annotations

import re
from collections.abc import Collection

from bot.text import terms

HEADS = frozenset(
    "head chief leader chairman chairwoman chairperson chair administrator director president"
    " presidente".split()
)
"""What those are called who lead an agency, a group or an association."""
_NO_MORE = re.compile(
    r"\b(?:former|anciens?|anciennes?|ex|then|alors(?! qu)|interim|vice|deputy|associate|assistant"
    r"|futurs?|future|next|adjointe?|conseillere?|entourage|adviser|aide|spokes\w+|parole|femme|epouse|wife"
    r"|frere|brother)[\s-]+(?:(?!(?:and|et)\b)[\w.]+['’\s-]+){0,3}$"
)
_BACK = 60  # characters in which it is told that somebody no longer is
_JOINS = frozenset("of at for the de du des d la le les l chez aux and et s".split())
_BEGINS = frozenset("a an un une its his her son sa leur".split())
_NEW = frozenset("acting new current nouveau nouvelle actuel actuelle".split())
_PRIME = frozenset("prime premier premiere".split())
_THE = frozenset("the le la l".split())
_AND = frozenset("and et".split())
_WHO = frozenset("who qui".split())
_SAYS = frozenset("dit said says declare fait".split())
_IS = frozenset(
    "is was remains becomes became named appointed elected est etait reste devient devenu devenue nomme"
    " nommee elu elue".split()
)
_HAS = frozenset("has been was were a ete".split())
_FURTHER = 7  # words between an office and the name before it
_LEAST = 4  # letters that a country and its people begin with alike, all but its last one or two
_LONG = 7
_SITS = re.compile(r"(?:or|eur|rice|orial|iale?)s?$")
_LETTERS = range(3, 6)  # of an agency's short name


def is_past(text: str, office: int) -> bool:
    """Whether the office at this place of a text is said to be somebody's no more, not yet, or a deputy's."""
    return _NO_MORE.search(terms.fold(text[max(0, office - _BACK) : office])) is not None


def is_called_after(word: str, place: str) -> bool:
    """Whether a folded word is what a place's people are called: Italian, not the senator of a senate."""
    begins = place[: -2 if len(place) >= _LONG else -1]
    if len(begins) < _LEAST or not word.startswith(begins) or word.startswith("francois"):
        return False
    return not _SITS.search(word[len(begins) :])


def leads(text: str, asked: Collection[str]) -> bool:
    """Whether a text names the head of what is asked for, of which `asked` are the folded words."""
    read = Titles(text, [word for word in asked if terms.alternatives(word) and word not in HEADS])
    return any(
        word in HEADS and read.is_of(place) and read.names_holder(place)
        for place, word in enumerate(read.words)
    )


class Titles:
    """A sentence, as far as it tells who holds an office; `of` are folded words of what that is of."""

    def __init__(self, text: str, of: Collection[str]) -> None:
        self._text = text
        found = list(terms.spans(text))
        self.words = [word for word, _, _ in found]
        self.starts, self.ends = [start for _, start, _ in found], [end for _, _, end in found]
        self._written = [text[start:end] for start, end in zip(self.starts, self.ends, strict=True)]
        self._after = [
            text[end:start].strip(" -’'‑\n")
            for end, start in zip(self.ends, [*self.starts[1:], len(text)], strict=False)
        ]
        self._of = [any(word == each or is_called_after(word, each) for each in of) for word in self.words]
        for letters in of:
            if len(letters) in _LETTERS:
                self._spell_out(letters)

    def _spell_out(self, letters: str) -> None:
        """Mark the words that a short name is of: `Federal Communications Commission`."""
        capitals = [place for place, written in enumerate(self._written) if written[0].isupper()]
        initials = "".join(self.words[place][0] for place in capitals)
        at = initials.find(letters)
        while at >= 0:
            for place in capitals[at : at + len(letters)]:
                self._of[place] = True
            at = initials.find(letters, at + 1)

    def names_holder(self, place: int, *, past: bool = False) -> bool:
        """Whether somebody is named who holds the office there; for one of the `past`, who held it too."""
        if not past and is_past(self._text, self.starts[place]):
            return False
        return self._follows(place) or self._precedes(place)

    def is_prime(self, place: int) -> bool:
        """Whether the minister there is the prime minister."""
        return place > 0 and self.words[place - 1] in _PRIME

    def is_what_of(self, place: int) -> bool:
        """Whether the word there tells what the office is of."""
        return self._of[place]

    def is_of_another(self, place: int) -> bool:
        """Whether the office there is said to be that of something else: `président du groupe`."""
        at = place + 1
        while at < len(self.words) and not self._after[at - 1] and self.words[at] in _JOINS:
            at += 1
        return place + 1 < at < len(self.words) and not self._after[at - 1] and self._last(place) == place

    def is_of(self, place: int) -> bool:
        """Whether the office there is that of what is asked for: `NASA's new head`, `the head of NASA`."""
        before = place - 1
        while before >= 0 and not self._after[before] and self.words[before] in _NEW | {"s"}:
            before -= 1
        return (before >= 0 and self._of[before] and not self._after[before]) or self._last(place) > place

    def stands_alone(self, place: int) -> bool:
        """Whether nothing tells of what the office there is: not `British Prime Minister X`."""
        before = place - 1 - self.is_prime(place)
        called = before >= 0 and not self._after[before] and self._is_name(before)
        return not called and (self._closes(place) or self._is_name(place + 1))

    def is_plain(self, place: int) -> bool:
        """Whether nothing tells what the office there is for: not `science chief`."""
        return not place or bool(self._after[place - 1]) or not terms.alternatives(self.words[place - 1])

    def _follows(self, place: int) -> bool:
        """`le ministre de la Santé X`, `Mexico's president, X`, `President Macron`."""
        last = self._last(place)
        if last == place and not self._after[place] and self._is_last_name(place + 1):
            return True
        return self._after[last] in {"", ","} and self._is_whole_name(last + 1)

    def _precedes(self, place: int) -> bool:
        """`X, ministre de la Santé`, `X (ministre de la Santé)`, `X est ministre`."""
        plain, has_article = 0, False
        at = place - 1
        while at >= max(0, place - _FURTHER):
            word = self.words[at]
            if self._after[at]:
                is_name = self._after[at] in {",", "(", "–", "—"} and self._is_whole_name(at - 1)
                return is_name and (not has_article or self._closes(place))
            if word in _IS:
                while at and self.words[at - 1] in _HAS:
                    at -= 1
                if not at or self.words[at - 1] not in _WHO:
                    return at > 0 and not self._after[at - 1] and self._is_last_name(at - 1)
                at -= 1
            elif word in _THE:
                has_article = True
            elif not (self._of[at] or word in _JOINS or word in _BEGINS or word in _PRIME):
                plain += 1
                if plain > 1 or self._written[at][0].isupper() or self._is_verb(at):
                    return False
            at -= 1
        return False

    def _is_verb(self, at: int) -> bool:
        return self.words[at] in _SAYS or self._written[at].endswith(("é", "és"))

    def _last(self, place: int) -> int:
        """The last word of what the office there is of; the office itself where nothing tells it."""
        last = place
        for at in range(place + 1, len(self.words)):
            if self._after[at - 1]:
                break
            if self._of[at]:
                last = at
            elif self.words[at] not in _JOINS and not self._is_listed(at):
                break
        return last

    def _is_listed(self, at: int) -> bool:
        """Whether a word is one of several: `des Solidarités et de la Santé`."""
        return self._is_name(at) and at + 1 < len(self.words) and self.words[at + 1] in _AND

    def _closes(self, place: int) -> bool:
        last = self._last(place)
        return last == len(self.words) - 1 or bool(self._after[last])

    def _is_whole_name(self, first: int) -> bool:
        """Whether two words of a name stand there."""
        return first >= 0 and self._is_name(first) and not self._after[first] and self._is_name(first + 1)

    def _is_last_name(self, at: int) -> bool:
        return self._is_name(at) and len(self._written[at]) > 1  # not the C of "C'est"

    def _is_name(self, at: int) -> bool:
        if not 0 <= at < len(self.words):
            return False
        word, written = self.words[at], self._written[at]
        return (
            written[0].isupper()
            and (len(written) == 1 or not written.isupper())
            and not self._of[at]
            and word not in HEADS
            and word not in _PRIME
            and bool(terms.alternatives(word))
        )
