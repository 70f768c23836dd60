"""Subscriptions at the hubs that feeds name (WebSub): asked for, verified, renewed, and what they push.

A hub calls an address under `TELEX_PUBLIC_URL` that nobody else can guess. What it pushes counts only with a
signature made with the secret that it was given. A feed that is pushed is polled four times less often, as a
net, until a poll finds what was not pushed. The hub of one that nobody follows any more is told so.
"""

import asyncio
import logging
import secrets
from collections.abc import Mapping

from bot.core.clock import wait
from bot.core.models import Feed, ParsedFeed
from bot.core.rate_limits import Limit, MissLimit
from bot.core.settings import Settings
from bot.feeds import fetch_errors, hubs
from bot.feeds.fetch import Fetched, Fetcher
from bot.feeds.fetch_errors import FeedError
from bot.feeds.hubs import Offer, Signature
from bot.feeds.pages import list_feeds
from bot.polling.poller import Poller
from bot.polling.pushing.known_subscriptions import KnownSubscriptions
from bot.polling.pushing.push_endings import Endings
from bot.polling.pushing.pushed_documents import Pushed, PushedDocuments
from bot.processes.leases import FEEDS, Leases
from bot.store import Store, StoreError
from bot.store.records.source_records import PushSubscription
from bot.text import urls
from bot.text.host_slots import host_name

log = logging.getLogger(__name__)

PATH = "/websub/"
"""Under the public address, before the token of a subscription."""
LEASE = 10 * 86_400
"""Seconds that hubs are asked to push for."""
SHORTEST_LEASE, LONGEST_LEASE = 300, 90 * 86_400
RENEWED_AT = 0.9
"""What part of a lease has gone by when it is renewed."""
AGAIN = 3_600
"""Seconds until a hub is asked again that failed or did not verify; twice as many after each time,"""
LONGEST_AGAIN = 86_400
"""up to a day."""
LONGEST_REST, LONGEST_CHALLENGE = 600.0, 1_024
PUSHES, PUSHES_PERIOD = 30, 60.0
"""What a hub may push for one feed at once, and seconds until that many more may come."""
AT_ONCE = 8
"""Hubs that are asked at a time."""
_MARK = "hubs"
"""What is set in the store while hubs can reach the bot."""


