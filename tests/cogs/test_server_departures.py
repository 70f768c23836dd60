"""Servers that the bot leaves: blocked, left by the operator or not allowed."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import discord
import pytest

from bot.core.preferences import ServerPolicy
from bot.operating import server_decisions
from bot.store import DatabaseFault
from bot.store.records.operating_records import ServerProfile
from cogs.running.server_events import GuildEventsCog
from tests.support.discord_world import World, invite_bot, reinvite_bot
from tests.support.wire.waiting import wait_until


def list_server_ids(world: World) -> set[int]:
    return set(world.env.backend.guilds)


async def leave_denied_servers(world: World) -> None:
    """Leave the denied servers, as the bot does after a new entry in the audit log."""
    cog = world.bot.get_cog("GuildEventsCog")
    assert isinstance(cog, GuildEventsCog)
    await cog.departures.leave_denied_servers()
    await world.env.settle()


async def block_server(world: World, server_id: int) -> None:
    settings = world.newsroom.settings
    await server_decisions.change_access(world.store, settings, server_id, is_allowed=False, user_id=None)


async def set_policy(world: World, policy: ServerPolicy) -> None:
    """Change the setting `servers` and restart the bot."""
    object.__setattr__(world.newsroom, "settings", replace(world.newsroom.settings, servers=policy))
    await world.restart()


async def test_blocked_server_is_left_on_every_invitation(telex):
    other_server = invite_bot(telex.env, "Other", locale="fr")
    other_server.create_text_channel("hall")
    await telex.env.settle()
    await block_server(telex, other_server.id)
    sentences: list[str] = []
    telex.env.backend.subscribers.append(
        lambda event, payload: sentences.append(payload["content"]) if event == "MESSAGE_CREATE" else None
    )
    await reinvite_bot(telex, other_server)
    assert sentences == ["Ce bot n’est pas disponible sur ce serveur. Adressez-vous aux personnes qui le gèrent."]
    assert list_server_ids(telex) == {telex.guild.id}
    other_overview = await telex.store.server_directory.get_overview(other_server.id)
    assert other_overview is not None
    assert (other_overview.name, other_overview.joined_at, other_overview.is_allowed) == ("Other", None, False)
    await telex.store.servers.mark_joined(other_server.id)  # as when it was invited again while it was down
    assert await telex.store.server_access.load_denied_server_ids(ServerPolicy.ALL, None) == {other_server.id}


async def test_blocked_server_is_left_despite_database_fault(telex, monkeypatch):
    other_server = invite_bot(telex.env, "Other")
    await telex.env.settle()
    await block_server(telex, other_server.id)
    record_profiles, pending_faults = telex.store.servers.record_profiles, [DatabaseFault("disk full")]

    async def record_or_fail(profiles: dict[int, ServerProfile]) -> None:
        if pending_faults:
            raise pending_faults.pop()
        await record_profiles(profiles)

    monkeypatch.setattr(telex.store.servers, "record_profiles", record_or_fail)
    monkeypatch.setattr("bot.store.facade.WRITE_RETRY_SECONDS", 0)
    await reinvite_bot(telex, other_server)
    assert list_server_ids(telex) == {telex.guild.id}


async def test_left_server_may_invite_bot_again(telex):
    settings = telex.newsroom.settings
    await server_decisions.request_leave(telex.store, settings, telex.guild.id, user_id=telex.editor.id)
    await leave_denied_servers(telex)
    assert list_server_ids(telex) == set()
    (entry,) = await telex.store.audit_log.list_entries(server_id=telex.guild.id)
    assert (entry.user_id, entry.action) == (telex.editor.id, "server-leave")
    await telex.store.servers.mark_joined(telex.guild.id)
    assert not await telex.store.server_access.load_denied_server_ids(settings.servers, None)


async def test_failing_departure_does_not_prevent_others(telex, monkeypatch):
    invite_bot(telex.env, "Other")
    await telex.env.settle()
    for server_id in list_server_ids(telex):
        await block_server(telex, server_id)
    stuck_id, *_other_ids = await telex.store.server_access.load_denied_server_ids(ServerPolicy.ALL, None)
    leave = discord.Guild.leave

    async def leave_or_fail(guild: discord.Guild) -> None:
        if guild.id == stuck_id:
            raise discord.HTTPException(SimpleNamespace(status=500, reason=""), "")  # type: ignore[arg-type]
        await leave(guild)

    monkeypatch.setattr(discord.Guild, "leave", leave_or_fail)
    with pytest.raises(discord.HTTPException):
        await leave_denied_servers(telex)
    await telex.env.settle()
    assert list_server_ids(telex) == {stuck_id}


async def test_allow_list_starts_with_current_servers(telex):
    await set_policy(telex, ServerPolicy.ALLOWED)
    await leave_denied_servers(telex)
    assert list_server_ids(telex) == {telex.guild.id}
    stranger = telex.env.create_guild("Stranger")
    await wait_until(lambda: list_server_ids(telex) == {telex.guild.id})
    await telex.env.settle()
    await set_policy(telex, ServerPolicy.ALL)
    await leave_denied_servers(telex)
    newcomer = telex.env.create_guild("Newcomer")
    await telex.env.settle()
    await block_server(telex, telex.guild.id)
    await set_policy(telex, ServerPolicy.ALLOWED)  # the newcomer is on the list, and the block stays
    await leave_denied_servers(telex)
    assert list_server_ids(telex) == {newcomer.id}
    assert stranger.id not in {overview.id for overview in await telex.store.server_directory.list_overviews()}


async def test_last_use_and_name_of_server_are_stored(telex):
    await telex.run_as_reader("about")
    telex.env.backend.edit_guild(telex.guild.id, {"name": "Renamed"})
    await telex.env.settle()
    (overview,) = await telex.store.server_directory.list_overviews()
    assert overview.last_used_at == telex.clock.now() - telex.clock.now() % 86_400
    assert (overview.name, overview.member_count) == ("Renamed", 4)
    await telex.advance(86_400)
    await telex.run_as_reader("about")
    (later_overview,) = await telex.store.server_directory.list_overviews()
    assert later_overview.last_used_at == overview.last_used_at + 86_400
