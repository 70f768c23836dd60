"""/feed share: a channel's posts, stories and digests as feeds at a secret address."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from ipaddress import ip_network
from typing import Any

import aiohttp
import feedparser
import pytest

from bot.client.web import feed_routes
from bot.core import setting_registry
from bot.core.concurrency.rate_limits import FailedLookupLimiter
from bot.core.configuration.settings import Settings
from bot.core.configuration.settings_reading import read_settings
from bot.feeds import fetch_errors
from bot.feeds.fetch_errors import FeedError
from cogs.running.health_monitor import HealthCog
from tests.cogs.test_digests import advance_until_due, publish_articles, start_digest
from tests.support import store_probe
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.interactions import (
    get_last_reply,
    list_button_labels,
    list_controls,
    read_message_text,
    read_reply_text,
    restrict_to_editors,
)
from tests.support.scenario import follow_feed, publish_items

PUBLIC = "https://telex.example/news"
CATCH_UP_COUNT = 15
STORY = "Harbour bridge closes after &lt;b&gt;cracks & rust were found"


@pytest.fixture
def settings(tmp_path) -> Settings:
    return replace(
        read_settings(),
        database=tmp_path / "telex.db",
        allow_private_addresses=(ip_network("127.0.0.0/8"),),
        public_url=PUBLIC,
        health_address=("127.0.0.1", 0),
    )


@dataclass
class Readers:
    """Reads feeds from the bot's HTTP server."""

    world: World
    port: int

    async def get(self, address: str, **headers: str) -> tuple[int, Any, str]:
        url = address.replace(PUBLIC, f"http://127.0.0.1:{self.port}")
        async with aiohttp.request("GET", url, headers=headers) as answer:
            return answer.status, answer.headers, await answer.text()

    async def share_channel(self) -> str:
        """Share the channel and return the address of its posts."""
        panel = get_last_reply(await self.world.editor.slash(self.world.news, "feed share"))
        panel = get_last_reply(await self.world.editor.click(panel, label=list_button_labels(panel)[0]))
        addresses = re.findall(rf"{PUBLIC}/feeds/\S+", read_message_text(panel))
        assert [address.rpartition("/")[2] for address in addresses] == [
            "posts.atom",
            "stories.atom",
            "digest.atom",
        ]
        return str(addresses[0])


@pytest.fixture
async def readers(telex) -> Readers:
    health = telex.bot.get_cog("HealthCog")
    assert isinstance(health, HealthCog)
    return Readers(telex, await health.start_http_server("127.0.0.1", 0))


def check_document(address: str, body: str) -> None:
    """Check a document against Atom, RSS 2.0 or JSON Feed 1.1, by the extension of its address."""
    if address.endswith(".json"):
        check_json(json.loads(body))
    elif address.endswith(".rss"):
        check_rss(ET.fromstring(body))
    else:
        check_atom(ET.fromstring(body))


def check_json(feed: dict[str, Any]) -> None:
    """Check a feed against https://www.jsonfeed.org/version/1.1/."""
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert isinstance(feed["title"], str)
    for json_object in (feed, *feed["items"]):
        assert all(author.keys() & {"name", "url", "avatar"} for author in json_object["authors"])
        urls = [json_object[key] for key in ("home_page_url", "feed_url", "url", "image") if key in json_object]
        assert all(re.fullmatch(r"https?://\S+", url) for url in urls)
    for entry in feed["items"]:
        assert {type(entry[key]) for key in ("id", "title", "content_html")} == {str}
        dates = [entry["date_published"], entry["date_modified"]]
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", date) for date in dates)  # RFC 3339
        assert all(isinstance(tag, str) for tag in entry.get("tags", ()))
    ids = [entry["id"] for entry in feed["items"]]
    assert len(set(ids)) == len(ids)
    assert feed.keys() <= set("version title home_page_url feed_url language authors items".split())


def check_atom(feed: ET.Element) -> None:
    """Check a feed against https://www.rfc-editor.org/rfc/rfc4287, sections 4.1.1 and 4.1.2."""
    atom = {"": "http://www.w3.org/2005/Atom"}
    entries = feed.findall("entry", atom)
    for parent in (feed, *entries):
        for name in ("id", "title", "updated"):
            (element,) = parent.findall(name, atom)
            assert element.text
        assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", parent.findtext("id", namespaces=atom) or "")
        (author,) = parent.findall("author/name", atom)
        assert author.text
        assert len([link for link in parent.findall("link", atom) if link.get("rel") == "alternate"]) == 1
    assert [content.get("type") for content in entries[0].findall("content", atom)] == ["html"]
    ids = [entry.findtext("id", namespaces=atom) for entry in entries]
    assert len(set(ids)) == len(ids)


def check_rss(document: ET.Element) -> None:
    """Check a feed against https://www.rssboard.org/rss-specification."""
    assert document.get("version") == "2.0"
    (channel,) = document.findall("channel")
    assert all(channel.findtext(name) for name in ("title", "link", "description"))
    guids = []
    for entry in channel.findall("item"):
        (guid,) = entry.findall("guid")
        guids.append(guid.text)
        assert guid.get("isPermaLink") == "false"
        assert parsedate_to_datetime(entry.findtext("pubDate") or "").utcoffset() == timedelta(0)
    assert len(set(guids)) == len(guids) > 0


