"""The stand-in's messages, roles and threads, used through discord.py."""

import subprocess
import sys

import discord
import pytest

from bot.drill.discord_stand_in.state import ChannelKind, Permission
from tests.support.wire.clients import get_text_channel, skip_sleep


async def test_message_is_posted_edited_fetched_and_deleted(client, discord_server, general):
    channel = get_text_channel(client, general)
    view = discord.ui.View()
    view.add_item(discord.ui.Button(label="Save", emoji="🔖", custom_id="save:1"))
    view.add_item(discord.ui.Button(label="Read", url="https://news.example/1"))
    embed = discord.Embed(title="Headline", url="https://news.example/1", description="What happened.")
    embed.set_image(url="https://news.example/1.png").set_footer(text="Example News")
    sent = await channel.send("Hello", embed=embed, view=view)
    await client.wait_for_event("message")
    await sent.edit(content="Hello again")
    await client.wait_for_event("raw_message_edit")
    fetched_message = await channel.fetch_message(sent.id)
    assert (fetched_message.content, fetched_message.embeds[0].title) == ("Hello again", "Headline")
    assert fetched_message.edited_at is not None
    assert [message.id async for message in channel.history(limit=5)] == [sent.id]
    await sent.delete()
    await client.wait_for_event("raw_message_delete")
    with pytest.raises(discord.NotFound) as missing:
        await channel.fetch_message(sent.id)
    assert missing.value.code == 10008


async def test_reactions_are_added_counted_and_listed(client, discord_server, general, ada):
    sent = await get_text_channel(client, general).send("Save me")
    await sent.add_reaction("🔖")
    message = general.messages[sent.id]
    discord_server.people.react(ada, message)
    (payload,) = await client.wait_for_event("raw_reaction_add", times=2)
    assert (payload.user_id, payload.message_id, str(payload.emoji)) == (ada.id, sent.id, "🔖")
    assert payload.message_author_id == discord_server.state.bot.id
    fetched_message = await sent.channel.fetch_message(sent.id)
    assert (fetched_message.reactions[0].count, fetched_message.reactions[0].me) == (2, True)
    assert {user.id async for user in fetched_message.reactions[0].users()} == {
        discord_server.state.bot.id,
        ada.id,
    }
    discord_server.people.unreact(ada, message)
    (payload,) = await client.wait_for_event("raw_reaction_remove")
    assert payload.user_id == ada.id


async def test_reacting_users_are_paginated(client, discord_server, general, newsroom_server):
    sent = await get_text_channel(client, general).send("Save me")
    people = [discord_server.people.join(newsroom_server.id, f"Reader {number}") for number in range(103)]
    for person in reversed(people):
        discord_server.people.react(person, general.messages[sent.id])
    fetched_message = await sent.channel.fetch_message(sent.id)
    user_ids = [user.id async for user in fetched_message.reactions[0].users()]
    assert sorted(user_ids) == [person.id for person in people]


async def test_nonce_returns_same_message_within_window(client, discord_server, general):
    channel = get_text_channel(client, general)
    first = await channel.send("Once", nonce="article-1")
    assert (await channel.send("Once", nonce="article-1")).id == first.id
    discord_server.changes.nonce_window_seconds = 0
    assert (await channel.send("Once", nonce="article-1")).id != first.id


async def test_nonce_is_unique_per_author_across_channels(client, discord_server, general, newsroom_server):
    other_channel = discord_server.changes.add_channel(newsroom_server, "other")
    await client.wait_for_event("guild_channel_create")
    first = await get_text_channel(client, general).send("Once", nonce="article-1")
    assert (await get_text_channel(client, other_channel).send("Once", nonce="article-1")).id == first.id
    assert not other_channel.messages


async def test_library_repeats_forum_post_after_server_errors(client, discord_server, newsroom_server, monkeypatch):
    """This is why Telex does not let the library retry forum posts."""
    forum = discord_server.changes.add_channel(newsroom_server, "forum", ChannelKind.FORUM)
    await client.wait_for_event("guild_channel_create")
    channel = client.get_channel(forum.id)
    assert isinstance(channel, discord.ForumChannel)
    monkeypatch.setattr("discord.http.asyncio.sleep", skip_sleep)
    discord_server.faults.fail("POST /channels/*/threads", after_effect=True, times=None)
    with pytest.raises(discord.DiscordServerError):
        await channel.create_thread(name="Once", content="Once")
    threads = [thread for thread in discord_server.state.channels.values() if thread.parent_id == forum.id]
    assert len(threads) == 5


async def test_errors_have_discord_codes(client, discord_server, general):
    channel = get_text_channel(client, general)
    discord_server.changes.deny(general, Permission.SEND_MESSAGES)
    with pytest.raises(discord.Forbidden) as forbidden:
        await channel.send("Hello")
    assert forbidden.value.code == 50013
    discord_server.changes.deny(general, Permission.VIEW_CHANNEL)
    with pytest.raises(discord.Forbidden) as unseen:
        await channel.send("Hello")
    assert unseen.value.code == 50001
    discord_server.changes.remove_channel(general)
    with pytest.raises(discord.NotFound) as channel_error:
        await channel.send("Hello")
    assert channel_error.value.code == 10003


