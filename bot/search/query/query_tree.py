"""The tree that a query is parsed into."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from bot.search.query.query_filters import FilterName
from bot.search.query.query_notes import Note


@dataclass(frozen=True, slots=True)
class Word:
    """A word in any inflection; punctuation may join several parts ("covid-19")."""

    text: str
    title_only: bool = False


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that must occur exactly like this, except for case and accents."""

    text: str
    title_only: bool = False


@dataclass(frozen=True, slots=True)
class FieldFilter:
    """A filter and its value: text, an ISO 639-1 code, or Unix time (which `BEFORE` excludes)."""

    filter: FilterName
    value: str | int


@dataclass(frozen=True, slots=True)
class Not:
    """A node that must not match."""

    node: Node


@dataclass(frozen=True, slots=True)
class AllOf:
    """Nodes that must all match."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Nodes of which at least one must match."""

    nodes: tuple[Node, ...]


Node = Word | Phrase | FieldFilter | Not | AllOf | AnyOf


def negate_node(node: Node) -> Node:
    """Return the negation of a node."""
    return node.node if isinstance(node, Not) else Not(node)


def iter_leaves(nodes: Iterable[Node]) -> Iterator[Word | Phrase | FieldFilter]:
    """Yield the words, phrases and filters of these nodes, including negated ones."""
    for node in nodes:
        if isinstance(node, AllOf | AnyOf):
            yield from iter_leaves(node.nodes)
        elif isinstance(node, Not):
            yield from iter_leaves((node.node,))
        else:
            yield node


class UnquotedFilter(NamedTuple):
    """A filter by name with an unquoted value, and the words after it, which may belong to the name.

    `start` is the offset of the filter in the query's text, `word_ends` the offset after each word.
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
        """Return the query with additional nodes and notes, from the options of a command."""
        return replace(self, nodes=(*self.nodes, *nodes), notes=tuple(dict.fromkeys((*self.notes, *notes))))
