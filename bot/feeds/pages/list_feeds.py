"""A list of a web page as a feed (runs in a worker).

A list is recognised by its content: the group in which most links or titles are known is the list, whatever
its style. Only if nothing of it is left on the page do style and URL pattern decide. The URL of such a feed
is that of its page with a fragment that names the list.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from bot.core.models import Entry, ParsedFeed
from bot.feeds import fetch_errors
from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages.link_groups import LinkGroup, ListItem, list_items
from bot.feeds.pages.page_lists import PageList, PageLists, ParsedPage
from bot.feeds.parsing.entries import limit_entries, with_fingerprint
from bot.text import urls
from bot.text.words import normalize_title

FRAGMENT_KEY = "telex-list"
"""Key in the fragment of a list's URL."""
MOST_SEEN = 300
"""Newest articles of a feed by which its list is recognised."""
RECENT_ITEMS = 5
"""Newest known articles, most of which a list of news still has."""
FEWEST_AGREEING = 3
"""Known items that make a group of another style the list."""
MOST_APPENDED = 3
"""Items without dates that may have been appended to a list since the last poll."""
SAME_PATTERN_RATIO = 0.8
"""Share of known URLs of one pattern from which new ones must have it too."""
DAY = 86_400
"""Seconds of a day."""
FORMAT = "page"
"""`format` of a feed made from a list."""
_NAME = re.compile(r"[A-Za-z_]+")


class KnownItem(NamedTuple):
    """An article that was in a list: link, title, excerpt and times (seconds of UTC)."""

    url: str
    title: str
    summary: str
    published: int
    found: int


class ListSignature(msgspec.Struct, frozen=True):
    """The stored description of a list: style, commonest URL pattern, number of items."""

    style_signatures: tuple[str, ...] = ()
    url_pattern: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True)
class ListReadResult:
    """A list as a feed, and the signature to store for the next poll (JSON)."""

    feed: ParsedFeed
    signature: str


def list_url(page: str, found: PageList) -> str:
    """Return the URL of the feed that stands for a list of a page."""
    return f"{page.partition('#')[0]}#{FRAGMENT_KEY}={found.style_signatures[0]}"


def is_list_url(url: str) -> bool:
    """Return whether a URL is that of a list."""
    return f"#{FRAGMENT_KEY}" in url


def page_url(url: str) -> str:
    """Return the URL of a list's page; any other URL unchanged."""
    return url.partition(f"#{FRAGMENT_KEY}")[0]


def select_list(url: str, found: Sequence[PageList]) -> PageList | None:
    """Return the list that a URL names, else the first, None without lists."""
    name = url.rpartition("=")[2] if is_list_url(url) else ""
    return next((each for each in found if each.style_signatures[0] == name), found[0] if found else None)


def make_signature(items: Sequence[ListItem], looks: tuple[str, ...]) -> str:
    """Return the signature of a list as JSON."""
    forms = Counter(_url_pattern(item.url) for item in items)
    form = forms.most_common(1)[0][0] if forms else ""
    return msgspec.json.encode(ListSignature(looks, form, len(items))).decode()


def as_feed(page: PageLists, items: Sequence[ListItem], url: str) -> ParsedFeed:
    """Return the items of a page as a feed."""
    entries, _problem = limit_entries(
        with_fingerprint(
            Entry(
                guid=None,
                link=item.url,
                title=item.title,
                summary=item.summary,
                text=item.summary,
                published=item.published,
            )
        )
        for item in items
    )
    site = page_url(url)
    return ParsedFeed(
        title=page.title or urls.host(url),
        site_url=site,
        language=page.language,
        format=FORMAT,
        entries=entries,
        # With a warning, missing entries do not count as retracted.
        parse_warning="a page shows what it likes",
    )


def read_list(
    page: bytes, content_type: str, url: str, trace: str, seen: Sequence[KnownItem], since: int
) -> ListReadResult:
    """Return the list that a feed's URL names as a feed, without the backlog below its known items.

    `signature` is the stored one, "" before the first poll; `known_items` are its newest articles, newest
    first; `followed_since` is when it was first followed, in seconds of UTC.
    Raises FeedError: list-lost, needs-script.
    """
    read = ParsedPage(page, content_type, page_url(url))
    about = read.describe()
    known = msgspec.json.decode(trace, type=ListSignature) if trace else ListSignature()
    if not trace and not seen:
        first = select_list(url, read.lists())
        items, looks = (list(first.items), first.style_signatures) if first else ([], ())
    else:
        group = _find_followed_group(list(read.groups(frozenset(known.style_signatures))), known, seen)
        items, looks = (list(list_items(group)), group.style_signatures) if group else ([], ())
    if not items:
        raise FeedError(
            fetch_errors.REQUIRES_JAVASCRIPT if about.requires_javascript else fetch_errors.LIST_NOT_FOUND
        )
    same = not known.style_signatures or not set(looks).isdisjoint(known.style_signatures)
    current = _without_backlog(items, seen, since, known.size if same else 0)
    return ListReadResult(as_feed(about, current, url), make_signature(items, looks))


