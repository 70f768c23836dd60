"""Updates of a feed from a response: validators (ETag and the like), metadata, changes of its URL."""

from dataclasses import replace

from bot.core.models import Feed, ParsedFeed, Validators
from bot.feeds import poll_schedule
from bot.feeds.fetch import FetchResult
from bot.feeds.outlet_names import derive_outlet_name
from bot.text import discord_text, urls

MOVE_PROBATION_SECONDS = 3 * 86_400
"""Number of seconds for which a permanent redirect must hold before the feed's URL changes."""
MAX_TITLE_UNITS = 300
"""Maximum length of a feed's title in UTF-16 units."""


def build_validators(response: FetchResult, entries_hash: bytes | None) -> Validators:
    """Return the validators for the next conditional request: ETag, Last-Modified and hashes of the response."""
    return Validators(
        etag=response.get_header("etag"),
        last_modified=response.get_header("last-modified"),
        body_hash=response.body_hash,
        entries_hash=entries_hash,
    )


def apply_metadata(feed: Feed, parsed_feed: ParsedFeed) -> Feed:
    """Return the feed with title, outlet, site, icon, language and polling hints from its document."""
    title = discord_text.to_plain_line(parsed_feed.title, MAX_TITLE_UNITS) or feed.title
    return replace(
        poll_schedule.apply_document_hints(feed, parsed_feed),
        title=title,
        outlet=feed.outlet or derive_outlet_name(title, feed.url) or urls.parse_host(feed.url),
        site_url=get_public_url(parsed_feed.site_url) or get_public_url(feed.site_url),
        icon_url=parsed_feed.icon_url or feed.icon_url,
        language=parsed_feed.language or feed.language,
    )


def get_public_url(url: str | None) -> str | None:
    """Return the URL of a site as it is stored in plain text, or None if it contains a secret or there is none."""
    return None if url is None or urls.has_secret(url) else url


def resolve_move(feed: Feed, permanent_url: str | None, now: int) -> tuple[str, str | None, int | None]:
    """Return the feed's URL, the URL it is moving to, and since when (Unix time in seconds).

    `permanent_url` is the target of the permanent redirects of a response, or None without any. The second URL and
    the time are None if the feed is not moving. A permanent redirect is adopted once it has held for
    `MOVE_PROBATION_SECONDS`. A redirect to another site is followed each time and never adopted: whoever
    follows that URL later would find this feed's articles there, as if its publisher had written them.
    """
    if permanent_url is None or permanent_url == feed.url or _get_site(permanent_url) != _get_site(feed.url):
        return feed.url, None, None
    if feed.server_id is None and urls.has_credentials(permanent_url):  # A URL with credentials belongs to one server.
        return feed.url, None, None
    if permanent_url != feed.moved_to or feed.moved_since is None:
        return feed.url, permanent_url, now
    if now - feed.moved_since < MOVE_PROBATION_SECONDS:
        return feed.url, permanent_url, feed.moved_since
    return permanent_url, None, None


def _get_site(url: str) -> str:
    return urls.parse_host(url).removeprefix("www.")