class PushSubscriber:
    """What is pushed, and by whom. It does nothing where there is no public address."""

    def __init__(
        self, settings: Settings, store: Store, fetcher: Fetcher, poller: Poller, leases: Leases
    ) -> None:
        self._settings, self._clock, self._store = settings, store.clock, store
        self._fetcher, self._poller = fetcher, poller
        self._woken = asyncio.Event()
        self._known = KnownSubscriptions(store, self._woken.set)
        self._loaded = -LONGEST_REST
        self._endings = Endings(fetcher, poller.hosts)
        self._offers: dict[int, Offer | None] = {}
        self._limit = Limit(store.clock, allowed=PUSHES, period=PUSHES_PERIOD)
        self._misses = MissLimit(store.clock)
        self._documents = PushedDocuments(store, poller, self._brought)
        self._named: set[int] = set()  # in headers of feeds without news
        self._unread: set[int] = set()  # of these, feeds that are to be read
        self._asking: dict[str, asyncio.Task[None]] = {}  # one hub that is slow holds up no other
        if self.enabled:
            poller.recorder.on_document = self._offered
            poller.recorder.on_unchanged = self._unchanged
            poller.recorder.on_polled_news = self._found
            poller.recorder.is_pushed = self.is_pushed
            leases.listen(FEEDS, lambda _gained, _lost: self._woken.set())

    @property
    def enabled(self) -> bool:
        """Whether hubs can reach the bot."""
        return self._settings.public_url is not None

    def is_pushed(self, feed_id: int) -> bool:
        """Whether what a feed publishes is pushed now, as far as polls have found."""
        known = self._known.of_feed(feed_id)
        return known is not None and known.leased_until > self._clock.now() and not known.missed

    async def begin(self) -> None:
        """Let every feed be read once when hubs begin to reach the bot: one that did not change may name one.

        Raises StoreError.
        """
        known = bool(await self._store.meta.get(_MARK))
        if self.enabled and not known:
            await self._store.feeds.read_anew()
        if self.enabled is not known:
            await self._store.meta.set(_MARK, "1" if self.enabled else "")

    async def run(self) -> None:
        """Ask hubs for what is due, for ever. Raises StoreError."""
        while True:
            self._woken.clear()
            await self._settle()
            if (moment := self._clock.monotonic()) - self._loaded >= LONGEST_REST:
                await self._known.load()
                self._loaded = moment
            for feed_id in await self._store.pushes.unfollowed():
                if (known := self._known.of_feed(feed_id)) is not None and self._poller.asks(known.hub):
                    await self._leave(known)
            now = self._clock.now()
            for known in sorted(self._known, key=lambda each: each.due):
                host = host_name(known.hub)
                if known.due > now or len(self._asking) >= AT_ONCE:
                    break
                if host not in self._asking and self._poller.asks(known.hub):
                    self._asking[host] = asyncio.create_task(self._ask_safely(known, host))
            await self._rest()

    async def close(self) -> None:
        """End what is being read and asked."""
        await self._endings.close()
        await self._documents.close()
        for task in (tasks := list(self._asking.values())):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def settle(self) -> None:
        """Return when all that was pushed is recorded."""
        await self._documents.settle()

    async def look_up(self, token: str, address: str, *, verifies: bool) -> float:
        """Learn of a subscription that another process agreed or renewed, or this one before it began anew.

        Where the hub `verifies` one it may have changed. For a token that nobody has, seconds after which the
        caller may try again, from whose address too many of these came; else 0. Raises StoreError.
        """
        known = self._known.of_token(token)
        is_running = known is not None and known.leased_until > self._clock.now()
        if self._endings.knows(token) or (is_running and not verifies):
            return 0
        return 0 if await self._known.look_up(token) else self._misses.count_miss(address)

    async def write(self) -> None:
        """Write down what was confirmed. Raises StoreError."""
        await self._known.write()

    def confirm(self, token: str, query: Mapping[str, str]) -> str | None:
        """The answer to a hub that wants a subscription confirmed (section 5.3); None: it is not meant.

        One that the hub denies (section 5.2) is asked for again in a day.
        """
        mode, challenge = query.get("hub.mode"), query.get("hub.challenge", "")
        if self._endings.is_meant(token, query):
            return challenge if 0 < len(challenge) <= LONGEST_CHALLENGE else None
        known = self._known.of_token(token)
        if known is None or query.get("hub.topic") != known.topic:
            return None
        now = self._clock.now()
        if mode == "denied":
            log.info("%s: the hub denies its pushes", urls.masked(known.topic))
            self._known.change(known._replace(leased_until=0, asked=None, due=now + LONGEST_AGAIN))
            return ""
        if mode != "subscribe" or known.asked is None or not 0 < len(challenge) <= LONGEST_CHALLENGE:
            return None
        given = query.get("hub.lease_seconds", "")
        lease = int(given[:9]) if given.isascii() and given.isdecimal() else LEASE
        lease = max(SHORTEST_LEASE, min(lease, LONGEST_LEASE))
        due = now + max(int(lease * RENEWED_AT), SHORTEST_LEASE // 2)
        log.info("%s is pushed for %d s", urls.masked(known.topic), lease)
        self._known.change(known._replace(leased_until=now + lease, asked=None, due=due, failures=0))
        return challenge

    def wait(self, token: str) -> float:
        """Seconds until a hub may push again, 0 for now."""
        return self._limit.wait(token)

    def hub_of(self, token: str) -> str | None:
        """The host of the hub that has a token; None where there is no such subscription."""
        known = self._known.of_token(token)
        return None if known is None else host_name(known.hub)

    def take(self, token: str, pushed: Pushed, signature: Signature) -> asyncio.Task[None] | None:
        """Take what a hub pushed, to be read by the task; None where it counts for nothing (section 7.1)."""
        known = self._known.of_token(token)
        if known is None or known.leased_until <= self._clock.now():
            return None
        self._limit.take(token)
        if not signature.is_of(pushed.body, known.secret):
            log.warning("%s: a push without a valid signature was left out", urls.masked(known.topic))
            return None
        return self._documents.take(known.feed_id, pushed)

    def _brought(self, feed_id: int) -> None:
        """What was pushed held news: the hub misses nothing any more."""
        known = self._known.of_feed(feed_id)
        if known is not None and known.missed:
            self._known.change(known._replace(missed=0))

    def _offered(self, feed: Feed, fetched: Fetched, parsed: ParsedFeed) -> None:
        is_secret = feed.server_id is not None or urls.holds_secret(feed.url)
        if is_secret or list_feeds.is_list(feed.url):  # a hub is no place for a secret
            return
        offer = hubs.offered(fetched.headers, parsed, fetched.url)
        known = self._known.of_feed(feed.id)
        if (known.hub, known.topic) != offer if known is not None else offer is not None:
            self._offers[feed.id] = offer
            self._woken.set()

    def _unchanged(self, feed_id: int, fetched: Fetched) -> None:
        """A feed did not change. Where only its headers name a hub, it is read once in full."""
        is_known = self._known.of_feed(feed_id) is not None or feed_id in self._named
        if not is_known and hubs.is_named(fetched.headers, fetched.url):
            self._named.add(feed_id)
            self._unread.add(feed_id)
            self._woken.set()

    def _found(self, feed_id: int) -> None:
        known = self._known.of_feed(feed_id)
        if known is not None and self.is_pushed(feed_id):
            log.info("%s: its hub missed something", urls.masked(known.topic))
            self._known.change(known._replace(missed=1))

    async def _settle(self) -> None:
        """Write down what changed, and begin or end subscriptions as feeds want it. Raises StoreError."""
        offers, self._offers = self._offers, {}
        for feed_id, offer in offers.items():
            if offer is None:
                await self._known.remove(feed_id)
            else:
                token, secret = secrets.token_urlsafe(24), secrets.token_urlsafe(32)
                now = self._clock.now()
                self._known.change(PushSubscription(feed_id, offer.hub, offer.topic, token, secret, due=now))
        while self._unread:
            await self._store.feeds.read_anew(self._unread.pop())
        await self._known.write()

    async def _leave(self, known: PushSubscription) -> None:
        """Nobody follows a feed any more: its hub is told, and whoever follows it next finds the hub anew."""
        await self._known.remove(known.feed_id)
        await self._store.feeds.read_anew(known.feed_id)
        if known.leased_until > self._clock.now():
            self._endings.tell(known, self._form(known, "unsubscribe"))

    def _form(self, known: PushSubscription, mode: str) -> dict[str, str]:
        return {
            "hub.callback": f"{self._settings.public_url}{PATH}{known.token}",
            "hub.mode": mode,
            "hub.topic": known.topic,
        }

    async def _ask_safely(self, known: PushSubscription, host: str) -> None:
        try:
            await self._ask(known)
        except StoreError:
            log.exception("a hub could not be asked")
        finally:
            del self._asking[host]
            self._woken.set()

    async def _ask(self, known: PushSubscription) -> None:
        """Ask a hub for a subscription, or for more of it; it verifies that during the request or later."""
        now = self._clock.now()
        again = min(AGAIN << min(known.failures, 10), LONGEST_AGAIN)
        known = known._replace(asked=now, due=now + again, failures=known.failures + 1)
        self._known.change(known)
        await self._known.write()
        form = self._form(known, "subscribe")
        form |= {"hub.lease_seconds": str(LEASE), "hub.secret": known.secret}
        try:
            async with self._poller.hosts.visiting(known.hub):
                await self._fetcher.post(known.hub, form)
        except FeedError as error:
            log.info("%s does not push %s: %s", urls.masked(known.hub), urls.masked(known.topic), error)
            current = self._known.of_feed(known.feed_id)
            if error.code == fetch_errors.BAD_URL and current == known:
                self._known.change(known._replace(due=now + LONGEST_AGAIN))

    async def _rest(self) -> None:
        now = self._clock.now()
        own = (one for one in self._known if self._poller.asks(one.hub))
        later = [one.due - now for one in own if host_name(one.hub) not in self._asking]
        await wait(self._clock, self._woken, min(max(min(later, default=LONGEST_REST), 1), LONGEST_REST))
