"""Domain models: feeds, entries, articles, subscriptions, dispatches (messages to send), digests.

Times are Unix times in whole seconds. Texts are plain text, never markup. `..._id` of servers, channels,
users and messages are Discord snowflakes; ids of feeds, articles, subscriptions and dispatches are local to
one database.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from bot.core.preferences import DEFAULT_LOOK, DigestPlan, PostLook
from bot.core.reasons import Reason


class FeedState(StrEnum):
    """State of a feed, which decides whether it is polled."""

    ACTIVE = "active"
    GONE = "gone"  # Answered 410, or failed for so long that polling stopped
    IMPORTED_ARTICLES = "imported"  # Not on the web: holds the articles of `telex import`


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry of a feed document, with markup converted to plain text and links made absolute.

    `published` and `updated` are Unix times in seconds. `fingerprint` is a 16-byte hash of everything that a reader
    sees except `comment_count`, so it changes whenever the entry does, but not with each comment.
    """

    guid: str | None
    link: str | None
    title: str
    summary: str = ""
    text: str = ""
    author: str | None = None
    tags: tuple[str, ...] = ()
    image_url: str | None = None
    published: int | None = None
    updated: int | None = None
    language: str | None = None
    audio_url: str | None = None  # URL of a podcast episode
    duration_seconds: int | None = None  # of the podcast episode
    comments_url: str | None = None  # URL of the page with the discussion
    comment_count: int | None = None
    fingerprint: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFeed:
    """A parsed feed document: its metadata, and its entries in document order.

    `format` is the name and version of its format, such as `atom10`; `icon_url` is the URL of its picture.
    `ttl` is the poll interval in seconds that the publisher asks for (RSS `ttl`, `sy:updatePeriod`);
    `skip_hours` (UTC) and `skip_days` (Monday is 0) are the hours and weekdays without updates.
    """

    title: str
    site_url: str | None = None
    language: str | None = None
    icon_url: str | None = None
    format: str = ""
    ttl: int | None = None
    skip_hours: frozenset[int] = frozenset()
    skip_days: frozenset[int] = frozenset()
    entries: tuple[Entry, ...] = ()
    hub_url: str | None = None  # WebSub hub
    self_url: str | None = None  # The feed's own URL, as the document states it
    parse_warning: str | None = None  # Defect of a document that could be parsed nevertheless


