"""WebSub subscriptions at the hubs that feeds name: request, verification, renewal, pushes.

A hub calls a secret URL under `TELEX_PUBLIC_URL`. A push needs a signature made with the secret that the hub
was given. A pushed feed is polled `PUSHED_FEED_INTERVAL_FACTOR` times less often, until a poll finds an
article that was not pushed. A subscription whose feed nobody follows any more is ended.
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
"""Path under the public URL, before the token of a subscription."""
REQUESTED_LEASE_SECONDS = 10 * 86_400
"""Lease that is requested from hubs."""
SHORTEST_LEASE, LONGEST_LEASE = 300, 90 * 86_400
"""Limits of a lease that a hub grants, in seconds."""
RENEW_AT_FRACTION = 0.9
"""Fraction of a lease after which it is renewed."""
RETRY_SECONDS = 3_600
"""Seconds until a hub that failed or did not verify is asked again; doubles each time."""
MAX_RETRY_SECONDS = 86_400
"""Longest delay between two subscription requests to a hub, in seconds."""
LONGEST_REST, LONGEST_CHALLENGE = 600.0, 1_024
"""Longest wait for due subscriptions in seconds, and longest challenge of a hub in characters."""
PUSHES, PUSHES_PERIOD = 30, 60.0
"""Pushes of a hub for one feed at once, and seconds in which the quota refills."""
MAX_CONCURRENT_HUBS = 8
"""Hubs that are asked at a time."""
_MARK = "hubs"
"""Key in the store that is set while hubs can reach the bot."""


class WebSubSubscriber:
    """The subscriber of WebSub; inactive without a public URL."""

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
        self._named: set[int] = set()  # feeds whose headers name a hub
        self._unread: set[int] = set()  # feeds to be fetched in full
        self._asking: dict[str, asyncio.Task[None]] = {}  # by host, so that a slow hub delays no other
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
        """Return whether a feed has a verified subscription and no poll found a missed push."""
        known = self._known.of_feed(feed_id)
        return known is not None and known.leased_until > self._clock.now() and not known.missed

    async def reset_validators_once(self) -> None:
        """Have every feed fetched in full once after hubs can reach the bot: it may name a hub.

        Raises StoreError.
        """
        known = bool(await self._store.meta.get(_MARK))
        if self.enabled and not known:
            await self._store.feeds.clear_validators()
        if self.enabled is not known:
            await self._store.meta.set(_MARK, "1" if self.enabled else "")

    async def run(self) -> None:
        """Request, renew and end subscriptions until cancelled. Raises StoreError."""
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
        """Cancel all requests and all ingestion."""
        await self._endings.close()
        await self._documents.close()
        for task in (tasks := list(self._asking.values())):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def drain(self) -> None:
        """Wait until all pushed documents are recorded."""
        await self._documents.drain()

    async def refresh_subscription(self, token: str, address: str, *, verifies: bool) -> float:
        """Load a subscription that another process, or this one before a restart, may have changed.

        `is_verification`: the hub verifies it. For an unknown token return the seconds after which the client
        `client_address`, if it sent too many of them, may try again, else 0. Raises StoreError.
        """
        known = self._known.of_token(token)
        is_running = known is not None and known.leased_until > self._clock.now()
        if self._endings.contains(token) or (is_running and not verifies):
            return 0
        return 0 if await self._known.refresh(token) else self._misses.count_miss(address)

    async def write(self) -> None:
        """Write confirmed subscriptions. Raises StoreError."""
        await self._known.flush()

    def verify_intent(self, token: str, query: Mapping[str, str]) -> str | None:
        """Return the response to a hub's verification of intent (section 5.3), None to refuse it.

        A subscription that the hub denies (section 5.2) is requested again in a day.
        """
        mode, challenge = query.get("hub.mode"), query.get("hub.challenge", "")
        if self._endings.confirms(token, query):
            return challenge if 0 < len(challenge) <= LONGEST_CHALLENGE else None
        known = self._known.of_token(token)
        if known is None or query.get("hub.topic") != known.topic:
            return None
        now = self._clock.now()
        if mode == "denied":
            log.info("subscription denied topic=%s", urls.redact(known.topic))
            self._known.put(known._replace(leased_until=0, asked=None, due=now + MAX_RETRY_SECONDS))
            return ""
        if mode != "subscribe" or known.asked is None or not 0 < len(challenge) <= LONGEST_CHALLENGE:
            return None
        given = query.get("hub.lease_seconds", "")
        lease = int(given[:9]) if given.isascii() and given.isdecimal() else REQUESTED_LEASE_SECONDS
        lease = max(SHORTEST_LEASE, min(lease, LONGEST_LEASE))
        due = now + max(int(lease * RENEW_AT_FRACTION), SHORTEST_LEASE // 2)
        log.info("subscription verified topic=%s seconds=%d", urls.redact(known.topic), lease)
        self._known.put(known._replace(leased_until=now + lease, asked=None, due=due, failures=0))
        return challenge

    def push_retry_after(self, token: str) -> float:
        """Return the seconds until a hub may push again, 0 for now."""
        return self._limit.retry_after(token)

    def hub_of(self, token: str) -> str | None:
        """Return the host of the hub that has a token, None without a subscription."""
        known = self._known.of_token(token)
        return None if known is None else host_name(known.hub)

    def accept_push(
        self, token: str, pushed: PushedDocument, signature: Signature
    ) -> asyncio.Task[None] | None:
        """Ingest a push in the returned task, or return None if it is invalid (section 7.1)."""
        known = self._known.of_token(token)
        if known is None or known.leased_until <= self._clock.now():
            return None
        self._limit.consume(token)
        if not signature.is_of(pushed.body, known.secret):
            log.warning("push rejected topic=%s error=signature", urls.redact(known.topic))
            return None
        return self._documents.submit(known.feed_id, pushed)

    def _on_push_news(self, feed_id: int) -> None:
        """Clear the mark of a missed push: the hub pushes again."""
        known = self._known.of_feed(feed_id)
        if known is not None and known.missed:
            self._known.put(known._replace(missed=0))

    def _on_document(self, feed: Feed, fetched: FetchResult, parsed: ParsedFeed) -> None:
        is_secret = feed.server_id is not None or urls.holds_secret(feed.url)
        if is_secret or list_feeds.is_list_url(feed.url):  # A hub must not learn a secret.
            return
        offer = websub.find_hub(fetched.headers, parsed, fetched.url)
        known = self._known.of_feed(feed.id)
        if (known.hub, known.topic) != offer if known is not None else offer is not None:
            self._offers[feed.id] = offer
            self._woken.set()

    def _unchanged(self, feed_id: int, fetched: FetchResult) -> None:
        """Have a feed fetched in full once if only its headers name a hub."""
        is_known = self._known.of_feed(feed_id) is not None or feed_id in self._named
        if not is_known and websub.headers_name_hub(fetched.headers, fetched.url):
            self._named.add(feed_id)
            self._unread.add(feed_id)
            self._woken.set()

    def _on_missed_push(self, feed_id: int) -> None:
        known = self._known.of_feed(feed_id)
        if known is not None and self.is_pushed(feed_id):
            log.info("push missed topic=%s", urls.redact(known.topic))
            self._known.put(known._replace(missed=1))

    async def _apply_changes(self) -> None:
        """Write changes, and begin or end subscriptions as feeds name hubs. Raises StoreError."""
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
        """End the subscription of a feed that nobody follows; a later follower finds the hub anew."""
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
            log.exception("subscription not stored hub=%s", host)
        finally:
            del self._asking[host]
            self._woken.set()

    async def _request_subscription(self, known: PushSubscription) -> None:
        """Request or renew a subscription; the hub verifies it during the request or later."""
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
            log.info(
                "subscription failed hub=%s topic=%s error=%s",
                urls.redact(known.hub),
                urls.redact(known.topic),
                error,
            )
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
