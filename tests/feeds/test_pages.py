"""Fetching of article pages, with robots.txt, hostile pages and pages without an article."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import NoReturn

import pytest

from bot.core.concurrency.worker_pool import WorkerPool, WorkerTimeout
from bot.feeds import fetch_errors, robots
from bot.feeds.fetch import Fetcher
from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages.article_extraction import extract_article
from bot.feeds.pages.article_pages import MAX_PAGE_BYTES, PageFetcher
from bot.feeds.robots import MAX_ROBOTS_BYTES, RobotsCache
from bot.feeds.robots_rules import RobotsVerdict, evaluate_robots
from tests.support.cases import check_cases
from tests.support.feed_server import FeedServer

TITLE = "Four-minute battery shown in Leeds"
TEASER = "A small firm in Leeds has built a battery that charges in four minutes…"
TEXT = (
    "A small firm in Leeds has built a battery that charges in four minutes, and showed it to engineers of "
    "three car makers on Tuesday. The cells lose a tenth of their capacity after two thousand charges."
)
PAGE = f"<html><head><title>{TITLE}</title></head><body><article><p>{TEXT}</p></article></body></html>"


@asynccontextmanager
async def visit(_url: str) -> AsyncIterator[None]:
    yield


@pytest.fixture
def robots_txt(clock, fetcher, workers) -> RobotsCache:
    return RobotsCache(clock, fetcher, workers)


@pytest.fixture
def reader(fetcher, workers, robots_txt) -> PageFetcher:
    return PageFetcher(fetcher, workers, robots_txt)


async def raise_worker_timeout(*_: object, **__: object) -> NoReturn:
    """Time out as a worker does that hangs on a document."""
    raise WorkerTimeout("too slow")


async def read_text(reader: PageFetcher, url: str) -> str:
    text, _ = await reader.fetch_article_text(url, title=TITLE, teaser=TEASER, host_throttle=visit)
    return text


async def read_error_code(reader: PageFetcher, url: str) -> str:
    with pytest.raises(FeedError) as caught:
        await read_text(reader, url)
    return caught.value.code


def serve_page(server: FeedServer, body: bytes | str, *, kind: str = "text/html", **options: object) -> str:
    return server.serve("/page", body, content_type=kind, **options)  # type: ignore[arg-type]


async def test_article_text_is_fetched(reader, feed_server):
    assert await read_text(reader, serve_page(feed_server, PAGE)) == TEXT


@pytest.mark.parametrize("kind", ["application/pdf", "image/png", "application/json", "text/plain", "video/mp4"])
async def test_page_of_other_content_type_is_refused(reader, feed_server, kind):
    assert await read_error_code(reader, serve_page(feed_server, PAGE, kind=kind)) == fetch_errors.NOT_A_PAGE


async def test_oversized_page_is_refused(reader, feed_server):
    body = PAGE.replace("</article>", "<p>more of it</p>" * (5 * 2**20 // 16) + "</article>")
    assert len(body) > MAX_PAGE_BYTES
    assert await read_error_code(reader, serve_page(feed_server, body)) == fetch_errors.TOO_LARGE


async def test_page_that_decompresses_beyond_limit_is_refused(reader, feed_server):
    bomb = gzip.compress(b"<p>" + b" " * (200 * 2**20), 1)
    url = serve_page(feed_server, bomb, headers={"Content-Encoding": "gzip"})
    assert await read_error_code(reader, url) == fetch_errors.TOO_LARGE


async def test_slow_page_times_out(clock, settings, workers, raw_server):
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if b"robots.txt" in await reader.readline():
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html><body>")
        while not writer.is_closing():
            writer.write(b"<p>a")
            await writer.drain()
            await asyncio.sleep(0.05)

    url = await raw_server(drip)
    async with Fetcher(replace(settings, fetch_timeout=0.5)) as fetcher:
        pages = PageFetcher(fetcher, workers, RobotsCache(clock, fetcher, workers))
        assert await read_error_code(pages, url) == fetch_errors.TIMEOUT


async def test_page_redirect_to_private_network_is_not_followed(reader, feed_server):
    url = feed_server.redirect("/away", "http://10.0.0.1/admin", 302)
    assert await read_error_code(reader, url) == fetch_errors.REFUSED_ADDRESS
    url = feed_server.redirect("/away", "file:///etc/passwd", 302)
    assert await read_error_code(reader, url) == fetch_errors.BAD_REDIRECT


async def test_mail_address_is_not_fetched(reader):
    assert await read_error_code(reader, "mailto:desk@news.example") == fetch_errors.BAD_URL


@check_cases(
    ("markup", "expected"),
    [
        ("<div>" * 50_000, fetch_errors.NO_ARTICLE),
        ("<b>" * 50_000 + "text", fetch_errors.NO_ARTICLE),
        ("<p " + " ".join(f"a{number}" for number in range(200_000)) + ">", fetch_errors.PARSER_CRASHED),
        ("<table><tr><td>" * 10_000, fetch_errors.NO_ARTICLE),
        ("<!--" * 500_000, fetch_errors.NO_ARTICLE),
        ("", fetch_errors.NO_ARTICLE),
        ("<html><body><div id=app></div><script>run()</script></body></html>", fetch_errors.NO_ARTICLE),
        (
            f"<html><body><p>{'Choose your cookies for this site. ' * 40}</p></body></html>",
            fetch_errors.UNRELATED_PAGE,
        ),
    ],
)
def test_page_without_article_raises_reason(markup, expected):
    with pytest.raises(FeedError) as caught:
        extract_article(markup.encode(), "text/html", "https://news.example/1", TITLE, TEASER)
    assert caught.value.code == expected


async def test_page_that_hangs_worker_raises_parse_timeout(reader, feed_server, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(WorkerPool, "run", raise_worker_timeout)
        assert await read_error_code(reader, serve_page(feed_server, PAGE)) == fetch_errors.PARSE_TIMEOUT
    assert await read_text(reader, serve_page(feed_server, PAGE)) == TEXT


def test_page_without_extra_text_is_refused():
    with pytest.raises(FeedError) as caught:
        extract_article(PAGE.encode(), "text/html", "https://news.example/1", TITLE, TEXT + " And more.")
    assert caught.value.code == fetch_errors.NO_EXTRA_TEXT


@pytest.mark.parametrize("encoding", ["iso-8859-1", "latin-1", "windows-1252"])
async def test_page_is_decoded_by_charset_of_its_head(reader, feed_server, encoding):
    french = "Une entreprise de Rennes a construit une batterie qui se charge en quatre minutes, et l’a montrée. " * 3
    body = f"<html><head><meta charset={encoding}></head><body><p>{french}</p></body></html>"
    url = serve_page(feed_server, body.encode("windows-1252"))
    text, _ = await reader.fetch_article_text(url, title="Une batterie de Rennes", teaser="", host_throttle=visit)
    assert "l’a montrée" in text


# -- robots.txt


def serve_robots_txt(server: FeedServer, body: bytes | str, **options: object) -> None:
    server.serve("/robots.txt", body, content_type="text/plain", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_missing_robots_txt_allows_all(reader, feed_server, status):
    serve_robots_txt(feed_server, "", status=status)
    assert await read_text(reader, serve_page(feed_server, PAGE)) == TEXT


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_unavailable_robots_txt_blocks_until_next_try(reader, feed_server, clock, status):
    serve_robots_txt(feed_server, "", status=status)
    url = serve_page(feed_server, PAGE)
    assert await read_error_code(reader, url) in {f"http-{status}", fetch_errors.RATE_LIMITED}
    assert feed_server.count("/page") == 0
    serve_robots_txt(feed_server, "User-agent: *\nAllow: /")
    assert await read_error_code(reader, url) in {f"http-{status}", fetch_errors.RATE_LIMITED}
    clock.advance(robots.FAILURE_TTL_SECONDS + 1)
    assert await read_text(reader, url) == TEXT


async def test_cached_robots_failure_does_not_accumulate_traceback(reader, feed_server):
    serve_robots_txt(feed_server, "", status=500)
    url = serve_page(feed_server, PAGE)
    depths = []
    for _ in range(3):
        with pytest.raises(fetch_errors.FeedError) as raised:
            await read_text(reader, url)
        depths.append(len(raised.traceback))
    assert feed_server.count("/robots.txt") == 1
    assert depths[2] == depths[1]


async def test_robots_txt_is_fetched_once_a_day(reader, feed_server, clock):
    serve_robots_txt(feed_server, "User-agent: *\nDisallow: /other")
    url = serve_page(feed_server, PAGE)
    for _ in range(3):
        await read_text(reader, url)
    assert feed_server.count("/robots.txt") == 1
    clock.advance(robots.CACHE_TTL_SECONDS + 1)
    await read_text(reader, url)
    assert feed_server.count("/robots.txt") == 2


@check_cases(
    ("body", "allowed"),
    [
        ("User-agent: *\nDisallow: /", False),
        ("User-agent: *\nDisallow: /\n\nUser-agent: telex\nDisallow: /private", True),
        ("User-agent: *\nDisallow: /*/1$", False),
        ("User-agent: *\nDisallow: /a\nAllow: /a/1", True),
        ("\ufeffUser-agent: TELEX\nDisallow: /a/", False),
        ("User-agent: other\nDisallow: /", True),
        ("<html><body>not found</body></html>", True),
        ("\x00\xff" * 1000, True),
    ],
)
def test_robots_txt_rules_are_evaluated(body, allowed):
    assert evaluate_robots(body.encode(), "https://news.example/a/1").is_allowed is allowed


@check_cases(("crawl_delay", "delay"), [("7", 7.0), ("100000", 60.0), ("-3", 0.0), ("soon", 0.0), ("nan", 0.0)])
def test_crawl_delay_is_limited(crawl_delay, delay):
    robots_verdict = evaluate_robots(f"User-agent: *\nCrawl-delay: {crawl_delay}".encode(), "https://news.example/a")
    assert robots_verdict == RobotsVerdict(is_allowed=True, crawl_delay_seconds=delay)


async def test_oversized_robots_txt_allows_nothing(reader, feed_server):
    serve_robots_txt(feed_server, b"Allow: /\n" * (MAX_ROBOTS_BYTES // 9 + 9))
    assert await read_error_code(reader, serve_page(feed_server, PAGE)) == fetch_errors.ROBOTS_DISALLOWED
    assert feed_server.count("/page") == 0


async def test_robots_txt_that_hangs_worker_allows_nothing(reader, feed_server, monkeypatch):
    serve_robots_txt(feed_server, "User-agent: *\nAllow: /")
    monkeypatch.setattr(WorkerPool, "run", raise_worker_timeout)
    assert await read_error_code(reader, serve_page(feed_server, PAGE)) == fetch_errors.ROBOTS_DISALLOWED


def test_hostile_robots_patterns_are_evaluated_fast():
    body = "User-agent: *\n" + "".join(f"Disallow: /{'*a' * 200}{number}$\n" for number in range(100))
    assert evaluate_robots(body.encode(), "https://news.example/" + "a" * 2_000).is_allowed


async def test_robots_cache_is_limited_in_bytes(robots_txt, feed_server, monkeypatch):
    monkeypatch.setattr(robots, "MAX_CACHED_BYTES", 100)
    elsewhere = await FeedServer().start()
    try:
        for server in (feed_server, elsewhere, elsewhere, feed_server):
            serve_robots_txt(server, "User-agent: *\nDisallow: /secret\n#" + "x" * 60)
            await robots_txt.check(f"{server.origin}/a", visit)
        assert [server.count("/robots.txt") for server in (feed_server, elsewhere)] == [2, 1]
    finally:
        await elsewhere.stop()


async def test_redirect_target_must_allow_page_in_robots_txt(reader, feed_server):
    elsewhere = await FeedServer().start()
    try:
        serve_robots_txt(elsewhere, "User-agent: *\nDisallow: /")
        url = feed_server.redirect("/away", elsewhere.serve("/page", PAGE, content_type="text/html"))
        assert await read_error_code(reader, url) == fetch_errors.ROBOTS_DISALLOWED
    finally:
        await elsewhere.stop()
