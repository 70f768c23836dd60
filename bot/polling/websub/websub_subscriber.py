"""WebSub subscriptions at the hubs that feeds name: request, verification, renewal, pushes.

A hub calls a secret URL under `TELEX_PUBLIC_URL`. A push needs a signature made with the secret that the hub
was given. A pushed feed is polled `PUSHED_FEED_INTERVAL_FACTOR` times less often, until a poll finds an
article that was not pushed. A subscription whose feed nobody follows any more is ended. Of a subscription, `hub`
is the URL of the hub, `topic` that of the feed, and `failures` the number of failed requests in a row. Sections are
those of the specification, https://www.w3.org/TR/websub/.
"""

import asyncio
import logging
import secrets
from collections.abc import Mapping

from bot.core.clock import wait_for_event
from bot.core.concurrency.rate_limits import FailedLookupLimiter, TokenBucket
from bot.core.configuration.settings import Settings
from bot.core.received_values import parse_clamped_integer
from bot.feeds import fetch_errors
from bot.feeds.fetch import Fetcher
from bot.feeds.fetch_errors import FeedError
from bot.feeds.websub import Signature
from bot.polling.poller import Poller
from bot.polling.websub.hub_discovery import HubDiscovery
from bot.polling.websub.pushed_documents import PushedDocument, PushIngestQueue
from bot.polling.websub.unsubscriptions import Unsubscriptions
from bot.processes.leases import HOST_SLOT_LEASE_KIND, Leases
from bot.store import Store, StoreError
from bot.store.records.source_records import PushSubscription
from bot.text import urls
from bot.text.host_slots import get_host_name

log = logging.getLogger(__name__)

CALLBACK_PATH = "/websub/"
"""Path under the public URL that hubs call; the token of a subscription follows."""
REQUESTED_LEASE_SECONDS = 10 * 86_400
"""Duration of a subscription (lease) in seconds that is requested from hubs."""
MIN_LEASE_SECONDS = 300
"""Minimum duration in seconds of a subscription (lease); if a hub grants less, this is assumed."""
MAX_LEASE_SECONDS = 90 * 86_400
"""Maximum duration in seconds of a subscription (lease); if a hub grants more, this is assumed."""
RENEW_AT_FRACTION = 0.9
"""Fraction of its duration after which a subscription is renewed."""
RETRY_SECONDS = 3_600
"""Number of seconds until a hub that failed or did not verify is first asked again; it doubles each time."""
MAX_RETRY_SECONDS = 86_400
"""Maximum number of seconds until a hub that failed, denied or did not verify is asked again."""
MAX_IDLE_SECONDS = 600.0
"""Maximum number of seconds between two looks for subscriptions to request, renew or end."""
MAX_CHALLENGE_CHARS = 1_024
"""Maximum length of a hub's challenge in characters."""
PUSH_QUOTA = 30
"""Maximum number of pushes of a hub for one feed at once."""
PUSH_QUOTA_SECONDS = 60.0
"""Number of seconds in which a hub's used-up quota of pushes refills."""
MAX_CONCURRENT_HUBS = 8
"""Maximum number of hubs that are asked for subscriptions at a time."""
_HUBS_ENABLED_KEY = "hubs"
"""Key in the store that is set while hubs can reach the bot."""


