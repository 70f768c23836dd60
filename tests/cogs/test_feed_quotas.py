"""Feeds over quota: the alert, /feed list and /why."""

from __future__ import annotations

import pytest

from bot.polling import ingest_quota
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.interactions import hide_channel, read_reply_text
from tests.support.scenario import publish_items, run_why

SKIPPED_LINK = "https://news.example/articles/119"


@pytest.fixture
def ten_entries_per_feed(monkeypatch) -> None:
    """Limit feeds to ten entries (request this fixture before the bot's)."""
    monkeypatch.setattr(ingest_quota, "FEED_QUOTA_ENTRIES", 10)


async def follow_flooding_feed(telex: World, server: FeedServer) -> None:
    """Follow a feed and let it publish fifteen entries beyond its quota."""
    first_items = [make_rss_item(number) for number in range(5)]
    feed = await telex.follow(server.serve("/", make_rss(*first_items)))
    await telex.poll(feed)
    await telex.advance(600)
    await publish_items(telex, server, feed, *(make_rss_item(number) for number in range(100, 120)), *first_items)


async def test_feed_over_quota_is_shown_in_list_why_and_alert(ten_entries_per_feed, telex, feed_server):
    await follow_flooding_feed(telex, feed_server)
    now = telex.clock.now()
    assert f"-# 🟠 **Example News**: too many articles: 15 left out (first <t:{now}:R>" in read_reply_text(
        await telex.run_as_editor("feed list")
    )
    reply_text = await run_why(telex, SKIPPED_LINK)
    assert reply_text == f"Left out <t:{now}:f>: **Example News** published more at once than I can keep."
    posts = [embed.description or "" for post in telex.posts() for embed in post.embeds] + [
        post.content for post in telex.posts()
    ]
    assert sum("brings more articles than I can keep" in text for text in posts) == 1
    telex.locales[telex.editor.id] = "fr"
    list_text = read_reply_text(await telex.run_as_editor("feed list")).replace("\N{NO-BREAK SPACE}", " ")
    assert f"**Example News** : trop d’articles : 15 écartés (le premier <t:{now}:R>)" in list_text


async def test_skipped_articles_of_hidden_feed_are_not_explained(ten_entries_per_feed, telex, feed_server):
    await follow_flooding_feed(telex, feed_server)
    hide_channel(telex, telex.news, telex.reader)
    elsewhere = telex.guild.create_text_channel("elsewhere")
    reply_text = await run_why(telex, SKIPPED_LINK, channel=elsewhere)
    assert "Left out" not in reply_text
    assert "I haven’t seen this" in reply_text
