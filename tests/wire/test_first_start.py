"""Log lines of a start."""

from __future__ import annotations

import asyncio

import pytest

from bot.posting.sending.permissions import INVITE_PERMISSIONS


@pytest.mark.parametrize("database_engine", ["sqlite"])  # a file that is not there yet
async def test_start_logs_two_lines_and_registers_commands_once(scene, tmp_path):
    database, discord = tmp_path / "first.db", scene.discord
    for start, is_new in enumerate(("yes", "no"), 1):
        bot = scene.start(TELEX_DATABASE=str(database), TELEX_INDEX=str(tmp_path / "first.db-index"))
        await discord.wait_until(lambda start=start: len(discord.gateway.identify_payloads) == start)
        await bot.stop()
        lines = [line.split(maxsplit=3)[-1] for line in bot.log.splitlines()]
        assert len(lines) == 2 * start
        assert lines[-2] == (f"bot.client.background_tasks: ready feeds=0 articles=0 database={database} new={is_new}")
        link = f"https://discord.com/oauth2/authorize?client_id={discord.state.bot.id}"
        assert lines[-1].startswith(f"bot.client.discord_client: invitation url={link}&scope=bot")
        assert f"&permissions={INVITE_PERMISSIONS.value}" in lines[-1]
        assert discord.count_calls("PUT", "/commands") == 1
    assert {command["name"] for command in discord.state.commands.values()} > {"feed", "search", "latest"}


async def test_used_health_address_is_explained(scene):
    async with await asyncio.start_server(lambda *_streams: None, "127.0.0.1", 0) as occupied_server:
        address = f"127.0.0.1:{occupied_server.sockets[0].getsockname()[1]}"
        bot = scene.start(TELEX_HEALTH_ADDRESS=address)
        assert await bot.wait_for_exit() == 1
    assert bot.log.splitlines()[-1] == f"TELEX_HEALTH_ADDRESS={address}: Address already in use"
    assert scene.discord.count_calls("GET", "/users/@me") == 0, "asked Discord before it saw that it can't start"
    assert "Traceback" not in bot.log
