"""Which of many queries an article matches, without looking at those that it cannot match.

A query is found by a few index terms of which every article that it matches has one; the rarest that there
are. An article looks up its own terms, so that it costs the more the more queries share one with it, however
many others there are. What is found so is then held against the article, as the index itself would do it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from bot.core.models import Article, NewArticle
from bot.search.phrase_matching import InWords
from bot.search.query_plan import plan
from bot.search.query_syntax import Node, Query
from bot.store.sqlite.search_index import EVERYTHING, All, Any, Column, Except, Near, Terms, Wanted
from bot.text.terms import HAS_IMAGE, meta_tokens, stems

Token = tuple[str, str]
"""A term and where it stands: the FTS5 name of a column, that of text or that of meta."""

_NAMES = ("o", "a", "t")  # first letters of the tokens of outlets, authors and tags


@dataclass(frozen=True, slots=True)
class Sought:
    """What a query asks of an article: of its terms, and of its very words."""

    wanted: Wanted
    needs: tuple[frozenset[Token], ...]
    """Terms of each of which an article must have one,"""
    never: frozenset[Token]
    """and those of which it must have none."""
    rest: tuple[Wanted, ...]
    """What is asked of their places,"""
    exact: tuple[Node, ...]
    """and of the words themselves."""

    @classmethod
    def of(cls, query: Query) -> Sought | None:
        """What a query asks; None when it asks for nothing. Dates and bookmarks are left out."""
        asked = plan(query, feed_ids=None, person_id=None)
        wanted = asked.required((*asked.words, *asked.texts))
        if wanted is None:
            if not asked.exact:
                return None
            wanted = EVERYTHING
        held, never, rest = wanted, frozenset[Token](), list[Wanted]()
        if isinstance(wanted, Except) and (unwanted := _any_of(wanted.unwanted)) is not None:
            held, never = wanted.wanted, unwanted
        needs = []
        for part in held.parts if isinstance(held, All) else (held,):
            needed = _any_of(part)
            if needed is None:
                needed = keys(part, _same)
                rest.append(part)
            needs.append(needed)
        return cls(wanted, tuple(filter(None, needs)), never, tuple(rest), tuple(asked.exact))


def _any_of(wanted: Wanted) -> frozenset[Token] | None:
    """The terms one of which is all that is asked; None where it is more."""
    if isinstance(wanted, Terms):
        whole = len(wanted.terms) == 1 and not wanted.prefix and wanted.column is not Column.TITLE
        return frozenset({(_place(wanted.column), wanted.terms[0])}) if whole else None
    if not isinstance(wanted, Any):
        return None
    parts = [_any_of(part) for part in wanted.parts]
    return None if None in parts else frozenset().union(*filter(None, parts))


def _same(_token: Token) -> int:
    return 0


def keys(wanted: Wanted, cost: Callable[[Token], int]) -> frozenset[Token]:
    """Terms of which every article has one that holds `wanted`, the cheapest; empty where there are none."""
    match wanted:
        case Terms(terms, column, prefix):
            whole = terms[:-1] if prefix else terms
            return frozenset(sorted(((_place(column), term) for term in whole), key=cost)[:1])
        case Near(terms, _, column):
            return frozenset(sorted(((_place(column), term) for term in terms), key=cost)[:1])
        case Except(inner, _):
            return keys(inner, cost)
        case All(parts):
            found = [chosen for part in parts if (chosen := keys(part, cost))]
            return min(found, key=lambda chosen: sum(map(cost, chosen)), default=frozenset())
        case Any(parts):
            each = [keys(part, cost) for part in parts]
            return frozenset().union(*each) if all(each) else frozenset()


def tokens(wanted: Wanted) -> Iterator[Token]:
    """All terms that `keys` may choose from."""
    match wanted:
        case Terms(terms, column, _) | Near(terms, _, column):
            yield from ((_place(column), term) for term in terms)
        case Except(inner, _):
            yield from tokens(inner)
        case All(parts) | Any(parts):
            for part in parts:
                yield from tokens(part)


def is_text(token: Token) -> bool:
    """Whether it is a word of title or text."""
    return token[0] == Column.TEXT


def is_name(token: Token) -> bool:
    """Whether it is an outlet's, an author's or a tag's."""
    return not is_text(token) and token[1] != HAS_IMAGE and token[1].startswith(_NAMES)


def _place(column: Column) -> str:
    return str(Column.META if column is Column.META else Column.TEXT)


