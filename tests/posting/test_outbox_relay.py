"""Delivery as people see it: each article once, oldest first, no channel in another's way."""

from __future__ import annotations

import asyncio
from typing import Any

import discord
from discord.http import Route

from bot.core.i18n import load_catalogue
from bot.core.models import DeliveryStatus, DispatchState, Feed
from bot.core.reasons import Reason, SendProblem
from bot.posting.recovery import message_contents
from bot.posting.rendering import buttons
from bot.posting.rendering.messages import Message
from bot.posting.sending import message_targets
from bot.posting.sending.dispatch_sender import DispatchSender
from bot.posting.sending.send_outcomes import SendOutcome
from bot.store import LeaseLost
from tests.support.discord_world import World, open_world
from tests.support.feed_server import make_rss_item
from tests.support.message_texts import (
    find_title,
    find_title_link,
    list_components,
    list_picture_urls,
    read_message_text,
)
from tests.support.posting_publisher import FeedPublisher
from tests.support.scenario import list_posted_titles
from tests.support.store_probe import enqueue_notice
from tests.support.wire.waiting import wait_until


async def test_articles_are_posted_once_oldest_first(telex, publisher):
    await publisher.begin()
    await publisher.post(make_rss_item(1), make_rss_item(2), make_rss_item(3))
    await publisher.poll()
    await telex.deliver()
    assert list_posted_titles(telex) == ["Article 0", "Article 1", "Article 2", "Article 3"]


async def test_post_gets_bookmark_reaction(telex, publisher):
    await publisher.begin()
    (post,) = telex.posts()
    assert [reaction.emoji for reaction in post.reactions] == [buttons.BOOKMARK_EMOJI]
    (dispatch,) = await telex.store.dispatches.list_recent(0, 10)
    assert dispatch.is_finalized
    assert dispatch.message_id == post.id


async def test_no_reaction_without_permission(telex, publisher):
    await telex.set_permissions(telex.news, add_reactions=False)
    await publisher.begin()
    (post,) = telex.posts()
    assert not post.reactions
    assert await telex.store.dispatches.list_unfinalized() == []


async def test_blocked_channel_delays_no_other_channel(telex, publisher):
    other_channel = telex.guild.create_text_channel("other")
    await publisher.begin(telex.news, other_channel)
    await telex.set_permissions(telex.news, send_messages=False)
    await publisher.post(make_rss_item(1), make_rss_item(2))
    assert list_posted_titles(telex, other_channel) == ["Article 0", "Article 1", "Article 2"]
    assert list_posted_titles(telex) == ["Article 0"]
    problem = await telex.store.dispatches.get_problem(telex.news.id)
    assert problem.problem == Reason(SendProblem.FORBIDDEN, {"permissions": ("send_messages", "embed_links")})

    await telex.set_permissions(telex.news, send_messages=True)
    await telex.deliver()
    assert list_posted_titles(telex) == ["Article 0", "Article 1", "Article 2"]
    assert await telex.store.dispatches.get_problem(telex.news.id) is None


async def test_slow_channel_delays_no_other_channel(telex, publisher, monkeypatch):
    other_channel = telex.guild.create_text_channel("other")
    await publisher.begin(telex.news, other_channel)
    release = asyncio.Event()
    arrived = asyncio.Event()
    original_send = message_targets.send

    async def send(place: message_targets.GuildTarget, message: Message, nonce: str) -> SendOutcome:
        if place.id == telex.news.id:
            await release.wait()
        elif message.name == "Article 2":
            arrived.set()
        return await original_send(place, message, nonce)

    monkeypatch.setattr(message_targets, "send", send)
    await publisher.publish(make_rss_item(1), make_rss_item(2))
    relay_task = asyncio.create_task(telex.bot.outbox_relay.run_until_idle())
    await asyncio.wait_for(arrived.wait(), 60)
    release.set()
    await relay_task
    await telex.env.settle()
    assert (
        list_posted_titles(telex) == list_posted_titles(telex, other_channel) == ["Article 0", "Article 1", "Article 2"]
    )


