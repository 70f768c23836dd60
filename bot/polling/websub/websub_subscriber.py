"""Subscriptions at the hubs that feeds name (WebSub): asked for, verified, renewed, and what they push.

A hub calls an address under `TELEX_PUBLIC_URL` that nobody else can guess. What it pushes counts only with a
signature made with the secret that it was given. A feed that is pushed is polled four times less often, as a
net, until a poll finds what was not pushed. The hub of one that nobody follows any more is told so.
"""

import asyncio
import logging
import secrets
from collections.abc import Mapping

from bot.core.clock import wait_for_event
from bot.core.models import Feed, ParsedFeed
from bot.core.rate_limits import MissLimit, TokenBucket
from bot.core.settings import Settings
from bot.feeds import fetch_errors, websub
from bot.feeds.fetch import Fetcher, FetchResult
from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages import list_feeds
from bot.feeds.websub import HubLink, Signature
from bot.polling.poller import Poller
from bot.polling.websub.pushed_documents import PushedDocument, PushIngestQueue
from bot.polling.websub.subscription_cache import SubscriptionCache
from bot.polling.websub.unsubscriptions import Unsubscriptions
from bot.processes.leases import FEEDS, Leases
from bot.store import Store, StoreError
from bot.store.records.source_records import PushSubscription
from bot.text import urls
from bot.text.host_slots import host_name

log = logging.getLogger(__name__)

CALLBACK_PATH = "/websub/"
"""Under the public address, before the token of a subscription."""
REQUESTED_LEASE_SECONDS = 10 * 86_400
"""Seconds that hubs are asked to push for."""
SHORTEST_LEASE, LONGEST_LEASE = 300, 90 * 86_400
RENEW_AT_FRACTION = 0.9
"""What part of a lease has gone by when it is renewed."""
RETRY_SECONDS = 3_600
"""Seconds until a hub is asked again that failed or did not verify; twice as many after each time,"""
MAX_RETRY_SECONDS = 86_400
"""up to a day."""
LONGEST_REST, LONGEST_CHALLENGE = 600.0, 1_024
PUSHES, PUSHES_PERIOD = 30, 60.0
"""What a hub may push for one feed at once, and seconds until that many more may come."""
MAX_CONCURRENT_HUBS = 8
"""Hubs that are asked at a time."""
_MARK = "hubs"
"""What is set in the store while hubs can reach the bot."""


