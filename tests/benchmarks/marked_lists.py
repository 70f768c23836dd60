"""Lists of pages that nobody tuned on: `python -m tests.benchmarks.marked_lists`.

Two things can be told of such pages without anybody's opinion:

- Discourse, XenForo and blogs with microformats name the links of a list in their markup. Where a page of
  `../shared/pages`, outside of `lists`, has five or more such links, these are the truth, and what is
  measured is whether a group of links on the page is that list. The program does not look at these names.
  All of these are lists beside something else, such as the topics below a thread, and are rightly not
  offered.
- People marked what pages of `pages/wcxb` are there for: an article, a thread, documentation. A list that is
  offered for one is a false one.

How well the list is found that a page is there for cannot be told of these pages: nobody marked any.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from statistics import mean
from urllib.parse import urljoin

from selectolax.lexbor import LexborHTMLParser

from bot.feeds.pages import link_groups
from bot.feeds.pages.page_lists import ParsedPage, find_lists
from bot.text import urls
from bot.text.words import fold
from tests.shared import SHARED

FEWEST = 5
"""Links of a list."""
GOOD = 0.9
KIND = "text/html; charset=utf-8"
MARKS = {
    "Discourse": "a.raw-topic-link[href]",
    "XenForo": ".structItem-title a[href]",
    "microformats": ".hentry .entry-title a[href], .h-entry a.u-url[href]",
}


def gold() -> Iterator[dict[str, str]]:
    """What people marked of the pages of wcxb."""
    lines = gzip.decompress((SHARED / "pages/wcxb/gold.jsonl.gz").read_bytes()).decode().splitlines()
    return map(json.loads, lines)


def marked() -> Iterator[tuple[str, bytes, str, dict[str, str]]]:
    """What made a page, the page, its address, and the titles of its marked links by their pages."""
    known = {f"{one['id']}.html.gz": one["url"] for one in gold() if one["url"]}
    for path in sorted((SHARED / "pages").rglob("*.html.gz")):
        if "lists" in path.parts:
            continue
        page = gzip.decompress(path.read_bytes())
        tree = LexborHTMLParser(page.decode("utf-8", "replace"))
        canonical = tree.css_first("link[rel=canonical]")
        address = known.get(path.name) or (canonical and canonical.attributes.get("href")) or ""
        for program, selector in MARKS.items():
            truth: dict[str, str] = {}
            for link in tree.css(selector):
                url = urls.canonicalize(urljoin(address, link.attributes.get("href") or ""))
                if url and link.text(strip=True):
                    truth.setdefault(urls.page_key(url), fold(" ".join(link.text().split())))
            if len(truth) >= FEWEST:
                yield program, page, address, truth


def grouped(page: bytes, address: str, truth: dict[str, str]) -> tuple[float, float]:
    """How well the best group of links on a page is the list, and how many of its titles are right."""
    best = (0.0, 0.0)
    for group in ParsedPage(page, KIND, address).groups():
        titles = {
            urls.page_key(urls.canonicalize(item.url)): fold(item.title)
            for item in link_groups.list_items(group)
        }
        both = truth.keys() & titles.keys()
        f1 = 2 * len(both) / (len(truth) + len(titles))
        best = max(best, (f1, sum(truth[each] == titles[each] for each in both) / max(len(both), 1)))
    return best


def main() -> None:
    """Measure, and print both tables."""
    say = sys.stdout.write
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for program, page, address, truth in marked():
        found[program].append(grouped(page, address, truth))
    say("| made with | pages | F1 of links, mean | F1 ≥ .9 | titles of those |\n|---|---|---|---|---|\n")
    for program, ones in found.items():
        good = [titles for f1, titles in ones if f1 >= GOOD]
        said = f"{mean(good):.2f}" if good else "–"
        say(f"| {program} | {len(ones)} | {mean(f1 for f1, _ in ones):.2f} | {len(good)} | {said} |\n")
    offered, count = Counter[str](), Counter[str]()
    for one in gold():
        page = gzip.decompress((SHARED / "pages/wcxb/html" / f"{one['id']}.html.gz").read_bytes())
        count[one["type"]] += 1
        offered[one["type"]] += bool(find_lists(page, KIND, one["url"] or "https://page.example/").lists)
    say("\n| what the page is there for | pages | a list is offered |\n|---|---|---|\n")
    for kind, number in count.items():
        say(f"| {kind} | {number} | {offered[kind]} |\n")


if __name__ == "__main__":
    main()