async def test_blocked_channel_is_retried_with_backoff(telex, publisher):
    await publisher.begin()
    await telex.set_permissions(telex.news, embed_links=False)
    await publisher.publish(make_rss_item(1))
    waits = []
    for _round in range(12):
        await telex.deliver()
        problem = await telex.store.dispatches.get_problem(telex.news.id)
        assert problem.retry_at is not None
        waits.append(problem.retry_at - telex.clock.now())
        telex.clock.advance(waits[-1])
    assert waits[:3] == [300, 300, 600]
    assert waits == sorted(waits)
    assert waits[-1] == 21_600
    assert list_posted_titles(telex) == ["Article 0"]


async def test_rate_limited_post_is_sent_after_wait(telex, publisher, answers):
    await publisher.begin()
    answers.lose = lambda route: None
    original_request = telex.bot.http.request

    async def limited(route: Any, **options: Any) -> Any:
        if route.path.endswith("/messages"):
            raise discord.RateLimited(1234.0)
        return await original_request(route, **options)

    telex.bot.http.request = limited
    await publisher.post(make_rss_item(1))
    telex.bot.http.request = original_request
    telex.clock.advance(1233)
    await telex.deliver()
    assert list_posted_titles(telex) == ["Article 0"]
    telex.clock.advance(1)
    await telex.deliver()
    assert list_posted_titles(telex) == ["Article 0", "Article 1"]


async def test_post_is_retried_with_same_nonce_after_server_error(telex, publisher, answers):
    await publisher.begin()
    answers.bodies.clear()
    answers.lose_next("/messages", times=1)
    await publisher.post(make_rss_item(1))
    first, second = answers.nonces()
    assert first == second
    assert len(first) <= 25
    assert list_posted_titles(telex) == ["Article 0", "Article 1"]


async def test_post_is_looked_up_after_lost_lease(telex, publisher, answers):
    await publisher.begin()
    answers.lose_next("/messages", times=1, error=LeaseLost())
    await publisher.post(make_rss_item(1))
    telex.clock.advance(60)
    await telex.deliver()
    assert list_posted_titles(telex) == ["Article 0", "Article 1"]
    assert {state for state, *_ in await telex.store.dispatches.count_by_state()} == {"sent"}


async def test_each_dispatch_has_own_nonce(telex, publisher, answers):
    other_channel = telex.guild.create_text_channel("other")
    await publisher.begin(telex.news, other_channel)
    await publisher.post(make_rss_item(1), make_rss_item(2))
    assert len(set(answers.nonces())) == len(answers.nonces()) == 6


async def test_post_is_sent_without_picture_that_discord_rejects(telex, publisher):
    await publisher.begin()
    telex.env.inject_error(
        "POST", f"/channels/{telex.news.id}/messages", status=400, code=50035, message="Invalid Form Body"
    )
    await publisher.post(make_rss_item(1, body='<img src="https://news.example/a.jpg">What it tells.'))
    post = telex.posts()[-1]
    assert find_title(post) == "Article 1"
    assert not list_picture_urls(post)
    assert find_title_link(post) == "https://news.example/articles/1"


async def test_rejected_post_fails_and_next_is_sent(telex, publisher):
    await publisher.begin()
    telex.env.inject_error(
        "POST", f"/channels/{telex.news.id}/messages", status=400, code=200000, message="AutoMod", times=2
    )
    await publisher.post(make_rss_item(1), make_rss_item(2))
    assert list_posted_titles(telex) == ["Article 0", "Article 2"]
    articles = {article.title: article for article in await telex.store.articles.list_newest(None, limit=9)}
    (fate,) = await telex.store.delivery_statuses.list_by_page_key(articles["Article 1"].page_key)
    assert fate.status is DeliveryStatus.FAILED
    assert fate.reason == Reason(SendProblem.REFUSED, {"text": "400 200000 AutoMod"})


