"""Catch-ups: the button that shows all articles, and how /why names them."""

from __future__ import annotations

import re

import discord

from bot.posting.rendering import buttons
from tests.support.interactions import NEXT, find_icon_button, get_last_reply, press_icon_button, read_reply_text
from tests.support.scenario import post_catch_up, run_why

ARTICLE_COUNT = 65
_TITLE = re.compile(r"\[(Late \d+)\]")


async def test_show_all_lists_articles_after_restart_and_unfollowing(telex, feed_server):
    message = await post_catch_up(telex, feed_server, ARTICLE_COUNT)
    post = await telex.store.dispatches.get_by_message_id(message.id)
    await telex.run_as_editor("feed remove", feed="Example News")
    await telex.restart()
    page_reply = await telex.reader.click(message, label="Show all")
    assert get_last_reply(page_reply).ephemeral
    listed_titles = _TITLE.findall(read_reply_text(page_reply))
    while not find_icon_button(get_last_reply(page_reply), NEXT).get("disabled"):
        page_reply = await press_icon_button(telex.reader, get_last_reply(page_reply), NEXT)
        listed_titles += _TITLE.findall(read_reply_text(page_reply))
    articles = await telex.store.articles.list_by_ids(post.article_ids)
    assert listed_titles == [article.title for article in reversed(articles)]
    assert len(listed_titles) == ARTICLE_COUNT - telex.newsroom.settings.catch_up_after


async def test_why_distinguishes_catch_up_from_post(telex, feed_server):
    message = await post_catch_up(telex, feed_server, ARTICLE_COUNT)
    link = f"https://discord.com/channels/{telex.guild.id}/{telex.news.id}/{message.id}"
    reply_text = await run_why(telex, "https://news.example/articles/101")
    assert re.search(rf"<#{telex.news.id}>: in a catch-up <t:\d+:f> · {re.escape(link)}", reply_text), reply_text
    newest = await run_why(telex, f"https://news.example/articles/{99 + ARTICLE_COUNT}")
    assert "posted <t:" in newest


async def test_show_all_button_on_other_message_is_refused(telex, feed_server):
    message = await post_catch_up(telex, feed_server, ARTICLE_COUNT)
    post = await telex.store.dispatches.get_by_message_id(message.id)
    visible_channel = telex.guild.create_text_channel("open")
    channel = telex.bot.get_channel(visible_channel.id)
    assert isinstance(channel, discord.TextChannel)
    forged_message = await channel.send("forged", view=buttons.view_of_items(buttons.SHOW_ALL_BUTTON(post.dedupe_key)))
    await telex.env.settle()
    assert "gone" in read_reply_text(await telex.reader.click(forged_message, label="Show all"))
