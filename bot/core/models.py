"""The words of the house: what feeds, articles, dispatches and the rest are made of.

All times are integer seconds since 1970 in UTC. All texts are plain text, never markup.
Identifiers named `..._id` of servers, channels, people and messages are Discord snowflakes;
those of feeds, articles, subscriptions and dispatches belong to one database and mean nothing elsewhere.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from bot.core.preferences import DEFAULT_APPEARANCE, DigestPlan, PostLook


class FeedState(StrEnum):
    """Whether a feed is asked for news."""

    ACTIVE = "active"
    GONE = "gone"  # answered 410, or failed for so long that asking stopped
    IMPORTED = "imported"  # no address on the web: articles that `telex import` brought


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One item as a feed gives it, its markup already turned into plain text and its links made absolute.

    `fingerprint` tells whether the entry changed (16 bytes over everything a reader sees).
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
    audio_url: str | None = None  # the address of an episode of a podcast
    duration_seconds: int | None = None  # of that, in seconds
    fingerprint: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFeed:
    """A feed document: what it says of itself, and its entries in document order.

    `ttl` is the publisher's wish in seconds (RSS `ttl`, `sy:updatePeriod`), `skip_hours` the hours in UTC
    and `skip_days` the weekdays (Monday is 0) in which nobody needs to ask.
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
    hub_url: str | None = None  # that pushes what it publishes (WebSub)
    self_url: str | None = None  # its address as it gives it itself
    parse_warning: str | None = None  # what was wrong with a document that could be read all the same


class Validators(NamedTuple):
    """What lets a server, or us, tell that a feed did not change. ETag and date go back byte for byte."""

    etag: str | None = None
    last_modified: str | None = None
    body_hash: bytes | None = None  # of the body as it came over the wire
    entries_hash: bytes | None = None  # of the document from its first entry on


@dataclass(frozen=True, slots=True)
class Feed:
    """An address on the web, polled once for all servers that follow it.

    `server_id` is set for a feed with credentials, which belongs to that server alone. `url` may hold
    secrets: show and log `bot.text.urls.masked(url)`.
    """

    id: int
    url: str
    server_id: int | None = None
    title: str = ""
    outlet: str = ""
    site_url: str | None = None
    icon: str | None = None
    language: str | None = None
    state: FeedState = FeedState.ACTIVE
    validators: Validators = field(default_factory=Validators)
    added: int = 0
    next_poll: int = 0
    interval: int = 600
    last_poll: int | None = None
    last_success: int | None = None
    last_article: int | None = None  # when an article was last found in it
    failures: int = 0  # in a row
    failing_since: int | None = None
    error: str | None = None  # a code of `bot.feeds.fetch_errors`
    error_detail: str = ""
    moved_to: str | None = None  # a permanent redirect on probation
    moved_since: int | None = None
    ttl: int | None = None  # the document's own wish: seconds between polls
    skip_hours: int = 0  # bit 0 to 23: hours in UTC in which nobody needs to ask
    skip_days: int = 0  # bit 0 (Monday) to 6: weekdays in UTC likewise
    page_list: str | None = None  # what a list of a page is known by, for `bot.feeds.pages.list_feeds`


class DueFeed(NamedTuple):
    """As much of a feed as a poll needs that finds nothing new, as nearly all do.

    `is_healthy`: it neither fails nor moves. `servers` are ids of some that follow it, with commas between.
    """

    id: int
    url: str
    validators: Validators
    interval: int
    added: int
    last_success: int | None
    last_article: int | None
    ttl: int | None
    skip_hours: int
    skip_days: int
    is_healthy: bool
    server_ids_csv: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewArticle:
    """An article about to be kept. `key` is the same in every database; `page` names the canonical URL.

    `text` is what the feed gave; `body` is what search, answers and excerpts read: the same without what a
    page carries around its article.
    `identities` are the hashes under which the feed may show this entry again.
    """

    key: str
    page: str
    url: str
    identities: tuple[bytes, ...]
    fingerprint: bytes
    title: str
    summary: str
    text: str
    body: str
    author: str | None
    outlet: str
    language: str | None
    tags: tuple[str, ...]
    image: str | None
    published: int
    audio: str | None = None
    duration: int | None = None


