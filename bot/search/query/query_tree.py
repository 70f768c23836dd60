"""Tree of nodes that a query is parsed into."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic, NamedTuple, TypeVar, cast

from bot.search.query.query_filters import FilterName
from bot.search.query.query_notes import Note

N = TypeVar("N")
N_co = TypeVar("N_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Word:
    """A word, to be found in any inflection; punctuation may join several parts ("covid-19")."""

    text: str
    is_title_only: bool = False


@dataclass(frozen=True, slots=True)
class Phrase:
    """Consecutive words that must occur exactly as typed, except for case and accents."""

    text: str
    is_title_only: bool = False


@dataclass(frozen=True, slots=True)
class FieldFilter:
    """A filter and its value: text, an ISO 639-1 code, or Unix time in seconds; "" for `IMAGE` and `BOOKMARKED`.

    Articles match `BEFORE` if they were published before that time, and `SINCE` if at or after it.
    """

    filter_name: FilterName
    value: str | int


@dataclass(frozen=True, slots=True)
class Not(Generic[N_co]):
    """Negation of a node: an article matches if the node does not."""

    node: N_co


@dataclass(frozen=True, slots=True)
class AllOf(Generic[N_co]):
    """Conjunction of nodes: an article matches if all of them match."""

    nodes: tuple[N_co, ...]


@dataclass(frozen=True, slots=True)
class AnyOf(Generic[N_co]):
    """Disjunction of nodes: an article matches if at least one of them matches."""

    nodes: tuple[N_co, ...]


Leaf = Word | Phrase | FieldFilter
"""Leaf of the tree of a parsed query: a word, phrase or filter."""
Node = Leaf | Not["Node"] | AllOf["Node"] | AnyOf["Node"]
"""Node of the tree of a parsed query: a leaf, or the negation, conjunction or disjunction of nodes."""


def negate_node(node: N) -> N | Not[N]:
    """Return the negation of a node; a double negation is removed."""
    return node.node if isinstance(node, Not) else Not(node)


def combine_nodes(node_class: type[AllOf[N] | AnyOf[N]], nodes: Iterable[N]) -> N | AllOf[N] | AnyOf[N] | None:
    """Return a node of the given class over these nodes; a single node unchanged, and None if there are none."""
    inner_nodes = tuple(nodes)
    return node_class(inner_nodes) if len(inner_nodes) > 1 else inner_nodes[0] if inner_nodes else None


def iter_leaves(nodes: Iterable[N], *, include_negated: bool = True) -> Iterator[N]:
    """Yield the leaves in these nodes, at any depth; those in negations only with `include_negated`."""
    for node in nodes:
        if isinstance(node, AllOf | AnyOf):
            yield from iter_leaves(node.nodes, include_negated=include_negated)
        elif not isinstance(node, Not):
            yield node
        elif include_negated:
            yield from iter_leaves((node.node,))


def iter_required_nodes(nodes: Iterable[N]) -> Iterator[N]:
    """Yield the nodes, each conjunction replaced by the nodes in it, at any depth: all of them must match."""
    for node in nodes:
        if isinstance(node, AllOf):
            yield from iter_required_nodes(node.nodes)
        else:
            yield node


def map_tree(node: object, map_leaf: Callable[[Any], N], *, is_removed_true: bool = False) -> N | None:
    """Return the tree in which each leaf is replaced by what `map_leaf` returns for it, which may be a tree.

    None removes the leaf. With `is_removed_true`, what is removed counts as matched, and so does a disjunction
    of which a part is removed; otherwise, the other parts of the disjunction remain. Returns None if nothing
    is left.
    """
    mapped_node: object
    if isinstance(node, Not):
        negated_node = map_tree(node.node, map_leaf, is_removed_true=is_removed_true)
        mapped_node = None if negated_node is None else negate_node(negated_node)
    elif isinstance(node, AllOf | AnyOf):
        mapped_nodes = [map_tree(inner_node, map_leaf, is_removed_true=is_removed_true) for inner_node in node.nodes]
        remaining_nodes = [inner_node for inner_node in mapped_nodes if inner_node is not None]
        is_true = is_removed_true and isinstance(node, AnyOf) and len(remaining_nodes) < len(mapped_nodes)
        mapped_node = None if is_true else combine_nodes(type(node), remaining_nodes)
    else:
        mapped_node = map_leaf(node)
    return cast("N | None", mapped_node)


class UnquotedFilter(NamedTuple):
    """A source, tag or author filter with an unquoted value, and the words after the value.

    The words may belong to the name. `alias` is the filter's name as it was typed, in English or French. `start`
    is the offset of the filter in the query's text, `word_ends` the offset after each word.
    """

    filter_name: FilterName
    alias: str
    value: str
    words: tuple[str, ...]
    start: int
    word_ends: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A parsed query, with notes on how it was understood.

    All of the `nodes` must match. `text` is what was read of the typed query, on one line.
    """

    text: str
    nodes: tuple[Node, ...]
    notes: tuple[Note, ...] = ()
    unquoted_filters: tuple[UnquotedFilter, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.nodes)

    def with_nodes(self, *nodes: Node, notes: Iterable[Note] = ()) -> Query:
        """Return a copy of the query with additional nodes and notes, as from the options of a command."""
        return replace(self, nodes=(*self.nodes, *nodes), notes=tuple(dict.fromkeys((*self.notes, *notes))))
