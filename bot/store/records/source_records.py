"""Records of feeds: polls, alerts, quota overflows and WebSub subscriptions."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from typing import NamedTuple

from bot.core.models import Feed, NewArticle
from bot.core.preferences import Filter
from bot.core.reasons import ReasonCode

SERVER_QUOTA_SECONDS = 3_600
"""Number of seconds in which a server's used-up quota of bytes of new articles refills."""


class AlertKind(StrEnum):
    """Kind of an event that an alert reports about a feed."""

    FAILING = "broken"
    GONE = "gone"
    RECOVERED = "back"
    OVER_QUOTA = "surplus"


class SourceRejection(ReasonCode):
    """Reason why a feed cannot be followed, because of where it is from."""

    BLOCKED = "source-blocked"  # source: the domain, or part of a site, that an operator blocks


class OverQuotaKind(StrEnum):
    """Quantity in which a feed exceeds its quota."""

    ENTRIES = "entries"
    UNSTABLE_IDS = "identities"
    """Entries with changing ids: all entries have new ids in each document."""
    CHANGES = "changes"


class QuotaOverflow(NamedTuple):
    """Number of entries, or of changes, that a feed brought beyond its quota between two times.

    `first_at` and `last_at` are Unix times in seconds.
    """

    feed_id: int
    kind: OverQuotaKind
    first_at: int
    last_at: int
    entry_count: int


class SkippedEntry(NamedTuple):
    """An entry that was skipped because of a quota: the hashes of its identity and its link that recognise it."""

    identity_hash: bytes
    link_hash: bytes


class PollOverflow(NamedTuple):
    """Entries that a poll skipped beyond a quota: new ones, and hashes of earlier ones still in the feed document.

    `refused_change_count` is the number of changes of articles that were not stored.
    """

    kind: OverQuotaKind
    new_skipped_entries: Sequence[SkippedEntry] = ()
    still_skipped_hashes: Collection[bytes] = ()
    refused_change_count: int = 0


class AlertTexts(NamedTuple):
    """Text of an alert by language code, and the language for servers whose own language Telex doesn't speak."""

    by_language: Mapping[str, str]
    default_language: str


class Alert(NamedTuple):
    """An alert that a poll raises about its feed, with the time since which the feed fails or failed.

    `since` is Unix time in seconds.
    """

    feed_id: int
    kind: AlertKind
    since: int
    texts: AlertTexts


class PushSubscription(NamedTuple):
    """Subscription of a feed at its WebSub hub (a server that pushes new documents to a URL with the `token`).

    `hub` is the URL of the hub, `topic` the URL of the feed at the hub, `secret` the key with which pushes are signed.
    Times are Unix times in seconds. `requested_at`: time of the request that the hub has not verified yet, or None
    if there is no such request. `leased_until`: end of the subscription. `due_at`: time of the next request.
    `failures`: number of requests that failed in a row. `has_missed_entry`: 1 if the hub failed to push an entry
    that a poll found, else 0.
    """

    feed_id: int
    hub: str
    topic: str
    token: str
    secret: str
    due_at: int
    requested_at: int | None = None
    leased_until: int = 0
    failures: int = 0
    has_missed_entry: int = 0


class RetractionCandidate(NamedTuple):
    """An article that may be retracted: a recent one, or one missing from its feed since `missing_since`.

    Times are Unix times in seconds.
    """

    article_id: int
    published: int
    missing_since: int | None


FilterMatcher = Callable[[str, Sequence[Filter]], Sequence[Filter]]
"""Function that takes the key of a new article and filters, and returns the filters that block the article."""


def match_no_filters(_key: str, _filters: Sequence[Filter]) -> Sequence[Filter]:
    """Return an empty result, so that no filter blocks an article."""
    return ()


class EncryptionCounts(NamedTuple):
    """Number of private URLs of feeds, followed or proposed, and how many of them are encrypted."""

    private_url_count: int
    encrypted_url_count: int


class KnownArticle(NamedTuple):
    """The fields of a stored article by which its entry in a feed document is recognised.

    Times are Unix times in seconds; `changed_at` is None if the entry never changed.
    """

    article_id: int
    key: str
    url: str
    title: str
    published: int
    fingerprint: bytes
    page_key: str
    change_count: int = 0
    changed_at: int | None = None
    comment_count: int | None = None


class UnchangedPoll(NamedTuple):
    """A poll of a healthy feed that found no change.

    `interval` is in seconds; times are Unix times in seconds.
    """

    feed_id: int
    interval: int
    next_poll_at: int
    polled_at: int


@dataclass(frozen=True, slots=True)
class ChangedArticle:
    """A stored article whose feed entry has changed; the article keeps its key."""

    article_id: int
    new_article: NewArticle


@dataclass(frozen=True, slots=True)
class IntakeResult:
    """Changes that a feed document makes to the stored articles.

    `new_articles` are in document order; `aliases` are further identity hashes of stored articles, each with the
    article's id; `comment_counts` are articles of which only the number of comments changed, as (id, number).
    `has_no_known_entries`: the document has entries, but none was known. `missing_ids`: ids of articles that
    the document should still have; `reappeared_ids`: missing articles that it has again.
    `overflow`: entries over quota.
    `quota_used_seconds`: quota consumed of each server that follows the feed, in seconds until the quota is
    refilled.
    """

    new_articles: Sequence[NewArticle] = ()
    changed_articles: Sequence[ChangedArticle] = ()
    aliases: Sequence[tuple[bytes, int]] = ()
    comment_counts: Sequence[tuple[int, int]] = ()
    has_no_known_entries: bool = False
    missing_ids: Sequence[int] = ()
    reappeared_ids: Sequence[int] = ()
    overflow: PollOverflow | None = None
    quota_used_seconds: float = 0.0

    @property
    def has_writes(self) -> bool:
        """Whether the result changes more than the feed's own row."""
        changes = (
            self.new_articles,
            self.changed_articles,
            self.aliases,
            self.comment_counts,
            self.missing_ids,
            self.reappeared_ids,
            self.overflow,
        )
        return any(changes)


@dataclass(frozen=True, slots=True)
class PollWrite:
    """Result of a poll to be written: the feed's new state and the changes of its articles.

    `is_first_poll`: the articles are a backlog, of which only the newest is posted. `max_pending_posts`:
    number of pending posts per channel above which the oldest are combined in a catch-up. `fetch_pages`: queue page
    fetches for articles with only a teaser. `filter_matcher` is called on a thread with the filters stored at
    that time. `server_ids`: servers whose quota new articles use.
    """

    feed: Feed
    intake: IntakeResult
    _: KW_ONLY
    is_first_poll: bool
    max_pending_posts: int
    alert: Alert | None = None
    fetch_pages: bool = False
    filter_matcher: FilterMatcher = match_no_filters
    server_ids: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class PollWriteResult:
    """Ids of a poll's new articles, oldest first, and of the channels for which it enqueued or extended messages."""

    new_article_ids: tuple[int, ...] = ()
    channel_ids: tuple[int, ...] = ()


class OutletIcon(NamedTuple):
    """An outlet's icon: the name of its emoji, and its colour as RGB, or None if unknown.

    Times are Unix times in seconds; `last_shown_at` is None if the icon cannot be shown.
    """

    emoji_name: str
    fetched_at: int
    colour: int | None
    last_shown_at: int | None
