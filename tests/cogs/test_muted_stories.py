"""Enough of this story: muted for a channel or for oneself, named by /why, ended by time or by Undo."""

from __future__ import annotations

import pytest
from simcord.actors import MemberActor
from simcord.results import ResponseMessage

from tests.posting.test_stories import AGAIN, BAN, OTHER, THIRD, Outlets
from tests.support.discord_world import World
from tests.support.interactions import (
    button_labels,
    choose,
    components,
    forge_click,
    last_reply,
    message_text,
    text,
)
from tests.support.scenario import posted_titles, why

DAY = 86_400
SELECT = 3  # https://discord.com/developers/docs/components/reference#component-object-component-types
LATER = "Police facial recognition: Amazon makes its ban for a year permanent"


@pytest.fixture
async def outlets(telex, feed_server) -> Outlets:
    """Three outlets that the channel follows, of which one has reported the ban."""
    outlets = Outlets(telex, feed_server)
    await outlets.begin("first", "second", "third")
    await outlets.publish("first", BAN)
    return outlets


async def open_mute_panel(telex: World, person: MemberActor) -> ResponseMessage:
    post = next(post for post in telex.posts() if BAN in (text(post) or ""))
    menu = last_reply(await person.click(post, label="More"))
    return last_reply(await person.click(menu, label="Enough of this story"))


async def mute_for_everyone(telex: World, duration: str = "A week") -> ResponseMessage:
    panel = await open_mute_panel(telex, telex.editor)
    panel = last_reply(await choose(telex.editor, panel, "For everyone in #news"))
    return last_reply(await telex.editor.click(panel, label=duration))


async def test_a_channel_gets_no_more_of_a_story_and_why_says_who_muted_it(telex, outlets):
    confirmation = await mute_for_everyone(telex)
    assert f"Nothing more on **{BAN}** in <#{telex.news.id}> until <t:{telex.clock.now() + 7 * DAY}:D>" in text(
        confirmation
    )
    count_before = len(telex.posts())
    number = await outlets.publish("second", AGAIN)
    other_number = await outlets.publish("third", OTHER)
    assert posted_titles(telex)[count_before:] == [OTHER]
    reason = await why(telex, f"https://news.example/articles/{number}")
    assert f"story muted by <@{telex.editor.id}> until <t:" in reason
    assert "posted" in await why(telex, f"https://news.example/articles/{other_number}")
    telex.locales[telex.reader.id] = "fr"
    assert "sujet mis en sourdine par" in await why(telex, f"https://news.example/articles/{number}")


async def test_days_later_the_story_is_still_recognized_until_the_mute_ends_by_itself(telex, outlets):
    await mute_for_everyone(telex)
    count_before = len(telex.posts())
    await telex.advance(5 * DAY)
    await outlets.publish("second", LATER)
    assert posted_titles(telex)[count_before:] == []
    await telex.advance(2 * DAY)
    await outlets.publish("third", THIRD)
    assert posted_titles(telex)[count_before:] == [THIRD]
    assert "Muted stories" not in message_text(await telex.editor.slash(telex.news, "settings stories"))


async def test_undo_in_the_message_lets_the_story_come_again(telex, outlets):
    confirmation = await mute_for_everyone(telex, "Until I undo it")
    await telex.restart()
    undone = last_reply(await telex.editor.click(confirmation, label="Undo"))
    assert f"**{BAN}** isn’t muted anymore" in text(undone)
    count_before = len(telex.posts())
    await telex.advance(3 * DAY)
    await outlets.publish("third", THIRD)
    assert posted_titles(telex)[count_before:] == [THIRD]


async def test_a_member_is_offered_no_channel_and_cannot_undo_for_it(telex, outlets):
    panel = await open_mute_panel(telex, telex.reader)
    assert button_labels(panel) == ["3 days", "A week", "Until I undo it", "Cancel"]
    assert not any(component["type"] == SELECT for component in components(panel))
    confirmation = await mute_for_everyone(telex)
    (mute,) = await telex.store.muted_stories.list_by_channel(telex.news.id)
    await forge_click(telex.reader, telex.news, confirmation, f"telex:unmute:{mute.id}")
    assert await telex.store.muted_stories.list_by_channel(telex.news.id) == [mute]
    listed = last_reply(await telex.editor.slash(telex.news, "settings stories"))
    assert f"<@{telex.editor.id}>" in text(listed)
    await choose(telex.editor, listed, BAN, "Undo")
    assert await telex.store.muted_stories.list_by_channel(telex.news.id) == []
