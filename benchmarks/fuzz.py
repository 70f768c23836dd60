"""Fuzzing of parse, intake and rendering with documents that hypothesis makes and mangles.

    python -m benchmarks.fuzz --minutes 60 [--seed N] [--record]

A document is a generated feed (RSS, Atom, JSON) or a recorded one, cut into tags and texts of which some are
dropped, doubled, swapped, emptied or replaced by what has hurt others, then perhaps cut short, encoded in
another way or damaged in its bytes. It goes the whole way of `tests/support/pipeline.py`. Each round has a seed of
its own, printed; `--seed` repeats from there. What breaks something is printed as small as hypothesis can
make it, and belongs into `tests/polling/test_hostile_feeds.py`.
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
"""Documents a seed."""
MAX_RECORDED_BYTES = 40_000
"""Bytes of a recorded document that is mangled."""
MAX_RECORDED_DOCUMENTS = 150
"""Recorded documents that are drawn from."""

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
    """Recorded and collected documents of moderate size, few enough to be kept in memory."""
    paths = [
        path
        for path in sorted((SHARED / "feeds").rglob("*"))
        if path.suffix in {".xml", ".json", ".rss", ".atom", ".rdf"} and path.stat().st_size < MAX_RECORDED_BYTES
    ]
    random.Random(1).shuffle(paths)
    return [path.read_bytes() for path in paths[:MAX_RECORDED_DOCUMENTS]]


def feed_texts() -> st.SearchStrategy[str]:
    """Feeds whose texts are anything."""
    words = st.text(max_size=60) | st.sampled_from(TROUBLESOME_TEXTS)
    url = st.sampled_from(["https://news.example/a", "", "x", "//y/z", "https://news.example/%zz?q=é#f"]) | words
    entry = st.builds(
        lambda title, link, guid, body, number: make_rss_item(number, title=title or None, body=body)
        .replace(f"article-{number}", escape(guid))
        .replace(f"https://news.example/articles/{number}", escape(link)),
        title=words, link=url, guid=words, body=words, number=st.integers(1, 5),
    )  # fmt: skip
    as_rss = st.builds(lambda entries, title: make_rss(*entries, title=title), st.lists(entry, max_size=6), words)
    as_atom = st.builds(
        lambda title, link, date, kind: (
            "<feed xmlns='http://www.w3.org/2005/Atom'><title>t</title><entry>"
            f"<title type='{kind}'>{escape(title)}</title><link href='{escape(link)}'/>"
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
    as_json = st.builds(_dump_json_feed, st.lists(st.dictionaries(_KEYS, json_values, max_size=8), max_size=5))
    return as_rss | as_atom | as_json


_KEYS = st.sampled_from(
    "id url external_url title content_html content_text summary image date_published date_modified authors "
    "name tags language attachments mime_type size_in_bytes".split()
) | st.text(max_size=5)


def _dump_json_feed(feed_items: list[object]) -> str:
    return json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "T", "items": feed_items})


def _mangle(tokens: list[str], kind: str, place: int, other_place: int, trouble: str) -> None:
    """Do one thing to the tags and texts of a document."""
    match kind:
        case "drop":
            del tokens[place]
        case "double":
            tokens.insert(place, tokens[place])
        case "swap":
            tokens[place], tokens[other_place] = tokens[other_place], tokens[place]
        case "empty":
            tokens[place] = ""
        case "replace":
            tokens[place] = trouble
        case "insert":
            tokens.insert(place, trouble)
        case "move":
            tokens.append(tokens.pop(place))


@st.composite
def documents(draw: st.DrawFn, bases: list[bytes]) -> bytes:
    """A document, most often mangled."""
    base = draw(st.sampled_from(bases) | feed_texts()) if bases else draw(feed_texts())
    text = base.decode("utf-8", "replace") if isinstance(base, bytes) else base
    tokens = _TOKEN.findall(text)
    for _ in range(draw(st.integers(0, 12))):
        if tokens:
            places = st.integers(0, len(tokens) - 1)
            kind = draw(st.sampled_from(("drop", "double", "swap", "empty", "replace", "insert", "move")))
            _mangle(tokens, kind, draw(places), draw(places), draw(st.sampled_from(TROUBLESOME_TEXTS)))
    encoding = draw(st.sampled_from(["utf-8"] * 8 + ["utf-16", "iso-8859-1", "cp1252", "utf-8-sig"]))
    strict = "surrogatepass" if encoding.startswith("utf") else "replace"
    body = bytearray("".join(tokens).encode(encoding, strict))
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 3]))):
        if body:
            body[draw(st.integers(0, len(body) - 1))] = draw(st.integers(0, 255))
    if draw(st.integers(0, 9)) == 0:
        del body[draw(st.integers(0, len(body))) :]
    return bytes(body)


CONTENT_TYPES = ("", "application/rss+xml", "text/xml; charset=iso-8859-1", "application/json", "text/html")


def fuzz(pipeline: Pipeline, loop: asyncio.AbstractEventLoop, bases: list[bytes], number: int) -> Counter[str]:
    """One round. Raises what broke."""
    outcomes: Counter[str] = Counter()

    @seed(number)
    @settings(
        max_examples=DOCUMENTS_PER_ROUND,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(documents(bases), st.sampled_from(CONTENT_TYPES))
    def one(body: bytes, content_type: str) -> None:
        report = loop.run_until_complete(pipeline.process(body, content_type))
        outcomes[report.error_code or report.outcome.value] += 1

    one()
    return outcomes


def main() -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, help="of the first round")
    parser.add_argument("--record", action="store_true", help="write the figures into docs/PROMISES.md")
    arguments = parser.parse_args()
    first_seed = secrets.randbelow(10**6) if arguments.seed is None else arguments.seed
    commit = promises.describe_commit()
    bases = load_recorded_documents()
    outcomes: Counter[str] = Counter()
    started = time.monotonic()
    loop = asyncio.new_event_loop()
    number = first_seed
    while time.monotonic() - started < arguments.minutes * 60:
        with tempfile.TemporaryDirectory() as folder:
            pipeline_context = open_pipeline(Path(folder))
            pipeline = loop.run_until_complete(pipeline_context.__aenter__())
            try:
                outcomes += fuzz(pipeline, loop, bases, number)
            except Exception:
                progress.print(f"seed {number}")
                raise
            finally:
                loop.run_until_complete(pipeline_context.__aexit__(None, None, None))
        progress.print(f"seed {number}: {sum(outcomes.values()):,} documents")
        number += 1
    document_count = sum(outcomes.values())
    for name, count in outcomes.most_common():
        out.print(f"{count:>8,}  {name}")
    minutes = (time.monotonic() - started) / 60
    out.print(f"{document_count:,} documents in {minutes:.0f} min, seeds {first_seed} to {number - 1}: nothing broke")
    if arguments.record:
        figure = f"{document_count:,} documents in {minutes:.0f} minutes (seeds from {first_seed}), unhandled errors 0"
        promises.record("fuzz", figure, commit=commit)
    return 0


if __name__ == "__main__":
    sys.exit(main())