async def publish_two_outlets(world: World, server: FeedServer) -> None:
    """Publish a story of two outlets and an article of a feed with a password."""
    now = world.clock.now()
    for path, title, number in (
        ("/one", "The First", 11),
        ("/two", "The Second", 12),
        ("/secret", "Vault", 13),
    ):
        domain = title.split()[-1].lower()
        url = server.serve(path, make_rss(make_rss_item(900 + number), title=title))
        server_id = world.guild.id if path == "/secret" else None
        feed = await world.store.feeds.add(url, server_id=server_id)
        await world.store.subscriptions.follow(
            server_id=world.guild.id, channel_id=world.news.id, feed_id=feed.id, first_article_id=None
        )
        await world.poll(feed)
        headline = STORY if number < 13 else "Only for subscribers"
        entry = make_rss_item(number, title=headline, body="Engineers <i>found</i> them.", published=now - 100 + number)
        entry = entry.replace("news.example", f"{domain}.example")
        await publish_items(world, server, feed, entry, make_rss_item(900 + number), title=title)


async def test_posts_are_published_as_atom_rss_and_json(telex, feed_server, readers):
    await publish_two_outlets(telex, feed_server)
    posts = await readers.share_channel()
    status, headers, body = await readers.get(posts)
    assert (status, headers["Content-Type"]) == (200, "application/atom+xml; charset=utf-8")
    assert headers["Cache-Control"] == "private, max-age=300"
    atom = feedparser.parse(body)
    assert not atom.bozo
    assert (atom.version, atom.feed.title, atom.feed.language) == (
        "atom10",
        "Posts in #news · Newsroom",
        "en",
    )
    titles = [entry.title for entry in atom.entries]
    assert titles.count("Harbour bridge closes after <b>cracks & rust were found") == 2
    assert "Only for subscribers" not in body  # the feed with a password belongs to one server
    by_link = {linked_entry.link: linked_entry for linked_entry in atom.entries}
    first_entry = by_link["https://first.example/articles/11"]
    assert (first_entry.author, first_entry.published_parsed[0]) == ("The First", 2026)
    assert first_entry.summary == "<p>Engineers found them.</p>"
    status, headers, body = await readers.get(posts.replace("atom", "rss"))
    feed = feedparser.parse(body)
    assert (feed.version, feed.bozo, headers["Content-Type"]) == (
        "rss20",
        False,
        "application/rss+xml; charset=utf-8",
    )
    assert [rss_entry.id for rss_entry in feed.entries] == [atom_entry.id for atom_entry in atom.entries]
    assert {feed_entry.guidislink for feed_entry in feed.entries} == {False}
    _status, headers, body = await readers.get(posts.replace("posts.atom", "stories.json"))
    json_feed = json.loads(body)
    assert headers["Content-Type"] == "application/feed+json; charset=utf-8"
    assert (json_feed["version"], json_feed["feed_url"]) == (
        "https://jsonfeed.org/version/1.1",
        posts.replace("posts.atom", "stories.json"),
    )
    (story,) = [json_item for json_item in json_feed["items"] if "Harbour" in json_item["title"]]
    assert story["url"] == "https://first.example/articles/11"
    assert story["content_html"].count("<li>") == 1
    assert '<a href="https://second.example/articles/12">The Second: Harbour bridge' in story["content_html"]
    assert "<b>" not in story["content_html"]
    assert len({feed_item["id"] for feed_item in json_feed["items"]}) == len(json_feed["items"])
    for kind in ("posts", "stories"):
        for extension in ("atom", "rss", "json"):
            address = posts.replace("posts.atom", f"{kind}.{extension}")
            check_document(address, (await readers.get(address))[2])
    _status, headers, _body = await readers.get(posts)
    validators = {"If-None-Match": headers["ETag"]}, {"If-Modified-Since": headers["Last-Modified"]}
    for validator in validators:
        status, second_headers, body = await readers.get(posts, **validator)
        assert (status, body, second_headers["ETag"]) == (304, "", headers["ETag"])
    telex.clock.advance(60)
    await follow_feed(telex, feed_server)
    for validator in validators:
        assert (await readers.get(posts, **validator))[0] == 200
    for _ in range(feed_routes.MAX_REQUESTS):
        status, headers, _body = await readers.get(posts, **validators[0])
    assert (status, int(headers["Retry-After"]) > 0) == (429, True)
    telex.clock.advance(feed_routes.PERIOD_SECONDS)
    assert (await readers.get(posts))[0] == 200


