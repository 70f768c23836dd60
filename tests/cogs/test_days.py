"""Days in queries and questions, which begin at midnight in the server's time zone."""

from __future__ import annotations

import pytest

from bot.core.preferences import Preference
from tests.cogs.engine import bot_mention
from tests.support.discord_world import World
from tests.support.feed_server import make_rss_item
from tests.support.interactions import read_message_text, read_reply_text
from tests.support.scenario import START, follow_feed

HOUR = 3600
"""Seconds in an hour. The clock starts at 20:30 UTC, 22:30 in Paris."""


@pytest.fixture
async def world_in_paris(telex, feed_server) -> World:
    await telex.set_preference(Preference.TIME_ZONE, "Europe/Paris")
    await follow_feed(
        telex,
        feed_server,
        make_rss_item(1, title="Robots after midnight", published=START - 22 * HOUR),  # 0:26 in Paris
        make_rss_item(2, title="Robots before midnight", published=START - 23 * HOUR),
    )
    return telex


def has_only_after_midnight(reply_text: str) -> bool:
    assert "Robots after midnight" in reply_text
    return "Robots before midnight" not in reply_text


async def test_today_uses_server_time_zone_in_search(world_in_paris):
    search = world_in_paris.reader.slash
    reply_text = read_reply_text(await search(world_in_paris.news, "search", query="robots since:today"))
    assert "Since May 28" in reply_text
    assert has_only_after_midnight(reply_text)
    assert has_only_after_midnight(
        read_reply_text(await search(world_in_paris.news, "search", query="robots", since="today"))
    )
    earlier_text = read_reply_text(await search(world_in_paris.news, "search", query="robots before:2026-05-28"))
    assert "after midnight" not in earlier_text
    assert "before midnight" in earlier_text


async def test_today_uses_server_time_zone_in_mentions_and_answers(world_in_paris):
    await world_in_paris.reader.send(world_in_paris.news, f"{bot_mention(world_in_paris)} search: robots since:today")
    assert has_only_after_midnight(read_message_text(world_in_paris.posts()[-1]))
    answer = await world_in_paris.reader.slash(world_in_paris.news, "ask", question="What happened with robots today?")
    assert has_only_after_midnight(read_reply_text(answer))


async def test_days_are_in_utc_without_time_zone_setting(telex, feed_server):
    await follow_feed(
        telex, feed_server, make_rss_item(1, title="Robots of Wednesday in UTC", published=START - 22 * HOUR)
    )
    assert "of Wednesday" not in read_reply_text(await telex.run_as_reader("search", query="robots since:today"))