class WebSubSubscriber:
    """Subscriber to pushed feeds (WebSub); inactive without a public URL."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        fetcher: Fetcher,
        poller: Poller,
        leases: Leases,
        discovery: HubDiscovery,
    ) -> None:
        self._settings, self._clock, self._store = settings, store.clock, store
        self._fetcher, self._poller = fetcher, poller
        self._discovery, self._subscriptions = discovery, discovery.subscriptions
        self._wake_event = discovery.wake_event
        self._loaded_at_monotonic = -MAX_IDLE_SECONDS
        self._unsubscriptions = Unsubscriptions(fetcher, poller.hosts)
        self._push_rate_limiter = TokenBucket(store.clock, max_tokens=PUSH_QUOTA, period_seconds=PUSH_QUOTA_SECONDS)
        self._token_miss_limiter = FailedLookupLimiter(store.clock)
        self._push_queue = PushIngestQueue(store, poller, discovery.on_pushed_news)
        self._request_task_by_host: dict[str, asyncio.Task[None]] = {}  # by host, so that a slow hub delays no other
        if self.is_enabled:
            leases.add_listener(HOST_SLOT_LEASE_KIND, lambda _gained, _lost: self._wake_event.set())

    @property
    def is_enabled(self) -> bool:
        """Whether hubs can reach the bot, as it has a public URL."""
        return self._discovery.is_enabled

    def is_pushed(self, feed_id: int) -> bool:
        """Return whether a feed has a verified subscription and no poll found a missed push."""
        return self._discovery.is_pushed(feed_id)

    async def reset_validators_once(self) -> None:
        """Have every feed fetched in full once after the bot got a public URL: a feed may name a hub.

        Raises StoreError.
        """
        was_enabled = bool(await self._store.meta.get(_HUBS_ENABLED_KEY))
        if self.is_enabled and not was_enabled:
            await self._store.feeds.clear_validators()
        if self.is_enabled is not was_enabled:
            await self._store.meta.set(_HUBS_ENABLED_KEY, "1" if self.is_enabled else "")

    async def run(self) -> None:
        """Request, renew and end subscriptions until cancelled. Raises StoreError."""
        while True:
            self._wake_event.clear()
            await self._apply_changes()
            if (monotonic_now := self._clock.monotonic()) - self._loaded_at_monotonic >= MAX_IDLE_SECONDS:
                await self._subscriptions.load()
                self._loaded_at_monotonic = monotonic_now
            for feed_id in await self._store.push_subscriptions.list_unfollowed_feed_ids():
                if (subscription := self._subscriptions.get_by_feed(feed_id)) is not None and self._poller.owns_host_of(
                    subscription.hub
                ):
                    await self._unsubscribe(subscription)
            now = self._clock.now()
            for subscription in sorted(self._subscriptions, key=lambda candidate: candidate.due_at):
                host = get_host_name(subscription.hub)
                if subscription.due_at > now or len(self._request_task_by_host) >= MAX_CONCURRENT_HUBS:
                    break
                if host not in self._request_task_by_host and self._poller.owns_host_of(subscription.hub):
                    self._request_task_by_host[host] = asyncio.create_task(self._request_safely(subscription, host))
            await self._sleep_until_due()

    async def close(self) -> None:
        """Cancel all requests to hubs and all ingestion of pushed documents."""
        await self._unsubscriptions.close()
        await self._push_queue.close()
        for task in (tasks := list(self._request_task_by_host.values())):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def drain(self) -> None:
        """Wait until all pushed documents are recorded, or could not be."""
        await self._push_queue.drain()

    async def refresh_subscription(self, token: str, client_address: str, *, is_verification: bool) -> float:
        """Load a subscription that another process, or this process before a restart, may have changed.

        One that is ended, or is active and called by no verification, is not loaded. `is_verification`: the hub's call
        is a verification of intent. If the client `client_address` sent too
        many unknown tokens, return the seconds after which it may try again, else 0. Raises StoreError.
        """
        subscription = self._subscriptions.get_by_token(token)
        is_active = subscription is not None and subscription.leased_until > self._clock.now()
        if self._unsubscriptions.contains(token) or (is_active and not is_verification):
            return 0
        return 0 if await self._subscriptions.refresh(token) else self._token_miss_limiter.count_miss(client_address)

    async def flush(self) -> None:
        """Write the changed subscriptions to the store. Raises StoreError."""
        await self._subscriptions.flush()

    def verify_intent(self, token: str, query: Mapping[str, str]) -> str | None:
        """Return the response to a hub's verification of intent (section 5.3), or None to refuse it.

        A verified subscription begins, and `flush` stores it; one that the hub denies (section 5.2) is requested again
        in a day.
        """
        mode, challenge = query.get("hub.mode"), query.get("hub.challenge", "")
        if self._unsubscriptions.confirms(token, query):
            return challenge if 0 < len(challenge) <= MAX_CHALLENGE_CHARS else None
        subscription = self._subscriptions.get_by_token(token)
        if subscription is None or query.get("hub.topic") != subscription.topic:
            return None
        now = self._clock.now()
        if mode == "denied":
            log.info("subscription denied topic=%s", urls.redact(subscription.topic))
            self._subscriptions.replace(
                subscription._replace(leased_until=0, requested_at=None, due_at=now + MAX_RETRY_SECONDS)
            )
            return ""
        if mode != "subscribe" or subscription.requested_at is None or not 0 < len(challenge) <= MAX_CHALLENGE_CHARS:
            return None
        lease_seconds = parse_clamped_integer(query.get("hub.lease_seconds"), maximum=MAX_LEASE_SECONDS)
        lease_seconds = max(MIN_LEASE_SECONDS, REQUESTED_LEASE_SECONDS if lease_seconds is None else lease_seconds)
        renew_at = now + max(int(lease_seconds * RENEW_AT_FRACTION), MIN_LEASE_SECONDS // 2)
        log.info("subscription verified topic=%s seconds=%d", urls.redact(subscription.topic), lease_seconds)
        self._subscriptions.replace(
            subscription._replace(leased_until=now + lease_seconds, requested_at=None, due_at=renew_at, failures=0)
        )
        return challenge

    def get_push_retry_after(self, token: str) -> float:
        """Return the seconds until the hub that calls the URL with this token may push again, or 0 if it may now."""
        return self._push_rate_limiter.retry_after(token)

    def get_hub_host(self, token: str) -> str | None:
        """Return the host of the hub that calls the URL with this token, or None if no subscription has the token."""
        subscription = self._subscriptions.get_by_token(token)
        return None if subscription is None else get_host_name(subscription.hub)

    def accept_push(self, token: str, document: PushedDocument, signature: Signature) -> asyncio.Task[None] | None:
        """Start to ingest a push and return the task that does, or None if the push is invalid (section 7.1).

        A push is valid if its token has a verified subscription and the signature fits. It counts towards the quota of
        its hub even if the signature does not fit.
        """
        subscription = self._subscriptions.get_by_token(token)
        if subscription is None or subscription.leased_until <= self._clock.now():
            return None
        self._push_rate_limiter.consume(token)
        if not signature.is_valid_for(document.body, subscription.secret):
            log.warning("push rejected topic=%s error=signature", urls.redact(subscription.topic))
            return None
        return self._push_queue.submit(subscription.feed_id, document)

    async def _apply_changes(self) -> None:
        """Begin or end subscriptions as feeds name hubs or no longer do, and write changed subscriptions to the store.

        Makes the next polls fetch feeds in full whose hub must be found anew.
        Raises StoreError.
        """
        for feed_id, hub_link in self._discovery.take_hub_links().items():
            if hub_link is None:
                await self._subscriptions.remove(feed_id)
            else:
                token, secret = secrets.token_urlsafe(24), secrets.token_urlsafe(32)
                now = self._clock.now()
                self._subscriptions.replace(
                    PushSubscription(feed_id, hub_link.hub_url, hub_link.topic_url, token, secret, due_at=now)
                )
        while (refetch_feed_id := self._discovery.take_refetch_feed_id()) is not None:
            await self._store.feeds.clear_validators(refetch_feed_id)
        await self._subscriptions.flush()

    async def _unsubscribe(self, subscription: PushSubscription) -> None:
        """End the subscription of a feed that nobody follows; a later follower finds the hub anew."""
        await self._subscriptions.remove(subscription.feed_id)
        await self._store.feeds.clear_validators(subscription.feed_id)
        if subscription.leased_until > self._clock.now():
            self._unsubscriptions.request(subscription, self._build_form(subscription, "unsubscribe"))

    def _build_form(self, subscription: PushSubscription, mode: str) -> dict[str, str]:
        return {
            "hub.callback": f"{self._settings.public_url}{CALLBACK_PATH}{subscription.token}",
            "hub.mode": mode,
            "hub.topic": subscription.topic,
        }

    async def _request_safely(self, subscription: PushSubscription, host: str) -> None:
        try:
            await self._request_subscription(subscription)
        except StoreError:
            log.exception("subscription not stored hub=%s", host)
        finally:
            del self._request_task_by_host[host]
            self._wake_event.set()

    async def _request_subscription(self, subscription: PushSubscription) -> None:
        """Request or renew a subscription; the hub verifies it during the request or later.

        Raises StoreError.
        """
        now = self._clock.now()
        retry_seconds = min(RETRY_SECONDS << min(subscription.failures, 10), MAX_RETRY_SECONDS)
        subscription = subscription._replace(
            requested_at=now, due_at=now + retry_seconds, failures=subscription.failures + 1
        )
        self._subscriptions.replace(subscription)
        await self._subscriptions.flush()
        form = self._build_form(subscription, "subscribe")
        form |= {"hub.lease_seconds": str(REQUESTED_LEASE_SECONDS), "hub.secret": subscription.secret}
        try:
            async with self._poller.hosts.throttle(subscription.hub):
                await self._fetcher.post(subscription.hub, form)
        except FeedError as error:
            log.info(
                "subscription failed hub=%s topic=%s error=%s",
                urls.redact(subscription.hub),
                urls.redact(subscription.topic),
                error,
            )
            current_subscription = self._subscriptions.get_by_feed(subscription.feed_id)
            if error.code == fetch_errors.BAD_URL and current_subscription == subscription:
                self._subscriptions.replace(subscription._replace(due_at=now + MAX_RETRY_SECONDS))

    async def _sleep_until_due(self) -> None:
        now = self._clock.now()
        own_subscriptions = (
            subscription for subscription in self._subscriptions if self._poller.owns_host_of(subscription.hub)
        )
        seconds_until_due = [
            subscription.due_at - now
            for subscription in own_subscriptions
            if get_host_name(subscription.hub) not in self._request_task_by_host
        ]
        await wait_for_event(
            self._clock,
            self._wake_event,
            min(max(min(seconds_until_due, default=MAX_IDLE_SECONDS), 1), MAX_IDLE_SECONDS),
        )
