"""The port of the search engine: articles and a query tree in, hits out, whichever engine it is.

Every method may be called from any thread. Whoever calls from the event loop calls in a thread: an engine
does not hold the interpreter's lock while it searches, and thirty phrases take 16 ms even among 500 articles.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from bot.search.query.query_tree import Node
from bot.store.records.content_records import IndexedArticle


class EngineError(Exception):
    """The index cannot be used: it is missing, damaged, or of other rules."""


class IndexPosition(NamedTuple):
    """How far an index has followed the store.

    `change` is the last change that it holds, with the `mark` that only this change of this database has. An
    index that is being built holds the articles from the id `filled` on; 0: all.
    """

    last_change: int = 0
    change_token: int = 0
    backfilled_from: int = 0


class Hit(NamedTuple):
    """An article that was found; the larger its `score`, the better (BM25; 0 where nothing was scored)."""

    article_id: int
    score: float


class CompletionField(StrEnum):
    """The names that are completed."""

    TAG = "tag"
    AUTHOR = "author"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which articles may be found at all: of these feeds, and of these (None: of all). Part of every query.

    `bookmarked_article_ids` are the articles that `is:bookmarked` means.
    """

    feed_ids: frozenset[int] | None = None
    article_ids: frozenset[int] | None = None
    bookmarked_article_ids: frozenset[int] = frozenset()


UNRESTRICTED = Scope()
NO_TERMS: Mapping[str, Collection[str]] = {}


class SearchEngine(Protocol):
    """Finds articles in an index, as of the last `refresh`."""

    @property
    def document_count(self) -> int:
        """How many articles the index holds."""
        ...

    def refresh(self) -> None:
        """See what was committed since, by whatever process."""
        ...

    def match_all(
        self, nodes: Collection[Node], scope: Scope, limit: int, *, newest: bool = False
    ) -> list[Hit]:
        """The best `limit` articles that all nodes hold of, by BM25, or those published last.

        Without nodes, all articles match. A phrase is also found in other inflections: an index of the words
        as they stand would cost as much again.
        """
        ...

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
        """The best `limit` articles that have any word of a text, by BM25.

        Per word, the better of title and text counts, and half of the other; index terms that are `related`
        to a word count half of it. All of `required` must hold; what is `near` need not, and counts.
        """
        ...

    def match_similar(
        self, weights: Mapping[str, float], scope: Scope, limit: int, *, exclude_article_id: int
    ) -> list[Hit]:
        """The best `limit` articles that have two of these index terms, which count so much, or more.

        The article `besides` is left out.
        """
        ...

    def document_frequency(self, term: str) -> int:
        """In how many articles an index term (see `text_analysis.Terms`) stands in title or text, about."""
        ...

    def complete(
        self, kind: CompletionField, prefix: str, scope: Scope, limit: int, *, since: int
    ) -> list[str]:
        """Tags or authors that begin so, as they are written, the most used first.

        Of articles published since a time; case and accents do not matter, and a name is also found by its
        later words.
        """
        ...

    def complete_title_words(
        self, prefix: str, scope: Scope, limit: int, *, since: int
    ) -> tuple[list[str], list[Hit]]:
        """The `text_analysis.words` of titles that begin so, the most used first, small words left out.

        Of articles published since a time; with the newest that have some of them.
        """
        ...

    def terms_with_prefix(self, prefix: str, limit: int) -> list[tuple[str, int]]:
        """The index terms of titles and texts that begin so, each with how many articles have it, about.

        The commonest first.
        """
        ...


class IndexWriter(Protocol):
    """Keeps an index. One process at a time; not thread-safe."""

    def put(self, articles: Iterable[IndexedArticle], *, fresh: bool = False) -> None:
        """Add articles, each in the place of the one with its id; `fresh` ones are in nobody's."""
        ...

    def remove(self, article_ids: Iterable[int]) -> None:
        """Take articles out, as far as they are there."""
        ...

    def commit(self, position: IndexPosition) -> None:
        """Keep all that was done since the last commit and this position; killed before the end, nothing."""
        ...

    def close(self) -> None:
        """Let another process write."""
        ...
