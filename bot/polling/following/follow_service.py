"""Following of a feed: discovery, preview, subscription, first article. Independent of Discord."""

from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus

from bot.core.concurrency.worker_pool import WorkerPool
from bot.core.limits import Limit
from bot.core.models import Article, DeliveryStatus, Feed, ParsedFeed, Subscription
from bot.core.reasons import ReasonCode
from bot.core.user_errors import RequestRejected
from bot.feeds import fetch_errors, known_sites, outlet_directory
from bot.feeds.discover import DiscoveryResult, convert_list_to_feed, discover_feeds
from bot.feeds.fetch import Fetcher
from bot.feeds.fetch_errors import FeedError
from bot.feeds.outlet_names import derive_outlet_name
from bot.feeds.pages import list_feeds
from bot.feeds.pages.page_links import DiscoveredFeed
from bot.feeds.pages.page_lists import PageLists
from bot.operating.applicable_limits import Limits
from bot.polling.poller import Poller
from bot.store import Store
from bot.text import discord_text, urls
from bot.text.times import feed_dates
from bot.watches.subscription_filters import FilterEvaluator

_MAX_QUOTED_INPUT_UNITS = 100
"""Maximum length, in UTF-16 units, of a user's input quoted in an error."""


class FollowFailure(ReasonCode):
    """Reasons why nothing can be followed at a URL, with the fields of their message."""

    NEEDS_PASSWORD = "needs-password"  # noqa: S105 - no password
    WRONG_PASSWORD = "wrong-password"  # noqa: S105 - with `address`
    NO_FEED = "no-feed"  # with `address`
    NEEDS_SCRIPT = "needs-script"  # with `address`
    NO_OUTLET = "no-outlet"  # with `words`, the typed text


class PasswordRequired(RequestRejected):
    """Error for a site that requires credentials when `url` has none or wrong ones."""

    def __init__(self, url: str) -> None:
        if urls.has_credentials(url):
            super().__init__(FollowFailure.WRONG_PASSWORD, address=urls.redact(url))
        else:
            super().__init__(FollowFailure.NEEDS_PASSWORD)
        self.url = url


@dataclass(frozen=True, slots=True)
class FollowResult:
    """Subscription of a channel to a feed, and whether the subscription is new.

    `first_article` is the article to post first, or None if the feed has no articles or its newest article is
    kept out of the channel.
    """

    subscription: Subscription
    is_new: bool
    feed: Feed
    first_article: Article | None


