"""The order of the few articles that the engine found: by how a person would judge title and text."""

import math
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import NamedTuple

from bot.core.models import Article
from bot.search.index import text_analysis

MAX_CANDIDATES = 50
"""Articles that are put in order."""
MAX_CHARS_READ = 2_000
"""Characters of a text that are read for it."""

# What counts, with its weight:
ENGINE_SCORE_WEIGHT = 1.0  # the engine's own score, as a share of the best
TITLE_WEIGHT = 0.15  # the share of the query that stands in the title
PASSAGE_WEIGHT = 0.6  # the share that stands together in one passage
ADJACENCY_WEIGHT = 0.25  # the share of neighbours in the query that are neighbours in the article
EXACT_FORM_WEIGHT = 0.45  # the share that stands there as it was typed
COSINE_WEIGHT = 2.0  # the cosine of query and article, where that is known
RECENCY_WEIGHT = 0.1  # how fresh the article is
LANGUAGE_WEIGHT = 0.1  # that it is in the language of the query

_PASSAGE_WORDS = 30  # words of a passage, small ones left out
_MAX_ADJACENT_GAP = 3  # words between which no more stand are neighbours
_MAX_EXACT_GAP_CHARS = 60  # characters between two words that are no neighbours
_MIN_GAP_CHARS = 3  # characters without which no word stands between two
_AVERAGE_WORD_CHARS = 10  # characters of a word, with the small ones and spaces before it
_RECENCY_HALF_LIFE_SECONDS = 30 * 86400  # seconds


class QueryTerm(NamedTuple):
    """A word of a query: as it was typed, without case; its index terms; how much it tells (idf).

    `related` terms count as the word does, but who has them alone doesn't have the word.
    """

    text: str
    stems: frozenset[str]
    weight: float
    related: frozenset[str] = frozenset()


class RerankScore(NamedTuple):
    """An article's score, from 0 to about 2, and whether it has all words."""

    score: float
    matches_all_terms: bool


class Reranker:
    """Judges articles by the words of one query. `now` is in seconds of UTC."""

    def __init__(self, sought: Sequence[QueryTerm], *, language: str | None, now: int) -> None:
        self._terms = sought
        self._language = language
        self._now = now
        self._total = sum(word.weight for word in sought) or 1.0
        self._term_indexes_by_stem: dict[str, list[int]] = {}
        for number, word in enumerate(sought):
            for stem in word.stems | word.related:
                self._term_indexes_by_stem.setdefault(stem, []).append(number)
        self._wanted = frozenset(self._term_indexes_by_stem)
        pairs = [min(one.weight, other.weight) for one, other in pairwise(sought)]
        self._pair_weights = pairs
        self._all_pairs = sum(pairs)

    def judge(self, article: Article, engine_score: float, cosine: float = 0.0) -> RerankScore:
        """How well an article fits.

        `found` is the engine's score as a share of the best, 0 to 1, `cosine` that of query and article.
        """
        language = article.language
        title, typed, exact = self._term_positions(article.title, language)
        in_title = {number for _, number in title}
        body: list[tuple[int, int]] = []
        if len(typed) < len(self._terms) or self._adjacency_share(title) != bool(self._all_pairs):
            body, typed_there, exact_there = self._term_positions(
                (article.body or article.summary)[:MAX_CHARS_READ], language
            )
            typed |= typed_there
            exact |= exact_there
        score = ENGINE_SCORE_WEIGHT * engine_score + COSINE_WEIGHT * cosine
        score += TITLE_WEIGHT * self._weight_share(in_title)
        score += PASSAGE_WEIGHT * max(self._best_passage_share(body), self._weight_share(in_title))
        score += ADJACENCY_WEIGHT * max(self._adjacency_share(title), self._adjacency_share(body))
        score += EXACT_FORM_WEIGHT * self._weight_share(typed)
        score += RECENCY_WEIGHT * 0.5 ** (max(0, self._now - article.published) / _RECENCY_HALF_LIFE_SECONDS)
        if self._language and language == self._language:
            score += LANGUAGE_WEIGHT
        return RerankScore(score, len(exact) == len(self._terms))

    def _term_positions(
        self, text: str, language: str | None
    ) -> tuple[list[tuple[int, int]], set[int], set[int]]:
        """Where the words of the query stand, each with its number in it, which stand as they were typed, and
        which stand there themselves, not only what is related.

        Places are words without small ones; between two that stand far apart they are reckoned by letters.
        """
        found: list[tuple[int, int]] = []
        typed: set[int] = set()
        exact: set[int] = set()
        place = last = 0
        for start, end, stem in text_analysis.find_stem_spans(text, language, self._wanted):
            place += 1 + self._words_between(text, last, start, language)
            word = text[start:end].lower()
            for number in self._term_indexes_by_stem[stem]:
                found.append((place, number))
                if stem in self._terms[number].stems:
                    exact.add(number)
                if word == self._terms[number].text:
                    typed.add(number)
            last = end
        return found, typed, exact

    def _words_between(self, text: str, start: int, end: int, language: str | None) -> int:
        if end - start < _MIN_GAP_CHARS:
            return 0
        if end - start > _MAX_EXACT_GAP_CHARS:
            return (end - start) // _AVERAGE_WORD_CHARS
        return len(text_analysis.stemmed_tokens(text[start:end], language))

    def _weight_share(self, numbers: Collection[int]) -> float:
        return sum(self._terms[number].weight for number in numbers) / self._total

    def _best_passage_share(self, places: Sequence[tuple[int, int]]) -> float:
        """The largest share of the query in one passage."""
        best = weight = 0.0
        counts = [0] * len(self._terms)
        first = 0
        for place, number in places:
            if not counts[number]:
                weight += self._terms[number].weight
            counts[number] += 1
            while places[first][0] <= place - _PASSAGE_WORDS:
                left = places[first][1]
                counts[left] -= 1
                if not counts[left]:
                    weight -= self._terms[left].weight
                first += 1
            best = max(best, weight)
        return best / self._total

    def _adjacency_share(self, places: Sequence[tuple[int, int]]) -> float:
        if not self._all_pairs:
            return 0.0
        last = [-math.inf] * len(self._terms)
        nearest = [math.inf] * len(self._pair_weights)
        for place, number in places:
            if number:
                nearest[number - 1] = min(nearest[number - 1], place - last[number - 1])
            if number < len(self._pair_weights):
                nearest[number] = min(nearest[number], place - last[number + 1])
            last[number] = place
        near = sum(
            weight if gap == 1 else weight / 2
            for weight, gap in zip(self._pair_weights, nearest, strict=True)
            if gap <= _MAX_ADJACENT_GAP
        )
        return near / self._all_pairs
