"""Reranking of the best articles that the engine found, by their titles and texts, their age and their language."""

import math
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import NamedTuple

from bot.core.models import Article
from bot.search.index import text_analysis

MAX_RERANKED_ARTICLES = 50
"""Maximum number of articles of a search that are reranked."""
MAX_CHARS_READ = 2_000
"""Maximum number of characters of an article's text that the reranker reads."""

# Weights of the features in the score.
ENGINE_SCORE_WEIGHT = 1.0
"""Weight of the search engine's score, taken as a share of the best article's score."""
TITLE_WEIGHT = 0.15
"""Weight of the share of the query's words that occur in the title."""
PASSAGE_WEIGHT = 0.6
"""Weight of the largest share of the query's words that occur in one passage."""
ADJACENCY_WEIGHT = 0.25
"""Weight of the share of adjacent words of the query that are adjacent or near each other in the article, too."""
EXACT_FORM_WEIGHT = 0.45
"""Weight of the share of the query's words that occur exactly as they were typed."""
COSINE_WEIGHT = 2.0
"""Weight of the cosine (similarity in meaning) between query and article, if known."""
RECENCY_WEIGHT = 0.1
"""Weight of the article's recency, which is 1 for a new article and halves every 30 days."""
LANGUAGE_WEIGHT = 0.1
"""Amount added to an article's score if the article is in the language of the query."""

_MAX_PASSAGE_WORDS = 30
"""Maximum length of a passage, in words without stop words."""
_MAX_NEAR_GAP_WORDS = 3
"""Maximum distance, in words without stop words, of two words that count half as much as adjacent ones."""
_MAX_EXACT_GAP_CHARS = 60
"""Maximum distance in characters over which words are counted; over a longer one they are estimated."""
_MIN_GAP_CHARS = 3
"""Minimum distance in characters between two matches for a word to fit between them."""
_AVERAGE_WORD_CHARS = 10
"""Average length of a content word with spaces and preceding stop words, in characters."""
_RECENCY_HALF_LIFE_SECONDS = 30 * 86400
"""Time in seconds in which the recency of an article drops by half."""


class QueryTerm(NamedTuple):
    """A word of a query: its text in lower case, its index terms and its weight.

    The weight is the inverse document frequency, increased for names and numbers. An article with one of the
    `related_stems` scores as if it had the word, but does not count as a full match.
    """

    text: str
    stems: frozenset[str]
    weight: float
    related_stems: frozenset[str] = frozenset()


class RerankScore(NamedTuple):
    """Score of an article, 0 or more and higher is better, and whether the article contains all terms."""

    score: float
    matches_all_terms: bool


