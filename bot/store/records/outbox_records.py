"""Records of the outbox: delivery statuses, held posts, digests and channel feeds."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from bot.core.models import Article, DeliveryStatus, PostMention
from bot.core.reasons import Reason
from bot.store.records.content_records import ArticleProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDeliveryStatus:
    """Delivery status of an article in a channel (what became of it), with its reason, if any.

    `since` is Unix time in seconds; `joined_title` is the title of the other article to whose post the article was
    added (joined), or None.
    """

    server_id: int
    channel_id: int
    article_id: int
    status: DeliveryStatus
    reason: Reason | None
    since: int
    message_id: int | None
    thread_id: int | None
    joined_title: str | None = None
    mentions: tuple[PostMention, ...] = ()  # Of the article's own post


class RoleMentionCounts(NamedTuple):
    """Numbers of posts in the last 24 hours that mentioned a role, and that a limit kept from mentioning it."""

    role_id: int
    mention_count: int
    over_limit_count: int


class SentPost(NamedTuple):
    """The article of a post, and when it was sent (Unix time in seconds)."""

    article_id: int
    sent_at: int


class SamePageArticle(NamedTuple):
    """An article on the same web page as an article that a digest may include."""

    article_id: int
    feed_id: int
    outlet: str


class DueTopStorySelection(NamedTuple):
    """Selection of a channel's top stories that is due since `due_at` (Unix time in seconds)."""

    server_id: int
    channel_id: int
    stories_per_day: int
    due_at: int
    time_zone: str


class HeldStory(NamedTuple):
    """A story whose post is held in a channel until it is selected, with its articles, in order of id.

    `published` is Unix time in seconds. `outlet_count` is the number of outlets that report the story,
    `bookmark_count` the number of users of the server who bookmarked it.
    """

    post_id: int
    published: int
    outlet_count: int
    bookmark_count: int
    articles: tuple[ArticleProfile, ...]


class DigestCandidate(NamedTuple):
    """An article that a digest may include, with further articles of its page that may be listed instead.

    `published` is Unix time in seconds. `bookmark_count` is the number of users of the server who bookmarked
    any of these articles.
    """

    article_id: int
    feed_id: int
    page_key: str
    title: str
    outlet: str
    tags: tuple[str, ...]
    language: str | None
    published: int
    same_page_articles: tuple[SamePageArticle, ...]
    bookmark_count: int


class DigestCandidates(NamedTuple):
    """Input of a digest: articles that it may include, ids of those kept for it (reserved), pairs of similar articles.

    The articles are in order, newest first. A pair has two article ids and their similarity from 0 to 1.
    """

    candidates: list[DigestCandidate]
    reserved_article_ids: list[int]
    similar_pairs: list[tuple[int, int, float]]


class RecoveredNotification(NamedTuple):
    """A saved search's notification that was found in Discord after a restore, with its dedupe key and articles."""

    dedupe_key: str
    message_id: int
    article_ids: Collection[int]


class MaxRetryDelays(NamedTuple):
    """Maximum delays in seconds before a message, a blocked channel or the fetch of a web page is tried again."""

    dispatch_seconds: int
    channel_seconds: int
    page_seconds: int


REPORT_KEY_PREFIX = "report:"
"""Prefix of the dedupe keys of monthly reports on feeds (scorecards), which are sent as alerts."""


class DueReport(NamedTuple):
    """A server's monthly report on its feeds (scorecard), due at a Unix time in seconds.

    `channel_id` is the channel for alerts, or None if there is none or nothing can be posted there.
    """

    server_id: int
    due_at: int
    channel_id: int | None


class ChannelFeed(NamedTuple):
    """A channel that is published as a web feed, since `created_at` (Unix time in seconds)."""

    server_id: int
    channel_id: int
    created_at: int


class ChannelFeedItem(NamedTuple):
    """An article posted in a channel, in its own message or added to another's, with the Unix time in seconds."""

    article: Article
    dispatch_id: int
    posted_at: int
    is_joined: bool


class SentDigest(NamedTuple):
    """A digest that was sent: its message, its content as JSON, and its articles. `sent_at` is Unix time in seconds."""

    dispatch_id: int
    sent_at: int
    message_id: int
    thread_or_channel_id: int
    content_json: str
    article_by_id: dict[int, Article]
