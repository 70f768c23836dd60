"""Daily threads: one a day, and delivery lookups in them."""

from __future__ import annotations

import re

import discord
from simcord.builders import ChannelHandle

from bot.core import setting_registry
from bot.core.preferences import Preference
from bot.core.reasons import Reason, SendProblem
from bot.posting.sending.permissions import INVITE_PERMISSIONS
from tests.support.discord_world import World
from tests.support.feed_server import make_rss_item
from tests.support.interactions import get_last_reply, read_message_text
from tests.support.message_texts import find_title
from tests.support.posting_publisher import FeedPublisher
from tests.support.scenario import list_posted_titles

DAY = 86_400


async def set_daily_thread(world: World, *, on: bool, channel: ChannelHandle | None = None) -> None:
    await world.set_channel_setting(setting_registry.DAILY_THREAD, on, channel or world.news)


def list_channel_titles(world: World) -> list[str | None]:
    """List the titles of posts in the channel itself, without Discord's messages about new threads."""
    return [find_title(message) for message in world.posts() if find_title(message)]


async def begin_with_daily_thread(world: World, publisher: FeedPublisher) -> None:
    """Switch daily threads on and post article 0 in the first one."""
    await world.set_permissions(world.news, create_public_threads=True)
    await set_daily_thread(world, on=True)
    await publisher.begin()


async def test_each_day_gets_own_thread(telex, publisher):
    await begin_with_daily_thread(telex, publisher)
    await publisher.post(make_rss_item(1))
    (thread,) = telex.news.threads
    assert re.fullmatch(r"News of \w+ \d+, \d{4}", thread.name or "")
    assert list_posted_titles(telex, thread) == ["Article 0", "Article 1"]
    assert list_channel_titles(telex) == []
    await telex.advance(DAY)
    await publisher.post(make_rss_item(2))
    first, second = telex.news.threads
    assert first.name != second.name
    assert list_posted_titles(telex, second) == ["Article 2"]


async def test_day_follows_server_time_zone(telex, publisher):
    zone = "Pacific/Kiritimati"  # 14 hours ahead of UTC: at 20:26 UTC it is tomorrow there
    await telex.set_preference(Preference.TIME_ZONE, zone)
    await telex.set_preference(Preference.LANGUAGE, "fr")
    await begin_with_daily_thread(telex, publisher)
    (thread,) = telex.news.threads
    assert thread.name == "Actualités du 29 mai 2026"


async def test_unknown_time_zone_does_not_stop_posts(telex, publisher):
    """The database may come from a machine with other time zones."""
    await telex.set_preference(Preference.TIME_ZONE, "Mars/Phobos")
    await begin_with_daily_thread(telex, publisher)
    (thread,) = telex.news.threads
    assert list_posted_titles(telex, thread) == ["Article 0"]
    assert "Mars/Phobos" in read_message_text(get_last_reply(await telex.run_as_editor("settings server")))


async def test_correction_edits_post_in_earlier_thread(telex, publisher):
    await begin_with_daily_thread(telex, publisher)
    await publisher.article(1)
    await telex.deliver()
    (thread,) = telex.news.threads
    await telex.advance(DAY)
    await publisher.correct(1, title="Article 1, corrected")
    assert list_posted_titles(telex, thread) == ["Article 0", "Article 1, corrected"]
    assert len(telex.news.threads) == 1


async def test_correction_reopens_archived_thread(telex, publisher):
    await begin_with_daily_thread(telex, publisher)
    await publisher.article(1)
    await telex.deliver()
    (thread,) = telex.news.threads
    # simcord 3.2.1 demands this of whoever opens a thread, Discord only what it takes to write in it.
    role = telex.guild.roles[telex.env.backend.bot_user.name]
    allowed = discord.Permissions(INVITE_PERMISSIONS.value | discord.Permissions(manage_channels=True).value)
    telex.env.backend.edit_role(telex.guild.id, role.id, {"permissions": allowed.value})
    telex.env.backend.edit_channel(thread.id, {}, thread_metadata={"archived": True})
    await telex.env.settle()
    telex.env.inject_error("PATCH", "/channels/*/messages/*", status=400, code=50083, message="Archived")
    await publisher.correct(1, title="Article 1, corrected")
    assert list_posted_titles(telex, thread) == ["Article 0", "Article 1, corrected"]


