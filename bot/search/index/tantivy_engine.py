"""The search engine on tantivy (https://docs.rs/tantivy): an index in a folder of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import tantivy

from bot.search.index import text_analysis
from bot.search.index.engine_errors import raises_engine_errors
from bot.search.index.search_engine import NO_TERMS, CompletionField, Hit, IndexPosition, Scope
from bot.search.index.tantivy_queries import (  # fmt: skip
    ARTICLE,
    BODY,
    COMPLETIONS,
    FEED,
    FILTER_TOKENS,
    LANGUAGE,
    MARKER,
    PUBLISHED,
    TITLE,
    TITLE_WORDS,
    QueryBuilder,
)
from bot.search.query.name_tokens import IMAGE, tokens_of_name
from bot.search.query.query_filters import FilterName
from bot.search.query.query_matching import MAX_CHARS_READ
from bot.search.query.query_tree import Node
from bot.store.records.content_records import IndexedArticle
from bot.text import discord_text
from bot.text.words import fold

SCHEMA_VERSION = f"1.{text_analysis.ANALYSIS_VERSION}"
"""Version of the index's schema and text analysis; an index of another version is rebuilt."""

_WRITER_HEAP_BYTES = 15_000_000
"""Memory for uncommitted documents; the minimum that tantivy accepts."""
_REBUILD_HEAP_BYTES = 30_000_000
"""Memory for uncommitted documents during a rebuild; with more of it, fewer segments are merged."""
_WHITESPACE_TOKENIZER, _WORD_TOKENIZER = "spaced", "words"
"""Names of the analyzers for index terms separated by spaces, and for unstemmed words."""
_POSITION_FIELD = "kept"
"""Field of the marker document that stores the position."""
_NAME_SEPARATOR = " . "
"""Separator of names, so that no phrase spans two of them."""
_MAX_COMPLETION_NAMES = 11
"""Maximum number of names of an article that can be completed: the author and ten tags."""
_MAX_COMPLETION_LENGTH = 60
"""Maximum length of a name that is offered as a completion, in UTF-16 code units."""
_MAX_SPELLING_ARTICLES = 60
"""Maximum number of articles whose titles show how words are spelled."""
_MAX_COMPLETION_PREFIXES = 3
"""Maximum number of words of a name from which it can be completed."""
_PREFIX_CACHE_SIZE = 32
"""Maximum number of prefixes whose terms are cached: each takes up to 200 kB."""
_FIELD_SEPARATOR = "\x1f"
"""Separator between the folded text of a completion and its original spelling."""
_COMPLETION_PREFIXES = {CompletionField.TAG: "t", CompletionField.AUTHOR: "a"}
_FILTERS = {CompletionField.TAG: FilterName.TAG, CompletionField.AUTHOR: FilterName.AUTHOR}


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_integer_field(ARTICLE, indexed=True, fast=True)
    builder.add_integer_field(FEED, indexed=True)
    builder.add_integer_field(PUBLISHED, fast=True)
    builder.add_text_field(LANGUAGE, tokenizer_name="raw", index_option="basic")
    builder.add_text_field(COMPLETIONS, tokenizer_name="raw", index_option="basic")
    for field in (TITLE, BODY, FILTER_TOKENS):  # Their terms depend on the article's language.
        builder.add_text_field(field, tokenizer_name=_WHITESPACE_TOKENIZER)
    builder.add_text_field(TITLE_WORDS, tokenizer_name=_WORD_TOKENIZER, index_option="basic")
    builder.add_text_field(MARKER, tokenizer_name="raw", index_option="basic")
    builder.add_text_field(_POSITION_FIELD, stored=True, tokenizer_name="raw", index_option="basic")
    return builder.build()