class Reranker:
    """Scorer of articles by the terms of one query, in `language` (None: unknown). `now` is Unix time in seconds."""

    def __init__(self, query_terms: Sequence[QueryTerm], *, language: str | None, now: int) -> None:
        self._query_terms = query_terms
        self._language = language
        self._now = now
        self._total_weight = sum(query_term.weight for query_term in query_terms) or 1.0
        self._term_indexes_by_stem: dict[str, list[int]] = {}
        for index, term in enumerate(query_terms):
            for stem in term.stems | term.related_stems:
                self._term_indexes_by_stem.setdefault(stem, []).append(index)
        self._searched_stems = frozenset(self._term_indexes_by_stem)
        pair_weights = [min(first_term.weight, second_term.weight) for first_term, second_term in pairwise(query_terms)]
        self._pair_weights = pair_weights
        self._total_pair_weight = sum(pair_weights)

    def score_article(self, article: Article, engine_score: float, cosine: float = 0.0) -> RerankScore:
        """Score an article.

        `engine_score` is its engine score as a share of the best one, from 0 to 1; `cosine` is its similarity in
        meaning to the query, or 0 if it is unknown.
        """
        language = article.language
        title_positions, exact_form_indexes, matched_indexes = self._find_term_positions(article.title, language)
        title_indexes = {term_index for _, term_index in title_positions}
        body_positions: list[tuple[int, int]] = []
        if len(exact_form_indexes) < len(self._query_terms) or self._compute_adjacency_share(title_positions) != bool(
            self._total_pair_weight
        ):
            body_positions, body_exact_form_indexes, body_matched_indexes = self._find_term_positions(
                (article.body or article.summary)[:MAX_CHARS_READ], language
            )
            exact_form_indexes |= body_exact_form_indexes
            matched_indexes |= body_matched_indexes
        score = ENGINE_SCORE_WEIGHT * engine_score + COSINE_WEIGHT * cosine
        score += TITLE_WEIGHT * self._compute_weight_share(title_indexes)
        score += PASSAGE_WEIGHT * max(
            self._compute_best_passage_share(body_positions), self._compute_weight_share(title_indexes)
        )
        score += ADJACENCY_WEIGHT * max(
            self._compute_adjacency_share(title_positions), self._compute_adjacency_share(body_positions)
        )
        score += EXACT_FORM_WEIGHT * self._compute_weight_share(exact_form_indexes)
        score += RECENCY_WEIGHT * 0.5 ** (max(0, self._now - article.published) / _RECENCY_HALF_LIFE_SECONDS)
        if self._language and language == self._language:
            score += LANGUAGE_WEIGHT
        return RerankScore(score, len(matched_indexes) == len(self._query_terms))

    def _find_term_positions(self, text: str, language: str | None) -> tuple[list[tuple[int, int]], set[int], set[int]]:
        """Find the terms of a query in a text.

        Return (word position, term index) pairs, the indexes of terms in their typed form, and the indexes of
        terms that occur themselves, not only by a related term. Positions count words without stop words;
        across long gaps they are estimated from the number of characters.
        """
        term_positions: list[tuple[int, int]] = []
        exact_form_indexes: set[int] = set()
        matched_indexes: set[int] = set()
        word_position = last_end = 0
        for start, end, stem in text_analysis.find_stem_spans(text, language, self._searched_stems):
            word_position += 1 + self._count_words_between(text, last_end, start, language)
            word_form = text[start:end].lower()
            for term_index in self._term_indexes_by_stem[stem]:
                term_positions.append((word_position, term_index))
                if stem in self._query_terms[term_index].stems:
                    matched_indexes.add(term_index)
                if word_form == self._query_terms[term_index].text:
                    exact_form_indexes.add(term_index)
            last_end = end
        return term_positions, exact_form_indexes, matched_indexes

    def _count_words_between(self, text: str, start: int, end: int, language: str | None) -> int:
        if end - start < _MIN_GAP_CHARS:
            return 0
        if end - start > _MAX_EXACT_GAP_CHARS:
            return (end - start) // _AVERAGE_WORD_CHARS
        return len(text_analysis.stem_tokens(text[start:end], language))

    def _compute_weight_share(self, term_indexes: Collection[int]) -> float:
        return sum(self._query_terms[term_index].weight for term_index in term_indexes) / self._total_weight

    def _compute_best_passage_share(self, term_positions: Sequence[tuple[int, int]]) -> float:
        """Return the largest share of the query's total weight whose words occur in one passage."""
        best_weight = passage_weight = 0.0
        occurrence_counts = [0] * len(self._query_terms)
        window_start = 0
        for word_position, term_index in term_positions:
            if not occurrence_counts[term_index]:
                passage_weight += self._query_terms[term_index].weight
            occurrence_counts[term_index] += 1
            while term_positions[window_start][0] <= word_position - _MAX_PASSAGE_WORDS:
                dropped_index = term_positions[window_start][1]
                occurrence_counts[dropped_index] -= 1
                if not occurrence_counts[dropped_index]:
                    passage_weight -= self._query_terms[dropped_index].weight
                window_start += 1
            best_weight = max(best_weight, passage_weight)
        return best_weight / self._total_weight

    def _compute_adjacency_share(self, term_positions: Sequence[tuple[int, int]]) -> float:
        if not self._total_pair_weight:
            return 0.0
        last_position_by_term = [-math.inf] * len(self._query_terms)
        min_gaps = [math.inf] * len(self._pair_weights)
        for word_position, term_index in term_positions:
            if term_index:
                min_gaps[term_index - 1] = min(
                    min_gaps[term_index - 1], word_position - last_position_by_term[term_index - 1]
                )
            if term_index < len(self._pair_weights):
                min_gaps[term_index] = min(min_gaps[term_index], word_position - last_position_by_term[term_index + 1])
            last_position_by_term[term_index] = word_position
        adjacent_weight = sum(
            weight if gap == 1 else weight / 2
            for weight, gap in zip(self._pair_weights, min_gaps, strict=True)
            if gap <= _MAX_NEAR_GAP_WORDS
        )
        return adjacent_weight / self._total_pair_weight
