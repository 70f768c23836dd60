"""Records of the outbox: delivery statuses, held posts, digests and channel feeds."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from bot.core.models import Article, DeliveryStatus
from bot.core.preferences import Filter
from bot.store.records.content_records import ArticleProfile


class WithheldReason(StrEnum):
    """Reason for which an article was withheld from a channel."""

    PAUSED = "paused"
    BOT_ABSENT = "away"
    """The bot was not in the server."""
    UNFOLLOWED = "unfollowed"
    ALREADY_SENT = "told"
    """It was sent in a message that a restored backup did not know."""
    TOO_FEW_OUTLETS = "few-outlets"
    """Stored with two numbers: outlets that reported the story, outlets required."""
    NOT_SELECTED = "not-best"
    """It was not among the top stories of its day."""


class WaitReason(StrEnum):
    """Channel preference for which a post waits."""

    QUIET_HOURS = "quiet-hours"
    HOURLY_LIMIT = "most-an-hour"
    MIN_INTERVAL = "gap"
    MORE_OUTLETS = "outlets"
    """Stored with two numbers: outlets that report the story, outlets required."""
    TOP_STORY_SELECTION = "best"
    """Stored with the time of the next selection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDeliveryStatus:
    """Delivery status of an article in a channel, with its reason, None if there is none.

    `since` is in seconds of UTC; `joined` is the title of the post that the article joined, None if it joined
    none.
    """

    server_id: int
    channel_id: int
    article_id: int
    fate: DeliveryStatus
    reason: str | None
    since: int
    message_id: int | None
    thread_id: int | None
    joined: str | None = None

    @property
    def filters(self) -> list[Filter]:
        """Return the filters that blocked the article, an empty list if none did."""
        return [
            Filter.parse(line)
            for line in (self.reason or "").splitlines()
            if self.fate is DeliveryStatus.FILTERED
        ]


class SamePageArticle(NamedTuple):
    """An article with the same page as a digest candidate."""

    article_id: int
    feed_id: int
    outlet: str


class TopStorySelection(NamedTuple):
    """A channel whose top stories are due for selection, since `due_at` (seconds of UTC)."""

    server_id: int
    channel_id: int
    stories_per_day: int
    due_at: int
    time_zone: str


class HeldStory(NamedTuple):
    """A story that is held in a channel, with its articles, the post's own article first.

    `published` is in seconds of UTC. `outlet_count` is the number of outlets that report it, `bookmark_count`
    the number of users of the server who bookmarked it.
    """

    post_id: int
    published: int
    outlet_count: int
    bookmark_count: int
    articles: tuple[ArticleProfile, ...]


class DigestCandidate(NamedTuple):
    """An article that a digest may include, with the other articles of its page that may be listed.

    `published` is in seconds of UTC. `bookmark_count` is the number of users of the server who bookmarked any
    of them.
    """

    article_id: int
    feed_id: int
    page: str
    title: str
    outlet: str
    tags: tuple[str, ...]
    language: str | None
    published: int
    same_page_articles: tuple[SamePageArticle, ...]
    bookmark_count: int


class DigestCandidates(NamedTuple):
    """Input of a digest: candidates, newest first, ids of all reserved articles, and pairs of similar ones.

    A pair has two article ids and their similarity from 0 to 1.
    """

    candidates: list[DigestCandidate]
    reserved_article_ids: list[int]
    similar_pairs: list[tuple[int, int, float]]


class RecoveredNotification(NamedTuple):
    """A watch notification found in Discord after a restore, with its dedupe key and articles."""

    dedupe_key: str
    message_id: int
    article_ids: Collection[int]


class MaxRetryDelays(NamedTuple):
    """Maximum delays in seconds until a dispatch, a channel or a page fetch is retried."""

    dispatch: int
    channel: int
    page: int


class ChannelFeed(NamedTuple):
    """A channel that is published as a feed, with the time since which its URLs work (seconds of UTC)."""

    server_id: int
    channel_id: int
    created: int


class ChannelFeedItem(NamedTuple):
    """An article posted in a channel, as a message or joined to one, with the time in seconds of UTC."""

    article: Article
    dispatch_id: int
    posted_at: int
    is_joined: bool


class SentDigest(NamedTuple):
    """A digest that was sent: its message, its content as JSON, and its articles by id."""

    dispatch_id: int
    sent_at: int
    message_id: int
    thread_or_channel_id: int
    payload: str
    articles: dict[int, Article]
