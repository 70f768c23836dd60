"""Fetching: validators, redirects and passwords."""

from __future__ import annotations

import base64
import gzip
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from bot.core.models import Validators
from bot.core.version import __version__
from bot.feeds import fetch, fetch_errors
from bot.feeds.fetch import Fetcher, FetchResult
from bot.feeds.fetch_errors import FeedError
from bot.posting.wording import feed_error_sentences
from tests.feeds.conftest import fetch_error_code
from tests.support.feed_server import FeedServer, make_rss, make_rss_item

BODY = make_rss(*(make_rss_item(number) for number in range(20))).encode()


def _validators(fetched: FetchResult) -> Validators:
    return Validators(
        etag=fetched.get_header("etag"),
        last_modified=fetched.get_header("last-modified"),
        body_hash=fetched.body_hash,
    )


# -- responses


async def test_validators_make_next_request_conditional(fetcher, feed_server):
    url = feed_server.serve("/feed", BODY, headers={"Last-Modified": "Tue, 10 Jun 2003 04:00:00 GMT"})
    fetched = await fetcher.get(url)
    assert (fetched.status, fetched.url, fetched.permanent_url, fetched.is_not_modified) == (
        200,
        url,
        None,
        False,
    )
    assert fetched.body == BODY
    assert fetched.content_type == "application/rss+xml"
    again = await fetcher.get(url, validators=_validators(fetched))
    assert (again.status, again.is_not_modified, again.body) == (304, True, b"")
    assert again.body_hash == fetched.body_hash
    request_headers = feed_server.visits[1].headers
    assert request_headers["If-None-Match"] == fetched.headers["etag"]
    assert request_headers["If-Modified-Since"] == "Tue, 10 Jun 2003 04:00:00 GMT"


async def test_unchanged_body_counts_as_not_modified_without_304(fetcher, feed_server):
    packed = gzip.compress(BODY)
    url = feed_server.serve("/feed", packed, headers={"Content-Encoding": "gzip"}, etag=False)
    fetched = await fetcher.get(url)
    assert fetched.body == BODY
    again = await fetcher.get(url, validators=_validators(fetched))
    assert (again.status, again.is_not_modified, again.body) == (200, True, b"")


async def test_request_identifies_bot_and_stores_no_cookies(feed_server, settings, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9/")
    url = feed_server.serve("/feed", BODY, headers={"Set-Cookie": "id=1; Path=/"})
    async with Fetcher(replace(settings, contact="https://telex.example/bot")) as fetcher:
        await fetcher.get(url)
        await fetcher.get(url)
    request_headers = feed_server.visits[1].headers
    assert request_headers["User-Agent"] == f"Telex/{__version__} (+https://telex.example/bot)"
    assert "Cookie" not in request_headers
    assert "If-None-Match" not in request_headers
    assert "application/atom+xml" in request_headers["Accept"]


async def test_empty_validators_are_not_sent(fetcher, feed_server):
    await fetcher.get(feed_server.serve("/feed", BODY), validators=Validators(etag="", last_modified=""))
    assert not {"If-None-Match", "If-Modified-Since"} & set(feed_server.visits[0].headers)


async def test_unsolicited_304_is_an_error(fetcher, feed_server):
    assert await fetch_error_code(fetcher, feed_server.serve("/feed", status=304, etag=False)) == "http-304"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, "http-404"),
        (410, fetch_errors.FEED_GONE),
        (429, fetch_errors.RATE_LIMITED),
        (403, "http-403"),
        (503, "http-503"),
    ],
)
async def test_error_status_raises_code_and_retry_after(fetcher, feed_server, status, code):
    url = feed_server.serve("/feed", b"", status=status, headers={"Retry-After": "120"})
    with pytest.raises(FeedError) as caught:
        await fetcher.get(url)
    assert (caught.value.code, caught.value.retry_after) == (code, 120)


# -- redirects


async def test_permanent_redirects_give_permanent_url(fetcher, feed_server):
    new = feed_server.serve("/new", BODY)
    middle = feed_server.redirect("/middle", "new?", 308)
    fetched = await fetcher.get(feed_server.redirect("/old", middle))
    assert fetched.url.rstrip("?") == new
    assert fetched.permanent_url == fetched.url
    assert fetched.body == BODY


async def test_temporary_redirect_in_chain_gives_no_permanent_url(fetcher, feed_server):
    feed_server.serve("/new", BODY)
    feed_server.redirect("/middle", "/new", 302)
    fetched = await fetcher.get(feed_server.redirect("/old", "/middle"))
    assert (fetched.url, fetched.permanent_url) == (feed_server.origin + "/new", None)


