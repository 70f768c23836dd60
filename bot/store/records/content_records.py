"""Records of articles, titles, page fetches and stories."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class ArticleChange(NamedTuple):
    """A change log entry: an article was added, changed or deleted. `nonce` is unique across databases."""

    sequence: int
    nonce: int
    article_id: int


class IndexedArticle(NamedTuple):
    """Fields of an article for the search index. `published` is seconds of UTC; `language` is ISO 639-1."""

    article_id: int
    feed_id: int
    published: int
    title: str
    body: str
    language: str | None
    outlet: str
    author: str | None
    tags: tuple[str, ...]
    has_image: bool


class PageFetchOutcome(StrEnum):
    """How a page fetch ended; failures have the codes of `feeds.fetch_errors` instead."""

    FETCHED = "read"
    PRIVATE = "private"
    AMBIGUOUS_URL = "shared"
    BACKLOG_SKIPPED = "backlog"
    TOO_MANY = "too-many"
    PURGED = "forgotten"


class StoredArticle(NamedTuple):
    """Fields that decide whether an imported article is already stored."""

    key: str
    url: str
    page: str
    outlet: str
    title: str
    published: int


class CoveringOutlet(NamedTuple):
    """An outlet that reports a story, and the URL of its article."""

    outlet: str
    url: str


class ArticleProfile(NamedTuple):
    """Fields of an article for the preference model."""

    title: str
    outlet: str
    language: str | None
    tags: tuple[str, ...]


class SimilarArticle(NamedTuple):
    """An article similar to another one, with the similarity from 0 to 1."""

    article_id: int
    similarity: float


class PageFetchJob(NamedTuple):
    """A page to fetch, with its article and the teaser from the feed."""

    article_id: int
    page: str
    url: str
    title: str
    teaser: str
    attempts: int


class PageFetch(NamedTuple):
    """State of a page fetch: pending until `due_at`, or finished with an `outcome`.

    Times are in seconds of UTC, None where they do not apply.
    """

    article_id: int
    outcome: str | None
    due_at: int | None
    finished_at: int | None
    attempts: int


SINGLE_ARTICLE_SIMILARITY = 0.5
"""Similarity from which an article joins a story of a single article, from 0 to 1."""


class PostedArticle(NamedTuple):
    """An article of a post that another article may join.

    `is_first`: the post was sent for it; `similarity` to the joining article is from 0 to 1, None if unknown.
    """

    feed_id: int
    published: int
    is_first: bool
    similarity: float | None


JoinScorer = Callable[[int, int, Sequence[PostedArticle]], float]
"""Score of how well an article (feed id, publication time) fits into a post; below 0 it may not join."""


def never_join(_feed_id: int, _published: int, _post: Sequence[PostedArticle]) -> float:
    """Return -1: no article joins a post."""
    return -1.0


@dataclass(frozen=True, slots=True)
class StoryMatches:
    """Similar articles of new ones, by article key, and the function that decides which post each one joins.

    Computed from articles up to `last_article_id` published since `published_since` (seconds of UTC).
    `refresh` recomputes with later articles; call it on a thread.
    """

    by_key: Mapping[str, Sequence[SimilarArticle]] = field(default_factory=dict)
    join_score: JoinScorer = never_join
    last_article_id: int = 0
    published_since: int = 0
    refresh: Callable[[], StoryMatches] | None = None


NO_MATCHES = StoryMatches()
"""Matches under which no article joins a post."""


class TitleSample(NamedTuple):
    """A title with its outlet, page key and time. `published` is in seconds of UTC."""

    published: int
    outlet: str
    page: str
    title: str


class TitleSampleSet(NamedTuple):
    """A sample of the titles of a period; each title stands for `step` articles."""

    step: int
    titles: list[TitleSample]


class EncodedCounts(NamedTuple):
    """The number of articles with an embedding, and of all articles."""

    encoded: int
    articles: int


class ArticleBrief(NamedTuple):
    """Fields of an article for story matching. `published` is in seconds of UTC."""

    article_id: int
    key: str
    feed_id: int
    title: str
    lead: str
    language: str | None
    published: int


class GeneratedTextKind(StrEnum):
    """Kind of a text that a language model generated from an article."""

    SUMMARY = "summary"
    TRANSLATION = "translation"


class PendingTranslation(NamedTuple):
    """A posted article to translate into `language`, the language of its channel (ISO 639-1)."""

    article_id: int
    channel_id: int
    language: str


class TableSchema(NamedTuple):
    """Schema of a table: its columns, and its primary key in order.

    `foreign_keys` maps a column to the referenced table and whether ON DELETE sets it to NULL.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    foreign_keys: Mapping[str, tuple[str, bool]]