async def test_deleted_thread_is_created_again(telex, publisher):
    await begin_with_daily_thread(telex, publisher)
    (thread,) = telex.news.threads
    telex.env.backend.delete_channel(thread.id)
    await telex.env.settle()
    await publisher.post(make_rss_item(1))
    (second_thread,) = telex.news.threads
    assert list_posted_titles(telex, second_thread) == ["Article 1"]


async def test_missing_thread_permission_is_reported(telex, publisher):
    await telex.set_permissions(telex.news, create_public_threads=False)
    await set_daily_thread(telex, on=True)
    await publisher.begin()
    problem = await telex.store.dispatches.get_problem(telex.news.id)
    assert problem.problem == Reason(SendProblem.FORBIDDEN, {"permissions": ("create_public_threads",)})
    await telex.set_permissions(telex.news, create_public_threads=True)
    await telex.deliver()
    (thread,) = telex.news.threads
    assert list_posted_titles(telex, thread) == ["Article 0"]


async def test_posts_return_to_channel_when_switched_off(telex, publisher):
    await begin_with_daily_thread(telex, publisher)
    await set_daily_thread(telex, on=False)
    await publisher.post(make_rss_item(1))
    assert list_channel_titles(telex) == ["Article 1"]


async def test_lookup_finds_post_in_thread_after_switching_off(telex, publisher, answers):
    await begin_with_daily_thread(telex, publisher)
    answers.lose_next("/messages", times=2)
    await publisher.post(make_rss_item(1))
    await set_daily_thread(telex, on=False)
    await telex.advance(30)
    await telex.restart()
    await telex.deliver()
    (thread,) = telex.news.threads
    assert list_posted_titles(telex, thread) == ["Article 0", "Article 1"]
    assert list_channel_titles(telex) == []
    for dispatch in await telex.store.dispatches.list_recent(0, 9):
        assert dispatch.thread_id == thread.id


async def test_restored_backup_reconciles_posts_in_thread_and_channel(telex, publisher):
    await begin_with_daily_thread(telex, publisher)
    await publisher.post(make_rss_item(1))
    await set_daily_thread(telex, on=False)
    await publisher.post(make_rss_item(2))
    for is_on in (False, True):
        for dispatch in await telex.store.dispatches.list_recent(0, 3):
            await telex.store.dispatches.schedule_retry(dispatch.id, due_at=0, reason=None)
        await telex.store.meta.set("restored", "1")
        await set_daily_thread(telex, on=is_on)
        await telex.restart()
        await telex.deliver()
        (thread,) = telex.news.threads
        assert list_posted_titles(telex, thread) == ["Article 0", "Article 1"]
        assert list_channel_titles(telex) == ["Article 2"]


async def test_lookup_ignores_post_of_other_subscription_in_thread(telex, publisher):
    await begin_with_daily_thread(telex, publisher)
    (thread,) = telex.news.threads
    await set_daily_thread(telex, on=False)
    await telex.follow(publisher.url, thread)
    await telex.store.dispatches.block_channel(telex.news.id, Reason(SendProblem.FORBIDDEN), telex.clock.now() + 60)
    await publisher.post(make_rss_item(1))
    assert list_posted_titles(telex, thread) == ["Article 0", "Article 1"]
    await telex.store.dispatches.unblock_channel(telex.news.id)
    assert await telex.store.dispatches.claim(telex.news.id)  # and the process died
    await telex.restart()
    await telex.deliver()
    assert list_channel_titles(telex) == ["Article 1"]


async def test_lookup_finds_post_in_channel_after_switching_on(telex, publisher, answers):
    await begin_with_daily_thread(telex, publisher)
    await set_daily_thread(telex, on=False)
    answers.lose_next("/messages", times=2)
    await publisher.post(make_rss_item(1))
    await set_daily_thread(telex, on=True)
    await telex.advance(30)
    await telex.restart()
    await telex.deliver()
    (thread,) = telex.news.threads
    assert list_channel_titles(telex) == ["Article 1"]
    assert list_posted_titles(telex, thread) == ["Article 0"]
