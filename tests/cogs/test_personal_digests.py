"""/digest me: a person's own digest, at their hour, of what they chose and may read, paused and ended."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import discord
from simcord.results import ResponseMessage

from bot.core.preferences import PersonalDigestPlan
from tests.cogs.helpers import components, follow, hide, last, menu, said, text
from tests.cogs.test_bookmarks import content
from tests.cogs.test_digests import bring
from tests.cogs.test_watching import close
from tests.discord_world import World


async def opened(world: World) -> ResponseMessage:
    return last(await world.reader.slash(world.news, "digest me"))


def messages(world: World) -> list[discord.Message]:
    return world.posts(world.reader.user.dm_channel)


async def until_due(world: World) -> None:
    due = await world.store.personal_digests.next_due("closed")
    assert due is not None
    await world.advance(due - world.clock.now())
    await world.deliver()
    await world.deliver()


async def begun(world: World, **plan: Any) -> None:
    """The reader has a digest, every day at eight."""
    await world.store.personal_digests.save(
        PersonalDigestPlan(weekday=None, minute=480, **plan),
        person_id=world.reader.id,
        channel_id=world.reader.user.dm_channel.id,
        server_id=world.guild.id,
        language="en",
    )


async def test_it_comes_at_the_persons_hour_in_their_language_of_what_they_chose(telex, feed_server):
    telex.locales[telex.reader.id] = "fr"
    first = await follow(telex, feed_server)
    second = await follow(telex, feed_server, path="/second", title="Second Voice")
    panel = await opened(telex)
    assert panel.ephemeral
    assert "Pas encore actif." in text(panel)
    assert "tout ce que vous voyez" in text(panel)
    custom_id, options = menu(panel, "Seulement ces flux")
    assert {one["label"] for one in options} == {"Example News", "Second Voice"}
    panel = last(await telex.reader.select(panel, [str(second.id)], custom_id=custom_id))
    change = [one for one in components(panel) if one.get("label") == "Modifier…"][1]  # the topics
    window = await telex.reader.click(panel, custom_id=change["custom_id"])
    panel = last(await telex.reader.submit_modal(window, {"line": "scheduler\nfusion"}))
    assert "scheduler · fusion" in text(panel)
    window = await telex.reader.click(panel, label="Démarrer le résumé")  # which asks where they are
    panel = last(await telex.reader.submit_modal(window, {"line": "Paris"}))
    assert "Prochain envoi" in text(panel)
    await bring(telex, feed_server, first, "Linux gets a scheduler", "Chips shrink")
    await bring(telex, feed_server, second, "Tides rise", path="/second")
    await telex.deliver()
    preview = last(await telex.reader.click(panel, label="Aperçu"))
    assert preview.ephemeral
    assert "Tides rise" in text(preview)
    assert "Chips shrink" not in text(preview)
    assert messages(telex) == []
    await until_due(telex)
    (digest,) = messages(telex)
    assert datetime.fromtimestamp(telex.clock.now(), UTC).hour in {6, 7}  # eight in Paris
    told = text(digest)
    assert "du jour" in told
    assert "Linux gets a scheduler" in told
    assert "Tides rise" in told
    assert "Chips shrink" not in told
    custom_id, options = menu(digest)
    await telex.reader.user.select(digest, [options[0]["value"]], custom_id=custom_id)
    assert await telex.store.bookmarks.count(telex.reader.id) == 1
    await until_due(telex)
    assert len(messages(telex)) == 1  # nothing came that day
    panel = last(await telex.reader.user.click(digest, label="Modifier, mettre en pause ou arrêter…"))
    panel = last(await telex.reader.user.click(panel, label="Mettre en pause"))
    assert "Mis en pause" in text(panel)
    assert await telex.store.personal_digests.next_due("closed") is None
    panel = last(await telex.reader.user.click(panel, label="Reprendre"))
    assert "Prochain envoi" in text(panel)
    assert "arrêté" in said(await telex.reader.user.click(panel, label="Arrêter le résumé"))
    assert await telex.store.personal_digests.of_person(telex.reader.id) is None


async def test_what_may_no_longer_be_read_is_not_told_and_closed_messages_pause_it(telex, feed_server):
    feed = await follow(telex, feed_server)
    first, second = (telex.guild.create_text_channel(name) for name in ("first", "second"))
    hidden = await follow(telex, feed_server, path="/hidden", title="Hidden", channel=first)
    secret = await follow(telex, feed_server, path="/secret", title="Secret", channel=second)
    await begun(telex)
    await bring(telex, feed_server, feed, "Linux gets a scheduler")
    await bring(telex, feed_server, hidden, "A plan leaks", path="/hidden")
    await bring(telex, feed_server, secret, "A minister resigns", path="/secret")
    hide(telex, first, telex.reader)
    making = telex.bot.courier.personal_digests
    await telex.advance(await making.next_due() - telex.clock.now())
    await making.start_if_due(telex.clock.now())
    await making.task
    hide(telex, second, telex.reader)  # before it is sent
    await telex.deliver()
    (digest,) = messages(telex)
    assert "Linux gets a scheduler" in text(digest)
    assert "A plan leaks" not in text(digest)
    assert "A minister resigns" not in text(digest)
    await bring(telex, feed_server, feed, "Chips shrink")
    close(telex)
    await until_due(telex)
    assert len(messages(telex)) == 1
    panel = await opened(telex)
    assert "Discord won’t let me send you direct messages." in text(panel)
    assert "then press Resume" in text(panel)
    await telex.advance(40 * 86_400)
    await telex.deliver()
    assert len(messages(telex)) == 1  # it was not tried again
    await telex.restart()  # they are open again, which nobody tells the bot
    await telex.deliver()
    assert len(messages(telex)) == 1
    await telex.reader.click(await opened(telex), label="Resume")
    await bring(telex, feed_server, feed, "Fusion works")
    await until_due(telex)
    (_first, second) = messages(telex)
    assert "Fusion works" in text(second)
    assert "Chips shrink" not in text(second)


async def test_it_is_owed_once_and_is_in_the_copy_and_gone_with_everything(telex, feed_server):
    feed = await follow(telex, feed_server)
    await begun(telex, topics=("scheduler",), watches=True)
    store = telex.store.personal_digests
    await bring(telex, feed_server, feed, "Linux gets a scheduler")
    digest = await store.of_person(telex.reader.id)
    await telex.advance(digest.due - telex.clock.now())
    edition = await telex.bot.courier.personal_digests.build_edition(
        digest.plan, telex.reader.id, "en", [feed.id], since=digest.due - 86_400, until=telex.clock.now()
    )
    made = [
        await store.enqueue_due(digest, edition.to_json(), until=digest.due, named=edition.article_ids)
        for _ in range(2)
    ]
    assert made == [True, False]
    await telex.deliver()
    await telex.deliver()
    assert len(messages(telex)) == 1
    panel = last(await telex.reader.slash(telex.news, "privacy"))
    assert "your digest: when you get it" in text(panel)
    exported = await telex.reader.click(panel, label="Export")
    document = json.loads(content(telex, exported))
    assert document["digest"]["topics"] == ["scheduler"]
    panel = last(await telex.reader.click(panel, label="Delete everything"))
    assert "your digest" in said(await telex.reader.click(panel, label="Delete permanently"))
    assert await store.of_person(telex.reader.id) is None
    await bring(telex, feed_server, feed, "Another scheduler")
    await telex.advance(2 * 86_400)
    await telex.deliver()
    assert len(messages(telex)) == 1
