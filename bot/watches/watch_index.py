"""Which of many queries an article matches, without looking at those that it cannot match.

A query is found by a few keys of which every article that it matches has one; the rarest that there are. An
article looks up its own, so that it costs the more the more queries share one with it, however many others
there are. What is found so is then held against the article.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from bot.core.models import Article, NewArticle
from bot.search.index import analysis
from bot.search.query.analysed_query import Part
from bot.search.query.query_matching import (
    Cost,
    Key,
    Kind,
    ReadArticle,
    criterion_of,
    holds,
    keys_of,
    languages_of,
)
from bot.search.query.query_tree import Query


@dataclass(slots=True, eq=False)
class _Group:
    """Watches for the very same; `members` are the servers by watch, `criteria` those made, by languages."""

    query: Query
    members: dict[int, int] = field(default_factory=dict)
    criteria: dict[tuple[str, ...], tuple[Part, frozenset[Key]]] = field(default_factory=dict)


class _Keys:
    """Where the queries are found, for articles whose words are read by these languages."""

    def __init__(self, languages: tuple[str, ...]) -> None:
        self._languages = languages
        self._groups: dict[Kind, defaultdict[str, list[_Group]]] = {kind: defaultdict(list) for kind in Kind}

    def add(self, group: _Group, cost: Cost) -> None:
        wanted = criterion_of(group.query, self._languages)
        if wanted is not None and (keys := keys_of(wanted, cost)):
            group.criteria[self._languages] = wanted, keys
            for kind, value in keys:
                self._groups[kind][value].append(group)

    def remove(self, group: _Group) -> None:
        _wanted, keys = group.criteria.pop(self._languages, (None, frozenset[Key]()))
        for kind, value in keys:
            groups = self._groups[kind]
            groups[value] = [one for one in groups[value] if one is not group]
            if not groups[value]:
                del groups[value]

    def matching(self, article: ReadArticle) -> Iterator[_Group]:
        possible = {
            group
            for kind, values in article.values.items()
            for value in self._groups[kind].keys() & values
            for group in self._groups[kind][value]
        }
        of = self._languages
        return (group for group in possible if holds(group.criteria[of][0], article))


class WatchIndex:
    """Queries in memory, by the keys that they are found by. `cost` tells how common a key is."""

    def __init__(self, cost: Cost) -> None:
        self._cost = cost
        self._groups: dict[str, _Group] = {}
        self._queries: dict[int, str] = {}
        self._keys: dict[tuple[str, ...], _Keys] = {analysis.ASKED_IN: _Keys(analysis.ASKED_IN)}

    def __len__(self) -> int:
        return len(self._queries)

    def add(self, watch_id: int, server_id: int, query: Query) -> None:
        """Look out for a query on behalf of a watch."""
        group = self._groups.get(query.text)
        if group is None:
            group = self._groups[query.text] = _Group(query)
            for keys in self._keys.values():
                keys.add(group, self._cost)
        group.members[watch_id] = server_id
        self._queries[watch_id] = query.text

    def discard(self, watch_ids: Iterable[int]) -> None:
        """Forget watches."""
        for watch_id in watch_ids:
            text = self._queries.pop(watch_id, None)
            if text is not None:
                group = self._groups[text]
                del group.members[watch_id]
                if not group.members:
                    del self._groups[text]
                    for keys in self._keys.values():
                        keys.remove(group)

    def matching(self, article: Article | NewArticle, server_ids: frozenset[int]) -> list[int]:
        """The watches of these servers that an article matches, in their order."""
        found: list[int] = []
        for group in self._of(article.language).matching(ReadArticle(article)):
            found += [watch for watch, server in group.members.items() if server in server_ids]
        return sorted(found)

    def _of(self, language: str | None) -> _Keys:
        """What the articles of a language are looked up in; made when the first of them comes."""
        languages = languages_of(language)
        keys = self._keys.get(languages)
        if keys is None:
            keys = self._keys[languages] = _Keys(languages)
            for group in self._groups.values():
                keys.add(group, self._cost)
        return keys
