"""The bot leaves servers that an operator blocked, has it leave or did not allow, and no others."""

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
from tests.support.discord_world import World, invite, reinvite_bot
from tests.support.wire.waiting import until


def list_servers(world: World) -> set[int]:
    return set(world.env.backend.guilds)


async def follow_decisions(world: World) -> None:
    """What the loop does when the audit log has a new entry."""
    cog = world.bot.get_cog("GuildEventsCog")
    assert isinstance(cog, GuildEventsCog)
    await cog.departures.leave_denied_servers()
    await world.env.settle()


async def block(world: World, server_id: int) -> None:
    settings = world.newsroom.settings
    await server_decisions.change_access(world.store, settings, server_id, is_allowed=False, user_id=None)


async def set_policy(world: World, policy: ServerPolicy) -> None:
    """The operator changes the setting, and starts the bot again."""
    object.__setattr__(world.newsroom, "settings", replace(world.newsroom.settings, servers=policy))
    await world.restart()


async def test_a_blocked_server_is_left_and_not_joined_again(telex):
    other_server = invite(telex.env, "Other", locale="fr")
    other_server.create_text_channel("hall")
    await telex.env.settle()
    await block(telex, other_server.id)
    sentences: list[str] = []
    telex.env.backend.subscribers.append(
        lambda event, payload: sentences.append(payload["content"]) if event == "MESSAGE_CREATE" else None
    )
    await reinvite_bot(telex, other_server)
    assert sentences == ["Ce bot n’est pas disponible sur ce serveur. Adressez-vous aux personnes qui le gèrent."]
    assert list_servers(telex) == {telex.guild.id}
    unknown = await telex.store.server_directory.get_overview(other_server.id)
    assert unknown is not None
    assert (unknown.name, unknown.joined_at, unknown.is_allowed) == ("Other", None, False)
    await telex.store.servers.mark_joined(other_server.id)  # as when it was invited again while it was down
    assert await telex.store.server_access.load_denied_server_ids(ServerPolicy.ALL, None) == {other_server.id}


async def test_a_blocked_server_is_left_though_the_database_fails_when_it_invites(telex, monkeypatch):
    other_server = invite(telex.env, "Other")
    await telex.env.settle()
    await block(telex, other_server.id)
    record_profiles, faults = telex.store.servers.record_profiles, [DatabaseFault("disk full")]

    async def record_or_fail(profiles: dict[int, ServerProfile]) -> None:
        if faults:
            raise faults.pop()
        await record_profiles(profiles)

    monkeypatch.setattr(telex.store.servers, "record_profiles", record_or_fail)
    monkeypatch.setattr("bot.store.facade.WRITE_RETRY_SECONDS", 0)
    await reinvite_bot(telex, other_server)
    assert list_servers(telex) == {telex.guild.id}


async def test_a_server_that_is_left_may_invite_the_bot_again(telex):
    settings = telex.newsroom.settings
    await server_decisions.request_leave(telex.store, settings, telex.guild.id, user_id=telex.editor.id)
    await follow_decisions(telex)
    assert list_servers(telex) == set()
    (entry,) = await telex.store.audit_log.list_entries(server_id=telex.guild.id)
    assert (entry.user_id, entry.action) == (telex.editor.id, "server-leave")
    await telex.store.servers.mark_joined(telex.guild.id)
    assert not await telex.store.server_access.load_denied_server_ids(settings.servers, None)


async def test_a_server_that_cannot_be_left_does_not_keep_the_bot_in_another(telex, monkeypatch):
    invite(telex.env, "Other")
    await telex.env.settle()
    for server_id in list_servers(telex):
        await block(telex, server_id)
    stuck_id, *_other_ids = await telex.store.server_access.load_denied_server_ids(ServerPolicy.ALL, None)
    leave = discord.Guild.leave

    async def leave_or_fail(guild: discord.Guild) -> None:
        if guild.id == stuck_id:
            raise discord.HTTPException(SimpleNamespace(status=500, reason=""), "")  # type: ignore[arg-type]
        await leave(guild)

    monkeypatch.setattr(discord.Guild, "leave", leave_or_fail)
    with pytest.raises(discord.HTTPException):
        await follow_decisions(telex)
    await telex.env.settle()
    assert list_servers(telex) == {stuck_id}


async def test_an_allow_list_begins_with_the_servers_of_that_time(telex):
    await set_policy(telex, ServerPolicy.ALLOWED)
    await follow_decisions(telex)
    assert list_servers(telex) == {telex.guild.id}
    stranger = telex.env.create_guild("Stranger")
    await until(lambda: list_servers(telex) == {telex.guild.id})
    await telex.env.settle()
    await set_policy(telex, ServerPolicy.ALL)
    await follow_decisions(telex)
    newcomer = telex.env.create_guild("Newcomer")
    await telex.env.settle()
    await block(telex, telex.guild.id)
    await set_policy(telex, ServerPolicy.ALLOWED)  # the newcomer is on the list, and the block stays
    await follow_decisions(telex)
    assert list_servers(telex) == {newcomer.id}
    assert stranger.id not in {overview.id for overview in await telex.store.server_directory.list_overviews()}


async def test_the_day_of_the_last_use_and_the_name_are_stored(telex):
    await telex.reader.slash(telex.news, "about")
    telex.env.backend.edit_guild(telex.guild.id, {"name": "Renamed"})
    await telex.env.settle()
    (overview,) = await telex.store.server_directory.list_overviews()
    assert overview.last_used_at == telex.clock.now() - telex.clock.now() % 86_400
    assert (overview.name, overview.member_count) == ("Renamed", 4)
    await telex.advance(86_400)
    await telex.reader.slash(telex.news, "about")
    (later,) = await telex.store.server_directory.list_overviews()
    assert later.last_used_at == overview.last_used_at + 86_400
