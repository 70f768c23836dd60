"""Benchmark of followed lists on pages whose markup changes: lists found again, and new items.

    python -m benchmarks.page_lists

A list is followed as if its two newest items weren't on the page yet. Then the page is read with them, unchanged and
with each change to its markup: other classes, other elements, more elements around each item, other links, another
order, a second list, or without the list, which must be noticed. Two tables are printed, for the labelled pages of
`../shared/pages/lists` that rules were tuned on and for unseen pages with marked-up lists. By change they have
the lists found again, the new items found, the old items wrongly taken as new, which would be posted again, and the
lists reported as lost.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from urllib.parse import urljoin

from lxml.etree import SubElement
from lxml.html import HtmlElement, document_fromstring, tostring

from benchmarks import marked_lists
from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages import link_groups
from bot.feeds.pages.link_groups import ListItem
from bot.feeds.pages.list_feeds import KnownItem, extract_list, make_signature_json
from bot.feeds.pages.page_lists import PageList, ParsedPage, read_page_lists
from bot.text import urls
from tests.support.shared_data import SHARED

NEW_ITEMS = 2
"""Number of items that are new since the list was followed."""
NOW = 1_780_000_000
CONTENT_TYPE = "text/html; charset=utf-8"
Items = list[HtmlElement]
FollowedList = tuple[str, bytes, str, PageList]
"""A followed list with the name, HTML and URL of its page."""
_TAG_RENAMES = {
    "article": "section",
    "section": "div",
    "li": "div",
    "ul": "div",
    "h2": "h3",
    "h3": "h4",
    "span": "em",
}


def leave_unchanged(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """Change nothing."""


def rename_classes(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """Rename every class."""
    names: dict[str, str] = {}
    for element in tree.iter("*"):
        if element.get("class"):
            new_names = (names.setdefault(name, f"c{chance.randrange(10**9)}") for name in element.get("class").split())
            element.set("class", " ".join(new_names))


def double_items(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """Rename the classes of a page that has twice as many items as before."""
    rename_classes(tree, chance, items)


def remove_classes(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """Remove the classes of all elements."""
    for element in tree.iter("*"):
        element.attrib.pop("class", None)


def rename_elements(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """Replace elements by similar ones, and rename classes."""
    rename_classes(tree, chance, items)
    for element in tree.iter(*_TAG_RENAMES):
        element.tag = _TAG_RENAMES[element.tag]


def wrap_links(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """Wrap each link in two more elements."""
    for link in list(tree.iter("a")):
        parent, tail = link.getparent(), link.tail
        position = parent.index(link)
        outer = tree.makeelement("div", {"class": "new-wrap"})
        inner = tree.makeelement("span", {"class": "new-inner"})
        link.tail = None
        inner.append(link)
        outer.append(inner)
        outer.tail = tail
        parent.insert(position, outer)


def change_links(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """Change the path of every link, and rename classes."""
    rename_classes(tree, chance, items)
    for link in tree.iter("a"):
        href = (link.get("href") or "").partition("#")[0]
        if href and not href.startswith(("javascript:", "mailto:")):
            link.set("href", f"/moved?to={abs(hash(href))}")


def reverse_items(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """Reverse the elements within each item, such as title and date, and rename classes."""
    rename_classes(tree, chance, items)
    for item in items:
        for element in (item, *item.iter("div", "header", "section", "li", "tr")):
            element[:] = element[::-1]


def reverse_surroundings(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """Reverse the elements around the list, and rename classes."""
    rename_classes(tree, chance, items)
    for outer in items[0].getparent().iterancestors():
        if outer.tag not in {"html", "head"}:
            outer[:] = outer[::-1]


def remove_dates(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """Remove the markup of dates, and rename classes."""
    rename_classes(tree, chance, items)
    for element in tree.iter("time"):
        element.tag = "span"
        element.attrib.pop("datetime", None)


def add_rival_list(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """Add a longer list of other articles above the list, and rename classes."""
    rename_classes(tree, chance, items)
    box = tree.makeelement("ul", {"class": "most-read"})
    for number in range(len(items) + 5):
        entry = SubElement(box, "li")
        SubElement(entry, "a", {"href": f"/popular/{number}"}).text = f"Most read articles of day {number}"
    items[0].getparent().insert(0, box)


def remove_list(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """Remove the list and leave the rest of the page unchanged."""
    for item in items:
        item.getparent().remove(item)


CHANGES: tuple[Callable[[HtmlElement, random.Random, Items], None], ...] = (
    leave_unchanged,
    rename_classes,
    double_items,
    remove_classes,
    rename_elements,
    wrap_links,
    change_links,
    reverse_items,
    reverse_surroundings,
    remove_dates,
    add_rival_list,
    remove_list,
)


def find_item_elements(tree: HtmlElement, url: str, items: Iterable[ListItem]) -> Items:
    """Return the outermost element of each item of a list that contains no other item."""
    item_urls = {urls.canonicalize(item.url) for item in items}
    urls_by_link: dict[HtmlElement, str] = {}
    for link in tree.iter("a"):
        link_url = urls.canonicalize(urljoin(url, link.get("href", "").strip()))
        if link_url in item_urls:
            urls_by_link[link] = link_url
    item_elements: dict[HtmlElement, None] = {}
    for link in urls_by_link:
        item_element = link
        for ancestor in link.iterancestors():
            if len({urls_by_link[inner] for inner in ancestor.iter("a") if inner in urls_by_link}) > 1:
                break
            item_element = ancestor
        item_elements[item_element] = None
    return list(item_elements)


def load_tuned_lists() -> Iterator[FollowedList]:
    """Yield the lists of the labelled pages that rules were tuned on."""
    folder = SHARED / "pages" / "lists"
    for line in (folder / "gold.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        page = gzip.decompress((folder / row["html_gz_path"]).read_bytes())
        page_lists = read_page_lists(page, CONTENT_TYPE, row["url"]).lists
        if row["items"] and page_lists:
            yield row["id"], page, row["url"], page_lists[0]


def find_unseen_lists() -> Iterator[FollowedList]:
    """Yield the lists that Discourse, XenForo and blogs mark up, on pages that no rule was tuned on."""
    for number, (software, page, url, marked_titles) in enumerate(marked_lists.find_marked_lists()):
        for group in ParsedPage(page, CONTENT_TYPE, url).find_groups():
            page_list = PageList(tuple(link_groups.iter_list_items(group)), group.style_signatures)
            if {urls.compute_page_key(urls.canonicalize(item.url)) for item in page_list.items} == marked_titles.keys():
                yield f"{software} {number}", page, url, page_list
                break


def measure_changes(followed_lists: Iterable[FollowedList]) -> dict[str, list[int]]:
    """Return by change the counts of pages, lists found again, new items found, wrongly new items and lost lists."""
    counts_by_change = {change.__name__: [0, 0, 0, 0, 0] for change in CHANGES}
    for name, page, url, followed_list in followed_lists:
        if len(followed_list.items) < NEW_ITEMS + 2:
            continue
        newest_items = _select_newest_items(followed_list.items)
        old_items = [item for item in followed_list.items if item not in newest_items]
        followed_at = max((item.published or 0 for item in old_items), default=0) or NOW
        for change in CHANGES:
            tree = document_fromstring(page)
            page_items = old_items[: len(old_items) // 2 + 1] if change is double_items else old_items
            known_items = [_to_known_item(item) for item in page_items]
            change(tree, random.Random(7), find_item_elements(tree, url, followed_list.items))
            counts = counts_by_change[change.__name__]
            counts[0] += 1
            try:
                parsed_list = extract_list(
                    tostring(tree),
                    CONTENT_TYPE,
                    url,
                    make_signature_json(page_items, followed_list.style_signatures),
                    known_items,
                    followed_at,
                )
            except FeedError:
                counts[4] += 1
                sys.stderr.write(f"{change.__name__}\t{name}\tlost\n")
                continue
            known_pages = {urls.compute_page_key(known_item.url) for known_item in known_items}
            new_titles = [
                entry.title
                for entry in parsed_list.feed.entries
                if urls.compute_page_key(entry.link or "") not in known_pages
            ]
            expected_titles = [item.title for item in newest_items]
            right_count = sum(title in new_titles for title in expected_titles)
            counts[1] += 1
            counts[2] += right_count
            counts[3] += len(new_titles) - right_count
            if len(new_titles) != NEW_ITEMS:
                sys.stderr.write(f"{change.__name__}\t{name}\t{len(new_titles)} new\n")
    return counts_by_change


def _select_newest_items(items: Sequence[ListItem]) -> Sequence[ListItem]:
    """Return the newest items by date, or the first ones if not all are dated."""
    if all(item.published is not None for item in items):
        items = sorted(items, key=lambda item: item.published or 0, reverse=True)
    return items[:NEW_ITEMS]


def _to_known_item(item: ListItem) -> KnownItem:
    published = item.published if item.published is not None else NOW
    return KnownItem(urls.canonicalize(item.url), item.title, item.summary, published, NOW)


def main() -> None:
    """Print the tables of tuned and unseen lists."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    columns = "lists found again | new items found | wrongly new | lost"
    for title, followed_lists in (("tuned on", load_tuned_lists()), ("unseen", find_unseen_lists())):
        sys.stdout.write(f"| {title} | {columns} |\n|---|---|---|---|---|\n")
        for name, (pages, found_again, right, wrong, lost) in measure_changes(followed_lists).items():
            sys.stdout.write(
                f"| {name} | {found_again} of {pages} | {right} of {NEW_ITEMS * pages} | {wrong} | {lost} |\n"
            )


if __name__ == "__main__":
    main()
