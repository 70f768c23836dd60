"""Conversion of a list on a web page to a feed (runs in a worker).

A list is recognised by its content: a group of links in which most links or titles are known from earlier polls is the
list, even if its style has changed. Among several such groups the style decides; if no known item is left on the page,
style and URL pattern decide. The URL of such a feed is that of its page with a fragment that names the list.
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
from bot.feeds.pages.link_groups import LinkGroup, ListItem, iter_list_items
from bot.feeds.pages.page_lists import PageList, PageLists, ParsedPage
from bot.feeds.parsing.entries import add_fingerprint, limit_entries
from bot.text import urls
from bot.text.words import normalize_title

FRAGMENT_KEY = "telex-list"
"""Key in the fragment of the URL of a feed that is made from a list of links on a web page."""
MAX_KNOWN_ITEMS = 300
"""Maximum number of a feed's newest articles by which the list that it is made from is found on its web page."""
RECENT_ITEM_COUNT = 5
"""Number of a feed's newest articles by which the list that it is made from is found after its style changed.

A group of links may be the list if it has more than half of these, and at least `MIN_KNOWN_ITEMS` of all articles.
"""
MIN_KNOWN_ITEMS = 3
"""Minimum number of a feed's articles that a group of links in a new style needs to be the feed's list."""
MAX_APPENDED_ITEMS = 3
"""Maximum number of undated new items at the end of a list that count as appended to it, not as older ones."""
MIN_PATTERN_SHARE = 0.8
"""Minimum share of known items with one URL pattern for which new items need it, too, after a change of style."""
DAY_SECONDS = 86_400
"""Number of seconds of a day."""
PAGE_LIST_FORMAT = "page"
"""Name of the format of a feed made from a list on a page, the value of `ParsedFeed.format`."""
_PARAMETER_NAME_PATTERN = re.compile(r"[A-Za-z_]+")


class KnownItem(NamedTuple):
    """Article that was in a web page's list at an earlier poll; `published`, `found_at` are Unix times in seconds."""

    url: str
    title: str
    summary: str
    published: int
    found_at: int


class ListSignature(msgspec.Struct, frozen=True):
    """Description of a list of links, to find it on its page again: style, commonest URL pattern, number of items.

    It is stored as JSON, where the number of items is named `size`.
    """

    style_signatures: tuple[str, ...] = ()
    url_pattern: str = ""
    item_count: int = msgspec.field(default=0, name="size")


@dataclass(frozen=True, slots=True)
class ListReadResult:
    """List of links on a web page as a feed, and a description (JSON) by which the next poll finds the list again."""

    feed: ParsedFeed
    signature_json: str


def build_list_url(page_url: str, page_list: PageList) -> str:
    """Return the URL of the feed that is made from a list of links on a web page: the page's, with a fragment."""
    return f"{page_url.partition('#')[0]}#{FRAGMENT_KEY}={page_list.style_signatures[0]}"


def is_list_url(url: str) -> bool:
    """Return whether a URL is that of a feed made from a list of links on a web page."""
    return f"#{FRAGMENT_KEY}" in url


def strip_list_fragment(url: str) -> str:
    """Return a URL without the fragment that names a list of links on its page; a URL without one is unchanged."""
    return url.partition(f"#{FRAGMENT_KEY}")[0]


def select_list(url: str, page_lists: Sequence[PageList]) -> PageList | None:
    """Return the list that a URL's fragment names, else the first list, or None if there are no lists."""
    style_signature = url.rpartition("=")[2] if is_list_url(url) else ""
    return next(
        (page_list for page_list in page_lists if page_list.style_signatures[0] == style_signature),
        page_lists[0] if page_lists else None,
    )


def make_signature_json(items: Sequence[ListItem], style_signatures: tuple[str, ...]) -> str:
    """Return a description of a list of links as JSON, by which a later poll finds the list on its page again."""
    pattern_counts = Counter(_compute_url_pattern(item.url) for item in items)
    url_pattern = pattern_counts.most_common(1)[0][0] if pattern_counts else ""
    return msgspec.json.encode(ListSignature(style_signatures, url_pattern, len(items))).decode()


