"""Sites that refuse shared IP addresses: the operator's host rules and the Reddit API."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from bot.core.configuration.host_rules import parse_host_rules
from bot.core.configuration.settings import Secret
from bot.core.configuration.settings_reading import InvalidSettings, read_settings
from bot.feeds import fetch_errors, reddit_api
from bot.feeds.fetch import Fetcher
from bot.feeds.parsing.parse import parse_feed_document
from bot.polling.host_throttle import Hosts
from bot.posting.wording.feed_error_sentences import describe_feed_error
from tests.feeds.conftest import fetch_error_code
from tests.support.cases import check_cases
from tests.support.clocks import ManualClock
from tests.support.feed_server import make_rss, make_rss_item

FEED_URL = "https://www.reddit.com/r/python/.rss"
POST = {
    "name": "t3_1abcde",
    "title": "A <new> release",
    "permalink": "/r/python/comments/1abcde/a_new_release/",
    "author": "guido",
    "subreddit_name_prefixed": "r/python",
    "selftext_html": "<div><p>Faster &amp; smaller.</p></div>",
    "created_utc": 1_700_000_000.0,
    "num_comments": 12,
    "preview": {"images": [{"source": {"url": "https://preview.redd.it/a.png?s=1"}}]},
}
ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Python</title><entry>
<author><name>/u/guido</name></author><category term="python" label="r/python"/><id>t3_1abcde</id>
<link href="https://www.reddit.com/r/python/comments/1abcde/a_new_release/"/><title>A &lt;new&gt; release</title>
<published>2023-11-14T22:13:20+00:00</published></entry></feed>"""


def make_listing(*posts: Any) -> bytes:
    return json.dumps(
        {"kind": "Listing", "data": {"children": [{"kind": "t3", "data": post} for post in posts]}}
    ).encode()


async def test_headers_of_host_rule_go_to_that_host_only(settings, feed_server):
    rules = parse_host_rules('["127.0.0.1"]\nuser_agent = "Reader/1"\nheaders = { X-Api-Key = "secret" }')
    target = feed_server.serve("/feed", make_rss(make_rss_item(1)))
    async with Fetcher(replace(settings, hosts=rules)) as fetcher:
        await fetcher.get(feed_server.redirect("/away", target.replace("127.0.0.1", "localhost")))
    (own_user_agent, own_key), (other_user_agent, other_key) = [
        (visit.headers["User-Agent"], visit.headers.get("X-Api-Key")) for visit in feed_server.visits
    ]
    assert (own_user_agent, own_key) == ("Reader/1", "secret")
    assert other_user_agent.startswith("Telex/")
    assert other_key is None


async def test_proxy_of_host_rule_gets_requests_and_resolves_name(settings, feed_server):
    feed_server.serve("/feed", make_rss(make_rss_item(1)))
    rules = parse_host_rules(f'["news.invalid"]\nproxy = "{feed_server.origin}"')
    async with Fetcher(replace(settings, hosts=rules, allow_private_addresses=())) as fetcher:
        assert b"Article 1" in (await fetcher.get("http://www.news.invalid/feed")).body
        await fetcher.post("http://www.news.invalid/feed", {"hub.mode": "subscribe"})
        assert await fetch_error_code(fetcher, feed_server.origin + "/feed") == fetch_errors.REFUSED_ADDRESS
    assert [visit.headers["Host"] for visit in feed_server.visits] == ["www.news.invalid"] * 2


async def test_unreachable_proxy_has_its_own_error(settings, unused_tcp_port):
    rules = parse_host_rules(f'["news.invalid"]\nproxy = "http://127.0.0.1:{unused_tcp_port}"')
    async with Fetcher(replace(settings, hosts=rules)) as fetcher:
        for url in ("http://news.invalid/feed", "https://news.invalid/feed"):
            assert await fetch_error_code(fetcher, url) == fetch_errors.PROXY_FAILED
    assert "TELEX_HOSTS" in describe_feed_error(fetch_errors.PROXY_FAILED)


def test_host_rule_sets_seconds_between_requests():
    clock = ManualClock()
    hosts = Hosts(clock, parse_host_rules('["news.example"]\nseconds_between_requests = 60'))
    for url, pause_seconds in (("https://www.news.example/feed", 60), ("https://other.example/feed", 0)):
        host = hosts.get(url)
        host.begin_request(clock.monotonic())
        host.end_request()
        assert host.next_request_at == clock.monotonic() + pause_seconds


@pytest.mark.parametrize(
    ("toml_text", "sentence"),
    [
        ('["news.example"]\nproxy = secret\n', "the file is not TOML at line 2"),
        ('["https://news.example"]', "a host name such as news.example is needed"),
        ('["news.example"]\nproxy = "socks5://a:secret@b"', "the proxy of news.example needs an address"),
        ('["news.example"]\nuser_agent = "secret\\nX: y"', "a header of news.example has characters"),
        ('["news.example"]\nseconds_between_requests = -1', "Expected `float` >= 0"),
        ('["news.example"]\nuseragent = "secret"', "unknown field `useragent`"),
    ],
)
def test_invalid_host_rules_error_hides_secrets(tmp_path, toml_text, sentence):
    path = tmp_path / "hosts.toml"
    path.write_text(toml_text)
    with pytest.raises(InvalidSettings) as raised:
        read_settings(hosts=str(path))
    assert "TELEX_HOSTS" in str(raised.value)
    assert sentence in str(raised.value)
    assert "secret" not in str(raised.value)


@check_cases("wrong", [{"hosts": "/missing.toml"}, {"reddit_id": "a"}, {"reddit_secret": "b"}])
def test_missing_file_or_half_reddit_application_is_invalid_setting(wrong):
    with pytest.raises(InvalidSettings):
        read_settings(**wrong)


