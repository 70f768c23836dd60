"""How well lists of pages are found again after their pages changed: `python -m tests.benchmarks.page_lists`.

The marked pages of `../shared/pages/lists` stand for sites. Each is read as it was before its newest items
came, and then as it is now, in its own look and in others: other classes, other elements, more elements
around each item, other links. What should be new is known; what else is taken for new would be posted for
nothing. (Two topics of a forum that stand above all others are old by their dates.)
"""

from __future__ import annotations

import gzip
import json
import random
import sys
from collections.abc import Callable

from lxml.html import HtmlElement, document_fromstring, tostring

from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages.link_groups import ListItem
from bot.feeds.pages.list_feeds import Seen, read_list, trace_of
from bot.feeds.pages.page_lists import lists
from bot.text import urls
from tests.shared import SHARED

NEW = 2
"""Items that came since the page was last read."""
NOW = 1_780_000_000
KIND = "text/html; charset=utf-8"
_RENAMED = {
    "article": "section",
    "section": "div",
    "li": "div",
    "ul": "div",
    "h2": "h3",
    "h3": "h4",
    "span": "em",
}


def same(tree: HtmlElement, chance: random.Random) -> None:
    """The page as it is."""


def classes(tree: HtmlElement, chance: random.Random) -> None:
    """Every class has another name."""
    names: dict[str, str] = {}
    for element in tree.iter("*"):
        if element.get("class"):
            renamed = (
                names.setdefault(name, f"c{chance.randrange(10**9)}") for name in element.get("class").split()
            )
            element.set("class", " ".join(renamed))


def longer(tree: HtmlElement, chance: random.Random) -> None:
    """Other classes, and twice as many items as before."""
    classes(tree, chance)


def bare(tree: HtmlElement, chance: random.Random) -> None:
    """No element has a class."""
    for element in tree.iter("*"):
        element.attrib.pop("class", None)


def elements(tree: HtmlElement, chance: random.Random) -> None:
    """Other elements, and other classes."""
    classes(tree, chance)
    for element in tree.iter(*_RENAMED):
        element.tag = _RENAMED[element.tag]


def wrapped(tree: HtmlElement, chance: random.Random) -> None:
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


def moved(tree: HtmlElement, chance: random.Random) -> None:
    """Other classes, and every link has another path."""
    classes(tree, chance)
    for link in tree.iter("a"):
        href = (link.get("href") or "").partition("#")[0]
        if href and not href.startswith(("javascript:", "mailto:")):
            link.set("href", f"/moved?to={abs(hash(href))}")


CHANGES: tuple[Callable[[HtmlElement, random.Random], None], ...] = (
    same,
    classes,
    longer,
    bare,
    elements,
    wrapped,
    moved,
)


def run() -> dict[str, list[int]]:
    """By change: pages, lists found again, items rightly new of how many, wrongly new, lists lost."""
    folder = SHARED / "pages" / "lists"
    results = {change.__name__: [0, 0, 0, 0, 0] for change in CHANGES}
    for line in (folder / "gold.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        page = gzip.decompress((folder / row["html_gz_path"]).read_bytes())
        found = lists(page, KIND, row["url"]).lists
        if not row["items"] or not found or len(found[0].items) < NEW + 2:
            continue
        first = found[0]
        before = first.items[NEW:]
        since = max((item.published or 0 for item in before), default=0) or NOW  # when it was followed
        for change in CHANGES:
            tree = document_fromstring(page)
            shown = before[: len(before) // 2 + 1] if change is longer else before
            seen = [_seen(item) for item in shown]
            change(tree, random.Random(7))
            counted = results[change.__name__]
            counted[0] += 1
            counted[2] += NEW
            try:
                read = read_list(tostring(tree), KIND, row["url"], trace_of(shown, first.looks), seen, since)
            except FeedError:
                counted[4] += 1
                sys.stderr.write(f"{change.__name__}\t{row['id']}\tlost\n")
                continue
            known = {urls.page(one.url) for one in seen}
            new = [each.title for each in read.feed.entries if urls.page(each.link or "") not in known]
            wanted = [item.title for item in first.items[:NEW]]
            right = sum(title in new for title in wanted)
            counted[1] += 1
            counted[3] += len(new) - right
            if len(new) != NEW:
                sys.stderr.write(f"{change.__name__}\t{row['id']}\t{len(new)} new\n")
            counted[2] -= NEW - right
    return results


def _seen(item: ListItem) -> Seen:
    published = item.published if item.published is not None else NOW
    return Seen(urls.canonical(item.url), item.title, item.summary, published, NOW)


def main() -> None:
    """Print the table."""
    lines = [
        "| the page has | lists found again | new items found | old ones taken for new | lost |",
        "|---|---|---|---|---|",
    ]
    for name, (pages, again, right, wrong, lost) in run().items():
        lines.append(f"| {name} | {again} of {pages} | {right} of {NEW * pages} | {wrong} | {lost} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
