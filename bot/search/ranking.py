"""The order of the few articles that the engine found: by how a person would judge title and text."""

import math
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import NamedTuple

from bot.core.models import Article
from bot.search.index import analysis

FOUND = 50
"""Articles that are put in order."""
READ = 2_000
"""Characters of a text that are read for it."""

# What counts, with its weight:
ENGINE = 1.0  # the engine's own score, as a share of the best
TITLE = 0.15  # the share of the query that stands in the title
PASSAGE = 0.6  # the share that stands together in one passage
NEIGHBOURS = 0.25  # the share of neighbours in the query that are neighbours in the article
TYPED = 0.45  # the share that stands there as it was typed
MEANING = 2.0  # the cosine of query and article, where that is known
FRESH = 0.1  # how fresh the article is
OWN_LANGUAGE = 0.1  # that it is in the language of the query

_PASSAGE = 30  # words of a passage, small ones left out
_NEAR = 3  # words between which no more stand are neighbours
_FAR = 60  # characters between two words that are no neighbours
_ROOM = 3  # characters without which no word stands between two
_LETTERS = 10  # characters of a word, with the small ones and spaces before it
_HALF_LIFE = 30 * 86400  # seconds


class Sought(NamedTuple):
    """A word of a query: as it was typed, without case; its index terms; how much it tells (idf).

    `related` terms count as the word does, but who has them alone doesn't have the word.
    """

    typed: str
    stems: frozenset[str]
    weight: float
    related: frozenset[str] = frozenset()


class Judged(NamedTuple):
    """An article's score, from 0 to about 2, and whether it has all words."""

    score: float
    has_all: bool


class Reranker:
    """Judges articles by the words of one query. `now` is in seconds of UTC."""

    def __init__(self, sought: Sequence[Sought], *, language: str | None, now: int) -> None:
        self._sought = sought
        self._language = language
        self._now = now
        self._total = sum(word.weight for word in sought) or 1.0
        self._numbers: dict[str, list[int]] = {}
        for number, word in enumerate(sought):
            for stem in word.stems | word.related:
                self._numbers.setdefault(stem, []).append(number)
        self._wanted = frozenset(self._numbers)
        pairs = [min(one.weight, other.weight) for one, other in pairwise(sought)]
        self._pairs = pairs
        self._all_pairs = sum(pairs)

    def judge(self, article: Article, found: float, cosine: float = 0.0) -> Judged:
        """How well an article fits.

        `found` is the engine's score as a share of the best, 0 to 1, `cosine` that of query and article.
        """
        language = article.language
        title, typed, exact = self._places(article.title, language)
        in_title = {number for _, number in title}
        body: list[tuple[int, int]] = []
        if len(typed) < len(self._sought) or self._neighbours(title) != bool(self._all_pairs):
            body, typed_there, exact_there = self._places((article.body or article.summary)[:READ], language)
            typed |= typed_there
            exact |= exact_there
        score = ENGINE * found + MEANING * cosine
        score += TITLE * self._share(in_title)
        score += PASSAGE * max(self._passage(body), self._share(in_title))
        score += NEIGHBOURS * max(self._neighbours(title), self._neighbours(body))
        score += TYPED * self._share(typed)
        score += FRESH * 0.5 ** (max(0, self._now - article.published) / _HALF_LIFE)
        if self._language and language == self._language:
            score += OWN_LANGUAGE
        return Judged(score, len(exact) == len(self._sought))

    def _places(self, text: str, language: str | None) -> tuple[list[tuple[int, int]], set[int], set[int]]:
        """Where the words of the query stand, each with its number in it, which stand as they were typed, and
        which stand there themselves, not only what is related.

        Places are words without small ones; between two that stand far apart they are reckoned by letters.
        """
        found: list[tuple[int, int]] = []
        typed: set[int] = set()
        exact: set[int] = set()
        place = last = 0
        for start, end, stem in analysis.places(text, language, self._wanted):
            place += 1 + self._words_between(text, last, start, language)
            word = text[start:end].lower()
            for number in self._numbers[stem]:
                found.append((place, number))
                if stem in self._sought[number].stems:
                    exact.add(number)
                if word == self._sought[number].typed:
                    typed.add(number)
            last = end
        return found, typed, exact

    def _words_between(self, text: str, start: int, end: int, language: str | None) -> int:
        if end - start < _ROOM:
            return 0
        if end - start > _FAR:
            return (end - start) // _LETTERS
        return len(analysis.stems(text[start:end], language))

    def _share(self, numbers: Collection[int]) -> float:
        return sum(self._sought[number].weight for number in numbers) / self._total

    def _passage(self, places: Sequence[tuple[int, int]]) -> float:
        """The largest share of the query in one passage."""
        best = weight = 0.0
        counts = [0] * len(self._sought)
        first = 0
        for place, number in places:
            if not counts[number]:
                weight += self._sought[number].weight
            counts[number] += 1
            while places[first][0] <= place - _PASSAGE:
                left = places[first][1]
                counts[left] -= 1
                if not counts[left]:
                    weight -= self._sought[left].weight
                first += 1
            best = max(best, weight)
        return best / self._total

    def _neighbours(self, places: Sequence[tuple[int, int]]) -> float:
        if not self._all_pairs:
            return 0.0
        last = [-math.inf] * len(self._sought)
        nearest = [math.inf] * len(self._pairs)
        for place, number in places:
            if number:
                nearest[number - 1] = min(nearest[number - 1], place - last[number - 1])
            if number < len(self._pairs):
                nearest[number] = min(nearest[number], place - last[number + 1])
            last[number] = place
        near = sum(
            weight if gap == 1 else weight / 2
            for weight, gap in zip(self._pairs, nearest, strict=True)
            if gap <= _NEAR
        )
        return near / self._all_pairs
