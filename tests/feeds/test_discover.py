"""Feed discovery with few requests."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from bot.core.concurrency.worker_pool import WorkerPool
from bot.feeds import discover, fetch_errors
from bot.feeds.discover import discover_feeds
from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages.page_links import MAX_FEEDS, DiscoveredFeed, find_feed_links
from tests.feeds.test_pages import raise_worker_timeout
from tests.support.cases import check_cases
from tests.support.feed_server import make_rss, make_rss_item
from tests.support.shared_data import require_shared_path

PAGE = "https://site.example/blog/page.html"


def _page(*head: str, body: str = "") -> bytes:
    return f"<!doctype html><html><head><title>The Site</title>{''.join(head)}</head><body>{body}".encode()


def _link(href: str, *, kind: str = "application/rss+xml", title: str = "", rel: str = "alternate") -> str:
    return f'<link rel="{rel}" type="{kind}" title="{title}" href="{href}">'


def test_feed_links_are_absolute_with_comments_feed_last():
    page = _page(
        _link("/comments/feed", title="Comments"),
        _link("feed.xml", title=" Posts\n &amp; more "),
        _link("//cdn.example/atom", kind="application/atom+xml; charset=utf-8"),
        _link("/feed.json", kind="application/feed+json", title="JSON"),
        _link("/wp-json/posts/1", kind="application/json"),
        _link("/style.css", kind="text/css", rel="stylesheet"),
        _link("/fr", kind="text/html"),
        _link("javascript:alert(1)"),
        _link("feed.xml", title="the same"),
        _link("", title="empty"),
    )
    assert find_feed_links(page, PAGE) == (
        DiscoveredFeed("https://site.example/blog/feed.xml", "Posts & more", "rss"),
        DiscoveredFeed("https://cdn.example/atom", "The Site", "atom"),
        DiscoveredFeed("https://site.example/feed.json", "JSON", "json"),
        DiscoveredFeed("https://site.example/comments/feed", "Comments", "rss"),
    )


def test_feed_link_is_resolved_against_base_element():
    page = _page('<base href="https://other.example/x/">', _link("feed"))
    assert find_feed_links(page, PAGE)[0].url == "https://other.example/x/feed"


def test_anchors_that_look_like_feeds_are_fallback():
    addresses = ("/about", "/rss", "news/atom.xml?x=1", "/feedback")
    page = _page(body="".join(f'<a href="{address}">x</a>' for address in addresses))
    assert [feed.url for feed in find_feed_links(page, PAGE)] == [
        "https://site.example/rss",
        "https://site.example/blog/news/atom.xml?x=1",
    ]


def test_number_of_feed_links_is_limited():
    assert len(find_feed_links(_page(*(_link(f"/{n}") for n in range(1_000))), PAGE)) == MAX_FEEDS


@check_cases("page", [b"", b"\x00\xff", b"<link" * 10_000, b"<div>" * 100_000])
def test_malformed_page_has_no_feed_links(page):
    assert find_feed_links(page, PAGE) == ()


def test_feed_links_of_real_pages_have_url_and_title():
    paths = sorted(require_shared_path("pages").rglob("*.html"))[:40]
    assert paths
    for path in paths:
        for feed in find_feed_links(path.read_bytes(), PAGE):
            assert feed.url.startswith("http")
            assert feed.title


async def test_feed_url_discovers_itself(fetcher, workers, feed_server):
    url = feed_server.serve("/feed", make_rss(make_rss_item(1)))
    discovery = await discover_feeds(fetcher, workers, url)
    assert discovery.feeds == (DiscoveredFeed(url, "Example News", "rss20"),)
    assert discovery.response is not None
    assert len(discovery.parsed_feed.entries) == 1


async def test_only_permanent_redirect_changes_feed_url(fetcher, workers, feed_server):
    new = feed_server.serve("/new", make_rss(make_rss_item(1)))
    discovery = await discover_feeds(fetcher, workers, feed_server.redirect("/old", "/new"))
    assert discovery.feeds[0].url == new
    discovery = await discover_feeds(fetcher, workers, feed_server.redirect("/for-now", "/new", 302))
    assert discovery.feeds[0].url == feed_server.origin + "/for-now"


async def test_page_with_feed_links_takes_one_request(fetcher, workers, feed_server):
    url = feed_server.serve(
        "/", _page(_link("/one", title="One"), _link("/two", title="Two")), content_type="text/html"
    )
    discovery = await discover_feeds(fetcher, workers, url)
    assert [feed.title for feed in discovery.feeds] == ["One", "Two"]
    assert discovery.parsed_feed is None
    assert len(feed_server.visits) == 1


async def test_well_known_paths_are_probed_until_feed_is_found(fetcher, workers, feed_server):
    url = feed_server.serve("/blog/", _page(), content_type="text/html")
    feed_server.serve("/rss", _page(), content_type="text/html")
    feed = feed_server.serve("/feed.xml", make_rss(make_rss_item(1), title="Hidden"))
    discovery = await discover_feeds(fetcher, workers, url)
    assert discovery.feeds == (DiscoveredFeed(feed, "Hidden", "rss20"),)
    assert [visit.path for visit in feed_server.visits] == ["/blog/", "/", "/feed", "/rss", "/feed.xml"]


async def test_probing_stops_when_site_limits_requests(fetcher, workers, feed_server):
    url = feed_server.serve("/", _page(), content_type="text/html")
    feed_server.serve("/feed", status=429)
    assert (await discover_feeds(fetcher, workers, url)).feeds == ()
    assert len(feed_server.visits) == 2


async def test_probing_stops_after_first_timeout(fetcher, workers, feed_server, monkeypatch):
    monkeypatch.setattr(discover, "PROBE_TIMEOUT_SECONDS", 0.05)

    async def drip(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    url = feed_server.serve("/", _page(), content_type="text/html")
    feed_server.handle("/feed", drip)
    assert (await discover_feeds(fetcher, workers, url)).feeds == ()
    assert [visit.path for visit in feed_server.visits] == ["/", "/feed"]


async def test_fetch_error_is_raised_by_discovery(fetcher, workers, feed_server):
    with pytest.raises(FeedError) as caught:
        await discover_feeds(fetcher, workers, feed_server.origin + "/nothing")
    assert caught.value.code == "http-404"


async def test_hanging_parser_raises_parse_timeout(fetcher, workers, feed_server, monkeypatch):
    monkeypatch.setattr(WorkerPool, "run", raise_worker_timeout)
    with pytest.raises(FeedError) as caught:
        await discover_feeds(fetcher, workers, feed_server.serve("/slow", make_rss(make_rss_item(1))))
    assert caught.value.code == fetch_errors.PARSE_TIMEOUT
