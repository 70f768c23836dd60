"""A query tree in the terms of the index: what engine and matcher both ask of an article, so that they agree.

Small words say nothing where anything else is asked for; where they are all there is, they are looked for as
they stand.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from bot.search.index import analysis
from bot.search.query.article_names import NAMES, name_tokens
from bot.search.query.query_tree import AllOf, AnyOf, Condition, Node, Not, Phrase, Word, leaves

_SHORT = 3  # letters of a part of a word in several, below which they have to stand together (AT&T)


@dataclass(frozen=True, slots=True)
class Stems:
    """A word in any of its inflections: one of these index terms."""

    stems: frozenset[str]
    title: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Words as they stand, in a row."""

    words: tuple[str, ...]
    title: bool = False


@dataclass(frozen=True, slots=True)
class Name:
    """A name that has these tokens in a row, or is all of them in one, which is `whole`."""

    tokens: tuple[str, ...]
    whole: str


@dataclass(frozen=True, slots=True)
class Without:
    """What must not hold."""

    part: Part


@dataclass(frozen=True, slots=True)
class Every:
    """All of these hold."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of these holds."""

    parts: tuple[Part, ...]


Part = Stems | Row | Name | Condition | Without | Every | Some


class AnalysedQuery(NamedTuple):
    """All that is asked for, without what says nothing, and the small words that were `left_out`."""

    parts: tuple[Part, ...]
    left_out: frozenset[str]


def analysed(nodes: Iterable[Node], languages: tuple[str, ...] = analysis.ASKED_IN) -> AnalysedQuery:
    """What all of these nodes ask for; words may be of these languages."""
    nodes = tuple(nodes)
    analyser = _Analyser(nodes, languages)
    return AnalysedQuery(tuple(analyser.parts(nodes)), analyser.small if analyser.drops else frozenset())


def small_words(nodes: Collection[Node]) -> tuple[str, ...]:
    """The words of a query that has nothing but words that say nothing; else none."""
    if _Analyser(nodes, analysis.ASKED_IN).drops:
        return ()
    return tuple(dict.fromkeys(leaf.text for leaf in leaves(nodes) if isinstance(leaf, Word)))


class _Analyser:
    """Knows which words of a query say nothing."""

    def __init__(self, nodes: Collection[Node], languages: tuple[str, ...]) -> None:
        self._languages = languages
        asked = list(leaves(nodes))
        texts = [leaf.text for leaf in asked if isinstance(leaf, Word)]
        words = [word for text in texts for word in analysis.words(text)]
        self.small = analysis.small_words(words, languages)
        self.drops = len(texts) < len(asked) or any(map(self._tells, words))

    def parts(self, nodes: Iterable[Node]) -> Iterable[Part]:
        """The parts of several nodes."""
        return (part for node in nodes if (part := self._part(node)) is not None)

    def _part(self, node: Node) -> Part | None:
        part: Part | None
        match node:
            case Word(text=text, title=title):
                part = self._word(analysis.words(text), title=title)
            case Phrase(text=text, title=title):
                part = _row(analysis.words(text), title=title)
            case Condition():
                part = _condition(node)
            case Not(inner):
                part = without(self._part(inner))
            case AllOf(nodes):
                part = one_of(Every, self.parts(nodes))
            case AnyOf(nodes):
                part = one_of(Some, self.parts(nodes))
        return part

    def _word(self, words: list[str], *, title: bool) -> Part | None:
        """The stems of a word; of one in several parts those of each, where they tell enough apart."""
        telling = list(filter(self._tells, words)) if self.drops else []
        if not telling:
            return None if self.drops else _row(words, title=title)
        if len(telling) > 1 and any(len(word) < _SHORT for word in telling):
            return Row(tuple(words), title)
        return one_of(Every, (Stems(analysis.query_stems(word, self._languages), title) for word in telling))

    def _tells(self, word: str) -> bool:
        return word not in self.small and bool(analysis.query_stems(word, self._languages))


def _row(words: list[str], *, title: bool) -> Row | None:
    return Row(tuple(words), title) if words else None


def _condition(condition: Condition) -> Part | None:
    if condition.filter not in NAMES:
        return condition
    tokens = name_tokens(condition.filter, str(condition.value))
    return Name(tokens[:-1] or tokens, tokens[-1]) if tokens else None


def without(part: Part | None) -> Part | None:
    """The opposite of a part; None of none."""
    if isinstance(part, Without):
        return part.part
    return None if part is None else Without(part)


def one_of(kind: type[Every | Some], parts: Iterable[Part]) -> Part | None:
    """These parts in one; None of none."""
    found = tuple(parts)
    return kind(found) if len(found) > 1 else found[0] if found else None
