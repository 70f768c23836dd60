"""Sharing an article with the channel: who may, what everybody reads, what it is not taken for."""

import discord

from bot.posting.recovery import message_contents
from tests.cogs.helpers import choose, follow, hide, labels, last, said, text
from tests.feed_server import item


async def test_one_result_is_shared_under_the_name_of_who_shared_it(telex, feed_server):
    await follow(telex, feed_server)
    found = await telex.reader.slash(telex.news, "latest")
    asked = await telex.reader.click(last(found), label="Share…")
    told = await choose(telex.reader, last(asked), "A new browser")
    shared = telex.posts()[-1]
    assert shared.jump_url in said(told)
    assert f"Shared by <@{telex.reader.id}>" in text(shared)
    assert "### [A new browser engine](https://news.example/articles/2)" in text(shared)
    await telex.restart()
    await telex.editor.click(shared, label="Save")
    (kept,) = await telex.store.bookmarks.list(telex.editor.id, limit=9)
    assert kept.article.title == "A new browser engine"


async def test_what_was_shared_is_not_taken_for_a_post(telex, feed_server):
    await follow(telex, feed_server)
    card = await choose(telex.reader, last(await telex.reader.slash(telex.news, "latest")), "Cities")
    await telex.reader.click(last(card), label="Share here")
    assert message_contents.article_keys_of(telex.posts()[-1]) == message_contents.ArticleKeys()
    assert message_contents.article_keys_of(telex.posts()[0]).post_keys


async def test_nothing_is_shared_that_others_may_not_see_or_where_one_may_not_write(telex, feed_server):
    secret = telex.guild.create_text_channel("secret")
    await follow(telex, feed_server, channel=secret)
    await follow(telex, feed_server, item(9, title="Open to all"), path="/open", title="Open News")
    hide(telex, secret, telex.reader)
    before = len(telex.posts())
    card = await choose(telex.editor, last(await telex.editor.slash(telex.news, "latest")), "Cities")
    refused = await telex.editor.click(last(card), label="Share here")
    assert "Some people here can’t see" in said(refused)
    card = await choose(telex.reader, last(await telex.reader.slash(telex.news, "latest")), "Open to all")
    channel = telex.bot.get_channel(telex.news.id)
    assert isinstance(channel, discord.TextChannel)
    telex.env.backend.edit_role(
        telex.guild.id,
        telex.guild.default_role.id,
        {"permissions": discord.Permissions(view_channel=True, read_message_history=True).value},
    )
    await telex.env.settle()
    refused = await telex.reader.click(last(card), label="Share here")
    assert "You can’t write in this channel" in said(refused)
    assert len(telex.posts()) == before
    assert "Share here" in labels(last(card))
