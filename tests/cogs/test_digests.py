"""/digest: begun with a preview, sent once, listed, changed, stopped; told only to who may read it."""

from __future__ import annotations

from typing import Any

import discord
import pytest
from simcord.builders import ChannelHandle
from simcord.results import ResponseMessage

from bot.core import worker_pool
from bot.core.models import Feed
from bot.core.preferences import Preference
from bot.digests import bar_charts
from cogs.shared import channel_options
from tests.cogs.helpers import choose, close, components, follow, forge, last, menu, parts, said, text
from tests.discord_world import World
from tests.feed_server import FeedServer, item, rss

DAY = 86_400


@pytest.fixture(autouse=True)
def drawn(monkeypatch) -> list[Any]:
    """What was to be drawn; matplotlib's own work is tested elsewhere."""
    wanted: list[Any] = []

    async def draw(given: Any) -> tuple[bytes, ...]:
        wanted.append(given)
        return tuple(b"\x89PNG picture" for _ in given)

    monkeypatch.setattr(bar_charts, "render_charts", draw)
    return wanted


async def opened(world: World, channel: ChannelHandle | None = None) -> ResponseMessage:
    return last(await world.editor.slash(world.news, "digest setup", channel=channel or world.news))


async def begin(world: World, channel: ChannelHandle | None = None, **also: str) -> None:
    flow = await opened(world, channel)
    if also:
        custom_id, options = menu(flow, "Options")
        values = [one["value"] for one in options if one["value"] in also]
        flow = last(await world.editor.select(flow, values, custom_id=custom_id))
    assert "gets its next digest" in said(await world.editor.click(flow, label="Start"))


async def bring(world: World, server: FeedServer, feed: Feed, *titles: str, path: str = "/rss") -> None:
    """A feed brings articles of a minute ago, each a second younger than the one before."""
    now = world.clock.now()
    made = [
        item(1000 + number + now, title=title, published=now - 60 + number)
        for number, title in enumerate(titles)
    ]
    server.serve(path, rss(*reversed(made), title=feed.title))
    await world.poll(feed)


async def until_due(world: World) -> None:
    due = await world.store.digests.next_due()
    assert due is not None
    await world.advance(due - world.clock.now())
    await world.deliver()


async def test_a_digest_is_begun_with_a_preview_and_comes_at_its_hour_once(telex, feed_server):
    feed = await follow(telex, feed_server)
    flow = await opened(telex)
    assert flow.ephemeral
    shown = text(flow)
    assert "every day at 08:00 (UTC)" in shown
    assert "Not active yet." in shown
    assert "## Today’s news" in shown  # what it would be now
    assert "Cities ban facial recognition" in shown
    assert await telex.store.digests.of_channel(telex.news.id) is None
    flow = last(await choose(telex.editor, flow, "At 09:00", "What time"))
    assert "every day at 09:00 (UTC)" in text(flow)
    assert "gets its next digest" in said(await telex.editor.click(flow, label="Start"))
    await bring(telex, feed_server, feed, "Linux gets a scheduler", "Linux on the moon", "Chips shrink")
    await telex.deliver()
    before = telex.posts()
    await until_due(telex)
    await telex.deliver()
    (digest,) = telex.posts()[len(before) :]
    told = text(digest)
    assert "## Today’s news\n-# " in told
    assert "4 stories · 1 outlet" in told
    assert "### [Chips shrink](" in told
    assert "-# **LINUX**\n**[Linux" in told
    assert "-# **ALSO**\n**[Cities ban" in told
    assert "-# 🟫 **Example News**" in told
    assert not digest.reactions
    await until_due(telex)
    assert len(telex.posts()) == len(before) + 1  # nothing came that day


async def test_clicks_start_no_process_beside_the_one_that_reads_feeds(telex, feed_server, monkeypatch):
    await follow(telex, feed_server)
    used: set[Any] = set()
    real = worker_pool.WorkerPool.run

    async def run(self: Any, *given: Any, **options: Any) -> Any:
        used.add(self)
        return await real(self, *given, **options)

    monkeypatch.setattr(worker_pool.WorkerPool, "run", run)
    flow = await opened(telex)
    for hour in ("At 09:00", "At 10:00"):
        flow = last(await choose(telex.editor, flow, hour, "What time"))
    await opened(telex)
    assert used <= {telex.newsroom.workers}


async def test_its_menu_bookmarks_what_it_names(telex, feed_server):
    feed = await follow(telex, feed_server)
    await begin(telex)
    await bring(telex, feed_server, feed, "Linux gets a scheduler", "Chips shrink")
    await telex.deliver()
    await until_due(telex)
    digest = telex.posts()[-1]
    custom_id, options = menu(digest, "Save a story")
    assert {option["label"] for option in options} >= {"Linux gets a scheduler", "Chips shrink"}
    answer = await telex.reader.select(digest, [options[0]["value"]], custom_id=custom_id)
    assert "Saved" in said(answer)
    assert await telex.store.bookmarks.count(telex.reader.id) == 1
    await telex.restart()
    form = await telex.reader.click(digest, label="Ask")
    told = await telex.reader.submit_modal(form, {"question": "What does Linux get?"})
    assert "Linux gets a scheduler" in said(told)
    assert "Rising this week" in said(await telex.reader.click(digest, label="Trends"))


