"""Interface of the search engine: articles and query trees in, hits out.

All methods may be called from any thread. Callers on the event loop use a thread: the engine releases the
interpreter's lock while it searches, and thirty phrases take 16 ms even among 500 articles.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from bot.search.query.query_tree import Node
from bot.store.records.content_records import IndexedArticle


class EngineError(Exception):
    """Error for an index that cannot be used: it is missing, damaged or has another schema version."""


class IndexPosition(NamedTuple):
    """Position up to which an index contains the store's change log.

    Attributes:
        last_change_number: Number of the last change that the index contains.
        change_token: Random token of that change. The token tells databases apart.
        backfilled_from_id: During a rebuild, the article id from which on all articles are indexed; 0 when the
            index is complete.
    """

    last_change_number: int = 0
    change_token: int = 0
    backfilled_from_id: int = 0


class Hit(NamedTuple):
    """A matching article with its BM25 score, of which higher is better; 0 if scores were not computed."""

    article_id: int
    score: float


class CompletionField(StrEnum):
    """Field of an article whose values the search can complete."""

    TAG = "tag"
    AUTHOR = "author"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Restriction of a search to articles by feed and by article id; None means no restriction.

    Pages that users saved are found only by the ids of their feeds. The scope applies to every query.
    `bookmarked_article_ids` are the articles that the filter `is:bookmarked` matches.
    """

    feed_ids: frozenset[int] | None = None
    article_ids: frozenset[int] | None = None
    bookmarked_article_ids: frozenset[int] = frozenset()


UNRESTRICTED_SCOPE = Scope()
"""Scope that contains all articles of feeds, but no pages that users saved."""
NO_RELATED_TERMS: Mapping[str, Collection[str]] = {}
"""Empty mapping, for a query without related index terms."""


class SearchEngine(Protocol):
    """Finder of articles in an index, in its state at the last `reload`."""

    @property
    def document_count(self) -> int:
        """Return the number of articles in the index."""
        ...

    def reload(self) -> None:
        """Make visible to searches what any process has committed since the last reload."""
        ...

    def match_all(self, nodes: Collection[Node], scope: Scope, limit: int, *, newest_first: bool = False) -> list[Hit]:
        """Return at most `limit` articles that match all nodes of a query, by BM25 score or newest first.

        Without nodes every article matches. A phrase also matches other inflections of its words, because an
        index of unstemmed words would take twice the space.
        """
        ...

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

        For each word, the better of its scores in title and text counts, plus half of the lower one.
        `related_terms` are index terms, by word, that may stand for the word and count half as much. All
        `required_nodes` must match. If one of them is a phrase, the words and `optional_nodes` only add to the score.
        """
        ...

    def match_similar(
        self, weight_by_term: Mapping[str, float], scope: Scope, limit: int, *, exclude_article_id: int
    ) -> list[Hit]:
        """Return at most `limit` articles that contain at least two of the weighted index terms, best first.

        If only a single term is given, articles with that term match. The article `exclude_article_id` is
        left out.
        """
        ...

    def get_document_frequency(self, term: str) -> int:
        """Return the approximate number of articles that contain an index term in title or text."""
        ...

    def complete_names(self, field: CompletionField, prefix: str, scope: Scope, limit: int, *, since: int) -> list[str]:
        """Return at most `limit` tags or authors with the prefix, as they are spelled, most used first.

        Only articles published since `since` (Unix time in seconds) count. Case and accents are ignored, and
        the prefix may also begin the second or third word of the name.
        """
        ...

    def complete_title_words(self, prefix: str, scope: Scope, limit: int, *, since: int) -> tuple[list[str], list[Hit]]:
        """Return at most `limit` title words with the prefix, most used first, and the newest hits with them.

        The words are tokens of `text_analysis.tokenize` without numbers and stop words, from articles published
        since `since` (Unix time in seconds).
        """
        ...

    def list_terms_with_prefix(self, prefix: str, limit: int) -> list[tuple[str, int]]:
        """Return at most `limit` index terms with the prefix and their approximate document frequencies.

        The most frequent terms come first.
        """
        ...


class IndexWriter(Protocol):
    """Writer of an index. Only one process may have a writer; it is not thread-safe."""

    def put_articles(self, articles: Iterable[IndexedArticle], *, are_new: bool = False) -> None:
        """Add articles to the index, replacing those with the same ids.

        `are_new` says that none of them is in the index yet.
        """
        ...

    def remove_articles(self, article_ids: Iterable[int]) -> None:
        """Remove articles from the index by id; unknown ids are ignored."""
        ...

    def commit(self, position: IndexPosition) -> None:
        """Commit atomically all changes since the last commit, with the position in the change log."""
        ...

    def close(self) -> None:
        """Discard uncommitted changes, and let another process write the index."""
        ...
