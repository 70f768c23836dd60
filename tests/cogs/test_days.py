"""Days that people name begin at midnight in the time zone of their server."""

from __future__ import annotations

import pytest

from bot.core.preferences import Preference
from tests.cogs.engine import bot_mention
from tests.support.discord_world import World
from tests.support.feed_server import make_rss_item
from tests.support.interactions import message_text, text
from tests.support.scenario import START, follow

HOUR = 3600
"""The clock stands at half past eight in the evening in UTC, and at half past ten in Paris."""


@pytest.fixture
async def paris(telex, feed_server) -> World:
    await telex.set_preference(Preference.TIME_ZONE, "Europe/Paris")
    await follow(
        telex,
        feed_server,
        make_rss_item(1, title="Robots after midnight", published=START - 22 * HOUR),  # 0:26 in Paris
        make_rss_item(2, title="Robots before midnight", published=START - 23 * HOUR),
    )
    return telex


def has_only_after_midnight(reply_text: str) -> bool:
    assert "Robots after midnight" in reply_text
    return "Robots before midnight" not in reply_text


async def test_today_is_the_server_s_in_search_written_and_chosen(paris):
    search = paris.reader.slash
    reply_text = message_text(await search(paris.news, "search", query="robots since:today"))
    assert "Since May 28" in reply_text
    assert has_only_after_midnight(reply_text)
    assert has_only_after_midnight(message_text(await search(paris.news, "search", query="robots", since="today")))
    earlier_text = message_text(await search(paris.news, "search", query="robots before:2026-05-28"))
    assert "after midnight" not in earlier_text
    assert "before midnight" in earlier_text


async def test_today_is_the_server_s_in_a_mention_and_an_answer(paris):
    await paris.reader.send(paris.news, f"{bot_mention(paris)} search: robots since:today")
    assert has_only_after_midnight(text(paris.posts()[-1]))
    answer = await paris.reader.slash(paris.news, "ask", question="What happened with robots today?")
    assert has_only_after_midnight(message_text(answer))


async def test_where_nobody_chose_a_time_zone_days_are_those_of_utc(telex, feed_server):
    await follow(telex, feed_server, make_rss_item(1, title="Robots of Wednesday in UTC", published=START - 22 * HOUR))
    assert "of Wednesday" not in message_text(
        await telex.reader.slash(telex.news, "search", query="robots since:today")
    )