class WebSubSubscriber:
    """What is pushed, and by whom. It does nothing where there is no public address."""

    def __init__(
        self, settings: Settings, store: Store, fetcher: Fetcher, poller: Poller, leases: Leases
    ) -> None:
        self._settings, self._clock, self._store = settings, store.clock, store
        self._fetcher, self._poller = fetcher, poller
        self._woken = asyncio.Event()
        self._known = SubscriptionCache(store, self._woken.set)
        self._loaded = -LONGEST_REST
        self._endings = Unsubscriptions(fetcher, poller.hosts)
        self._offers: dict[int, HubLink | None] = {}
        self._limit = TokenBucket(store.clock, allowed=PUSHES, period=PUSHES_PERIOD)
        self._misses = MissLimit(store.clock)
        self._documents = PushIngestQueue(store, poller, self._on_push_news)
        self._named: set[int] = set()  # in headers of feeds without news
        self._unread: set[int] = set()  # of these, feeds that are to be read
        self._asking: dict[str, asyncio.Task[None]] = {}  # one hub that is slow holds up no other
        if self.enabled:
            poller.recorder.on_document = self._on_document
            poller.recorder.on_unchanged = self._unchanged
            poller.recorder.on_polled_news = self._on_missed_push
            poller.recorder.is_pushed = self.is_pushed
            leases.add_listener(FEEDS, lambda _gained, _lost: self._woken.set())

    @property
    def enabled(self) -> bool:
        """Whether hubs can reach the bot."""
        return self._settings.public_url is not None

    def is_pushed(self, feed_id: int) -> bool:
        """Whether what a feed publishes is pushed now, as far as polls have found."""
        known = self._known.of_feed(feed_id)
        return known is not None and known.leased_until > self._clock.now() and not known.missed

    async def reset_validators_once(self) -> None:
        """Let every feed be read once when hubs begin to reach the bot: one that did not change may name one.

        Raises StoreError.
        """
        known = bool(await self._store.meta.get(_MARK))
        if self.enabled and not known:
            await self._store.feeds.clear_validators()
        if self.enabled is not known:
            await self._store.meta.set(_MARK, "1" if self.enabled else "")

    async def run(self) -> None:
        """Ask hubs for what is due, for ever. Raises StoreError."""
        while True:
            self._woken.clear()
            await self._apply_changes()
            if (moment := self._clock.monotonic()) - self._loaded >= LONGEST_REST:
                await self._known.load()
                self._loaded = moment
            for feed_id in await self._store.push_subscriptions.unfollowed():
                if (known := self._known.of_feed(feed_id)) is not None and self._poller.owns_host_of(
                    known.hub
                ):
                    await self._unsubscribe(known)
            now = self._clock.now()
            for known in sorted(self._known, key=lambda each: each.due):
                host = host_name(known.hub)
                if known.due > now or len(self._asking) >= MAX_CONCURRENT_HUBS:
                    break
                if host not in self._asking and self._poller.owns_host_of(known.hub):
                    self._asking[host] = asyncio.create_task(self._ask_safely(known, host))
            await self._sleep_until_due()

    async def close(self) -> None:
        """End what is being read and asked."""
        await self._endings.close()
        await self._documents.close()
        for task in (tasks := list(self._asking.values())):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def drain(self) -> None:
        """Return when all that was pushed is recorded."""
        await self._documents.drain()

    async def refresh_subscription(self, token: str, address: str, *, verifies: bool) -> float:
        """Learn of a subscription that another process agreed or renewed, or this one before it began anew.

        Where the hub `verifies` one it may have changed. For a token that nobody has, seconds after which the
        caller may try again, from whose address too many of these came; else 0. Raises StoreError.
        """
        known = self._known.of_token(token)
        is_running = known is not None and known.leased_until > self._clock.now()
        if self._endings.contains(token) or (is_running and not verifies):
            return 0
        return 0 if await self._known.refresh(token) else self._misses.count_miss(address)

    async def write(self) -> None:
        """Write down what was confirmed. Raises StoreError."""
        await self._known.flush()

    def verify_intent(self, token: str, query: Mapping[str, str]) -> str | None:
        """The answer to a hub that wants a subscription confirmed (section 5.3); None: it is not meant.

        One that the hub denies (section 5.2) is asked for again in a day.
        """
        mode, challenge = query.get("hub.mode"), query.get("hub.challenge", "")
        if self._endings.confirms(token, query):
            return challenge if 0 < len(challenge) <= LONGEST_CHALLENGE else None
        known = self._known.of_token(token)
        if known is None or query.get("hub.topic") != known.topic:
            return None
        now = self._clock.now()
        if mode == "denied":
            log.info("%s: the hub denies its pushes", urls.redact(known.topic))
            self._known.put(known._replace(leased_until=0, asked=None, due=now + MAX_RETRY_SECONDS))
            return ""
        if mode != "subscribe" or known.asked is None or not 0 < len(challenge) <= LONGEST_CHALLENGE:
            return None
        given = query.get("hub.lease_seconds", "")
        lease = int(given[:9]) if given.isascii() and given.isdecimal() else REQUESTED_LEASE_SECONDS
        lease = max(SHORTEST_LEASE, min(lease, LONGEST_LEASE))
        due = now + max(int(lease * RENEW_AT_FRACTION), SHORTEST_LEASE // 2)
        log.info("%s is pushed for %d s", urls.redact(known.topic), lease)
        self._known.put(known._replace(leased_until=now + lease, asked=None, due=due, failures=0))
        return challenge

    def push_retry_after(self, token: str) -> float:
        """Seconds until a hub may push again, 0 for now."""
        return self._limit.retry_after(token)

    def hub_of(self, token: str) -> str | None:
        """The host of the hub that has a token; None where there is no such subscription."""
        known = self._known.of_token(token)
        return None if known is None else host_name(known.hub)

    def accept_push(
        self, token: str, pushed: PushedDocument, signature: Signature
    ) -> asyncio.Task[None] | None:
        """Take what a hub pushed, to be read by the task; None where it counts for nothing (section 7.1)."""
        known = self._known.of_token(token)
        if known is None or known.leased_until <= self._clock.now():
            return None
        self._limit.consume(token)
        if not signature.is_of(pushed.body, known.secret):
            log.warning("%s: a push without a valid signature was left out", urls.redact(known.topic))
            return None
        return self._documents.submit(known.feed_id, pushed)

    def _on_push_news(self, feed_id: int) -> None:
        """What was pushed held news: the hub misses nothing any more."""
        known = self._known.of_feed(feed_id)
        if known is not None and known.missed:
            self._known.put(known._replace(missed=0))

    def _on_document(self, feed: Feed, fetched: FetchResult, parsed: ParsedFeed) -> None:
        is_secret = feed.server_id is not None or urls.holds_secret(feed.url)
        if is_secret or list_feeds.is_list_url(feed.url):  # a hub is no place for a secret
            return
        offer = websub.find_hub(fetched.headers, parsed, fetched.url)
        known = self._known.of_feed(feed.id)
        if (known.hub, known.topic) != offer if known is not None else offer is not None:
            self._offers[feed.id] = offer
            self._woken.set()

    def _unchanged(self, feed_id: int, fetched: FetchResult) -> None:
        """A feed did not change. Where only its headers name a hub, it is read once in full."""
        is_known = self._known.of_feed(feed_id) is not None or feed_id in self._named
        if not is_known and websub.headers_name_hub(fetched.headers, fetched.url):
            self._named.add(feed_id)
            self._unread.add(feed_id)
            self._woken.set()

    def _on_missed_push(self, feed_id: int) -> None:
        known = self._known.of_feed(feed_id)
        if known is not None and self.is_pushed(feed_id):
            log.info("%s: its hub missed something", urls.redact(known.topic))
            self._known.put(known._replace(missed=1))

    async def _apply_changes(self) -> None:
        """Write down what changed, and begin or end subscriptions as feeds want it. Raises StoreError."""
        offers, self._offers = self._offers, {}
        for feed_id, offer in offers.items():
            if offer is None:
                await self._known.remove(feed_id)
            else:
                token, secret = secrets.token_urlsafe(24), secrets.token_urlsafe(32)
                now = self._clock.now()
                self._known.put(PushSubscription(feed_id, offer.hub, offer.topic, token, secret, due=now))
        while self._unread:
            await self._store.feeds.clear_validators(self._unread.pop())
        await self._known.flush()

    async def _unsubscribe(self, known: PushSubscription) -> None:
        """Nobody follows a feed any more: its hub is told, and whoever follows it next finds the hub anew."""
        await self._known.remove(known.feed_id)
        await self._store.feeds.clear_validators(known.feed_id)
        if known.leased_until > self._clock.now():
            self._endings.request(known, self._form(known, "unsubscribe"))

    def _form(self, known: PushSubscription, mode: str) -> dict[str, str]:
        return {
            "hub.callback": f"{self._settings.public_url}{CALLBACK_PATH}{known.token}",
            "hub.mode": mode,
            "hub.topic": known.topic,
        }

    async def _ask_safely(self, known: PushSubscription, host: str) -> None:
        try:
            await self._request_subscription(known)
        except StoreError:
            log.exception("a hub could not be asked")
        finally:
            del self._asking[host]
            self._woken.set()

    async def _request_subscription(self, known: PushSubscription) -> None:
        """Ask a hub for a subscription, or for more of it; it verifies that during the request or later."""
        now = self._clock.now()
        again = min(RETRY_SECONDS << min(known.failures, 10), MAX_RETRY_SECONDS)
        known = known._replace(asked=now, due=now + again, failures=known.failures + 1)
        self._known.put(known)
        await self._known.flush()
        form = self._form(known, "subscribe")
        form |= {"hub.lease_seconds": str(REQUESTED_LEASE_SECONDS), "hub.secret": known.secret}
        try:
            async with self._poller.hosts.throttled(known.hub):
                await self._fetcher.post(known.hub, form)
        except FeedError as error:
            log.info("%s does not push %s: %s", urls.redact(known.hub), urls.redact(known.topic), error)
            current = self._known.of_feed(known.feed_id)
            if error.code == fetch_errors.BAD_URL and current == known:
                self._known.put(known._replace(due=now + MAX_RETRY_SECONDS))

    async def _sleep_until_due(self) -> None:
        now = self._clock.now()
        own = (one for one in self._known if self._poller.owns_host_of(one.hub))
        later = [one.due - now for one in own if host_name(one.hub) not in self._asking]
        await wait_for_event(
            self._clock, self._woken, min(max(min(later, default=LONGEST_REST), 1), LONGEST_REST)
        )
