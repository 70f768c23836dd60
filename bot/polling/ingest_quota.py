"""Quotas of new entries per feed and of bytes per server; entries over quota are counted and skipped.

They are far above what publishers need. They keep a feed that nobody would read from filling the disk, and
one with new ids at each poll from posting for ever.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bot.core.clock import Clock
from bot.core.models import Feed
from bot.core.rate_limits import TokenBucket
from bot.store.records.source_records import KnownArticle, OverQuotaKind, QuotaOverflow

ENTRIES, ENTRIES_PERIOD = 1_000, 4 * 3_600.0
"""New entries of a feed at once, and seconds in which the quota refills."""
SERVER_BYTES, SERVER_PERIOD = 24_000_000, 3_600.0
"""Bytes of all feeds of a server at once, and seconds in which they refill; at most twice that per hour."""
MIN_ENTRIES_OF_NEW_FEED = 10
"""Newest entries of a new feed that are accepted in any case."""
ARTICLE_BYTES, TIMES = 3_000, 4
"""Size of an article in the database: fixed bytes, and a factor of the bytes of its entry."""

UNSTABLE_ID_POLLS = 6
"""Consecutive polls with only unknown entries from which a feed counts as changing its ids."""
UNSTABLE_ID_WINDOW_SECONDS = 3_600
"""Seconds between two polls in which a feed is unlikely to replace all its entries."""
MIN_ENTRIES_FOR_UNSTABLE_IDS = 3
"""Entries of a document below which unknown ones prove nothing."""

FREE_CHANGES = 6
"""Changes of an article that are accepted at once; the wait before each further one doubles."""
FIRST_CHANGE_WAIT_SECONDS = 3_600
"""Wait before the first change beyond `MAX_FREE_CHANGES`."""
MANY_FEEDS = 10_000
"""Feeds whose consecutive polls with only unknown entries are counted."""


class QuotaDecision(NamedTuple):
    """The number of new entries to accept, from the first on, and the quota that was exceeded, if any.

    `used_seconds` is the part of each server's quota that they take, as seconds until it is refilled.
    """

    accepted_count: int
    kind: OverQuotaKind | None = None
    used: float = 0.0


class FeedFollowers(NamedTuple):
    """The servers that follow a feed, its overflow so far, and the identity hashes of skipped entries.

    `seconds_until_full_quota` is by server, with the usage of other processes.
    """

    servers: Sequence[int] = ()
    surplus: QuotaOverflow | None = None
    passed_over: frozenset[bytes] = frozenset()
    seconds_until_full_quota: Mapping[int, float] = {}


class IngestQuota:
    """The quotas of feeds and servers, and the detection of feeds that change their ids."""

    def __init__(self, clock: Clock) -> None:
        self._feeds = TokenBucket(clock, allowed=ENTRIES, period=ENTRIES_PERIOD)
        self._servers = TokenBucket(clock, allowed=SERVER_BYTES, period=SERVER_PERIOD)
        self._second = SERVER_PERIOD / SERVER_BYTES
        self._all_new: dict[int, int] = {}  # consecutive polls by feed

    def admit(
        self,
        feed: Feed,
        followed: FeedFollowers,
        sizes: Sequence[int],
        *,
        entries: int,
        strangers: bool,
        no_known_entries: bool,
        now: int,
    ) -> QuotaDecision:
        """Charge new entries to the quotas of their feed and its servers; return how many are accepted.

        `sizes` are the packed bytes of each new entry, in document order; `entry_count` is the number of all
        entries. A feed that nobody follows has no quota, as the operator asked for it. `unknown_by_identity`:
        no entry was recognised by guid or link. `no_known_entries`: none by its content either.
        """
        if not followed.servers:
            return QuotaDecision(len(sizes))
        renames = self._has_unstable_ids(feed, followed, entries, strangers=strangers, now=now)
        if renames and no_known_entries:
            return QuotaDecision(0, OverQuotaKind.UNSTABLE_IDS)
        for server, seconds in followed.seconds_until_full_quota.items():
            self._servers.sync_usage(server, min(seconds, 2 * SERVER_PERIOD))
        count, used = self._room(feed, followed.servers, sizes)
        if renames:
            return QuotaDecision(count, OverQuotaKind.UNSTABLE_IDS, used)
        return QuotaDecision(count, OverQuotaKind.ENTRIES if count < len(sizes) else None, used)

    def _room(self, feed: Feed, servers: Sequence[int], sizes: Sequence[int]) -> tuple[int, float]:
        most = self._feeds.available(feed.id)
        remaining = max(map(self._servers.available, servers))
        count = taken = 0
        for size in sizes[:most]:
            cost = ARTICLE_BYTES + TIMES * size
            if taken + cost > remaining and not (
                feed.last_success is None and count < MIN_ENTRIES_OF_NEW_FEED
            ):
                break
            taken += cost
            count += 1
        self._feeds.consume(feed.id, count)
        for server in servers:
            self._servers.consume(server, taken / len(servers))
        return count, taken / len(servers) * self._second

    def _has_unstable_ids(
        self, feed: Feed, followed: FeedFollowers, entries: int, *, strangers: bool, now: int
    ) -> bool:
        if not strangers or feed.last_success is None:
            self._all_new.pop(feed.id, None)
            return False
        before = followed.surplus
        if before is not None and before.kind is OverQuotaKind.UNSTABLE_IDS:
            return True
        if entries < MIN_ENTRIES_FOR_UNSTABLE_IDS or now - feed.last_success > UNSTABLE_ID_WINDOW_SECONDS:
            return False
        if len(self._all_new) >= MANY_FEEDS:
            self._all_new.pop(next(iter(self._all_new)))
        times = self._all_new[feed.id] = self._all_new.get(feed.id, 0) + 1
        return times >= UNSTABLE_ID_POLLS


def accepts_change(article: KnownArticle, now: int) -> bool:
    """Return whether a further change of an article is accepted: a few at once, then ever fewer."""
    beyond = article.change_count - FREE_CHANGES
    if beyond < 0 or article.changed_at is None:
        return True
    return now - article.changed_at >= FIRST_CHANGE_WAIT_SECONDS << min(beyond, 20)
