"""The search engine on tantivy (https://docs.rs/tantivy): an index in a folder of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import tantivy

from bot.search.index import analysis
from bot.search.index.engine import NO_TERMS, Hit, Kind, Position, Scope
from bot.search.index.engine_errors import raises_engine_errors
from bot.search.index.tantivy_queries import (  # fmt: skip
    ARTICLE,
    BODY,
    FACTS,
    FEED,
    LANGUAGE,
    MARKER,
    OFFERED,
    PUBLISHED,
    TITLE,
    TITLE_WORDS,
    Queries,
)
from bot.search.query.article_names import IMAGE, name_tokens
from bot.search.query.filter_names import Filter
from bot.search.query.query_matching import READ
from bot.search.query.query_tree import Node
from bot.store.records.content_records import IndexedArticle
from bot.text import safe
from bot.text.words import fold

RULES = f"1.{analysis.VERSION}"
"""Of what the index holds and how: one of other rules is made anew."""

_HEAP = 15_000_000  # bytes that a commit may gather: the least that the engine takes
_LARGE_HEAP = 30_000_000  # the same where all is to be written: fewer parts to merge
_SPACED, _WORDS = "spaced", "words"  # analyzers: of terms with spaces between them, of words as they stand
_KEPT = "kept"  # the marker's field of the position
_BETWEEN_NAMES = " . "  # over which no name goes
_MOST_NAMES = 11  # the author and ten tags
_OFFERED_LENGTH = 60  # UTF-16 units of a name that is offered
_SPELLED = 60  # articles whose titles tell how words are written
_BEGINNINGS = 3  # words of a name by which it is found
_REMEMBERED = 32  # beginnings whose terms are: two hundred kilobytes each, or five
_APART = "\x1f"  # stands between what something is found by and how it is written
_CODES = {Kind.TAG: "t", Kind.AUTHOR: "a"}
_FILTERS = {Kind.TAG: Filter.TAG, Kind.AUTHOR: Filter.AUTHOR}


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_integer_field(ARTICLE, indexed=True, fast=True)
    builder.add_integer_field(FEED, indexed=True)
    builder.add_integer_field(PUBLISHED, fast=True)
    builder.add_text_field(LANGUAGE, tokenizer_name="raw", index_option="basic")
    builder.add_text_field(OFFERED, tokenizer_name="raw", index_option="basic")
    for field in (TITLE, BODY, FACTS):  # given in terms: the language decides which
        builder.add_text_field(field, tokenizer_name=_SPACED)
    builder.add_text_field(TITLE_WORDS, tokenizer_name=_WORDS, index_option="basic")
    builder.add_text_field(MARKER, tokenizer_name="raw", index_option="basic")
    builder.add_text_field(_KEPT, stored=True, tokenizer_name="raw", index_option="basic")
    return builder.build()


@raises_engine_errors
class TantivyEngine:
    """An open index, made where the folder is empty. Everything public raises `EngineError`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._index = tantivy.Index(_schema(), path=str(folder))
        spaced = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
        self._index.register_tokenizer(_SPACED, spaced)
        self._index.register_tokenizer(_WORDS, analysis.word_analyzer())
        self._index.config_reader("manual")
        self._queries = Queries(self._index.schema)
        self._common: dict[tuple[str, int], tuple[int, list[tuple[str, int]]]] = {}
        self._remembering = Lock()
        self.refresh()

    def refresh(self) -> None:
        """See what was committed since, by whatever process."""
        self._index.reload()
        self._searcher = self._index.searcher()
        held = (code for code in analysis.LANGUAGES if self._searcher.doc_freq(LANGUAGE, code))
        self._queries.languages = tuple(dict.fromkeys((*analysis.ASKED_IN, *held)))

    @property
    def documents(self) -> int:
        """How many articles the index holds."""
        return max(0, self._searcher.num_docs - 1)  # one is the marker

    @property
    def position(self) -> Position | None:
        """How far it has followed the store; None before the first commit."""
        searcher = self._searcher
        query = tantivy.Query.term_query(self._index.schema, MARKER, RULES)
        for _, address in searcher.search(query, 1).hits:
            kept = searcher.doc(address).get_first(_KEPT)
            return Position(*map(int, str(kept).split()))
        return None

    def matching(
        self, nodes: Collection[Node], scope: Scope, limit: int, *, newest: bool = False
    ) -> list[Hit]:
        """See `SearchEngine`."""
        return self._hits(self._queries.all_of(nodes, scope), limit, newest=newest)

    def any_words(
        self,
        text: str,
        scope: Scope,
        limit: int,
        *,
        required: Collection[Node] = (),
        near: Collection[Node] = (),
        related: Mapping[str, Collection[str]] = NO_TERMS,
    ) -> list[Hit]:
        """See `SearchEngine`."""
        return self._hits(self._queries.any_of(text, scope, required, near, related), limit)

    def alike(self, weights: Mapping[str, float], scope: Scope, limit: int, *, besides: int) -> list[Hit]:
        """See `SearchEngine`.

        The engine's own query of this kind takes texts, which it would read by one language's rules.
        """
        return self._hits(self._queries.weighted(weights, scope, besides), limit) if weights else []

    def document_frequency(self, term: str) -> int:
        """See `SearchEngine`."""
        return max(self._searcher.doc_freq(TITLE, term), self._searcher.doc_freq(BODY, term))

    def complete(self, kind: Kind, prefix: str, scope: Scope, limit: int, *, since: int) -> list[str]:
        """See `SearchEngine`."""
        among = self._queries.since(since, scope)
        found = self._searcher.terms_with_prefix(
            OFFERED, _CODES[kind] + _folded(prefix), among, limit * _BEGINNINGS
        )
        return list(dict.fromkeys(term.split(_APART)[1] for term, _ in found))[:limit]

    def title_words(
        self, prefix: str, scope: Scope, limit: int, *, since: int
    ) -> tuple[list[str], list[Hit]]:
        """See `SearchEngine`."""
        among = self._queries.since(since, scope)
        found = self._searcher.terms_with_prefix(TITLE_WORDS, _folded(prefix), among, limit * _BEGINNINGS)
        words = [word for word, _ in found if not word.isdecimal() and analysis.query_stems(word)][:limit]
        if not words:
            return [], []
        return words, self._hits(self._queries.with_words(words, among), _SPELLED, newest=True)

    def beginning(self, prefix: str, limit: int) -> list[tuple[str, int]]:
        """See `SearchEngine`. One letter takes milliseconds; remembered until there are a tenth more."""
        if len(prefix) > 1:
            return self._common_terms(prefix, limit)
        with self._remembering:
            then, known = self._common.pop((prefix, limit), (0, []))
            if self.documents > 1.1 * then:
                then, known = self.documents, self._common_terms(prefix, limit)
            self._common[prefix, limit] = then, known
            if len(self._common) > _REMEMBERED:
                del self._common[next(iter(self._common))]
        return known

    def _common_terms(self, prefix: str, limit: int) -> list[tuple[str, int]]:
        counts = Counter(dict(self._searcher.terms_with_prefix(BODY, prefix, None, limit)))
        for term, count in self._searcher.terms_with_prefix(TITLE, prefix, None, limit):
            counts[term] = max(counts[term], count)
        return counts.most_common(limit)

    def writer(self, *, of_all: bool = False) -> TantivyWriter:
        """Write, where no other process does: changes, or all that there is."""
        return TantivyWriter(self, self._index.writer(_LARGE_HEAP if of_all else _HEAP, 1))

    def _hits(self, query: tantivy.Query, limit: int, *, newest: bool = False) -> list[Hit]:
        searcher = self._searcher
        if newest:
            found = searcher.search(query, limit, count=False, order_by_field=PUBLISHED).hits
        else:
            found = searcher.search(query, limit, count=False).hits
        ids = searcher.fast_field_values(ARTICLE, [address for _, address in found])
        return [
            Hit(int(id_), 0.0 if newest else float(score))
            for id_, (score, _) in zip(ids, found, strict=True)
            if id_ is not None
        ]


