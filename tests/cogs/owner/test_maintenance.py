"""Maintenance mode: no polls and no posts, a refusal for users, delivery of pending posts at its end."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

import aiohttp
import discord

from bot.answers.conversing.question_limits import MAX_QUESTIONS_PER_USER_PER_MINUTE
from bot.client.background_tasks import BackgroundTasks
from bot.client.health import MAX_POLL_SILENCE_SECONDS
from bot.core.preferences import DigestPlan
from cogs.running.health_monitor import HealthCog
from tests.support.discord_world import World
from tests.support.feed_server import make_rss_item
from tests.support.interactions import get_last_reply, press_button, read_reply_text, select_option
from tests.support.scenario import START, follow_feed, list_posted_titles, publish_items

REFUSAL = "I’m down for maintenance. Nothing is lost: posts will follow. Try again later."


async def turn_on_in_terminal(world: World, *, expected_seconds: int | None = None) -> None:
    """Turn maintenance on as `telex maintenance on` does."""
    await world.store.maintenance.turn_on(expected_seconds=expected_seconds, user_id=None)
    await world.newsroom.maintenance.refresh()


async def turn_off_in_terminal(world: World) -> None:
    await world.store.maintenance.turn_off(user_id=None)
    await world.newsroom.maintenance.refresh()


async def test_maintenance_refuses_users_until_operator_turns_it_off(office, feed_server, monkeypatch):
    world, presences = office.world, []

    async def change_presence(*, activity: Any, status: Any, shard_id: int) -> None:
        presences.append((None if activity is None else activity.name, status))
        raise ConnectionResetError

    monkeypatch.setattr(world.bot, "change_presence", change_presence)
    await follow_feed(world, feed_server)
    (post,) = world.posts()
    panel = await office.operator.slash(office.channel, "owner")
    page = await select_option(office.operator, get_last_reply(panel), "Maintenance", "Page")
    modal = await press_button(office.operator, page, "Turn on…")
    refusal = await office.operator.submit_modal(modal, {"minutes": "soon"})
    assert read_reply_text(refusal) == "Enter a number of minutes, such as 30."
    settings_panel = await world.run_as_editor("settings server")
    modal = await press_button(office.operator, page, "Turn on…")
    page = await office.operator.submit_modal(modal, {"minutes": "30"})
    assert f"on since <t:{START}:f>\nexpected until <t:{START + 1800}:f>" in read_reply_text(page)
    until = f"I’m down for maintenance until about <t:{START + 1800}:t>. Nothing is lost: posts will follow."
    for answer in (
        await world.run_as_reader("search", query="browser"),
        await world.reader.click(post, label="Save"),
        await select_option(world.editor, get_last_reply(settings_panel), "French"),
        await office.visitor.slash(office.channel, "owner"),
    ):
        assert read_reply_text(answer) == until
    world.clock.advance(1801)
    world.locales[world.reader.id] = "fr"
    assert read_reply_text(await world.run_as_reader("help")).startswith("Je suis en maintenance. Rien n’est")
    mention = await world.reader.send(world.news, f"{world.bot.user.mention} what happened?")
    assert world.news.history()[-1].content == REFUSAL
    assert world.news.history()[-1].reference.message_id == mention.id
    for _ in range(MAX_QUESTIONS_PER_USER_PER_MINUTE + 3):
        await world.reader.send(world.news, f"{world.bot.user.mention} what happened?")
    assert [message.content for message in world.posts()].count(REFUSAL) <= MAX_QUESTIONS_PER_USER_PER_MINUTE
    assert presences == [("Maintenance: posts will follow", discord.Status.dnd)]
    page = await press_button(office.operator, page, "Turn off")
    assert read_reply_text(page).startswith("### Maintenance\noff")
    assert presences[1:] == [(None, discord.Status.online)]
    world.locales.clear()
    assert "Try again later" not in read_reply_text(await world.run_as_reader("help"))


async def test_posts_and_digest_wait_for_end_of_maintenance(telex, feed_server):
    digest_channel = telex.guild.create_text_channel("digest")
    await telex.env.settle()
    feed = await follow_feed(telex, feed_server)
    await follow_feed(telex, feed_server, channel=digest_channel, path="/other", title="Other")
    plan = DigestPlan(weekday=None, minute=(START // 60 + 30) % 1440)
    place = {"server_id": telex.guild.id, "channel_id": digest_channel.id}
    await telex.store.digests.save(plan, **place, user_id=telex.editor.id, limit=9)
    titles = list_posted_titles(telex)
    count = len(telex.posts(digest_channel))
    await turn_on_in_terminal(telex)
    await publish_items(telex, feed_server, feed, make_rss_item(8, title="Eight"), make_rss_item(7, title="Seven"))
    await telex.advance(3600)
    await telex.deliver()
    await telex.restart()
    await telex.deliver()
    assert list_posted_titles(telex) == titles
    assert len(telex.posts(digest_channel)) == count
    await turn_off_in_terminal(telex)
    await telex.deliver()
    assert list_posted_titles(telex) == [*titles, "Seven", "Eight"]
    assert len(telex.posts(digest_channel)) == count + 1
    await telex.deliver()
    assert len(telex.posts()) == len(titles) + 2


async def test_claimed_dispatch_is_sent_though_maintenance_starts(telex, feed, feed_server):
    titles = list_posted_titles(telex)
    await publish_items(
        telex, feed_server, feed, make_rss_item(8, title="Eight"), make_rss_item(7, title="Seven"), delivered=False
    )
    claim = telex.store.dispatches.claim

    async def claim_then_turn_on(channel_id: int) -> Any:
        dispatch = await claim(channel_id)
        await turn_on_in_terminal(telex)
        return dispatch

    telex.store.dispatches.claim = claim_then_turn_on
    await telex.deliver()
    del telex.store.dispatches.claim
    assert list_posted_titles(telex) == [*titles, "Seven"]
    assert [state for state, _count, _oldest in await telex.store.dispatches.count_by_state()] == ["sent", "waiting"]
    await turn_off_in_terminal(telex)
    await telex.deliver()
    assert list_posted_titles(telex) == [*titles, "Seven", "Eight"]


async def test_started_edit_is_made_though_maintenance_starts(telex, feed, feed_server):
    await publish_items(telex, feed_server, feed, make_rss_item(8, title="Eight"), make_rss_item(7, title="Seven"))
    await telex.advance(600)
    corrected_items = [make_rss_item(8, title="Eight corrected"), make_rss_item(7, title="Seven corrected")]
    await publish_items(telex, feed_server, feed, *corrected_items, delivered=False)
    list_dispatches = telex.store.dispatches.list_dispatches_to_edit

    async def list_then_turn_on(*arguments: Any) -> Any:
        dispatches = await list_dispatches(*arguments)
        await turn_on_in_terminal(telex)
        return dispatches

    telex.store.dispatches.list_dispatches_to_edit = list_then_turn_on
    await telex.deliver()
    del telex.store.dispatches.list_dispatches_to_edit
    assert sum("corrected" in title for title in list_posted_titles(telex)) == 1
    await turn_off_in_terminal(telex)
    await telex.deliver()
    assert sum("corrected" in title for title in list_posted_titles(telex)) == 2


async def test_feeds_are_not_polled_during_maintenance(newsroom, clock, feed_server):
    feed = await newsroom.store.feeds.add(feed_server.serve("/rss", b""))
    await newsroom.store.subscriptions.follow(server_id=1, channel_id=2, feed_id=feed.id, first_article_id=None)
    await newsroom.store.maintenance.turn_on(expected_seconds=None, user_id=None)
    background_tasks = BackgroundTasks(newsroom)
    await background_tasks.start()
    try:
        assert newsroom.maintenance.is_on
        for _ in range(20):
            clock.advance(60)
            await asyncio.sleep(0.01)
        assert feed_server.visits == []
        await newsroom.store.maintenance.turn_off(user_id=None)
        while not feed_server.visits:
            clock.advance(1)
            await asyncio.sleep(0.01)
    finally:
        await background_tasks.stop()


async def test_health_endpoints_report_maintenance_but_no_problem(telex, feed):
    cog = telex.bot.get_cog(HealthCog.__name__)
    port, health = await cog.start_http_server("127.0.0.1", 0), cog.health
    await turn_on_in_terminal(telex)
    telex.clock.advance(2 * MAX_POLL_SILENCE_SECONDS)
    assert await health.load_problems() == []
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        for path, text in (
            ("/healthz", '{"well": true, "problems": [], "maintenance": true}'),
            ("/status", "Telex is down for maintenance. Nothing is lost: posts follow."),
            ("/status.json", '"maintenance": true'),
            ("/status.json", '"is_in_maintenance": true'),
            ("/metrics", "\ntelex_maintenance 1.0\n"),
        ):
            async with session.get(path) as response:
                assert response.status == HTTPStatus.OK
                assert text in await response.text()
    await turn_off_in_terminal(telex)
    assert await health.load_problems() == []
    telex.clock.advance(MAX_POLL_SILENCE_SECONDS + 60)
    assert await health.load_problems() == ["no feed could be fetched for 121 minutes"]
