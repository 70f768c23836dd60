"""Parsing of listings of posts from Reddit's API, which replace Reddit's feeds where those are refused.

Ids, links, authors and tags are as in Reddit's feeds, so that an article is the same in both.
https://www.reddit.com/dev/api ("listings"), https://github.com/reddit-archive/reddit/wiki/JSON
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from bot.core.models import Entry, ParsedFeed
from bot.core.received_values import parse_integer, to_single_line
from bot.feeds.parsing import entries
from bot.text.times import feed_dates

LISTING_KIND = "Listing"
"""Value of the member `kind` of a listing."""
_POST_KIND = "t3"
"""Value of the member `kind` of a post."""
_SITE_URL = "https://www.reddit.com"


def parse_listing(document: dict[str, Any], url: str) -> ParsedFeed:
    """Parse a listing, already decoded from JSON; members of the wrong type are ignored. `url` is the feed's."""
    listing = document.get("data")
    children = listing.get("children") if isinstance(listing, dict) else None
    posts = [
        child["data"]
        for child in islice(children if isinstance(children, list) else [], entries.MAX_ENTRIES + 1)
        if isinstance(child, dict) and child.get("kind") == _POST_KIND and isinstance(child.get("data"), dict)
    ]
    accepted_entries, warning = entries.limit_entries(_iter_entries(posts))
    return ParsedFeed(
        title=entries.clean_title(_find_common_place(posts), kind="text"),
        site_url=url.partition(".rss")[0],
        format="reddit",
        entries=accepted_entries,
        self_url=url,
        parse_warning=warning,
    )


def _find_common_place(posts: list[dict[str, Any]]) -> str:
    """Return the subreddit of all posts, such as `r/python`, or "" if there are several."""
    names = {_get_text(post, "subreddit_name_prefixed") for post in posts}
    return names.pop() if len(names) == 1 else ""


def _iter_entries(posts: list[dict[str, Any]]) -> Iterator[Entry]:
    for post in posts:
        author, subreddit = _get_text(post, "author"), _get_text(post, "subreddit_name_prefixed")
        link = entries.resolve_url(_get_text(post, "permalink"), _SITE_URL)
        yield entries.add_fingerprint(
            Entry(
                guid=entries.parse_guid(post.get("name")),
                link=link,
                title=entries.clean_title(_get_text(post, "title"), kind="text"),
                text=entries.extract_text(_get_text(post, "selftext_html")),
                author=to_single_line(f"/u/{author}", 200) if author else None,
                tags=entries.clean_tags([subreddit] if subreddit else ()),
                image_url=_find_image(post),
                published=parse_integer(post.get("created_utc"), maximum=feed_dates.LATEST_TIMESTAMP) or None,
                comments_url=link,
                comment_count=entries.parse_count(post.get("num_comments")),
            )
        )


def _find_image(post: dict[str, Any]) -> str | None:
    preview = post.get("preview")
    images = preview.get("images") if isinstance(preview, dict) else None
    source = images[0].get("source") if isinstance(images, list) and images and isinstance(images[0], dict) else None
    return entries.resolve_url(source.get("url"), _SITE_URL) if isinstance(source, dict) else None


def _get_text(members: dict[str, Any], name: str) -> str:
    member = members.get(name)
    return member if isinstance(member, str) else ""
