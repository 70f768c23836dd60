"""/digest: set up with a preview, sent, listed, changed and stopped."""

from __future__ import annotations

from typing import Any

import discord
import pytest
from simcord.builders import ChannelHandle
from simcord.results import ResponseMessage

from bot.core import setting_registry
from bot.core.concurrency import worker_pool
from bot.core.concurrency.worker_pool import WorkerPool
from bot.core.models import Feed
from bot.core.preferences import OPERATOR_USER_ID, FilterMode, FilterPlace, FilterScope
from bot.digests import bar_charts
from cogs.shared import channel_options
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.interactions import (
    find_menu,
    forge_click,
    get_last_reply,
    list_components,
    list_controls,
    press_button,
    read_message_text,
    read_reply_text,
    restrict_to_editors,
    select_option,
)
from tests.support.scenario import follow_feed, publish_items, run_why

DAY = 86_400


@pytest.fixture(autouse=True)
def drawn_batches(monkeypatch) -> list[Any]:
    """The charts passed to the renderer, which is replaced."""
    chart_batches: list[Any] = []

    async def record_charts(workers: WorkerPool, charts: Any) -> tuple[bytes, ...]:
        chart_batches.append(charts)
        return tuple(b"\x89PNG picture" for _ in charts)

    monkeypatch.setattr(bar_charts, "render_charts", record_charts)
    return chart_batches


async def open_digest_setup(world: World, channel: ChannelHandle | None = None) -> ResponseMessage:
    return get_last_reply(await world.run_as_editor("digest setup", channel=channel or world.news))


async def start_digest(world: World, channel: ChannelHandle | None = None, **enabled_options: str) -> None:
    flow = await open_digest_setup(world, channel)
    if enabled_options:
        custom_id, options = find_menu(flow, "Options")
        option_values = [option["value"] for option in options if option["value"] in enabled_options]
        flow = get_last_reply(await world.editor.select(flow, option_values, custom_id=custom_id))
    assert "gets its next digest" in read_reply_text(await world.editor.click(flow, label="Start"))


async def publish_articles(world: World, server: FeedServer, feed: Feed, *titles: str, path: str = "/rss") -> None:
    """Publish articles from a minute ago, each a second newer than the one before, and poll the feed."""
    now = world.clock.now()
    new_items = [
        make_rss_item(1000 + number + now, title=title, published=now - 60 + number)
        for number, title in enumerate(titles)
    ]
    await publish_items(world, server, feed, *reversed(new_items), title=feed.title, delivered=False)


async def advance_until_due(world: World) -> None:
    due = await world.store.digests.get_next_due_at()
    assert due is not None
    await world.advance(due - world.clock.now())
    await world.deliver()


async def test_digest_is_previewed_and_sent_once_when_due(telex, feed, feed_server):
    flow = await open_digest_setup(telex)
    assert flow.ephemeral
    flow_text = read_message_text(flow)
    assert "every day at 08:00 (UTC)" in flow_text
    assert "Not active yet." in flow_text
    assert "## Today’s news" in flow_text  # what it would be now
    assert "Cities ban facial recognition" in flow_text
    assert await telex.store.digests.get_by_channel(telex.news.id) is None
    flow = get_last_reply(await select_option(telex.editor, flow, "At 09:00", "What time"))
    assert "every day at 09:00 (UTC)" in read_message_text(flow)
    assert "gets its next digest" in read_reply_text(await telex.editor.click(flow, label="Start"))
    await publish_articles(telex, feed_server, feed, "Linux gets a scheduler", "Linux on the moon", "Chips shrink")
    await telex.deliver()
    posts_before = telex.posts()
    await advance_until_due(telex)
    await telex.deliver()
    (digest,) = telex.posts()[len(posts_before) :]
    digest_text = read_message_text(digest)
    assert "## Today’s news\n-# " in digest_text
    assert "4 stories · 1 outlet" in digest_text
    assert "### [Chips shrink](" in digest_text
    assert "-# **LINUX**\n**[Linux" in digest_text
    assert "-# **ALSO**\n**[Cities ban" in digest_text
    assert "-# 🟫 **Example News**" in digest_text
    assert not digest.reactions
    await advance_until_due(telex)
    assert len(telex.posts()) == len(posts_before) + 1  # no new articles that day


