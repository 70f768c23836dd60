"""Tree of nodes that a query is parsed into."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from bot.search.query.query_filters import FilterName
from bot.search.query.query_notes import Note


@dataclass(frozen=True, slots=True)
class Word:
    """A word, to be found in any inflection; punctuation may join several parts ("covid-19")."""

    text: str
    title_only: bool = False


@dataclass(frozen=True, slots=True)
class Phrase:
    """Consecutive words that must occur exactly as typed, except for case and accents."""

    text: str
    title_only: bool = False


@dataclass(frozen=True, slots=True)
class FieldFilter:
    """A filter and its value: text, an ISO 639-1 code, or Unix time in seconds.

    Articles match `BEFORE` if they were published before that time, and `SINCE` if at or after it.
    """

    filter: FilterName
    value: str | int


@dataclass(frozen=True, slots=True)
class Not:
    """Negation of a node: an article matches if the node does not."""

    node: Node


@dataclass(frozen=True, slots=True)
class AllOf:
    """Conjunction of nodes: an article matches if all of them match."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Disjunction of nodes: an article matches if at least one of them matches."""

    nodes: tuple[Node, ...]


Node = Word | Phrase | FieldFilter | Not | AllOf | AnyOf


def negate_node(node: Node) -> Node:
    """Return the negation of a node; a double negation is removed."""
    return node.node if isinstance(node, Not) else Not(node)


def iter_leaves(nodes: Iterable[Node]) -> Iterator[Word | Phrase | FieldFilter]:
    """Yield the words, phrases and filters in these nodes, at any depth and including negated ones."""
    for node in nodes:
        if isinstance(node, AllOf | AnyOf):
            yield from iter_leaves(node.nodes)
        elif isinstance(node, Not):
            yield from iter_leaves((node.node,))
        else:
            yield node


class UnquotedFilter(NamedTuple):
    """A source, tag or author filter with an unquoted value, and the words after the value.

    The words may belong to the name. `start` is the offset of the filter in the query's text, `word_ends` the
    offset after each word.
    """

    filter: FilterName
    alias: str
    value: str
    words: tuple[str, ...]
    start: int
    word_ends: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A parsed query, with notes on how it was understood."""

    text: str
    nodes: tuple[Node, ...]
    notes: tuple[Note, ...] = ()
    unquoted_filters: tuple[UnquotedFilter, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.nodes)

    def with_nodes(self, *nodes: Node, notes: Iterable[Note] = ()) -> Query:
        """Return a copy of the query with additional nodes and notes, as from the options of a command."""
        return replace(self, nodes=(*self.nodes, *nodes), notes=tuple(dict.fromkeys((*self.notes, *notes))))
