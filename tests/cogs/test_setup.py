"""The welcome message in a new server, and /setup."""

from __future__ import annotations

import discord
import pytest
from simcord.backend import serializers
from simcord.backend.models import Overwrite
from simcord.builders import ChannelHandle, GuildHandle
from simcord.enums import OverwriteType

from bot.feeds.parsing import opml
from cogs.feeds import starter_packs
from tests.support.discord_world import World, invite_bot, reinvite_bot
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.interactions import (
    find_menu,
    forge_click,
    get_last_reply,
    hide_channel,
    list_controls,
    press_button,
    read_message_text,
    read_reply_text,
)
from tests.support.message_texts import find_title
from tests.support.scenario import list_posted_titles, make_three_rss_items

CHANNEL_MENU_TYPE = 8
WEEK_SECONDS = 7 * 86_400


async def create_server_with_bot(telex: World, locale: str = "en-US") -> tuple[GuildHandle, ChannelHandle]:
    """Create a server with one channel and invite the bot."""
    guild = invite_bot(telex.env, "New", locale=locale)
    await telex.env.settle()
    channel = guild.create_text_channel("general")
    await telex.env.settle()
    await reinvite_bot(telex, guild)
    return guild, channel


async def test_welcome_is_repeated_without_feeds_or_after_a_week(telex):
    guild, channel = await create_server_with_bot(telex)
    (welcome,) = telex.posts(channel)
    assert "three clicks" in read_message_text(welcome)
    await reinvite_bot(telex, guild)
    assert len(telex.posts(channel)) == 2  # it follows nothing
    await telex.follow("https://example.com/feed", channel)
    await reinvite_bot(telex, guild)
    assert len(telex.posts(channel)) == 2
    telex.clock.advance(WEEK_SECONDS + 1)
    await reinvite_bot(telex, guild)
    assert len(telex.posts(channel)) == 3


async def test_welcome_uses_language_of_server(telex):
    _guild, channel = await create_server_with_bot(telex, "fr")
    (welcome,) = telex.posts(channel)
    assert "Bonjour" in read_message_text(welcome)
    assert "**Commencer**" in read_message_text(welcome)


async def test_outage_and_restart_do_not_repeat_welcome(telex):
    guild, channel = await create_server_with_bot(telex)
    backend = telex.env.backend
    payload = serializers.guild_create_payload(backend, backend.get_guild(guild.id))
    backend.emit("GUILD_DELETE", {"id": str(guild.id), "unavailable": True})
    await telex.env.settle()
    backend.emit("GUILD_CREATE", dict(payload))
    await telex.env.settle()
    await telex.restart()
    assert len(telex.posts(channel)) == 1
    assert telex.posts() == []  # a server that had no channel when the bot came


@pytest.mark.parametrize(("age", "welcome_count"), [(0, 1), (WEEK_SECONDS, 0)])
async def test_unknown_server_is_welcomed_at_start_only_if_new(telex, age, welcome_count):
    """The server invited the bot during an outage, or the bot lost its database."""
    guild = invite_bot(telex.env, "New")
    await telex.env.settle()
    channel = guild.create_text_channel("general")
    await telex.env.settle()
    await telex.store.servers.mark_left(guild.id)
    await telex.store.servers.purge(telex.clock.now() + 1)
    telex.clock.advance(age)
    await telex.restart()
    assert len(telex.posts(channel)) == welcome_count


async def test_welcome_is_posted_in_system_channel(telex):
    guild = invite_bot(telex.env, "New")
    await telex.env.settle()
    first = guild.create_text_channel("first")
    system = guild.create_text_channel("system")
    telex.env.backend.get_guild(guild.id).system_channel_id = system.id
    await telex.env.settle()
    await reinvite_bot(telex, guild)
    assert (len(telex.posts(first)), len(telex.posts(system))) == (0, 1)