async def test_digest_only_posts_nothing_singly_and_why_says_so(telex, feed_server):
    feed = await follow(telex, feed_server)
    await begin(telex, alone="yes")
    before = len(telex.posts())
    await bring(telex, feed_server, feed, "Linux gets a scheduler")
    await telex.deliver()
    assert len(telex.posts()) == before
    link = (await telex.store.articles.newest([feed.id], limit=1))[0].url
    told = said(await telex.editor.slash(telex.news, "why", link=link))
    assert "kept for the channel’s next digest" in told
    await until_due(telex)
    assert "Linux gets a scheduler" in text(telex.posts()[-1])
    why = said(await telex.editor.slash(telex.news, "why", link=link))
    assert "in a digest" in why
    assert str(telex.posts()[-1].id) in why


async def test_a_digest_is_listed_changed_and_stopped(telex, feed_server):
    feed = await follow(telex, feed_server)
    assert "None yet" in said(await telex.editor.slash(telex.news, "digest list"))
    await begin(telex, alone="yes")
    listed = last(await telex.editor.slash(telex.news, "digest list"))
    assert "every day at 08:00" in text(listed)
    assert "Digest only" in text(listed)
    flow = last(await choose(telex.editor, listed, "#news"))
    flow = last(await choose(telex.editor, flow, "Every Friday"))
    assert "every Friday at 08:00" in text(flow)
    assert "Not saved yet" in text(flow)
    await telex.editor.click(flow, label="Save changes")
    digest = await telex.store.digests.of_channel(telex.news.id)
    assert (digest.plan.weekday, digest.plan.alone) == (4, True)
    await bring(telex, feed_server, feed, "Linux gets a scheduler")
    stopped = said(await telex.editor.click(await opened(telex), label="Stop the digest"))
    assert "Stopped the digest" in stopped
    await telex.deliver()
    assert "1 article arrived in the meantime" in text(telex.posts()[-1])
    history = said(await telex.editor.slash(telex.news, "settings history"))
    assert "**Digest**: every Friday at 08:00, digest only → none" in history.replace("\\", "")


async def test_a_wide_digest_tells_nothing_of_a_channel_that_a_reader_may_not_see(telex, feed_server):
    """Neither when it is made nor, should a channel be closed meanwhile, when it is sent."""
    open_, vault = (telex.guild.create_text_channel(name) for name in ("open", "vault"))
    feeds = {}
    for name, channel in (("open", open_), ("vault", vault)):
        feeds[name] = await follow(
            telex, feed_server, item(1, title="Old"), path=f"/{name}", title=name, channel=channel
        )
    await close(telex, vault)
    await begin(telex, wide="yes")
    await bring(telex, feed_server, feeds["open"], "Linux gets a scheduler", path="/open")
    await bring(telex, feed_server, feeds["vault"], "Quicksilver was found", path="/vault")
    flow = await opened(telex)
    assert "Linux gets a scheduler" in text(flow)
    assert "Quicksilver" not in text(flow)
    due = await telex.store.digests.next_due()
    assert due is not None
    await telex.advance(due - telex.clock.now())
    await telex.set_permissions(telex.news, send_messages=False)
    await telex.deliver()  # made, and kept back
    await close(telex, open_)
    await telex.set_permissions(telex.news)
    await telex.advance(400)
    await telex.deliver()
    assert not telex.posts()


def images(message: discord.Message) -> list[str]:
    """The pictures of a layout."""
    return [one["media"]["url"] for part in parts(message) for one in part.get("items", ())]


async def test_what_was_missed_is_made_up_for_once_and_not_after_half_a_day(telex, feed_server):
    feed = await follow(telex, feed_server)
    await begin(telex)
    await bring(telex, feed_server, feed, "Linux gets a scheduler")
    await telex.deliver()
    before = len(telex.posts())
    due = await telex.store.digests.next_due()
    assert due is not None
    await telex.advance(due - telex.clock.now() + 6 * DAY + 3600)  # away for a week
    await telex.deliver()
    assert len(telex.posts()) == before  # six days too late: the next one tells it
    after = await telex.store.digests.next_due()
    assert after == due + 7 * DAY
    await telex.advance(after - telex.clock.now() + 2 * 3600)  # and two hours too late
    await telex.deliver()
    await telex.deliver()
    (digest,) = telex.posts()[before:]
    assert "Linux gets a scheduler" in text(digest)


