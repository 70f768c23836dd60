"""Analysis of a query tree into clauses over index terms, so that engine and matcher agree.

Stop words are dropped if the query has anything else; otherwise they are searched for as exact words.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from bot.search.index import text_analysis
from bot.search.query.name_tokens import TOKEN_PREFIXES, tokens_of_name
from bot.search.query.query_tree import AllOf, AnyOf, FieldFilter, Node, Not, Phrase, Word, leaves

_MIN_PART_LENGTH = 3
"""Minimum length of the parts of a compound word; with a shorter one it is a phrase ("AT&T")."""


@dataclass(frozen=True, slots=True)
class TermClause:
    """A word in any inflection: any of these index terms."""

    stems: frozenset[str]
    title: bool = False


@dataclass(frozen=True, slots=True)
class PhraseClause:
    """Consecutive words, unstemmed."""

    words: tuple[str, ...]
    title: bool = False


@dataclass(frozen=True, slots=True)
class NameClause:
    """A name with these consecutive tokens, or with `joined_token`, which joins them to one."""

    tokens: tuple[str, ...]
    joined_token: str


@dataclass(frozen=True, slots=True)
class NotClause:
    """A clause that must not match."""

    clause: Clause


@dataclass(frozen=True, slots=True)
class AllClauses:
    """Clauses that must all match."""

    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class AnyClause:
    """Clauses of which at least one must match."""

    clauses: tuple[Clause, ...]


Clause = TermClause | PhraseClause | NameClause | FieldFilter | NotClause | AllClauses | AnyClause


class AnalysedQuery(NamedTuple):
    """The clauses of a query, all of which must match, and the stop words that were dropped."""

    clauses: tuple[Clause, ...]
    dropped_stop_words: frozenset[str]


def analyse_query(
    nodes: Iterable[Node], languages: tuple[str, ...] = text_analysis.QUERY_LANGUAGES
) -> AnalysedQuery:
    """Analyse nodes that must all match. `languages` are the ISO 639-1 codes that their words may be in."""
    nodes = tuple(nodes)
    analyser = _Analyser(nodes, languages)
    return AnalysedQuery(
        tuple(analyser.parts(nodes)), analyser.stop_words if analyser.drops_stop_words else frozenset()
    )


def only_stop_words(nodes: Collection[Node]) -> tuple[str, ...]:
    """Return the words of a query that consists only of stop words; otherwise nothing."""
    if _Analyser(nodes, text_analysis.QUERY_LANGUAGES).drops_stop_words:
        return ()
    return tuple(dict.fromkeys(leaf.text for leaf in leaves(nodes) if isinstance(leaf, Word)))


class _Analyser:
    """Analyses the nodes of one query, for which it knows the stop words."""

    def __init__(self, nodes: Collection[Node], languages: tuple[str, ...]) -> None:
        self._languages = languages
        asked = list(leaves(nodes))
        texts = [leaf.text for leaf in asked if isinstance(leaf, Word)]
        words = [word for text in texts for word in text_analysis.tokens(text)]
        self.stop_words = text_analysis.stop_words_in(words, languages)
        self.drops_stop_words = len(texts) < len(asked) or any(map(self._is_content_word, words))

    def parts(self, nodes: Iterable[Node]) -> Iterable[Clause]:
        """Return the clauses of several nodes."""
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
        """Return the clause of a word; of a compound word, the stems of each part if they are distinctive."""
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
    """Return the negation of a clause, or None for None."""
    if isinstance(part, NotClause):
        return part.clause
    return None if part is None else NotClause(part)


def combine(kind: type[AllClauses | AnyClause], parts: Iterable[Clause]) -> Clause | None:
    """Combine clauses into one of the given class; return a single clause as it is, and None without any."""
    found = tuple(parts)
    return kind(found) if len(found) > 1 else found[0] if found else None
