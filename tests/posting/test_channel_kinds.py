"""Posts in every kind of channel."""

from __future__ import annotations

import discord
from simcord.builders import ChannelHandle

from bot.core.models import Dispatch
from bot.core.reasons import Reason, SendProblem
from bot.posting import post_send_steps
from bot.posting.sending import permissions
from bot.posting.sending.send_outcomes import RetryAfter
from tests.support.discord_world import World
from tests.support.feed_server import make_rss_item
from tests.support.scenario import list_posted_titles


def is_published(post: discord.Message) -> bool:
    """simcord 3.2.1 sets the flag next to the right one."""
    return post.flags.crossposted or post.flags.is_crossposted


async def test_announcement_is_crossposted_once(telex, publisher):
    news = telex.guild.create_news_channel("announcements")
    await publisher.begin(news)
    (post,) = telex.posts(news)
    assert is_published(post)
    assert await telex.store.dispatches.list_unfinalized() == []


async def test_announcement_is_crossposted_after_reconnect(telex, publisher, monkeypatch):
    """Discord.py has no channels in its cache then, so it cannot tell that this one is an announcement channel."""
    news = telex.guild.create_news_channel("announcements")
    await publisher.begin(news)
    original_finalize = post_send_steps.finalize_message

    async def finalize_without_cache(client: discord.Client, dispatch: Dispatch, *, seed: bool) -> RetryAfter | None:
        with monkeypatch.context() as empty_cache:
            empty_cache.setattr(client.get_guild(dispatch.server_id), "unavailable", True)
            empty_cache.setattr(client, "get_channel", lambda _id: None)
            return await original_finalize(client, dispatch, add_seed_reaction=seed)

    monkeypatch.setattr(post_send_steps, "finalize_message", finalize_without_cache)
    await publisher.post(make_rss_item(1))
    monkeypatch.setattr(post_send_steps, "finalize_message", original_finalize)
    telex.clock.advance(60)
    await telex.deliver()
    assert [is_published(post) for post in telex.posts(news)] == [True, True]
    assert await telex.store.dispatches.list_unfinalized() == []


async def test_crosspost_rate_limit_delays_no_post(telex, publisher):
    news = telex.guild.create_news_channel("announcements")
    await publisher.begin(news)
    telex.env.inject_error("POST", "/channels/*/messages/*/crosspost", status=429, code=0, message="Slow down")
    await publisher.post(make_rss_item(1), make_rss_item(2))
    assert list_posted_titles(telex, news) == ["Article 0", "Article 1", "Article 2"]
    assert [is_published(post) for post in telex.posts(news)] == [True, False, True]
    telex.clock.advance(3600)
    await telex.deliver()
    assert all(is_published(post) for post in telex.posts(news))


async def test_article_is_posted_in_thread(telex, publisher):
    thread = create_thread(telex)
    await publisher.begin(thread)
    assert list_posted_titles(telex, thread) == ["Article 0"]
    assert list_posted_titles(telex) == []


def create_thread(world: World) -> ChannelHandle:
    world.env.backend.create_thread(world.news.id, "a thread", world.editor.id)
    (thread,) = world.news.threads
    return thread


async def test_each_article_opens_forum_thread(telex, publisher):
    forum = telex.guild.create_forum_channel("forum")
    await publisher.begin(forum)
    await publisher.post(make_rss_item(1, title="x" * 300))
    first, second = forum.threads
    assert first.name == "Article 0"
    assert second.name is not None
    assert len(second.name) == 100
    for dispatch in await telex.store.dispatches.list_recent(0, 9):
        assert dispatch.thread_id in {first.id, second.id}
        assert dispatch.message_id is not None
    assert all(telex.posts(thread)[0].reactions for thread in forum.threads)


async def test_article_is_posted_in_voice_channel(telex, publisher):
    voice = telex.guild.create_voice_channel("talk")
    await publisher.begin(voice)
    assert list_posted_titles(telex, voice) == ["Article 0"]


async def test_category_reports_problem(telex, publisher):
    category = telex.guild.create_category("group")
    await publisher.begin(category)
    problem = await telex.store.dispatches.get_problem(category.id)
    assert problem.problem == Reason(SendProblem.NOT_TEXT)


async def test_missing_permissions_have_discord_labels(telex):
    forum = telex.guild.create_forum_channel("forum")
    await telex.set_permissions(forum, send_messages=False)
    await telex.set_permissions(telex.news, read_message_history=False, add_reactions=False)
    bot = telex.bot
    cached = bot.get_channel(forum.id)
    assert isinstance(cached, discord.ForumChannel)
    assert "Create Posts" in permissions.list_missing_permission_labels(cached)
    news = bot.get_channel(telex.news.id)
    assert isinstance(news, discord.TextChannel)
    assert permissions.list_missing_permission_labels(news) == []
    assert permissions.list_missing_permission_labels(news, check_required=False, check_optional=True) == [
        "Read Message History",
        "Add Reactions",
    ]
