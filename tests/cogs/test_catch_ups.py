"""A catch-up hides nothing: its button shows all of its articles, and /why tells it from a post."""

from __future__ import annotations

import re

import discord

from bot.posting.rendering import buttons
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.interactions import (
    NEXT,
    START,
    find_icon_button,
    follow,
    last_reply,
    message_text,
    press,
    three_items,
)
from tests.support.shown import title

MANY = 65
_TITLE = re.compile(r"\[(Late \d+)\]")


async def post_catch_up(telex: World, feed_server: FeedServer) -> discord.Message:
    feed = await follow(telex, feed_server)
    late_items = [
        make_rss_item(100 + number, title=f"Late {number}", published=START + number) for number in range(MANY)
    ]
    feed_server.serve("/rss", make_rss(*reversed(late_items), *three_items()))
    await telex.advance(3600)
    await telex.poll_and_deliver(feed)
    return next(post for post in telex.posts() if "arrived in the meantime" in (title(post) or ""))


async def test_all_articles_of_a_catch_up_are_shown_in_pages_after_a_restart_and_an_unfollowing_too(telex, feed_server):
    message = await post_catch_up(telex, feed_server)
    post = await telex.store.dispatches.by_message_id(message.id)
    await telex.editor.slash(telex.news, "feed remove", feed="Example News")
    await telex.restart()
    page_reply = await telex.reader.click(message, label="Show all")
    assert last_reply(page_reply).ephemeral
    listed_titles = _TITLE.findall(message_text(page_reply))
    while not find_icon_button(last_reply(page_reply), NEXT).get("disabled"):
        page_reply = await press(telex.reader, last_reply(page_reply), NEXT)
        listed_titles += _TITLE.findall(message_text(page_reply))
    articles = await telex.store.articles.by_ids(post.article_ids)
    assert listed_titles == [article.title for article in reversed(articles)]
    assert len(listed_titles) == MANY - telex.newsroom.settings.catch_up_after


async def test_why_tells_a_catch_up_from_a_post(telex, feed_server):
    message = await post_catch_up(telex, feed_server)
    link = f"https://discord.com/channels/{telex.guild.id}/{telex.news.id}/{message.id}"
    reply_text = message_text(await telex.reader.slash(telex.news, "why", link="https://news.example/articles/101"))
    assert re.search(rf"<#{telex.news.id}>: in a catch-up <t:\d+:f> · {re.escape(link)}", reply_text), reply_text
    newest = message_text(
        await telex.reader.slash(telex.news, "why", link=f"https://news.example/articles/{99 + MANY}")
    )
    assert "posted <t:" in newest


async def test_a_button_under_another_message_shows_nothing(telex, feed_server):
    message = await post_catch_up(telex, feed_server)
    post = await telex.store.dispatches.by_message_id(message.id)
    open_ = telex.guild.create_text_channel("open")
    channel = telex.bot.get_channel(open_.id)
    assert isinstance(channel, discord.TextChannel)
    forged_message = await channel.send("forged", view=buttons.view_of_items(buttons.SHOW_ALL_BUTTON(post.dedupe_key)))
    await telex.env.settle()
    assert "gone" in message_text(await telex.reader.click(forged_message, label="Show all"))
