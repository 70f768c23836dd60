"""Search engine on tantivy (https://docs.rs/tantivy), whose index is in a folder of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import tantivy

from bot.search.index import text_analysis
from bot.search.index.engine_errors import translate_engine_errors
from bot.search.index.search_engine import NO_RELATED_TERMS, CompletionField, Hit, IndexPosition, Scope
from bot.search.index.tantivy_queries import (  # fmt: skip
    ARTICLE_FIELD,
    BODY_FIELD,
    COMPLETIONS_FIELD,
    FEED_FIELD,
    FILTER_TOKENS_FIELD,
    LANGUAGE_FIELD,
    MARKER_FIELD,
    NAMES_FIELD,
    PUBLISHED_FIELD,
    TITLE_FIELD,
    TITLE_WORDS_FIELD,
    QueryBuilder,
)
from bot.search.query.name_tokens import IMAGE_MARKER, tokenize_name
from bot.search.query.query_filters import FilterName
from bot.search.query.query_matching import MAX_CHARS_READ
from bot.search.query.query_tree import Node
from bot.store.records.content_records import IndexedArticle
from bot.text import discord_text
from bot.text.words import fold

SCHEMA_VERSION = f"2.{text_analysis.ANALYSIS_VERSION}"
"""Version of the index's schema and text analysis; an index with another version is rebuilt."""

_WRITER_HEAP_BYTES = 15_000_000
"""Memory in bytes for uncommitted documents: the minimum that tantivy accepts."""
_REBUILD_HEAP_BYTES = 30_000_000
"""Memory in bytes for uncommitted documents during a rebuild; the more, the fewer segments are merged."""
_WHITESPACE_TOKENIZER = "spaced"
"""Name of the text analyzer for index terms separated by spaces."""
_WORD_TOKENIZER = "words"
"""Name of the text analyzer for unstemmed words."""
_POSITION_FIELD_NAME = "kept"
"""Name of the field that stores the position in the store's change log, in a document of its own."""
_NAME_SEPARATOR = " . "
"""Separator of the names (such as tags) in a field of the index, so that no phrase query matches across two names."""
_MAX_COMPLETION_NAMES = 11
"""Maximum number of an article's names that can be completed: the author and ten tags."""
_MAX_COMPLETION_LENGTH = 60
"""Maximum length of a name that is offered as a completion, in UTF-16 code units."""
_MAX_SPELLING_ARTICLES = 60
"""Maximum number of articles whose titles are read to find the original spelling of words."""
_MAX_COMPLETABLE_WORDS = 3
"""Maximum number of words of a name, from the first on, that a typed prefix may begin."""
_TITLE_WORD_OVERFETCH_FACTOR = 3
"""Factor on the number of title words fetched; numbers and stop words among them are dropped."""
_PREFIX_CACHE_SIZE = 32
"""Maximum number of prefixes whose index terms are cached; each prefix takes up to 200 kB."""
_COMPLETION_SEPARATOR = "\x1f"
"""Separator between the folded text of a completion (no case or accents) and its original spelling."""
_COMPLETION_MARKS = {CompletionField.TAG: "t", CompletionField.AUTHOR: "a"}
"""First letters of the index terms of completions, which tell tags and authors apart."""
_FILTER_BY_COMPLETION_FIELD = {CompletionField.TAG: FilterName.TAG, CompletionField.AUTHOR: FilterName.AUTHOR}
"""Filter of a query (`tag:` or `author:`) by the field whose names it matches and a search can complete."""


def _build_schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_integer_field(ARTICLE_FIELD, indexed=True, fast=True)
    builder.add_integer_field(FEED_FIELD, indexed=True)
    builder.add_integer_field(PUBLISHED_FIELD, fast=True)
    builder.add_text_field(LANGUAGE_FIELD, tokenizer_name="raw", index_option="basic")
    builder.add_text_field(COMPLETIONS_FIELD, tokenizer_name="raw", index_option="basic")
    for field_name in (
        TITLE_FIELD,
        BODY_FIELD,
        FILTER_TOKENS_FIELD,
    ):  # Their terms depend on the article's language.
        builder.add_text_field(field_name, tokenizer_name=_WHITESPACE_TOKENIZER)
    builder.add_text_field(TITLE_WORDS_FIELD, tokenizer_name=_WORD_TOKENIZER, index_option="basic")
    builder.add_text_field(NAMES_FIELD, tokenizer_name=_WHITESPACE_TOKENIZER, index_option="basic")
    builder.add_text_field(MARKER_FIELD, tokenizer_name="raw", index_option="basic")
    builder.add_text_field(_POSITION_FIELD_NAME, stored=True, tokenizer_name="raw", index_option="basic")
    return builder.build()


