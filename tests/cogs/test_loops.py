"""Background clean-up of expired data."""

from __future__ import annotations

import logging
from dataclasses import replace

from bot.client.background_tasks import (
    DAY_SECONDS,
    ENDED_RETENTION_SECONDS,
    QUESTION_RETENTION_SECONDS,
    BackgroundTasks,
)


async def test_data_of_left_server_is_purged_after_retention(telex, newsroom, caplog):
    caplog.set_level(logging.INFO, "bot.client.background_tasks")
    other_server = telex.env.create_guild("Other")
    channel = other_server.create_text_channel("news")
    await telex.env.settle()
    await telex.follow("https://a.example/feed", channel)
    await telex.follow("https://a.example/feed")
    await telex.store.servers.mark_left(other_server.id)
    cleaner = BackgroundTasks(telex.newsroom)
    telex.clock.advance(ENDED_RETENTION_SECONDS - 1)
    await cleaner.purge_expired()
    assert await telex.store.subscriptions.load_channel_ids(other_server.id) == {channel.id}
    telex.clock.advance(DAY_SECONDS)
    await cleaner.purge_expired()
    assert await telex.store.subscriptions.load_channel_ids(other_server.id) == set()
    assert await telex.store.subscriptions.load_channel_ids(telex.guild.id) == {telex.news.id}


async def test_questions_are_purged_after_retention(telex):
    await telex.store.questions.add(
        server_id=telex.guild.id,
        channel_id=telex.news.id,
        user_id=telex.reader.id,
        text="Who?",
        language="en",
        is_public=False,
        is_answered=False,
    )
    telex.clock.advance(QUESTION_RETENTION_SECONDS)
    await BackgroundTasks(telex.newsroom).purge_expired()
    assert await telex.store.questions.count(telex.reader.id) == 1
    telex.clock.advance(1)
    await BackgroundTasks(telex.newsroom).purge_expired()
    assert await telex.store.questions.count(telex.reader.id) == 0


async def test_texts_are_purged_only_with_setting(telex, monkeypatch):
    cutoffs: list[int] = []

    async def record_cutoff(cutoff: int) -> int:
        cutoffs.append(cutoff)
        return 0

    monkeypatch.setattr(telex.store.articles, "purge_texts", record_cutoff)
    await BackgroundTasks(telex.newsroom).purge_expired()
    assert cutoffs == []
    settings = replace(telex.newsroom.settings, keep_texts_days=2)
    await BackgroundTasks(replace(telex.newsroom, settings=settings)).purge_expired()
    assert cutoffs == [telex.clock.now() - 2 * DAY_SECONDS]
