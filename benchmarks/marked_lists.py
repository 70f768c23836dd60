"""Lists of pages that nobody tuned on: `python -m benchmarks.marked_lists`.

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
from bot.feeds.pages.page_lists import ParsedPage, read_page_lists
from bot.text import urls
from bot.text.words import fold
from tests.support.shared_data import SHARED

MIN_LINKS = 5
"""Links of a list."""
GOOD_F1 = 0.9
CONTENT_TYPE = "text/html; charset=utf-8"
LINK_SELECTORS = {
    "Discourse": "a.raw-topic-link[href]",
    "XenForo": ".structItem-title a[href]",
    "microformats": ".hentry .entry-title a[href], .h-entry a.u-url[href]",
}


def read_gold() -> Iterator[dict[str, str]]:
    """What people marked of the pages of wcxb."""
    lines = gzip.decompress((SHARED / "pages/wcxb/gold.jsonl.gz").read_bytes()).decode().splitlines()
    return map(json.loads, lines)


def find_marked_lists() -> Iterator[tuple[str, bytes, str, dict[str, str]]]:
    """What made a page, the page, its address, and the titles of its marked links by their pages."""
    urls_by_file = {f"{row['id']}.html.gz": row["url"] for row in read_gold() if row["url"]}
    for path in sorted((SHARED / "pages").rglob("*.html.gz")):
        if "lists" in path.parts:
            continue
        page = gzip.decompress(path.read_bytes())
        tree = LexborHTMLParser(page.decode("utf-8", "replace"))
        canonical = tree.css_first("link[rel=canonical]")
        address = urls_by_file.get(path.name) or (canonical and canonical.attributes.get("href")) or ""
        for program, selector in LINK_SELECTORS.items():
            truth: dict[str, str] = {}
            for link in tree.css(selector):
                url = urls.canonicalize(urljoin(address, link.attributes.get("href") or ""))
                if url and link.text(strip=True):
                    truth.setdefault(urls.compute_page_key(url), fold(" ".join(link.text().split())))
            if len(truth) >= MIN_LINKS:
                yield program, page, address, truth


def score_groups(page: bytes, address: str, truth: dict[str, str]) -> tuple[float, float]:
    """How well the best group of links on a page is the list, and how many of its titles are right."""
    best = (0.0, 0.0)
    for group in ParsedPage(page, CONTENT_TYPE, address).find_groups():
        titles = {
            urls.compute_page_key(urls.canonicalize(link.url)): fold(link.title)
            for link in link_groups.iter_list_items(group)
        }
        common_pages = truth.keys() & titles.keys()
        f1 = 2 * len(common_pages) / (len(truth) + len(titles))
        best = max(
            best,
            (
                f1,
                sum(truth[link_page] == titles[link_page] for link_page in common_pages) / max(len(common_pages), 1),
            ),
        )
    return best


def main() -> None:
    """Measure, and print both tables."""
    say = sys.stdout.write
    scores_by_program: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for program, page, address, truth in find_marked_lists():
        scores_by_program[program].append(score_groups(page, address, truth))
    say("| made with | pages | F1 of links, mean | F1 ≥ .9 | titles of those |\n|---|---|---|---|---|\n")
    for program, scores in scores_by_program.items():
        good_title_scores = [titles for f1, titles in scores if f1 >= GOOD_F1]
        title_score = f"{mean(good_title_scores):.2f}" if good_title_scores else "–"
        say(
            f"| {program} | {len(scores)} | {mean(f1 for f1, _ in scores):.2f} | "
            f"{len(good_title_scores)} | {title_score} |\n"
        )
    offered_counts, page_counts = Counter[str](), Counter[str]()
    for row in read_gold():
        page = gzip.decompress((SHARED / "pages/wcxb/html" / f"{row['id']}.html.gz").read_bytes())
        page_counts[row["type"]] += 1
        offered_counts[row["type"]] += bool(
            read_page_lists(page, CONTENT_TYPE, row["url"] or "https://page.example/").lists
        )
    say("\n| what the page is there for | pages | a list is offered |\n|---|---|---|\n")
    for kind, number in page_counts.items():
        say(f"| {kind} | {number} | {offered_counts[kind]} |\n")


if __name__ == "__main__":
    main()