def _find_followed_group(
    groups: Sequence[LinkGroup], trace: ListSignature, seen: Sequence[KnownItem]
) -> LinkGroup | None:
    """Return the group that is the followed list, None if there is none.

    A group of the stored style with a known item is preferred.
    """
    pages = {urls.page_key(one.url) for one in seen}
    titles = {normalize_title(one.title) for one in seen}
    newest = {urls.page_key(one.url) for one in seen[:RECENT_ITEMS]} | {
        normalize_title(one.title) for one in seen[:RECENT_ITEMS]
    }
    found: list[tuple[bool, float, float, LinkGroup]] = []
    turned_over: list[LinkGroup] = []
    for group in groups:
        names = [(urls.page_key(link.url), normalize_title(link.title)) for link in group.links]
        agreeing = sum(page in pages or title in titles for page, title in names)
        fresh = sum(page in newest or title in newest for page, title in names)
        looks_same = not set(group.style_signatures).isdisjoint(trace.style_signatures)
        is_most = 2 * agreeing >= len(names) and agreeing > 1
        is_newest = agreeing >= FEWEST_AGREEING and 2 * fresh > min(RECENT_ITEMS, len(seen))
        if agreeing and (looks_same or is_most or is_newest):
            found.append((looks_same, agreeing * agreeing / len(names), group.score, group))
        elif looks_same and 2 * sum(
            _url_pattern(link.url) == trace.url_pattern for link in group.links
        ) > len(names):
            turned_over.append(group)
    if found:
        return max(found, key=lambda each: each[:3])[3]
    return max(turned_over, key=lambda group: group.score, default=None)


def _without_backlog(
    items: list[ListItem], seen: Sequence[KnownItem], since: int, size: int
) -> list[ListItem]:
    """Return the items, newest first, without the backlog below the known ones.

    A dated item is backlog by its date, unless it stands above all others. `previous_size` is the number of
    items at the last poll, 0 if the style of the list has changed.
    """
    if not seen:
        return items
    matched = _match_known(items, seen)
    rising = _is_oldest_first(items, matched)
    if rising:
        items, matched = items[::-1], matched[::-1]
    known = [place for place, match in enumerate(matched) if match is not None]
    first, last = min(known, default=-1), max(known, default=-1)
    appended = len(known) == size == last + 1 and 0 < len(items) - size <= MOST_APPENDED
    turned_over = 2 * len(known) < size
    forms = Counter(_url_pattern(items[place].url) for place in known)
    form, count = next(iter(forms.most_common(1)), ("", 0))
    strict = not size and SAME_PATTERN_RATIO * len(known) <= count
    kept: list[ListItem] = []
    for place, (item, match) in enumerate(zip(items, matched, strict=True)):
        if match is not None:
            kept.append(replace(item, url=match.url))
            continue
        if strict and _url_pattern(item.url) != form:  # an author or a section of the same style
            continue
        began = since if place > last else since - DAY  # Some dates have no time.
        is_new = (
            place < (last if size else first) or appended or turned_over
            if item.published is None
            else item.published >= began or (size and place < first)
        )
        if is_new:
            kept.append(item)
    return kept[::-1] if appended and not rising else kept


def _match_known(items: Sequence[ListItem], seen: Sequence[KnownItem]) -> list[KnownItem | None]:
    """Match items to known articles: by link, else by title with the same day or text.

    If most unknown items have the title of an article that is no longer listed, the links have changed, and
    the title is enough.
    """
    by_page = {urls.page_key(one.url): one for one in seen}
    matched = [by_page.get(urls.page_key(item.url)) for item in items]
    present = {one.url for one in matched if one is not None}
    absent = {normalize_title(one.title): one for one in reversed(seen) if one.url not in present}
    titles = Counter(normalize_title(item.title) for item in items)
    alike: dict[int, KnownItem] = {}
    for place, item in enumerate(items):
        title = normalize_title(item.title)
        if matched[place] is None and title in absent and titles[title] == 1:
            alike[place] = absent[title]
    moved = len(alike) > 1 and 2 * len(alike) > matched.count(None)
    for place, one in alike.items():
        item = items[place]
        if item.published is not None:
            agrees = abs(item.published - one.published) < DAY
        else:
            agrees = moved or (bool(item.summary) and item.summary == one.summary)
        if agrees:
            matched[place] = one
    return matched


def _is_oldest_first(items: Sequence[ListItem], matched: Sequence[KnownItem | None]) -> bool:
    times = [
        item.published if item.published is not None else match.found if match is not None else None
        for item, match in zip(items, matched, strict=True)
    ]
    told = [time for time in times if time is not None]
    pairs = list(pairwise(told))
    return sum(a < b for a, b in pairs) > sum(a > b for a, b in pairs)


def _url_pattern(url: str) -> str:
    """Return the pattern of a URL: host, path with variable parts as `*`, first parameter."""
    parts = urlsplit(url)
    pieces = parts.path.strip("/").split("/")
    fixed = [piece if piece.isalpha() else "*" for piece in pieces[:-1]]
    name = _NAME.match(parts.query)
    return "/".join(((parts.hostname or "").removeprefix("www."), *fixed, f"*?{name[0]}" if name else "*"))
