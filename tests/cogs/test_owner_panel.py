"""/owner exists in the operator's server alone, and only operators may use it, checked again at each press."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest
from simcord.actors import MemberActor
from simcord.builders import ChannelHandle, GuildHandle

from bot.core.settings import Settings
from tests.support.discord_world import World
from tests.support.interactions import choose, last_reply, message_text

OWNER_SERVER_ID = 1_234_567_890_123_456_789


@pytest.fixture
def settings(settings) -> Settings:
    return replace(settings, owner_server=OWNER_SERVER_ID)


@dataclass
class Office:
    """The operator's server: a channel, the operator and a member who is none."""

    world: World
    guild: GuildHandle
    channel: ChannelHandle
    operator: MemberActor
    visitor: MemberActor


@pytest.fixture
async def office(telex, monkeypatch) -> Office:
    guild = telex.env.create_guild("Office", id=OWNER_SERVER_ID)
    channel = guild.create_text_channel("desk")
    operator = guild.add_member(telex.env.create_user("operator"))
    visitor = guild.add_member(telex.env.create_user("visitor"))
    await telex.env.settle()

    async def application_info() -> Any:
        return SimpleNamespace(team=None, owner=operator.user)

    monkeypatch.setattr(telex.bot, "application_info", application_info)
    return Office(telex, guild, channel, operator, visitor)


async def test_only_operators_see_the_servers_and_only_in_their_own_server(office, monkeypatch):
    answer = await office.operator.slash(office.channel, "owner")
    assert message_text(answer).startswith("### Servers\n2 servers")
    refusal = await office.visitor.slash(office.channel, "owner")
    assert message_text(refusal) == "Only the owner of this bot, or a member of its team, can use this."
    assert [command.name for command in await office.world.bot.tree.fetch_commands()].count("owner") == 0
    office.world.locales[office.operator.id] = "fr"
    french = await choose(office.operator, last_reply(answer), "Newest first", "Order")
    assert message_text(french).startswith("### Serveurs\n2 serveurs")

    async def application_info() -> Any:
        return SimpleNamespace(team=None, owner=office.visitor.user)

    monkeypatch.setattr(office.world.bot, "application_info", application_info)
    office.world.clock.advance(61)
    refusal = await choose(office.operator, last_reply(answer), "Par nom", "Ordre")
    assert message_text(refusal).startswith("Seule la personne qui gère ce bot")


async def test_the_command_leaves_a_server_that_is_no_longer_the_operators(office):
    tree = office.world.bot.tree
    server = SimpleNamespace(id=OWNER_SERVER_ID)
    assert [command.name for command in await tree.fetch_commands(guild=server)] == ["owner"]
    settings = replace(office.world.newsroom.settings, owner_server=None)
    object.__setattr__(office.world.newsroom, "settings", settings)
    await office.world.restart()
    assert await office.world.bot.tree.fetch_commands(guild=server) == []
