"""What a query is read into."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from bot.search.query.query_filters import FilterName
from bot.search.query.query_notes import Note


@dataclass(frozen=True, slots=True)
class Word:
    """A word in any of its inflections; punctuation may join several (`covid-19`)."""

    text: str
    title_only: bool = False


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that stand in the text exactly so, case and accents aside."""

    text: str
    title_only: bool = False


@dataclass(frozen=True, slots=True)
class FieldFilter:
    """A filter and its value: text, an ISO 639-1 code, or seconds since 1970 (`BEFORE` excludes its own)."""

    filter: FilterName
    value: str | int


@dataclass(frozen=True, slots=True)
class Not:
    """What must not hold."""

    node: Node


@dataclass(frozen=True, slots=True)
class AllOf:
    """All of these hold."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of these holds."""

    nodes: tuple[Node, ...]


Node = Word | Phrase | FieldFilter | Not | AllOf | AnyOf


def negate(node: Node) -> Node:
    """What holds where a node does not."""
    return node.node if isinstance(node, Not) else Not(node)


def leaves(nodes: Iterable[Node]) -> Iterator[Word | Phrase | FieldFilter]:
    """The words, phrases and filters of these nodes, those that must not hold among them."""
    for node in nodes:
        if isinstance(node, AllOf | AnyOf):
            yield from leaves(node.nodes)
        elif isinstance(node, Not):
            yield from leaves((node.node,))
        else:
            yield node


class UnquotedFilter(NamedTuple):
    """A filter by name whose value nobody quoted, and the words after it, which may belong to the name.

    `start` is where the filter begins in the text of the query, `word_ends` where each of the words does.
    """

    filter: FilterName
    name: str
    value: str
    words: tuple[str, ...]
    start: int
    word_ends: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query as it was understood. `notes` tell how, and what was not."""

    text: str
    nodes: tuple[Node, ...]
    notes: tuple[Note, ...] = ()
    unquoted_filters: tuple[UnquotedFilter, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.nodes)

    def narrowed_by(self, *nodes: Node, notes: Iterable[Note] = ()) -> Query:
        """The same query, narrowed by the options of a command, of which `notes` are told too."""
        return replace(self, nodes=(*self.nodes, *nodes), notes=tuple(dict.fromkeys((*self.notes, *notes))))
