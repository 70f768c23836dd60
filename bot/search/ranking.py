"""How well an article matches some of the words that are wanted: what decides the order of partial matches.

Tuned on half of the questions of the benchmarks (`tests/benchmarks/search_quality.py`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bot.search.cross_lingual import translations
from bot.search.vocabulary import Vocabulary
from bot.text import terms

NAME = 1.6  # how much more names and numbers weigh
USUAL_LENGTH = 110  # terms of a text
SATURATION = 1.2  # BM25's k1
LENGTHS = 0.75  # BM25's b
RELATED = 0.5
SENTENCE = 0.3
TOGETHER = 0.3
TITLE = 0.4
OWN_LANGUAGE = 0.4
CLOSE = 2  # terms apart
NEAR = 6
MOST_MISSPELT = 8  # words of a text that are taken for others

_NAME = re.compile(r"(?<=[^.?!:] )(?:[ldLD]['’])?[^\W\d_a-zß-öø-ÿœ]\w[\w'’-]*|\d[\w.,]*")


class Sought(NamedTuple):
    """A word that is wanted, and how much it tells.

    `exact` are its terms in the index, `related` those of its family and its translations.
    """

    word: str
    exact: frozenset[str]
    related: frozenset[str]
    weight: float
    is_name: bool = False

    def match(self, found: frozenset[str]) -> float:
        """1 when the word is among these terms, less when only a relative is, else 0."""
        if not self.exact.isdisjoint(found):
            return 1.0
        return 0.0 if self.related.isdisjoint(found) else RELATED


def sought(text: str, vocabulary: Vocabulary, *, within: str | None = None) -> list[Sought]:
    """The words of a query or question that tell something. Misspelt ones are taken for their neighbours.

    Only the first few are, for each costs the event loop milliseconds. `within` is the sentence that the
    words were taken from: a capital in it tells a name.
    """
    found: dict[str, Sought] = {}
    misspelt = 0
    names = {word for name in _NAME.findall(within or text) for word in terms.words(name)}
    for word in terms.words(text):
        forms = terms.alternatives(word)
        if not forms or word in found:
            continue
        if word.isalpha() and misspelt < MOST_MISSPELT and vocabulary.misses(forms):
            misspelt += 1
            forms = (*forms, *vocabulary.nearest(forms))
        is_name = word in names
        found[word] = Sought(
            word,
            frozenset(forms),
            translations(forms).union(vocabulary.relatives(forms)).difference(forms),
            vocabulary.weight(forms) * (NAME if is_name else 1),
            is_name,
        )
    return list(found.values())


class Scale:
    """Weighs articles by the words that are wanted. `language` is the asker's, None when nobody knows."""

    def __init__(self, wanted: Sequence[Sought], language: str | None) -> None:
        self._wanted = wanted
        self._language = language
        self._total = sum(word.weight for word in wanted)
        self._holders: dict[str, list[tuple[int, bool]]] = defaultdict(list)
        for number, word in enumerate(wanted):
            for form in word.exact:
                self._holders[form].append((number, True))
            for form in word.related:
                self._holders[form].append((number, False))

    def score(self, title: Sequence[str], lines: Sequence[Sequence[str]], language: str | None) -> float:
        """From 0 (nothing matches) to about 3, by an article's index terms sentence by sentence."""
        if not self._total:
            return 0.0
        wanted, holders = self._wanted, self._holders
        exact, related = [0] * len(wanted), [0] * len(wanted)
        places: list[list[int]] = [[] for _ in wanted]
        in_title: list[int] = []
        best = 0.0
        position = 0
        for line in (title, *lines):
            matched: dict[int, float] = {}
            for place in [place for place, term in enumerate(line) if term in holders]:
                for number, is_exact in holders[line[place]]:
                    places[number].append(position + place)
                    if is_exact:
                        exact[number] += 1
                        matched[number] = 1.0
                    else:
                        related[number] += 1
                        matched.setdefault(number, RELATED)
            if line is title:
                in_title = [number for number, match in matched.items() if match == 1]
            else:
                best = max(best, sum(wanted[number].weight * match for number, match in matched.items()))
            position += len(line) + CLOSE + 1
        norm = SATURATION * (1 - LENGTHS + LENGTHS * sum(map(len, lines)) / USUAL_LENGTH)
        points = SENTENCE * best + TITLE * sum(wanted[number].weight for number in in_title)
        for number, word in enumerate(wanted):
            count, share = (exact[number], 1.0) if exact[number] else (related[number], RELATED)
            points += word.weight * share * count * (SATURATION + 1) / (count + norm)
        result = points / self._total + TOGETHER * _together(wanted, places)
        return result + (OWN_LANGUAGE if self._language and self._language == language else 0)


def overlap(wanted: Iterable[Sought], found: frozenset[str]) -> float:
    """The weights of the words that are among these terms."""
    return sum(word.weight * word.match(found) for word in wanted)


def together(wanted: Sequence[Sought], lines: Sequence[Sequence[str]]) -> float:
    """From 0 to 1: how many words stand beside the one that stands beside them in the query."""
    holders = defaultdict(list)
    for number, word in enumerate(wanted):
        for form in word.exact | word.related:
            holders[form].append(number)
    places: list[list[int]] = [[] for _ in wanted]
    position = 0
    for line in lines:
        for term in line:
            for number in holders.get(term, ()):
                places[number].append(position)
            position += 1
        position += CLOSE + 1
    return _together(wanted, places)


def _together(wanted: Sequence[Sought], places: Sequence[Sequence[int]]) -> float:
    reached = total = 0.0
    for number in range(len(wanted) - 1):
        weight = min(wanted[number].weight, wanted[number + 1].weight)
        total += weight
        gap = _gap(places[number], places[number + 1])
        reached += weight if gap <= CLOSE else weight / 2 if gap <= NEAR else 0
    return reached / total if total else 0.0


def _gap(one: Sequence[int], other: Sequence[int]) -> int:
    """The smallest distance between two sorted lists of places."""
    gap = NEAR + 1
    i = j = 0
    while i < len(one) and j < len(other):
        gap = min(gap, abs(one[i] - other[j]))
        if one[i] < other[j]:
            i += 1
        else:
            j += 1
    return gap
