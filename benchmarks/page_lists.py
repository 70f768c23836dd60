"""How well lists of pages are found again after their pages changed: `python -m benchmarks.page_lists`.

The marked pages of `../shared/pages/lists` stand for sites. Each is read as it was before its newest items
came, and then as it is now, in its own look and in others: other classes, other elements, more elements
around each item, other links, another order, a rival list; and once without its list, which is to be noticed.
What should be new is known; what else is taken for new would be posted for nothing.
"""

from __future__ import annotations

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
"""Items that came since the page was last read."""
NOW = 1_780_000_000
CONTENT_TYPE = "text/html; charset=utf-8"
Items = list[HtmlElement]
FollowedList = tuple[str, bytes, str, PageList]
"""The name of a page, its bytes, its address, and the list that is followed."""
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
    """The page as it is."""


def rename_classes(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """Every class has another name."""
    names: dict[str, str] = {}
    for element in tree.iter("*"):
        if element.get("class"):
            renamed = (names.setdefault(name, f"c{chance.randrange(10**9)}") for name in element.get("class").split())
            element.set("class", " ".join(renamed))


def double_items(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """Other classes, and twice as many items as before."""
    rename_classes(tree, chance, items)


def remove_classes(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """No element has a class."""
    for element in tree.iter("*"):
        element.attrib.pop("class", None)


def rename_elements(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """Other elements, and other classes."""
    rename_classes(tree, chance, items)
    for element in tree.iter(*_TAG_RENAMES):
        element.tag = _TAG_RENAMES[element.tag]


def wrap_links(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """Each link stands in two more elements, and the whole in another."""
    for link in list(tree.iter("a")):
        parent, tail = link.getparent(), link.tail
        place = parent.index(link)
        outer = tree.makeelement("div", {"class": "new-wrap"})
        inner = tree.makeelement("span", {"class": "new-inner"})
        link.tail = None
        inner.append(link)
        outer.append(inner)
        outer.tail = tail
        parent.insert(place, outer)


def change_links(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """Other classes, and every link has another path."""
    rename_classes(tree, chance, items)
    for link in tree.iter("a"):
        href = (link.get("href") or "").partition("#")[0]
        if href and not href.startswith(("javascript:", "mailto:")):
            link.set("href", f"/moved?to={abs(hash(href))}")


def reverse_items(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """Other classes, and what an item consists of stands in the opposite order: its date before its title."""
    rename_classes(tree, chance, items)
    for item in items:
        for element in (item, *item.iter("div", "header", "section", "li", "tr")):
            element[:] = element[::-1]


def reverse_surroundings(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """Other classes, and what is around the list in the opposite order: what stood below it stands above."""
    rename_classes(tree, chance, items)
    for outer in items[0].getparent().iterancestors():
        if outer.tag not in {"html", "head"}:
            outer[:] = outer[::-1]


def remove_dates(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """Other classes, and no date is marked as one."""
    rename_classes(tree, chance, items)
    for element in tree.iter("time"):
        element.tag = "span"
        element.attrib.pop("datetime", None)


def add_rival_list(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """Other classes, and a longer list of other articles above the old one."""
    rename_classes(tree, chance, items)
    box = tree.makeelement("ul", {"class": "most-read"})
    for number in range(len(items) + 5):
        entry = SubElement(box, "li")
        SubElement(entry, "a", {"href": f"/popular/{number}"}).text = f"What everybody read on day {number}"
    items[0].getparent().insert(0, box)


def remove_list(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """The list is gone, and the rest of the page has stayed."""
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
    """The elements of a list, one an item: the outermost ones that hold no other item."""
    addresses = {urls.canonicalize(item.url) for item in items}
    anchors = [a for a in tree.iter("a") if urls.canonicalize(urljoin(url, a.get("href", "").strip())) in addresses]
    urls_by_anchor = {a: urls.canonicalize(urljoin(url, a.get("href").strip())) for a in anchors}
    outermost: dict[HtmlElement, None] = {}
    for a in anchors:
        item = a
        for outer in a.iterancestors():
            if len({urls_by_anchor[anchor] for anchor in outer.iter("a") if anchor in urls_by_anchor}) > 1:
                break
            item = outer
        outermost[item] = None
    return list(outermost)


def load_tuned_lists() -> Iterator[FollowedList]:
    """The lists of the pages that the program was tuned on."""
    folder = SHARED / "pages" / "lists"
    for line in (folder / "gold.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        page = gzip.decompress((folder / row["html_gz_path"]).read_bytes())
        page_lists = read_page_lists(page, CONTENT_TYPE, row["url"]).lists
        if row["items"] and page_lists:
            yield row["id"], page, row["url"], page_lists[0]


def find_unseen_lists() -> Iterator[FollowedList]:
    """Lists that Discourse, XenForo and blogs mark, on pages that nobody tuned on."""
    for number, (program, page, url, truth) in enumerate(marked_lists.find_marked_lists()):
        for group in ParsedPage(page, CONTENT_TYPE, url).find_groups():
            page_list = PageList(tuple(link_groups.iter_list_items(group)), group.style_signatures)
            if {urls.compute_page_key(urls.canonicalize(item.url)) for item in page_list.items} == truth.keys():
                yield f"{program} {number}", page, url, page_list
                break


def measure_changes(followed: Iterable[FollowedList]) -> dict[str, list[int]]:
    """By change: pages, lists found again, items rightly new of how many, wrongly new, lists lost."""
    counts_by_change = {change.__name__: [0, 0, 0, 0, 0] for change in CHANGES}
    for name, page, url, followed_list in followed:
        if len(followed_list.items) < NEW_ITEMS + 2:
            continue
        newest = _newest_items(followed_list.items)
        old_items = [item for item in followed_list.items if item not in newest]
        followed_at = max((item.published or 0 for item in old_items), default=0) or NOW  # when it was followed
        for change in CHANGES:
            tree = document_fromstring(page)
            shown_items = old_items[: len(old_items) // 2 + 1] if change is double_items else old_items
            seen_items = [_to_seen_item(item) for item in shown_items]
            change(tree, random.Random(7), find_item_elements(tree, url, followed_list.items))
            counts = counts_by_change[change.__name__]
            counts[0] += 1
            try:
                parsed_list = extract_list(
                    tostring(tree),
                    CONTENT_TYPE,
                    url,
                    make_signature_json(shown_items, followed_list.style_signatures),
                    seen_items,
                    followed_at,
                )
            except FeedError:
                counts[4] += 1
                sys.stderr.write(f"{change.__name__}\t{name}\tlost\n")
                continue
            seen_pages = {urls.compute_page_key(seen_item.url) for seen_item in seen_items}
            new_titles = [
                entry.title
                for entry in parsed_list.feed.entries
                if urls.compute_page_key(entry.link or "") not in seen_pages
            ]
            expected_titles = [item.title for item in newest]
            right_count = sum(title in new_titles for title in expected_titles)
            counts[1] += 1
            counts[2] += right_count
            counts[3] += len(new_titles) - right_count
            if len(new_titles) != NEW_ITEMS:
                sys.stderr.write(f"{change.__name__}\t{name}\t{len(new_titles)} new\n")
    return counts_by_change


def _newest_items(items: Sequence[ListItem]) -> Sequence[ListItem]:
    """What came last: by the dates of a list, else what stands above all else."""
    if all(item.published is not None for item in items):
        items = sorted(items, key=lambda item: item.published or 0, reverse=True)
    return items[:NEW_ITEMS]


def _to_seen_item(item: ListItem) -> KnownItem:
    published = item.published if item.published is not None else NOW
    return KnownItem(urls.canonicalize(item.url), item.title, item.summary, published, NOW)


def main() -> None:
    """Print both tables."""
    columns = "lists found again | new items found | old ones taken for new | lost"
    for title, followed in (("tuned on", load_tuned_lists()), ("unseen", find_unseen_lists())):
        sys.stdout.write(f"| {title} | {columns} |\n|---|---|---|---|---|\n")
        for name, (pages, found_again, right, wrong, lost) in measure_changes(followed).items():
            sys.stdout.write(
                f"| {name} | {found_again} of {pages} | {right} of {NEW_ITEMS * pages} | {wrong} | {lost} |\n"
            )


if __name__ == "__main__":
    main()
