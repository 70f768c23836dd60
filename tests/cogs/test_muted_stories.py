"""Stories muted for a channel or for a user."""

from __future__ import annotations

import json

import pytest
from simcord.actors import MemberActor
from simcord.results import ResponseMessage

from tests.cogs.test_bookmarks import read_attachment
from tests.cogs.test_personal_digests import advance_until_due, save_daily_digest
from tests.posting.test_stories import AGAIN, BAN, OTHER, THIRD, Outlets
from tests.support.discord_world import World
from tests.support.feed_server import make_rss, make_rss_item
from tests.support.interactions import (
    forge_click,
    get_last_reply,
    list_button_labels,
    list_controls,
    press_button,
    read_message_text,
    read_reply_text,
    select_option,
)
from tests.support.scenario import list_posted_titles, run_why

DAY = 86_400
SELECT = 3  # https://discord.com/developers/docs/components/reference#component-object-component-types
WORDS = ("Bakery", "Comet", "Dolphin", "Glacier", "Lottery", "Orchestra", "Pension", "Railway", "Tulip", "Volcano")
LATER = "Police facial recognition: Amazon makes its ban for a year permanent"


@pytest.fixture
async def outlets(telex, feed_server) -> Outlets:
    """Three followed outlets, of which one has reported the ban."""
    outlets = Outlets(telex, feed_server)
    await outlets.begin("first", "second", "third")
    await outlets.publish("first", BAN)
    return outlets


async def open_mute_panel(telex: World, person: MemberActor) -> ResponseMessage:
    post = next(post for post in telex.posts() if BAN in (read_message_text(post) or ""))
    menu = get_last_reply(await person.click(post, label="More"))
    return get_last_reply(await person.click(menu, label="Enough of this story"))


async def mute_for_everyone(telex: World, duration: str = "A week") -> ResponseMessage:
    panel = await open_mute_panel(telex, telex.editor)
    panel = get_last_reply(await select_option(telex.editor, panel, "For everyone in #news"))
    return get_last_reply(await telex.editor.click(panel, label=duration))


async def test_muted_story_is_not_posted_and_why_names_the_mute(telex, outlets):
    confirmation = await mute_for_everyone(telex)
    assert (
        f"Nothing more on **{BAN}** in <#{telex.news.id}> until <t:{telex.clock.now() + 7 * DAY}:D>"
        in read_message_text(confirmation)
    )
    count_before = len(telex.posts())
    number = await outlets.publish("second", AGAIN)
    other_number = await outlets.publish("third", OTHER)
    assert list_posted_titles(telex)[count_before:] == [OTHER]
    reason = await run_why(telex, f"https://news.example/articles/{number}")
    assert f"story muted by <@{telex.editor.id}> until <t:" in reason
    assert "posted" in await run_why(telex, f"https://news.example/articles/{other_number}")
    telex.locales[telex.reader.id] = "fr"
    assert "sujet mis en sourdine par" in await run_why(telex, f"https://news.example/articles/{number}")
    history = read_reply_text(await telex.run_as_editor("settings history"))
    assert f"**Muted story**: not muted → {BAN}\n-# <#{telex.news.id}> · <@{telex.editor.id}>" in history


async def test_story_stays_muted_until_mute_expires(telex, outlets):
    await mute_for_everyone(telex)
    count_before = len(telex.posts())
    await telex.advance(5 * DAY)
    await outlets.publish("second", LATER)
    assert list_posted_titles(telex)[count_before:] == []
    await telex.advance(2 * DAY)
    await outlets.publish("third", THIRD)
    assert list_posted_titles(telex)[count_before:] == [THIRD]
    assert "Muted stories" not in read_reply_text(await telex.run_as_editor("settings stories"))


async def test_undo_button_ends_mute(telex, outlets):
    confirmation = await mute_for_everyone(telex, "Until I undo it")
    await telex.restart()
    undo_reply = get_last_reply(await telex.editor.click(confirmation, label="Undo"))
    assert f"**{BAN}** isn’t muted anymore" in read_message_text(undo_reply)
    history = read_reply_text(await telex.run_as_editor("settings history"))
    assert f"**Muted story**: {BAN} → not muted" in history
    count_before = len(telex.posts())
    await telex.advance(3 * DAY)
    await outlets.publish("third", THIRD)
    assert list_posted_titles(telex)[count_before:] == [THIRD]


async def test_member_cannot_mute_or_unmute_for_channel(telex, outlets):
    panel = await open_mute_panel(telex, telex.reader)
    assert list_button_labels(panel) == ["3 days", "A week", "Until I undo it", "Cancel"]
    assert not any(component["type"] == SELECT for component in list_controls(panel))
    confirmation = await mute_for_everyone(telex)
    (mute,) = await telex.store.muted_stories.list_by_channel(telex.news.id)
    await forge_click(telex.reader, telex.news, confirmation, f"telex:unmute:{mute.id}")
    assert await telex.store.muted_stories.list_by_channel(telex.news.id) == [mute]
    story_settings = get_last_reply(await telex.run_as_editor("settings stories"))
    assert f"<@{telex.editor.id}>" in read_message_text(story_settings)
    await select_option(telex.editor, story_settings, BAN, "Undo")
    assert await telex.store.muted_stories.list_by_channel(telex.news.id) == []


