"""A catch-up hides nothing: its button shows all of its articles, and /why tells it from a post."""

from __future__ import annotations

import re

import discord

from bot.posting.rendering import buttons
from tests.support.interactions import NEXT, find_icon_button, last_reply, message_text, press
from tests.support.scenario import post_catch_up, why

MANY = 65
_TITLE = re.compile(r"\[(Late \d+)\]")


async def test_all_articles_of_a_catch_up_are_shown_in_pages_after_a_restart_and_an_unfollowing_too(telex, feed_server):
    message = await post_catch_up(telex, feed_server, MANY)
    post = await telex.store.dispatches.get_by_message_id(message.id)
    await telex.editor.slash(telex.news, "feed remove", feed="Example News")
    await telex.restart()
    page_reply = await telex.reader.click(message, label="Show all")
    assert last_reply(page_reply).ephemeral
    listed_titles = _TITLE.findall(message_text(page_reply))
    while not find_icon_button(last_reply(page_reply), NEXT).get("disabled"):
        page_reply = await press(telex.reader, last_reply(page_reply), NEXT)
        listed_titles += _TITLE.findall(message_text(page_reply))
    articles = await telex.store.articles.list_by_ids(post.article_ids)
    assert listed_titles == [article.title for article in reversed(articles)]
    assert len(listed_titles) == MANY - telex.newsroom.settings.catch_up_after


async def test_why_tells_a_catch_up_from_a_post(telex, feed_server):
    message = await post_catch_up(telex, feed_server, MANY)
    link = f"https://discord.com/channels/{telex.guild.id}/{telex.news.id}/{message.id}"
    reply_text = await why(telex, "https://news.example/articles/101")
    assert re.search(rf"<#{telex.news.id}>: in a catch-up <t:\d+:f> · {re.escape(link)}", reply_text), reply_text
    newest = await why(telex, f"https://news.example/articles/{99 + MANY}")
    assert "posted <t:" in newest


async def test_a_button_under_another_message_shows_nothing(telex, feed_server):
    message = await post_catch_up(telex, feed_server, MANY)
    post = await telex.store.dispatches.get_by_message_id(message.id)
    open_ = telex.guild.create_text_channel("open")
    channel = telex.bot.get_channel(open_.id)
    assert isinstance(channel, discord.TextChannel)
    forged_message = await channel.send("forged", view=buttons.view_of_items(buttons.SHOW_ALL_BUTTON(post.dedupe_key)))
    await telex.env.settle()
    assert "gone" in message_text(await telex.reader.click(forged_message, label="Show all"))
