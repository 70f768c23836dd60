"""/settings schedule: quiet hours, hourly limit and interval, and how /why and /feed list show them."""

from __future__ import annotations

from datetime import UTC, datetime

from simcord.results import ResponseMessage

from bot.core import local_time, setting_registry
from bot.core.preferences import Preference
from bot.feeds.parsing import opml
from bot.posting.wording.setting_words import SETTING_WORDS
from bot.text import discord_text
from cogs.feeds import starter_packs
from tests.support.cases import check_cases
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.interactions import (
    get_last_reply,
    list_selected_labels,
    read_message_text,
    read_reply_text,
    select_option,
)
from tests.support.scenario import get_newest_article, list_posted_titles, publish_items, run_why


def parse_timestamp(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


async def load_limits(world: World) -> tuple[str | None, int | None, int | None]:
    settings = await world.store.preferences.get_by_channel(world.news.id)
    limits = settings[setting_registry.MAX_POSTS_PER_HOUR], settings[setting_registry.MIN_POST_INTERVAL]
    return settings[setting_registry.QUIET_HOURS], *limits


async def open_schedule(world: World) -> ResponseMessage:
    return get_last_reply(await world.run_as_editor("settings schedule"))


async def publish_articles(world: World, server: FeedServer, *numbers: int) -> None:
    """Publish articles in the followed feed and poll it, without delivering the posts."""
    (_subscription, feed), *_other_pairs = await world.store.subscriptions.list_with_feeds(world.guild.id)
    now = world.clock.now()
    await publish_items(
        world,
        server,
        feed,
        *(make_rss_item(number, published=now - 600 + number) for number in reversed(numbers)),
        delivered=False,
    )


async def test_schedule_is_saved_shown_and_turned_off(telex, feed):
    panel = await open_schedule(telex)
    assert "**Quiet hours**\n-# No quiet hours" in read_message_text(panel)
    panel = get_last_reply(await select_option(telex.editor, panel, "Quiet from 23:00", "Quiet from"))
    assert "**Quiet hours**\n-# Quiet from 23:00. Choose an end time to save." in read_message_text(panel)
    assert "Saved" not in read_message_text(panel)
    assert (await load_limits(telex))[0] is None
    panel = get_last_reply(await select_option(telex.editor, panel, "Quiet until 07:00", "Quiet until"))
    assert "**Quiet hours**\n-# 23:00 to 07:00 (UTC)" in read_message_text(panel)
    assert read_message_text(panel).endswith("\n-# ✅ Saved")
    panel = get_last_reply(await select_option(telex.editor, panel, "Quiet until 06:00", "Quiet until"))
    panel = get_last_reply(await select_option(telex.editor, panel, "3 posts an hour", "Hourly limit"))
    panel = get_last_reply(await select_option(telex.editor, panel, "5 minutes", "Time between"))
    assert await load_limits(telex) == ("23:00-06:00", 3, 300)
    history = read_reply_text(await telex.run_as_editor("settings history"))
    assert "**Quiet hours**: 23:00 – 07:00 → 23:00 – 06:00" in history.replace("\u202f", " ")
    assert "**Hourly limit**: no limit → 3 posts an hour" in history
    panel = get_last_reply(await telex.editor.click(panel, label="Turn everything off"))
    assert list_selected_labels(panel, "Hourly limit") == ["No limit"]
    assert await load_limits(telex) == (None, None, None)


async def test_pack_reply_mentions_quiet_hours(telex, feed_server, monkeypatch):
    feed_server.serve("/1", make_rss(make_rss_item(1), title="One"))
    outlines = (opml.Outline("One", f"{feed_server.origin}/1", None, "en"),)
    monkeypatch.setattr(starter_packs, "list_outlines", lambda _pack: outlines)
    now = datetime.fromtimestamp(telex.clock.now(), UTC).hour
    quiet_hours = local_time.format_quiet_hours(now * 60, (now + 2) % 24 * 60)
    await telex.set_channel_setting(setting_registry.QUIET_HOURS, quiet_hours, telex.news)
    reply_text = read_reply_text(await telex.run_as_editor("feed packs", pack="ai"))
    assert "Quiet hours in" in reply_text
    second_text = read_reply_text(await telex.run_as_editor("feed packs", pack="ai"))
    assert "already followed" in second_text
    assert "Quiet hours" not in second_text


@check_cases("stored_value", ["22:00-07:00-", "<@1>-**x**", "@everyone", ""])
def test_invalid_quiet_hours_are_shown_escaped(stored_value):
    assert SETTING_WORDS[setting_registry.QUIET_HOURS].describe(stored_value) == discord_text.to_markdown_line(
        stored_value
    )


async def test_quiet_hours_must_not_be_empty(telex, feed):
    panel = get_last_reply(
        await select_option(telex.editor, await open_schedule(telex), "Quiet until 07:00", "Quiet until")
    )
    assert "Quiet until 07:00. Choose a start time to save." in read_message_text(panel)
    refusal = await select_option(telex.editor, panel, "Quiet from 07:00", "Quiet from")
    assert "can’t begin and end at the same time" in read_reply_text(refusal)
    panel = get_last_reply(await select_option(telex.editor, panel, "Quiet from 22:00", "Quiet from"))
    refusal = await select_option(telex.editor, panel, "Quiet until 22:00", "Quiet until")
    assert "can’t begin and end at the same time" in read_reply_text(refusal)
    assert (await load_limits(telex))[0] == "22:00-07:00"
    panel = get_last_reply(await select_option(telex.editor, panel, "No quiet hours", "Quiet until"))
    assert "**Quiet hours**\n-# No quiet hours" in read_message_text(panel)


async def test_posts_wait_for_end_of_quiet_hours(telex, feed, feed_server):
    await telex.set_preference(Preference.TIME_ZONE, "Europe/Paris")
    await telex.advance(parse_timestamp("2026-11-24 22:00") - telex.clock.now())
    await telex.set_channel_setting(setting_registry.QUIET_HOURS, "22:00-07:00", telex.news)
    post_count_before = len(telex.posts())
    await publish_articles(telex, feed_server, 11, 12)
    await telex.deliver()
    assert len(telex.posts()) == post_count_before
    (_subscription, feed), *_other_pairs = await telex.store.subscriptions.list_with_feeds(telex.guild.id)
    article = await get_newest_article(telex, feed)
    assert "Waiting until 07:00 (quiet hours)." in (await run_why(telex, article.url, person=telex.editor)).replace(
        "\\", ""
    )
    assert "-# 🌙 Waiting until 07:00 (quiet hours)." in read_reply_text(await telex.run_as_editor("feed list"))
    assert "Right now: Waiting until 07:00" in read_message_text(await open_schedule(telex))
    telex.locales[telex.editor.id] = "fr"
    assert "En attente jusqu’à 07:00 (heures calmes)." in (
        await run_why(telex, article.url, person=telex.editor)
    ).replace("\\", "")
    await telex.advance(8 * 3600)
    await telex.deliver()
    assert list_posted_titles(telex)[post_count_before:] == ["Article 11", "Article 12"]


async def test_posts_beyond_hourly_limit_become_catch_up(telex, feed, feed_server):
    await select_option(telex.editor, await open_schedule(telex), "2 posts an hour", "Hourly limit")
    await telex.advance(3700)
    post_count_before = len(telex.posts())
    await publish_articles(telex, feed_server, 11)
    await telex.deliver()
    await publish_articles(telex, feed_server, 12, 13, 14)
    await telex.deliver()
    assert list_posted_titles(telex)[post_count_before:] == [
        "Article 11",
        "3 articles arrived in the meantime",
    ]
