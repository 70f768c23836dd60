"""Telex installed by a user, in group chats and in servers without the bot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import discord
from simcord.enums import InteractionType
from simcord.results import InteractionResult

from bot.processes import peer_queries
from tests.cogs.requesters import (
    ABROAD,
    DIRECT,
    GROUP,
    GUEST,
    MEMBER,
    PUBLIC,
    UNKNOWN_SERVER_ID,
    VAULT,
    Requesters,
    create_requesters,
)
from tests.cogs.requesters import (
    read_full_reply as heard,
)
from tests.support import store_probe
from tests.support.interactions import (
    get_button_custom_id,
    get_last_reply,
    hide_channel,
    list_button_labels,
    read_message_text,
)
from tests.support.store_probe import Column

COMMAND = InteractionType.APPLICATION_COMMAND


async def send_command(people: Requesters, asker: str, name: str, **options: Any) -> InteractionResult:
    people.world.clock.advance(60)
    return await people.send(asker, COMMAND, people.build_command_data(name, options))


async def choose_menu_entry(people: Requesters, asker: str, name: str, **message: Any) -> str:
    """Choose an entry in the context menu of a message from another user."""
    message_payload = {
        "id": "77",
        "channel_id": str(UNKNOWN_SERVER_ID + 1),
        "author": {"id": "5", "username": "friend", "discriminator": "0", "avatar": None},
        "content": "",
        "embeds": [],
        "components": [],
        "attachments": [],
        "mentions": [],
        "mention_roles": [],
        "mention_everyone": False,
        "pinned": False,
        "tts": False,
        "type": 0,
        "timestamp": "2026-01-01T00:00:00+00:00",
        "edited_timestamp": None,
    }
    command_data = {
        "id": people.find_command_payload(name, 3)["id"],
        "name": name,
        "type": 3,
        "target_id": "77",
    }
    return heard(
        await people.send(asker, COMMAND, command_data | {"resolved": {"messages": {"77": message_payload | message}}})
    )


def find_tables_with_ids(database: Path, *ids: int) -> list[str]:
    """List the tables that contain one of these IDs."""
    return [
        table
        for table in store_probe.list_tables(database)
        for row in store_probe.load_rows(database, table)
        if set(ids) & set(row.values())
    ]


async def test_guest_commands_work_without_storing_the_place(telex, feed_server):
    people = await create_requesters(telex, feed_server)
    for asker in (GUEST, GROUP):
        answer = await send_command(people, asker, "ask", question="What’s new with thieves?", public=True)
        assert get_last_reply(answer).ephemeral
        assert PUBLIC in read_message_text(get_last_reply(answer))
        assert VAULT not in read_message_text(get_last_reply(answer))
        unanswered_reply = await send_command(people, asker, "ask", question="How deep is the ocean of Europa?")
        assert (
            list_button_labels(get_last_reply(unanswered_reply)) == []
        )  # a watch would belong to a server, and no article is shown
        search_reply = get_last_reply(await send_command(people, asker, "search", query="thieves"))
        assert search_reply.ephemeral
        assert PUBLIC in read_message_text(search_reply)
        assert VAULT not in read_message_text(search_reply)
        assert "Watch" not in list_button_labels(search_reply)
        shared = await people.press(asker, search_reply, get_button_custom_id(search_reply, "Share…"))
        card = shared.followups[-1]
        assert not card.ephemeral
        assert f"Shared by {telex.reader.user.mention}" in read_message_text(card)
        save = f"telex:save:{people.articles[PUBLIC].key}"
        assert save in json.dumps(card.components)
        assert "Removed" in await people.click(asker, card, save)
        assert "Saved to your bookmarks" in await people.click(asker, card, save)
        assert PUBLIC in heard(await send_command(people, asker, "bookmarks"))
    assert (
        find_tables_with_ids(
            store_probe.require_database_file(telex.database), UNKNOWN_SERVER_ID, UNKNOWN_SERVER_ID + 1
        )
        == []
    )
    bookmarks = await telex.store.bookmarks.list_by_user(telex.reader.id, limit=5)
    assert [(bookmark.server_id, bookmark.message_id) for bookmark in bookmarks] == [(telex.guild.id, None)]


async def test_guest_cannot_share_without_permission_or_hidden_article(telex, feed_server, monkeypatch):
    people = await create_requesters(telex, feed_server)
    search_reply = get_last_reply(await send_command(people, DIRECT, "search", query="thieves"))
    assert "Share…" not in list_button_labels(search_reply)  # nobody else is there
    search_reply = get_last_reply(await send_command(people, GUEST, "search", query="thieves"))
    key = people.articles[PUBLIC].key
    muted_permissions = discord.Permissions.all()
    muted_permissions.use_external_apps = False
    with monkeypatch.context() as patch:
        patch.setattr(discord.Interaction, "permissions", muted_permissions)
        assert "Only you can see my messages" in await people.click(GUEST, search_reply, f"telex:share:{key}")
    hidden_key = people.articles[VAULT].key
    assert "gone, or it’s from a feed you can’t see" in await people.click(
        GUEST, search_reply, f"telex:share:{hidden_key}"
    )
    feed = await telex.store.feeds.get(people.articles[PUBLIC].feed_id)
    store_probe.set_column(telex.database, Column.FEED_SERVER_ID, telex.guild.id, row_ids=[feed.id])
    assert "belongs to one server" in await people.click(GUEST, search_reply, f"telex:share:{key}")


async def test_guest_sees_articles_of_all_shared_servers(telex, feed_server, monkeypatch):
    people = await create_requesters(telex, feed_server)
    abroad = people.abroad.guild
    abroad.add_member(telex.reader.user)
    await telex.env.settle()
    latest_text = heard(await send_command(people, GUEST, "latest"))
    assert PUBLIC in latest_text
    assert ABROAD in latest_text
    assert ABROAD not in heard(await send_command(people, MEMBER, "latest"))
    with monkeypatch.context() as another_process:  # which has its shard, and does not answer
        another_process.setattr(peer_queries, "QUERY_TIMEOUT_SECONDS", 0)
        another_process.setattr(telex.store.shards, "serves", lambda server_id: server_id != abroad.id)
        latest_text = heard(await send_command(people, GUEST, "latest"))
        assert PUBLIC in latest_text
        assert ABROAD not in latest_text
        assert f"I can’t reach {abroad.name} right now" in latest_text
    link = people.articles[ABROAD].url
    assert "Saved" in await choose_menu_entry(people, GROUP, "Bookmark", content=f"Look: <{link}>!")
    hidden_link = people.articles[VAULT].url
    assert "can see" in await choose_menu_entry(people, GROUP, "More like this", content=hidden_link)
    assert VAULT not in await choose_menu_entry(people, GROUP, "Bookmark", content=hidden_link)
    assert "More like" in await choose_menu_entry(
        people, GUEST, "More like this", embeds=[{"type": "link", "url": link}]
    )
    hide_channel(telex, telex.news, telex.reader)
    latest_text = heard(await send_command(people, GUEST, "latest"))
    assert PUBLIC not in latest_text
    assert ABROAD in latest_text
    telex.env.backend.remove_member(abroad.id, telex.reader.id)
    await telex.env.settle()
    assert "We don’t share a server" in heard(await send_command(people, GUEST, "latest"))
    assert ABROAD not in await people.autocomplete(GUEST, "search", "source", "")
