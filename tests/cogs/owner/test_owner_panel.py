"""/owner: only in the operator's server, only for operators, and servers blocked and allowed."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import discord
from simcord.results import InteractionResult

from tests.cogs.owner.owner_server import OWNER_SERVER_ID, OwnerServer
from tests.support.interactions import get_last_reply, list_button_labels, read_reply_text, select_option
from tests.support.wire.waiting import wait_until


async def find_server(office: OwnerServer, search_text: str) -> InteractionResult:
    """Open the panel as the operator and search for a server."""
    panel = await office.operator.slash(office.channel, "owner")
    return await office.operator.submit_modal(await office.click(panel, "Find a server…"), {"line": search_text})


async def test_owner_panel_is_for_operators_in_their_own_server(office, monkeypatch):
    answer = await office.operator.slash(office.channel, "owner")
    assert read_reply_text(answer).startswith("### Servers\n2 servers")
    refusal = await office.visitor.slash(office.channel, "owner")
    assert read_reply_text(refusal) == "Only the owner of this bot, or a member of its team, can use this."
    assert [command.name for command in await office.world.bot.tree.fetch_commands()].count("owner") == 0
    office.world.locales[office.operator.id] = "fr"
    french = await select_option(office.operator, get_last_reply(answer), "Newest first", "Order")
    assert read_reply_text(french).startswith("### Serveurs\n2 serveurs")

    roles = discord.TeamMemberRole
    team = [SimpleNamespace(id=office.visitor.id, role=roles.developer), SimpleNamespace(id=1, role=roles.admin)]

    async def application_info() -> Any:
        return SimpleNamespace(team=SimpleNamespace(members=team))

    monkeypatch.setattr(office.world.bot, "application_info", application_info)
    office.world.clock.advance(61)
    refusal = await select_option(office.operator, get_last_reply(answer), "Par nom", "Ordre")
    assert read_reply_text(refusal).startswith("Seule la personne qui gère ce bot")
    assert read_reply_text(await office.visitor.slash(office.channel, "owner")).startswith("### Servers")


async def test_owner_command_is_removed_when_owner_server_is_unset(office):
    tree = office.world.bot.tree
    server = SimpleNamespace(id=OWNER_SERVER_ID)
    assert [command.name for command in await tree.fetch_commands(guild=server)] == ["owner"]
    settings = replace(office.world.newsroom.settings, owner_server=None)
    object.__setattr__(office.world.newsroom, "settings", settings)
    await office.world.restart()
    assert await office.world.bot.tree.fetch_commands(guild=server) == []


async def test_operator_finds_blocks_and_allows_server(office):
    telex, operator = office.world, office.operator
    panel = await operator.slash(office.channel, "owner")
    page = await select_option(operator, get_last_reply(panel), "Newsroom", "Open")
    assert "0 feeds · 0 posts a day" in read_reply_text(page)
    question = await office.click(page, "Block")
    assert "Block **Newsroom**?" in read_reply_text(question)
    assert telex.guild.id in telex.env.backend.guilds
    await office.click(question, "Block")
    await wait_until(lambda: telex.guild.id not in telex.env.backend.guilds)
    await telex.env.settle()
    blocked_page = await office.click(await find_server(office, str(telex.guild.id)), "Back")
    assert "**Newsroom** · blocked, I’m not in it" in read_reply_text(blocked_page)
    await office.click(await find_server(office, "newsr"), "Allow")
    allowed_page = await find_server(office, "newsroom")
    assert "allowed, I’m not in it" in read_reply_text(allowed_page)
    assert list_button_labels(get_last_reply(allowed_page)) == ["Back", "Block", "Limits…", "Data…"]
    log = await select_option(operator, get_last_reply(allowed_page), "Audit log", "Page")
    assert [line.partition(" · ")[2] for line in read_reply_text(log).splitlines()[2:4]] == [
        f"<@{operator.id}> · allowed the server · **Newsroom**",
        f"<@{operator.id}> · blocked the server · **Newsroom**",
    ]


async def test_own_server_is_never_left_or_blocked(office):
    page = await find_server(office, "office")
    for label in ("Leave", "Block"):
        question = await office.click(page, label)
        refusal = await office.click(question, label)
        assert read_reply_text(refusal) == "That’s your own server (TELEX_OWNER_SERVER): I stay there."
    assert await office.world.store.audit_log.list_entries() == []
    assert read_reply_text(await find_server(office, "nowhere")) == "No server has this name or ID."