def build_feed(page_lists: PageLists, items: Sequence[ListItem], url: str) -> ParsedFeed:
    """Return a feed whose entries are the items of a list on a page."""
    entries, _problem = limit_entries(
        add_fingerprint(
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
    site_url = strip_list_fragment(url)
    return ParsedFeed(
        title=page_lists.title or urls.parse_host(url),
        site_url=site_url,
        language=page_lists.language,
        format=PAGE_LIST_FORMAT,
        entries=entries,
        # With a warning, missing entries do not count as retracted.
        parse_warning="a page shows what it likes",
    )


def extract_list(
    page: bytes,
    content_type: str,
    url: str,
    signature_json: str,
    known_items: Sequence[KnownItem],
    followed_since: int,
) -> ListReadResult:
    """Return, as a feed, the list of links that `url` names on a page, without unknown items older than known ones.

    `signature_json` describes the list at the last poll, "" before the first; `known_items` are the newest articles of
    the feed, newest first; `followed_since` is when it was first followed (Unix time in seconds).
    Raises FeedError: `LIST_NOT_FOUND` if the list is not on the page, `REQUIRES_JAVASCRIPT` if the page is empty
    without JavaScript.
    """
    parsed_page = ParsedPage(page, content_type, strip_list_fragment(url))
    page_lists = parsed_page.describe()
    stored_signature = msgspec.json.decode(signature_json, type=ListSignature) if signature_json else ListSignature()
    if not signature_json and not known_items:
        first_list = select_list(url, parsed_page.find_lists())
        items, style_signatures = (list(first_list.items), first_list.style_signatures) if first_list else ([], ())
    else:
        group = _find_followed_group(
            list(parsed_page.find_groups(frozenset(stored_signature.style_signatures))),
            stored_signature,
            known_items,
        )
        items, style_signatures = (list(iter_list_items(group)), group.style_signatures) if group else ([], ())
    if not items:
        raise FeedError(
            fetch_errors.REQUIRES_JAVASCRIPT if page_lists.requires_javascript else fetch_errors.LIST_NOT_FOUND
        )
    is_same_style = not stored_signature.style_signatures or not set(style_signatures).isdisjoint(
        stored_signature.style_signatures
    )
    current_items = _drop_backlog(
        items, known_items, followed_since, stored_signature.item_count if is_same_style else 0
    )
    return ListReadResult(build_feed(page_lists, current_items, url), make_signature_json(items, style_signatures))


def _find_followed_group(
    groups: Sequence[LinkGroup], stored_signature: ListSignature, known_items: Sequence[KnownItem]
) -> LinkGroup | None:
    """Return the group of links on a page that is the list of a followed feed, or None if there is none.

    A group of the stored style with an item known from earlier polls is preferred.
    """
    known_page_keys = {urls.compute_page_key(known_item.url) for known_item in known_items}
    known_titles = {normalize_title(known_item.title) for known_item in known_items}
    recent_keys_and_titles = {
        urls.compute_page_key(recent_item.url) for recent_item in known_items[:RECENT_ITEM_COUNT]
    } | {normalize_title(recent_item.title) for recent_item in known_items[:RECENT_ITEM_COUNT]}
    candidates: list[tuple[bool, float, float, LinkGroup]] = []
    same_style_groups: list[LinkGroup] = []  # without known items
    for group in groups:
        page_keys_and_titles = [(urls.compute_page_key(link.url), normalize_title(link.title)) for link in group.links]
        known_count = sum(
            page_key in known_page_keys or title in known_titles for page_key, title in page_keys_and_titles
        )
        recent_count = sum(
            page_key in recent_keys_and_titles or title in recent_keys_and_titles
            for page_key, title in page_keys_and_titles
        )
        is_same_style = not set(group.style_signatures).isdisjoint(stored_signature.style_signatures)
        is_mostly_known = 2 * known_count >= len(page_keys_and_titles) and known_count > 1
        has_recent_items = known_count >= MIN_KNOWN_ITEMS and 2 * recent_count > min(
            RECENT_ITEM_COUNT, len(known_items)
        )
        if known_count and (is_same_style or is_mostly_known or has_recent_items):
            candidates.append(
                (is_same_style, known_count * known_count / len(page_keys_and_titles), group.score, group)
            )
        elif is_same_style and 2 * sum(
            _compute_url_pattern(link.url) == stored_signature.url_pattern for link in group.links
        ) > len(page_keys_and_titles):
            same_style_groups.append(group)
    if candidates:
        return max(candidates, key=lambda candidate: candidate[:3])[3]
    return max(same_style_groups, key=lambda group: group.score, default=None)


def _drop_backlog(
    items: list[ListItem], known_items: Sequence[KnownItem], followed_since: int, previous_item_count: int
) -> list[ListItem]:
    """Return a list's items, newest first, without its backlog: items that are new to the feed but below known ones.

    Without `known_items`, all items are returned as they are. A dated item is backlog by its date, unless the style is
    unchanged and it stands above all known items. `previous_item_count` is the number of items at the last poll, or
    0 if the style has changed.
    """
    if not known_items:
        return items
    matched_items = _match_known_items(items, known_items)
    is_oldest_first = _is_oldest_first(items, matched_items)
    if is_oldest_first:
        items, matched_items = items[::-1], matched_items[::-1]
    known_indexes = [item_index for item_index, match in enumerate(matched_items) if match is not None]
    first_known_index, last_known_index = min(known_indexes, default=-1), max(known_indexes, default=-1)
    is_appended = (
        len(known_indexes) == previous_item_count == last_known_index + 1
        and 0 < len(items) - previous_item_count <= MAX_APPENDED_ITEMS
    )
    is_replaced = 2 * len(known_indexes) < previous_item_count
    pattern_counts = Counter(_compute_url_pattern(items[position].url) for position in known_indexes)
    url_pattern, pattern_count = next(iter(pattern_counts.most_common(1)), ("", 0))
    requires_pattern = not previous_item_count and MIN_PATTERN_SHARE * len(known_indexes) <= pattern_count
    current_items: list[ListItem] = []
    for index, (item, known_item) in enumerate(zip(items, matched_items, strict=True)):
        if known_item is not None:
            current_items.append(replace(item, url=known_item.url))
            continue
        if (
            requires_pattern and _compute_url_pattern(item.url) != url_pattern
        ):  # an author or a section of the same style
            continue
        earliest_published = (
            followed_since if index > last_known_index else followed_since - DAY_SECONDS
        )  # Some dates have no time.
        is_new = (
            index < (last_known_index if previous_item_count else first_known_index) or is_appended or is_replaced
            if item.published is None
            else item.published >= earliest_published or (previous_item_count and index < first_known_index)
        )
        if is_new:
            current_items.append(item)
    return current_items[::-1] if is_appended and not is_oldest_first else current_items


def _match_known_items(items: Sequence[ListItem], known_items: Sequence[KnownItem]) -> list[KnownItem | None]:
    """Return for each item of a list the known article with its link, else its title and date or text, else None.

    If most other items have the title of a known article that is no longer listed, the links have changed, and for
    items without a date the title is enough.
    """
    known_item_by_page_key = {urls.compute_page_key(known_item.url): known_item for known_item in known_items}
    matched_items = [known_item_by_page_key.get(urls.compute_page_key(item.url)) for item in items]
    present_urls = {matched_item.url for matched_item in matched_items if matched_item is not None}
    absent_item_by_title = {
        normalize_title(absent_item.title): absent_item
        for absent_item in reversed(known_items)
        if absent_item.url not in present_urls
    }
    title_counts = Counter(normalize_title(item.title) for item in items)
    title_matches: dict[int, KnownItem] = {}
    for index, item in enumerate(items):
        title = normalize_title(item.title)
        if matched_items[index] is None and title in absent_item_by_title and title_counts[title] == 1:
            title_matches[index] = absent_item_by_title[title]
    has_changed_links = len(title_matches) > 1 and 2 * len(title_matches) > matched_items.count(None)
    for index, candidate in title_matches.items():
        item = items[index]
        if item.published is not None:
            is_match = abs(item.published - candidate.published) < DAY_SECONDS
        else:
            is_match = has_changed_links or (bool(item.summary) and item.summary == candidate.summary)
        if is_match:
            matched_items[index] = candidate
    return matched_items


def _is_oldest_first(items: Sequence[ListItem], matched_items: Sequence[KnownItem | None]) -> bool:
    item_times = [
        item.published if item.published is not None else match.found_at if match is not None else None
        for item, match in zip(items, matched_items, strict=True)
    ]
    present_times = [time for time in item_times if time is not None]
    time_pairs = list(pairwise(present_times))
    ascent_count = sum(time < next_time for time, next_time in time_pairs)
    descent_count = sum(time > next_time for time, next_time in time_pairs)
    return ascent_count > descent_count


def _compute_url_pattern(url: str) -> str:
    """Return the pattern of a URL, such as `site.example/news/*?id`.

    It has the host, the path with `*` for its end and for parts not of letters alone, and the first query parameter.
    """
    url_parts = urlsplit(url)
    segments = url_parts.path.strip("/").split("/")
    fixed_segments = [segment if segment.isalpha() else "*" for segment in segments[:-1]]
    parameter_match = _PARAMETER_NAME_PATTERN.match(url_parts.query)
    return "/".join(
        (
            (url_parts.hostname or "").removeprefix("www."),
            *fixed_segments,
            f"*?{parameter_match[0]}" if parameter_match else "*",
        )
    )
