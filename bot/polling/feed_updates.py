"""A feed after an answer of its publisher: as it describes itself, and where it moves to."""

from dataclasses import replace

from bot.core.models import Feed, ParsedFeed, Validators
from bot.feeds import poll_schedule
from bot.feeds.fetch import FetchResult
from bot.feeds.outlet_names import outlet_name
from bot.text import discord_text, urls

MOVE_PROBATION = 3 * 86_400
"""Seconds that a permanent redirect has to hold before the feed's address changes."""
TITLE = 300


def validators_from(fetched: FetchResult, digest: bytes | None) -> Validators:
    """What an answer, and the hash of its entries, let us tell the next time."""
    return Validators(
        etag=fetched.header("etag"),
        last_modified=fetched.header("last-modified"),
        body_hash=fetched.body_hash,
        entries_hash=digest,
    )


def with_metadata(feed: Feed, head: ParsedFeed) -> Feed:
    """The feed as its document describes it."""
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
    """The feed's address, where it moves to, and since when: a permanent redirect counts once it has held.

    One to another site is followed each time and never taken over: whoever follows that address later would
    find there, as its publisher's, what this feed published before.
    """
    if target is None or target == feed.url or _site(target) != _site(feed.url):
        return feed.url, None, None
    if feed.server_id is None and urls.has_credentials(target):  # which is for one server alone
        return feed.url, None, None
    if target != feed.moved_to or feed.moved_since is None:
        return feed.url, target, now
    if now - feed.moved_since < MOVE_PROBATION:
        return feed.url, target, feed.moved_since
    return target, None, None


def _site(url: str) -> str:
    return urls.host(url).removeprefix("www.")
