"""Erasure of a server by the terminal, while a bot runs and dies."""

from __future__ import annotations

import asyncio
import json
from signal import SIGKILL

import pytest

from tests.support.wire.scene import QUICK_SPEED


@pytest.mark.scene(kinds=("text",), speed=QUICK_SPEED)
async def test_erasure_receipt_arrives_despite_crash_while_leaving(scene):
    discord, bot, server_id = scene.discord, scene.start(), str(scene.server.id)
    await scene.wait_until_settled()
    discord.faults.run_callback("DELETE /users/@me/guilds/*", scene.kill, after_effect=True, drop=True)
    erasure = asyncio.create_task(scene.run_command("servers", "erase", server_id, "--yes"))
    assert await bot.wait_for_exit() == -SIGKILL
    bot = scene.start()
    receipt = json.loads((await erasure).splitlines()[-1])
    assert receipt["server_id"] == server_id
    assert receipt["deleted"]["subscription"] >= 1
    await bot.stop()
    async with scene.open_newsroom() as newsroom:
        assert await newsroom.store.server_data.count_rows(scene.server.id) == {}