async def test_rendering_error_does_not_block_channel(telex, publisher, monkeypatch):
    await publisher.begin()
    original_render = DispatchSender.render

    async def render(sender: DispatchSender, dispatch: Any) -> Any:
        message = await original_render(sender, dispatch)
        if message is not None and message.name == "Article 1":
            raise ZeroDivisionError
        return message

    monkeypatch.setattr(DispatchSender, "render", render)
    await publisher.publish(make_rss_item(1), make_rss_item(2))
    for _minute in range(10):
        await telex.deliver()
        await telex.advance(60)
    assert list_posted_titles(telex) == ["Article 0", "Article 2"]


class Panic(BaseException):
    """An error that `except Exception` does not catch."""


async def test_post_is_recovered_after_its_task_died(telex, publisher, monkeypatch, caplog):
    await publisher.begin()
    original_render, panics = DispatchSender.render, iter([Panic])

    async def render(sender: DispatchSender, dispatch: Any) -> Any:
        for panic in panics:
            raise panic
        return await original_render(sender, dispatch)

    monkeypatch.setattr(DispatchSender, "render", render)
    await publisher.publish(make_rss_item(1), make_rss_item(2))
    for _minute in range(3):
        await telex.deliver()
        await telex.advance(60)
    assert list_posted_titles(telex) == ["Article 0", "Article 1", "Article 2"]
    assert "Panic" in caplog.text


async def test_repeated_task_deaths_report_failing_task(telex, publisher, monkeypatch):
    await publisher.begin()

    async def render(_sender: DispatchSender, _dispatch: Any) -> None:
        raise Panic

    monkeypatch.setattr(DispatchSender, "render", render)
    await publisher.publish(make_rss_item(1))
    for _minute in range(3):
        assert telex.newsroom.supervisor.list_failing_task_names() == []
        await telex.deliver()
        await telex.advance(60)
    assert telex.newsroom.supervisor.list_failing_task_names() == ["send"]


async def test_edit_of_deleted_message_is_dropped(telex, publisher):
    await publisher.begin()
    await publisher.article(1)
    await telex.deliver()
    telex.env.backend.delete_message(telex.news.id, telex.posts()[-1].id)
    await publisher.correct(1, title="Article 1, corrected")
    assert list_posted_titles(telex) == ["Article 0"]
    assert await telex.store.dispatches.list_dispatches_to_edit(telex.clock.now(), 10) == []


async def test_rate_limited_edit_is_retried(telex, publisher):
    await publisher.begin()
    await publisher.article(1)
    await telex.deliver()
    telex.env.inject_error("PATCH", "/channels/*/messages/*", status=429, code=30046, message="Too many edits")
    await publisher.correct(1, title="Article 1, corrected")
    assert list_posted_titles(telex) == ["Article 0", "Article 1"]
    telex.clock.advance(3600)
    await telex.deliver()
    assert list_posted_titles(telex) == ["Article 0", "Article 1, corrected"]


async def test_overflow_is_gathered_in_catch_up(telex, publisher):
    await publisher.begin()
    await publisher.post(*(make_rss_item(number) for number in range(1, 31)))
    catch_up, *posts = telex.posts()[1:]
    limit = telex.newsroom.settings.catch_up_after
    assert [find_title(post) for post in posts] == [f"Article {n}" for n in range(31 - limit, 31)]
    covered = 30 - limit
    assert find_title(catch_up) == f"{covered} articles arrived in the meantime"
    assert len(read_message_text(catch_up).splitlines()) == covered + 1
    assert {name.split(":")[1] for name in message_contents.list_custom_ids(catch_up)} == {"pick", "all"}
    assert not catch_up.reactions


async def test_alert_text_is_escaped(telex, publisher):
    await publisher.begin()
    enqueue_notice(telex.store, telex.news.id, "broken:1:0", "A **feed** cannot be read.")
    await telex.deliver()
    assert telex.posts()[-1].embeds[0].description == "A \\*\\*feed\\*\\* cannot be read."
    assert not telex.posts()[-1].reactions


