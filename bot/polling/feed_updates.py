"""Updates of a feed from a response: validators, metadata, moves."""

from dataclasses import replace

from bot.core.models import Feed, ParsedFeed, Validators
from bot.feeds import poll_schedule
from bot.feeds.fetch import FetchResult
from bot.feeds.outlet_names import outlet_name
from bot.text import discord_text, urls

MOVE_PROBATION = 3 * 86_400
"""Seconds for which a permanent redirect must hold before the feed's URL changes."""
TITLE = 300
"""Longest title of a feed in UTF-16 units."""


def validators_from(fetched: FetchResult, digest: bytes | None) -> Validators:
    """Return the validators of a response with the hash of its entries."""
    return Validators(
        etag=fetched.header("etag"),
        last_modified=fetched.header("last-modified"),
        body_hash=fetched.body_hash,
        entries_hash=digest,
    )


def with_metadata(feed: Feed, head: ParsedFeed) -> Feed:
    """Return the feed with the metadata of its document."""
    title = discord_text.to_plain_line(head.title, TITLE) or feed.title
    return replace(
        poll_schedule.with_document_hints(feed, head),
        title=title,
        outlet=feed.outlet or outlet_name(title, feed.url) or urls.host(feed.url),
        site_url=head.site_url or feed.site_url,
        icon=head.icon_url or feed.icon,
        language=head.language or feed.language,
    )


def resolve_move(feed: Feed, target: str | None, now: int) -> tuple[str, str | None, int | None]:
    """Return the feed's URL, where it is moving to, and since when (seconds of UTC), or None and None.

    A permanent redirect is adopted once it has held for `MOVE_PROBATION_SECONDS`. One to another site is
    followed each time and never adopted: whoever follows that URL later would find this feed's articles
    there, as if its publisher had written them.
    """
    if target is None or target == feed.url or _site(target) != _site(feed.url):
        return feed.url, None, None
    if feed.server_id is None and urls.has_credentials(
        target
    ):  # A URL with credentials belongs to one server.
        return feed.url, None, None
    if target != feed.moved_to or feed.moved_since is None:
        return feed.url, target, now
    if now - feed.moved_since < MOVE_PROBATION:
        return feed.url, target, feed.moved_since
    return target, None, None


def _site(url: str) -> str:
    return urls.host(url).removeprefix("www.")
