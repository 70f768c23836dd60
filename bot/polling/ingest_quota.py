"""Quotas of new entries per feed and of bytes per server; entries over quota are counted and skipped.

The quotas are far above what publishers need. They keep a feed that nobody would read from filling the disk,
and a feed with new ids at each poll from posting for ever.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bot.core.clock import Clock
from bot.core.concurrency.rate_limits import TokenBucket
from bot.core.models import Feed
from bot.store.records.source_records import SERVER_QUOTA_SECONDS, KnownArticle, OverQuotaKind, QuotaOverflow

FEED_QUOTA_ENTRIES = 1_000
"""Maximum number of new entries that a feed may bring before its used-up quota refills."""
FEED_QUOTA_SECONDS = 4 * 3_600.0
"""Number of seconds in which a feed's used-up quota of entries refills."""
SERVER_QUOTA_BYTES = 24_000_000
"""Maximum number of bytes of new articles that a server's feeds may bring before its used-up quota refills."""
MIN_ENTRIES_OF_NEW_FEED = 10
"""Number of the first entries of a new feed that are accepted even if the server's quota is used up."""
ARTICLE_OVERHEAD_BYTES = 3_000
"""Number of bytes that an article takes in the database besides its texts."""
ENTRY_BYTES_FACTOR = 4
"""Number of bytes that an article takes in the database per byte of its entry's texts."""

UNSTABLE_ID_POLL_COUNT = 6
"""Minimum number of consecutive polls with only unknown entries after which a feed counts as changing its ids."""
UNSTABLE_ID_WINDOW_SECONDS = 3_600
"""Maximum number of seconds since the last poll at which a document of unknown entries alone hints at changing ids."""
MIN_ENTRIES_FOR_UNSTABLE_IDS = 3
"""Minimum number of entries of a document that prove changing ids if all are unknown."""

MAX_FREE_CHANGES = 6
"""Number of changes of an article that are accepted without a wait; the wait before each further change doubles."""
FIRST_CHANGE_WAIT_SECONDS = 3_600
"""Number of seconds before the first change of an article beyond `MAX_FREE_CHANGES` is accepted."""
MAX_COUNTED_FEEDS = 10_000
"""Maximum number of feeds whose consecutive polls with only unknown entries are counted."""


class QuotaDecision(NamedTuple):
    """Decision how many of a feed's new entries are accepted, from the first on, and why not all (or None).

    `over_quota_kind` is a quota that was exceeded, or unstable ids. `used_seconds` is the part of each server's quota
    that the entries take, as seconds until it is refilled.
    """

    accepted_count: int
    over_quota_kind: OverQuotaKind | None = None
    used_seconds: float = 0.0


class FeedQuotaState(NamedTuple):
    """State of a feed's quotas: servers that follow it, what it brought beyond a quota, hashes of skipped entries.

    `seconds_until_refill_by_server_id` is the time until a server's used-up quota is refilled, whichever process used
    it.
    """

    server_ids: Sequence[int] = ()
    overflow: QuotaOverflow | None = None
    skipped_identity_hashes: frozenset[bytes] = frozenset()
    seconds_until_refill_by_server_id: Mapping[int, float] = {}


