"""What a feed, and a server with all its feeds, may bring: beyond that it is counted and not kept.

The bounds are far above what publishers do. They keep a feed that nobody would read from filling the disk,
and one whose entries are others each time from posting for ever.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bot.core.clock import Clock
from bot.core.models import Feed
from bot.core.rate_limits import TokenBucket
from bot.store.records.source_records import KnownArticle, OverQuotaKind, QuotaOverflow

ENTRIES, ENTRIES_PERIOD = 1_000, 4 * 3_600.0
"""New entries that a feed may bring at once, and seconds until that many more may come."""
SERVER_BYTES, SERVER_PERIOD = 24_000_000, 3_600.0
"""The same in bytes for all feeds of a server: in any hour it is at most twice as much."""
MIN_ENTRIES_OF_NEW_FEED = 10
"""Entries of a feed that is new that are kept in any case: the newest."""
ARTICLE_BYTES, TIMES = 3_000, 4
"""What an article takes in the database: so much, and so many times what its feed gave."""

UNSTABLE_ID_POLLS = 6
"""Polls in a row that bring only unknown entries until a feed is taken to rename them each time."""
UNSTABLE_ID_WINDOW_SECONDS = 3_600
"""Seconds from one poll to the next in which a feed is unlikely to replace all that it has."""
MIN_ENTRIES_FOR_UNSTABLE_IDS = 3
"""Entries in a document of which that says nothing."""

FREE_CHANGES = 6
"""Changes of an article that are taken as they come; each further one waits twice as long."""
FIRST_CHANGE_WAIT_SECONDS = 3_600
MANY_FEEDS = 10_000


class QuotaDecision(NamedTuple):
    """How many of the first new entries are kept, and what there is too much of, if anything.

    `used` is what that takes of the share of each server, as seconds until it is free again.
    """

    accepted_count: int
    kind: OverQuotaKind | None = None
    used: float = 0.0


class FeedFollowers(NamedTuple):
    """The servers that follow a feed, what was not kept of it until now, and the names of those entries.

    `owed` is in how many seconds all of a server's share is free, as far as other processes used it too.
    """

    servers: Sequence[int] = ()
    surplus: QuotaOverflow | None = None
    passed_over: frozenset[bytes] = frozenset()
    seconds_until_full_quota: Mapping[int, float] = {}


class IngestQuota:
    """What is left of the shares of feeds and servers, and which feeds seem to rename their entries."""

    def __init__(self, clock: Clock) -> None:
        self._feeds = TokenBucket(clock, allowed=ENTRIES, period=ENTRIES_PERIOD)
        self._servers = TokenBucket(clock, allowed=SERVER_BYTES, period=SERVER_PERIOD)
        self._second = SERVER_PERIOD / SERVER_BYTES  # for each byte
        self._all_new: dict[int, int] = {}  # polls in a row, by feed

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
        """How many of a feed's new entries, of so many bytes each, may be kept; they are counted as kept.

        `entries` is how many its document has. What nobody follows has no bounds: whoever runs Telex asked
        for it. `strangers` says that no entry of the document has a name that is known, `missed` that not one
        is known by its content either.
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
    """Whether an article may change once more: the first few times, then ever more seldom."""
    beyond = article.change_count - FREE_CHANGES
    if beyond < 0 or article.changed_at is None:
        return True
    return now - article.changed_at >= FIRST_CHANGE_WAIT_SECONDS << min(beyond, 20)
