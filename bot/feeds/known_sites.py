"""Well-known sites whose pages do not name their feeds, or too many: what an address there stands for.

YouTube: https://developers.google.com/youtube/v3/guides/push_notifications (the feed of a channel).
GitHub: https://docs.github.com/en/rest/activity/feeds and the `.atom` beside each page of a project.
Reddit: https://www.reddit.com/wiki/rss. Mastodon: https://docs.joinmastodon.org/user/preferences/ (`.rss`
behind an account or a tag). Hacker News has one feed of its own; those of its other lists are https://hnrss.github.io/.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qs, quote, urlsplit

from bot.text.tables import table


class SiteFeed(NamedTuple):
    """A feed that an address stands for, with what it brings."""

    url: str
    title: str


_HANDLE = re.compile(r"@([\w.-]{1,64})@([a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9-]+)+)", re.IGNORECASE)
_ACCOUNT = re.compile(r"/(?:@[\w.-]+|tags/\w+)/?")
_REMOTE_ACCOUNT = re.compile(r"/@([\w.-]+)@([\w.-]+\.\w+)/?")
_CHANNEL = re.compile(r"/channel/(UC[\w-]{22})(?:/|$)")
_CHANNEL_IN_PAGE = (  # the page's own channel first: it names others too
    re.compile(rb'"externalId":"(UC[\w-]{22})"'),
    re.compile(rb'<meta itemprop="(?:channelId|identifier)" content="(UC[\w-]{22})"'),
    re.compile(rb'"channelId":"(UC[\w-]{22})"'),
)
_YOUTUBE_FEED = "https://www.youtube.com/feeds/videos.xml"
_GITHUB_PAGES = table(  # that are nobody's
    "about apps collections contact customer-stories enterprise events explore features issues login"
    " marketplace notifications orgs pricing pulls search security settings site sponsors stars team topics"
    " trending"
)
_HACKER_LISTS = table("newest ask show jobs best")
_HACKER_OF = table("user submitted threads item")  # somebody or something with an id


def from_handle(text: str) -> str | None:
    """The page of an account that is written as in the fediverse, `@name@host`; None for anything else."""
    match = _HANDLE.fullmatch(text.strip())
    return f"https://{match[2].lower()}/@{match[1]}" if match else None


def feeds_of(url: str) -> tuple[SiteFeed, ...]:
    """The feeds that an address at a well-known site stands for, the likeliest first; none for any other."""
    parts = urlsplit(url)
    site = (parts.hostname or "").removeprefix("www.")
    if site in _SITES:
        return _SITES[site](parts)
    if remote := _REMOTE_ACCOUNT.fullmatch(parts.path):
        return (SiteFeed(f"https://{remote[2].lower()}/@{remote[1]}.rss", f"@{remote[1]}@{remote[2]}"),)
    return ()


def beside(url: str) -> str | None:
    """Where the feed is if the page is an account or a tag of Mastodon; None where it cannot be one."""
    parts = urlsplit(url)
    if not _ACCOUNT.fullmatch(parts.path):
        return None
    return parts._replace(path=parts.path.rstrip("/") + ".rss", query="", fragment="").geturl()


def in_page(body: bytes, url: str) -> SiteFeed | None:
    """The channel of a page of YouTube: an account, a video."""
    if _SITES.get((urlsplit(url).hostname or "").removeprefix("www.")) is not _youtube:
        return None
    for pattern in _CHANNEL_IN_PAGE:
        if found := pattern.search(body):
            return SiteFeed(f"{_YOUTUBE_FEED}?channel_id={found[1].decode()}", "")
    return None


def _youtube(parts: SplitResult) -> tuple[SiteFeed, ...]:
    if channel := _CHANNEL.match(parts.path):
        return (SiteFeed(f"{_YOUTUBE_FEED}?channel_id={channel[1]}", ""),)
    playlist = parse_qs(parts.query).get("list", [""])[0]
    if parts.path == "/playlist" and playlist:
        return (SiteFeed(f"{_YOUTUBE_FEED}?playlist_id={quote(playlist, safe='')}", ""),)
    return ()


def _github(parts: SplitResult) -> tuple[SiteFeed, ...]:
    pieces = [piece for piece in parts.path.split("/") if piece]
    if not pieces or pieces[0] in _GITHUB_PAGES or pieces[-1].endswith(".atom"):
        return ()
    if len(pieces) == 1:
        return (SiteFeed(f"https://github.com/{pieces[0]}.atom", pieces[0]),)
    owner, project, *page = pieces
    name = f"{owner}/{project.removesuffix('.git')}"
    base = f"https://github.com/{name}"
    releases = SiteFeed(f"{base}/releases.atom", f"{name} · releases")
    tags = SiteFeed(f"{base}/tags.atom", f"{name} · tags")
    commits = SiteFeed(f"{base}/commits.atom", f"{name} · commits")
    match page:
        case ["releases", *_rest]:
            chosen = (releases,)
        case ["tags"]:
            chosen = (tags,)
        case ["commits" | "tree", _first, *_rest]:
            chosen = (commits._replace(url=f"{base}/commits/{'/'.join(page[1:])}.atom"),)
        case ["commits"]:
            chosen = (commits,)
        case ["discussions" | "wiki", *_rest]:
            chosen = (SiteFeed(f"{base}/{page[0]}.atom", name),)
        case _else:
            return releases, tags, commits
    return chosen


def _reddit(parts: SplitResult) -> tuple[SiteFeed, ...]:
    path = parts.path.rstrip("/")
    if path.endswith((".rss", ".xml")):
        return ()
    query = f"?{parts.query}" if parts.query else ""
    return (SiteFeed(f"https://www.reddit.com{path}/.rss{query}", path.strip("/") or "Reddit"),)


def _hacker_news(parts: SplitResult) -> tuple[SiteFeed, ...]:
    page = parts.path.strip("/")
    named = parse_qs(parts.query).get("id", [""])[0]
    if page in {"", "news", "front"}:
        return (SiteFeed("https://news.ycombinator.com/rss", "Hacker News"),)
    if page in _HACKER_LISTS:
        return (SiteFeed(f"https://hnrss.org/{page}", f"Hacker News: {page}"),)
    if page in _HACKER_OF and named:
        return (SiteFeed(f"https://hnrss.org/{page}?id={quote(named, safe='')}", f"Hacker News: {named}"),)
    return ()


_SITES: dict[str, Callable[[SplitResult], tuple[SiteFeed, ...]]] = {
    **dict.fromkeys(("youtube.com", "m.youtube.com", "music.youtube.com", "youtu.be"), _youtube),
    "github.com": _github,
    **dict.fromkeys(("reddit.com", "old.reddit.com", "new.reddit.com", "m.reddit.com"), _reddit),
    "news.ycombinator.com": _hacker_news,
}
