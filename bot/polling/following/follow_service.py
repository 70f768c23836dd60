"""Following of a feed: discovery, preview, subscription, first article. Independent of Discord."""

from dataclasses import dataclass, replace
from enum import StrEnum
from http import HTTPStatus

from bot.core.models import Article, Feed, ParsedFeed, Subscription
from bot.core.user_errors import RequestRejected
from bot.core.worker_pool import WorkerPool
from bot.feeds import fetch_errors, known_sites, outlet_directory
from bot.feeds.discover import DiscoveryResult, discover_feeds, list_as_feed
from bot.feeds.fetch import Fetcher
from bot.feeds.fetch_errors import FeedError
from bot.feeds.outlet_names import outlet_name
from bot.feeds.pages import list_feeds
from bot.feeds.pages.page_links import FoundFeed
from bot.feeds.pages.page_lists import PageLists
from bot.polling.poller import Poller
from bot.store import Store
from bot.text import discord_text, urls
from bot.text.times import feed_dates

_WORDS = 100
"""Longest quotation of an input in an error, in UTF-16 units."""
MAX_FEEDS_PER_SERVER = 200
"""Distinct feeds that the channels of one server may follow."""


class FollowFailure(StrEnum):
    """Reasons why nothing can be followed at a URL, with the fields of their message."""

    NEEDS_PASSWORD = "needs-password"  # noqa: S105 - no password
    WRONG_PASSWORD = "wrong-password"  # noqa: S105 - with `address`
    NO_FEED = "no-feed"  # with `address`
    NEEDS_SCRIPT = "needs-script"  # with `address`
    NO_OUTLET = "no-outlet"  # with `words`
    TOO_MANY = "too-many"  # with `count`


class PasswordRequired(RequestRejected):
    """The site at `url` requires credentials, and there are none or they are wrong."""

    def __init__(self, url: str) -> None:
        if urls.has_credentials(url):
            super().__init__(FollowFailure.WRONG_PASSWORD, address=urls.redact(url))
        else:
            super().__init__(FollowFailure.NEEDS_PASSWORD)
        self.url = url


@dataclass(frozen=True, slots=True)
class FollowResult:
    """A subscription, whether it is new, its feed, and the article to post first, None without one."""

    subscription: Subscription
    created: bool
    feed: Feed
    first_article: Article | None


