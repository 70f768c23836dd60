"""How well lists of pages are found again after their pages changed: `python -m tests.benchmarks.page_lists`.

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

from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages import link_groups
from bot.feeds.pages.link_groups import ListItem
from bot.feeds.pages.list_feeds import KnownItem, make_signature, read_list
from bot.feeds.pages.page_lists import PageList, ParsedPage, find_lists
from bot.text import urls
from tests.benchmarks import marked_lists
from tests.shared import SHARED

NEW = 2
"""Items that came since the page was last read."""
NOW = 1_780_000_000
KIND = "text/html; charset=utf-8"
Items = list[HtmlElement]
Followed = tuple[str, bytes, str, PageList]
"""The name of a page, its bytes, its address, and the list that is followed."""
_RENAMED = {
    "article": "section",
    "section": "div",
    "li": "div",
    "ul": "div",
    "h2": "h3",
    "h3": "h4",
    "span": "em",
}


def same(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """The page as it is."""


def classes(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """Every class has another name."""
    names: dict[str, str] = {}
    for element in tree.iter("*"):
        if element.get("class"):
            renamed = (
                names.setdefault(name, f"c{chance.randrange(10**9)}") for name in element.get("class").split()
            )
            element.set("class", " ".join(renamed))


def longer(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """Other classes, and twice as many items as before."""
    classes(tree, chance, items)


def bare(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """No element has a class."""
    for element in tree.iter("*"):
        element.attrib.pop("class", None)


def elements(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """Other elements, and other classes."""
    classes(tree, chance, items)
    for element in tree.iter(*_RENAMED):
        element.tag = _RENAMED[element.tag]


def wrapped(tree: HtmlElement, chance: random.Random, items: Items) -> None:
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


def moved(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """Other classes, and every link has another path."""
    classes(tree, chance, items)
    for link in tree.iter("a"):
        href = (link.get("href") or "").partition("#")[0]
        if href and not href.startswith(("javascript:", "mailto:")):
            link.set("href", f"/moved?to={abs(hash(href))}")


def turned(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """Other classes, and what an item consists of stands in the opposite order: its date before its title."""
    classes(tree, chance, items)
    for item in items:
        for element in (item, *item.iter("div", "header", "section", "li", "tr")):
            element[:] = element[::-1]


def columns(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """Other classes, and what is around the list in the opposite order: what stood below it stands above."""
    classes(tree, chance, items)
    for outer in items[0].getparent().iterancestors():
        if outer.tag not in {"html", "head"}:
            outer[:] = outer[::-1]


def dateless(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """Other classes, and no date is marked as one."""
    classes(tree, chance, items)
    for element in tree.iter("time"):
        element.tag = "span"
        element.attrib.pop("datetime", None)


def rival(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """Other classes, and a longer list of other articles above the old one."""
    classes(tree, chance, items)
    box = tree.makeelement("ul", {"class": "most-read"})
    for number in range(len(items) + 5):
        entry = SubElement(box, "li")
        SubElement(entry, "a", {"href": f"/popular/{number}"}).text = f"What everybody read on day {number}"
    items[0].getparent().insert(0, box)


def gone(tree: HtmlElement, chance: random.Random, items: Items) -> None:
    """The list is gone, and the rest of the page has stayed."""
    for item in items:
        item.getparent().remove(item)


CHANGES: tuple[Callable[[HtmlElement, random.Random, Items], None], ...] = (
    same,
    classes,
    longer,
    bare,
    elements,
    wrapped,
    moved,
    turned,
    columns,
    dateless,
    rival,
    gone,
)


def item_elements(tree: HtmlElement, url: str, items: Iterable[ListItem]) -> Items:
    """The elements of a list, one an item: the outermost ones that hold no other item."""
    addresses = {urls.canonicalize(item.url) for item in items}
    anchors = [
        a for a in tree.iter("a") if urls.canonicalize(urljoin(url, a.get("href", "").strip())) in addresses
    ]
    named = {a: urls.canonicalize(urljoin(url, a.get("href").strip())) for a in anchors}
    found: dict[HtmlElement, None] = {}
    for a in anchors:
        item = a
        for outer in a.iterancestors():
            if len({named[each] for each in outer.iter("a") if each in named}) > 1:
                break
            item = outer
        found[item] = None
    return list(found)


def tuned_on() -> Iterator[Followed]:
    """The lists of the pages that the program was tuned on."""
    folder = SHARED / "pages" / "find_lists"
    for line in (folder / "gold.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        page = gzip.decompress((folder / row["html_gz_path"]).read_bytes())
        found = find_lists(page, KIND, row["url"]).lists
        if row["items"] and found:
            yield row["id"], page, row["url"], found[0]


def unseen() -> Iterator[Followed]:
    """Lists that Discourse, XenForo and blogs mark, on pages that nobody tuned on."""
    for number, (program, page, url, truth) in enumerate(marked_lists.marked()):
        for group in ParsedPage(page, KIND, url).groups():
            found = PageList(tuple(link_groups.list_items(group)), group.style_signatures)
            if {urls.page_key(urls.canonicalize(item.url)) for item in found.items} == truth.keys():
                yield f"{program} {number}", page, url, found
                break


def run(followed: Iterable[Followed]) -> dict[str, list[int]]:
    """By change: pages, lists found again, items rightly new of how many, wrongly new, lists lost."""
    results = {change.__name__: [0, 0, 0, 0, 0] for change in CHANGES}
    for name, page, url, first in followed:
        if len(first.items) < NEW + 2:
            continue
        newest = _newest(first.items)
        before = [item for item in first.items if item not in newest]
        since = max((item.published or 0 for item in before), default=0) or NOW  # when it was followed
        for change in CHANGES:
            tree = document_fromstring(page)
            shown = before[: len(before) // 2 + 1] if change is longer else before
            seen = [_seen(item) for item in shown]
            change(tree, random.Random(7), item_elements(tree, url, first.items))
            counted = results[change.__name__]
            counted[0] += 1
            try:
                read = read_list(
                    tostring(tree), KIND, url, make_signature(shown, first.style_signatures), seen, since
                )
            except FeedError:
                counted[4] += 1
                sys.stderr.write(f"{change.__name__}\t{name}\tlost\n")
                continue
            known = {urls.page_key(one.url) for one in seen}
            new = [each.title for each in read.feed.entries if urls.page_key(each.link or "") not in known]
            wanted = [item.title for item in newest]
            right = sum(title in new for title in wanted)
            counted[1] += 1
            counted[2] += right
            counted[3] += len(new) - right
            if len(new) != NEW:
                sys.stderr.write(f"{change.__name__}\t{name}\t{len(new)} new\n")
    return results


def _newest(items: Sequence[ListItem]) -> Sequence[ListItem]:
    """What came last: by the dates of a list, else what stands above all else."""
    if all(item.published is not None for item in items):
        items = sorted(items, key=lambda item: item.published or 0, reverse=True)
    return items[:NEW]


def _seen(item: ListItem) -> KnownItem:
    published = item.published if item.published is not None else NOW
    return KnownItem(urls.canonicalize(item.url), item.title, item.summary, published, NOW)


def main() -> None:
    """Print both tables."""
    columns = "lists found again | new items found | old ones taken for new | lost"
    for title, followed in (("tuned on", tuned_on()), ("unseen", unseen())):
        sys.stdout.write(f"| {title} | {columns} |\n|---|---|---|---|---|\n")
        for name, (pages, again, right, wrong, lost) in run(followed).items():
            sys.stdout.write(
                f"| {name} | {again} of {pages} | {right} of {NEW * pages} | {wrong} | {lost} |\n"
            )


if __name__ == "__main__":
    main()
