"""Matching of a query against one article in memory, with the same result as the index.

An article is analysed once for all queries. Phrases are always required. Filters by date and bookmark, which
a new article cannot decide, count as true.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from functools import cached_property
from typing import NamedTuple

from bot.core.models import Article, NewArticle
from bot.search.index import text_analysis
from bot.search.query.analysed_query import (
    AllClauses,
    AnyClause,
    Clause,
    NameClause,
    NotClause,
    PhraseClause,
    TermClause,
    analyse_query,
    combine,
    negate_clause,
)  # fmt: skip
from bot.search.query.name_tokens import article_name_tokens
from bot.search.query.query_filters import FilterName
from bot.search.query.query_tree import FieldFilter, Query

MAX_CHARS_READ = 200_000
"""Maximum number of characters read of a text."""


class KeyKind(Enum):
    """Kinds of keys: a stem or token of title or text, or a token of outlet, author or tag."""

    STEM = "stem"
    WORD = "word"
    NAME = "name"


class MatchKey(NamedTuple):
    """Key of an article, by which queries that may match it are looked up."""

    kind: KeyKind
    value: str


KeyFrequency = Callable[[MatchKey], int]
"""Function that returns approximately how many articles have a key."""


class AnalysedArticle:
    """An article analysed for matching; each part is computed on first use."""

    def __init__(self, article: Article | NewArticle) -> None:
        self.article = article

    def precompute(self) -> AnalysedArticle:
        """Compute all parts now, and return the article itself."""
        _ = self.stems, self.title_token_string, self.body_token_string, self.names
        return self

    @cached_property
    def title_stems(self) -> frozenset[str]:
        """Return the stems of the title."""
        return frozenset(text_analysis.stemmed_tokens(self.article.title, self.article.language))

    @cached_property
    def stems(self) -> frozenset[str]:
        """Return the stems of title and text."""
        return self.title_stems.union(
            text_analysis.stemmed_tokens(self.article.body[:MAX_CHARS_READ], self.article.language)
        )

    @cached_property
    def title_words(self) -> list[str]:
        """Return the tokens of the title."""
        return text_analysis.tokens(self.article.title)

    @cached_property
    def body_words(self) -> list[str]:
        """Return the tokens of the text."""
        return text_analysis.tokens(self.article.body[:MAX_CHARS_READ])

    @cached_property
    def title_token_string(self) -> str:
        """Return the tokens of the title with a space around each."""
        return _token_string(self.title_words)

    @cached_property
    def body_token_string(self) -> str:
        """Return the tokens of the text with a space around each."""
        return _token_string(self.body_words)

    @cached_property
    def names(self) -> tuple[tuple[str, ...], ...]:
        """Return the tokens of outlet, author and tags, a tuple for each name."""
        article = self.article
        return tuple(article_name_tokens(article.outlet, article.author, article.tags))

    @cached_property
    def match_keys(self) -> dict[KeyKind, frozenset[str]]:
        """Return all keys of the article by kind."""
        return {
            KeyKind.STEM: self.stems,
            KeyKind.WORD: frozenset(self.title_words).union(self.body_words),
            KeyKind.NAME: frozenset().union(*self.names),
        }


def matches(part: Clause, article: AnalysedArticle) -> bool:
    """Return whether an article matches a clause, which must not contain filters by date or bookmark."""
    match part:  # Patterns with fields would take twice the time.
        case TermClause():
            found = not part.stems.isdisjoint(article.title_stems if part.title else article.stems)
        case AllClauses():
            found = all(matches(inner, article) for inner in part.clauses)
        case AnyClause():
            found = any(matches(inner, article) for inner in part.clauses)
        case PhraseClause():
            row = _token_string(part.words)
            found = row in article.title_token_string or (not part.title and row in article.body_token_string)
        case NameClause():
            found = any(
                part.joined_token in name or _contains_sequence(part.tokens, name) for name in article.names
            )
        case NotClause():
            found = not matches(part.clause, article)
        case FieldFilter():
            of = article.article
            found = bool(of.image) if part.filter is FilterName.IMAGE else of.language == part.value
    return found


def _contains_sequence(tokens: tuple[str, ...], name: tuple[str, ...]) -> bool:
    """Return whether a name contains the tokens consecutively.

    The last of several tokens of a name joins the others, so no sequence includes it.
    """
    count = len(tokens)
    return any(name[start : start + count] == tokens for start in range(len(name) - count))


def cheapest_keys(part: Clause, cost: KeyFrequency) -> frozenset[MatchKey]:
    """Return the cheapest set of keys of which every matching article has at least one.

    Empty if there is no such set, as for exclusions.
    """
    match part:
        case TermClause(stems):
            found = frozenset(MatchKey(KeyKind.STEM, stem) for stem in stems)
        case PhraseClause(words):
            found = frozenset((min((MatchKey(KeyKind.WORD, word) for word in words), key=cost),))
        case NameClause(tokens, whole):
            rarest = min((MatchKey(KeyKind.NAME, token) for token in tokens), key=cost)
            found = frozenset((rarest, MatchKey(KeyKind.NAME, whole)))
        case AllClauses(parts):
            each = filter(None, (cheapest_keys(inner, cost) for inner in parts))
            found = min(each, key=lambda chosen: sum(map(cost, chosen)), default=frozenset())
        case AnyClause(parts):
            every = [cheapest_keys(inner, cost) for inner in parts]
            found = frozenset().union(*every) if all(every) else frozenset()
        case _:
            found = frozenset()
    return found


def query_languages_for(article_language: str | None) -> tuple[str, ...]:
    """Return the languages that a query's words may be in, for an article in the given language."""
    asked = text_analysis.QUERY_LANGUAGES
    is_other = article_language in text_analysis.STEMMER_LANGUAGES and article_language not in asked
    return (*asked, article_language) if is_other and article_language else asked


def matchable_clause(
    query: Query, languages: tuple[str, ...] = text_analysis.QUERY_LANGUAGES
) -> Clause | None:
    """Return the part of a query that an article can decide, or None if there is none."""
    return _without_undecidable(AllClauses(analyse_query(query.nodes, languages).clauses))


def _without_undecidable(part: Clause) -> Clause | None:
    """Return the part of a clause that an article can decide, or None if there is none."""
    match part:
        case FieldFilter(filter=FilterName.SINCE | FilterName.BEFORE | FilterName.BOOKMARKED):
            return None
        case NotClause(inner):
            return negate_clause(_without_undecidable(inner))
        case AllClauses(parts):
            return combine(AllClauses, filter(None, map(_without_undecidable, parts)))
        case AnyClause(parts):
            told = tuple(found for inner in parts if (found := _without_undecidable(inner)))
            return AnyClause(told) if len(told) == len(parts) else None
        case _:
            return part


def _token_string(words: Sequence[str]) -> str:
    return f" {' '.join(words)} "