class FollowService:
    """Discovery of feeds, and subscription of channels to them."""

    def __init__(self, store: Store, fetcher: Fetcher, workers: WorkerPool, poller: Poller) -> None:
        self._clock, self._store = store.clock, store
        self._fetcher, self._workers, self._poller = fetcher, workers, poller

    async def resolve(self, address: str, server_id: int, *, with_lists: bool = False) -> DiscoveryResult:
        """Resolve a URL, handle or outlet name to a parsed feed, or to feeds or lists to choose from.

        A page that names one feed is resolved to it; for a page that names none, its lists are returned,
        which `discover.convert_list_to_feed` turns into feeds. With `with_lists`, the lists are also returned
        if only the site has feeds. Raises PasswordRequired, FeedError, and RequestRejected, also if the
        server follows too many feeds.
        """
        feeds = meant(address)
        if len(feeds) > 1:
            return DiscoveryResult(tuple(feeds))
        url = feeds[0].url
        try:
            found = await discover_feeds(self._fetcher, self._workers, url)
            if found.of_site and not (with_lists and await self._may_read_lists(found, url)):
                found = replace(found, page=PageLists())
            if found.parsed is None and len(found.feeds) == 1 and not found.page.lists:
                found = await discover_feeds(self._fetcher, self._workers, found.feeds[0].url)
        except FeedError as error:
            if error.code == fetch_errors.http_code(HTTPStatus.UNAUTHORIZED):
                raise PasswordRequired(url) from error
            raise
        if not found.feeds:
            found = await self._lists(found, url)
        if found.parsed is not None:
            await self._check_room(server_id, await self._known(found, server_id))
        return found

    async def _may_read_lists(self, found: DiscoveryResult, url: str) -> bool:
        try:
            return bool((await self._lists(found, url)).page.lists)
        except (RequestRejected, FeedError):
            return False

    async def _lists(self, found: DiscoveryResult, url: str) -> DiscoveryResult:
        """Return the lists of a page if robots.txt allows it, or the list that the URL names.

        Raises RequestRejected, FeedError.
        """
        chosen = list_feeds.select_list(url, found.page.lists)
        if chosen is None:
            reason = FollowFailure.NEEDS_SCRIPT if found.page.requires_javascript else FollowFailure.NO_FEED
            raise RequestRejected(reason, address=urls.redact(url))
        visit = self._poller.hosts.throttle_for(polite=False)
        await self._poller.pages.require_robots_allowed(list_feeds.page_url(url), visit)
        return list_as_feed(found, chosen) if list_feeds.is_list_url(url) else found

    async def follow(
        self, found: DiscoveryResult, *, server_id: int, channel_id: int, person_id: int | None = None
    ) -> FollowResult:
        """Subscribe a channel to the feed of `resolve`, store its articles and enqueue the newest.

        `user_id` is the user who asked for it. Nothing is fetched again. Following twice changes nothing.
        Raises RequestRejected, FeedError, StoreError.
        """
        if found.fetched is None or found.parsed is None:
            raise ValueError("not a feed")
        url = found.feeds[0].url
        owner = private_owner_id(url, server_id)
        known = await self._known(found, server_id)
        await self._check_room(server_id, known)
        feed = known or await self._store.feeds.add(
            url,
            server_id=owner,
            title=found.parsed.title,
            outlet=outlet_name(found.parsed.title, url),
            next_poll=self._clock.now(),
        )
        feed = await self._poller.ingest_fetched(feed, found.fetched, server_id=server_id)
        newest = await self._store.articles.newest([feed.id], limit=1)
        first = newest[0] if newest else None
        subscription, created = await self._store.subscriptions.follow(
            server_id=server_id,
            channel_id=channel_id,
            feed_id=feed.id,
            first_article_id=first.id if first else None,
            person_id=person_id,
        )
        self._poller.wake()
        return FollowResult(subscription, created, feed, first)

    async def preview(self, found: DiscoveryResult) -> tuple[Feed, Article] | None:
        """Return a parsed feed and its newest article as they would be stored, None without an article.

        Their ids are 0.
        """
        if found.fetched is None or found.parsed is None or not found.parsed.entries:
            return None
        now = self._clock.now()
        newest = max(found.parsed.entries, key=lambda entry: feed_dates.clamp(entry.published, now))
        alone = replace(found.parsed, entries=(newest,))
        feed = _preview_feed(found.feeds[0].url, alone)
        return feed, await self._poller.intake.build_preview(feed, alone, now=now)

    async def _known(self, found: DiscoveryResult, server_id: int) -> Feed | None:
        url = found.feeds[0].url
        return await self._store.feeds.find(url, private_owner_id(url, server_id))

    async def _check_room(self, server_id: int, known: Feed | None) -> None:
        if known is not None and server_id in await self._store.subscriptions.servers_of_feed(known.id):
            return
        if await self._store.subscriptions.count(server_id) >= MAX_FEEDS_PER_SERVER:
            raise RequestRejected(FollowFailure.TOO_MANY, count=MAX_FEEDS_PER_SERVER)


def meant(address: str) -> list[FoundFeed]:
    """Return the feed at a typed URL or handle, or the outlets of a name.

    Raises FeedError (bad-url) and RequestRejected (no outlet of that name).
    """
    try:
        return [FoundFeed(known_sites.from_handle(address) or urls.normalise_input(address), "", "")]
    except ValueError as error:
        if "/" in address or not address.strip():
            raise FeedError(fetch_errors.BAD_URL) from error
        outlets = outlet_directory.search_outlets(address)
        if not outlets:
            raise RequestRejected(
                FollowFailure.NO_OUTLET, words=discord_text.to_plain_line(address, _WORDS)
            ) from error
        return [FoundFeed(each.feed_url, each.name, "rss") for each in outlets]


def private_owner_id(url: str, server_id: int) -> int | None:
    """Return the server that a feed with credentials in its URL belongs to, None for a public feed."""
    return server_id if urls.has_credentials(url) else None


def _preview_feed(url: str, parsed: ParsedFeed) -> Feed:
    return Feed(
        id=0,
        url=url,
        title=parsed.title,
        outlet=outlet_name(parsed.title, url) or urls.host(url),
        site_url=parsed.site_url,
        icon=parsed.icon_url,
        language=parsed.language,
    )
