"""Import and export of OPML lists; imported feeds are fetched later by the poller."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from bot.core.models import Feed
from bot.core.user_errors import RequestRejected
from bot.core.worker_pool import WorkerPool
from bot.feeds import fetch_errors
from bot.feeds.fetch import Fetcher
from bot.feeds.fetch_errors import FeedError
from bot.feeds.parsing import opml
from bot.feeds.parsing.opml import FeedList, Outline
from bot.feeds.worker_calls import parse_errors_as_feed_errors
from bot.polling.following.follow_service import MAX_FEEDS_PER_SERVER, private_owner_id
from bot.polling.poller import Poller
from bot.store import Store
from bot.text import discord_text, urls

PARSE_TIMEOUT_SECONDS = 5.0
"""Seconds that a worker may take to parse a list."""
PROGRESS_INTERVAL_SECONDS = 3.0
"""Seconds between two progress reports."""
_NAME = 120
_ACCEPT = "text/x-opml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.5"


class OpmlFailure(StrEnum):
    """Reasons why a document is no list of feeds."""

    NO_FEEDS = "no-feeds-in-list"


ProgressCallback = Callable[[int, int], Awaitable[None]]
"""Called with the number of feeds done and the number of all feeds."""


@dataclass(slots=True)
class OpmlImportResult:
    """The titles of a list's feeds by what became of them; `invalid` ones have no valid URL.

    `over_limit` are those beyond `MAX_FEEDS_PER_SERVER`; `skipped_count` counts outlines that were not read.
    """

    added: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    over_limit: list[str] = field(default_factory=list)
    skipped: int = 0


async def fetch_opml(fetcher: Fetcher, workers: WorkerPool, address: str) -> FeedList:
    """Fetch and parse the list at a URL. Raises FeedError, RequestRejected."""
    try:
        url = urls.normalise_input(address)
        fetched = await fetcher.get(url, accept=_ACCEPT, max_bytes=opml.MAX_BYTES)
    except ValueError as error:
        raise FeedError(fetch_errors.BAD_URL) from error
    return await parse_opml(workers, fetched.body)


async def parse_opml(workers: WorkerPool, data: bytes) -> FeedList:
    """Parse a list in a worker. Raises FeedError, and RequestRejected if it has no feeds."""
    with parse_errors_as_feed_errors():
        found = await workers.run(opml.read_list, data, timeout=PARSE_TIMEOUT_SECONDS)
    if not found.outlines and not found.invalid_titles:
        raise RequestRejected(OpmlFailure.NO_FEEDS)
    return found


async def follow_all(
    store: Store,
    poller: Poller,
    feeds: FeedList,
    *,
    server_id: int,
    channel_id: int,
    tell: ProgressCallback,
    person_id: int | None = None,
) -> OpmlImportResult:
    """Subscribe a channel to the feeds of a list, without posting their backlog.

    Nothing is fetched here. Raises StoreError.
    """
    result = OpmlImportResult(
        broken=[discord_text.to_plain_line(name, _NAME) for name in feeds.invalid_titles],
        skipped=feeds.skipped,
    )
    followed = {feed.id for _subscription, feed in await store.subscriptions.list_with_feeds(server_id)}
    told = store.clock.monotonic()
    for number, outline in enumerate(feeds.outlines):
        if store.clock.monotonic() - told >= PROGRESS_INTERVAL_SECONDS:
            await tell(number, len(feeds.outlines))
            told = store.clock.monotonic()
        name = _name(outline)
        try:
            url = urls.normalise_input(outline.url)
        except ValueError:
            result.broken.append(name)
            continue
        feed = await store.feeds.find(url, private_owner_id(url, server_id))
        if feed is not None and await store.subscriptions.find(channel_id, feed.id) is not None:
            result.known.append(name)
        elif (feed is None or feed.id not in followed) and len(followed) >= MAX_FEEDS_PER_SERVER:
            result.over_limit.append(name)
        else:
            feed = await _follow(store, url, server_id=server_id, channel_id=channel_id, person_id=person_id)
            followed.add(feed.id)
            result.added.append(name)
    poller.wake()
    return result


async def _follow(store: Store, url: str, *, server_id: int, channel_id: int, person_id: int | None) -> Feed:
    # The list's title is not used, as other servers may follow the feed too.
    feed = await store.feeds.add(url, server_id=private_owner_id(url, server_id), next_poll=store.clock.now())
    await store.subscriptions.follow(
        server_id=server_id,
        channel_id=channel_id,
        feed_id=feed.id,
        first_article_id=None,
        skip_backlog=True,
        person_id=person_id,
    )
    return feed


def exported(groups: Iterable[tuple[str, Iterable[Feed]]], title: str, *, now: int) -> tuple[bytes, int]:
    """Return a server's feeds as OPML, grouped by channel name, and the number of feeds left out.

    Left out are URLs that may hold a secret, because the file is meant to be shared.
    """
    outlines: dict[str, list[Outline]] = {}
    left_out = 0
    for name, feeds in groups:
        group = outlines.setdefault(name, [])
        for feed in feeds:
            if urls.holds_secret(feed.url):
                left_out += 1
                continue
            site = feed.site_url if feed.site_url and urls.redact(feed.site_url) == feed.site_url else None
            group.append(Outline(feed.title or feed.outlet or feed.url, feed.url, site, feed.language))
    return opml.write(title, {name: group for name, group in outlines.items() if group}, now=now), left_out


def _name(outline: Outline) -> str:
    address = urls.redact(outline.url)
    if outline.title == outline.url:
        return discord_text.to_plain_line(address, _NAME)
    return (
        f"{discord_text.to_plain_line(outline.title, _NAME)} ({discord_text.to_plain_line(address, _NAME)})"
    )