class Validators(NamedTuple):
    """Values by which an unchanged feed is recognised.

    `etag` and `last_modified` are sent back byte for byte.
    """

    etag: str | None = None
    last_modified: str | None = None
    body_hash: bytes | None = None  # Of the body as received, before decompression
    entries_hash: bytes | None = None  # Of the document from its first entry on


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed URL, polled once for all servers that follow it.

    `server_id` is set for a feed with credentials, which belongs to that server alone. `url` may contain
    secrets: display and log only its redacted form. `interval` is the poll interval in seconds; `last_success_at` is
    the time of the last poll without an error, `last_article_at` that of the last poll that brought an article.
    """

    id: int
    url: str
    server_id: int | None = None
    title: str = ""
    outlet: str = ""
    site_url: str | None = None
    icon_url: str | None = None
    language: str | None = None
    state: FeedState = FeedState.ACTIVE
    validators: Validators = field(default_factory=Validators)
    added_at: int = 0
    next_poll_at: int = 0
    interval: int = 600
    last_poll_at: int | None = None
    last_success_at: int | None = None
    last_article_at: int | None = None  # When an article was last discovered in it
    failure_count: int = 0  # Consecutive failures
    failing_since: int | None = None
    error: str | None = None  # A code of `bot.feeds.fetch_errors`
    error_detail: str = ""
    moved_to: str | None = None  # Target of a permanent redirect that is on probation: the URL is still the old one
    moved_since: int | None = None  # When the redirect was first seen
    ttl: int | None = None  # The publisher's requested poll interval in seconds
    skip_hour_bits: int = 0  # Bits 0 to 23: UTC hours without updates
    skip_day_bits: int = 0  # Bits 0 (Monday) to 6: UTC weekdays without updates
    list_signature: str | None = None  # Signature (JSON) by which a list on a web page is found again
    blocked_since: int | None = None  # Since when an operator blocks its source: it isn't polled


class DueFeed(NamedTuple):
    """The part of a feed's data that a poll without changes needs.

    `interval` is the poll interval in seconds; `last_success_at` is the time of the last poll without an error,
    `last_article_at` that of the last poll that brought an article. `is_healthy`: the feed neither fails nor moves to
    another URL. `server_ids_csv` lists some of the servers that follow the feed, separated by commas.
    """

    id: int
    url: str
    validators: Validators
    interval: int
    added_at: int
    last_success_at: int | None
    last_article_at: int | None
    ttl: int | None
    skip_hour_bits: int
    skip_day_bits: int
    is_healthy: bool
    server_ids_csv: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewArticle:
    """An article to be stored. `key` is the same in every database; `page_key` is the hash of the canonical URL.

    `published` is Unix time in seconds. `text` is the text from the feed; `body` is the text without page boilerplate
    that search, answers and excerpts read. By the `identity_hashes` the feed entry is recognised again.
    `fingerprint` is a hash of what a reader sees, by which a change is noticed.
    """

    key: str
    page_key: str
    url: str
    identity_hashes: tuple[bytes, ...]
    fingerprint: bytes
    title: str
    summary: str
    text: str
    body: str
    author: str | None
    outlet: str
    language: str | None
    tags: tuple[str, ...]
    image_url: str | None
    published: int
    audio_url: str | None = None
    duration_seconds: int | None = None
    comments_url: str | None = None
    comment_count: int | None = None


class Article(NamedTuple):
    """A stored article; a tuple, because searches create many and a dataclass takes ten times as long.

    `key` is the same in every database; `page_key` is the hash of the canonical URL. `found_at` is when Telex found it.
    `text` is the text from the feed, `body` the text that search, answers and excerpts read: that of the web page if it
    was fetched, else the feed's, without boilerplate.
    """

    id: int
    key: str
    feed_id: int
    page_key: str
    url: str
    title: str
    summary: str
    text: str
    body: str
    author: str | None
    outlet: str
    language: str | None
    tags: tuple[str, ...]
    image_url: str | None
    published: int
    found_at: int
    updated_at: int | None = None  # When its last change was discovered
    corrected_at: int | None = None  # When a part that posts show first changed
    retracted_at: int | None = None  # When its retraction was discovered
    audio_url: str | None = None  # URL of a podcast episode
    duration_seconds: int | None = None  # of the podcast episode, in seconds
    comments_url: str | None = None  # URL of the page with the discussion
    comment_count: int | None = None  # Number of comments when the feed was last read
    translated_from: str | None = None  # Original language, if title and summary are a model's translation


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A channel's subscription to a feed, which belongs to the server, not to the user who added it.

    `look` is the appearance of its posts, or None for the appearance of the server's posts.
    """

    id: int
    server_id: int
    channel_id: int
    feed_id: int
    added_at: int
    paused_at: int | None = None
    look: PostLook | None = None


class DispatchKind(StrEnum):
    """Kind of a dispatch, which is one message to one channel."""

    POST = "post"  # One article, or several on one story
    CATCH_UP = "catch-up"  # Many articles in place of their posts
    # A feed fails, has recovered, is blocked, proposed or decided on; a monthly scorecard; a notice of the operator
    FEED_ALERT = "notice"
    WATCH_NOTIFICATION = "watch"  # Articles that match a watch
    DIGEST = "digest"  # The stories of a day or a week


