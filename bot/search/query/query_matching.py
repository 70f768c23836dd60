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
from bot.search.index import analysis
from bot.search.query.analysed_query import (
    Every,
    Name,
    Part,
    Row,
    Some,
    Stems,
    Without,
    analysed,
    one_of,
    without,
)  # fmt: skip
from bot.search.query.article_names import names_of
from bot.search.query.filter_names import Filter
from bot.search.query.query_tree import Condition, Query

READ = 200_000  # characters of a text


class Kind(Enum):
    """What a key is."""

    STEM = "stem"  # one of `analysis.stems` of title or text
    WORD = "word"  # one of `analysis.words`
    NAME = "name"  # one of `article_names`


class Key(NamedTuple):
    """Something that an article has."""

    kind: Kind
    value: str


Cost = Callable[[Key], int]
"""How many articles have a key, about."""


class ReadArticle:
    """An article as queries read it: each part is made when one first asks for it."""

    def __init__(self, article: Article | NewArticle) -> None:
        self.article = article

    def whole(self) -> ReadArticle:
        """The same with everything made."""
        _ = self.stems, self.title_line, self.body_line, self.names
        return self

    @cached_property
    def title_stems(self) -> frozenset[str]:
        """The stems of the title."""
        return frozenset(analysis.stems(self.article.title, self.article.language))

    @cached_property
    def stems(self) -> frozenset[str]:
        """The stems of title and text."""
        return self.title_stems.union(analysis.stems(self.article.body[:READ], self.article.language))

    @cached_property
    def title_words(self) -> list[str]:
        """The words of the title."""
        return analysis.words(self.article.title)

    @cached_property
    def body_words(self) -> list[str]:
        """The words of the text."""
        return analysis.words(self.article.body[:READ])

    @cached_property
    def title_line(self) -> str:
        """The words of the title in a row, spaces around each."""
        return _line(self.title_words)

    @cached_property
    def body_line(self) -> str:
        """The words of the text likewise."""
        return _line(self.body_words)

    @cached_property
    def names(self) -> tuple[tuple[str, ...], ...]:
        """The tokens of outlet, author and tags."""
        article = self.article
        return tuple(names_of(article.outlet, article.author, article.tags))

    @cached_property
    def values(self) -> dict[Kind, frozenset[str]]:
        """All that keys can name."""
        return {
            Kind.STEM: self.stems,
            Kind.WORD: frozenset(self.title_words).union(self.body_words),
            Kind.NAME: frozenset().union(*self.names),
        }


def holds(part: Part, article: ReadArticle) -> bool:
    """Whether a part of a query is true of an article; dates and bookmarks are no parts here."""
    match part:  # by class alone: a pattern with fields takes twice the time
        case Stems():
            found = not part.stems.isdisjoint(article.title_stems if part.title else article.stems)
        case Every():
            found = all(holds(inner, article) for inner in part.parts)
        case Some():
            found = any(holds(inner, article) for inner in part.parts)
        case Row():
            row = _line(part.words)
            found = row in article.title_line or (not part.title and row in article.body_line)
        case Name():
            found = any(part.whole in name or _is_in_a_row(part.tokens, name) for name in article.names)
        case Without():
            found = not holds(part.part, article)
        case Condition():
            of = article.article
            found = bool(of.image) if part.filter is Filter.IMAGE else of.language == part.value
    return found


def _is_in_a_row(tokens: tuple[str, ...], name: tuple[str, ...]) -> bool:
    """As the last token of several is all in one, a row never ends with it."""
    count = len(tokens)
    return any(name[start : start + count] == tokens for start in range(len(name) - count))


def keys_of(part: Part, cost: Cost) -> frozenset[Key]:
    """The cheapest keys of which every article has one that this holds of; empty where there are none."""
    match part:
        case Stems(stems):
            found = frozenset(Key(Kind.STEM, stem) for stem in stems)
        case Row(words):
            found = frozenset((min((Key(Kind.WORD, word) for word in words), key=cost),))
        case Name(tokens, whole):
            rarest = min((Key(Kind.NAME, token) for token in tokens), key=cost)
            found = frozenset((rarest, Key(Kind.NAME, whole)))
        case Every(parts):
            each = filter(None, (keys_of(inner, cost) for inner in parts))
            found = min(each, key=lambda chosen: sum(map(cost, chosen)), default=frozenset())
        case Some(parts):
            every = [keys_of(inner, cost) for inner in parts]
            found = frozenset().union(*every) if all(every) else frozenset()
        case _:
            found = frozenset()
    return found


def languages_of(article_language: str | None) -> tuple[str, ...]:
    """The languages that a query's words may be of, for an article in a language."""
    asked = analysis.ASKED_IN
    is_other = article_language in analysis.LANGUAGES and article_language not in asked
    return (*asked, article_language) if is_other and article_language else asked


def criterion_of(query: Query, languages: tuple[str, ...] = analysis.ASKED_IN) -> Part | None:
    """What a query asks of an article; None where that is nothing."""
    return _told(Every(analysed(query.nodes, languages).parts))


def _told(part: Part) -> Part | None:
    """As much of a part of a query as an article can tell; None of what none can, or what is true of all."""
    match part:
        case Condition(filter=Filter.SINCE | Filter.BEFORE | Filter.BOOKMARKED):
            return None
        case Without(inner):
            return without(_told(inner))
        case Every(parts):
            return one_of(Every, filter(None, map(_told, parts)))
        case Some(parts):
            told = tuple(found for inner in parts if (found := _told(inner)))
            return Some(told) if len(told) == len(parts) else None
        case _:
            return part


def _line(words: Sequence[str]) -> str:
    return f" {' '.join(words)} "