@raises_engine_errors
class TantivyWriter:
    """Writes an index. Every method raises `EngineError`."""

    def __init__(self, engine: TantivyEngine, writer: tantivy.IndexWriter) -> None:
        self._engine = engine
        self._writer = writer
        self._terms = cache(analysis.Terms)  # until the commit: articles that trickle in need no memory

    def put(self, articles: Iterable[IndexedArticle], *, fresh: bool = False) -> None:
        """See `IndexWriter`."""
        made = [(each.article_id, _made(each, self._terms(each.language))) for each in articles]
        if not fresh:
            self.remove(article_id for article_id, _ in made)
        for _, document in made:  # in one go: the engine's thread sleeps between two that come apart
            self._writer.add_document(document)

    def remove(self, article_ids: Iterable[int]) -> None:
        """See `IndexWriter`."""
        for article_id in article_ids:
            self._writer.delete_documents_by_term(ARTICLE, article_id)

    def commit(self, position: Position) -> None:
        """See `IndexWriter`."""
        marker = tantivy.Document()
        marker.add_text(MARKER, RULES)
        marker.add_text(_KEPT, " ".join(map(str, position)))
        self._writer.delete_documents_by_term(MARKER, RULES)
        self._writer.add_document(marker)
        self._writer.commit()
        self._terms.cache_clear()
        self._engine.refresh()

    def close(self) -> None:
        """See `IndexWriter`."""
        del self._writer  # and with it what was not committed


def _made(of: IndexedArticle, terms: analysis.Terms) -> tantivy.Document:
    document = tantivy.Document()
    document.add_integer(ARTICLE, of.article_id)
    document.add_integer(FEED, of.feed_id)
    document.add_integer(PUBLISHED, of.published)
    if of.language:
        document.add_text(LANGUAGE, of.language)
    document.add_text(TITLE, terms.line(of.title))
    document.add_text(TITLE_WORDS, of.title)
    document.add_text(BODY, terms.line(of.body[:READ]))
    named = [_named(Kind.AUTHOR, of.author or ""), *(_named(Kind.TAG, tag) for tag in of.tags)]
    facts = [" ".join(name_tokens(Filter.SOURCE, of.outlet)), *(name.facts for name in named)]
    document.add_text(FACTS, _BETWEEN_NAMES.join([*facts, IMAGE] if of.has_image else facts))
    for offered in {offered for name in named[:_MOST_NAMES] for offered in name.offered}:
        document.add_text(OFFERED, offered)
    return document


class _Named(NamedTuple):
    """A tag or author: the tokens that it is filtered by, and what a person may type to be offered it."""

    facts: str
    offered: tuple[str, ...]


@lru_cache(maxsize=1 << 12)
def _named(kind: Kind, name: str) -> _Named:
    """A name, which is offered by each of its first words."""
    facts = " ".join(name_tokens(_FILTERS[kind], name))
    plain = safe.plain(name)
    if not plain or safe.length(plain) > _OFFERED_LENGTH:
        return _Named(facts, ())
    parts = fold(plain).split()
    beginnings = (" ".join(parts[first:]) for first in range(min(len(parts), _BEGINNINGS)))
    return _Named(facts, tuple(f"{_CODES[kind]}{beginning}{_APART}{plain}" for beginning in beginnings))


def _folded(text: str) -> str:
    return fold(safe.plain(text))
