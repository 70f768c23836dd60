"""Export and erasure of a server's data in /owner."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from unittest.mock import AsyncMock

from simcord.results import InteractionResult

from bot.operating import server_erasures
from bot.operating.audit_follower import AUDIT_EVENT
from tests.cogs.owner.owner_server import OWNER_SERVER_ID, OwnerServer
from tests.support.feed_server import make_rss, make_rss_item
from tests.support.interactions import get_last_reply, list_button_labels, press_button, read_reply_text
from tests.support.scenario import follow_feed
from tests.support.wire.waiting import wait_until


async def open_data_page(office: OwnerServer, search_text: str) -> InteractionResult:
    """Open the data page of the server that the operator searches for."""
    panel = await office.operator.slash(office.channel, "owner")
    page = await office.operator.submit_modal(await office.click(panel, "Find a server…"), {"line": search_text})
    return await office.click(page, "Data…")


def load_json_file(office: OwnerServer, answer: InteractionResult) -> Any:
    """Load the JSON file attached to an answer."""
    return json.loads(office.world.env.backend.cdn.get(get_last_reply(answer).attachments[0].url))


async def test_server_data_is_exported_and_erased(office, feed_server):
    telex, server_id = office.world, office.world.guild.id
    await follow_feed(telex, feed_server)
    url = feed_server.serve("/private", make_rss(make_rss_item(9, title="Secret minutes"))).replace(
        "http://", "http://jane:s3cr3t@"
    )
    preview = await telex.run_as_editor("feed add", url=url)
    await press_button(telex.editor, preview, "Follow")
    await telex.deliver()
    await telex.newsroom.index.catch_up()
    assert "Secret minutes" in read_reply_text(await telex.run_as_reader("search", query="minutes"))
    for article in await telex.store.articles.list_newest(None, limit=10):
        await telex.store.bookmarks.add(telex.reader.id, article.id, server_id=server_id, channel_id=telex.news.id)
    bookmark_count = await telex.store.bookmarks.count(telex.reader.id)

    page = await open_data_page(office, "newsroom")
    assert "1 channel · 2 feeds" in read_reply_text(page)
    export = load_json_file(office, await office.click(page, "Export"))
    assert export["tables"]["channel"][0]["id"] == str(telex.news.id)
    assert "s3cr3t" not in json.dumps(export)
    question = await office.click(page, "Erase…")
    assert "Erase everything about Newsroom?" in read_reply_text(question)
    page = await office.click(question, "Cancel")
    leaving = await office.click(await office.click(page, "Erase…"), "Erase permanently")
    await wait_until(lambda: server_id not in telex.env.backend.guilds)
    await telex.env.settle()
    assert "as soon as I’ve left the server" in read_reply_text(leaving)
    telex.clock.advance(60)
    assert (await server_erasures.erase_requested_servers(telex.store))[0].server_id == server_id

    erased_page = await office.click(leaving, "Refresh")
    assert "Nothing is stored about this server." in read_reply_text(erased_page)
    assert list_button_labels(get_last_reply(erased_page)) == ["Back", "Receipt"]
    receipt = load_json_file(office, await office.click(erased_page, "Receipt"))
    assert receipt["deleted"]["bookmark"] == 1
    assert receipt["cleared"]["bookmark"] == bookmark_count - 1
    await telex.newsroom.index.catch_up()
    search_page = await telex.newsroom.searcher.search("minutes", feed_ids=None)
    assert not search_page.results
    bookmarks = await telex.store.bookmarks.list_by_user(telex.reader.id, limit=10)
    assert {(bookmark.server_id, bookmark.channel_id) for bookmark in bookmarks} == {(None, None)}
    assert "Secret minutes" not in {bookmark.article.title for bookmark in bookmarks}


async def test_export_too_large_for_discord_names_terminal_command(office, monkeypatch):
    server_id = office.world.guild.id
    page = await open_data_page(office, str(server_id))

    async def export(_server_id: int, write: Callable[[str], object]) -> None:
        write("é" * 14_000_000)  # more bytes than the 25 MiB of the simulated Discord, in fewer characters

    monkeypatch.setattr(office.world.store.server_data, "export", export)
    refusal = read_reply_text(await office.click(page, "Export"))
    assert refusal.endswith(f"In the terminal: `telex servers export {server_id} FILE`")


async def test_own_server_is_not_erased(office):
    page = await open_data_page(office, "office")
    refusal = await office.click(await office.click(page, "Erase…"), "Erase permanently")
    assert read_reply_text(refusal) == "That’s your own server (TELEX_OWNER_SERVER): I stay there."
    assert not await office.world.store.server_data.is_erasure_requested(OWNER_SERVER_ID)


async def test_preference_model_is_reloaded_after_erasure(telex, monkeypatch):
    services, server_id = telex.bot.services, telex.guild.id
    load_training_data = AsyncMock(wraps=telex.store.opinions.load_training_data)
    monkeypatch.setattr(telex.store.opinions, "load_training_data", load_training_data)
    for _ in range(2):
        await services.preference_models.get(server_id)
    assert load_training_data.await_count == 1
    services.cluster_events.announce(AUDIT_EVENT)
    await services.preference_models.get(server_id)
    assert load_training_data.await_count == 2