async def test_digest_setup_uses_occasional_workers_only(telex, feed, monkeypatch):
    used_workers: set[Any] = set()
    original_run = worker_pool.WorkerPool.run

    async def run(self: Any, *args: Any, **options: Any) -> Any:
        used_workers.add(self)
        return await original_run(self, *args, **options)

    monkeypatch.setattr(worker_pool.WorkerPool, "run", run)
    flow = await open_digest_setup(telex)
    for hour in ("At 09:00", "At 10:00"):
        flow = get_last_reply(await select_option(telex.editor, flow, hour, "What time"))
    await open_digest_setup(telex)
    assert used_workers <= {telex.newsroom.occasional_workers}


async def test_digest_menu_saves_story(telex, feed, feed_server):
    await start_digest(telex)
    await publish_articles(telex, feed_server, feed, "Linux gets a scheduler", "Chips shrink")
    await telex.deliver()
    await advance_until_due(telex)
    digest = telex.posts()[-1]
    custom_id, options = find_menu(digest, "Save a story")
    assert {option["label"] for option in options} >= {"Linux gets a scheduler", "Chips shrink"}
    answer = await telex.reader.select(digest, [options[0]["value"]], custom_id=custom_id)
    assert "Saved" in read_reply_text(answer)
    assert await telex.store.bookmarks.count(telex.reader.id) == 1
    await telex.restart()
    form = await telex.reader.click(digest, label="Ask")
    answer_reply = await telex.reader.submit_modal(form, {"question": "What does Linux get?"})
    assert "Linux gets a scheduler" in read_reply_text(answer_reply)
    assert "Rising this week" in read_reply_text(await telex.reader.click(digest, label="Trends"))


async def test_digest_only_channel_gets_no_single_posts(telex, feed, feed_server):
    await start_digest(telex, alone="yes")
    post_count_before = len(telex.posts())
    await publish_articles(telex, feed_server, feed, "Linux gets a scheduler")
    await telex.deliver()
    assert len(telex.posts()) == post_count_before
    link = (await telex.store.articles.list_newest([feed.id], limit=1))[0].url
    why_text = await run_why(telex, link, person=telex.editor)
    assert "kept for the channel’s next digest" in why_text
    await advance_until_due(telex)
    assert "Linux gets a scheduler" in read_message_text(telex.posts()[-1])
    reason = await run_why(telex, link, person=telex.editor)
    assert "in a digest" in reason
    assert str(telex.posts()[-1].id) in reason


async def test_digest_is_listed_changed_and_stopped(telex, feed, feed_server):
    assert "None yet" in read_reply_text(await telex.run_as_editor("digest list"))
    await start_digest(telex, alone="yes")
    list_reply = get_last_reply(await telex.run_as_editor("digest list"))
    assert "every day at 08:00" in read_message_text(list_reply)
    assert "Digest only" in read_message_text(list_reply)
    flow = get_last_reply(await select_option(telex.editor, list_reply, "#news"))
    flow = get_last_reply(await select_option(telex.editor, flow, "Every Friday"))
    assert "every Friday at 08:00" in read_message_text(flow)
    assert "Not saved yet" in read_message_text(flow)
    await telex.editor.click(flow, label="Save changes")
    digest = await telex.store.digests.get_by_channel(telex.news.id)
    assert (digest.plan.weekday, digest.plan.is_digest_only) == (4, True)
    await publish_articles(telex, feed_server, feed, "Linux gets a scheduler")
    stop_text = read_reply_text(await telex.editor.click(await open_digest_setup(telex), label="Stop the digest"))
    assert "Stopped the digest" in stop_text
    await telex.deliver()
    assert "1 article arrived in the meantime" in read_message_text(telex.posts()[-1])
    history = read_reply_text(await telex.run_as_editor("settings history"))
    assert "**Digest**: every Friday at 08:00, digest only → none" in history.replace("\\", "")


async def test_wide_digest_omits_channels_hidden_from_readers(telex, feed_server):
    """Visibility is checked when the digest is composed and again when it is sent."""
    open_channel, vault_channel = (telex.guild.create_text_channel(name) for name in ("open", "vault"))
    feeds = {}
    for name, channel in (("open", open_channel), ("vault", vault_channel)):
        feeds[name] = await follow_feed(
            telex, feed_server, make_rss_item(1, title="Old"), path=f"/{name}", title=name, channel=channel
        )
    await restrict_to_editors(telex, vault_channel)
    await start_digest(telex, wide="yes")
    await publish_articles(telex, feed_server, feeds["open"], "Linux gets a scheduler", path="/open")
    await publish_articles(telex, feed_server, feeds["vault"], "Quicksilver was found", path="/vault")
    flow = await open_digest_setup(telex)
    assert "Linux gets a scheduler" in read_message_text(flow)
    assert "Quicksilver" not in read_message_text(flow)
    due = await telex.store.digests.get_next_due_at()
    assert due is not None
    await telex.advance(due - telex.clock.now())
    await telex.set_permissions(telex.news, send_messages=False)
    await telex.deliver()  # composed, but not sent
    await restrict_to_editors(telex, open_channel)
    await telex.set_permissions(telex.news)
    await telex.advance(400)
    await telex.deliver()
    assert not telex.posts()


