"""Days that people name begin at midnight in the time zone of their server."""

from __future__ import annotations

import pytest

from bot.core.preferences import Preference
from tests.cogs.engine import mention
from tests.cogs.helpers import START, follow, said, text
from tests.discord_world import World
from tests.feed_server import item

HOUR = 3600
"""The clock stands at half past eight in the evening in UTC, and at half past ten in Paris."""


@pytest.fixture
async def paris(telex, feed_server) -> World:
    await telex.prefer(Preference.TIME_ZONE, "Europe/Paris")
    await follow(
        telex,
        feed_server,
        item(1, title="Robots after midnight", published=START - 22 * HOUR),  # 0:26 in Paris
        item(2, title="Robots before midnight", published=START - 23 * HOUR),
    )
    return telex


def after_midnight_alone(shown: str) -> bool:
    assert "Robots after midnight" in shown
    return "Robots before midnight" not in shown


async def test_today_is_the_server_s_in_search_written_and_chosen(paris):
    search = paris.reader.slash
    written = said(await search(paris.news, "search", query="robots since:today"))
    assert "Since May 28" in written
    assert after_midnight_alone(written)
    assert after_midnight_alone(said(await search(paris.news, "search", query="robots", since="today")))
    before = said(await search(paris.news, "search", query="robots before:2026-05-28"))
    assert "after midnight" not in before
    assert "before midnight" in before


async def test_today_is_the_server_s_in_a_mention_and_an_answer(paris):
    await paris.reader.send(paris.news, f"{mention(paris)} search: robots since:today")
    assert after_midnight_alone(text(paris.posts()[-1]))
    answer = await paris.reader.slash(paris.news, "ask", question="What happened with robots today?")
    assert after_midnight_alone(said(answer))


async def test_where_nobody_chose_a_time_zone_days_are_those_of_utc(telex, feed_server):
    await follow(telex, feed_server, item(1, title="Robots of Wednesday in UTC", published=START - 22 * HOUR))
    assert "of Wednesday" not in said(
        await telex.reader.slash(telex.news, "search", query="robots since:today")
    )
