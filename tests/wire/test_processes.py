"""Several processes on one PostgreSQL database: each serves its shards, and another does when one dies."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import discord
import pytest
from discord.http import HTTPClient

from bot.drill.discord_stand_in.state import Channel
from bot.processes.leases import SHARD_LEASE_KIND
from tests.support import store_probe
from tests.support.postgres_server import simulate_takeover
from tests.support.wire.bot_process import BotProcess
from tests.support.wire.crowd import Crowd, open_crowd

SHARDS = 4


def count_shards_by_process(crowd: Crowd) -> Counter[str]:
    """How many shards each process has."""
    leases = store_probe.load_rows(crowd.database, "lease")
    return Counter(lease["owner"] for lease in leases if lease["kind"] == SHARD_LEASE_KIND)


async def enqueue_and_wait(crowd: Crowd, channels: list[Channel], name: str, posts: int) -> list[str]:
    """Owe all channels some posts; their titles, when all of them are there and everything before."""
    titles = await crowd.owe(name, channels, posts)
    await crowd.discord.until(
        lambda: all(dispatch.state == "sent" for dispatch in store_probe.load_outbox(crowd.database))
    )
    return titles


def titles_by_channel(channels: list[Channel]) -> dict[int, list[str | None]]:
    return {channel.id: [message.title for message in channel.history()] for channel in channels}


async def search_by_direct_message(crowd: Crowd) -> None:
    """Somebody in servers of both processes searches by direct message: one asks the other."""
    discord = crowd.discord
    ada = discord.state.add_person("Ada")
    for server in discord.state.servers.values():
        server.members[ada.id] = []
    direct = discord.changes.open_direct_channel(ada)
    for _ in range(20):
        discord.people.say(ada, direct, "search: Title")
        await discord.until(lambda: direct.history()[-1].author_id != ada.id)
        answer = direct.history()[-1]
        if "far-0" in answer.render_visible_text() and "first-0" in answer.render_visible_text():
            return
        await asyncio.sleep(0.2)  # until it is in the index
    raise AssertionError(answer.render_visible_text())


@contextmanager
def log_on_failure(crowd: Crowd, channels: list[Channel]) -> Iterator[None]:
    discord = crowd.discord
    try:
        yield
    except BaseException:
        diagnostics = discord.gateway.identify_payloads, list(map(str, discord.calls)), crowd.posts(channels)
        sys.stderr.write("\n".join(map(str, (*diagnostics, *(bot.log for bot in crowd.bots)))))
        raise


def count_session_waits(bot: BotProcess) -> int:
    """How often it said that no more sessions may be started for now."""
    return bot.log.count("session quota exhausted")


def is_away(crowd: Crowd, channel: Channel) -> bool:
    """Whether the bot takes itself for gone from the server of a channel."""
    return channel.server_id not in store_probe.list_joined_server_ids(crowd.database)


async def kick_bot(crowd: Crowd, channel: Channel) -> None:
    crowd.discord.changes.kick(crowd.discord.state.servers[channel.server_id])
    await crowd.discord.until(lambda: is_away(crowd, channel))


@pytest.mark.parametrize(
    ("method", "signature"),
    [
        (discord.AutoShardedClient.launch_shard, "(self, gateway, shard_id, *, initial=False)"),
        (discord.AutoShardedClient.launch_shards, "(self)"),
        (HTTPClient.get_bot_gateway, "(self)"),
        (HTTPClient.ws_connect, "(self, url, *, compress=0)"),
    ],
)
def test_what_discord_py_does_not_describe_and_shards_need_is_as_it_was(method, signature):
    """It has public names only, but may change with any version: read `bot/client/sharding` again then."""
    actual_signature = inspect.signature(method)
    bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in actual_signature.parameters.values()]
    assert str(inspect.Signature(bare)) == signature


async def test_processes_share_the_shards_and_share_them_again_after_one_ended_or_the_database_did(
    discord_server, launcher, tmp_path, server_databases
):
    discord = discord_server
    limits, server = discord.gateway.limits, server_databases.empty()
    discord.shard_count, limits.max_starts, limits.period_seconds, limits.reset_after_seconds = (
        SHARDS,
        SHARDS // 2,
        0.05,
        0.2,
    )
    async with open_crowd(discord, launcher, tmp_path, server) as crowd:
        channels = [crowd.server(1, (shard, SHARDS))[0] for shard in range(SHARDS)]
        titles = await crowd.owe("first", channels, 2)
        await crowd.owe("far", far := crowd.server(1, (3, SHARDS)), 1)
        first_bot, second_bot = (crowd.start(WIRE_LEASES="", TELEX_SEED_REACTION="false") for _ in range(2))
        with log_on_failure(crowd, channels):
            await discord.until(lambda: crowd.posts(channels) == SHARDS)
            await asyncio.sleep(2 * limits.reset_after_seconds)
            assert (limits.started_count, max(count_session_waits(first_bot), count_session_waits(second_bot))) == (
                SHARDS // 2,
                1,
            )
            limits.max_starts = 1_000
            await discord.until(lambda: crowd.posts(channels) == 2 * SHARDS)
            assert sorted(count_shards_by_process(crowd).values()) == [2, 2]
            await search_by_direct_message(crowd)

            discord.faults.run_callback(
                "POST /channels/*/messages", first_bot.kill, after_effect=True, drop=True, skip=1
            )
            titles += await enqueue_and_wait(crowd, channels, "second", 2)
            assert list(count_shards_by_process(crowd).values()) == [4]

            third_bot = crowd.start(WIRE_LEASES="", TELEX_SEED_REACTION="false")
            await discord.until(lambda: len(count_shards_by_process(crowd)) == 2)
            titles += await crowd.owe("third", channels, 2)
            await discord.until(lambda: sorted(count_shards_by_process(crowd).values()) == [2, 2])
            titles += await enqueue_and_wait(crowd, channels, "fourth", 1)
            assert second_bot.log.count("handing over shard=") == SHARDS / 2
            discord.gateway.refuse("2", spared_count=1)
            await discord.until(lambda: sorted(count_shards_by_process(crowd).values()) == [1, 3])
            titles += await enqueue_and_wait(crowd, channels, "one refused", 1)
            discord.gateway.refuse("2")
            await discord.until(lambda: sorted(count_shards_by_process(crowd).values()) == [SHARDS])
            assert "gateway connections lost" in second_bot.log
            titles += await enqueue_and_wait(crowd, channels, "refused", 1)
            discord.gateway.refused_process_names.clear()
            await discord.until(lambda: sorted(count_shards_by_process(crowd).values()) == [2, 2])
            await kick_bot(crowd, far[0])

            await second_bot.stop()
            assert second_bot.log.count("handing over shard=") > SHARDS / 2 + 1  # the second may not be served yet
            titles += await enqueue_and_wait(crowd, channels, "fifth", 1)
            assert is_away(crowd, far[0])  # though who has its shard again did not hear of it

            discord.gateway.refused_process_names.add("4")
            fourth_bot = crowd.start(WIRE_LEASES="", TELEX_SEED_REACTION="false")
            await discord.until(lambda: "gateway unreachable" in fourth_bot.log)
            simulate_takeover(server)
            await discord.until(lambda: third_bot.status is not None and fourth_bot.status is not None)
            assert all(bot.status == 1 and "has to start again" in bot.log for bot in (third_bot, fourth_bot))
            crowd.start(WIRE_LEASES="", TELEX_SEED_REACTION="false")
            titles += await enqueue_and_wait(crowd, channels, "sixth", 1)
    assert titles_by_channel(channels) == {channel.id: titles for channel in channels}
    assert (discord.gateway.duplicate_shards, discord.gateway.limits.refused_count) == ([], 0)
