"""Restarts at every step of a delivery: each article is posted once."""

from __future__ import annotations

import asyncio
from itertools import cycle
from typing import Any

import aiohttp
import discord
import pytest

from bot.core.models import Dispatch, DispatchState
from bot.posting.recovery import message_contents
from bot.posting.recovery.in_doubt_claims import LOOKUP_DELAYS_SECONDS
from bot.posting.rendering import buttons
from bot.posting.sending.dispatch_sender import DispatchSender
from bot.store import WRITE_RETRY_SECONDS, DatabaseUnusable
from bot.store.outbox.dispatches import Dispatches
from tests.support.discord_world import World
from tests.support.feed_server import make_rss_item
from tests.support.message_texts import find_title, read_message_text
from tests.support.scenario import list_posted_titles
from tests.support.store_probe import enqueue_notice

STEPS = [
    ("claim", "after"),
    ("find", "before"),
    ("render", "after"),
    ("send", "before"),
    ("send", "after"),
    ("record", "before"),
    ("record", "after"),
    ("finish", "before"),
    ("finish", "after"),
]


async def wait_for_lookups(world: World) -> None:
    """Advance the clock through all delivery lookups of messages without a nonce."""
    await world.deliver()
    for _look in LOOKUP_DELAYS_SECONDS:
        await world.advance(max(LOOKUP_DELAYS_SECONDS))
        await world.deliver()


@pytest.mark.parametrize(("step", "when"), STEPS)
@pytest.mark.parametrize("kind", ["text", "forum"])
async def test_each_article_is_posted_once_after_stop_at_any_step(telex, publisher, stop_at, step, when, kind):
    forum = telex.guild.create_forum_channel("forum")
    await publisher.begin(forum if kind == "forum" else telex.news)
    stop_at(step, when)
    await publisher.post(make_rss_item(1), make_rss_item(2), make_rss_item(3))
    await telex.restart()
    await wait_for_lookups(telex)
    channels = forum.threads if kind == "forum" else [telex.news]
    channel_titles = [title for channel in channels for title in list_posted_titles(telex, channel)]
    assert channel_titles == ["Article 0", "Article 1", "Article 2", "Article 3"]
    assert await telex.store.dispatches.list_claimed() == []
    assert await telex.store.dispatches.list_unfinalized() == []
    assert all(message.reactions for channel in channels for message in telex.posts(channel))


async def test_claim_is_sent_after_lost_database_answer(telex, publisher, monkeypatch):
    await publisher.begin()
    claim, lost = Dispatches.claim, [DatabaseUnusable("the connection was lost")]

    async def claim_without_answer(self: Dispatches, channel_id: int) -> Dispatch | None:
        claimed_dispatch = await claim(self, channel_id)
        if claimed_dispatch and lost:
            raise lost.pop()
        return claimed_dispatch

    monkeypatch.setattr(Dispatches, "claim", claim_without_answer)
    await publisher.post(make_rss_item(1))
    assert list_posted_titles(telex) == ["Article 0"]
    await telex.advance(WRITE_RETRY_SECONDS)
    await telex.deliver()
    assert list_posted_titles(telex) == ["Article 0", "Article 1"]


async def test_in_doubt_forum_post_is_looked_up_before_resend(telex, publisher, stop_at, answers):
    """No nonce would keep Discord from taking a second one."""
    forum = telex.guild.create_forum_channel("forum")
    await publisher.begin(forum)
    stop_at("send", "before")
    await publisher.post(make_rss_item(1))
    await telex.restart()
    await telex.deliver()
    await telex.advance(120)
    await telex.deliver()
    assert len(forum.threads) == 1
    await wait_for_lookups(telex)
    assert len(forum.threads) == 2


async def test_webhook_listing_errors_lose_no_forum_post(telex, publisher, stop_at, monkeypatch):
    """Without their ids a post by webhook would not be found, and be sent again."""
    forum = telex.guild.create_forum_channel("forum")
    await telex.set_permissions(forum, manage_webhooks=True)
    await publisher.begin(forum)
    stop_at("send", "before")
    await publisher.post(make_rss_item(1))
    await telex.restart()
    errors = cycle((aiohttp.ClientOSError("no route"), TimeoutError()))

    async def fail(_forum: discord.ForumChannel) -> None:
        raise next(errors)

    with monkeypatch.context() as outage:
        outage.setattr(discord.ForumChannel, "webhooks", fail)
        for _minute in range(8):
            await telex.deliver()
            await telex.advance(60)
    await wait_for_lookups(telex)
    assert len(forum.threads) == 2


