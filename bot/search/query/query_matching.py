"""Whether an article matches a query, told in memory from the article alone, as the index would tell it.

An article is read once for all queries. A phrase is always required here.
Dates and bookmarks, which no article that is about to be kept can tell, are taken for true.
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

MAX_CHARS_READ = 200_000  # characters of a text


class KeyKind(Enum):
    """What a key is."""

    STEM = "stem"  # one of `text_analysis.stems` of title or text
    WORD = "word"  # one of `text_analysis.words`
    NAME = "name"  # one of `article_names`


class MatchKey(NamedTuple):
    """Something that an article has."""

    kind: KeyKind
    value: str


KeyFrequency = Callable[[MatchKey], int]
"""How many articles have a key, about."""


class AnalysedArticle:
    """An article as queries read it: each part is made when one first asks for it."""

    def __init__(self, article: Article | NewArticle) -> None:
        self.article = article

    def precompute(self) -> AnalysedArticle:
        """The same with everything made."""
        _ = self.stems, self.title_token_string, self.body_token_string, self.names
        return self

    @cached_property
    def title_stems(self) -> frozenset[str]:
        """The stems of the title."""
        return frozenset(text_analysis.stemmed_tokens(self.article.title, self.article.language))

    @cached_property
    def stems(self) -> frozenset[str]:
        """The stems of title and text."""
        return self.title_stems.union(
            text_analysis.stemmed_tokens(self.article.body[:MAX_CHARS_READ], self.article.language)
        )

    @cached_property
    def title_words(self) -> list[str]:
        """The words of the title."""
        return text_analysis.tokens(self.article.title)

    @cached_property
    def body_words(self) -> list[str]:
        """The words of the text."""
        return text_analysis.tokens(self.article.body[:MAX_CHARS_READ])

    @cached_property
    def title_token_string(self) -> str:
        """The words of the title in a row, spaces around each."""
        return _token_string(self.title_words)

    @cached_property
    def body_token_string(self) -> str:
        """The words of the text likewise."""
        return _token_string(self.body_words)

    @cached_property
    def names(self) -> tuple[tuple[str, ...], ...]:
        """The tokens of outlet, author and tags."""
        article = self.article
        return tuple(article_name_tokens(article.outlet, article.author, article.tags))

    @cached_property
    def match_keys(self) -> dict[KeyKind, frozenset[str]]:
        """All that keys can name."""
        return {
            KeyKind.STEM: self.stems,
            KeyKind.WORD: frozenset(self.title_words).union(self.body_words),
            KeyKind.NAME: frozenset().union(*self.names),
        }


def matches(part: Clause, article: AnalysedArticle) -> bool:
    """Whether a part of a query is true of an article; dates and bookmarks are no parts here."""
    match part:  # by class alone: a pattern with fields takes twice the time
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
    """As the last token of several is all in one, a row never ends with it."""
    count = len(tokens)
    return any(name[start : start + count] == tokens for start in range(len(name) - count))


def cheapest_keys(part: Clause, cost: KeyFrequency) -> frozenset[MatchKey]:
    """The cheapest keys of which every article has one that this holds of; empty where there are none."""
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
    """The languages that a query's words may be of, for an article in a language."""
    asked = text_analysis.QUERY_LANGUAGES
    is_other = article_language in text_analysis.STEMMER_LANGUAGES and article_language not in asked
    return (*asked, article_language) if is_other and article_language else asked


def matchable_clause(
    query: Query, languages: tuple[str, ...] = text_analysis.QUERY_LANGUAGES
) -> Clause | None:
    """What a query asks of an article; None where that is nothing."""
    return _without_undecidable(AllClauses(analyse_query(query.nodes, languages).clauses))


def _without_undecidable(part: Clause) -> Clause | None:
    """As much of a part of a query as an article can tell; None of what none can, or what is true of all."""
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