async def test_rate_limit_is_waited_for_and_ban_raises(client, discord_server, general):
    channel = get_text_channel(client, general)
    discord_server.faults.rate_limit("POST /channels/*/messages", 0.05)
    await channel.send("Hello")
    discord_server.faults.rate_limit("POST /channels/*/messages", 0.05, is_global=True)
    await channel.send("Hello")
    assert discord_server.count_calls("POST", "/messages") == 4
    discord_server.faults.rate_limit("POST /channels/*/messages", 0.05, has_via=False)
    with pytest.raises(discord.HTTPException) as banned:
        await channel.send("Hello")
    assert banned.value.status == 429


async def test_archived_thread_reopens_on_message_but_not_on_reaction(client, discord_server, general):
    started = await get_text_channel(client, general).send("Start")
    thread = await started.create_thread(name="Talk")
    sent = await thread.send("Hello")
    thread_channel = discord_server.state.channels[thread.id]
    discord_server.changes.set_archived(thread_channel)
    with pytest.raises(discord.HTTPException) as archived:
        await sent.add_reaction("🔖")
    assert archived.value.code == 50083
    assert [archived_thread.id async for archived_thread in get_text_channel(client, general).archived_threads()] == [
        thread.id
    ]
    await thread.send("Again")
    assert not thread_channel.archived
    assert [active_thread.id for active_thread in await thread.guild.active_threads()] == [thread.id]


async def test_direct_message_is_delivered_or_refused(client, discord_server, ada, newsroom_server):
    user = await client.fetch_user(ada.id)
    sent = await user.send("Hello")
    assert discord_server.changes.open_direct_channel(ada).messages[sent.id].content == "Hello"
    discord_server.people.say(ada, discord_server.changes.open_direct_channel(ada), "Hello yourself")
    (message,) = await client.wait_for_event("message", times=2)
    assert message.content == "Hello yourself"
    closed_person = discord_server.people.join(newsroom_server.id, "Shy")
    closed_person.accepts_dm = False
    with pytest.raises(discord.Forbidden) as refused:
        await (await client.fetch_user(closed_person.id)).send("Hello")
    assert refused.value.code == 50007


def test_stand_in_starts_without_jsonschema():
    script = "import sys; sys.modules['jsonschema'] = None; import bot.drill.discord_stand_in.discord_server"
    subprocess.run([sys.executable, "-c", script], check=True)


async def test_role_members_are_counted_and_mentions_resolved(client, discord_server, general, newsroom_server, ada):
    role = discord_server.changes.add_role(newsroom_server, "AI", mentionable=True)
    staff = discord_server.changes.add_role(newsroom_server, "Staff")
    await client.wait_for_event("guild_role_create", times=2)
    newsroom_server.role_ids_by_member_id[ada.id].append(role.id)
    guild = client.get_guild(newsroom_server.id)
    with pytest.raises(discord.Forbidden):
        await guild.role_member_counts()
    bot_role = newsroom_server.roles[newsroom_server.role_ids_by_member_id[discord_server.state.bot.id][0]]
    discord_server.changes.change_role(newsroom_server, bot_role, int(Permission.MANAGE_ROLES))
    counts = {counted_role.id: count for counted_role, count in (await guild.role_member_counts()).items()}
    assert counts == {role.id: 1, staff.id: 0, bot_role.id: 1}
    roles = [discord.Object(role.id), discord.Object(staff.id)]
    text, channel = f"<@&{role.id}> <@&{staff.id}>", get_text_channel(client, general)
    sent = await channel.send(text, allowed_mentions=discord.AllowedMentions(roles=roles))
    silent = await channel.send(text, allowed_mentions=discord.AllowedMentions.none())
    assert general.messages[sent.id].notified_role_ids == (role.id,)  # Nobody may mention the other one.
    assert general.messages[silent.id].notified_role_ids == ()


async def test_member_profile_of_bot_is_set_and_reset(client, discord_server, newsroom_server):
    member = client.get_guild(newsroom_server.id).me
    png_bytes = b"\x89PNG\r\n\x1a\n" + bytes(20)
    edited = await member.edit(avatar=png_bytes, banner=png_bytes, bio="News for us")
    assert edited.guild_avatar is not None
    await client.wait_for_event("member_update")
    assert newsroom_server.bot_profile["bio"] == "News for us"
    assert member.guild_banner is not None
    await member.edit(avatar=None, banner=None, bio=None)
    await client.wait_for_event("member_update", times=2)
    assert (member.guild_avatar, member.guild_banner) == (None, None)
