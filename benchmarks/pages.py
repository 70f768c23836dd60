"""Benchmark of extracting the article's text from a page, compared with the text that a person marked.

    python -m benchmarks.pages [--worst N]

Printed by collection of `../shared/pages` are the mean F1, precision and recall of the words, of Telex and of
trafilatura with its defaults, and the CPU milliseconds per page. A page belongs to the half that rules were tuned on
or to the held-out half: in `wcxb` by whether its number is even or odd, else by a hash of its name. `--worst` also
prints the N pages of the tuned half with the lowest F1, with superfluous (+) and missing (-) lines.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

import trafilatura
from rich.console import Console
from rich.table import Table

from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages.article_extraction import extract_article_text
from tests.support.shared_data import SHARED

PAGES = SHARED / "pages"
TUNED, HELD_OUT = "tuned", "held out"


class MarkedPage(NamedTuple):
    """A page of a collection with the marked text of its article."""

    collection: str
    name: str
    url: str
    page: bytes
    text: str

    @property
    def half(self) -> str:
        """Whether rules were tuned on the page or it was held out."""
        number = int(self.name) if self.name.isdecimal() else blake2b(self.name.encode()).digest()[0]
        return HELD_OUT if number & 1 else TUNED


class Score(NamedTuple):
    """Agreement of the extracted words with the marked ones, from 0 to 1."""

    f1: float
    precision: float
    recall: float


def load_marked_pages() -> Iterator[MarkedPage]:
    """Yield the marked pages: French articles, English ones, then articles, forums and documentation."""
    folder = PAGES / "orange_fr"
    for line in (folder / "gold.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        page = (folder / row["file"]).read_bytes()
        yield MarkedPage("orange_fr", row["file"], row["url"], page, row["text"])
    folder = PAGES / "scrapinghub"
    for name, row in json.loads((folder / "ground-truth.json").read_text(encoding="utf-8")).items():
        page = gzip.decompress((folder / "html" / f"{name}.html.gz").read_bytes())
        yield MarkedPage("scrapinghub", name, row["url"], page, row["articleBody"])
    folder = PAGES / "wcxb"
    for line in gzip.decompress((folder / "gold.jsonl.gz").read_bytes()).decode().splitlines():
        row = json.loads(line)
        if row["text"]:  # Two pages are marked as having no text.
            page = gzip.decompress((folder / "html" / f"{row['id']}.html.gz").read_bytes())
            yield MarkedPage(f"wcxb {row['type']}", row["id"], row["url"] or "", page, row["text"])


def count_words(text: str) -> Counter[str]:
    """Return the number of occurrences of each word in a text."""
    return Counter(re.findall(r"\w+", text.casefold()))


def score(extracted: str, expected: str) -> Score:
    """Compare the words of the extracted and the expected text."""
    extracted_words, expected_words = count_words(extracted), count_words(expected)
    shared_count = (extracted_words & expected_words).total()
    if not shared_count:
        return Score(0.0, 0.0, 0.0)
    precision, recall = shared_count / extracted_words.total(), shared_count / expected_words.total()
    return Score(2 * precision * recall / (precision + recall), precision, recall)


def extract_with_telex(marked_page: MarkedPage) -> str:
    """Return the text that Telex extracts; empty if it finds no article."""
    try:
        return extract_article_text(marked_page.page, "text/html", marked_page.url)
    except FeedError:
        return ""


def main() -> None:
    """Print the table of scores and the worst pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worst", type=int, default=0, metavar="N", help="number of the worst pages to print")
    worst_count = parser.parse_args().worst
    extractors = {
        "trafilatura": lambda page: trafilatura.extract(page.page, url=page.url) or "",
        "Telex": extract_with_telex,
    }
    scores: dict[tuple[str, str, str], list[Score]] = defaultdict(list)
    seconds: dict[str, float] = defaultdict(float)
    scored_pages: list[tuple[Score, MarkedPage, str]] = []
    for count, marked_page in enumerate(load_marked_pages(), 1):  # noqa: B007 - the count is used below
        for name, extract in extractors.items():
            started_at = time.process_time()
            extracted = extract(marked_page)
            seconds[name] += time.process_time() - started_at
            page_score = score(extracted, marked_page.text)
            for half in ("all", marked_page.half):
                scores[name, marked_page.collection, half].append(page_score)
            if name == "Telex" and marked_page.half == TUNED:
                scored_pages.append((page_score, marked_page, extracted))
    console = Console()
    table = Table("", "pages", "half", "count", "F1", "precision", "recall", "ms per page")
    for (name, collection, half), group_scores in sorted(scores.items(), key=lambda entry: entry[0][1:]):
        means = [sum(column) / len(group_scores) for column in zip(*group_scores, strict=True)]
        milliseconds = f"{1000 * seconds[name] / count:.0f}"
        table.add_row(name, collection, half, str(len(group_scores)), *(f"{mean:.4f}" for mean in means), milliseconds)
    console.print(table)
    for page_score, marked_page, extracted in sorted(scored_pages, key=lambda scored_page: scored_page[0])[
        :worst_count
    ]:
        console.print(f"\n{marked_page.half} {page_score.f1:.3f} {marked_page.url}", markup=False)
        for sign, text, other_text in (
            ("+", extracted, marked_page.text),
            ("-", marked_page.text, extracted),
        ):
            other_lines = set(other_text.splitlines())
            lines = [line for line in text.splitlines() if line.strip() and line not in other_lines]
            for line in lines[:8]:
                console.print(f"  {sign} {line[:100]}", markup=False, highlight=False)


if __name__ == "__main__":
    main()