class DispatchState(StrEnum):
    """State of a dispatch (one message to one channel) on its way to Discord."""

    HELD = "held"  # A post held until enough outlets report the story, or for a selection
    PENDING = "waiting"  # To be sent when the channel's settings and the queue allow it
    CLAIMED = "claimed"  # Being sent; after a crash perhaps sent
    SENT = "sent"  # Is in the channel, with a known message id
    UNCERTAIN = "uncertain"  # Perhaps sent, and the channel's history cannot be read
    FAILED = "failed"  # Was refused, and is not tried again


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """A row of the outbox: a message to send to a channel and, after sending, the record of the message.

    `dedupe_key` is unique per channel: the article's key for a post, a generated key for other kinds. `due_at` is the
    earliest time to send it, or the time until which a post is held at most. `last_error` says why it waits or failed.
    `article_ids` are in order, oldest first; those of a digest are the articles that it names. For a direct message,
    `user_id` is the recipient and `server_id` the server from which the news comes. `look`, the appearance of the post,
    is fixed when sending begins, so that later edits keep it.
    """

    id: int
    server_id: int
    channel_id: int
    kind: DispatchKind
    dedupe_key: str
    state: DispatchState
    created_at: int
    due_at: int
    attempt_count: int
    claimed_at: int | None
    message_id: int | None
    thread_id: int | None  # Thread opened by a forum post, or daily thread
    sent_at: int | None
    is_finalized: bool  # Reaction added, announcement published
    edit_due_at: int | None  # When to edit the message, after its article changed
    last_error: Reason | None
    article_ids: tuple[int, ...]
    joined_article_ids: tuple[int, ...] = ()  # Articles added to its message later, in the order in which they joined
    payload: str = ""  # Text of an alert, or content of a digest as JSON
    user_id: int | None = None
    watch_id: int | None = None
    look: PostLook = DEFAULT_LOOK
    webhook_id: int | None = None  # Webhook that sends it; None for the bot itself
    proposal_id: int | None = None  # Of an alert about a proposed feed
    proposer_id: int | None = None  # Member who is informed of the decision; None for the managers
    notice_id: int | None = None  # Of a notice of the operator
    mentioned_role_ids: tuple[int, ...] = ()  # Roles that its post mentions by mention rules of the channel

    @property
    def target_server_id(self) -> int:
        """Id of the server to which the message is sent, or 0 for a direct message."""
        return self.server_id if self.user_id is None else 0


class MentionOutcome(StrEnum):
    """Outcome of a rule by which a post that matches a query mentions a role."""

    MENTIONED = "mentioned"  # The post mentions the role.
    OVER_LIMIT = "over-limit"  # The role had been mentioned as often as the rule allows in 24 hours.
    NOT_ALLOWED = "not-allowed"  # The role was gone, or Telex was not allowed to mention it.


class PostMention(NamedTuple):
    """A role that a post was to mention, because it matched the query of a channel's rule, and what came of it."""

    role_id: int
    query: str
    outcome: MentionOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """The daily or weekly digest of a channel.

    `due_at` is the time of the next digest; `covered_until` is the end of the period that the last one covered, or
    None before the first one.
    """

    id: int
    server_id: int
    channel_id: int
    plan: DigestPlan
    created_at: int
    due_at: int
    covered_until: int | None
    time_zone: str


class DeliveryStatus(StrEnum):
    """Status of an article in a channel, such as posted or filtered out; it has at most one per channel."""

    POSTED = "posted"  # In a post of its own
    IN_CATCH_UP = "caught up"  # In a message that combines many posts
    JOINED = "joined"  # Named in the post of a similar article
    IN_DIGEST = "digested"  # In a digest, or reserved for the next one
    FILTERED = "filtered"  # Blocked by the filters of the channel's subscriptions
    WITHHELD = "withheld"  # Not posted, for a `WithheldReason` such as a paused feed
    PENDING = "waiting"  # Its post is held, waits or is being sent
    FAILED = "failed"  # Its post was refused, or it is unknown whether it was sent