async def test_redirect_keeps_request_conditional(fetcher, feed_server):
    fetched = await fetcher.get(feed_server.serve("/new", BODY))
    old = feed_server.redirect("/old", "/new")
    again = await fetcher.get(old, validators=_validators(fetched))
    assert (again.is_not_modified, again.permanent_url) == (True, feed_server.origin + "/new")


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("/loop", fetch_errors.BAD_REDIRECT),
        ("ftp://site.example/", fetch_errors.BAD_REDIRECT),
        ("file:///etc/passwd", fetch_errors.BAD_REDIRECT),
        ("javascript:alert(1)", fetch_errors.BAD_REDIRECT),
        ("http://[::1", fetch_errors.BAD_REDIRECT),
        ("http://10.0.0.1/", fetch_errors.REFUSED_ADDRESS),
        ("http://[::ffff:169.254.169.254]/latest/meta-data/", fetch_errors.REFUSED_ADDRESS),
    ],
)
async def test_invalid_redirect_is_not_followed(fetcher, feed_server, location, code):
    assert await fetch_error_code(fetcher, feed_server.redirect("/loop", location, 302)) == code
    assert feed_server.count("/loop") <= fetch.MAX_REDIRECTS + 1


# -- credentials


def _add_password(url: str) -> str:
    return url.replace("http://", "http://ann:p%40ss@")


BASIC = "Basic " + base64.b64encode(b"ann:p@ss").decode()


async def test_password_of_url_is_sent_in_header_only(fetcher, feed_server):
    url = feed_server.serve("/feed", BODY)
    fetched = await fetcher.get(_add_password(url))
    assert feed_server.visits[0].headers["Authorization"] == BASIC
    assert fetched.url == url


async def test_redirect_to_other_host_drops_password(fetcher, feed_server):
    other_server = await FeedServer().start("127.0.0.2")
    try:
        feed_server.serve("/here", BODY)
        other_server.serve("/there", BODY)
        own = await fetcher.get(_add_password(feed_server.redirect("/own", "/here")))
        assert feed_server.visits[-1].headers["Authorization"] == BASIC
        assert own.permanent_url == _add_password(feed_server.origin + "/here")
        away = await fetcher.get(_add_password(feed_server.redirect("/away", other_server.origin + "/there")))
        assert "Authorization" not in other_server.visits[0].headers
        assert away.permanent_url is None
    finally:
        await other_server.stop()


async def test_redirect_to_other_port_drops_password(fetcher, feed_server):
    other_server = await FeedServer().start()
    try:
        other_server.serve("/there", BODY)
        await fetcher.get(_add_password(feed_server.redirect("/away", other_server.origin + "/there")))
        assert "Authorization" not in other_server.visits[0].headers
    finally:
        await other_server.stop()


async def test_redirect_back_does_not_restore_password(fetcher, feed_server):
    other_server = await FeedServer().start("127.0.0.2")
    try:
        feed_server.serve("/end", BODY)
        back = other_server.redirect("/back", feed_server.origin + "/end")
        await fetcher.get(_add_password(feed_server.redirect("/away", back)))
        assert "Authorization" not in feed_server.visits[-1].headers
    finally:
        await other_server.stop()


def test_redirect_from_https_to_http_carries_no_credentials():
    secure = URL("https://site.example/feed")
    assert str(fetch.resolve_redirect(secure, "http://site.example/feed", {})) == "http://site.example/feed"
    for location, headers in (
        ("http://site.example/feed", {"Authorization": BASIC}),
        ("http://site.example/feed?token=abcdefgh", {}),
    ):
        with pytest.raises(FeedError) as caught:
            fetch.resolve_redirect(secure, location, headers)
        assert caught.value.code == fetch_errors.BAD_REDIRECT


def test_redirect_from_http_to_https_keeps_password():
    plain = URL("http://site.example/feed")
    for location, keeps_password in (("https://site.example/feed", True), ("https://site.example:8443/feed", False)):
        headers = {"Authorization": BASIC}
        fetch.resolve_redirect(plain, location, headers)
        assert ("Authorization" in headers) is keeps_password


# -- connections


async def test_only_plain_connections_are_reused(settings, feed_server, monkeypatch):
    peers: list[object] = []
    connectors: list[aiohttp.TCPConnector] = []

    class RecordedConnector(aiohttp.TCPConnector):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            connectors.append(self)

    async def record_peer(request: web.Request) -> web.Response:
        peers.append(request.transport.get_extra_info("peername"))
        return web.Response(body=BODY)

    monkeypatch.setattr(aiohttp, "TCPConnector", RecordedConnector)
    async with Fetcher(settings) as fetcher:
        for _ in range(3):
            await fetcher.get(feed_server.handle("/feed", record_peer))
    assert len(set(peers)) == 1
    assert sorted(connector.force_close for connector in connectors) == [False, True]


def test_every_error_code_has_its_own_description():
    codes = {
        error_code for name, error_code in vars(fetch_errors).items() if name.isupper() and isinstance(error_code, str)
    }
    descriptions = {
        code: feed_error_sentences.describe_feed_error(code)
        for code in codes | {"http-404", "http-403", "http-401", "http-503", "http-418"}
    }
    assert len(set(descriptions.values())) == len(descriptions)
    assert feed_error_sentences.describe_feed_error("http-503") != feed_error_sentences.describe_feed_error("http-418")
