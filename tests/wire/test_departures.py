"""Departure from servers that an operator blocks in the terminal, with crashes in between."""

from __future__ import annotations

from signal import SIGKILL

import pytest

from tests.support.wire.scene import QUICK_SPEED

LEAVING = "DELETE /users/@me/guilds/*"


@pytest.mark.scene(kinds=("text",), speed=QUICK_SPEED)
async def test_blocked_server_is_left_despite_two_crashes(scene):
    discord, bot = scene.discord, scene.start()
    await scene.wait_until_settled()
    discord.faults.run_callback(LEAVING, scene.kill, drop=True)
    await scene.run_command("servers", "block", str(scene.server.id))
    assert await bot.wait_for_exit() == -SIGKILL
    assert scene.server.has_member(discord.state.bot.id)
    discord.faults.run_callback(LEAVING, scene.kill, after_effect=True, drop=True)
    assert await scene.start().wait_for_exit() == -SIGKILL
    assert not scene.server.has_member(discord.state.bot.id)
    bot = scene.start()
    await scene.wait_until_settled()
    await bot.stop()
    async with scene.open_newsroom() as newsroom:
        assert await newsroom.store.servers.count() == 0
        overview = await newsroom.store.server_directory.get_overview(scene.server.id)
    assert overview is not None
    assert (overview.name, overview.is_allowed) == ("Newsroom", False)
    assert len([call for call in discord.calls if call.method == "DELETE"]) == 2
