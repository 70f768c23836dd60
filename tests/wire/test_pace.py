"""The budget of requests to Discord: limits, fair shares and priorities."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

import pytest

from bot.drill.discord_stand_in.discord_server import DiscordServer
from bot.drill.discord_stand_in.state import Channel
from tests.support.wire.crowd import EDIT_ROUTE, POST_ROUTE, REACTION_ROUTE, LoadScene, open_load_scene


@pytest.fixture
async def crowd(discord_server, launcher, tmp_path) -> AsyncIterator[LoadScene]:
    """Many channels in a stand-in with Discord's rate limits."""
    discord_server.limit_everything(50, 1.0)
    discord_server.limits[POST_ROUTE] = (5, 5.0)
    discord_server.limits[EDIT_ROUTE] = (5, 5.0)
    discord_server.limits[REACTION_ROUTE] = (1, 0.25)
    async with open_load_scene(discord_server, launcher, tmp_path) as opened:
        yield opened
        if opened.bot is not None:
            sys.stderr.write(opened.bot.log)  # shown beside a failure


def list_rate_limited_calls(discord: DiscordServer) -> list[str]:
    return [str(call) for call in discord.calls if call.status == 429]


def count_calls_before(crowd: LoadScene, method: str, channel: Channel) -> int:
    """Count calls of a method in other channels before the first in this one."""
    message_paths = [call.path for call in crowd.discord.calls if call.method == method and "/messages" in call.path]
    return next(index for index, path in enumerate(message_paths) if f"/channels/{channel.id}/" in path)


async def test_burst_with_reactions_exceeds_no_limit(crowd):
    channels = [channel for _ in range(8) for channel in crowd.server(5)]
    await crowd.owe("burst", channels, 3)
    crowd.start()
    await crowd.discord.wait_until(lambda: crowd.posts(channels) == 120)
    await crowd.discord.wait_until(lambda: crowd.discord.count_calls("PUT", "/reactions/") >= 100)
    assert list_rate_limited_calls(crowd.discord) == []


async def test_quiet_channel_is_not_delayed_by_other_server(crowd):
    loud, (quiet,) = crowd.server(10), crowd.server(1)
    await crowd.owe("loud", loud, 50)
    await crowd.owe("quiet", [quiet], 1)
    crowd.start(TELEX_SEED_REACTION="false")
    await crowd.discord.wait_until(lambda: crowd.posts([quiet]))
    assert count_calls_before(crowd, "POST", quiet) <= 100
    assert list_rate_limited_calls(crowd.discord) == []


async def test_many_edits_delay_no_edit_in_other_server(crowd):
    (loud,), (quiet,) = crowd.server(1), crowd.server(1)
    await crowd.owe("loud", [loud], 60)
    await crowd.owe("quiet", [quiet], 1)
    crowd.discord.limits[POST_ROUTE] = (1000, 1.0)
    bot = crowd.start(TELEX_SEED_REACTION="false")
    await crowd.discord.wait_until(lambda: crowd.posts([loud, quiet]) == 61)
    await bot.stop()
    assert crowd.change_all([loud]) == 60
    assert crowd.change_all([quiet]) == 1
    crowd.start(TELEX_SEED_REACTION="false")
    await crowd.discord.wait_until(lambda: crowd.discord.count_calls("PATCH", f"/channels/{quiet.id}/"))
    assert count_calls_before(crowd, "PATCH", quiet) <= 10
