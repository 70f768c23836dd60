"""Several processes on one PostgreSQL database: each serves its shards, and another does when one dies."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter

from tests.postgres_server import take_over
from tests.wire import direct_access
from tests.wire.crowd import Crowd, open_crowd
from tests.wire.state import Channel

SHARDS = 4


def holders(crowd: Crowd) -> Counter[str]:
    """How many shards each process has."""
    rows = direct_access.rows(crowd.database, "SELECT owner FROM lease WHERE kind = 'shard'")
    return Counter(owner for (owner,) in rows)


def shown(channels: list[Channel]) -> dict[int, list[str | None]]:
    return {channel.id: [message.title for message in channel.history()] for channel in channels}


async def asked_directly(crowd: Crowd) -> None:
    """Somebody in servers of both processes searches by direct message: one asks the other."""
    discord = crowd.discord
    ada = discord.state.add_person("Ada")
    for server in discord.state.servers.values():
        server.members[ada.id] = []
    direct = discord.acts.direct(ada)
    for _ in range(20):
        discord.people.say(ada, direct, "search: Title")
        await discord.until(lambda: direct.history()[-1].author_id != ada.id)
        answer = direct.history()[-1]
        if "far-0" in answer.shown() and "first-0" in answer.shown():
            return
        await asyncio.sleep(0.2)  # until it is in the index
    raise AssertionError(answer.shown())


async def test_processes_share_the_shards_and_share_them_again_after_one_ended_or_the_database_did(
    discord_server, launcher, tmp_path, server_databases
):
    discord = discord_server
    discord.shards, discord.gateway.limits.period = SHARDS, 0.05
    server = server_databases.empty()
    async with open_crowd(discord, launcher, tmp_path, server) as crowd:
        channels = [crowd.server(1, (shard, SHARDS))[0] for shard in range(SHARDS)]
        titles = await crowd.owe("first", channels, 2)
        await crowd.owe("far", crowd.server(1, (3, SHARDS)), 1)
        one, two = (crowd.start(WIRE_LEASES="", TELEX_SEED_REACTION="false") for _ in range(2))
        try:
            await discord.until(lambda: crowd.posts(channels) == 2 * SHARDS)
            assert sorted(holders(crowd).values()) == [2, 2]
            await asked_directly(crowd)

            discord.faults.then("POST /channels/*/messages", one.kill, after=True, drop=True, skip=1)
            titles += await crowd.owe("second", channels, 2)
            await discord.until(lambda: crowd.posts(channels) == 4 * SHARDS)
            assert list(holders(crowd).values()) == [4]

            three = crowd.start(WIRE_LEASES="", TELEX_SEED_REACTION="false")
            await discord.until(lambda: sorted(holders(crowd).values()) == [1, 3])
            titles += await crowd.owe("third", channels, 2)
            await discord.until(lambda: sorted(holders(crowd).values()) == [2, 2])
            titles += await crowd.owe("fourth", channels, 1)
            await discord.until(lambda: crowd.posts(channels) == 7 * SHARDS)
            assert two.log.count("goes to a process that has fewer") == SHARDS / 2
            discord.gateway.refuse("2")
            await discord.until(lambda: sorted(holders(crowd).values()) == [SHARDS])
            assert "No connection to Discord’s gateway" in two.log
            titles += await crowd.owe("refused", channels, 1)
            await discord.until(lambda: crowd.posts(channels) == 8 * SHARDS)
            discord.gateway.refused.clear()
            await discord.until(lambda: sorted(holders(crowd).values()) == [2, 2])

            await two.stop()
            titles += await crowd.owe("fifth", channels, 1)
            await discord.until(lambda: crowd.posts(channels) == 9 * SHARDS)

            take_over(server)
            await discord.until(lambda: three.status is not None)
            assert (three.status, "has to start again" in three.log) == (1, True)
            crowd.start(WIRE_LEASES="", TELEX_SEED_REACTION="false")
            titles += await crowd.owe("sixth", channels, 1)
            await discord.until(lambda: crowd.posts(channels) == 10 * SHARDS)
        except BaseException:
            sys.stderr.write(
                f"{discord.gateway.identified} {list(map(str, discord.calls))} {crowd.posts(channels)}"
            )
            for bot in crowd.bots:
                sys.stderr.write(bot.log)
            raise
    assert shown(channels) == {channel.id: titles for channel in channels}
    assert (discord.gateway.doubled, discord.gateway.limits.refused) == ([], 0)