async def test_wide_digest_applies_channel_and_server_filters(telex, feed_server):
    elsewhere = telex.guild.create_text_channel("elsewhere")
    feed = await follow_feed(telex, feed_server, make_rss_item(1, title="Old"), title="Elsewhere", channel=elsewhere)
    await start_digest(telex, wide="yes")
    for place_id, scope, query in (
        (telex.news.id, FilterScope.CHANNEL, "cup"),
        (telex.guild.id, FilterScope.SERVER, "vote"),
        (elsewhere.id, FilterScope.CHANNEL, "Linux"),
    ):
        await telex.store.filters.add(
            FilterPlace(place_id, scope), [(FilterMode.EXCLUDE, query)], user_id=telex.editor.id, limit=9
        )
    await publish_articles(telex, feed_server, feed, "Linux gets a scheduler", "Cup final tonight", "Vote on maps")
    await advance_until_due(telex)
    digest_text = read_message_text(telex.posts()[-1])
    assert "Linux gets a scheduler" in digest_text
    assert "Cup final" not in digest_text
    assert "Vote on maps" not in digest_text


def list_picture_urls(message: discord.Message) -> list[str]:
    """List the URLs of the pictures in a message."""
    return [gallery_item["media"]["url"] for part in list_components(message) for gallery_item in part.get("items", ())]


async def test_missed_digest_is_sent_late_only_within_half_a_day(telex, feed, feed_server):
    await start_digest(telex)
    await publish_articles(telex, feed_server, feed, "Linux gets a scheduler")
    await telex.deliver()
    post_count_before = len(telex.posts())
    due = await telex.store.digests.get_next_due_at()
    assert due is not None
    await telex.advance(due - telex.clock.now() + 6 * DAY + 3600)  # away for a week
    await telex.deliver()
    assert len(telex.posts()) == post_count_before  # six days too late: left to the next digest
    next_due = await telex.store.digests.get_next_due_at()
    assert next_due == due + 7 * DAY
    await telex.advance(next_due - telex.clock.now() + 2 * 3600)  # and two hours too late
    await telex.deliver()
    await telex.deliver()
    (digest,) = telex.posts()[post_count_before:]
    assert "Linux gets a scheduler" in read_message_text(digest)


async def test_chart_is_attached_only_with_permission(telex, feed, feed_server, drawn_batches):
    await start_digest(telex, chart="yes")
    for week in range(2):  # enough for a comparison
        titles = [f"Story{week}{number} of week{week}" for number in range(12)]
        await publish_articles(telex, feed_server, feed, *titles, *(["Linux"] if week else []))
        if not week:
            await telex.advance(8 * DAY)
            await telex.deliver()
    flow = await open_digest_setup(telex)
    assert "Attach Files" not in read_message_text(flow)
    await telex.deliver()
    await advance_until_due(telex)
    post = telex.posts()[-1]
    (picture,) = post.attachments
    assert picture.filename == "week.png"
    assert "week1" in (picture.description or "")
    assert any(url.endswith("week.png") for url in list_picture_urls(post))
    assert drawn_batches
    await telex.set_permissions(telex.news, attach_files=False)
    assert "I need the **Attach Files** permission" in read_message_text(await open_digest_setup(telex))
    await publish_articles(telex, feed_server, feed, "Linux again")
    await telex.deliver()
    await advance_until_due(telex)
    post = telex.posts()[-1]
    assert "Linux again" in read_message_text(post)
    assert not post.attachments
    assert not list_picture_urls(post)


async def test_digest_setup_without_feeds_preselects_other_channels(telex, feed):
    weekly_channel = telex.guild.create_text_channel("weekly")
    flow = await open_digest_setup(telex, weekly_channel)
    assert "other channels that everybody here can see" in read_message_text(flow)
    assert "Cities ban facial recognition" not in read_message_text(await _clear_options(telex, flow))