class Article(NamedTuple):
    """An entry that Telex keeps. A tuple: searches make many, and a dataclass takes ten times as long."""

    id: int
    key: str
    feed_id: int
    page: str
    url: str
    title: str
    summary: str
    text: str
    body: str
    author: str | None
    outlet: str
    language: str | None
    tags: tuple[str, ...]
    image: str | None
    published: int
    found: int
    updated: int | None = None  # when a change of it was last seen
    corrected: int | None = None  # when what a post shows of it first changed
    retracted: int | None = None  # when its publisher was seen to have taken it back
    audio: str | None = None  # the address of an episode of a podcast
    duration: int | None = None  # of that, in seconds
    translated_from: str | None = None  # the language of the original, where title and summary are a model's


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A channel follows a feed. It belongs to the server, not to the person who made it.

    `look` is None where it is the server's.
    """

    id: int
    server_id: int
    channel_id: int
    feed_id: int
    added_at: int
    paused_at: int | None = None  # since when
    look: PostLook | None = None


class DispatchKind(StrEnum):
    """What a dispatch is."""

    POST = "post"
    CATCH_UP = "catch-up"
    FEED_ALERT = "notice"  # a feed broke, or is back
    WATCH_NOTIFICATION = "watch"  # articles that match a watch
    DIGEST = "digest"  # what came in a day or a week


class DispatchState(StrEnum):
    """How far a dispatch has come."""

    HELD = "held"  # a post that nobody is to get yet, and perhaps never
    PENDING = "waiting"
    CLAIMED = "claimed"  # being sent; after a crash: perhaps sent
    SENT = "sent"
    UNCERTAIN = "uncertain"  # perhaps sent, and nobody may look
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """One message owed to one channel: the outbox row, later the record of what was sent.

    `what` is the article's key for a post and a name of its own for others. `error` says why it waits or
    failed. `article_ids` are oldest first; a digest has those that it names. A direct
    message has the person and the server whose news it is.
    `look` is that of a post since it was claimed: an edit keeps it.
    """

    id: int
    server_id: int
    channel_id: int
    kind: DispatchKind
    dedupe_key: str
    state: DispatchState
    created_at: int
    due_at: int
    attempts: int
    claimed_at: int | None
    message_id: int | None
    thread_id: int | None  # the thread that a forum post opened, or that of the day
    sent_at: int | None
    finalized: bool  # reaction seeded, announcement published
    edit_due_at: int | None  # its article changed: when to edit the message
    last_error: str | None
    article_ids: tuple[int, ...]
    joined_article_ids: tuple[
        int, ...
    ] = ()  # articles of the same story that its message names, as they joined
    payload: str = ""  # the text of a notice; what a digest says, for `bot.digests.digest_selection`
    person_id: int | None = None
    watch_id: int | None = None
    look: PostLook = DEFAULT_APPEARANCE
    webhook_id: int | None = None  # what it was sent by, or is being; None: by the bot itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """The digest of a channel: when it is next `due`, and until when the last one told (`covered`)."""

    id: int
    server_id: int
    channel_id: int
    plan: DigestPlan
    created: int
    due: int
    covered: int | None
    time_zone: str


class DeliveryStatus(StrEnum):
    """What became of an article in a channel; exactly one."""

    POSTED = "posted"
    IN_CATCH_UP = "caught up"  # told in a catch-up
    JOIND = "joined"
    IN_DIGEST = "digested"
    FILTERED = "filtered"
    WITHHELD = "withheld"
    PENDING = "waiting"
    FAILED = "failed"
