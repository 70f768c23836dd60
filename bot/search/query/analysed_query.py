"""Analysis of a query tree into clauses over index terms, shared by the engine and the in-memory matcher.

Stop words are dropped if the query has anything else; otherwise they are searched for as exact words.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from bot.search.index import text_analysis
from bot.search.query.name_tokens import TOKEN_PREFIX_BY_FILTER, tokenize_name
from bot.search.query.query_tree import (
    AllOf,
    AnyOf,
    FieldFilter,
    Leaf,
    Node,
    Not,
    Phrase,
    Word,
    combine_nodes,
    iter_leaves,
    map_tree,
)

_MIN_WORD_PART_LENGTH = 3
"""Minimum length in characters of the parts of a compound word ("on-line").

A compound word with a shorter part is treated as a phrase ("AT&T").
"""


@dataclass(frozen=True, slots=True)
class TermClause:
    """Clause for a word in any inflection: an article matches with any of these index terms.

    `word` is the token of the word as it was typed.
    """

    stems: frozenset[str]
    is_title_only: bool = False
    word: str = ""


@dataclass(frozen=True, slots=True)
class PhraseClause:
    """Clause for consecutive, unstemmed words."""

    words: tuple[str, ...]
    is_title_only: bool = False


@dataclass(frozen=True, slots=True)
class NameClause:
    """Clause for the name of an outlet, author or tag.

    A name matches if it contains `tokens` consecutively, or `joined_token`, their spelling as one word
    ("lemonde").
    """

    tokens: tuple[str, ...]
    joined_token: str


ClauseLeaf = TermClause | PhraseClause | NameClause | FieldFilter
"""Leaf of the tree of an analysed query: a word, phrase, name or filter."""
Clause = ClauseLeaf | Not["Clause"] | AllOf["Clause"] | AnyOf["Clause"]
"""Node of the tree of an analysed query: a leaf, or the negation, conjunction or disjunction of nodes."""


class AnalysedQuery(NamedTuple):
    """Analysis of a query: its clauses, all of which must match, and the stop words that were dropped."""

    clauses: tuple[Clause, ...]
    dropped_stop_words: frozenset[str]


def analyse_query(nodes: Iterable[Node], languages: tuple[str, ...] = text_analysis.QUERY_LANGUAGES) -> AnalysedQuery:
    """Return the analysis of query nodes that must all match.

    `languages` are the ISO 639-1 codes of the languages that the words may be in.
    """
    nodes = tuple(nodes)
    analyser = _Analyser(nodes, languages)
    return AnalysedQuery(
        tuple(analyser.analyse_nodes(nodes)),
        analyser.stop_words if analyser.drops_stop_words else frozenset(),
    )


def find_only_stop_words(nodes: Collection[Node]) -> tuple[str, ...]:
    """Return the words of a query that consists only of stop words, or an empty tuple for any other query."""
    if _Analyser(nodes, text_analysis.QUERY_LANGUAGES).drops_stop_words:
        return ()
    return tuple(dict.fromkeys(leaf.text for leaf in iter_leaves(nodes) if isinstance(leaf, Word)))


class _Analyser:
    """Analyser of the nodes of one query, which knows the query's stop words."""

    def __init__(self, nodes: Collection[Node], languages: tuple[str, ...]) -> None:
        self._languages = languages
        leaf_nodes = list(iter_leaves(nodes))
        texts = [leaf.text for leaf in leaf_nodes if isinstance(leaf, Word)]
        words = [word for text in texts for word in text_analysis.tokenize(text)]
        self.stop_words = text_analysis.find_stop_words(words, languages)
        self.drops_stop_words = len(texts) < len(leaf_nodes) or any(map(self._is_content_word, words))

    def analyse_nodes(self, nodes: Iterable[Node]) -> Iterable[Clause]:
        """Return the clauses of several nodes; nodes that are only stop words may have none."""
        return (clause for node in nodes if (clause := map_tree(node, self._analyse_leaf)) is not None)

    def _analyse_leaf(self, leaf: Leaf) -> Clause | None:
        match leaf:
            case Word(text=text, is_title_only=is_title_only):
                return self._analyse_word(text_analysis.tokenize(text), is_title_only=is_title_only)
            case Phrase(text=text, is_title_only=is_title_only):
                return _build_phrase_clause(text_analysis.tokenize(text), is_title_only=is_title_only)
        return _build_filter_clause(leaf)

    def _analyse_word(self, parts: list[str], *, is_title_only: bool) -> Clause | None:
        """Return the clause of a word, by its parts, or None if no part is left when stop words are dropped.

        A compound word yields the stems of each part if the parts are long enough, or else a phrase. A word of a
        query that has only stop words is a phrase, too.
        """
        content_parts = list(filter(self._is_content_word, parts)) if self.drops_stop_words else []
        if not content_parts:
            return None if self.drops_stop_words else _build_phrase_clause(parts, is_title_only=is_title_only)
        if len(content_parts) > 1 and any(len(part) < _MIN_WORD_PART_LENGTH for part in content_parts):
            return PhraseClause(tuple(parts), is_title_only)
        return combine_nodes(
            AllOf,
            (
                TermClause(text_analysis.find_query_stems(part, self._languages), is_title_only, part)
                for part in content_parts
            ),
        )

    def _is_content_word(self, word: str) -> bool:
        return word not in self.stop_words and bool(text_analysis.find_query_stems(word, self._languages))


def _build_phrase_clause(words: list[str], *, is_title_only: bool) -> PhraseClause | None:
    return PhraseClause(tuple(words), is_title_only) if words else None


def _build_filter_clause(field_filter: FieldFilter) -> Clause | None:
    if field_filter.filter_name not in TOKEN_PREFIX_BY_FILTER:
        return field_filter
    tokens = tokenize_name(field_filter.filter_name, str(field_filter.value))
    return NameClause(tokens[:-1] or tokens, tokens[-1]) if tokens else None
