"""Expectations of other parsers' test files, as (path, value) pairs such as ("entries.0.title", "Hello").

The paths are those of Telex: entries have a title, a link, a guid, a text and a time of publication.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from datetime import datetime
from html import unescape
from pathlib import Path
from typing import Any

from bot.core.models import ParsedFeed
from bot.feeds.fetch_errors import FeedError
from bot.feeds.parsing.parse import parse_feed_document
from bot.text.html import to_text

Expectation = tuple[str, str]

_EXPECT = re.compile(rb"^\s*Expect:\s*(.+?)\s*$", re.MULTILINE)
_HEADER = re.compile(rb"^\s*Header:\s*([\w-]+)\s*:\s*(.+?)\s*$", re.MULTILINE)
_FEEDPARSER_NAMES = {
    "title": "title",
    "title_detail.value": "title",
    "link": "link",
    "id": "guid",
    "guid": "guid",
    "summary": "text",
    "summary_detail.value": "text",
    "description": "text",
    "content.0.value": "text",
}


def find_disagreements(source: bytes, content_type: str, url: str, expectations: list[Expectation]) -> list[str]:
    """Describe each expected value that Telex parses differently, a line each."""
    try:
        parsed = parse_feed_document(source, content_type, url)
    except FeedError as error:
        return [f"{path}: {error.code}" for path, _ in expectations]
    return [
        f"{path}: {actual!r} instead of {expected!r}"
        for path, expected in expectations
        if (actual := _get_parsed_value(parsed, path)) != expected
        and " ".join(actual.split()) not in {_flatten(expected), " ".join(unescape(expected).split())}
    ]


def _flatten(markup: str) -> str:
    return " ".join(to_text(markup).split())


def _get_parsed_value(parsed: ParsedFeed, path: str) -> str:
    parts = path.split(".")
    if parts[0] == "feed":
        return {"title": parsed.title, "link": parsed.site_url or ""}[parts[1]]
    if int(parts[1]) >= len(parsed.entries):
        return ""
    field_value = getattr(parsed.entries[int(parts[1])], parts[2])
    return "" if field_value is None else str(field_value)


def parse_feedparser_headers(source: bytes) -> dict[str, str]:
    """Return the response headers that a test file of feedparser asks for, by lower-case name."""
    return {name.decode().lower(): header_value.decode() for name, header_value in _HEADER.findall(source)}


def parse_feedparser_expectations(source: bytes) -> Iterator[Expectation]:
    """Read expectations from the Python expression in the `Expect:` line of a feedparser test file."""
    expect_line = _EXPECT.search(source)
    try:
        tree = ast.parse(expect_line[1].decode("utf-8", "replace"), mode="eval").body if expect_line else None
    except SyntaxError:
        return
    for node in tree.values if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And) else [tree]:
        if not (isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq)):
            continue
        literal = node.comparators[0]
        if not (isinstance(literal, ast.Constant) and isinstance(literal.value, str)):
            continue
        where, _, name = _format_dotted_name(node.left).partition(".")
        if where == "feed" and name in {"title", "title_detail.value", "link"}:
            yield f"feed.{name.partition('_')[0]}", literal.value
        elif where == "entries":
            number, _, name = name.partition(".")
            if name in _FEEDPARSER_NAMES:
                yield f"entries.{number}.{_FEEDPARSER_NAMES[name]}", literal.value


def _format_dotted_name(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Subscript | ast.Attribute):
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
        elif isinstance(node.slice, ast.Constant):
            parts.append(str(node.slice.value))
        node = node.value
    parts.append(node.id if isinstance(node, ast.Name) else "?")
    return ".".join(reversed(parts))


def load_gofeed_expectations(path: Path) -> Iterator[Expectation]:
    """Load expectations from a gofeed description of a document, in any of its formats."""
    expected = json.loads(path.read_text())
    if title := expected.get("title"):
        yield "feed.title", title
    for number, described_entry in enumerate(expected.get("items") or expected.get("entries") or ()):
        entry = f"entries.{number}."
        if title := described_entry.get("title"):
            yield entry + "title", title
        if guid := _get_text(described_entry.get("guid") or described_entry.get("id")):
            yield entry + "guid", guid
        link = described_entry.get("link") or _find_alternate_link(described_entry.get("links"))
        if link and link.startswith("http"):
            yield entry + "link", link
        texts = [_get_text(described_entry.get(name)) for name in ("description", "summary", "content")]
        if text := max(texts, key=lambda text: len(_flatten(text))):
            yield entry + "text", text
        if date := described_entry.get("publishedParsed") or described_entry.get("pubDateParsed"):
            yield entry + "published", str(int(datetime.fromisoformat(date).timestamp()))


def _get_text(text_or_object: Any) -> str:
    return (text_or_object.get("value") or "") if isinstance(text_or_object, dict) else (text_or_object or "")


def _find_alternate_link(links: Any) -> str:
    alternate_links = [
        link.get("href", "") for link in links or () if isinstance(link, dict) and link.get("rel") == "alternate"
    ]
    return alternate_links[0] if alternate_links else ""


def load_feed_rs_expectations(path: Path) -> Iterator[Expectation]:
    """Load expectations from a feed-rs description of a document, without the IDs that feed-rs generated."""
    expected = json.loads(path.read_text())
    if expected.get("title"):
        yield "feed.title", expected["title"]["content"]
    for number, described_entry in enumerate(expected["entries"]):
        entry = f"entries.{number}."
        if described_entry.get("title"):
            yield entry + "title", described_entry["title"]["content"]
        if not re.fullmatch(r"[0-9a-f]{32}", described_entry["id"]):
            yield entry + "guid", described_entry["id"]
        links = [link["href"] for link in described_entry["links"] if link["rel"] in {None, "alternate"}]
        if links and links[0].startswith("http"):
            yield entry + "link", links[0]
        texts = [
            (described_entry.get("summary") or {}).get("content"),
            (described_entry.get("content") or {}).get("body"),
        ]
        if text := max((text or "" for text in texts), key=lambda text: len(_flatten(text))):
            yield entry + "text", text
        if described_entry.get("published"):
            yield (
                entry + "published",
                str(int(datetime.fromisoformat(described_entry["published"]).timestamp())),
            )
