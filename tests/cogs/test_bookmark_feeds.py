"""Bookmarks as a feed at a secret address of their owner."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from ipaddress import ip_network

import feedparser
import pytest
from simcord.results import ResponseMessage

from bot.client.web import feed_routes
from bot.core.configuration.settings import Settings
from bot.core.configuration.settings_reading import read_settings
from tests.cogs.test_bookmarks import read_attachment
from tests.cogs.test_link_saving import TITLE, save_link, serve_page
from tests.cogs.test_shared_channels import PUBLIC, Readers, readers  # noqa: F401 - a fixture
from tests.support import store_probe
from tests.support.discord_world import World
from tests.support.interactions import (
    forge_click,
    get_button_custom_id,
    get_last_reply,
    list_button_labels,
    read_message_text,
    read_reply_text,
)
from tests.support.scenario import follow_feed, get_newest_article
from tests.support.store_probe import Column


@pytest.fixture
def settings(tmp_path) -> Settings:
    return replace(
        read_settings(),
        database=tmp_path / "telex.db",
        allow_private_addresses=(ip_network("127.0.0.0/8"),),
        public_url=PUBLIC,
        health_address=("127.0.0.1", 0),
    )


async def open_panel(world: World) -> ResponseMessage:
    bookmark_list = get_last_reply(await world.run_as_reader("bookmarks"))
    return get_last_reply(await world.reader.click(bookmark_list, label="As a feed"))


async def create_address(world: World) -> str:
    """Create the address of the reader's bookmarks, which is shown only once."""
    panel = await open_panel(world)
    panel = get_last_reply(await world.reader.click(panel, label=list_button_labels(panel)[0]))
    (address,) = re.findall(rf"{PUBLIC}/feeds/\S+", read_message_text(panel))
    assert PUBLIC not in read_message_text(await open_panel(world))
    return str(address)


async def test_bookmarks_are_published_in_three_formats(telex, feed, feed_server, readers):  # noqa: F811
    article = await get_newest_article(telex, feed)
    await telex.store.bookmarks.add(telex.reader.id, article.id, server_id=telex.guild.id)
    await telex.store.bookmarks.annotate(telex.reader.id, article.id, note="For Ben alone", tags=["law"])
    telex.clock.advance(60)
    await save_link(telex, serve_page(feed_server))
    address = await create_address(telex)
    for extension in ("atom", "rss"):
        status, headers, body = await readers.get(address.replace(".atom", f".{extension}"))
        assert status == 200
        assert "no-store" in headers["Cache-Control"] or "private" in headers["Cache-Control"]
        document = feedparser.parse(body)
        assert document.feed.title == "My bookmarks in Telex"
        assert [entry.title for entry in document.entries] == [TITLE, "Cities ban facial recognition"]
        assert document.entries[1].tags[0].term == "law"
        assert "Ben" not in body
    status, _headers, body = await readers.get(address.replace(".atom", ".json"))
    assert status == 200
    items = json.loads(body)["items"]
    assert [item["url"] for item in items] == [feed_server.origin + "/lamp", article.url]
    assert "lighthouse keeper" in items[0]["content_html"]


async def test_replaced_or_deleted_address_returns_404(telex, feed_server, readers):  # noqa: F811
    await save_link(telex, serve_page(feed_server))
    first_address = await create_address(telex)
    second_address = await create_address(telex)
    assert first_address != second_address
    assert (await readers.get(first_address))[0] == 404
    assert TITLE in (await readers.get(second_address))[2]
    panel = await open_panel(telex)
    assert "Address created" in read_message_text(panel)
    stranger = await forge_click(telex.editor, telex.news, panel, get_button_custom_id(panel, "Delete address"))
    assert "for the person who asked" in read_reply_text(stranger)
    panel = get_last_reply(await telex.reader.click(panel, label="Delete address"))
    assert "No address yet." in read_message_text(panel)
    assert (await readers.get(second_address))[0] == 404
    for guess in ("bookmarks.atom", "posts.atom"):
        assert (await readers.get(f"{PUBLIC}/feeds/guess/{guess}"))[0] == 404


async def test_token_is_stored_as_hash_and_opens_only_bookmarks(telex, feed, readers):  # noqa: F811
    address = await create_address(telex)
    token = address.split("/")[-2]
    for table in store_probe.list_tables(store_probe.require_database_file(telex.database)):
        assert token not in str(store_probe.load_rows(store_probe.require_database_file(telex.database), table))
    for content_type in ("posts", "stories", "digest"):
        assert (await readers.get(address.replace("bookmarks", content_type)))[0] == 404
    channel_address = await readers.share_channel()
    assert (await readers.get(channel_address.replace("posts", "bookmarks")))[0] == 404


async def test_deletion_of_user_data_closes_bookmark_feed(telex, feed_server, readers):  # noqa: F811
    await save_link(telex, serve_page(feed_server))
    address = await create_address(telex)
    panel = get_last_reply(await telex.run_as_reader("privacy"))
    assert "• 1 web page among them that you saved for you alone, with its text" in read_message_text(panel)
    assert "• the secret address of your bookmarks’ feed" in read_message_text(panel)
    document = json.loads(read_attachment(telex, await telex.reader.click(panel, label="Export")))
    assert document["bookmarks"][0]["text"].startswith("The lighthouse keeper")
    assert document["bookmark_feed"] is not None
    confirmation = get_last_reply(await telex.reader.click(panel, label="Delete everything"))
    deletion_reply = await telex.reader.click(confirmation, label="Delete permanently")
    assert "• the secret address of your bookmarks’ feed" in read_reply_text(deletion_reply)
    assert (await readers.get(address))[0] == 404
    assert await telex.store.saved_pages.count(telex.reader.id) == 0


async def test_bookmark_feed_omits_articles_user_may_not_see(
    telex,
    feed_server,
    readers,  # noqa: F811
):
    feed = await follow_feed(telex, feed_server)
    await telex.store.bookmarks.add(
        telex.reader.id, (await get_newest_article(telex, feed)).id, server_id=telex.guild.id
    )
    address = await create_address(telex)
    assert "Cities ban" in (await readers.get(address))[2]
    store_probe.set_column(telex.database, Column.FEED_SERVER_ID, telex.guild.id, row_ids=[feed.id])
    assert "Cities ban" not in (await readers.get(address))[2]
    store_probe.set_column(telex.database, Column.FEED_SERVER_ID, 0, row_ids=[feed.id])
    telex.guild.remove_member(telex.reader)
    await telex.env.settle()
    status, _headers, body = await readers.get(address)
    assert status == 200
    assert "Cities ban" not in body


async def test_bookmark_feed_limits_requests(telex, feed_server, readers):  # noqa: F811
    address = await create_address(telex)
    for _ in range(feed_routes.MAX_REQUESTS):
        status, headers, _body = await readers.get(address)
        assert status == 200
    status, again_headers, _body = await readers.get(address, **{"If-None-Match": headers["ETag"]})
    assert status == 429
    assert int(again_headers["Retry-After"]) > 0
    telex.clock.advance(feed_routes.PERIOD_SECONDS)
    assert (await readers.get(address, **{"If-None-Match": headers["ETag"]}))[0] == 304
