"""🔖 reactions as bookmarks: added, removed, and found after an outage."""

from __future__ import annotations

from typing import Any

import discord
import pytest

from bot.core.limits import Limit
from cogs.reading import bookmark_reactions
from cogs.reading.message_articles import find_article_dispatch
from tests.cogs.test_bookmarks import list_bookmark_titles
from tests.support.discord_world import World
from tests.support.interactions import read_message_text
from tests.support.scenario import follow_feed, post_catch_up


async def test_reaction_adds_and_removes_bookmark(telex, feed):
    await telex.reader.react(telex.posts()[0], "🔖")
    (bookmark,) = await telex.store.bookmarks.list_by_user(telex.reader.id, limit=9)
    assert bookmark.article.title == "Cities ban facial recognition"
    assert (bookmark.server_id, bookmark.channel_id) == (telex.guild.id, telex.news.id)
    assert bookmark.message_id == telex.posts()[0].id
    await telex.reader.unreact(telex.posts()[0], "🔖")
    assert await list_bookmark_titles(telex, telex.reader) == []


async def test_repeated_reaction_restores_note_and_tags_within_an_hour(telex, feed):
    post, bookmarks = telex.posts()[0], telex.store.bookmarks
    await telex.reader.react(post, "🔖")
    (bookmark,) = await bookmarks.list_by_user(telex.reader.id, limit=9)
    await bookmarks.annotate(telex.reader.id, bookmark.article.id, note="For Ben", tags=("law",))
    for pause_seconds, note in ((60, "For Ben"), (3600, "")):
        await telex.reader.unreact(post, "🔖")
        assert await list_bookmark_titles(telex, telex.reader) == []
        telex.clock.advance(pause_seconds)
        await telex.reader.react(post, "🔖")
        (bookmark,) = await bookmarks.list_by_user(telex.reader.id, limit=9)
        assert (bookmark.note, bool(bookmark.tags)) == (note, bool(note))


async def test_reaction_on_catch_up_saves_all_articles(telex, feed_server):
    message = await post_catch_up(telex, feed_server, 14)
    post = await telex.store.dispatches.get_by_message_id(message.id)
    await telex.reader.react(message, "🔖")
    assert len(await list_bookmark_titles(telex, telex.reader)) == len(post.article_ids) > 1


async def test_other_emoji_messages_and_bots_are_ignored(telex, feed):
    robot = telex.guild.add_member(telex.env.create_user("robot", bot=True))
    await robot.react(telex.posts()[0], "🔖")
    await telex.reader.react(telex.posts()[0], "👍")
    message = await telex.editor.send(telex.news, "hello")
    await telex.reader.react(message, "🔖")
    assert await list_bookmark_titles(telex, telex.reader) + await list_bookmark_titles(telex, robot) == []


def react_without_event(world: World, *reactions: tuple[Any, bool]) -> None:
    """Add (True) or remove (False) reactions to the first post without events for the bot."""
    subscribers, world.env.backend.subscribers = world.env.backend.subscribers, []
    for person, reacted in reactions:
        world.env.backend.set_reaction(world.news.id, world.posts()[0].id, "🔖", person.id, reacted)
    world.env.backend.subscribers = subscribers


async def react_while_offline(world: World, *reactions: tuple[Any, bool]) -> None:
    """Add (True) or remove (False) reactions to the first post without events, then restart the bot."""
    react_without_event(world, *reactions)
    await world.restart()


@pytest.mark.parametrize("age", [0, 40 * 86_400])  # of the posts
async def test_reactions_during_outage_are_found_on_restart(telex, feed, age):
    await telex.advance(age)
    robot = telex.guild.add_member(telex.env.create_user("robot", bot=True))
    await react_while_offline(telex, (telex.reader, True), (telex.editor, True), (robot, True))
    assert await list_bookmark_titles(telex, telex.reader) == ["Cities ban facial recognition"]
    assert await list_bookmark_titles(telex, telex.editor) == ["Cities ban facial recognition"]
    assert await list_bookmark_titles(telex, robot) == []
    assert await telex.store.bookmarks.count(telex.env.backend.bot_user.id) == 0