@translate_engine_errors
class TantivyEngine:
    """Search engine on an open tantivy index, created if the folder is empty.

    All public members raise only `EngineError`.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._index = tantivy.Index(_build_schema(), path=str(folder))
        whitespace_analyzer = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
        self._index.register_tokenizer(_WHITESPACE_TOKENIZER, whitespace_analyzer)
        self._index.register_tokenizer(_WORD_TOKENIZER, text_analysis.load_word_analyzer())
        self._index.config_reader("manual")
        self._query_builder = QueryBuilder(self._index.schema)
        self._prefix_cache: dict[tuple[str, int], tuple[int, list[tuple[str, int]]]] = {}
        self._cache_lock = Lock()
        self.reload()

    def reload(self) -> None:
        """Make visible to searches what any process has committed since the last reload."""
        self._index.reload()
        self._searcher = self._index.searcher()
        indexed_languages = (
            code for code in text_analysis.STEMMER_NAME_BY_LANGUAGE if self._searcher.doc_freq(LANGUAGE_FIELD, code)
        )
        self._query_builder.languages = tuple(dict.fromkeys((*text_analysis.QUERY_LANGUAGES, *indexed_languages)))

    @property
    def document_count(self) -> int:
        """Return the number of articles in the index."""
        return max(0, self._searcher.num_docs - 1)  # Without the marker document.

    @property
    def position(self) -> IndexPosition | None:
        """Return the position in the store's change log up to which the index is complete.

        Returns None before the first commit, and for an index of another schema version.
        """
        searcher = self._searcher
        query = tantivy.Query.term_query(self._index.schema, MARKER_FIELD, SCHEMA_VERSION)
        for _, address in searcher.search(query, 1).hits:
            stored_position = searcher.doc(address).get_first(_POSITION_FIELD_NAME)
            return IndexPosition(*map(int, str(stored_position).split()))
        return None

    def match_all(self, nodes: Collection[Node], scope: Scope, limit: int, *, newest_first: bool = False) -> list[Hit]:
        """Return at most `limit` articles that match all nodes of a query, by BM25 score or newest first."""
        return self._search(self._query_builder.match_all(nodes, scope), limit, newest_first=newest_first)

    def match_any(
        self,
        text: str,
        scope: Scope,
        limit: int,
        *,
        required_nodes: Collection[Node] = (),
        optional_nodes: Collection[Node] = (),
        related_terms: Mapping[str, Collection[str]] = NO_RELATED_TERMS,
    ) -> list[Hit]:
        """Return at most `limit` articles that contain any word of a text or match an optional node, by BM25 score.

        All `required_nodes` must match. If one of them is a phrase, the words and `optional_nodes` only add to the
        score. `related_terms` are index terms, by word, that may stand for the word.
        """
        return self._search(
            self._query_builder.match_any(text, scope, required_nodes, optional_nodes, related_terms), limit
        )

    def match_similar(
        self, weight_by_term: Mapping[str, float], scope: Scope, limit: int, *, exclude_article_id: int
    ) -> list[Hit]:
        """Return at most `limit` articles with at least two of the weighted index terms, best first.

        If only one term is given, articles with it match. The article `exclude_article_id` is left out.

        Tantivy's own MoreLikeThis query takes texts, which it would analyse by the rules of one language.
        """
        return (
            self._search(self._query_builder.match_similar(weight_by_term, scope, exclude_article_id), limit)
            if weight_by_term
            else []
        )

    def get_document_frequency(self, term: str) -> int:
        """Return the approximate number of articles that contain an index term in title or text."""
        return max(self._searcher.doc_freq(TITLE_FIELD, term), self._searcher.doc_freq(BODY_FIELD, term))

    def complete_names(self, field: CompletionField, prefix: str, scope: Scope, limit: int, *, since: int) -> list[str]:
        """Return at most `limit` tags or authors with the prefix, as they are spelled, most used first.

        Only articles published since `since` (Unix time in seconds) count.
        """
        recent_articles = self._query_builder.match_published_since(since, scope)
        terms = self._searcher.terms_with_prefix(
            COMPLETIONS_FIELD,
            _COMPLETION_MARKS[field] + _fold_name(prefix),
            recent_articles,
            limit * _MAX_COMPLETABLE_WORDS,
        )
        return list(dict.fromkeys(term.split(_COMPLETION_SEPARATOR)[1] for term, _ in terms))[:limit]

    def complete_title_words(self, prefix: str, scope: Scope, limit: int, *, since: int) -> tuple[list[str], list[Hit]]:
        """Return at most `limit` title words with the prefix, most used first, and the newest hits with them.

        Only articles published since `since` (Unix time in seconds) count.
        """
        recent_articles = self._query_builder.match_published_since(since, scope)
        terms = self._searcher.terms_with_prefix(
            TITLE_WORDS_FIELD, _fold_name(prefix), recent_articles, limit * _TITLE_WORD_OVERFETCH_FACTOR
        )
        words = [word for word, _ in terms if not word.isdecimal() and text_analysis.find_query_stems(word)][:limit]
        if not words:
            return [], []
        return words, self._search(
            self._query_builder.match_title_words(words, recent_articles), _MAX_SPELLING_ARTICLES, newest_first=True
        )

    def list_terms_with_prefix(self, prefix: str, limit: int) -> list[tuple[str, int]]:
        """Return at most `limit` index terms with a prefix, most frequent first, with their document frequencies.

        A prefix of one letter takes milliseconds, so its terms are cached until the index has grown by a
        tenth.
        """
        if len(prefix) > 1:
            return self._list_common_terms(prefix, limit)
        with self._cache_lock:
            cached_document_count, terms = self._prefix_cache.pop((prefix, limit), (0, []))
            if self.document_count > 1.1 * cached_document_count:
                cached_document_count, terms = self.document_count, self._list_common_terms(prefix, limit)
            self._prefix_cache[prefix, limit] = cached_document_count, terms
            if len(self._prefix_cache) > _PREFIX_CACHE_SIZE:
                del self._prefix_cache[next(iter(self._prefix_cache))]
        return terms

    def _list_common_terms(self, prefix: str, limit: int) -> list[tuple[str, int]]:
        document_count_by_term = Counter(dict(self._searcher.terms_with_prefix(BODY_FIELD, prefix, None, limit)))
        for term, document_count in self._searcher.terms_with_prefix(TITLE_FIELD, prefix, None, limit):
            document_count_by_term[term] = max(document_count_by_term[term], document_count)
        return document_count_by_term.most_common(limit)

    def open_writer(self, *, for_rebuild: bool = False) -> TantivyWriter:
        """Open the writer of the index; `for_rebuild` gives it more memory.

        No other process may have a writer.
        """
        return TantivyWriter(self, self._index.writer(_REBUILD_HEAP_BYTES if for_rebuild else _WRITER_HEAP_BYTES, 1))

    def _search(self, query: tantivy.Query, limit: int, *, newest_first: bool = False) -> list[Hit]:
        searcher = self._searcher
        if newest_first:
            scored_addresses = searcher.search(query, limit, count=False, order_by_field=PUBLISHED_FIELD).hits
        else:
            scored_addresses = searcher.search(query, limit, count=False).hits
        article_ids = searcher.fast_field_values(ARTICLE_FIELD, [address for _, address in scored_addresses])
        return [
            Hit(int(article_id), 0.0 if newest_first else float(score))
            for article_id, (score, _) in zip(article_ids, scored_addresses, strict=True)
            if article_id is not None
        ]


@translate_engine_errors
class TantivyWriter:
    """Writer of a tantivy index. All methods raise `EngineError` if the index cannot be written."""

    def __init__(self, engine: TantivyEngine, writer: tantivy.IndexWriter) -> None:
        self._engine = engine
        self._writer = writer
        # Cleared by each commit, so that a trickle of articles does not hold memory.
        self._get_term_cache = cache(text_analysis.TermCache)

    def put_articles(self, articles: Iterable[IndexedArticle], *, are_new: bool = False) -> None:
        """Add articles to the index, replacing those with the same ids; `are_new`: none of them is in the index."""
        documents = [
            (article.article_id, _to_document(article, self._get_term_cache(article.language))) for article in articles
        ]
        if not are_new:
            self.remove_articles(article_id for article_id, _ in documents)
        # The engine's thread would go to sleep between documents that arrive separately.
        for _, document in documents:
            self._writer.add_document(document)

    def remove_articles(self, article_ids: Iterable[int]) -> None:
        """Remove articles from the index by id; unknown ids are ignored."""
        for article_id in article_ids:
            self._writer.delete_documents_by_term(ARTICLE_FIELD, article_id)

    def commit(self, position: IndexPosition) -> None:
        """Commit atomically all changes since the last commit, with the position in the change log."""
        marker_document = tantivy.Document()
        marker_document.add_text(MARKER_FIELD, SCHEMA_VERSION)
        marker_document.add_text(_POSITION_FIELD_NAME, " ".join(map(str, position)))
        self._writer.delete_documents_by_term(MARKER_FIELD, SCHEMA_VERSION)
        self._writer.add_document(marker_document)
        self._writer.commit()
        self._get_term_cache.cache_clear()
        self._engine.reload()

    def close(self) -> None:
        """Discard uncommitted changes, and let another process write the index."""
        del self._writer  # This discards uncommitted changes.


def _to_document(article: IndexedArticle, term_cache: text_analysis.TermCache) -> tantivy.Document:
    document = tantivy.Document()
    document.add_integer(ARTICLE_FIELD, article.article_id)
    document.add_integer(FEED_FIELD, article.feed_id)
    document.add_integer(PUBLISHED_FIELD, article.published)
    if article.language:
        document.add_text(LANGUAGE_FIELD, article.language)
    document.add_text(TITLE_FIELD, term_cache.build_index_text(article.title))
    document.add_text(TITLE_WORDS_FIELD, article.title)
    document.add_text(BODY_FIELD, term_cache.build_index_text(article.body[:MAX_CHARS_READ]))
    document.add_text(NAMES_FIELD, " ".join(term_cache.find_stemmed_names(article.body[:MAX_CHARS_READ])))
    indexed_names = [
        _index_name(CompletionField.AUTHOR, article.author or ""),
        *(_index_name(CompletionField.TAG, tag) for tag in article.tags),
    ]
    filter_tokens = [
        " ".join(tokenize_name(FilterName.SOURCE, article.outlet)),
        *(name.filter_tokens for name in indexed_names),
    ]
    document.add_text(
        FILTER_TOKENS_FIELD,
        _NAME_SEPARATOR.join([*filter_tokens, IMAGE_MARKER] if article.has_image else filter_tokens),
    )
    for name_completion in {
        completion for name in indexed_names[:_MAX_COMPLETION_NAMES] for completion in name.completions
    }:
        document.add_text(COMPLETIONS_FIELD, name_completion)
    return document


class _IndexedName(NamedTuple):
    """Index terms of a tag or author: the tokens that filters match, and the terms that complete it."""

    filter_tokens: str
    completions: tuple[str, ...]


@lru_cache(maxsize=1 << 12)
def _index_name(completion_field: CompletionField, name: str) -> _IndexedName:
    """Return the index terms of the name of a tag or author.

    The name can be completed from a prefix of each of its first `_MAX_COMPLETABLE_WORDS` words.
    """
    filter_tokens = " ".join(tokenize_name(_FILTER_BY_COMPLETION_FIELD[completion_field], name))
    plain_name = discord_text.to_plain_line(name)
    if not plain_name or discord_text.count_utf16_units(plain_name) > _MAX_COMPLETION_LENGTH:
        return _IndexedName(filter_tokens, ())
    folded_words = fold(plain_name).split()
    name_endings = (
        " ".join(folded_words[first_index:]) for first_index in range(min(len(folded_words), _MAX_COMPLETABLE_WORDS))
    )
    return _IndexedName(
        filter_tokens,
        tuple(
            f"{_COMPLETION_MARKS[completion_field]}{name_ending}{_COMPLETION_SEPARATOR}{plain_name}"
            for name_ending in name_endings
        ),
    )


def _fold_name(text: str) -> str:
    return fold(discord_text.to_plain_line(text))