class IngestQuota:
    """Quotas of feeds and servers, and the detection of feeds that change the ids of their entries."""

    def __init__(self, clock: Clock) -> None:
        self._feed_bucket = TokenBucket(clock, max_tokens=FEED_QUOTA_ENTRIES, period_seconds=FEED_QUOTA_SECONDS)
        self._server_bucket = TokenBucket(clock, max_tokens=SERVER_QUOTA_BYTES, period_seconds=SERVER_QUOTA_SECONDS)
        self._seconds_per_byte = SERVER_QUOTA_SECONDS / SERVER_QUOTA_BYTES
        self._all_unknown_poll_counts: dict[int, int] = {}  # consecutive polls by feed

    def admit(
        self,
        feed: Feed,
        feed_quota_state: FeedQuotaState,
        entry_sizes: Sequence[int],
        *,
        entry_count: int,
        has_no_known_identities: bool,
        has_no_known_entries: bool,
        now: int,
    ) -> QuotaDecision:
        """Charge new entries to the quotas of their feed and its servers; return how many are accepted.

        `entry_sizes` are the numbers of serialised bytes of the new entries, in document order; `entry_count` is the
        number of all entries. A feed that nobody follows has no quota, as the operator asked for it.
        `has_no_known_identities`: no entry was recognised by guid or link. `has_no_known_entries`: no entry was
        recognised by its content, either.
        """
        if not feed_quota_state.server_ids:
            return QuotaDecision(len(entry_sizes))
        has_unstable_ids = self._has_unstable_ids(
            feed, feed_quota_state, entry_count, has_no_known_identities=has_no_known_identities, now=now
        )
        if has_unstable_ids and has_no_known_entries:
            return QuotaDecision(0, OverQuotaKind.UNSTABLE_IDS)
        for server_id, refill_seconds in feed_quota_state.seconds_until_refill_by_server_id.items():
            self._server_bucket.sync_usage(server_id, min(refill_seconds, 2 * SERVER_QUOTA_SECONDS))
        accepted_count, used_seconds = self._charge(feed, feed_quota_state.server_ids, entry_sizes)
        if has_unstable_ids:
            return QuotaDecision(accepted_count, OverQuotaKind.UNSTABLE_IDS, used_seconds)
        return QuotaDecision(
            accepted_count, OverQuotaKind.ENTRIES if accepted_count < len(entry_sizes) else None, used_seconds
        )

    def _charge(self, feed: Feed, server_ids: Sequence[int], entry_sizes: Sequence[int]) -> tuple[int, float]:
        max_entry_count = self._feed_bucket.count_tokens(feed.id)
        remaining_bytes = max(map(self._server_bucket.count_tokens, server_ids))
        accepted_count = used_bytes = 0
        for entry_size in entry_sizes[:max_entry_count]:
            article_bytes = ARTICLE_OVERHEAD_BYTES + ENTRY_BYTES_FACTOR * entry_size
            if used_bytes + article_bytes > remaining_bytes and not (
                feed.last_success_at is None and accepted_count < MIN_ENTRIES_OF_NEW_FEED
            ):
                break
            used_bytes += article_bytes
            accepted_count += 1
        self._feed_bucket.consume(feed.id, accepted_count)
        for server_id in server_ids:
            self._server_bucket.consume(server_id, used_bytes / len(server_ids))
        return accepted_count, used_bytes / len(server_ids) * self._seconds_per_byte

    def _has_unstable_ids(
        self,
        feed: Feed,
        feed_quota_state: FeedQuotaState,
        entry_count: int,
        *,
        has_no_known_identities: bool,
        now: int,
    ) -> bool:
        if not has_no_known_identities or feed.last_success_at is None:
            self._all_unknown_poll_counts.pop(feed.id, None)
            return False
        previous_overflow = feed_quota_state.overflow
        if previous_overflow is not None and previous_overflow.kind is OverQuotaKind.UNSTABLE_IDS:
            return True
        if entry_count < MIN_ENTRIES_FOR_UNSTABLE_IDS or now - feed.last_success_at > UNSTABLE_ID_WINDOW_SECONDS:
            return False
        if len(self._all_unknown_poll_counts) >= MAX_COUNTED_FEEDS:
            self._all_unknown_poll_counts.pop(next(iter(self._all_unknown_poll_counts)))
        poll_count = self._all_unknown_poll_counts[feed.id] = self._all_unknown_poll_counts.get(feed.id, 0) + 1
        return poll_count >= UNSTABLE_ID_POLL_COUNT


def accepts_change(article: KnownArticle, now: int) -> bool:
    """Return whether a further change of an article is accepted: some at once, then ever more rarely."""
    extra_change_count = article.change_count - MAX_FREE_CHANGES
    if extra_change_count < 0 or article.changed_at is None:
        return True
    return now - article.changed_at >= FIRST_CHANGE_WAIT_SECONDS << min(extra_change_count, 20)