async def test_digest_is_published_as_entry(telex, feed, feed_server, readers):
    await start_digest(telex)
    await publish_articles(telex, feed_server, feed, "Linux gets a scheduler", "Chips shrink")
    await telex.deliver()
    await advance_until_due(telex)
    address = (await readers.share_channel()).replace("posts", "digest")
    (entry,) = feedparser.parse((await readers.get(address))[2]).entries
    assert entry.title.startswith("Today’s news, ")
    assert entry.link == telex.posts()[-1].jump_url
    assert "Chips shrink</a> (Example News)" in entry.content[0].value


async def test_only_public_channel_is_shared(telex, feed, readers):
    posts = await readers.share_channel()
    assert (await readers.get(posts))[0] == 200
    await restrict_to_editors(telex, telex.news)
    assert (await readers.get(posts))[0] == 403
    panel = get_last_reply(await telex.run_as_editor("feed share"))
    assert "🟠 On hold: not everyone in the server can read this channel anymore" in read_message_text(panel)
    assert posts.split("/")[-2] not in read_message_text(panel)
    panel = get_last_reply(await telex.editor.click(panel, label="Stop sharing"))
    assert "Not shared. @everyone must be able to view" in read_message_text(panel)
    assert [component for component in list_controls(panel) if component.get("disabled")]
    assert (await readers.get(posts))[0] == 404


async def test_address_ends_with_replacement_channel_or_server(telex, feed, feed_server, readers):
    first_address = await readers.share_channel()
    second_address = await readers.share_channel()
    await publish_articles(telex, feed_server, feed, *(f"Topic {number}" for number in range(CATCH_UP_COUNT)))
    await telex.deliver()
    assert len(telex.posts()) < CATCH_UP_COUNT  # a catch-up is not one story
    stories = (await readers.get(second_address.replace("posts", "stories")))[2]
    assert len(feedparser.parse(stories).entries) == CATCH_UP_COUNT + 1
    await telex.set_channel_setting(setting_registry.JOIN_STORIES, False, telex.news)
    panel = get_last_reply(await telex.run_as_editor("feed share"))
    panel = get_last_reply(await telex.editor.click(panel, label="Replace address"))
    assert "Stories" not in read_message_text(panel)
    (second_address,) = re.findall(rf"{PUBLIC}/feeds/\S+posts.atom", read_message_text(panel))
    assert [(await readers.get(address))[0] for address in (first_address, second_address)] == [404, 200]
    history = read_reply_text(await telex.run_as_editor("settings history"))
    assert "**Feed of the channel**: not shared → shared" in history
    other_channel = telex.guild.create_text_channel("other")
    await telex.store.channel_feeds.create_token(server_id=telex.guild.id, channel_id=other_channel.id, user_id=1)
    telex.env.backend.delete_channel(other_channel.id)
    await telex.env.settle()
    assert await telex.store.channel_feeds.get_by_channel(other_channel.id) is None
    for invalid_suffix in ("/", "/posts.exe", "/other.atom"):
        assert (await readers.get(second_address.replace("/posts.atom", invalid_suffix)))[0] == 404
    assert (await readers.get(f"{PUBLIC}/feeds/{'x' * 5000}/posts.atom"))[0] == 404
    for guess in range(FailedLookupLimiter.MAX_MISSES - 1):  # beside the old address
        assert (await readers.get(f"{PUBLIC}/feeds/{guess}/posts.atom"))[0] == 404
    status, headers, _body = await readers.get(f"{PUBLIC}/feeds/guess/posts.atom")
    assert (status, headers["Retry-After"]) == (429, "3")
    other_client = {"X-Forwarded-For": "192.0.2.7, 2001:db8::7"}
    assert (await readers.get(f"{PUBLIC}/feeds/other/posts.atom", **other_client))[0] == 404
    create_token = telex.store.channel_feeds.create_token
    token = await create_token(server_id=telex.guild.id, channel_id=telex.news.id, user_id=1)
    second_address = f"{PUBLIC}/feeds/{token}/posts.atom"
    assert (await readers.get(second_address))[0] == 200, "failed guesses don't lock out a reader with a valid address"
    await telex.store.servers.mark_left(telex.guild.id)
    await telex.store.servers.mark_joined(telex.guild.id)
    telex.clock.advance(FailedLookupLimiter.PERIOD_SECONDS)
    assert (await readers.get(second_address))[0] == 404
    assert second_address.split("/")[-2].encode() not in store_probe.require_database_file(telex.database).read_bytes()


async def test_own_feeds_cannot_be_followed(telex, feed_server, readers):
    posts = await readers.share_channel()
    refusal_text = read_reply_text(await telex.run_as_editor("feed add", url=posts))
    assert "This is one of my own feeds" in refusal_text
    detour = feed_server.redirect("/detour", posts)
    with pytest.raises(FeedError) as error:
        await telex.newsroom.fetcher.get(detour)
    assert error.value.code == fetch_errors.OWN_FEED


async def test_sharing_without_public_url_names_setting(telex):
    object.__setattr__(telex.newsroom, "settings", replace(telex.newsroom.settings, public_url=None))
    telex.locales[telex.editor.id] = "fr"
    assert "TELEX_PUBLIC_URL" in read_reply_text(await telex.run_as_editor("feed share"))