async def test_the_chart_goes_with_it_where_the_bot_may_attach_it(telex, feed_server, drawn):
    feed = await follow(telex, feed_server)
    await begin(telex, chart="yes")
    for week in range(2):  # enough for a comparison
        titles = [f"Story{week}{number} of week{week}" for number in range(12)]
        await bring(telex, feed_server, feed, *titles, *(["Linux"] if week else []))
        if not week:
            await telex.advance(8 * DAY)
            await telex.deliver()
    flow = await opened(telex)
    assert "Attach Files" not in text(flow)
    await telex.deliver()
    await until_due(telex)
    sent = telex.posts()[-1]
    (picture,) = sent.attachments
    assert picture.filename == "week.png"
    assert "week1" in (picture.description or "")
    assert any(url.endswith("week.png") for url in images(sent))
    assert drawn
    await telex.set_permissions(telex.news, attach_files=False)
    assert "I need the **Attach Files** permission" in text(await opened(telex))
    await bring(telex, feed_server, feed, "Linux again")
    await telex.deliver()
    await until_due(telex)
    sent = telex.posts()[-1]
    assert "Linux again" in text(sent)
    assert not sent.attachments
    assert not images(sent)


async def test_a_channel_without_feeds_begins_with_those_of_others(telex, feed_server):
    await follow(telex, feed_server)
    empty = telex.guild.create_text_channel("weekly")
    flow = await opened(telex, empty)
    assert "other channels that everybody here can see" in text(flow)
    assert "Cities ban facial recognition" not in text(await _plain(telex, flow))


async def _plain(world: World, flow: ResponseMessage) -> ResponseMessage:
    custom_id, _options = menu(flow, "Options")
    return last(await world.editor.select(flow, [], custom_id=custom_id))


async def test_an_empty_preview_says_that_nothing_would_be_sent(telex, feed_server):
    flow = await opened(telex)
    assert "Nothing to preview yet" in text(flow)


async def test_the_flow_is_for_who_asked_and_a_channel_where_the_bot_may_not_post_is_refused(
    telex, feed_server
):
    await follow(telex, feed_server)
    await telex.set_permissions(telex.news, send_messages=False)
    flow = await opened(telex)
    custom_id = next(str(one["custom_id"]) for one in components(flow) if one.get("label") == "Start")
    assert "for the person who asked" in said(await forge(telex.reader, telex.news, flow, custom_id))
    assert "**Send Messages**" in said(await telex.editor.click(flow, label="Start"))
    assert await telex.store.digests.of_channel(telex.news.id) is None


async def test_a_digest_is_in_the_language_of_its_channel(telex, feed_server):
    feed = await follow(telex, feed_server)
    await telex.prefer(Preference.LANGUAGE, "fr", channel=telex.news)
    await begin(telex)
    await bring(telex, feed_server, feed, "Linux gets a scheduler", "Linux on the moon", "Chips shrink")
    await telex.deliver()
    await until_due(telex)
    assert text(telex.posts()[-1]).startswith("## L’actualité du jour")
    assert "-# **ET AUSSI**" in text(telex.posts()[-1])


async def test_the_history_tells_a_digest_in_the_readers_language(telex):
    await begin(telex, alone="alone")
    listed = said(await telex.editor.slash(telex.news, "settings history"))
    assert "**Digest**: none → every day at 08:00, digest only" in listed
    telex.locales[telex.editor.id] = "fr"
    listed = said(await telex.editor.slash(telex.news, "settings history"))
    assert "tous les jours à 08:00, seulement le résumé" in listed
    assert "daily" not in listed


async def test_what_is_followed_where_there_are_digests_only_comes_with_the_digest(telex, feed_server):
    url = feed_server.serve("/rss", rss(item(1, title="A new find", published=telex.clock.now() - 60)))
    await begin(telex, alone="alone")
    shown = await telex.editor.slash(telex.news, "feed add", url=url)
    done = said(await telex.editor.click(last(shown), label="Follow"))
    assert "only gets digests" in done
    assert "on its way" not in done
    await telex.deliver()
    assert telex.posts() == []
    await until_due(telex)
    assert "A new find" in text(telex.posts()[-1])


async def test_whom_the_servers_settings_let_in_may_change_a_digest_from_the_list(telex):
    """A click, unlike a command, does not say which command it belongs to."""
    await begin(telex)
    command = telex.env.backend.find_command("digest", telex.guild.id, type=1)
    telex.guild.set_command_permissions(int(command["id"]), {telex.reader: True})
    listed = last(await telex.reader.slash(telex.news, "digest list"))
    custom_id, options = menu(listed, "Change or stop")
    flow = last(await telex.reader.select(listed, [options[0]["value"]], custom_id=custom_id))
    assert "Stopped the digest" in said(await telex.reader.click(flow, label="Stop the digest"))


async def test_a_channel_that_discord_does_not_show_for_a_moment_keeps_its_digest(telex, monkeypatch):
    await begin(telex)
    listed = last(await telex.editor.slash(telex.news, "digest list"))
    custom_id, options = menu(listed, "Change or stop")

    async def nowhere(_guild: discord.Guild, _channel_id: int) -> None:
        return None

    monkeypatch.setattr(channel_options, "find_postable_channel", nowhere)
    answer = await telex.editor.select(listed, [options[0]["value"]], custom_id=custom_id)
    assert "Try again later" in said(answer)
    assert await telex.store.digests.of_channel(telex.news.id) is not None