async def test_welcome_is_posted_in_public_postable_channel(telex):
    guild = invite_bot(telex.env, "New")
    await telex.env.settle()
    muted_channel = guild.create_text_channel("mute")
    staff_channel = guild.create_text_channel("staff")
    lobby_channel = guild.create_text_channel("lobby")
    await telex.set_permissions(muted_channel, send_messages=False)
    deny = discord.Permissions(view_channel=True).value
    everyone = Overwrite(target_id=guild.default_role.id, type=OverwriteType.ROLE, allow=0, deny=deny)
    telex.env.backend.set_overwrite(staff_channel.id, everyone)
    await telex.set_permissions(staff_channel, view_channel=True, send_messages=True)
    await reinvite_bot(telex, guild)
    assert [len(telex.posts(channel)) for channel in (muted_channel, staff_channel, lobby_channel)] == [0, 0, 1]


async def test_welcome_is_skipped_without_postable_channel(telex):
    guild = invite_bot(telex.env, "New")
    await telex.env.settle()
    only_channel = guild.create_text_channel("only")
    await telex.set_permissions(only_channel, send_messages=False)
    await reinvite_bot(telex, guild)
    assert telex.posts(only_channel) == []


@pytest.fixture
def starter_pack_server(feed_server, monkeypatch) -> FeedServer:
    """A server of starter packs with two valid feeds and a broken one."""
    feed_server.serve("/1", make_rss(*make_three_rss_items(), title="One"))
    feed_server.serve("/2", make_rss(make_rss_item(9, title="Of two"), title="Two"))
    feeds_by_pack = {
        "english-tech": [("One", "/1"), ("Broken", "/3")],
        "french-tech": [("One", "/1"), ("Two", "/2")],
    }
    monkeypatch.setattr(
        starter_packs,
        "list_outlines",
        lambda pack: tuple(
            opml.Outline(title, feed_server.origin + path, None, "en") for title, path in feeds_by_pack.get(pack, [])
        ),
    )
    return feed_server


async def test_setup_follows_packs_and_reports_failures(telex, starter_pack_server):
    setup_reply = await telex.run_as_editor("setup")
    assert get_last_reply(setup_reply).ephemeral
    follow_button = next(
        component for component in list_controls(get_last_reply(setup_reply)) if component.get("label") == "Follow"
    )
    assert follow_button["disabled"]
    custom_id, _options = find_menu(get_last_reply(setup_reply), "Starter packs")
    setup_reply = await telex.editor.select(
        get_last_reply(setup_reply), ["english-tech", "french-tech"], custom_id=custom_id
    )
    final_reply = await press_button(telex.editor, setup_reply, "Follow")
    reply_text = read_reply_text(final_reply)
    assert f"arriving in <#{telex.news.id}>" in reply_text
    assert reply_text.count("**One**") == 1
    assert "✅ **Two**" in reply_text
    assert "❌ **Broken**: No feed found at that address" in reply_text
    assert "/bookmarks" in reply_text
    await telex.deliver()
    assert {find_title(post) for post in telex.posts()} == {"Cities ban facial recognition", "Of two"}
    history = await telex.store.preferences.list_changes(telex.guild.id, limit=9)
    assert [(change.user_id, change.new_value) for change in history] == [(telex.editor.id, "followed")] * 2


async def test_setup_follows_pasted_address_in_chosen_channel(telex, starter_pack_server):
    other_channel = telex.guild.create_text_channel("other")
    setup_reply = await telex.run_as_editor("setup")
    form = await press_button(telex.editor, setup_reply, "Add a site…")
    setup_reply = await telex.editor.submit_modal(form, {"line": f"{starter_pack_server.origin}/2"})
    assert "**Two**" in read_reply_text(setup_reply)
    custom_id = next(
        str(component["custom_id"])
        for component in list_controls(get_last_reply(setup_reply))
        if component["type"] == CHANNEL_MENU_TYPE
    )
    setup_reply = await telex.editor.select(get_last_reply(setup_reply), [other_channel], custom_id=custom_id)
    final_reply = await press_button(telex.editor, setup_reply, "Follow")
    assert f"arriving in <#{other_channel.id}>" in read_reply_text(final_reply)
    await telex.deliver()
    assert list_posted_titles(telex, other_channel) == ["Of two"]


