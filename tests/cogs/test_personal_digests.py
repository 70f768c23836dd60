"""/digest me: personal digests by direct message."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import discord
from simcord.results import ResponseMessage

from bot.core.preferences import PersonalDigestPlan
from tests.cogs.test_bookmarks import read_attachment
from tests.cogs.test_digests import publish_articles
from tests.cogs.test_watching import refuse_direct_message
from tests.support.discord_world import World
from tests.support.interactions import (
    find_menu,
    get_last_reply,
    hide_channel,
    list_controls,
    read_message_text,
    read_reply_text,
)
from tests.support.scenario import follow_feed


async def open_digest_panel(world: World) -> ResponseMessage:
    return get_last_reply(await world.run_as_reader("digest me"))


def list_direct_messages(world: World) -> list[discord.Message]:
    return world.posts(world.reader.user.dm_channel)


async def advance_until_due(world: World) -> None:
    due = await world.store.personal_digests.get_next_due_at()
    assert due is not None
    await world.advance(due - world.clock.now())
    await world.deliver()
    await world.deliver()


async def save_daily_digest(world: World, **plan: Any) -> None:
    """Save a digest for the reader, daily at 8:00."""
    await world.store.personal_digests.save(
        PersonalDigestPlan(weekday=None, minute=480, **plan),
        user_id=world.reader.id,
        channel_id=world.reader.user.dm_channel.id,
        server_id=world.guild.id,
        language="en",
    )


async def test_personal_digest_uses_feeds_topics_hour_and_language(telex, feed_server):
    telex.locales[telex.reader.id] = "fr"
    first = await follow_feed(telex, feed_server)
    second = await follow_feed(telex, feed_server, path="/second", title="Second Voice")
    panel = await open_digest_panel(telex)
    assert panel.ephemeral
    assert "Pas encore actif." in read_message_text(panel)
    assert "tout ce que vous voyez" in read_message_text(panel)
    custom_id, options = find_menu(panel, "Seulement ces flux")
    assert {option["label"] for option in options} == {"Example News", "Second Voice"}
    panel = get_last_reply(await telex.reader.select(panel, [str(second.id)], custom_id=custom_id))
    change = [component for component in list_controls(panel) if component.get("label") == "Modifier…"][1]  # the topics
    window = await telex.reader.click(panel, custom_id=change["custom_id"])
    panel = get_last_reply(await telex.reader.submit_modal(window, {"line": "scheduler\nfusion"}))
    assert "scheduler · fusion" in read_message_text(panel)
    window = await telex.reader.click(panel, label="Démarrer le résumé")  # which asks where they are
    panel = get_last_reply(await telex.reader.submit_modal(window, {"line": "Paris"}))
    assert "Prochain envoi" in read_message_text(panel)
    await publish_articles(telex, feed_server, first, "Linux gets a scheduler", "Chips shrink")
    await publish_articles(telex, feed_server, second, "Tides rise", path="/second")
    await telex.deliver()
    preview = get_last_reply(await telex.reader.click(panel, label="Aperçu"))
    assert preview.ephemeral
    assert "Tides rise" in read_message_text(preview)
    assert "Chips shrink" not in read_message_text(preview)
    assert list_direct_messages(telex) == []
    await advance_until_due(telex)
    (digest,) = list_direct_messages(telex)
    assert datetime.fromtimestamp(telex.clock.now(), UTC).hour in {6, 7}  # eight in Paris
    digest_text = read_message_text(digest)
    assert "du jour" in digest_text
    assert "Linux gets a scheduler" in digest_text
    assert "Tides rise" in digest_text
    assert "Chips shrink" not in digest_text
    custom_id, options = find_menu(digest)
    await telex.reader.user.select(digest, [options[0]["value"]], custom_id=custom_id)
    assert await telex.store.bookmarks.count(telex.reader.id) == 1
    await advance_until_due(telex)
    assert len(list_direct_messages(telex)) == 1  # no new articles that day
    panel = get_last_reply(await telex.reader.user.click(digest, label="Modifier, mettre en pause ou arrêter…"))
    panel = get_last_reply(await telex.reader.user.click(panel, label="Mettre en pause"))
    assert "Mis en pause" in read_message_text(panel)
    assert await telex.store.personal_digests.get_next_due_at() is None
    panel = get_last_reply(await telex.reader.user.click(panel, label="Reprendre"))
    assert "Prochain envoi" in read_message_text(panel)
    assert "arrêté" in read_reply_text(await telex.reader.user.click(panel, label="Arrêter le résumé"))
    assert await telex.store.personal_digests.get_by_user(telex.reader.id) is None


async def test_personal_digest_omits_hidden_feeds_and_pauses_on_refusal(telex, feed, feed_server):
    first, second = (telex.guild.create_text_channel(name) for name in ("first", "second"))
    hidden_feed = await follow_feed(telex, feed_server, path="/hidden", title="Hidden", channel=first)
    secret_feed = await follow_feed(telex, feed_server, path="/secret", title="Secret", channel=second)
    await save_daily_digest(telex)
    await publish_articles(telex, feed_server, feed, "Linux gets a scheduler")
    await publish_articles(telex, feed_server, hidden_feed, "A plan leaks", path="/hidden")
    await publish_articles(telex, feed_server, secret_feed, "A minister resigns", path="/secret")
    hide_channel(telex, first, telex.reader)
    digest_task = telex.bot.outbox_relay.personal_digest_task
    await telex.advance(await digest_task.get_next_due_at() - telex.clock.now())
    await digest_task.run()
    hide_channel(telex, second, telex.reader)  # before it is sent
    await telex.deliver()
    (digest,) = list_direct_messages(telex)
    assert "Linux gets a scheduler" in read_message_text(digest)
    assert "A plan leaks" not in read_message_text(digest)
    assert "A minister resigns" not in read_message_text(digest)
    await publish_articles(telex, feed_server, feed, "Chips shrink")
    refuse_direct_message(telex)
    await advance_until_due(telex)
    assert len(list_direct_messages(telex)) == 1
    panel = await open_digest_panel(telex)
    assert "Discord won’t let me send you direct messages." in read_message_text(panel)
    assert "then press Resume" in read_message_text(panel)
    await telex.advance(40 * 86_400)
    await telex.deliver()
    assert len(list_direct_messages(telex)) == 1  # it was not tried again
    await telex.restart()  # direct messages are open again, but the bot gets no event
    await telex.deliver()
    assert len(list_direct_messages(telex)) == 1
    await telex.reader.click(await open_digest_panel(telex), label="Resume")
    await publish_articles(telex, feed_server, feed, "Fusion works")
    await advance_until_due(telex)
    (_first, second) = list_direct_messages(telex)
    assert "Fusion works" in read_message_text(second)
    assert "Chips shrink" not in read_message_text(second)


async def test_personal_digest_is_enqueued_once_exported_and_deleted(telex, feed, feed_server):
    await save_daily_digest(telex, topic_queries=("scheduler",), include_watches=True)
    store = telex.store.personal_digests
    await publish_articles(telex, feed_server, feed, "Linux gets a scheduler")
    digest = await store.get_by_user(telex.reader.id)
    await telex.advance(digest.due_at - telex.clock.now())
    digest_content = await telex.bot.outbox_relay.personal_digest_task.build_digest_content(
        digest.plan, telex.reader.id, "en", [feed.id], since=digest.due_at - 86_400, until=telex.clock.now()
    )
    was_enqueued = [
        await store.enqueue_due(
            digest, digest_content.to_json(), until=digest.due_at, listed_article_ids=digest_content.article_ids
        )
        for _ in range(2)
    ]
    assert was_enqueued == [True, False]
    await telex.deliver()
    await telex.deliver()
    assert len(list_direct_messages(telex)) == 1
    panel = get_last_reply(await telex.run_as_reader("privacy"))
    assert "your digest: when you get it" in read_message_text(panel)
    export_reply = await telex.reader.click(panel, label="Export")
    document = json.loads(read_attachment(telex, export_reply))
    assert document["digest"]["topics"] == ["scheduler"]
    panel = get_last_reply(await telex.reader.click(panel, label="Delete everything"))
    assert "your digest" in read_reply_text(await telex.reader.click(panel, label="Delete permanently"))
    assert await store.get_by_user(telex.reader.id) is None
    await publish_articles(telex, feed_server, feed, "Another scheduler")
    await telex.advance(2 * 86_400)
    await telex.deliver()
    assert len(list_direct_messages(telex)) == 1
