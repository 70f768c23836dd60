"""Rules of the stand-in: Discord's API description, limits and permissions."""

from __future__ import annotations

import discord
import pytest

from bot.drill.discord_stand_in import schema
from bot.drill.discord_stand_in.state import Permission
from tests.support.shared_data import require_shared_path
from tests.support.wire.clients import get_text_channel


@pytest.fixture
def contract() -> schema.ContractChecker:
    return schema.load_contract_checker(require_shared_path("discord/openapi.json"))


@pytest.mark.parametrize(
    ("body", "finding"),
    [
        ({"content": "x", "nonce": "n" * 26}, "nonce"),
        ({"embeds": [{"title": "t" * 257}]}, "embeds/0/title"),
        ({"embeds": [{"title": "t"}] * 11}, "embeds"),
        ({"components": [{"type": 1, "components": []}]}, "components/0/components"),
        ({"content": 7}, "content"),
    ],
)
def test_invalid_request_is_reported(contract, body, finding):
    findings = contract.check_request("POST", "/channels/1/messages", {}, body)
    assert any(f": {finding}: " in line for line in findings), findings


def test_invalid_response_is_reported(contract):
    assert contract.check_response("GET", "/users/@me", 200, {"id": "1"})
    assert contract.check_response("GET", "/users/@me", 418, {"code": "no"})
    assert contract.check_response("DELETE", "/channels/1/messages/2", 204, {})
    assert contract.check_request("GET", "/channels/1/messages", {"limit": "101"}, None)
    assert contract.check_request("GET", "/channels/1/nothing", {}, None)


def test_integer_ids_are_accepted(contract):
    assert not contract.check_request("POST", "/users/@me/channels", {}, {"recipient_id": 7})
    button = {"type": 2, "style": 2, "custom_id": "x", "emoji": {"id": 7, "name": "icon"}}
    row = {"type": 1, "components": [button]}
    assert not contract.check_request("POST", "/channels/1/messages", {}, {"components": [row]})


async def test_undocumented_limits_are_enforced(client, general):
    channel = get_text_channel(client, general)
    twins = discord.ui.View()
    for label in ("One", "Two"):
        twins.add_item(discord.ui.Button(label=label, custom_id="same"))
    long = [discord.Embed(description="d" * 3001), discord.Embed(description="d" * 3000)]
    attempts = [
        channel.send("x" * 2001),
        channel.send("😀" * 1001),
        channel.send(embeds=long),
        channel.send("x", view=twins),
        channel.send("half of a pair \ud83d"),
        channel.send(embed=discord.Embed(title="t", url="javascript:alert()")),
    ]
    for attempt in attempts:
        with pytest.raises(discord.HTTPException) as refused:
            await attempt
        assert (refused.value.status, refused.value.code) == (400, 50035)
    assert not general.messages


def make_layout(*texts: str) -> discord.ui.LayoutView:
    view = discord.ui.LayoutView()
    for text in texts:
        view.add_item(discord.ui.TextDisplay(text))
    return view


async def test_layout_message_has_own_limits_and_stays_layout(client, general):
    channel = get_text_channel(client, general)
    classic = await channel.send("Hello", embed=discord.Embed(title="t"))
    sent = await channel.send(view=make_layout("First"))
    before = list(general.messages)
    parts = {"flags": 1 << 15, "components": make_layout("x").to_components()}
    route = discord.http.Route("POST", "/channels/{channel_id}/messages", channel_id=channel.id)
    attempts = [
        channel.send(view=make_layout("x" * 2001, "y" * 2000)),
        client.http.request(route, json=parts | {"content": "beside"}),
        client.http.request(route, json=parts | {"flags": 0}),
        classic.edit(view=make_layout("what was there stays beside it")),
        channel.get_partial_message(sent.id).edit(content="back", view=None),
        channel.get_partial_message(sent.id).edit(embed=discord.Embed(title="t")),
    ]
    for attempt in attempts:
        with pytest.raises(discord.HTTPException) as refused:
            await attempt
        assert (refused.value.status, refused.value.code) == (400, 50035)
    assert list(general.messages) == before
    await channel.get_partial_message(classic.id).edit(content=None, embed=None, view=make_layout("Now a layout"))
    await channel.get_partial_message(sent.id).edit(view=make_layout("Second"))
    assert [message.render_visible_text().count('"type": 10') for message in general.history()] == [1, 1]
    assert general.messages[classic.id].embeds == []


async def test_permissions_are_enforced_per_action(client, discord_server, general):
    channel = get_text_channel(client, general)
    sent = await channel.send("Hello")
    discord_server.changes.deny(general, Permission.EMBED_LINKS)
    with pytest.raises(discord.Forbidden):
        await channel.send(embed=discord.Embed(title="t"))
    discord_server.changes.deny(general, Permission.ADD_REACTIONS)
    with pytest.raises(discord.Forbidden):
        await sent.add_reaction("🔖")
    discord_server.changes.deny(general, Permission.READ_MESSAGE_HISTORY)
    assert [message async for message in channel.history()] == []
    with pytest.raises(discord.Forbidden):
        await channel.fetch_message(sent.id)
    discord_server.changes.allow(general, Permission.EMBED_LINKS)
    await channel.send(embed=discord.Embed(title="t"))
