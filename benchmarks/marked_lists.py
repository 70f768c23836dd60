"""Benchmark of list detection on pages that no threshold was tuned on.

    python -m benchmarks.marked_lists

It measures two things for which these pages have a ground marked_titles:

- Discourse, XenForo and blogs with microformats mark up the links of a list. Where a page of `../shared/pages`,
  outside of `lists`, has five or more such links, they are the ground marked_titles. The first table shows how well the
  best group of links on the page matches them, by F1 of the links and the share of right titles. Telex doesn't use
  this markup. All of these are secondary lists, such as related topics below a thread, that are rightly not offered.
- People labelled the purpose of the pages of `pages/wcxb`: an article, a thread, documentation. The second table
  counts the pages for which a list is offered; each of them is a false positive.

Lists that are the purpose of their page can't be measured here, because none is labelled.
"""

from __future__ import annotations

import argparse
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
"""Smallest number of marked-up links that make a list."""
GOOD_F1 = 0.9
CONTENT_TYPE = "text/html; charset=utf-8"
LINK_SELECTORS = {
    "Discourse": "a.raw-topic-link[href]",
    "XenForo": ".structItem-title a[href]",
    "microformats": ".hentry .entry-title a[href], .h-entry a.u-url[href]",
}


def read_page_labels() -> Iterator[dict[str, str]]:
    """Return the labels of the pages of wcxb, one row per page."""
    lines = gzip.decompress((SHARED / "pages/wcxb/gold.jsonl.gz").read_bytes()).decode().splitlines()
    return map(json.loads, lines)


def find_marked_lists() -> Iterator[tuple[str, bytes, str, dict[str, str]]]:
    """Yield the software, HTML and URL of each page with a marked-up list, and the list's titles by page key."""
    urls_by_file = {f"{row['id']}.html.gz": row["url"] for row in read_page_labels() if row["url"]}
    for path in sorted((SHARED / "pages").rglob("*.html.gz")):
        if "lists" in path.parts:
            continue
        page = gzip.decompress(path.read_bytes())
        tree = LexborHTMLParser(page.decode("utf-8", "replace"))
        canonical = tree.css_first("link[rel=canonical]")
        page_url = urls_by_file.get(path.name) or (canonical and canonical.attributes.get("href")) or ""
        for software, selector in LINK_SELECTORS.items():
            marked_titles: dict[str, str] = {}
            for link in tree.css(selector):
                url = urls.canonicalize(urljoin(page_url, link.attributes.get("href") or ""))
                if url and link.text(strip=True):
                    marked_titles.setdefault(urls.compute_page_key(url), fold(" ".join(link.text().split())))
            if len(marked_titles) >= MIN_LINKS:
                yield software, page, page_url, marked_titles


def score_groups(page: bytes, page_url: str, marked_titles: dict[str, str]) -> tuple[float, float]:
    """Return the F1 of the group of links that is most like the list, and the share of its titles that are right."""
    best = (0.0, 0.0)
    for group in ParsedPage(page, CONTENT_TYPE, page_url).find_groups():
        titles = {
            urls.compute_page_key(urls.canonicalize(link.url)): fold(link.title)
            for link in link_groups.iter_list_items(group)
        }
        common_pages = marked_titles.keys() & titles.keys()
        f1 = 2 * len(common_pages) / (len(marked_titles) + len(titles))
        best = max(
            best,
            (
                f1,
                sum(marked_titles[link_page] == titles[link_page] for link_page in common_pages)
                / max(len(common_pages), 1),
            ),
        )
    return best


def main() -> None:
    """Print the table of marked-up lists and the table of false positives."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    scores_by_software: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for software, page, page_url, marked_titles in find_marked_lists():
        scores_by_software[software].append(score_groups(page, page_url, marked_titles))
    sys.stdout.write(
        "| software | pages | mean F1 of links | F1 ≥ .9 | right titles of those |\n|---|---|---|---|---|\n"
    )
    for software, scores in scores_by_software.items():
        good_title_scores = [titles for f1, titles in scores if f1 >= GOOD_F1]
        title_score = f"{mean(good_title_scores):.2f}" if good_title_scores else "–"
        sys.stdout.write(
            f"| {software} | {len(scores)} | {mean(f1 for f1, _ in scores):.2f} | "
            f"{len(good_title_scores)} | {title_score} |\n"
        )
    offered_counts, page_counts = Counter[str](), Counter[str]()
    for row in read_page_labels():
        page = gzip.decompress((SHARED / "pages/wcxb/html" / f"{row['id']}.html.gz").read_bytes())
        page_counts[row["type"]] += 1
        offered_counts[row["type"]] += bool(
            read_page_lists(page, CONTENT_TYPE, row["url"] or "https://page.example/").lists
        )
    sys.stdout.write("\n| purpose of the page | pages | list offered |\n|---|---|---|\n")
    for purpose, page_count in page_counts.items():
        sys.stdout.write(f"| {purpose} | {page_count} | {offered_counts[purpose]} |\n")


if __name__ == "__main__":
    main()
