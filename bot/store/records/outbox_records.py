"""What channels are owed, and what became of it."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from bot.core.models import Article, DeliveryStatus
from bot.core.preferences import Filter
from bot.store.records.content_records import ArticleProfile


class WithheldReason(StrEnum):
    """Why an article was withheld from a channel."""

    PAUSED = "paused"
    BOT_ABSENT = "away"  # the bot was not in the server
    UNFOLLOWED = "unfollowed"
    ALREADY_SENT = "told"  # in a message that a restored backup knows nothing of
    TOO_FEW_OUTLETS = "few-outlets"  # followed by how many told its story, and how many were wanted
    NOT_SELECTED = "not-best"  # of its day


class WaitReason(StrEnum):
    """What a post waits for, by what was chosen for its channel."""

    QUIET_HOURS = "quiet-hours"
    HOURLY_LIMIT = "most-an-hour"
    MIN_INTERVAL = "gap"
    MORE_OUTLETS = "outlets"  # followed by how many tell its story, and how many are wanted
    TOP_STORY_SELECTION = "best"  # followed by when the next is chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDeliveryStatus:
    """What became of a page in a channel, since when, and the reason where there is one."""

    server_id: int
    channel_id: int
    article_id: int
    fate: DeliveryStatus
    reason: str | None
    since: int
    message_id: int | None
    thread_id: int | None
    joined: str | None = None  # the title of the post that it joined

    @property
    def filters(self) -> list[Filter]:
        """Those that kept it out, where they did."""
        return [
            Filter.parse(line)
            for line in (self.reason or "").splitlines()
            if self.fate is DeliveryStatus.FILTERED
        ]


class SamePageArticle(NamedTuple):
    """An article of the same page as one that a digest may tell of."""

    article_id: int
    feed_id: int
    outlet: str


class TopStorySelection(NamedTuple):
    """A channel in which the best stories are to be chosen: `number` a day, `due` since a time."""

    server_id: int
    channel_id: int
    stories_per_day: int
    due_at: int
    time_zone: str


class HeldStory(NamedTuple):
    """A story that a channel holds back: its post's id and date, its articles, the first one first.

    `outlets` are how many tell it, `kept` is how many people of the server bookmarked it.
    """

    post_id: int
    published: int
    outlets: int
    bookmark_count: int
    articles: tuple[ArticleProfile, ...]


class DigestCandidate(NamedTuple):
    """An article that a digest may tell of, with the other articles of its page that may be named.

    `kept` is how many people bookmarked any of them in this server.
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
    """What a digest may tell, newest first; all articles held for it; which seem to tell of one event."""

    candidates: list[DigestCandidate]
    reserved_article_ids: list[int]
    similar_pairs: list[tuple[int, int, float]]


class RecoveredNotification(NamedTuple):
    """A notice that was sent: the name of its dispatch, its message, and the articles that it told of."""

    dedupe_key: str
    message_id: int
    article_ids: Collection[int]


class MaxRetryDelays(NamedTuple):
    """Seconds until a dispatch, a channel or the reading of a page is tried again, at the most."""

    dispatch: int
    channel: int
    page: int


class ChannelFeed(NamedTuple):
    """A channel that can be read as a feed, since when its addresses work."""

    server_id: int
    channel_id: int
    created: int


class ChannelFeedItem(NamedTuple):
    """An article that a message of a channel tells, or that joined it, and since when it does."""

    article: Article
    dispatch_id: int
    shown_at: int
    is_joined: bool


class SentDigest(NamedTuple):
    """A digest that was sent: its message, what it says as JSON, and its articles by id."""

    dispatch_id: int
    sent_at: int
    message_id: int
    thread_or_channel_id: int
    payload: str
    articles: dict[int, Article]
