"""Discovery of WebSub hubs by polls: which hub a feed names, and whether its pushes are missed."""

import asyncio
import logging

from bot.core.configuration.settings import Settings
from bot.core.models import Feed, ParsedFeed
from bot.feeds import websub
from bot.feeds.fetch import FetchResult
from bot.feeds.pages import list_feeds
from bot.feeds.websub import HubLink
from bot.polling.websub.subscription_cache import SubscriptionCache
from bot.store import Store
from bot.text import urls

log = logging.getLogger(__name__)


class HubDiscovery:
    """Collector of what polls find out about WebSub hubs: that a feed names another hub, or that a push was missed.

    Without a public URL, hubs cannot reach the bot, and nothing is collected.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self.is_enabled = settings.public_url is not None
        """Whether hubs can reach the bot, as it has a public URL."""
        self.wake_event = asyncio.Event()
        """Event that is set when there is work: a changed subscription or hub, or a feed to be fetched in full."""
        self.subscriptions = SubscriptionCache(store, self.wake_event.set)
        self._clock = store.clock
        self._hub_link_by_feed_id: dict[int, HubLink | None] = {}
        self._hub_header_feed_ids: set[int] = set()  # feeds whose headers name a hub
        self._refetch_feed_ids: set[int] = set()  # feeds to be fetched in full

    def is_pushed(self, feed_id: int) -> bool:
        """Return whether a hub pushes a feed: the subscription there has not ended, and no poll found a missed push."""
        subscription = self.subscriptions.get_by_feed(feed_id)
        return (
            subscription is not None
            and subscription.leased_until > self._clock.now()
            and not subscription.has_missed_entry
        )

    def on_document(self, feed: Feed, response: FetchResult, parsed_feed: ParsedFeed) -> None:
        """Note the hub that a fetched document of a feed or its headers name, if it changed.

        Feeds whose URL has a secret, feeds of one server, and lists of links on pages get no subscription.
        """
        is_secret = feed.server_id is not None or urls.has_secret(feed.url)
        if not self.is_enabled or is_secret or list_feeds.is_list_url(feed.url):  # A hub must not learn a secret.
            return
        hub_link = websub.find_hub(response.headers, parsed_feed, response.url)
        subscription = self.subscriptions.get_by_feed(feed.id)
        if (subscription.hub, subscription.topic) != hub_link if subscription is not None else hub_link is not None:
            self._hub_link_by_feed_id[feed.id] = hub_link
            self.wake_event.set()

    def on_unchanged(self, feed_id: int, response: FetchResult) -> None:
        """Have a feed without a subscription fetched in full once if headers of its unchanged response name a hub."""
        if not self.is_enabled or feed_id in self._hub_header_feed_ids:
            return
        if self.subscriptions.get_by_feed(feed_id) is None and websub.has_hub_header(response.headers, response.url):
            self._hub_header_feed_ids.add(feed_id)
            self._refetch_feed_ids.add(feed_id)
            self.wake_event.set()

    def on_polled_news(self, feed_id: int) -> None:
        """Mark that the hub of a pushed feed missed a push, because a poll found new articles."""
        subscription = self.subscriptions.get_by_feed(feed_id)
        if subscription is not None and self.is_pushed(feed_id):
            log.info("push missed topic=%s", urls.redact(subscription.topic))
            self.subscriptions.replace(subscription._replace(has_missed_entry=1))

    def on_pushed_news(self, feed_id: int) -> None:
        """Clear the mark that the hub of a feed missed a push, because the hub pushes again."""
        subscription = self.subscriptions.get_by_feed(feed_id)
        if subscription is not None and subscription.has_missed_entry:
            self.subscriptions.replace(subscription._replace(has_missed_entry=0))

    def take_hub_links(self) -> dict[int, HubLink | None]:
        """Remove and return the hubs found since the last call, by feed id; None if a feed names none any more."""
        hub_links, self._hub_link_by_feed_id = self._hub_link_by_feed_id, {}
        return hub_links

    def take_refetch_feed_id(self) -> int | None:
        """Remove and return the id of a feed to be fetched in full, or None if there is none."""
        return self._refetch_feed_ids.pop() if self._refetch_feed_ids else None
