"""Import and export of OPML lists; imported feeds are fetched later by the poller."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from bot.core.concurrency.worker_pool import WorkerPool
from bot.core.limits import Limit
from bot.core.models import Feed
from bot.core.preferences import Filter
from bot.core.reasons import ReasonCode
from bot.core.user_errors import RequestRejected
from bot.feeds import fetch_errors
from bot.feeds.fetch import Fetcher
from bot.feeds.fetch_errors import FeedError
from bot.feeds.parsing import opml
from bot.feeds.parsing.opml import ChannelOutline, FeedList, Outline
from bot.feeds.worker_calls import translate_worker_errors
from bot.operating.limits import Limits
from bot.polling.following.follow_service import get_private_owner_id
from bot.polling.poller import Poller
from bot.store import Store
from bot.text import discord_text, urls

PARSE_TIMEOUT_SECONDS = 5.0
"""Maximum number of seconds that a worker may take to parse a list of feeds."""
PROGRESS_INTERVAL_SECONDS = 3.0
"""Minimum number of seconds between two progress reports."""
_MAX_LABEL_PART_UNITS = 120
"""Maximum length, in UTF-16 units, of the title and of the URL in the label of an imported feed."""
_OPML_ACCEPT_HEADER = "text/x-opml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.5"


class OpmlFailure(ReasonCode):
    """Reasons why an OPML document is no list of feeds."""

    NO_FEEDS = "no-feeds-in-list"


ProgressCallback = Callable[[int, int], Awaitable[None]]
"""Function called with the number of feeds handled so far, added or not, and the number of all feeds."""


@dataclass(slots=True)
class OpmlImportResult:
    """Labels (title, URL) of a list's feeds by the outcome of their import; in `invalid_labels`, without a valid URL.

    `over_limit_labels` has the feeds beyond `max_feeds`, the limit of the server; `skipped_count` is the number of
    outlines that were not read.
    """

    max_feeds: int

    added_labels: list[str] = field(default_factory=list)
    already_followed_labels: list[str] = field(default_factory=list)
    invalid_labels: list[str] = field(default_factory=list)
    over_limit_labels: list[str] = field(default_factory=list)
    skipped_count: int = 0


async def fetch_opml(fetcher: Fetcher, workers: WorkerPool, address: str) -> FeedList:
    """Fetch and parse the OPML list at a URL.

    Raises FeedError if it cannot be fetched or parsed, and RequestRejected if it has no feeds.
    """
    try:
        url = urls.normalize_typed_url(address)
        response = await fetcher.get(url, accept=_OPML_ACCEPT_HEADER, max_bytes=opml.MAX_OPML_BYTES)
    except ValueError as error:
        raise FeedError(fetch_errors.BAD_URL) from error
    return await parse_opml(workers, response.body)


async def parse_opml(workers: WorkerPool, document: bytes) -> FeedList:
    """Parse an OPML list in a worker.

    Raises FeedError if the worker fails, and RequestRejected if the list has no feeds.
    """
    with translate_worker_errors():
        feed_list = await workers.run(opml.parse_outlines, document, timeout=PARSE_TIMEOUT_SECONDS)
    if not feed_list.outlines and not feed_list.invalid_titles:
        raise RequestRejected(OpmlFailure.NO_FEEDS)
    return feed_list


async def follow_all(
    store: Store,
    limits: Limits,
    poller: Poller,
    feed_list: FeedList,
    *,
    server_id: int,
    channel_id: int,
    on_progress: ProgressCallback,
    user_id: int | None = None,
) -> OpmlImportResult:
    """Subscribe a channel to the feeds of a list, without posting their backlog; return which were added.

    Nothing is fetched here. Raises StoreError.
    """
    import_result = OpmlImportResult(
        await limits.load(Limit.FEEDS_PER_SERVER, server_id),
        invalid_labels=[discord_text.to_plain_line(title, _MAX_LABEL_PART_UNITS) for title in feed_list.invalid_titles],
        skipped_count=feed_list.skipped_count,
    )
    followed_feed_ids = {feed.id for _subscription, feed in await store.subscriptions.list_with_feeds(server_id)}
    reported_at = store.clock.monotonic()
    for index, outline in enumerate(feed_list.outlines):
        if store.clock.monotonic() - reported_at >= PROGRESS_INTERVAL_SECONDS:
            await on_progress(index, len(feed_list.outlines))
            reported_at = store.clock.monotonic()
        outline_label = _build_label(outline)
        try:
            url = urls.normalize_typed_url(outline.url)
        except ValueError:
            import_result.invalid_labels.append(outline_label)
            continue
        feed = await store.feeds.find(url, get_private_owner_id(url, server_id))
        if feed is not None and await store.subscriptions.find(channel_id, feed.id) is not None:
            import_result.already_followed_labels.append(outline_label)
        elif (feed is None or feed.id not in followed_feed_ids) and len(followed_feed_ids) >= import_result.max_feeds:
            import_result.over_limit_labels.append(outline_label)
        else:
            try:
                feed = await _follow_url(
                    store,
                    url,
                    server_id=server_id,
                    channel_id=channel_id,
                    follower_id=user_id,
                    max_feeds=import_result.max_feeds,
                )
            except RequestRejected:  # Another user followed a feed meanwhile, up to the limit.
                import_result.over_limit_labels.append(outline_label)
                continue
            followed_feed_ids.add(feed.id)
            import_result.added_labels.append(outline_label)
    poller.wake()
    return import_result


async def _follow_url(
    store: Store, url: str, *, server_id: int, channel_id: int, follower_id: int | None, max_feeds: int
) -> Feed:
    # The list's title is not used, as other servers may follow the feed too.
    feed = await store.feeds.add(url, server_id=get_private_owner_id(url, server_id), next_poll_at=store.clock.now())
    await store.subscriptions.follow(
        server_id=server_id,
        channel_id=channel_id,
        feed_id=feed.id,
        first_article_id=None,
        skip_backlog=True,
        user_id=follower_id,
        max_feeds=max_feeds,
    )
    return feed


def build_opml_export(
    channel_groups: Iterable[tuple[ChannelOutline, Iterable[tuple[Feed, tuple[Filter, ...]]]]], title: str, *, now: int
) -> tuple[bytes, int]:
    """Return a server's feeds with their filters as OPML, by channel, and the number of feeds left out.

    `now` is Unix time in seconds. Feeds whose URL may hold a secret are left out, because the file is to be shared.
    """
    outlines_by_channel: dict[ChannelOutline, list[Outline]] = {}
    left_out_count = 0
    for channel, feeds_with_filters in channel_groups:
        for feed, feed_filters in feeds_with_filters:
            if urls.has_secret(feed.url):
                left_out_count += 1
                continue
            site_url = feed.site_url if feed.site_url and urls.redact(feed.site_url) == feed.site_url else None
            outlines_by_channel.setdefault(channel, []).append(
                Outline(
                    feed.title or feed.outlet or feed.url, feed.url, site_url, feed.language, channel.id, feed_filters
                )
            )
    return opml.serialize_opml(title, outlines_by_channel.items(), now=now), left_out_count


def _build_label(outline: Outline) -> str:
    redacted_url = urls.redact(outline.url)
    if outline.title == outline.url:
        return discord_text.to_plain_line(redacted_url, _MAX_LABEL_PART_UNITS)
    return (
        f"{discord_text.to_plain_line(outline.title, _MAX_LABEL_PART_UNITS)} "
        f"({discord_text.to_plain_line(redacted_url, _MAX_LABEL_PART_UNITS)})"
    )
