"""Matching of a query against one article in memory, with the same result as the index but for two differences.

Phrases are always required, while a search makes them optional if no article has them. Filters by date and bookmark,
which a new article cannot decide, count as true. An article is analysed once for all queries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from functools import cached_property
from typing import NamedTuple

from bot.core.models import Article, NewArticle
from bot.search.index import text_analysis
from bot.search.query.analysed_query import (
    Clause,
    ClauseLeaf,
    NameClause,
    PhraseClause,
    TermClause,
    analyse_query,
)  # fmt: skip
from bot.search.query.name_tokens import iter_article_name_tokens
from bot.search.query.query_filters import FilterName
from bot.search.query.query_tree import AllOf, AnyOf, FieldFilter, Not, Query, map_tree

_UNDECIDABLE_FILTERS = frozenset({FilterName.SINCE, FilterName.BEFORE, FilterName.BOOKMARKED})
"""Filters that a new article alone cannot decide."""
MAX_CHARS_READ = 200_000
"""Maximum number of characters read of an article's text."""


class KeyKind(Enum):
    """Kind of a match key: a stem or token of title or text, or a token of an outlet, author or tag."""

    STEM = "stem"
    WORD = "word"
    NAME = "name"


class MatchKey(NamedTuple):
    """Word of an article, with its kind, by which the queries that may match are looked up."""

    kind: KeyKind
    text: str


KeyCost = Callable[[MatchKey], int]
"""Function that returns the approximate number of articles with a match key (a word, with its kind)."""


class AnalysedArticle:
    """An article analysed for matching; each part of the analysis is computed on first use."""

    def __init__(self, article: Article | NewArticle) -> None:
        self.article = article

    def precompute(self) -> AnalysedArticle:
        """Compute now the parts of the analysis that `matches_clause` reads, and return the analysed article."""
        _ = self.stems, self.title_token_string, self.body_token_string, self.tokens_of_names
        return self

    @cached_property
    def title_stems(self) -> frozenset[str]:
        """Return the stems of the article's title."""
        return frozenset(text_analysis.stem_tokens(self.article.title, self.article.language))

    @cached_property
    def stems(self) -> frozenset[str]:
        """Return the stems of the article's title and text."""
        return self.title_stems.union(
            text_analysis.stem_tokens(self.article.body[:MAX_CHARS_READ], self.article.language)
        )

    @cached_property
    def title_tokens(self) -> list[str]:
        """Return the tokens of the article's title."""
        return text_analysis.tokenize(self.article.title)

    @cached_property
    def body_tokens(self) -> list[str]:
        """Return the tokens of the article's text."""
        return text_analysis.tokenize(self.article.body[:MAX_CHARS_READ])

    @cached_property
    def title_token_string(self) -> str:
        """Return the tokens of the title with a space around each."""
        return _build_token_string(self.title_tokens)

    @cached_property
    def body_token_string(self) -> str:
        """Return the tokens of the text with a space around each."""
        return _build_token_string(self.body_tokens)

    @cached_property
    def tokens_of_names(self) -> tuple[tuple[str, ...], ...]:
        """Return the tokens of each name (outlet, author, tags), as a tuple for each name.

        If a name has several tokens, a last one follows: all of them joined ("le", "monde", "lemonde").
        """
        article = self.article
        return tuple(iter_article_name_tokens(article.outlet, article.author, article.tags))

    @cached_property
    def match_keys(self) -> dict[KeyKind, frozenset[str]]:
        """Return the words of the article by which queries that may match are looked up, by their kind."""
        return {
            KeyKind.STEM: self.stems,
            KeyKind.WORD: frozenset(self.title_tokens).union(self.body_tokens),
            KeyKind.NAME: frozenset().union(*self.tokens_of_names),
        }


