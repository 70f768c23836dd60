"""`telex run` on the wire: login, polls, posts, answers and stop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress

import pytest

from tests.support import store_probe
from tests.support.wire.bot_process import ROOT, inherit_environment
from tests.support.wire.process_table import is_process_running, list_child_pids
from tests.support.wire.scene import KINDS
from tests.support.wire.server_inspector import SAVE
from tests.support.wire.waiting import PATIENCE, wait_until


async def test_fresh_process_polls_posts_and_stops_on_signal(scene, tmp_path):
    numbers = scene.add_articles(3)
    await scene.make_feeds_due()
    environment = inherit_environment() | {
        "DISCORD_TOKEN": scene.discord.token,
        "TELEX_DATABASE": store_probe.format_database_address(scene.database),
        "TELEX_SEMANTIC": "false",
        "TELEX_FULL_TEXT": "never",
        "TELEX_ALLOW_PRIVATE_ADDRESSES": "127.0.0.0/8",
        "WIRE_API": scene.discord.api_url,
        "WIRE_GATEWAY": scene.discord.gateway.url,
        "PYTHONPATH": str(ROOT),
    }
    log = (tmp_path / "cold.log").open("w")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.wire.launch",
        "run",
        env=environment,
        cwd=tmp_path,
        stdout=log,
        stderr=log,
    )
    try:
        await scene.discord.wait_until(
            lambda: all(len(scene.list_messages(kind)) == 4 for kind in KINDS) and not scene.find_unfinished_posts()
        )
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0, (tmp_path / "cold.log").read_text()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        log.close()
    for kind in KINDS:
        assert scene.list_posted_numbers(kind) == [1, *numbers]
    assert scene.count_open_dispatches() == 0


async def test_repeated_signals_stop_in_order(scene):
    bot = scene.start()
    await scene.discord.wait_until(lambda: scene.discord.gateway.connections)
    async with asyncio.timeout(60):
        while bot.status is None:
            with suppress(ProcessLookupError):
                os.kill(bot.pid, signal.SIGTERM)
            await asyncio.sleep(0.01)
    assert bot.status in {0, -signal.SIGTERM}  # killed when all had been closed
    assert "Traceback" not in bot.log


async def test_rejected_token_ends_run_with_reason(scene):
    bot = scene.start(DISCORD_TOKEN=scene.discord.token.replace("GstAnd", "Wrong0"))
    assert await bot.wait_for_exit() == 2
    assert "Traceback" not in bot.log
    assert "token" in bot.log.lower()


@pytest.mark.parametrize("database_engine", ["sqlite"])  # on a server any number may
async def test_second_bot_on_same_database_is_refused(scene):
    first = scene.start()
    await scene.discord.wait_until(lambda: scene.discord.gateway.connections)
    second = scene.start()
    assert await second.wait_for_exit() == 1
    assert first.status is None
    scene.bot = first
    await scene.wait_until_settled()
    assert all(scene.count_posts(kind) == {1: 1} for kind in KINDS)


async def test_bot_answers_commands_buttons_reactions_and_questions(scene):
    discord = scene.discord
    scene.start()
    await scene.wait_until_settled()
    people, text = discord.people, scene.channels["text"]
    ada = people.join(scene.server.id, "Ada")
    bruno = people.join(scene.server.id, "Bruno", locale="fr")
    (post,) = scene.list_messages("text")
    search_interaction = people.use_command(ada, text, "search", query="article")
    latest = people.use_command(ada, text, "latest")
    save = next(name for name in post.list_custom_ids() if name.startswith("telex:save:"))
    saved = people.click(bruno, post, save)
    people.react(ada, post, SAVE)
    for interaction in (search_interaction, latest):
        assert "Article 1" in await scene.wait_for_response(interaction)
    assert await scene.wait_for_response(saved)
    assert saved.ephemeral
    for person in (ada, bruno):
        assert "Article 1" in await scene.wait_for_response(people.use_command(person, text, "bookmarks"))
    people.unreact(ada, post, SAVE)

    async def is_gone() -> bool:
        return "Article 1" not in await scene.wait_for_response(people.use_command(ada, text, "bookmarks"))

    await wait_until(is_gone)

    question_message = discord.people.say(ada, text, f"<@{discord.state.bot.id}> what is new today?")
    await discord.wait_until(lambda: any(note.reference for note in text.messages.values()))
    (reply,) = (note for note in text.messages.values() if note.reference)
    assert reply.reference["message_id"] == str(question_message.id)
    assert "Article 1" in str(reply.parts)
    thumb = next(name for name in reply.list_custom_ids() if name.startswith("telex:vote:up"))
    vote = discord.people.click(ada, reply, thumb)
    await discord.wait_until(lambda: vote.followups)
    assert "helped" in vote.followups[0].content
    assert "Nothing on this" in await scene.wait_for_response(
        discord.people.use_command(ada, text, "ask", question="How deep is the ocean of Europa?")
    )


async def test_reactions_during_lost_connection_become_bookmarks(scene):
    discord = scene.discord
    scene.start()
    await scene.wait_until_settled()
    ada = discord.people.join(scene.server.id, "Ada")
    discord.gateway.cut()
    await discord.wait_until(lambda: not discord.gateway.connections)
    for kind in KINDS:
        discord.people.react(ada, scene.list_messages(kind)[0])
    await discord.wait_until(lambda: discord.gateway.resume_count)
    async with scene.open_newsroom() as newsroom:
        await wait_until(lambda: newsroom.store.bookmarks.count(ada.id))


async def test_workers_end_with_killed_bot(scene):
    scene.add_articles(1)
    await scene.make_feeds_due()
    bot = scene.start(WIRE_WORKERS="")
    await scene.discord.wait_until(lambda: all(len(scene.list_messages(kind)) == 2 for kind in KINDS))
    children = list_child_pids(bot.pid)
    assert children
    bot.kill()
    await bot.wait_for_exit()
    await wait_until(lambda: not any(is_process_running(child) for child in children))
