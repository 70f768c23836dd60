"""Import and export of OPML lists; imported feeds are fetched later by the poller."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from bot.core.concurrency.worker_pool import WorkerPool
from bot.core.models import Feed
from bot.core.preferences import Filter, PostLook, SettingKind
from bot.core.reasons import ReasonCode
from bot.core.user_errors import RequestRejected
from bot.feeds import fetch_errors
from bot.feeds.fetch import Fetcher
from bot.feeds.fetch_errors import FeedError
from bot.feeds.parsing import opml
from bot.feeds.parsing.opml import ChannelOutline, FeedList, Outline
from bot.feeds.worker_calls import translate_worker_errors
from bot.store.records.setup_records import FeedAddress, SettingKey, Setup
from bot.text import urls

PARSE_TIMEOUT_SECONDS = 5.0
"""Maximum number of seconds that a worker may take to parse a list of feeds."""
_OPML_ACCEPT_HEADER = "text/x-opml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.5"


class OpmlFailure(ReasonCode):
    """Reasons why an OPML document is no list of feeds."""

    NO_FEEDS = "no-feeds-in-list"


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


def build_opml_export(
    feeds_by_channel: Mapping[ChannelOutline, Sequence[Feed]], setup: Setup, title: str, *, now: int
) -> tuple[bytes, int]:
    """Return channels and feeds of a server, with their settings, as OPML, and the number of feeds left out.

    The settings are filters and looks (appearance of posts). `now` is Unix time in seconds. Feeds whose URL may hold a
    secret are left out, because the file is to be shared.
    """
    filters_by_place: defaultdict[tuple[int | None, FeedAddress | None], list[Filter]] = defaultdict(list)
    for key, text in setup.items():
        if key.setting == SettingKind.FILTER:
            filters_by_place[key.channel_id, key.feed].append(Filter.parse(text))
    channel_groups: list[tuple[ChannelOutline, list[Outline]]] = []
    left_out_count = 0
    for channel, feeds in feeds_by_channel.items():
        exported_feeds = [feed for feed in feeds if not urls.has_secret(feed.url)]
        left_out_count += len(feeds) - len(exported_feeds)
        outlines: list[Outline] = []
        for feed in exported_feeds:
            address = FeedAddress(feed.url)
            look_json = setup.get(SettingKey(SettingKind.LOOK, channel.id, address))
            outline = _build_outline(feed, channel.id, filters_by_place[channel.id, address])
            outlines.append(replace(outline, look=None if look_json is None else PostLook.from_json(look_json)))
        if outlines:
            channel_filters = tuple(filters_by_place[channel.id, None])
            channel_groups.append((replace(channel, filters=channel_filters), outlines))
    return opml.serialize_opml(title, channel_groups, now=now), left_out_count


def _build_outline(feed: Feed, channel_id: int, filters: Iterable[Filter]) -> Outline:
    site_url = feed.site_url if feed.site_url and urls.redact(feed.site_url) == feed.site_url else None
    title = feed.title or feed.outlet or feed.url
    return Outline(title, feed.url, site_url, feed.language, channel_id, tuple(filters))
