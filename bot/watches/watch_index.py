"""Index of watches, which finds those that an article matches without evaluating all of them.

Each query is stored under its rarest keys, of which every matching article has at least one. An article looks
up its own keys, so the cost depends on how many queries share one of them, not on the number of queries. The
candidates are then evaluated.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from bot.core.models import Article, NewArticle
from bot.search.index import text_analysis
from bot.search.query.analysed_query import Clause
from bot.search.query.query_matching import (
    AnalysedArticle,
    KeyFrequency,
    KeyKind,
    MatchKey,
    cheapest_keys,
    matchable_clause,
    matches,
    query_languages_for,
)
from bot.search.query.query_tree import Query


@dataclass(slots=True, eq=False)
class _QueryGroup:
    """Watches with the same query: the server of each watch, and the clause and keys by languages."""

    query: Query
    server_by_watch_id: dict[int, int] = field(default_factory=dict)
    clauses_by_languages: dict[tuple[str, ...], tuple[Clause, frozenset[MatchKey]]] = field(
        default_factory=dict
    )


class _KeyIndex:
    """Query groups by key, for articles that are matched in these languages."""

    def __init__(self, languages: tuple[str, ...]) -> None:
        self._languages = languages
        self._groups: dict[KeyKind, defaultdict[str, list[_QueryGroup]]] = {
            kind: defaultdict(list) for kind in KeyKind
        }

    def add(self, group: _QueryGroup, cost: KeyFrequency) -> None:
        wanted = matchable_clause(group.query, self._languages)
        if wanted is not None and (keys := cheapest_keys(wanted, cost)):
            group.clauses_by_languages[self._languages] = wanted, keys
            for kind, value in keys:
                self._groups[kind][value].append(group)

    def remove(self, group: _QueryGroup) -> None:
        _wanted, keys = group.clauses_by_languages.pop(self._languages, (None, frozenset[MatchKey]()))
        for kind, value in keys:
            groups = self._groups[kind]
            groups[value] = [one for one in groups[value] if one is not group]
            if not groups[value]:
                del groups[value]

    def matching(self, article: AnalysedArticle) -> Iterator[_QueryGroup]:
        possible = {
            group
            for kind, values in article.match_keys.items()
            for value in self._groups[kind].keys() & values
            for group in self._groups[kind][value]
        }
        of = self._languages
        return (group for group in possible if matches(group.clauses_by_languages[of][0], article))


class WatchIndex:
    """Queries of watches in memory. `get_frequency` returns how frequent a key is."""

    def __init__(self, cost: KeyFrequency) -> None:
        self._frequency = cost
        self._groups: dict[str, _QueryGroup] = {}
        self._queries: dict[int, str] = {}
        self._keys: dict[tuple[str, ...], _KeyIndex] = {
            text_analysis.QUERY_LANGUAGES: _KeyIndex(text_analysis.QUERY_LANGUAGES)
        }

    def __len__(self) -> int:
        return len(self._queries)

    def add(self, watch_id: int, server_id: int, query: Query) -> None:
        """Add a watch."""
        group = self._groups.get(query.text)
        if group is None:
            group = self._groups[query.text] = _QueryGroup(query)
            for keys in self._keys.values():
                keys.add(group, self._frequency)
        group.server_by_watch_id[watch_id] = server_id
        self._queries[watch_id] = query.text

    def discard(self, watch_ids: Iterable[int]) -> None:
        """Remove watches; unknown ids are ignored."""
        for watch_id in watch_ids:
            text = self._queries.pop(watch_id, None)
            if text is not None:
                group = self._groups[text]
                del group.server_by_watch_id[watch_id]
                if not group.server_by_watch_id:
                    del self._groups[text]
                    for keys in self._keys.values():
                        keys.remove(group)

    def matching(self, article: Article | NewArticle, server_ids: frozenset[int]) -> list[int]:
        """Return the ids of these servers' watches that an article matches, ascending."""
        found: list[int] = []
        for group in self._index_for(article.language).matching(AnalysedArticle(article)):
            found += [watch for watch, server in group.server_by_watch_id.items() if server in server_ids]
        return sorted(found)

    def _index_for(self, language: str | None) -> _KeyIndex:
        """Return the index for articles in a language, building it on first use."""
        languages = query_languages_for(language)
        keys = self._keys.get(languages)
        if keys is None:
            keys = self._keys[languages] = _KeyIndex(languages)
            for group in self._groups.values():
                keys.add(group, self._frequency)
        return keys
