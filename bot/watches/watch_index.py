"""Index of watches, by which an article finds the watches it matches without evaluating all of them.

A key is a stem, word or name of an article. Each query is stored under its rarest keys, of which every matching
article has at least one. An article looks up its own keys, so the cost depends on how many queries share a key,
not on the number of queries. The queries found are then evaluated.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from bot.core.models import Article, NewArticle
from bot.search.index import text_analysis
from bot.search.query.analysed_query import Clause
from bot.search.query.query_matching import (
    AnalysedArticle,
    KeyCost,
    KeyKind,
    MatchKey,
    build_matchable_clause,
    matches_clause,
    select_cheapest_keys,
    select_query_languages,
)
from bot.search.query.query_tree import Query


@dataclass(slots=True, eq=False)
class _QueryGroup:
    """Saved searches (watches) with equal queries: their server ids, and the query's clause and keys by languages."""

    query: Query
    server_id_by_watch_id: dict[int, int] = field(default_factory=dict)
    clause_and_keys_by_languages: dict[tuple[str, ...], tuple[Clause, frozenset[MatchKey]]] = field(
        default_factory=dict
    )


class _KeyIndex:
    """Index of saved searches by the words (keys) of articles, which are analysed in the given languages."""

    def __init__(self, languages: tuple[str, ...]) -> None:
        self._languages = languages
        self._groups_by_key_text_by_kind: dict[KeyKind, defaultdict[str, list[_QueryGroup]]] = {
            kind: defaultdict(list) for kind in KeyKind
        }

    def add(self, group: _QueryGroup, get_key_frequency: KeyCost) -> None:
        clause = build_matchable_clause(group.query, self._languages)
        if clause is not None and (match_keys := select_cheapest_keys(clause, get_key_frequency)):
            group.clause_and_keys_by_languages[self._languages] = clause, match_keys
            for key_kind, key_text in match_keys:
                self._groups_by_key_text_by_kind[key_kind][key_text].append(group)

    def remove(self, group: _QueryGroup) -> None:
        _removed_clause, match_keys = group.clause_and_keys_by_languages.pop(
            self._languages, (None, frozenset[MatchKey]())
        )
        for key_kind, key_text in match_keys:
            groups_by_key_text = self._groups_by_key_text_by_kind[key_kind]
            groups_by_key_text[key_text] = [
                other_group for other_group in groups_by_key_text[key_text] if other_group is not group
            ]
            if not groups_by_key_text[key_text]:
                del groups_by_key_text[key_text]

    def iter_matching(self, article: AnalysedArticle) -> Iterator[_QueryGroup]:
        candidate_groups = {
            group
            for kind, key_texts in article.match_keys.items()
            for key_text in self._groups_by_key_text_by_kind[kind].keys() & key_texts
            for group in self._groups_by_key_text_by_kind[kind][key_text]
        }
        languages = self._languages
        return (
            group
            for group in candidate_groups
            if matches_clause(group.clause_and_keys_by_languages[languages][0], article)
        )


class WatchIndex:
    """Index in memory of the queries of watches (saved searches).

    `get_key_frequency` returns the number of sampled articles that have a key (a stem, word or name).
    """

    def __init__(self, get_key_frequency: KeyCost) -> None:
        self._get_key_frequency = get_key_frequency
        self._group_by_query_text: dict[str, _QueryGroup] = {}
        self._query_text_by_watch_id: dict[int, str] = {}
        self._key_index_by_languages: dict[tuple[str, ...], _KeyIndex] = {
            text_analysis.QUERY_LANGUAGES: _KeyIndex(text_analysis.QUERY_LANGUAGES)
        }

    def __len__(self) -> int:
        return len(self._query_text_by_watch_id)

    def add_watch(self, watch_id: int, server_id: int, query: Query) -> None:
        """Add a watch (saved search) to the index of watches."""
        group = self._group_by_query_text.get(query.text)
        if group is None:
            group = self._group_by_query_text[query.text] = _QueryGroup(query)
            for key_index in self._key_index_by_languages.values():
                key_index.add(group, self._get_key_frequency)
        group.server_id_by_watch_id[watch_id] = server_id
        self._query_text_by_watch_id[watch_id] = query.text

    def discard_watches(self, watch_ids: Iterable[int]) -> None:
        """Remove watches from the index by id; unknown ids are ignored."""
        for watch_id in watch_ids:
            query_text = self._query_text_by_watch_id.pop(watch_id, None)
            if query_text is not None:
                group = self._group_by_query_text[query_text]
                del group.server_id_by_watch_id[watch_id]
                if not group.server_id_by_watch_id:
                    del self._group_by_query_text[query_text]
                    for key_index in self._key_index_by_languages.values():
                        key_index.remove(group)

    def find_matching(self, article: Article | NewArticle, server_ids: frozenset[int]) -> list[int]:
        """Return the ids, ascending, of the watches of these servers that match an article."""
        watch_ids: list[int] = []
        for group in self._get_key_index(article.language).iter_matching(AnalysedArticle(article)):
            watch_ids += [
                watch_id for watch_id, server_id in group.server_id_by_watch_id.items() if server_id in server_ids
            ]
        return sorted(watch_ids)

    def _get_key_index(self, language: str | None) -> _KeyIndex:
        """Return the index of watches by words, for articles in a language; it is built on first use."""
        languages = select_query_languages(language)
        key_index = self._key_index_by_languages.get(languages)
        if key_index is None:
            key_index = self._key_index_by_languages[languages] = _KeyIndex(languages)
            for group in self._group_by_query_text.values():
                key_index.add(group, self._get_key_frequency)
        return key_index