@pytest.mark.parametrize("when", ["before", "after"])
async def test_alert_and_catch_up_are_recognised_after_restart(telex, publisher, stop_at, when):
    await publisher.begin()
    stop_at("send", when)
    enqueue_notice(telex.store, telex.news.id, "broken:1:0", "A feed cannot be read.")
    await telex.deliver()
    await telex.restart()
    stop_at("send", when)
    await publisher.post(*(make_rss_item(number) for number in range(1, 21)))
    await telex.restart()
    await telex.deliver()
    messages = telex.posts()
    assert len(messages) == 2 + 1 + telex.newsroom.settings.catch_up_after
    assert sum(read_message_text(message) == "A feed cannot be read." for message in messages) == 1


async def test_claim_in_deleted_channel_becomes_uncertain(telex, publisher, stop_at):
    await publisher.begin()
    stop_at("send", "after")
    await publisher.post(make_rss_item(1))
    (claimed_dispatch,) = await telex.store.dispatches.list_claimed()
    telex.env.backend.delete_channel(telex.news.id)
    await telex.restart()
    await telex.deliver()
    dispatch = await telex.store.dispatches.get(claimed_dispatch.id)
    assert dispatch.state is DispatchState.UNCERTAIN


async def test_button_of_other_author_is_not_taken_for_post(telex, publisher, stop_at):
    await publisher.begin()
    stop_at("send", "before")
    await publisher.post(make_rss_item(1))
    (claimed_dispatch,) = await telex.store.dispatches.list_claimed()
    button = {
        "type": 2,
        "style": 2,
        "label": "Save",
        "custom_id": f"telex:save:{claimed_dispatch.dedupe_key}",
    }
    telex.env.backend.create_message(
        telex.news.id, telex.reader.id, "mine", components=[{"type": 1, "components": [button]}]
    )
    await telex.env.settle()
    await telex.restart()
    await telex.deliver()
    assert list_posted_titles(telex) == ["Article 0", "Article 1"]


async def test_answer_with_save_button_is_not_taken_for_post(telex, publisher, stop_at):
    """It has a button that saves the article, as the post has."""
    await publisher.begin()
    await publisher.publish(make_rss_item(1, title="Thieves in Zanzibar", body="The thieves took Zanzibar."))
    await telex.editor.send(telex.news, f"<@{telex.env.backend.bot_user.id}> what did the thieves take?")
    answer = telex.posts()[-1]
    stop_at("send", "before")
    await telex.deliver()
    (claimed_dispatch,) = await telex.store.dispatches.list_claimed()
    assert buttons.save_button_id(claimed_dispatch.dedupe_key) in message_contents.list_custom_ids(answer)
    await telex.restart()
    await telex.deliver()
    other_messages = [message for message in telex.posts() if message.id != answer.id]
    posts = [message for message in other_messages if find_title(message) == "Thieves in Zanzibar"]
    assert len(posts) == 1
    assert (await telex.store.dispatches.get(claimed_dispatch.id)).message_id == posts[0].id


async def test_restore_mark_expires(telex, publisher):
    await publisher.begin()
    await telex.store.meta.set("restored", "1")
    await telex.restart()
    await telex.deliver()
    telex.clock.advance(11 * 86_400)
    await telex.restart()
    await telex.deliver()
    assert not await telex.store.meta.get("restored")


async def test_reconciliation_reaches_back_to_move_of_database(telex, publisher):
    await publisher.begin()
    moved_at = telex.clock.now()
    await publisher.post(make_rss_item(1))
    await telex.advance(40 * 86_400)
    dispatch = max(await telex.store.dispatches.list_recent(0, 9), key=lambda dispatch: dispatch.id)
    await telex.store.dispatches.schedule_retry(dispatch.id, due_at=0, reason=None)  # as if it knew nothing of the post
    await telex.store.meta.set("restored", "1")
    await telex.store.meta.set("moved_at", str(moved_at))
    await telex.restart()
    await telex.deliver()
    assert list_posted_titles(telex) == ["Article 0", "Article 1"]


async def test_graceful_stop_finishes_current_send(telex, publisher, monkeypatch):
    await publisher.begin()
    await publisher.publish(make_rss_item(1), make_rss_item(2))
    relay = telex.bot.outbox_relay
    sending, go_on = asyncio.Event(), asyncio.Event()
    original_send = DispatchSender.send

    async def send(*args: Any) -> Any:
        sending.set()
        await go_on.wait()
        return await original_send(*args)

    monkeypatch.setattr(DispatchSender, "send", send)
    relay_task = asyncio.create_task(relay.run_until_idle())
    await sending.wait()
    stopping = asyncio.create_task(relay.stop())
    go_on.set()
    await stopping
    await relay_task
    await telex.env.settle()
    assert list_posted_titles(telex) == ["Article 0", "Article 1"]
    assert await telex.store.dispatches.list_claimed() == []