def matches_clause(clause: Clause, article: AnalysedArticle) -> bool:
    """Return whether an article matches a clause, which must not contain filters by date or bookmark."""
    match clause:  # Patterns with fields would take twice the time.
        case TermClause():
            is_match = not clause.stems.isdisjoint(article.title_stems if clause.is_title_only else article.stems)
        case AllOf():
            is_match = all(matches_clause(required_clause, article) for required_clause in clause.nodes)
        case AnyOf():
            is_match = any(matches_clause(alternative_clause, article) for alternative_clause in clause.nodes)
        case PhraseClause():
            phrase_token_string = _build_token_string(clause.words)
            is_match = phrase_token_string in article.title_token_string or (
                not clause.is_title_only and phrase_token_string in article.body_token_string
            )
        case NameClause():
            is_match = any(
                clause.joined_token in name_tokens or _contains_sequence(clause.tokens, name_tokens)
                for name_tokens in article.tokens_of_names
            )
        case Not():
            is_match = not matches_clause(clause.node, article)
        case FieldFilter():
            raw_article = article.article
            is_match = (
                bool(raw_article.image_url)
                if clause.filter_name is FilterName.IMAGE
                else raw_article.language == clause.value
            )
    return is_match


def _contains_sequence(tokens: tuple[str, ...], name_tokens: tuple[str, ...]) -> bool:
    """Return whether a name contains the tokens consecutively.

    The last element of `name_tokens` is left out: of several, it is the others joined ("lemonde"), and a name of one
    token is matched by the clause's `joined_token` instead.
    """
    token_count = len(tokens)
    return any(
        name_tokens[start_index : start_index + token_count] == tokens
        for start_index in range(len(name_tokens) - token_count)
    )


def select_cheapest_keys(clause: Clause, cost: KeyCost) -> frozenset[MatchKey]:
    """Return the rarest set of words (match keys) of which every article that matches the clause has at least one.

    The set is empty if there are no such keys, as for an exclusion.
    """
    match clause:
        case TermClause(stems):
            cheapest_keys = frozenset(MatchKey(KeyKind.STEM, stem) for stem in stems)
        case PhraseClause(words):
            cheapest_keys = frozenset((min((MatchKey(KeyKind.WORD, word) for word in words), key=cost),))
        case NameClause(tokens, joined_token):
            cheapest_key = min((MatchKey(KeyKind.NAME, token) for token in tokens), key=cost)
            cheapest_keys = frozenset((cheapest_key, MatchKey(KeyKind.NAME, joined_token)))
        case AllOf(clauses):
            required_key_sets = filter(
                None, (select_cheapest_keys(required_clause, cost) for required_clause in clauses)
            )
            cheapest_keys = min(required_key_sets, key=lambda key_set: sum(map(cost, key_set)), default=frozenset())
        case AnyOf(clauses):
            alternative_key_sets = [select_cheapest_keys(alternative_clause, cost) for alternative_clause in clauses]
            cheapest_keys = frozenset().union(*alternative_key_sets) if all(alternative_key_sets) else frozenset()
        case _:
            cheapest_keys = frozenset()
    return cheapest_keys


def select_query_languages(article_language: str | None) -> tuple[str, ...]:
    """Return the languages that a query's words may be in, for an article in the given language."""
    query_languages = text_analysis.QUERY_LANGUAGES
    has_own_stemmer = (
        article_language in text_analysis.STEMMER_NAME_BY_LANGUAGE and article_language not in query_languages
    )
    return (*query_languages, article_language) if has_own_stemmer and article_language else query_languages


def build_matchable_clause(query: Query, languages: tuple[str, ...] = text_analysis.QUERY_LANGUAGES) -> Clause | None:
    """Return the part of a query that an article alone can decide, or None if nothing is left.

    Filters by date and bookmark are dropped.
    """
    return map_tree(AllOf(analyse_query(query.nodes, languages).clauses), _drop_undecidable, is_removed_true=True)


def _drop_undecidable(leaf: ClauseLeaf) -> Clause | None:
    is_undecidable = isinstance(leaf, FieldFilter) and leaf.filter_name in _UNDECIDABLE_FILTERS
    return None if is_undecidable else leaf


def _build_token_string(words: Sequence[str]) -> str:
    return f" {' '.join(words)} "
