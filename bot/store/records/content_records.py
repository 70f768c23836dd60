"""Records of articles, titles, page fetches and stories.

The key of an article is the same in every database. A page key is a hash of the canonical URL of a web page, the same
for all addresses of the page. `published` is the time at which an article was published, in Unix seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class ArticleChange(NamedTuple):
    """An entry of the change log: an article was added, changed or deleted.

    `change_number` is the number of the entry in the log. `nonce` is a random number, by which an entry can
    be told from the entry with the same number in another copy of the database.
    """

    change_number: int
    nonce: int
    article_id: int


class IndexedArticle(NamedTuple):
    """Fields of an article for the search index.

    `published` is Unix time in seconds; `language` is ISO 639-1.
    """

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
    """Outcome of reading an article's web page that did not fail; failures have codes of fetch errors instead."""

    FETCHED = "read"
    """The text of the page is stored."""
    PRIVATE = "private"
    """The feed or the URL has credentials, so the page is never fetched."""
    AMBIGUOUS_URL = "shared"
    """Several articles have the URL, so the page does not belong to one of them."""
    BACKLOG_SKIPPED = "backlog"
    """The article is one of the older articles of a new feed, whose pages are not fetched."""
    TOO_MANY = "too-many"
    """The feed had its maximum number of page fetches within a day."""
    PURGED = "forgotten"
    """The texts of the article were deleted because of their age."""


class StoredArticle(NamedTuple):
    """The fields of a stored article that decide whether an imported article is the same.

    `published` is Unix time in seconds.
    """

    key: str
    url: str
    page_key: str
    outlet: str
    title: str
    published: int


class CoveringOutlet(NamedTuple):
    """An outlet that reports a story, with the URL of its article."""

    outlet: str
    url: str


class ArticleProfile(NamedTuple):
    """The fields of an article from which a model predicts whether a server likes it."""

    title: str
    outlet: str
    language: str | None
    tags: tuple[str, ...]


class SimilarArticle(NamedTuple):
    """An article that is similar to a given one, with the similarity from 0 to 1."""

    article_id: int
    similarity: float


class PageFetchJob(NamedTuple):
    """A web page to fetch, with its article and the teaser from the feed.

    `attempt_count` is the number of attempts to fetch the page, including this one.
    """

    article_id: int
    page_key: str
    url: str
    title: str
    teaser: str
    attempt_count: int


class PageFetch(NamedTuple):
    """State of the fetch of an article's page: pending until `due_at`, or finished with an `outcome`.

    Times are Unix times in seconds, or None where they do not apply.
    """

    article_id: int
    outcome: str | None
    due_at: int | None
    finished_at: int | None
    attempt_count: int


MIN_SINGLE_ARTICLE_SIMILARITY = 0.5
"""Minimum similarity, from 0 to 1, with which an article is added to a story of one article so far."""


class PostedArticle(NamedTuple):
    """An article in a post to which another article about the same event may be added (join).

    `published` is Unix time in seconds. `is_first`: the post was sent for this article. `similarity` to
    the joining article is from 0 to 1, or None if unknown.
    """

    feed_id: int
    published: int
    is_first: bool
    similarity: float | None


class MuteMatch(NamedTuple):
    """Mute of a story that a new article belongs to.

    `extends_story`: later articles are compared with the new article, too, to decide whether they belong to the
    story.
    """

    mute_id: int
    extends_story: bool


JoinScorer = Callable[[int, int, Sequence[PostedArticle]], float]
"""Function that scores how well an article fits into a post; an article with a score below 0 may not be added.

It gets the feed id of the article, its publication time (Unix time in seconds), and the articles of the post.
"""


def never_join(_feed_id: int, _published: int, _post_articles: Sequence[PostedArticle]) -> float:
    """Return -1 as the score of any article, so that no article is added to a post."""
    return -1.0


@dataclass(frozen=True, slots=True)
class StoryMatches:
    """Similar articles and muted stories of new articles, by article key, and a function that scores fitting posts.

    They were computed from articles up to `last_article_id` published since `published_since` (Unix time in
    seconds), and from mutes up to `last_mute_id`. `refresh` computes them again with what came later; it
    blocks, so it may not be called on the thread of the event loop.
    """

    similar_articles_by_key: Mapping[str, Sequence[SimilarArticle]] = field(default_factory=dict)
    score_join: JoinScorer = never_join
    last_article_id: int = 0
    published_since: int = 0
    refresh: Callable[[], StoryMatches] | None = None
    mute_matches_by_key: Mapping[str, Sequence[MuteMatch]] = field(default_factory=dict)
    last_mute_id: int = 0


NO_MATCHES = StoryMatches()
"""Result of a comparison in which no new article matches an earlier one, so that none is added to its post."""


class TitleSample(NamedTuple):
    """A sampled title with the outlet, page key and time of its article.

    `published` is Unix time in seconds.
    """

    published: int
    outlet: str
    page_key: str
    title: str


class TitleSampleSet(NamedTuple):
    """A sample of the titles of a period: every `step`-th article's title, so each stands for `step` articles."""

    step: int
    titles: list[TitleSample]


class EncodedCounts(NamedTuple):
    """Numbers of articles that have an embedding, and of all articles."""

    encoded_count: int
    article_count: int


class ArticleBrief(NamedTuple):
    """The fields of an article by which articles on one event are found; `lead` is the beginning of its text.

    `published` is Unix time in seconds.
    """

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
    """A posted article to be translated into `language`, the language of its channel (ISO 639-1)."""

    article_id: int
    channel_id: int
    language: str


class TableSchema(NamedTuple):
    """Schema of a table: the columns, and the columns of the primary key in order.

    `foreign_keys` maps a column to the referenced table and to whether ON DELETE sets the column to NULL.
    """

    name: str
    columns: tuple[str, ...]
    primary_key: tuple[str, ...]
    foreign_keys: Mapping[str, tuple[str, bool]]
