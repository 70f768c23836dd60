"""Articles, their titles, pages and stories, as far as somebody needs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class ArticleChange(NamedTuple):
    """An article is new, was changed or deleted. `mark` is this change's alone, in whatever database."""

    sequence: int
    nonce: int
    article_id: int


class IndexedArticle(NamedTuple):
    """An article as a search index is told of it. `published`: seconds of UTC; `language`: ISO 639-1."""

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
    """How the reading of an article's page ended, beside the codes of `feeds.fetch_errors`."""

    FETCHED = "read"
    PRIVATE = "private"
    AMBIGUOUS_URL = "shared"
    BACKLOG_SKIPPED = "backlog"
    TOO_MANY = "too-many"
    PURGED = "forgotten"


class StoredArticle(NamedTuple):
    """What tells whether an article that a file brings is there already."""

    key: str
    url: str
    page: str
    outlet: str
    title: str
    published: int


class CoveringOutlet(NamedTuple):
    """An outlet that tells of the same event as another, and where."""

    outlet: str
    url: str


class ArticleProfile(NamedTuple):
    """As much of an article as tells whether people like it."""

    title: str
    outlet: str
    language: str | None
    tags: tuple[str, ...]


class SimilarArticle(NamedTuple):
    """An article that another one seems to tell the same as, and how alike they are, from 0 to 1."""

    article_id: int
    similarity: float


class PageFetchJob(NamedTuple):
    """A page to be read: its article, the address, and what the feed told of it."""

    article_id: int
    page: str
    url: str
    title: str
    teaser: str
    attempts: int


class PageFetch(NamedTuple):
    """How far the reading of an article's page is: `due` again at a time, or over."""

    article_id: int
    outcome: str | None
    due_at: int | None
    finished_at: int | None
    attempts: int


SINGLE_ARTICLE_SIMILARITY = 0.5
"""How like the only article of a story another one has to be, from 0 to 1."""


class PostedArticle(NamedTuple):
    """An article of a post that another may join: whether it is the post's own, and how alike they are."""

    feed_id: int
    published: int
    is_first: bool
    similarity: float | None


JoinScorer = Callable[[int, int, Sequence[PostedArticle]], float]
"""How much an article of a feed, published at a time, belongs to a post of these; below 0: not at all."""


def never_join(_feed_id: int, _published: int, _post: Sequence[PostedArticle]) -> float:
    """Nothing belongs together."""
    return -1.0


@dataclass(frozen=True, slots=True)
class StoryMatches:
    """What new articles seem to tell the same as, by their keys, and what decides which post they join.

    Known are the articles up to `last_id` that were published `since` a time; `again`, called on a thread,
    takes in later ones.
    """

    by_key: Mapping[str, Sequence[SimilarArticle]] = field(default_factory=dict)
    join_score: JoinScorer = never_join
    last_id: int = 0
    since: int = 0
    refresh: Callable[[], StoryMatches] | None = None


NO_MATCHES = StoryMatches()


class TitleSample(NamedTuple):
    """A title with what tells where and when it stood. `published` is in seconds of UTC."""

    published: int
    outlet: str
    page: str
    title: str


class TitleSampleSet(NamedTuple):
    """Titles of a time; each stands for `step` articles, of which there were too many to read."""

    step: int
    titles: list[TitleSample]


class EncodedCounts(NamedTuple):
    """How many articles have a vector, and how many there are."""

    encoded: int
    articles: int


class ArticleBrief(NamedTuple):
    """As much of an article as tells which event it is about."""

    article_id: int
    key: str
    feed_id: int
    title: str
    lead: str
    language: str | None
    published: int


class GeneratedTextKind(StrEnum):
    """What a language model wrote of an article."""

    SUMMARY = "summary"
    TRANSLATION = "translation"


class PendingTranslation(NamedTuple):
    """A post in a channel whose article is in another language than the channel's, `language`."""

    article_id: int
    channel_id: int
    language: str


class TableSchema(NamedTuple):
    """A table: columns, its key in order, and by column what it points to, and whether NULL may be there."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    foreign_keys: Mapping[str, tuple[str, bool]]