async def test_confirmed_post_is_checked_beyond_request_limit(telex, feed_server, monkeypatch):
    monkeypatch.setattr(bookmark_reactions, "_MAX_REACTION_REQUESTS", 1)
    await follow_feed(telex, feed_server)
    await react_while_offline(telex, (telex.editor, True))
    react_without_event(telex, (telex.reader, True))
    dispatch = await find_article_dispatch(telex.bot, telex.posts()[0].id, telex.guild.id)
    assert dispatch is not None
    telex.bot.outbox_relay.on_delivery_confirmed(dispatch)
    while not await list_bookmark_titles(telex, telex.reader):
        await telex.env.settle()


async def test_removed_bookmark_is_not_restored_by_old_reaction(telex, feed):
    await telex.reader.react(telex.posts()[0], "🔖")
    await telex.reader.click(telex.posts()[0], label="Save")
    assert await list_bookmark_titles(telex, telex.reader) == []
    await telex.restart()
    assert await list_bookmark_titles(telex, telex.reader) == []
    await telex.reader.unreact(telex.posts()[0], "🔖")
    await telex.reader.react(telex.posts()[0], "🔖")
    assert await list_bookmark_titles(telex, telex.reader) == ["Cities ban facial recognition"]


async def test_channel_without_history_permission_is_skipped(telex, feed_server):
    closed_channel = telex.guild.create_text_channel("closed")
    await follow_feed(telex, feed_server, path="/closed", title="Closed", channel=closed_channel)
    await follow_feed(telex, feed_server)
    await telex.set_permissions(closed_channel, read_message_history=False)
    await react_while_offline(telex, (telex.reader, True))
    assert await list_bookmark_titles(telex, telex.reader) == ["Cities ban facial recognition"]


async def test_channel_that_times_out_is_skipped(telex, feed_server, monkeypatch):
    fetch_history = discord.http.HTTPClient.logs_from

    async def time_out_in_slow_channel(client: Any, channel_id: int, *args: Any, **kwargs: Any) -> Any:
        if channel_id == slow_channel.id:
            raise TimeoutError
        return await fetch_history(client, channel_id, *args, **kwargs)

    slow_channel = telex.guild.create_text_channel("slow")
    await follow_feed(telex, feed_server)
    await follow_feed(telex, feed_server, path="/slow", title="Slow", channel=slow_channel)
    monkeypatch.setattr(discord.http.HTTPClient, "logs_from", time_out_in_slow_channel)
    await react_while_offline(telex, (telex.reader, True))
    assert await list_bookmark_titles(telex, telex.reader) == ["Cities ban facial recognition"]


async def test_reactions_in_forum_are_found_on_restart(telex, feed_server):
    forum = telex.guild.create_forum_channel("talk")
    await follow_feed(telex, feed_server, channel=forum)
    thread = forum.threads[0]
    opening = thread.history()[0]
    subscribers, telex.env.backend.subscribers = telex.env.backend.subscribers, []
    telex.env.backend.set_reaction(thread.id, opening.id, "🔖", telex.reader.id, True)
    telex.env.backend.subscribers = subscribers
    await telex.restart()
    assert await list_bookmark_titles(telex, telex.reader) == ["Cities ban facial recognition"]


async def test_posts_without_reactions_cause_no_requests(telex, feed):
    post = telex.posts()[0]
    telex.env.backend.remove_reaction(telex.news.id, post.id, "🔖", telex.env.backend.bot_user.id)
    request_count_before = len(telex.env.http_requests)
    await telex.restart()
    reaction_requests = [
        entry for entry in telex.env.http_requests[request_count_before:] if "/reactions/" in entry.path
    ]
    assert reaction_requests == []


async def test_bookmark_limit_is_reported_once_by_direct_message(telex, feed_server, monkeypatch):
    monkeypatch.setitem(telex.newsroom.limits.default_limits, Limit.BOOKMARKS_PER_USER, 0)
    await follow_feed(telex, feed_server)
    for _time in range(2):
        await telex.reader.react(telex.posts()[0], "🔖")
        await telex.reader.unreact(telex.posts()[0], "🔖")
    notices = [read_message_text(message) for message in telex.reader.user.dm_channel.history()]
    assert len(notices) == 1
    assert "the limit of 0 bookmarks" in notices[0]
