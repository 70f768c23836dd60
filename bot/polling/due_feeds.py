"""Which feeds this process is to poll now, and when it asks the store for more of them."""

import asyncio
from collections.abc import Callable, Collection

from bot.core.choices import Role
from bot.core.clock import wait
from bot.core.models import DueFeed
from bot.polling.due_queue import DueQueue
from bot.polling.hosts import Host, Hosts
from bot.polling.quiet_polls import AFTER_TROUBLE, Postponed, QuietPolls, log_trouble
from bot.processes.leases import FEEDS, Leases
from bot.store import Store, StoreError
from bot.store.records.process_records import Share
from bot.text.host_slots import SLOTS, slot_of

TAKEN = 1_024
"""Due feeds taken from the store at a time."""
MOST = 8_192
"""Queued feeds from which on no more are taken."""
LONGEST_REST = 60
"""Seconds after which the store is asked again although nothing was to be due: others write to it too."""
LEAST_APART = 2
"""Seconds between two looks for feeds that come to be due: what comes to be due together costs less."""
SHORTEST_REST = 0.02
"""Seconds; hosts that become free sooner are served together."""


class DueFeeds:
    """Takes due feeds from the store in batches, into a queue for their hosts.

    A feed is held from then on until it is written; the store is not asked for it meanwhile. `on_told` is
    called where servers are owed an alert, or the edit of a post.
    """

    def __init__(
        self, store: Store, leases: Leases, hosts: Hosts, slots: int, on_told: Callable[[], None]
    ) -> None:
        self._clock, self._store, self._hosts = store.clock, store, hosts
        self.quiet = QuietPolls(store, leases, self.written, on_told)
        """Polls without news, to be written."""
        self.queue = DueQueue(store.clock, slots, on_low=self.wake)
        """What was taken, so many at a time."""
        self._held: set[int] = set()
        self._slots: frozenset[int] = frozenset()  # of hosts that are this process's to ask
        self._woken = asyncio.Event()
        self._look_at = 0  # when the store is asked
        self._look_now = False  # or as soon as can be
        self._rests_until = 0.0  # monotonic
        leases.share(Share(FEEDS, Role.POLLER, frozenset(range(SLOTS))))
        leases.listen(FEEDS, self._slots_changed)

    def wake(self) -> None:
        """Ask the store at once: it has something for which there was no reason, or no room."""
        self._look_now = True
        self._woken.set()

    def written(self, feed_ids: Collection[int], soonest: int) -> None:
        """The store knows these feeds as they are now, and can tell when they are due: at `soonest` then."""
        self._held.difference_update(feed_ids)
        self._held |= self.quiet.among(feed_ids)
        if soonest < self._look_at:
            self._look_at = soonest
            self._woken.set()

    def let_go(self, feed_id: int, *, pause: int = 0) -> None:
        """A feed was not polled and stays due; the store is not asked for so many seconds."""
        self._held.discard(feed_id)
        if pause:
            self._look_at = max(self._look_at, self._clock.now() + pause)

    def visited(self, host: Host) -> None:
        """A feed of a host was polled, for which another one waits."""
        if host.free_at < self._rests_until - SHORTEST_REST:
            self._woken.set()

    async def run(self) -> None:
        """Take what is due, for ever."""
        self._look_now = True
        while True:
            self._woken.clear()
            try:
                if await self._store.takes_writes():
                    await self._take()
                else:  # nobody is asked for what could not be kept
                    self._look_later()
            except StoreError as error:
                log_trouble("cannot look for due feeds", error)
                self._look_later()
            await self._rest(self.queue.hand_out())

    def clear(self) -> None:
        """Forget what was taken: it is as if it had never been."""
        self.queue.clear()
        self._held.clear()

    def _look_later(self) -> None:
        self._look_now = False
        self._look_at = self._clock.now() + AFTER_TROUBLE

    async def _take(self) -> None:
        now = self._clock.now()
        while (self._look_now or self._look_at <= now) and self._has_room():
            self._look_now = False  # what happens from here on is another reason to look
            full = [share for share in self.queue.full if isinstance(share, int)]
            slots = None if self._has_all() else self._slots
            feeds = await self._store.feeds.due_in_brief(now, TAKEN, self._held, besides=full, slots=slots)
            has_all = self._has_all()
            for feed in feeds:
                if has_all or slot_of(feed.url) in self._slots:  # else it was lost meanwhile
                    self._put(feed)
            if len(feeds) == TAKEN:
                self._look_at = 0
            else:
                following = await self._store.feeds.next_due(self._held, slots=slots)
                latest = now + LONGEST_REST
                self._look_at = (
                    latest if following is None else min(max(following, now + LEAST_APART), latest)
                )

    def _put(self, feed: DueFeed) -> None:
        self._held.add(feed.id)
        later = self.queue.put(self._hosts.of(feed.url), feed)
        if later is not None:
            self.quiet.keep(feed.id, Postponed(feed.id, later))

    def _has_room(self) -> bool:
        return len(self.queue) < MOST

    def _has_all(self) -> bool:
        return len(self._slots) == SLOTS

    async def _rest(self, until_free: float | None) -> None:
        seconds = float(LONGEST_REST)
        if self._has_room():
            seconds = max(self._look_at - self._clock.now(), 0)
        if until_free is not None:
            seconds = min(seconds, max(until_free, SHORTEST_REST))
        self._rests_until = self._clock.monotonic() + seconds
        try:
            await wait(self._clock, self._woken, seconds)
        finally:
            self._rests_until = 0.0

    def _slots_changed(self, gained: frozenset[int], lost: frozenset[int]) -> None:
        """Other hosts are this process's to ask. What is under way may end; its record is refused."""
        self._slots = (self._slots | gained) - lost
        for host in self._hosts.on(gained):
            host.is_ours = True
        for host in self._hosts.on(lost):
            host.is_ours = False
            self._held.difference_update(self.queue.drop(host))
        if gained:
            self.wake()