class Held:
    """An article that queries are held against; one that is about to be kept has its terms already."""

    def __init__(self, article: Article | NewArticle) -> None:
        self.article = article
        self._columns = _columns_of(article)

    @cached_property
    def tokens(self) -> set[Token]:
        """The terms that it is found by."""
        text = {*self._columns[Column.TITLE], *self._columns[Column.TEXT]}
        return {
            *((str(Column.TEXT), term) for term in text),
            *((str(Column.META), term) for term in self._columns[Column.META]),
        }

    def matches(self, sought: Sought) -> bool:
        """Whether a search for this would find it with all its words."""
        has_none_of = self.tokens.isdisjoint
        for needed in sought.needs:
            if has_none_of(needed):
                return False
        return (
            has_none_of(sought.never)
            and all(map(self._holds, sought.rest))
            and (not sought.exact or all(map(self._words.holds, sought.exact)))
        )

    @cached_property
    def _words(self) -> InWords:
        return InWords(self.article)

    @cached_property
    def _places(self) -> dict[Column, dict[str, list[int]]]:
        """Where each term stands, by column."""
        found: dict[Column, dict[str, list[int]]] = {}
        for column, terms in self._columns.items():
            places: dict[str, list[int]] = found.setdefault(column, {})
            for place, term in enumerate(terms):
                places.setdefault(term, []).append(place)
        return found

    def _holds(self, wanted: Wanted) -> bool:
        match wanted:
            case Terms(terms, column, prefix):
                return any(self._in_a_row(terms, one, prefix=prefix) for one in _columns(column))
            case Near(terms, between, column):
                return any(self._near(terms, between, one) for one in _columns(column))
            case Except(inner, unwanted):
                return self._holds(inner) and not self._holds(unwanted)
            case All(parts):
                return all(map(self._holds, parts))
            case Any(parts):
                return any(map(self._holds, parts))

    def _in_a_row(self, terms: tuple[str, ...], column: Column, *, prefix: bool) -> bool:
        places = self._places[column]
        *whole, last = terms
        if prefix:
            last_places = {place for term in places if term.startswith(last) for place in places[term]}
        else:
            last_places = set(places.get(last, ()))
        if not whole:
            return bool(last_places)
        rest = [set(places.get(term, ())) for term in whole]
        return any(
            all(place - len(whole) + number in those for number, those in enumerate(rest))
            for place in last_places
        )

    def _near(self, terms: tuple[str, ...], between: int, column: Column) -> bool:
        """As https://www.sqlite.org/fts5.html, "NEAR queries": from the first to the last of them."""
        places = [self._places[column].get(term, []) for term in terms]
        if not all(places):
            return False
        for first in sorted({place for those in places for place in those}):
            # The nearest of each from there on: the window that ends first.
            nearest = [bisect_left(those, first) for those in places]
            if any(number == len(those) for number, those in zip(nearest, places, strict=True)):
                return False
            end = max(those[number] for number, those in zip(nearest, places, strict=True))
            if end - first - 1 <= between:
                return True
        return False


def _columns_of(article: Article | NewArticle) -> dict[Column, list[str]]:
    """The terms of an article as the index has them, but for pairs, which no watch is found by."""
    if isinstance(article, NewArticle):
        return {
            Column.TITLE: article.title_terms.split(),
            Column.TEXT: article.body_terms.split(),
            Column.META: article.meta_terms.split(),
        }
    return {
        Column.TITLE: stems(article.title, article.language),
        Column.TEXT: stems(article.body, article.language),
        Column.META: meta_tokens(
            language=article.language,
            feed_id=article.feed_id,
            outlet=article.outlet,
            author=article.author,
            tags=article.tags,
            published=article.published,
            image=article.image,
        ),
    }


def _columns(column: Column) -> tuple[Column, ...]:
    """The columns of `Held` that a column of the index stands for."""
    return (Column.TITLE, Column.TEXT) if column is Column.TEXT else (column,)


@dataclass(slots=True, eq=False)
class _Group:
    """Watches for the very same; `members` are the servers by watch."""

    sought: Sought
    tokens: frozenset[Token]
    members: dict[int, int] = field(default_factory=dict)


class Matcher:
    """Queries in memory, by the terms that they are found by."""

    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}
        self._by_token: dict[Token, list[_Group]] = {}
        self._queries: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._queries)

    def add(
        self, watch_id: int, server_id: int, query: str, sought: Sought, cost: Callable[[Token], int]
    ) -> None:
        """Look out for a query on behalf of a watch. `cost` says how many articles have a term."""
        group = self._groups.get(query)
        if group is None:
            group = self._groups[query] = _Group(sought, keys(sought.wanted, cost))
            for token in group.tokens:
                self._by_token.setdefault(token, []).append(group)
        group.members[watch_id] = server_id
        self._queries[watch_id] = query

    def discard(self, watch_ids: Iterable[int]) -> None:
        """Forget watches."""
        for watch_id in watch_ids:
            query = self._queries.pop(watch_id, None)
            if query is not None:
                group = self._groups[query]
                del group.members[watch_id]
                if not group.members:
                    del self._groups[query]
                    for token in group.tokens:
                        self._by_token[token] = [one for one in self._by_token[token] if one is not group]

    def matching(self, article: Article | NewArticle, server_ids: frozenset[int]) -> list[int]:
        """The watches of these servers that an article matches, in their order."""
        held = Held(article)
        by_token = self._by_token
        possible = {group for token in held.tokens & by_token.keys() for group in by_token[token]}
        found: list[int] = []
        for group in possible:
            if not server_ids.isdisjoint(group.members.values()) and held.matches(group.sought):
                found += [watch for watch, server in group.members.items() if server in server_ids]
        return sorted(found)