async def test_setup_refuses_address_without_feed_and_continues(telex, starter_pack_server):
    setup_reply = await telex.run_as_editor("setup")
    form = await press_button(telex.editor, setup_reply, "Add a site…")
    assert "No feed found at that address" in read_reply_text(
        await telex.editor.submit_modal(form, {"line": f"{starter_pack_server.origin}/3"})
    )
    form = await press_button(telex.editor, setup_reply, "Add a site…")
    assert "**Two**" in read_reply_text(
        await telex.editor.submit_modal(form, {"line": f"{starter_pack_server.origin}/2"})
    )


async def test_setup_shows_missing_permissions_of_channel(telex, starter_pack_server):
    closed_channel = telex.guild.create_text_channel("closed")
    await telex.set_permissions(closed_channel, send_messages=False)
    setup_reply = await telex.run_as_editor("setup")
    custom_id, _options = find_menu(get_last_reply(setup_reply), "Starter packs")
    setup_reply = await telex.editor.select(get_last_reply(setup_reply), ["french-tech"], custom_id=custom_id)
    custom_id = next(
        str(component["custom_id"])
        for component in list_controls(get_last_reply(setup_reply))
        if component["type"] == CHANNEL_MENU_TYPE
    )
    setup_reply = await telex.editor.select(get_last_reply(setup_reply), [closed_channel], custom_id=custom_id)
    assert "**Send Messages**" in read_reply_text(setup_reply)
    follow_button = next(
        candidate_button
        for candidate_button in list_controls(get_last_reply(setup_reply))
        if candidate_button.get("label") == "Follow"
    )
    assert follow_button["disabled"]
    answer = await forge_click(telex.editor, telex.news, get_last_reply(setup_reply), follow_button["custom_id"])
    assert "I can’t post" in read_reply_text(answer)
    assert await telex.store.subscriptions.count(telex.guild.id) == 0


async def test_setup_follows_nothing_in_hidden_channel(telex, starter_pack_server):
    hidden_channel = telex.guild.create_text_channel("other")
    setup_reply = await telex.editor.slash(hidden_channel, "setup")
    custom_id, _options = find_menu(get_last_reply(setup_reply), "Starter packs")
    setup_reply = await telex.editor.select(get_last_reply(setup_reply), ["french-tech"], custom_id=custom_id)
    follow_button = next(
        component for component in list_controls(get_last_reply(setup_reply)) if component.get("label") == "Follow"
    )
    hide_channel(telex, hidden_channel, telex.editor)
    await telex.env.settle()
    answer = await forge_click(telex.editor, telex.news, get_last_reply(setup_reply), follow_button["custom_id"])
    assert "a channel you can’t see" in read_reply_text(answer)
    assert await telex.store.subscriptions.count(telex.guild.id) == 0


async def test_welcome_button_works_after_restart_and_for_managers(telex):
    guild, channel = await create_server_with_bot(telex)
    (welcome,) = telex.posts(channel)
    await telex.restart()
    managers = guild.create_role("Managers", permissions=discord.Permissions(manage_guild=True))
    owner = guild.add_member(telex.editor.user, roles=[managers])
    stranger = guild.add_member(telex.reader.user)
    await telex.env.settle()
    opened_reply = await owner.click(welcome, label="Get started")
    assert "Your first feeds" in read_reply_text(opened_reply)
    assert get_last_reply(opened_reply).ephemeral
    assert "You need the Manage Server permission" in read_reply_text(
        await stranger.click(welcome, label="Get started")
    )


async def test_cancelled_setup_changes_nothing(telex, starter_pack_server):
    setup_reply = await telex.run_as_editor("setup")
    assert "Nothing changed." in read_reply_text(await press_button(telex.editor, setup_reply, "Cancel"))
    assert await telex.store.subscriptions.count(telex.guild.id) == 0
