"""A query tree in the terms of the index: what engine and matcher both ask of an article, so that they agree.

Small words say nothing where anything else is asked for; where they are all there is, they are looked for as
they stand.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from bot.search.index import text_analysis
from bot.search.query.name_tokens import TOKEN_PREFIXES, tokens_of_name
from bot.search.query.query_tree import AllOf, AnyOf, FieldFilter, Node, Not, Phrase, Word, leaves

_MIN_PART_LENGTH = 3  # letters of a part of a word in several, below which they have to stand together (AT&T)


@dataclass(frozen=True, slots=True)
class TermClause:
    """A word in any of its inflections: one of these index terms."""

    stems: frozenset[str]
    title: bool = False


@dataclass(frozen=True, slots=True)
class PhraseClause:
    """Words as they stand, in a row."""

    words: tuple[str, ...]
    title: bool = False


@dataclass(frozen=True, slots=True)
class NameClause:
    """A name that has these tokens in a row, or is all of them in one, which is `whole`."""

    tokens: tuple[str, ...]
    joined_token: str


@dataclass(frozen=True, slots=True)
class NotClause:
    """What must not hold."""

    clause: Clause


@dataclass(frozen=True, slots=True)
class AllClauses:
    """All of these hold."""

    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class AnyClause:
    """At least one of these holds."""

    clauses: tuple[Clause, ...]


Clause = TermClause | PhraseClause | NameClause | FieldFilter | NotClause | AllClauses | AnyClause


class AnalysedQuery(NamedTuple):
    """All that is asked for, without what says nothing, and the small words that were `left_out`."""

    clauses: tuple[Clause, ...]
    dropped_stop_words: frozenset[str]


def analyse_query(
    nodes: Iterable[Node], languages: tuple[str, ...] = text_analysis.QUERY_LANGUAGES
) -> AnalysedQuery:
    """What all of these nodes ask for; words may be of these languages."""
    nodes = tuple(nodes)
    analyser = _Analyser(nodes, languages)
    return AnalysedQuery(
        tuple(analyser.parts(nodes)), analyser.stop_words if analyser.drops_stop_words else frozenset()
    )


def only_stop_words(nodes: Collection[Node]) -> tuple[str, ...]:
    """The words of a query that has nothing but words that say nothing; else none."""
    if _Analyser(nodes, text_analysis.QUERY_LANGUAGES).drops_stop_words:
        return ()
    return tuple(dict.fromkeys(leaf.text for leaf in leaves(nodes) if isinstance(leaf, Word)))


class _Analyser:
    """Knows which words of a query say nothing."""

    def __init__(self, nodes: Collection[Node], languages: tuple[str, ...]) -> None:
        self._languages = languages
        asked = list(leaves(nodes))
        texts = [leaf.text for leaf in asked if isinstance(leaf, Word)]
        words = [word for text in texts for word in text_analysis.tokens(text)]
        self.stop_words = text_analysis.stop_words_in(words, languages)
        self.drops_stop_words = len(texts) < len(asked) or any(map(self._is_content_word, words))

    def parts(self, nodes: Iterable[Node]) -> Iterable[Clause]:
        """The parts of several nodes."""
        return (part for node in nodes if (part := self._part(node)) is not None)

    def _part(self, node: Node) -> Clause | None:
        part: Clause | None
        match node:
            case Word(text=text, title_only=title):
                part = self._word(text_analysis.tokens(text), title=title)
            case Phrase(text=text, title_only=title):
                part = _row(text_analysis.tokens(text), title=title)
            case FieldFilter():
                part = _condition(node)
            case Not(inner):
                part = negate_clause(self._part(inner))
            case AllOf(nodes):
                part = combine(AllClauses, self.parts(nodes))
            case AnyOf(nodes):
                part = combine(AnyClause, self.parts(nodes))
        return part

    def _word(self, words: list[str], *, title: bool) -> Clause | None:
        """The stems of a word; of one in several parts those of each, where they tell enough apart."""
        telling = list(filter(self._is_content_word, words)) if self.drops_stop_words else []
        if not telling:
            return None if self.drops_stop_words else _row(words, title=title)
        if len(telling) > 1 and any(len(word) < _MIN_PART_LENGTH for word in telling):
            return PhraseClause(tuple(words), title)
        return combine(
            AllClauses,
            (TermClause(text_analysis.query_stems(word, self._languages), title) for word in telling),
        )

    def _is_content_word(self, word: str) -> bool:
        return word not in self.stop_words and bool(text_analysis.query_stems(word, self._languages))


def _row(words: list[str], *, title: bool) -> PhraseClause | None:
    return PhraseClause(tuple(words), title) if words else None


def _condition(condition: FieldFilter) -> Clause | None:
    if condition.filter not in TOKEN_PREFIXES:
        return condition
    tokens = tokens_of_name(condition.filter, str(condition.value))
    return NameClause(tokens[:-1] or tokens, tokens[-1]) if tokens else None


def negate_clause(part: Clause | None) -> Clause | None:
    """The opposite of a part; None of none."""
    if isinstance(part, NotClause):
        return part.clause
    return None if part is None else NotClause(part)


def combine(kind: type[AllClauses | AnyClause], parts: Iterable[Clause]) -> Clause | None:
    """These parts in one; None of none."""
    found = tuple(parts)
    return kind(found) if len(found) > 1 else found[0] if found else None
