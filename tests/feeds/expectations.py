"""What the test files of other parsers expect, as (path, value) pairs such as ("entries.0.title", "Hello").

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
from bot.feeds.parsing.parse import parse
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


def disagreements(source: bytes, content_type: str, url: str, wanted: list[Expectation]) -> list[str]:
    """What Telex finds otherwise, each as a line to read."""
    try:
        parsed = parse(source, content_type, url)
    except FeedError as error:
        return [f"{path}: {error.code}" for path, _ in wanted]
    return [
        f"{path}: {found!r} instead of {value!r}"
        for path, value in wanted
        if (found := _found(parsed, path)) != value
        and " ".join(found.split()) not in {_flat(value), " ".join(unescape(value).split())}
    ]


def _flat(markup: str) -> str:
    return " ".join(to_text(markup).split())


def _found(parsed: ParsedFeed, path: str) -> str:
    parts = path.split(".")
    if parts[0] == "feed":
        return {"title": parsed.title, "link": parsed.site_url or ""}[parts[1]]
    if int(parts[1]) >= len(parsed.entries):
        return ""
    value = getattr(parsed.entries[int(parts[1])], parts[2])
    return "" if value is None else str(value)


def feedparser_headers(source: bytes) -> dict[str, str]:
    """The response headers that a file of feedparser's wants to be served with, names in lower case."""
    return {name.decode().lower(): value.decode() for name, value in _HEADER.findall(source)}


def feedparser_expectations(source: bytes) -> Iterator[Expectation]:
    """From the `Expect:` line, a Python expression."""
    found = _EXPECT.search(source)
    try:
        tree = ast.parse(found[1].decode("utf-8", "replace"), mode="eval").body if found else None
    except SyntaxError:
        return
    for node in tree.values if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And) else [tree]:
        if not (isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq)):
            continue
        value = node.comparators[0]
        if not (isinstance(value, ast.Constant) and isinstance(value.value, str)):
            continue
        where, _, name = _dotted(node.left).partition(".")
        if where == "feed" and name in {"title", "title_detail.value", "link"}:
            yield f"feed.{name.partition('_')[0]}", value.value
        elif where == "entries":
            number, _, name = name.partition(".")
            if name in _FEEDPARSER_NAMES:
                yield f"entries.{number}.{_FEEDPARSER_NAMES[name]}", value.value


def _dotted(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Subscript | ast.Attribute):
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
        elif isinstance(node.slice, ast.Constant):
            parts.append(str(node.slice.value))
        node = node.value
    parts.append(node.id if isinstance(node, ast.Name) else "?")
    return ".".join(reversed(parts))


def gofeed_expectations(path: Path) -> Iterator[Expectation]:
    """From gofeed's description of a document, which it writes in several ways."""
    expected = json.loads(path.read_text())
    if title := expected.get("title"):
        yield "feed.title", title
    for number, item in enumerate(expected.get("items") or expected.get("entries") or ()):
        entry = f"entries.{number}."
        if title := item.get("title"):
            yield entry + "title", title
        if guid := _value(item.get("guid") or item.get("id")):
            yield entry + "guid", guid
        link = item.get("link") or _alternate(item.get("links"))
        if link and link.startswith("http"):
            yield entry + "link", link
        texts = [_value(item.get(name)) for name in ("description", "summary", "content")]
        if text := max(texts, key=lambda text: len(_flat(text))):
            yield entry + "text", text
        if date := item.get("publishedParsed") or item.get("pubDateParsed"):
            yield entry + "published", str(int(datetime.fromisoformat(date).timestamp()))


def _value(found: Any) -> str:
    return (found.get("value") or "") if isinstance(found, dict) else (found or "")


def _alternate(links: Any) -> str:
    found = [
        link.get("href", "")
        for link in links or ()
        if isinstance(link, dict) and link.get("rel") == "alternate"
    ]
    return found[0] if found else ""


def feed_rs_expectations(path: Path) -> Iterator[Expectation]:
    """From feed-rs's description of a document. An id of 32 hexadecimal digits is one it made up."""
    expected = json.loads(path.read_text())
    if expected.get("title"):
        yield "feed.title", expected["title"]["content"]
    for number, item in enumerate(expected["entries"]):
        entry = f"entries.{number}."
        if item.get("title"):
            yield entry + "title", item["title"]["content"]
        if not re.fullmatch(r"[0-9a-f]{32}", item["id"]):
            yield entry + "guid", item["id"]
        links = [link["href"] for link in item["links"] if link["rel"] in {None, "alternate"}]
        if links and links[0].startswith("http"):
            yield entry + "link", links[0]
        texts = [(item.get("summary") or {}).get("content"), (item.get("content") or {}).get("body")]
        if text := max((text or "" for text in texts), key=lambda text: len(_flat(text))):
            yield entry + "text", text
        if item.get("published"):
            yield entry + "published", str(int(datetime.fromisoformat(item["published"]).timestamp()))
