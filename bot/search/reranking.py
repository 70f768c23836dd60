"""Reranking of the engine's best articles by features of their titles and texts."""

import math
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import NamedTuple

from bot.core.models import Article
from bot.search.index import text_analysis

MAX_CANDIDATES = 50
"""Maximum number of articles that are reranked."""
MAX_CHARS_READ = 2_000
"""Maximum number of characters read of a text."""

# Weights of the features in the score.
ENGINE_SCORE_WEIGHT = 1.0
"""Weight of the engine's score, as a share of the best one."""
TITLE_WEIGHT = 0.15
"""Weight of the share of the query that occurs in the title."""
PASSAGE_WEIGHT = 0.6
"""Weight of the largest share of the query that occurs in one passage."""
ADJACENCY_WEIGHT = 0.25
"""Weight of the share of adjacent query terms that are adjacent in the article."""
EXACT_FORM_WEIGHT = 0.45
"""Weight of the share of the query that occurs exactly as it was typed."""
COSINE_WEIGHT = 2.0
"""Weight of the cosine between query and article, if known."""
RECENCY_WEIGHT = 0.1
"""Weight of the article's recency."""
LANGUAGE_WEIGHT = 0.1
"""Added if the article is in the language of the query."""

_PASSAGE_WORDS = 30
"""Length of a passage, in words without stop words."""
_MAX_ADJACENT_GAP = 3
"""Maximum distance of adjacent terms, in words without stop words."""
_MAX_EXACT_GAP_CHARS = 60
"""Maximum distance in characters over which words are counted; a longer one is estimated."""
_MIN_GAP_CHARS = 3
"""Minimum distance in characters that can contain a word."""
_AVERAGE_WORD_CHARS = 10
"""Average length of a content word with spaces and preceding stop words, in characters."""
_RECENCY_HALF_LIFE_SECONDS = 30 * 86400
"""Time in which an article's recency drops by half."""


class QueryTerm(NamedTuple):
    """A word of a query: its text in lower case, its index terms, and its IDF.

    An article with a `related` term scores as if it had the word, but does not count as a full match.
    """

    text: str
    stems: frozenset[str]
    weight: float
    related: frozenset[str] = frozenset()


class RerankScore(NamedTuple):
    """Score of an article, at least 0, higher is better; and whether it contains all terms."""

    score: float
    matches_all_terms: bool


class Reranker:
    """Scores articles by the terms of one query. `now` is Unix time in seconds."""

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
        """Score an article. `engine_score` is its share of the best engine score, from 0 to 1."""
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
        """Find the terms of a query in a text.

        Return (word position, term index) pairs, the indexes of terms in their typed form, and those of terms
        that occur other than by a related term. Positions count words without stop words; across long gaps
        they are estimated from the number of characters.
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
        """Return the largest share of the query's weight in one passage."""
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
