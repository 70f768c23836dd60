"""Articles that members share in a channel."""

import discord

from bot.posting.recovery import message_contents
from tests.support.feed_server import make_rss_item
from tests.support.interactions import (
    get_last_reply,
    hide_channel,
    list_button_labels,
    press_button,
    read_message_text,
    read_reply_text,
    select_option,
)
from tests.support.scenario import follow_feed


async def test_shared_article_names_member(telex, feed):
    latest_reply = await telex.run_as_reader("latest")
    article_choice = await press_button(telex.reader, latest_reply, "Share…")
    share_reply = await select_option(telex.reader, get_last_reply(article_choice), "A new browser")
    shared_message = telex.posts()[-1]
    assert shared_message.jump_url in read_reply_text(share_reply)
    assert f"Shared by <@{telex.reader.id}>" in read_message_text(shared_message)
    assert "### [A new browser engine](https://news.example/articles/2)" in read_message_text(shared_message)
    await telex.restart()
    await telex.editor.click(shared_message, label="Save")
    (bookmark,) = await telex.store.bookmarks.list_by_user(telex.editor.id, limit=9)
    assert bookmark.article.title == "A new browser engine"


async def test_shared_article_is_not_a_post(telex, feed):
    card = await select_option(telex.reader, get_last_reply(await telex.run_as_reader("latest")), "Cities")
    await press_button(telex.reader, card, "Share here")
    assert message_contents.parse_article_keys(telex.posts()[-1]) == message_contents.ArticleKeys()
    assert message_contents.parse_article_keys(telex.posts()[0]).post_keys


async def test_sharing_requires_visible_article_and_send_permission(telex, feed_server):
    secret = telex.guild.create_text_channel("secret")
    await follow_feed(telex, feed_server, channel=secret)
    await follow_feed(telex, feed_server, make_rss_item(9, title="Open to all"), path="/open", title="Open News")
    hide_channel(telex, secret, telex.reader)
    post_count_before = len(telex.posts())
    card = await select_option(telex.editor, get_last_reply(await telex.run_as_editor("latest")), "Cities")
    refusal = await press_button(telex.editor, card, "Share here")
    assert "Some people here can’t see" in read_reply_text(refusal)
    card = await select_option(telex.reader, get_last_reply(await telex.run_as_reader("latest")), "Open to all")
    channel = telex.bot.get_channel(telex.news.id)
    assert isinstance(channel, discord.TextChannel)
    telex.env.backend.edit_role(
        telex.guild.id,
        telex.guild.default_role.id,
        {"permissions": discord.Permissions(view_channel=True, read_message_history=True).value},
    )
    await telex.env.settle()
    refusal = await press_button(telex.reader, card, "Share here")
    assert "You can’t write in this channel" in read_reply_text(refusal)
    assert len(telex.posts()) == post_count_before
    assert "Share here" in list_button_labels(get_last_reply(card))
