"""Fuzzing of parsing, intake and rendering with feed documents that hypothesis generates and mutates.

    python -m benchmarks.fuzz --minutes 60 [--seed N] [--record]

A document is a generated feed (RSS, Atom, JSON) or a recorded one. It's split into tags and texts, of which some
are deleted, duplicated, swapped, emptied or replaced by troublesome text; then it may be truncated, encoded
differently or damaged in single bytes. It passes the whole pipeline: fetch, parse, store, render, poll again.

Each round prints its seed, from which `--seed` repeats; at the end, the documents are printed by outcome. A
failure ends the run with an exception and the smallest failing document that hypothesis could find, which belongs
in `tests/polling/test_hostile_feeds.py`. With `--record` the figures are written to docs/PROMISES.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import secrets
import sys
import tempfile
import time
from collections import Counter
from html import escape
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from rich.console import Console

from benchmarks import promises
from tests.support.feed_server import make_rss, make_rss_item
from tests.support.pipeline import Pipeline, open_pipeline
from tests.support.shared_data import SHARED

DOCUMENTS_PER_ROUND = 200
"""Number of documents that are generated from one seed."""
MAX_RECORDED_BYTES = 40_000
"""Largest size of a recorded document that is used, in bytes."""
MAX_RECORDED_DOCUMENTS = 150
"""Number of recorded documents that are mutated."""

out, progress = Console(highlight=False), Console(highlight=False, stderr=True)
_TOKEN = re.compile(r"<[^<>]{0,2000}>|[^<]+|<")
TROUBLESOME_TEXTS = (
    "&#xD800;",
    "&#55357;&#56842;",
    "&#x110000;",
    "&amp;amp;lt;",
    "&nbsp;",
    "&undefined;",
    "&#0;",
    "]]>",
    "<![CDATA[",
    "<!--",
    "-->",
    "<?xml version='1.0'?>",
    "<!DOCTYPE x [<!ENTITY a 'b'>]>",
    "&a;",
    "\x00",
    "\u202e",
    "\ufeff",
    "\u200b" * 50,
    "a\u0301" * 200,
    "x" * 3_000,
    "<item>",
    "</item>",
    "<entry>",
    "</entry>",
    "<channel>",
    "</channel>",
    "<guid>",
    "<guid isPermaLink='true'>",
    "<link/>",
    "<link href='javascript:alert(1)'/>",
    "<link>//x</link>",
    "<link>http://[::1</link>",
    "<link>http://x:99999/</link>",
    "<title/>",
    "<title type='xhtml'><div>x</div></title>",
    "<content:encoded>",
    "<pubDate>Mon, 99 Foo 0000</pubDate>",
    "<updated>0000-00-00T99:99:99Z</updated>",
    "<pubDate>1e999</pubDate>",
    "<dc:date>-1</dc:date>",
    "<author>a@b (c)</author>",
    "<category/>" * 40,
    "<enclosure url='data:x' length='-1'/>",
    "<media:content url='http://x/y.jpg' width='9e9'/>",
    "<ttl>-1</ttl>",
    "<ttl>99999999999999999999</ttl>",
    "<language>\u202e</language>",
    "xml:lang='" + "a-" * 200 + "'",
    "xml:base='http://[/'",
    "<description>&lt;img src=x onerror=y>&lt;script>z&lt;/script></description>",
    "<sy:updatePeriod>never</sy:updatePeriod>",
    "<skipHours><hour>-1</hour></skipHours>",
    "\ud83d\ude0a",
    "é" * 100,
)


def load_recorded_documents() -> list[bytes]:
    """Load a fixed random sample of the recorded documents of moderate size."""
    paths = [
        path
        for path in sorted((SHARED / "feeds").rglob("*"))
        if path.suffix in {".xml", ".json", ".rss", ".atom", ".rdf"} and path.stat().st_size < MAX_RECORDED_BYTES
    ]
    random.Random(1).shuffle(paths)
    return [path.read_bytes() for path in paths[:MAX_RECORDED_DOCUMENTS]]


def make_feed_strategy() -> st.SearchStrategy[str]:
    """Return a strategy for RSS, Atom and JSON feeds with arbitrary texts."""
    words = st.text(max_size=60) | st.sampled_from(TROUBLESOME_TEXTS)
    url = st.sampled_from(["https://news.example/a", "", "x", "//y/z", "https://news.example/%zz?q=é#f"]) | words
    entry = st.builds(
        lambda title, link, guid, body, number: make_rss_item(number, title=title or None, body=body)
        .replace(f"article-{number}", escape(guid))
        .replace(f"https://news.example/articles/{number}", escape(link)),
        title=words, link=url, guid=words, body=words, number=st.integers(1, 5),
    )  # fmt: skip
    rss_feeds = st.builds(lambda entries, title: make_rss(*entries, title=title), st.lists(entry, max_size=6), words)
    atom_feeds = st.builds(
        lambda title, link, date, title_type: (
            "<feed xmlns='http://www.w3.org/2005/Atom'><title>t</title><entry>"
            f"<title type='{title_type}'>{escape(title)}</title><link href='{escape(link)}'/>"
            f"<id>{escape(link)}</id>"
            f"<updated>{escape(date)}</updated></entry></feed>"
        ),
        words, url, words, st.sampled_from(["text", "html", "xhtml", "x"]),
    )  # fmt: skip
    json_values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | words,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=5),
        max_leaves=20,
    )
    json_feeds = st.builds(_dump_json_feed, st.lists(st.dictionaries(_KEYS, json_values, max_size=8), max_size=5))
    return rss_feeds | atom_feeds | json_feeds


_KEYS = st.sampled_from(
    "id url external_url title content_html content_text summary image date_published date_modified authors "
    "name tags language attachments mime_type size_in_bytes".split()
) | st.text(max_size=5)


def _dump_json_feed(feed_items: list[object]) -> str:
    return json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "T", "items": feed_items})


def _mutate(tokens: list[str], mutation: str, index: int, second_index: int, text: str) -> None:
    """Apply a mutation to the tags and texts of a document, in place."""
    match mutation:
        case "delete":
            del tokens[index]
        case "duplicate":
            tokens.insert(index, tokens[index])
        case "swap":
            tokens[index], tokens[second_index] = tokens[second_index], tokens[index]
        case "empty":
            tokens[index] = ""
        case "replace":
            tokens[index] = text
        case "insert":
            tokens.insert(index, text)
        case "move":
            tokens.append(tokens.pop(index))


@st.composite
def documents(draw: st.DrawFn, bases: list[bytes]) -> bytes:
    """Draw a document, in most cases a mutated one."""
    base = draw(st.sampled_from(bases) | make_feed_strategy()) if bases else draw(make_feed_strategy())
    text = base.decode("utf-8", "replace") if isinstance(base, bytes) else base
    tokens = _TOKEN.findall(text)
    for _ in range(draw(st.integers(0, 12))):
        if tokens:
            indexes = st.integers(0, len(tokens) - 1)
            mutation = draw(st.sampled_from(("delete", "duplicate", "swap", "empty", "replace", "insert", "move")))
            _mutate(tokens, mutation, draw(indexes), draw(indexes), draw(st.sampled_from(TROUBLESOME_TEXTS)))
    encoding = draw(st.sampled_from(["utf-8"] * 8 + ["utf-16", "iso-8859-1", "cp1252", "utf-8-sig"]))
    encoding_errors = "surrogatepass" if encoding.startswith("utf") else "replace"
    body = bytearray("".join(tokens).encode(encoding, encoding_errors))
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 3]))):
        if body:
            body[draw(st.integers(0, len(body) - 1))] = draw(st.integers(0, 255))
    if draw(st.integers(0, 9)) == 0:
        del body[draw(st.integers(0, len(body))) :]
    return bytes(body)


CONTENT_TYPES = ("", "application/rss+xml", "text/xml; charset=iso-8859-1", "application/json", "text/html")


def run_round(pipeline: Pipeline, loop: asyncio.AbstractEventLoop, bases: list[bytes], round_seed: int) -> Counter[str]:
    """Process the documents of a seed and return their counts by outcome. Raises BrokenInvariant."""
    outcomes: Counter[str] = Counter()

    @seed(round_seed)
    @settings(
        max_examples=DOCUMENTS_PER_ROUND,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(documents(bases), st.sampled_from(CONTENT_TYPES))
    def process_document(body: bytes, content_type: str) -> None:
        report = loop.run_until_complete(pipeline.process(body, content_type))
        outcomes[report.error_code or report.outcome.value] += 1

    process_document()
    return outcomes


def main() -> int:
    """Run rounds until the time is over and print the outcomes; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, help="seed of the first round")
    parser.add_argument("--record", action="store_true", help="write the figures to docs/PROMISES.md")
    arguments = parser.parse_args()
    first_seed = secrets.randbelow(10**6) if arguments.seed is None else arguments.seed
    commit = promises.describe_commit()
    bases = load_recorded_documents()
    outcomes: Counter[str] = Counter()
    started_at = time.monotonic()
    loop = asyncio.new_event_loop()
    round_seed = first_seed
    while time.monotonic() - started_at < arguments.minutes * 60:
        with tempfile.TemporaryDirectory() as folder:
            pipeline_context = open_pipeline(Path(folder))
            pipeline = loop.run_until_complete(pipeline_context.__aenter__())
            try:
                outcomes += run_round(pipeline, loop, bases, round_seed)
            except Exception:
                progress.print(f"seed {round_seed}")
                raise
            finally:
                loop.run_until_complete(pipeline_context.__aexit__(None, None, None))
        progress.print(f"seed {round_seed}: {sum(outcomes.values()):,} documents")
        round_seed += 1
    document_count = sum(outcomes.values())
    for name, count in outcomes.most_common():
        out.print(f"{count:>8,}  {name}")
    minutes = (time.monotonic() - started_at) / 60
    out.print(f"{document_count:,} documents in {minutes:.0f} min, seeds {first_seed} to {round_seed - 1}: no failure")
    if arguments.record:
        figure = f"{document_count:,} documents in {minutes:.0f} minutes (seeds from {first_seed}), unhandled errors 0"
        promises.record("fuzz", figure, commit=commit)
    return 0


if __name__ == "__main__":
    sys.exit(main())