async def _clear_options(world: World, flow: ResponseMessage) -> ResponseMessage:
    custom_id, _options = find_menu(flow, "Options")
    return get_last_reply(await world.editor.select(flow, [], custom_id=custom_id))


async def test_digest_preview_without_articles(telex, feed_server):
    flow = await open_digest_setup(telex)
    assert "Nothing to preview yet" in read_message_text(flow)


async def test_digest_setup_refuses_others_and_unpostable_channel(telex, feed):
    await telex.set_permissions(telex.news, send_messages=False)
    flow = await open_digest_setup(telex)
    custom_id = next(
        str(component["custom_id"]) for component in list_controls(flow) if component.get("label") == "Start"
    )
    assert "for the person who asked" in read_reply_text(await forge_click(telex.reader, telex.news, flow, custom_id))
    assert "**Send Messages**" in read_reply_text(await telex.editor.click(flow, label="Start"))
    assert await telex.store.digests.get_by_channel(telex.news.id) is None


async def test_digest_uses_language_of_channel(telex, feed, feed_server):
    await telex.set_channel_setting(setting_registry.LANGUAGE, "fr", telex.news)
    await start_digest(telex)
    await publish_articles(telex, feed_server, feed, "Linux gets a scheduler", "Linux on the moon", "Chips shrink")
    await telex.deliver()
    await advance_until_due(telex)
    assert read_message_text(telex.posts()[-1]).startswith("## L’actualité du jour")
    assert "-# **ET AUSSI**" in read_message_text(telex.posts()[-1])


async def test_settings_history_shows_digest_in_language_of_user(telex):
    await start_digest(telex, alone="alone")
    list_text = read_reply_text(await telex.run_as_editor("settings history"))
    assert "**Digest**: none → every day at 08:00, digest only" in list_text
    place = {"server_id": telex.guild.id, "channel_id": telex.news.id}
    await telex.store.digests.delete(**place, user_id=OPERATOR_USER_ID)
    list_text = read_reply_text(await telex.run_as_editor("settings history"))
    assert "**Digest**: every day at 08:00, digest only → none" in list_text
    assert "whoever runs Telex" in list_text
    telex.locales[telex.editor.id] = "fr"
    list_text = read_reply_text(await telex.run_as_editor("settings history"))
    assert "tous les jours à 08:00, seulement le résumé" in list_text
    assert "daily" not in list_text
    assert "la personne qui gère Telex" in list_text


async def test_feed_added_to_digest_only_channel_waits_for_digest(telex, feed_server):
    url = feed_server.serve("/rss", make_rss(make_rss_item(1, title="A new find", published=telex.clock.now() - 60)))
    await start_digest(telex, alone="alone")
    preview = await telex.run_as_editor("feed add", url=url)
    final_text = read_reply_text(await press_button(telex.editor, preview, "Follow"))
    assert "only gets digests" in final_text
    assert "on its way" not in final_text
    await telex.deliver()
    assert telex.posts() == []
    await advance_until_due(telex)
    assert "A new find" in read_message_text(telex.posts()[-1])


async def test_command_permission_of_server_allows_digest_buttons(telex):
    """A click, unlike a command, does not carry the command whose permissions apply."""
    await start_digest(telex)
    command = telex.env.backend.find_command("digest", telex.guild.id, type=1)
    telex.guild.set_command_permissions(int(command["id"]), {telex.reader: True})
    list_reply = get_last_reply(await telex.run_as_reader("digest list"))
    custom_id, options = find_menu(list_reply, "Change or stop")
    flow = get_last_reply(await telex.reader.select(list_reply, [options[0]["value"]], custom_id=custom_id))
    assert "Stopped the digest" in read_reply_text(await telex.reader.click(flow, label="Stop the digest"))


async def test_digest_of_temporarily_missing_channel_is_not_deleted(telex, monkeypatch):
    await start_digest(telex)
    list_reply = get_last_reply(await telex.run_as_editor("digest list"))
    custom_id, options = find_menu(list_reply, "Change or stop")

    async def find_no_channel(_guild: discord.Guild, _channel_id: int) -> None:
        return None

    monkeypatch.setattr(channel_options, "find_postable_channel", find_no_channel)
    answer = await telex.editor.select(list_reply, [options[0]["value"]], custom_id=custom_id)
    assert "Try again later" in read_reply_text(answer)
    assert await telex.store.digests.get_by_channel(telex.news.id) is not None