class FollowService:
    """Service that discovers feeds and subscribes channels to them."""

    def __init__(self, store: Store, limits: Limits, fetcher: Fetcher, workers: WorkerPool, poller: Poller) -> None:
        self._clock, self._store, self._limits = store.clock, store, limits
        self._fetcher, self._workers, self._poller = fetcher, workers, poller

    async def resolve(self, text: str, server_id: int, *, with_lists: bool = False) -> DiscoveryResult:
        """Resolve a URL, handle or outlet name to a parsed feed, or to feeds or lists of links to choose from.

        A page that names one feed is resolved to that feed; for a page that names none, its lists of links are
        returned, which `discover.convert_list_to_feed` turns into feeds. With `with_lists`, the lists are
        also returned if only the site of the page has feeds. Raises PasswordRequired; FeedError if nothing
        can be fetched or parsed; RequestRejected if nothing can be followed there or the server follows too
        many feeds; StoreError.
        """
        feeds = resolve_input(text)
        if len(feeds) > 1:
            return DiscoveryResult(tuple(feeds))
        url = feeds[0].url
        try:
            discovery = await discover_feeds(self._fetcher, self._workers, url)
            if discovery.is_from_site and not (with_lists and await self._has_allowed_lists(discovery, url)):
                discovery = replace(discovery, page_lists=PageLists())
            if discovery.parsed_feed is None and len(discovery.feeds) == 1 and not discovery.page_lists.lists:
                discovery = await discover_feeds(self._fetcher, self._workers, discovery.feeds[0].url)
        except FeedError as error:
            if error.code == fetch_errors.get_error_code(HTTPStatus.UNAUTHORIZED):
                raise PasswordRequired(url) from error
            raise
        if not discovery.feeds:
            discovery = await self._resolve_lists(discovery, url)
        if discovery.parsed_feed is not None:
            await self._require_below_feed_limit(server_id, await self._find_stored_feed(discovery, server_id))
        return discovery

    async def _has_allowed_lists(self, discovery: DiscoveryResult, url: str) -> bool:
        try:
            return bool((await self._resolve_lists(discovery, url)).page_lists.lists)
        except (RequestRejected, FeedError):
            return False

    async def _resolve_lists(self, discovery: DiscoveryResult, url: str) -> DiscoveryResult:
        """Return the lists of links of a page if robots.txt allows it, or the list that the URL names, as a feed.

        Raises RequestRejected if the page has no lists or lacks the one that the URL names, and FeedError if
        robots.txt forbids the page.
        """
        page_list = list_feeds.select_list(url, discovery.page_lists.lists)
        if page_list is None:
            failure = FollowFailure.NEEDS_SCRIPT if discovery.page_lists.requires_javascript else FollowFailure.NO_FEED
            raise RequestRejected(failure, address=urls.redact(url))
        throttle = self._poller.hosts.select_throttle(wait_for_host=False)
        await self._poller.page_fetcher.require_robots_allowed(list_feeds.strip_list_fragment(url), throttle)
        return convert_list_to_feed(discovery, page_list) if list_feeds.is_list_url(url) else discovery

    async def follow(
        self,
        discovery: DiscoveryResult,
        *,
        server_id: int,
        channel_id: int,
        user_id: int | None = None,
        proposal_id: int | None = None,
    ) -> FollowResult:
        """Subscribe a channel to the feed found by `resolve`, store its articles and enqueue the newest to be posted.

        `user_id` is the user who asked for it, or who approves a member's proposal (`proposal_id`). Nothing is fetched
        again. A second call with the same arguments changes nothing. Raises ValueError without a parsed feed,
        RequestRejected if the server follows too many feeds, the operator blocks the feed, or the proposal is gone or
        was decided before, FeedError, StoreError.
        """
        if discovery.response is None or discovery.parsed_feed is None:
            raise ValueError("not a feed")
        url = discovery.feeds[0].url
        owner_server_id = get_private_owner_id(url, server_id)
        stored_feed = await self._find_stored_feed(discovery, server_id)
        await self._require_below_feed_limit(server_id, stored_feed)
        feed = stored_feed or await self._store.feeds.add(
            url,
            server_id=owner_server_id,
            title=discovery.parsed_feed.title,
            outlet=derive_outlet_name(discovery.parsed_feed.title, url),
            next_poll_at=self._clock.now(),
        )
        feed = await self._poller.ingest_response(feed, discovery.response, server_id=server_id)
        newest_articles = await self._store.articles.list_newest([feed.id], limit=1)
        first_article = newest_articles[0] if newest_articles else None
        subscribe = self._store.subscriptions.follow
        if proposal_id is not None:
            subscribe = partial(self._store.proposals.approve, proposal_id)
        subscription, is_new = await subscribe(
            server_id=server_id,
            channel_id=channel_id,
            feed_id=feed.id,
            first_article_id=first_article.id if first_article else None,
            user_id=user_id,
            max_feeds=await self._limits.load(Limit.FEEDS_PER_SERVER, server_id),
            make_matcher=FilterEvaluator,
        )
        self._poller.wake()
        if first_article is not None and await self._is_kept_out(channel_id, first_article):
            first_article = None
        return FollowResult(subscription, is_new, feed, first_article)

    async def _is_kept_out(self, channel_id: int, article: Article) -> bool:
        """Return whether a filter or a mute keeps an article out of a channel."""
        statuses = await self._store.delivery_statuses.list_by_page_key(article.page_key)
        return any(
            status.channel_id == channel_id and status.status in (DeliveryStatus.FILTERED, DeliveryStatus.WITHHELD)
            for status in statuses
        )

    async def preview(self, discovery: DiscoveryResult) -> tuple[Feed, Article] | None:
        """Return a parsed feed and its newest article as they would be stored, but with id 0.

        Return None without a parsed feed, or if it has no articles. Raises FeedError.
        """
        if discovery.response is None or discovery.parsed_feed is None or not discovery.parsed_feed.entries:
            return None
        now = self._clock.now()
        newest_entry = max(
            discovery.parsed_feed.entries, key=lambda entry: feed_dates.clamp_publication_time(entry.published, now)
        )
        newest_entry_feed = replace(discovery.parsed_feed, entries=(newest_entry,))
        feed = _build_preview_feed(discovery.feeds[0].url, newest_entry_feed)
        return feed, await self._poller.intake.build_preview(feed, newest_entry_feed, now=now)

    async def _find_stored_feed(self, discovery: DiscoveryResult, server_id: int) -> Feed | None:
        url = discovery.feeds[0].url
        return await self._store.feeds.find(url, get_private_owner_id(url, server_id))

    async def _require_below_feed_limit(self, server_id: int, stored_feed: Feed | None) -> None:
        if stored_feed is not None and server_id in await self._store.subscriptions.load_server_ids_of_feed(
            stored_feed.id
        ):
            return
        feed_count = await self._store.subscriptions.count(server_id)
        await self._limits.require_below(feed_count, Limit.FEEDS_PER_SERVER, server_id)


def resolve_input(text: str) -> list[DiscoveredFeed]:
    """Return what a typed text names: one feed, whose URL may be that of a page, or the feeds of outlets by name.

    Raises FeedError (bad-url) if the text is empty or an invalid URL, and RequestRejected if no outlet has
    that name.
    """
    try:
        return [DiscoveredFeed(known_sites.resolve_handle(text) or urls.normalize_typed_url(text), "", "")]
    except ValueError as error:
        if "/" in text or not text.strip():
            raise FeedError(fetch_errors.BAD_URL) from error
        outlets = outlet_directory.search_outlets(text)
        if not outlets:
            raise RequestRejected(
                FollowFailure.NO_OUTLET, words=discord_text.to_plain_line(text, _MAX_QUOTED_INPUT_UNITS)
            ) from error
        return [DiscoveredFeed(outlet.feed_url, outlet.name, "rss") for outlet in outlets]


def get_private_owner_id(url: str, server_id: int) -> int | None:
    """Return the id of the server that owns a feed with credentials in its URL, or None for a public feed."""
    return server_id if urls.has_credentials(url) else None


def _build_preview_feed(url: str, parsed_feed: ParsedFeed) -> Feed:
    return Feed(
        id=0,
        url=url,
        title=parsed_feed.title,
        outlet=derive_outlet_name(parsed_feed.title, url) or urls.parse_host(url),
        site_url=parsed_feed.site_url,
        icon_url=parsed_feed.icon_url,
        language=parsed_feed.language,
    )