async def test_personal_mute_affects_notifications_and_latest_only(telex, outlets):
    telex.locales[telex.reader.id] = "fr"
    watch_reply = await telex.run_as_reader("watch add", query="facial recognition")
    assert "facial recognition" in read_reply_text(watch_reply)
    direct = telex.reader.user.dm_channel
    await outlets.publish("second", OTHER)
    alert = telex.posts(direct)[-1]
    assert OTHER in (read_message_text(alert) or "")
    panel = get_last_reply(await telex.reader.user.click(alert, label="Assez de ce sujet"))
    confirmation = get_last_reply(await telex.reader.user.click(panel, label="3 jours"))
    assert f"Plus rien sur **{OTHER}** pour vous jusqu’au" in read_message_text(confirmation)
    alert_count = len(telex.posts(direct))
    await telex.advance(3600)
    title = "Microsoft bans facial recognition for the police"
    number = await outlets.publish("third", title)
    assert "grouped with" in await run_why(telex, f"https://news.example/articles/{number}", person=telex.editor)
    assert len(telex.posts(direct)) == alert_count
    latest = read_reply_text(await telex.run_as_reader("latest"))
    assert BAN in latest
    assert OTHER not in latest
    assert title not in latest
    assert title in read_reply_text(await telex.run_as_editor("latest"))
    watches = get_last_reply(await telex.run_as_reader("watch list"))
    assert "Sujets en sourdine" in read_message_text(watches)
    assert "Sujets en sourdine" not in read_message_text(
        get_last_reply(await select_option(telex.reader, watches, OTHER, "Rétablir"))
    )
    assert title in read_reply_text(await telex.run_as_reader("latest"))


async def test_muted_stories_per_user_are_limited(telex, outlets):
    for number in range(10):
        await outlets.publish("third", f"{WORDS[number]} number {number}{number}{number} of {WORDS[9 - number]}")
    posts = telex.posts()[-11:]
    replies = []
    for post in posts:
        telex.clock.advance(60)  # nobody is too quick
        menu = get_last_reply(await telex.reader.click(post, label="More"))
        panel = get_last_reply(await telex.reader.click(menu, label="Enough of this story"))
        replies.append(read_reply_text(await telex.reader.click(panel, label="A week")))
    assert "Nothing more on" in replies[9]
    assert "You’ve already muted 10 stories." in replies[10]
    assert len(await telex.store.muted_stories.list_by_user(telex.reader.id)) == 10


async def test_story_is_muted_from_personal_digest(telex, outlets):
    await outlets.publish("second", OTHER)
    await save_daily_digest(telex)
    await advance_until_due(telex)
    digest = telex.posts(telex.reader.user.dm_channel)[-1]
    choice = get_last_reply(await telex.reader.user.click(digest, label="Enough of a story…"))
    panel = get_last_reply(await select_option(telex.reader.user, choice, OTHER))
    assert "1 article from 1 outlet" in read_message_text(panel)
    await telex.reader.user.click(panel, label="Until I undo it")
    (muted,) = await telex.store.muted_stories.list_by_user(telex.reader.id)
    assert (muted.title, muted.muted_until) == (OTHER, None)
    privacy_reply = await telex.run_as_reader("privacy")
    assert "1 story that you muted" in read_reply_text(privacy_reply)
    export_reply = await press_button(telex.reader, privacy_reply, "Export")
    export = json.loads(read_attachment(telex, export_reply))
    assert [story["title"] for story in export["muted_stories"]] == [OTHER]


async def test_new_feed_does_not_post_muted_story(telex, outlets, feed_server):
    await mute_for_everyone(telex)
    item = make_rss_item(901, title=AGAIN, published=telex.clock.now() - 30)
    url = feed_server.serve("/fourth", make_rss(item, title="fourth"))
    count_before = len(telex.posts())
    await telex.poll_and_deliver(await telex.follow(url))
    assert list_posted_titles(telex)[count_before:] == []
    assert "story muted by" in await run_why(telex, "https://news.example/articles/901")


async def test_channel_mute_requires_permission_on_confirmation(telex, outlets):
    panel = await open_mute_panel(telex, telex.editor)
    panel = get_last_reply(await select_option(telex.editor, panel, "For everyone in #news"))
    telex.env.backend.edit_member(telex.guild.id, telex.editor.id, {"role_ids": []})
    refusal = await telex.editor.click(panel, label="A week")
    assert "You need the Manage Server permission" in read_reply_text(refusal)
    assert await telex.store.muted_stories.list_by_channel(telex.news.id) == []
