"""Small feed documents and helpers that parse them."""

from __future__ import annotations

from bot.core.models import Entry, ParsedFeed
from bot.feeds.parsing.parse import parse_feed_document

URL = "https://site.example/feeds/all.xml"


def build_rss(inside: str, *, head: str = "", declaration: str = '<?xml version="1.0" encoding="utf-8"?>') -> str:
    return f"{declaration}<rss version='2.0'><channel><title>T</title>{head}{inside}</channel></rss>"


def build_atom(inside: str, attributes: str = "") -> bytes:
    return f"<feed xmlns='http://www.w3.org/2005/Atom' {attributes}><title>T</title>{inside}</feed>".encode()


def parse_document(document: str | bytes, content_type: str = "application/xml", url: str = URL) -> ParsedFeed:
    return parse_feed_document(document.encode() if isinstance(document, str) else document, content_type, url)


def parse_only_entry(document: str | bytes, content_type: str = "application/xml", url: str = URL) -> Entry:
    (entry,) = parse_document(document, content_type, url).entries
    return entry
