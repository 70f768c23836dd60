"""The stand-in's gateway and interactions checked with discord.py itself."""

from __future__ import annotations

from contextlib import AsyncExitStack

import discord
import pytest

from tests.wire.clients import Witness, no_wait, online, redirect, text_channel
from tests.wire.state import Permission


async def test_login_brings_the_servers_and_their_channels(client, place, general):
    guild = client.get_guild(place.id)
    assert [channel.name for channel in guild.channels] == ["general"]
    assert guild.me.guild_permissions.manage_messages
    application = await client.application_info()
    assert application.id == client.application_id


async def test_a_wrong_token_is_refused(discord_server, monkeypatch):
    redirect(discord_server, monkeypatch)
    with pytest.raises(discord.LoginFailure):
        await Witness().login("wrong")


async def test_a_privileged_intent_that_was_not_granted_is_refused(discord_server, monkeypatch):
    redirect(discord_server, monkeypatch)
    client = discord.Client(intents=discord.Intents.all())
    with pytest.raises(discord.PrivilegedIntentsRequired):
        async with online(client, discord_server.token):
            pass
    await client.close()


async def test_two_clients_share_the_shards_and_each_hears_of_its_own_servers(discord_server, monkeypatch):
    redirect(discord_server, monkeypatch)
    monkeypatch.setattr("discord.gateway.asyncio.sleep", no_wait)
    monkeypatch.setattr(discord.Client, "before_identify_hook", _at_once)
    acts, people, limits = discord_server.acts, discord_server.people, discord_server.gateway.limits
    discord_server.shards, limits.period = 2, 0.2
    async with AsyncExitStack() as clients:
        for shard in (0, 1):
            channel = acts.add_channel(acts.add_server("Newsroom", shard=(shard, 2)), "general")
            client = Witness(shard_id=shard, shard_count=2)
            await clients.enter_async_context(online(client, discord_server.token))
            assert [guild.id for guild in client.guilds] == [channel.server_id]
            people.say(people.join(channel.server_id or 0, "Ada"), channel, "Hello")
            (message,) = await client.saw("message")
            assert message.channel.id == channel.id
            assert [name for name, _ in client.seen].count("message") == 1
    assert [data["shard"] for data in discord_server.gateway.identified] == [[0, 2], [1, 2]]
    assert limits.refused > 0  # the second came too early, was told so, and tried again
    assert limits.described()["remaining"] == 998


async def test_other_peoples_words_are_blank_without_the_content_intent(client, discord_server, general, ada):
    discord_server.people.say(ada, general, "Secret")
    (message,) = await client.saw("message")
    assert (message.author.id, message.content) == (ada.id, "")


async def test_missed_events_come_after_a_resume(client, discord_server, general, ada):
    message = discord_server.people.say(ada, general, "Hello")
    await client.saw("message")
    discord_server.gateway.cut()
    await discord_server.until(lambda: not discord_server.gateway.connected)
    discord_server.people.react(ada, message)
    await client.saw("raw_reaction_add")
    await client.saw("resumed")
    assert len(discord_server.gateway.identified) == 1


async def test_the_client_reconnects_when_asked_to(client, discord_server):
    discord_server.gateway.request_reconnect()
    await client.saw("resumed")
    assert (discord_server.gateway.resumed, len(discord_server.gateway.identified)) == (1, 1)


async def test_a_heartbeat_is_answered_when_asked_for(client, discord_server):
    before = discord_server.gateway.heartbeats
    discord_server.gateway.ask_for_heartbeat()
    await discord_server.until(lambda: discord_server.gateway.heartbeats > before)


async def test_an_invalid_session_is_identified_anew(client, discord_server, monkeypatch):
    monkeypatch.setattr("discord.gateway.asyncio.sleep", no_wait)
    discord_server.gateway.invalidate()
    await client.saw("ready", times=2)
    assert len(discord_server.gateway.identified) == 2


async def test_an_outage_is_not_a_leave(client, discord_server, place):
    discord_server.acts.outage(place)
    await client.saw("guild_unavailable")
    discord_server.acts.recover(place)
    await client.saw("guild_available", times=2)
    discord_server.acts.kick(place)
    await client.saw("guild_remove")
    discord_server.acts.invite(place)
    await client.saw("guild_join")


async def test_a_changed_role_changes_what_the_client_believes_it_may_do(client, discord_server, place):
    role = next(role for role in place.roles.values() if role.name == "Telex")
    discord_server.acts.change_role(place, role, int(Permission.ADMINISTRATOR))
    await client.saw("guild_role_update")
    guild = client.get_guild(place.id)
    assert guild.me.guild_permissions.administrator


async def test_commands_are_registered_used_and_answered(client, discord_server, general, ada):
    @client.tree.command(description="Says something")
    async def say(interaction: discord.Interaction, text: str) -> None:
        await interaction.response.send_message(text, ephemeral=True)
        await interaction.followup.send("And more")

    @client.tree.command(description="Takes its time")
    async def think(interaction: discord.Interaction, place: discord.TextChannel) -> None:
        await interaction.response.defer(thinking=True)
        await interaction.edit_original_response(content=place.name)

    await client.tree.sync()
    said = discord_server.people.command(ada, general, "say", text="Hello")
    thought = discord_server.people.command(ada, general, "think", place=general)
    await discord_server.until(lambda: said.followups and thought.answered)
    assert (said.message and said.message.content, said.ephemeral) == ("Hello", True)
    assert [message.content for message in said.followups] == ["And more"]
    assert thought.message.content == "general"


async def test_buttons_modals_and_autocompletion_work(client, discord_server, general, ada):
    class Buttons(discord.ui.View):
        @discord.ui.button(label="Once", custom_id="once")
        async def once(self, interaction: discord.Interaction, _: discord.ui.Button[Buttons]) -> None:
            await interaction.response.edit_message(content="Clicked", view=None)

    async def complete(_: discord.Interaction, current: str) -> list[discord.app_commands.Choice[str]]:
        return [discord.app_commands.Choice(name=current + "!", value=current)]

    @client.tree.command(description="Finds")
    @discord.app_commands.autocomplete(text=complete)
    async def find(interaction: discord.Interaction, text: str) -> None:
        await interaction.response.send_message(text)

    await client.tree.sync()
    sent = await text_channel(client, general).send("Click", view=Buttons())
    clicked = discord_server.people.click(ada, general.messages[sent.id], "once")
    completed = discord_server.people.autocomplete(ada, general, "find", "text", text="ab")
    await discord_server.until(lambda: clicked.answered and completed.answered)
    assert general.messages[sent.id].content == "Clicked"
    assert not general.messages[sent.id].custom_ids()
    assert completed.callback["data"]["choices"] == [{"name": "ab!", "value": "ab"}]


async def _at_once(client: discord.Client, shard_id: int | None, *, initial: bool = False) -> None:
    """Instead of the five seconds that Discord wants between two shards."""
