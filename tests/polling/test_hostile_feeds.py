"""Hostile documents from HTTP to the store."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.models import FeedState, ParsedFeed
from bot.feeds import fetch_errors
from bot.feeds.parsing.entries import MAX_ENTRIES, MAX_TAGS, MAX_TITLE_CHARS
from bot.polling import feed_updates
from tests.support.cases import check_cases
from tests.support.feed_server import make_rss, make_rss_item
from tests.support.pipeline import Pipeline, open_pipeline
from tests.support.shared_data import require_shared_path

MEGABYTE = 2**20
SAMPLE = 60
"""Number of recorded documents that a test run processes."""


@pytest.fixture
async def pipeline(tmp_path, empty_database) -> AsyncIterator[Pipeline]:
    shutil.copy(empty_database, tmp_path / "telex.db")
    async with open_pipeline(tmp_path) as opened:
        yield opened


def build_item(number: int = 1, inside: str = "", *, title: str = "Title", date: str = "") -> str:
    return (
        f"<item><title>{title}</title><link>https://news.example/{number}</link><guid>g{number}</guid>"
        f"{f'<pubDate>{date}</pubDate>' if date else ''}{inside}</item>"
    )


def build_atom(date: str) -> str:
    return (
        "<feed xmlns='http://www.w3.org/2005/Atom'><title>T</title><id>t</id><entry><title>Old</title>"
        f"<id>e</id><link href='https://news.example/1'/><updated>{date}</updated></entry></feed>"
    )


BOUNDED_DOCUMENTS = {
    "twenty thousand entries": (
        make_rss(*(f"<item><guid>{n}</guid><title>Title "
                   f"{n}</title></item>" for n in range(20_000))), MAX_ENTRIES
    ),
    "a title of one megabyte": (make_rss(build_item(title="x" * MEGABYTE)), 1),
    "ten thousand enclosures": (
        make_rss(build_item(inside="<enclosure url='https://e.example/a.mp3' type='audio/mpeg' "
                              "length='1'/>" * 10_000)),
        1,
    ),
    "a thousand categories": (
        make_rss(build_item(inside="".join(f"<category>c{n}</category>" for n in range(1_000)))),
        1,
    ),
    "a guid of 100 KB": (make_rss(make_rss_item(1).replace("article-1", "g" * 100_000)), 1),
    "a link of 100 KB": (make_rss(make_rss_item(1).replace("/articles/1", "/" + "l" * 100_000)), 1),
    "an entry with only a long URL": (
        make_rss(f"<item><link>https://news.example/{'é' * 1_000}</link></item>"), 1
    ),
    "two entries with the same GUID": (
        make_rss(build_item(1), build_item(2).replace("<guid>g2<", "<guid>g1<").replace("Title", "Other")),
        2,
    ),
    "the same entry a thousand times": (make_rss(*[build_item(1)] * 1_000), 1),
    "NUL and other control bytes": (make_rss(build_item(title="a\0b\x01c\x1bd\x7f")), 1),
    "bidi overrides and zero widths": (make_rss(build_item(title="\u202egnp\u202c\u200b\u2066x\u2069\ufeff")), 1),
    "noncharacters": (make_rss(build_item(title="a\ufffe\uffff\U0001ffffb")), 1),
    "a lone surrogate by number": (make_rss(build_item(title="a&#xD800;b&#55296;c")), 1),
    "a reference to an invalid character": (make_rss(build_item(title="a&#x110000;b&#99999999999;c&#0;d&#xFFFF;")), 1),
    "an invisible title": (
        make_rss(build_item(title="\u200b\u200b", inside="<description>Text</description>")), 1
    ),
    "endless combining marks": (make_rss(build_item(title="a" + "\u0301" * 50_000)), 1),
    "the year 1": (build_atom("0001-01-01T00:00:00Z"), 1),
    "the year 9999": (build_atom("9999-12-31T23:59:59Z"), 1),
    "a year after 9999": (build_atom("99999-12-31T23:59:59Z"), 1),
    "a negative year": (build_atom("-0044-03-15T00:00:00Z"), 1),
    "a date of one megabyte": (make_rss(build_item(date="Mon, 04 May 2026 " * 60_000)), 1),
    "a date of digits": (make_rss(build_item(date="9" * 5_000)), 1),
    "an unknown time zone": (make_rss(build_item(date="Mon, 04 May 2026 08:00:00 +9999")), 1),
    "a URL with a script": (
        make_rss(build_item(inside="<description>&lt;a href='javascript:x'>&lt;img "
                              "src='data:x'></description>")), 1
    ),
    "a thousand nested quotes": (
        make_rss(build_item(inside=f"<description>{'&lt;blockquote>' * 1_000}x</description>")), 1
    ),
    "JSON with everything wrong": (
        json.dumps(
            {
                "version": "https://jsonfeed.org/version/1.1",
                "title": ["x"],
                "items": [
                    {"id": 1e308, "title": {"a": 1}, "content_html": 7, "tags": "x", "date_published": [1]},
                    {"id": "a", "url": "\ud800", "title": "\ud800x\0", "authors": [[]], "attachments": {}},
                    None,
                    [],
                    "x",
                ],
            }
        ),
        None,
    ),
}  # fmt: skip
REFUSED_DOCUMENTS = {
    "an empty document": b"",
    "blanks": b" \n\t" * 1_000,
    "a page": b"<!doctype html><html><body>x</body></html>",
    "arbitrary bytes": bytes(range(256)) * 100,
    "JSON without end": b'{"items": [' + b"[" * 100_000,
    "an encoding that is not for text": b"<?xml version='1.0' encoding='undefined'?><rss><channel/></rss>",
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(1_000),
    "an executable": b"\x7fELF" + bytes(10_000),
}


@check_cases("name", BOUNDED_DOCUMENTS)
async def test_oversized_document_is_stored_within_limits(pipeline, name):
    document, expected = BOUNDED_DOCUMENTS[name]
    body = document.encode("utf-8", "surrogatepass")
    report = await pipeline.process(body, reread=len(body) < MEGABYTE)
    if expected is None:
        return
    assert report.error_code is None
    assert report.new_count == expected
    articles = await pipeline.newsroom.store.articles.list_newest([report.feed.id], limit=5)
    for article in articles:
        assert len(article.title) <= MAX_TITLE_CHARS
        assert len(article.tags) <= MAX_TAGS


@check_cases("name", REFUSED_DOCUMENTS)
async def test_document_that_is_not_a_feed_records_error(pipeline, name):
    report = await pipeline.process(REFUSED_DOCUMENTS[name])
    assert report.error_code in {fetch_errors.NOT_A_FEED, fetch_errors.BAD_ENCODING, fetch_errors.PARSER_CRASHED}
    stored = await pipeline.newsroom.store.feeds.get(report.feed.id)
    assert (stored.error, stored.state) == (report.error_code, FeedState.ACTIVE)
    assert stored.next_poll_at > pipeline.clock.now()


async def test_surrogate_pair_references_become_one_emoji(pipeline):
    for emoji_markup in ("&#55357;&#56842;", "&#xD83D;&#xDE0A;", "&#xd83d;&#56842;", "&#128522;"):
        report = await pipeline.process(make_rss(build_item(title=f"Hello {emoji_markup}")).encode())
        (article,) = await pipeline.newsroom.store.articles.list_newest([report.feed.id], limit=1)
        assert article.title == "Hello 😊"


async def test_wrong_declared_encoding_is_tolerated_or_reported(pipeline):
    text = make_rss(build_item(title="Été à Nîmes"))
    for encoding in ("utf-8", "iso-8859-1", "utf-16", "utf-16-le", "cp1252", "utf-8-sig"):
        for declared in ("utf-8", "iso-8859-1", "utf-16", "x-unknown", "us-ascii"):
            document = text.replace('encoding="utf-8"', f'encoding="{declared}"').encode(encoding)
            report = await pipeline.process(document, f"application/rss+xml; charset={declared}")
            assert report.error_code in {
                None,
                fetch_errors.NOT_A_FEED,
                fetch_errors.BAD_ENCODING,
                fetch_errors.PARSER_CRASHED,
            }


NUMBERS_OUT_OF_RANGE = [2**63, 2**64, -1, 10**400, 1e300, float("nan"), float("inf"), True, "9" * 5_000, None, [], {}]


@check_cases("number", NUMBERS_OUT_OF_RANGE)
async def test_number_that_no_column_holds_is_left_out(pipeline, number):
    post = {"name": "t3_a", "title": "Title", "permalink": "/r/a/comments/a/", "num_comments": number,
            "created_utc": number}  # fmt: skip
    listing = {"kind": "Listing", "data": {"children": [{"kind": "t3", "data": post}]}}
    audio = {"url": "https://e.example/a.mp3", "mime_type": "audio/mpeg", "duration_in_seconds": number}
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "T",
            "items": [{"id": number, "title": "Title", "url": "https://e.example/1", "attachments": [audio],
                       "date_published": number}]}  # fmt: skip
    inside = (
        f"<slash:comments xmlns:slash='http://purl.org/rss/1.0/modules/slash/'>{number}</slash:comments>"
        f"<comments>https://e.example/1</comments><itunes:duration xmlns:itunes="
        f"'http://www.itunes.com/dtds/podcast-1.0.dtd'>{number}</itunes:duration><pubDate>{number}</pubDate>"
        "<enclosure url='https://e.example/a.mp3' type='audio/mpeg' length='1'/>"
    )
    rss = make_rss(build_item(inside=inside)).replace("<language>", f"<ttl>{number}</ttl><language>")
    for document in (json.dumps(listing), json.dumps(feed), rss):
        report = await pipeline.process(document.encode())
        assert report.new_count == 1
        (article,) = await pipeline.newsroom.store.articles.list_newest([report.feed.id], limit=1)
        assert article.comment_count is None
        assert article.duration_seconds is None


async def test_validator_that_is_no_field_value_is_neither_stored_nor_sent(pipeline):
    received_headers: list[dict[str, str]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:]
        received_headers.append(dict(line.split(": ", 1) for line in lines if line))
        body = make_rss(make_rss_item(len(received_headers))).encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/rss+xml\r\n"
            b'ETag: "\x1b[31m"\r\nLast-Modified: Mon\x0b\r\nContent-Length: %d\r\n\r\n%b' % (len(body), body)
        )
        await writer.drain()
        writer.close()

    publisher = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with publisher:
        store = pipeline.newsroom.store
        feed = await store.feeds.add(f"http://127.0.0.1:{publisher.sockets[0].getsockname()[1]}/")
        report = await pipeline.newsroom.poller.poll(feed, wait_for_host=False)
        assert (report.error_code, report.feed.validators[:2]) == (None, (None, None))
        # As an earlier version stored it:
        stored_validators = report.feed.validators._replace(etag='"\x1b[31m"', last_modified="Mon\x0b")
        report = await pipeline.newsroom.poller.poll(
            replace(report.feed, validators=stored_validators), wait_for_host=False
        )
    assert (report.error_code, report.new_count, report.feed.validators[:2]) == (None, 1, (None, None))
    assert not {"If-None-Match", "If-Modified-Since"} & received_headers[1].keys()


@check_cases("status_line, code", [
    (b"404 \xff\xfe\x80", "http-404"), (b"404 a\x1b[2Jb", "http-404"), (b"503 \xed\xa0\x80", "http-503"),
])  # fmt: skip
async def test_status_line_of_arbitrary_bytes_is_stored(pipeline, status_line, code):
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % status_line)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as publisher:
        store = pipeline.newsroom.store
        feed = await store.feeds.add(f"http://127.0.0.1:{publisher.sockets[0].getsockname()[1]}/")
        report = await pipeline.newsroom.poller.poll(feed, wait_for_host=False)
    assert report.error_code == code
    stored_feed = await store.feeds.get(feed.id)
    assert stored_feed.error == code
    assert stored_feed.error_detail.isprintable()


async def test_secret_of_site_address_is_not_stored_in_plain_text(pipeline):
    secret_url = "https://news.example/rss?token=5f2b9c7d1e8a4f6b9c0d"
    document = make_rss(make_rss_item(1)).replace("https://news.example/<", f"{secret_url}<")
    assert secret_url in document
    report = await pipeline.process(document.encode())
    assert (report.new_count, report.feed.site_url) == (1, None)
    # As an earlier version stored it:
    stored_feed = replace(report.feed, site_url=secret_url)
    assert feed_updates.apply_metadata(stored_feed, ParsedFeed(title="Title")).site_url is None
    report = await pipeline.process(make_rss(make_rss_item(2)).encode())
    assert report.feed.site_url == "https://news.example/"


def list_documents() -> list[Path]:
    """List the recorded documents beside the checkout."""
    return sorted(
        path
        for path in require_shared_path("feeds").rglob("*")
        if path.suffix in {".xml", ".json", ".rss", ".atom", ".rdf", ".html"}
    )


async def test_sample_of_real_documents_raises_no_unhandled_error(pipeline):
    paths = list_documents()
    for path in paths[:: max(len(paths) // SAMPLE, 1)]:
        await pipeline.process(path.read_bytes())