@pytest.fixture
async def reddit_fetcher(settings, feed_server, monkeypatch):
    """A fetcher with an application at a stand-in for Reddit that answers as documented."""
    monkeypatch.setattr(reddit_api, "API_URL", feed_server.origin)
    monkeypatch.setattr(reddit_api, "TOKEN_URL", feed_server.origin + "/token")
    valid_tokens: list[str] = []

    async def grant_token(request: web.Request) -> web.StreamResponse:
        assert (await request.post())["grant_type"] == "client_credentials"
        if request.headers["Authorization"] != "Basic " + base64.b64encode(b"id:secret").decode():
            return web.json_response({"message": "Unauthorized", "error": 401}, status=401)
        valid_tokens.append(f"token-{feed_server.count('/token')}")
        response = web.StreamResponse()
        await response.prepare(request)
        for part in (f'{{"access_token": "{valid_tokens[-1]}", "token_type": "bearer"', ', "expires_in": 86400}'):
            await response.write(part.encode())
            await asyncio.sleep(0.01)  # so that the two parts arrive one after the other
        return response

    async def answer(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {valid_tokens.pop()}" or request.query["raw_json"] != "1":
            return web.json_response({"message": "Unauthorized", "error": 401}, status=401)
        valid_tokens.append("another")  # Each token is valid once, so that the second request needs a new one.
        return web.Response(body=make_listing(POST), content_type="application/json")

    feed_server.handle("/token", grant_token)
    feed_server.handle("/r/python/hot", answer)
    application = {"reddit_id": "id", "reddit_secret": Secret("secret")}
    async with Fetcher(replace(settings, **application)) as fetcher:
        yield fetcher


async def test_reddit_api_gives_same_entries_as_feed(reddit_fetcher, feed_server):
    fetched = await reddit_fetcher.get(FEED_URL.replace("www", "user:password@www"))
    assert fetched.url == FEED_URL
    (entry,) = parse_feed_document(fetched.body, fetched.content_type, fetched.url).entries
    (atom_entry,) = parse_feed_document(ATOM.encode(), "application/atom+xml", FEED_URL).entries
    attribute_names = ("guid", "link", "title", "author", "tags", "published")
    assert [getattr(entry, name) for name in attribute_names] == [getattr(atom_entry, name) for name in attribute_names]
    assert (entry.text, entry.comment_count) == ("Faster & smaller.", 12)
    assert (await reddit_fetcher.get(FEED_URL)).status == 200
    assert feed_server.count("/token") == 2


async def test_refused_reddit_application_has_its_own_error(settings, reddit_fetcher, feed_server):
    wrong = {"reddit_id": "id", "reddit_secret": Secret("wrong")}
    async with Fetcher(replace(settings, **wrong)) as fetcher:
        assert await fetch_error_code(fetcher, FEED_URL) == fetch_errors.REDDIT_APPLICATION_REFUSED
    assert "TELEX_REDDIT_ID" in describe_feed_error(fetch_errors.REDDIT_APPLICATION_REFUSED)
    feed_server.serve("/token", status=503)
    assert await fetch_error_code(reddit_fetcher, FEED_URL) == "http-503"


@pytest.mark.parametrize(
    ("status", "error_code"), [(403, fetch_errors.REDDIT_FORBIDDEN), (429, fetch_errors.REDDIT_RATE_LIMITED)]
)
async def test_refusal_by_reddit_api_does_not_suggest_application(reddit_fetcher, feed_server, status, error_code):
    feed_server.serve("/r/python/hot", status=status)
    with pytest.raises(fetch_errors.FeedError) as refused:
        await reddit_fetcher.get(FEED_URL)
    assert (refused.value.code, bool(refused.value.retry_after)) == (error_code, status == 429)
    assert "TELEX_REDDIT_ID" not in describe_feed_error(error_code, FEED_URL)


@check_cases(
    ("url", "path"),
    [
        ("https://www.reddit.com/.rss", "/hot?raw_json=1"),
        ("https://old.reddit.com/r/a+b/new.rss?limit=9", "/r/a+b/new?limit=9&raw_json=1"),
        ("https://www.reddit.com/r/a/top/.rss?t=day", "/r/a/top?t=day&raw_json=1"),
        ("https://www.reddit.com/user/me/.rss", "/user/me/submitted?raw_json=1"),
        ("https://www.reddit.com/r/a/comments/1a/title/.rss", None),
        ("https://www.reddit.com/r/a/.rss?feed=secret&user=me", None),
        ("https://www.reddit.com.evil.example/r/a/.rss", None),
        ("https://www.reddit.com/r/a/", None),
    ],
)
def test_only_feeds_of_posts_have_reddit_api_path(url, path):
    assert reddit_api.build_api_path(url) == path


def test_invalid_members_of_reddit_listing_are_ignored():
    hostile = {**POST, "permalink": "javascript:alert(1)", "created_utc": 1e300, "preview": {"images": [1]}}
    document = make_listing(hostile, "no post", None, {**POST, "title": ["no text"]})
    first, second = parse_feed_document(document, "", FEED_URL).entries
    assert (first.link, first.published, first.image_url) == (None, None, None)
    assert (second.guid, second.title) == ("t3_1abcde", "")


def test_refusal_names_setting_that_helps():
    for code in ("http-403", fetch_errors.RATE_LIMITED):
        assert "reddit.com/prefs/feeds" in describe_feed_error(code, FEED_URL)
        assert "TELEX_REDDIT_ID" in describe_feed_error(code, FEED_URL)
        assert "TELEX_HOSTS" in describe_feed_error(code, "https://news.example/feed")
