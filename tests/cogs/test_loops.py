"""The loops of the bot go on whatever happens in them, and end when they are told to."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from bot.client.newsroom_loops import DAY, KEEP_LEFT_SERVERS, KEEP_QUESTIONS, PAUSE, Loop, NewsroomLoops
from bot.core import locale


async def turns() -> None:
    """Let everything run that can."""
    for _turn in range(10):
        await asyncio.sleep(0)


async def test_a_loop_that_fails_starts_again_after_a_pause(clock, caplog):
    starts = 0

    async def run() -> None:
        nonlocal starts
        starts += 1
        raise ZeroDivisionError

    loop = Loop("trial", run, clock)
    loop.start()
    await turns()
    assert starts == 1
    assert "trial failed" in caplog.text
    clock.advance(PAUSE)
    await turns()
    assert starts == 2
    await loop.stop()
    clock.advance(PAUSE)
    await turns()
    assert starts == 2


async def test_a_loop_speaks_nobodys_language(clock):
    spoken = []

    async def run() -> None:
        spoken.append(locale.current())
        await asyncio.Event().wait()

    with locale.use("fr"):
        loop = Loop("trial", run, clock)
        loop.start()
        await turns()
    await loop.stop()
    assert spoken == ["en"]


async def test_a_loop_that_never_started_can_be_stopped(clock):
    await Loop("trial", turns, clock).stop()


async def test_the_clean_up_deletes_what_was_left_long_ago_and_nothing_younger(telex, newsroom, caplog):
    caplog.set_level(logging.INFO, "bot.client.newsroom_loops")
    other = telex.env.create_guild("Other")
    channel = other.create_text_channel("news")
    await telex.env.settle()
    await telex.follow("https://a.example/feed", channel)
    await telex.follow("https://a.example/feed")
    await telex.store.servers.left(other.id)
    cleaner = NewsroomLoops(telex.newsroom)
    telex.clock.advance(KEEP_LEFT_SERVERS - 1)
    await cleaner.clean()
    assert await telex.store.subscriptions.channels(other.id) == {channel.id}
    telex.clock.advance(DAY)
    await cleaner.clean()
    assert await telex.store.subscriptions.channels(other.id) == set()
    assert await telex.store.subscriptions.channels(telex.guild.id) == {telex.news.id}


async def test_old_questions_are_deleted(telex):
    await telex.store.questions.add(
        server_id=telex.guild.id,
        channel_id=telex.news.id,
        person_id=telex.reader.id,
        text="Who?",
        language="en",
        public=False,
        answered=False,
    )
    telex.clock.advance(KEEP_QUESTIONS)
    await NewsroomLoops(telex.newsroom).clean()
    assert await telex.store.questions.count(telex.reader.id) == 1
    telex.clock.advance(1)
    await NewsroomLoops(telex.newsroom).clean()
    assert await telex.store.questions.count(telex.reader.id) == 0


async def test_texts_are_kept_for_ever_unless_a_setting_says_otherwise(telex, monkeypatch):
    asked: list[int] = []

    async def forget_texts(before: int) -> int:
        asked.append(before)
        return 0

    monkeypatch.setattr(telex.store.articles, "forget_texts", forget_texts)
    await NewsroomLoops(telex.newsroom).clean()
    assert asked == []
    settings = telex.newsroom.settings.model_copy(update={"keep_texts_days": 2})
    await NewsroomLoops(replace(telex.newsroom, settings=settings)).clean()
    assert asked == [telex.clock.now() - 2 * DAY]