async def test_posts_use_server_language(telex, publisher, clock):
    telex.env.backend.edit_guild(telex.guild.id, {"preferred_locale": "fr"})
    await telex.env.settle()
    await publisher.begin()
    (post,) = telex.posts()
    labels = [part["label"] for part in list_components(post) if part["type"] == 2]
    assert labels == [load_catalogue("fr").gettext(word) for word in ("Save", "Read", "More")]
    assert await telex.store.servers.get_locale(telex.guild.id) == "fr"


async def test_unavailable_channel_is_fetched_again(telex, publisher):
    """Nothing was sent, so there is no claim to look up."""
    await publisher.begin()
    telex.env.backend.create_thread(telex.news.id, "thread", telex.editor.id)
    (thread,) = telex.news.threads
    await publisher.begin(thread)
    telex.env.backend.edit_channel(thread.id, {}, thread_metadata={"archived": True})
    await telex.env.settle()
    telex.env.inject_error("GET", f"/channels/{thread.id}", status=503)
    await publisher.post(make_rss_item(1))
    assert await telex.store.dispatches.list_claimed() == []
    telex.clock.advance(10)
    await telex.deliver()
    assert list_posted_titles(telex, thread)[-1] == "Article 1"


async def test_shard_is_released_after_pending_send(telex, publisher):
    await publisher.begin()
    await publisher.publish(make_rss_item(1))
    request_started, answers = asyncio.Event(), asyncio.Event()
    http = telex.bot.http
    request = http.request

    async def slow(route: Route, **options: Any) -> Any:
        request_started.set()
        await answers.wait()
        return await request(route, **options)

    http.request = slow
    sending = asyncio.create_task(telex.bot.outbox_relay.run_until_idle())
    await request_started.wait()
    release_task = asyncio.create_task(telex.bot.outbox_relay.release_shard(0))
    await asyncio.sleep(0.05)
    assert not release_task.done()
    answers.set()
    await release_task
    assert [dispatch.state for dispatch in await telex.store.dispatches.list_recent(0, 10)] == [DispatchState.SENT] * 2
    await sending


async def test_relay_wakes_up_after_poll(telex, feed_server, clock):
    await telex.env.shutdown()
    async with open_world(telex.newsroom, clock, loops=True) as world:
        publisher = FeedPublisher(world, feed_server)
        publisher.server.serve(publisher.path, "")
        await publisher.publish(make_rss_item(0), polled=False)
        publisher.feed = await world.follow(publisher.url)
        await publisher.poll()
        await wait_until(lambda: len(list_posted_titles(world)) == 1)
        await publisher.publish(make_rss_item(1))
        await wait_until(lambda: len(list_posted_titles(world)) == 2)
        assert list_posted_titles(world) == ["Article 0", "Article 1"]


async def test_poll_wakes_up_relay_for_edits(telex, feed_server, clock):
    await telex.env.shutdown()
    async with open_world(telex.newsroom, clock, loops=True) as world:
        publisher = FeedPublisher(world, feed_server)
        await publisher.publish(polled=False)
        publisher.feed = await world.follow(publisher.url)
        for number in range(6):
            await publisher.article(number)
        await wait_until(lambda: len(list_posted_titles(world)) == 6)
        polling = asyncio.create_task(world.newsroom.poller.run())

        async def find(items: list[str], *, after: int) -> None:
            clock.advance(after)
            publisher.items = items
            await publisher.publish(polled=False)
            await world.store.feeds.make_due(publisher.feed.id)
            world.newsroom.poller.wake()

        newest, vanishing, *older = publisher.items
        await find([newest.replace("Article 5", "Corrected"), vanishing, *older], after=600)
        await wait_until(lambda: "Corrected" in list_posted_titles(world))
        remaining_items = [publisher.items[0], *older]
        await find(remaining_items, after=600)
        await wait_until(lambda: is_polled_at(world, publisher.feed, clock.now()))
        await find(remaining_items, after=1_800)
        await wait_until(lambda: "Apparently withdrawn" in read_message_text(world.posts()[4]))
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)


async def is_polled_at(world: World, feed: Feed, time: int) -> bool:
    current = await world.store.feeds.get(feed.id)
    return current is not None and current.last_poll_at == time
