"""The stand-in's gateway and interactions, used through discord.py."""

from __future__ import annotations

from contextlib import AsyncExitStack

import discord
import pytest

from tests.support.wire.clients import (
    RecordingClient,
    connect_client,
    get_text_channel,
    redirect_discord_py,
    skip_sleep,
)


async def test_ungranted_privileged_intent_is_refused(discord_server, monkeypatch):
    redirect_discord_py(discord_server, monkeypatch)
    client = discord.Client(intents=discord.Intents.all())
    with pytest.raises(discord.PrivilegedIntentsRequired):
        async with connect_client(client, discord_server.token):
            pass
    await client.close()


async def test_clients_share_shards_and_receive_own_events(discord_server, monkeypatch):
    redirect_discord_py(discord_server, monkeypatch)
    monkeypatch.setattr("discord.gateway.asyncio.sleep", skip_sleep)
    monkeypatch.setattr(discord.Client, "before_identify_hook", _identify_at_once)
    changes, people, limits = discord_server.changes, discord_server.people, discord_server.gateway.limits
    discord_server.shard_count, limits.min_start_interval_seconds = 2, 0.2
    async with AsyncExitStack() as clients:
        for shard in (0, 1):
            channel = changes.add_channel(changes.add_server("Newsroom", shard=(shard, 2)), "general")
            client = RecordingClient(shard_id=shard, shard_count=2)
            await clients.enter_async_context(connect_client(client, discord_server.token))
            assert [guild.id for guild in client.guilds] == [channel.server_id]
            people.say(people.join(channel.server_id or 0, "Ada"), channel, "Hello")
            (message,) = await client.wait_for_event("message")
            assert message.channel.id == channel.id
            assert [name for name, _ in client.events].count("message") == 1
    assert [identify_data["shard"] for identify_data in discord_server.gateway.identify_payloads] == [[0, 2], [1, 2]]
    assert limits.refused_count > 0  # the second came too early, was told so, and tried again
    assert limits.to_payload()["remaining"] == 998


async def test_content_of_others_is_blank_without_intent(client, discord_server, general, ada):
    discord_server.people.say(ada, general, "Secret")
    (message,) = await client.wait_for_event("message")
    assert (message.author.id, message.content) == (ada.id, "")


async def test_buttons_and_autocompletion_work(client, discord_server, general, ada):
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
    sent = await get_text_channel(client, general).send("Click", view=Buttons())
    clicked = discord_server.people.click(ada, general.messages[sent.id], "once")
    completed = discord_server.people.autocomplete(ada, general, "find", "text", text="ab")
    await discord_server.wait_until(lambda: clicked.answered and completed.answered)
    assert general.messages[sent.id].content == "Clicked"
    assert not general.messages[sent.id].list_custom_ids()
    assert completed.callback["data"]["choices"] == [{"name": "ab!", "value": "ab"}]


async def _identify_at_once(client: discord.Client, shard_id: int | None, *, initial: bool = False) -> None:
    """Skip the five seconds between the starts of two shards."""
