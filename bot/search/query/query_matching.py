"""Whether an article matches a query, told in memory from the article alone, as the index would tell it.

A query becomes a criterion, and an article is read once for all of them. A phrase is always required here.
Dates and bookmarks, which no article that is about to be kept can tell, are taken for true.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import NamedTuple

from bot.core.models import Article, NewArticle
from bot.search.index import analysis
from bot.search.query.analysed_query import Every, Name, Part, Row, Some, Stems, Without, analysed
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
    """An article as criteria read it: each part is made when one first asks for it."""

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


class Criterion(ABC):
    """What is asked of an article."""

    @abstractmethod
    def holds(self, article: ReadArticle) -> bool:
        """Whether it is true of an article."""

    def keys(self, cost: Cost) -> frozenset[Key]:  # noqa: ARG002 - what some need
        """The cheapest keys of which every article has one that this holds of; empty where there are none."""
        return frozenset()


@dataclass(frozen=True, slots=True)
class _Stem(Criterion):
    """A word in any of its inflections."""

    stems: frozenset[str]
    title: bool

    def holds(self, article: ReadArticle) -> bool:
        return not self.stems.isdisjoint(article.title_stems if self.title else article.stems)

    def keys(self, cost: Cost) -> frozenset[Key]:  # noqa: ARG002 - an article may have any
        return frozenset(Key(Kind.STEM, stem) for stem in self.stems)


@dataclass(frozen=True, slots=True)
class _Row(Criterion):
    """Words as they stand, in a row."""

    words: tuple[str, ...]
    line: str
    title: bool

    def holds(self, article: ReadArticle) -> bool:
        return self.line in article.title_line or (not self.title and self.line in article.body_line)

    def keys(self, cost: Cost) -> frozenset[Key]:
        return frozenset((min((Key(Kind.WORD, word) for word in self.words), key=cost),))


@dataclass(frozen=True, slots=True)
class _Name(Criterion):
    """A name that has these words in a row, or is all of them in one; `whole` is that one."""

    words: tuple[str, ...]
    whole: str

    def holds(self, article: ReadArticle) -> bool:
        return any(self.whole in name or self._in_a_row(name) for name in article.names)

    def _in_a_row(self, name: tuple[str, ...]) -> bool:
        """As the last token of several is all in one, a row never ends with it."""
        count = len(self.words)
        return any(name[start : start + count] == self.words for start in range(len(name) - count))

    def keys(self, cost: Cost) -> frozenset[Key]:
        rarest = min((Key(Kind.NAME, word) for word in self.words), key=cost)
        return frozenset((rarest, Key(Kind.NAME, self.whole)))


@dataclass(frozen=True, slots=True)
class _Language(Criterion):
    code: str

    def holds(self, article: ReadArticle) -> bool:
        return article.article.language == self.code


class _Image(Criterion):
    def holds(self, article: ReadArticle) -> bool:
        return bool(article.article.image)


@dataclass(frozen=True, slots=True)
class _Opposite(Criterion):
    criterion: Criterion

    def holds(self, article: ReadArticle) -> bool:
        return not self.criterion.holds(article)


@dataclass(frozen=True, slots=True)
class _All(Criterion):
    parts: tuple[Criterion, ...]

    def holds(self, article: ReadArticle) -> bool:
        return all(part.holds(article) for part in self.parts)

    def keys(self, cost: Cost) -> frozenset[Key]:
        found = filter(None, (part.keys(cost) for part in self.parts))
        return min(found, key=lambda chosen: sum(map(cost, chosen)), default=frozenset())


@dataclass(frozen=True, slots=True)
class _Any(Criterion):
    parts: tuple[Criterion, ...]

    def holds(self, article: ReadArticle) -> bool:
        return any(part.holds(article) for part in self.parts)

    def keys(self, cost: Cost) -> frozenset[Key]:
        each = [part.keys(cost) for part in self.parts]
        return frozenset().union(*each) if all(each) else frozenset()


def languages_of(article_language: str | None) -> tuple[str, ...]:
    """The languages that a query's words may be of, for an article in a language."""
    asked = analysis.ASKED_IN
    is_other = article_language in analysis.LANGUAGES and article_language not in asked
    return (*asked, article_language) if is_other and article_language else asked


def criterion_of(query: Query, languages: tuple[str, ...] = analysis.ASKED_IN) -> Criterion | None:
    """What a query asks of an article; None where that is nothing."""
    return _every(analysed(query.nodes, languages).parts)


def _every(parts: Iterable[Part]) -> Criterion | None:
    criteria = tuple(made for part in parts if (made := _criterion(part)) is not None)
    return _All(criteria) if len(criteria) > 1 else criteria[0] if criteria else None


def _criterion(part: Part) -> Criterion | None:
    """What a part of a query asks; None of what no article can tell."""
    made: Criterion | None = None
    match part:
        case Stems(stems, title):
            made = _Stem(stems, title)
        case Row(words, title):
            made = _Row(words, _line(words), title)
        case Name(tokens, whole):
            made = _Name(tokens, whole)
        case Condition(filter=filter_, value=value):
            made = {Filter.LANGUAGE: _Language(str(value)), Filter.IMAGE: _Image()}.get(filter_)
        case Without(inner):
            made = _opposite(_criterion(inner))
        case Every(parts):
            made = _every(parts)
        case Some(parts):
            made = _some([_criterion(inner) for inner in parts])
    return made


def _opposite(criterion: Criterion | None) -> Criterion | None:
    return None if criterion is None else _Opposite(criterion)


def _some(criteria: Sequence[Criterion | None]) -> Criterion | None:
    """One of these; None where one of them is true of everything."""
    told = tuple(made for made in criteria if made is not None)
    return _Any(told) if len(told) == len(criteria) else None


def _line(words: Sequence[str]) -> str:
    return f" {' '.join(words)} "