@raises_engine_errors
class TantivyEngine:
    """An open index, created if the folder is empty. All public members raise `EngineError`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._index = tantivy.Index(_schema(), path=str(folder))
        spaced = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
        self._index.register_tokenizer(_WHITESPACE_TOKENIZER, spaced)
        self._index.register_tokenizer(_WORD_TOKENIZER, text_analysis.word_analyzer())
        self._index.config_reader("manual")
        self._queries = QueryBuilder(self._index.schema)
        self._prefix_cache: dict[tuple[str, int], tuple[int, list[tuple[str, int]]]] = {}
        self._cache_lock = Lock()
        self.refresh()

    def refresh(self) -> None:
        """Make visible what any process has committed since."""
        self._index.reload()
        self._searcher = self._index.searcher()
        held = (code for code in text_analysis.STEMMER_LANGUAGES if self._searcher.doc_freq(LANGUAGE, code))
        self._queries.languages = tuple(dict.fromkeys((*text_analysis.QUERY_LANGUAGES, *held)))

    @property
    def document_count(self) -> int:
        """Return the number of articles in the index."""
        return max(0, self._searcher.num_docs - 1)  # Without the marker document.

    @property
    def position(self) -> IndexPosition | None:
        """Return how far the index has followed the store; None before the first commit."""
        searcher = self._searcher
        query = tantivy.Query.term_query(self._index.schema, MARKER, SCHEMA_VERSION)
        for _, address in searcher.search(query, 1).hits:
            kept = searcher.doc(address).get_first(_POSITION_FIELD)
            return IndexPosition(*map(int, str(kept).split()))
        return None

    def match_all(
        self, nodes: Collection[Node], scope: Scope, limit: int, *, newest: bool = False
    ) -> list[Hit]:
        """Implement `SearchEngine.match_all`."""
        return self._hits(self._queries.match_all(nodes, scope), limit, newest=newest)

    def match_any(
        self,
        text: str,
        scope: Scope,
        limit: int,
        *,
        required: Collection[Node] = (),
        optional: Collection[Node] = (),
        related: Mapping[str, Collection[str]] = NO_TERMS,
    ) -> list[Hit]:
        """Implement `SearchEngine.match_any`."""
        return self._hits(self._queries.match_any(text, scope, required, optional, related), limit)

    def match_similar(
        self, weights: Mapping[str, float], scope: Scope, limit: int, *, exclude_article_id: int
    ) -> list[Hit]:
        """Implement `SearchEngine.match_similar`.

        Tantivy's own MoreLikeThis query takes texts, which it would analyse by the rules of one language.
        """
        return (
            self._hits(self._queries.match_similar(weights, scope, exclude_article_id), limit)
            if weights
            else []
        )

    def document_frequency(self, term: str) -> int:
        """Implement `SearchEngine.get_document_frequency`."""
        return max(self._searcher.doc_freq(TITLE, term), self._searcher.doc_freq(BODY, term))

    def complete(
        self, kind: CompletionField, prefix: str, scope: Scope, limit: int, *, since: int
    ) -> list[str]:
        """Implement `SearchEngine.complete_names`."""
        among = self._queries.since(since, scope)
        found = self._searcher.terms_with_prefix(
            COMPLETIONS, _COMPLETION_PREFIXES[kind] + _folded(prefix), among, limit * _MAX_COMPLETION_PREFIXES
        )
        return list(dict.fromkeys(term.split(_FIELD_SEPARATOR)[1] for term, _ in found))[:limit]

    def complete_title_words(
        self, prefix: str, scope: Scope, limit: int, *, since: int
    ) -> tuple[list[str], list[Hit]]:
        """Implement `SearchEngine.complete_title_words`."""
        among = self._queries.since(since, scope)
        found = self._searcher.terms_with_prefix(
            TITLE_WORDS, _folded(prefix), among, limit * _MAX_COMPLETION_PREFIXES
        )
        words = [word for word, _ in found if not word.isdecimal() and text_analysis.query_stems(word)][
            :limit
        ]
        if not words:
            return [], []
        return words, self._hits(
            self._queries.with_title_words(words, among), _MAX_SPELLING_ARTICLES, newest=True
        )

    def terms_with_prefix(self, prefix: str, limit: int) -> list[tuple[str, int]]:
        """Implement `SearchEngine.list_terms_with_prefix`.

        A single letter takes milliseconds, so its terms are cached until the index has grown by a tenth.
        """
        if len(prefix) > 1:
            return self._common_terms(prefix, limit)
        with self._cache_lock:
            then, known = self._prefix_cache.pop((prefix, limit), (0, []))
            if self.document_count > 1.1 * then:
                then, known = self.document_count, self._common_terms(prefix, limit)
            self._prefix_cache[prefix, limit] = then, known
            if len(self._prefix_cache) > _PREFIX_CACHE_SIZE:
                del self._prefix_cache[next(iter(self._prefix_cache))]
        return known

    def _common_terms(self, prefix: str, limit: int) -> list[tuple[str, int]]:
        counts = Counter(dict(self._searcher.terms_with_prefix(BODY, prefix, None, limit)))
        for term, count in self._searcher.terms_with_prefix(TITLE, prefix, None, limit):
            counts[term] = max(counts[term], count)
        return counts.most_common(limit)

    def writer(self, *, rebuild: bool = False) -> TantivyWriter:
        """Open the writer; `rebuild` gives it more memory. No other process may have one."""
        return TantivyWriter(
            self, self._index.writer(_REBUILD_HEAP_BYTES if rebuild else _WRITER_HEAP_BYTES, 1)
        )

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
    """Writes a tantivy index. All methods raise `EngineError`."""

    def __init__(self, engine: TantivyEngine, writer: tantivy.IndexWriter) -> None:
        self._engine = engine
        self._writer = writer
        # Cleared by each commit, so that a trickle of articles does not hold memory.
        self._terms = cache(text_analysis.TermCache)

    def put(self, articles: Iterable[IndexedArticle], *, fresh: bool = False) -> None:
        """Implement `IndexWriter.put_articles`."""
        made = [(each.article_id, _to_document(each, self._terms(each.language))) for each in articles]
        if not fresh:
            self.remove(article_id for article_id, _ in made)
        # The engine's thread would go to sleep between documents that arrive separately.
        for _, document in made:
            self._writer.add_document(document)

    def remove(self, article_ids: Iterable[int]) -> None:
        """Implement `IndexWriter.remove_articles`."""
        for article_id in article_ids:
            self._writer.delete_documents_by_term(ARTICLE, article_id)

    def commit(self, position: IndexPosition) -> None:
        """Implement `IndexWriter.commit`."""
        marker = tantivy.Document()
        marker.add_text(MARKER, SCHEMA_VERSION)
        marker.add_text(_POSITION_FIELD, " ".join(map(str, position)))
        self._writer.delete_documents_by_term(MARKER, SCHEMA_VERSION)
        self._writer.add_document(marker)
        self._writer.commit()
        self._terms.cache_clear()
        self._engine.refresh()

    def close(self) -> None:
        """Implement `IndexWriter.close`."""
        del self._writer  # This discards uncommitted changes.


def _to_document(of: IndexedArticle, terms: text_analysis.TermCache) -> tantivy.Document:
    document = tantivy.Document()
    document.add_integer(ARTICLE, of.article_id)
    document.add_integer(FEED, of.feed_id)
    document.add_integer(PUBLISHED, of.published)
    if of.language:
        document.add_text(LANGUAGE, of.language)
    document.add_text(TITLE, terms.index_text(of.title))
    document.add_text(TITLE_WORDS, of.title)
    document.add_text(BODY, terms.index_text(of.body[:MAX_CHARS_READ]))
    named = [
        _index_name(CompletionField.AUTHOR, of.author or ""),
        *(_index_name(CompletionField.TAG, tag) for tag in of.tags),
    ]
    facts = [" ".join(tokens_of_name(FilterName.SOURCE, of.outlet)), *(name.filter_tokens for name in named)]
    document.add_text(FILTER_TOKENS, _NAME_SEPARATOR.join([*facts, IMAGE] if of.has_image else facts))
    for offered in {offered for name in named[:_MAX_COMPLETION_NAMES] for offered in name.completions}:
        document.add_text(COMPLETIONS, offered)
    return document


class _IndexedName(NamedTuple):
    """Tag or author: the tokens that filters match, and the terms that complete it."""

    filter_tokens: str
    completions: tuple[str, ...]


@lru_cache(maxsize=1 << 12)
def _index_name(kind: CompletionField, name: str) -> _IndexedName:
    """Return the index terms of a name, which can be completed from each of its first words."""
    facts = " ".join(tokens_of_name(_FILTERS[kind], name))
    plain = discord_text.to_plain_line(name)
    if not plain or discord_text.utf16_length(plain) > _MAX_COMPLETION_LENGTH:
        return _IndexedName(facts, ())
    parts = fold(plain).split()
    beginnings = (" ".join(parts[first:]) for first in range(min(len(parts), _MAX_COMPLETION_PREFIXES)))
    return _IndexedName(
        facts,
        tuple(
            f"{_COMPLETION_PREFIXES[kind]}{beginning}{_FIELD_SEPARATOR}{plain}" for beginning in beginnings
        ),
    )


def _folded(text: str) -> str:
    return fold(discord_text.to_plain_line(text))
