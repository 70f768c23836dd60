"""Votes 👍 and 👎 on answers."""

from __future__ import annotations

import discord
import pytest
from simcord.results import ResponseMessage

from bot.answers.answer_model import Confidence
from bot.posting.recovery import message_contents
from bot.posting.rendering import buttons
from tests.cogs.engine import bot_mention
from tests.support.discord_world import World
from tests.support.interactions import (
    forge_click,
    get_last_reply,
    list_button_labels,
    list_controls,
    read_message_text,
    read_reply_text,
)
from tests.support.scenario import follow_feed, get_newest_article


@pytest.fixture(autouse=True)
async def _answered_question(telex, feed_server, engine) -> None:
    engine.answer_with_quotes(await get_newest_article(telex, await follow_feed(telex, feed_server)))


async def ask_question(world: World, *, public: bool = False) -> ResponseMessage:
    reply = await world.run_as_reader("ask", question="Who bought Slack?", public=public)
    return get_last_reply(reply)


async def count_votes(world: World) -> tuple[int, int]:
    (tally,) = await world.store.questions.load_stats(0, include_helpful=True)
    return tally.helpful_count, tally.unhelpful_count


def find_button_id(message: ResponseMessage, emoji: str) -> str:
    return next(
        str(component["custom_id"])
        for component in list_controls(message)
        if component.get("emoji", {}).get("name") == emoji
    )


async def test_asker_votes_changes_and_removes_vote(telex):
    answer = await ask_question(telex)
    upvote_id, downvote_id = find_button_id(answer, "👍"), find_button_id(answer, "👎")
    assert "Glad that helped" in read_reply_text(await telex.reader.click(answer, custom_id=upvote_id))
    assert await count_votes(telex) == (1, 0)
    assert "didn’t help" in read_reply_text(await telex.reader.click(answer, custom_id=downvote_id))
    assert await count_votes(telex) == (0, 1)
    assert "Vote removed" in read_reply_text(await telex.reader.click(answer, custom_id=downvote_id))
    assert await count_votes(telex) == (0, 0)


async def test_missing_answer_can_be_downvoted(telex, engine):
    engine.answer_fields = {"related_articles": (engine.answer_fields["quotes"][0].article,)}
    answer = await ask_question(telex)
    *_, button = list_controls(answer)
    assert (button["emoji"]["name"], button["label"]) == ("👎", "An article does answer this")
    assert "an article does answer this" in read_reply_text(
        await telex.reader.click(answer, custom_id=button["custom_id"])
    )
    assert await count_votes(telex) == (0, 1)
    assert "Vote removed" in read_reply_text(await telex.reader.click(answer, custom_id=button["custom_id"]))
    assert await count_votes(telex) == (0, 0)


async def test_labelled_votes_are_disabled_after_private_vote(telex, engine):
    quotes = engine.answer_fields.pop("quotes")
    engine.answer_fields |= {"confidence": Confidence.POSSIBLE, "quotes": quotes}
    for is_public in (False, True):
        answer = await ask_question(telex, public=is_public)
        await telex.restart()
        thanks = await telex.reader.click(answer, label="No")
        assert get_last_reply(thanks).ephemeral
        assert "that this answer didn’t help" in read_reply_text(thanks)
        disabled_labels = [button["label"] for button in list_controls(answer) if button.get("disabled")]
        assert disabled_labels == ([] if is_public else ["Answers it", "No"])
        assert read_reply_text(thanks) not in read_message_text(answer)
    telex.locales[telex.reader.id] = "fr"
    assert list_button_labels(await ask_question(telex))[:2] == [
        "Ça répond",
        "Non",
    ]  # a row of a phone has room for them


async def test_french_save_button_is_short(telex):
    telex.locales[telex.reader.id] = "fr"
    assert list_button_labels(await ask_question(telex)) == ["Favori"]


async def test_each_member_votes_once_on_public_answer(telex):
    answer = await ask_question(telex, public=True)
    upvote_id, downvote_id = find_button_id(answer, "👍"), find_button_id(answer, "👎")
    await telex.reader.click(answer, custom_id=upvote_id)
    telex.locales[telex.editor.id] = "fr"
    assert "Merci" in read_reply_text(await telex.editor.click(answer, custom_id=upvote_id))
    await telex.editor.click(answer, custom_id=downvote_id)
    assert await count_votes(telex) == (1, 1)


async def test_votes_count_after_a_restart(telex):
    await telex.reader.send(telex.news, f"{bot_mention(telex)} who bought Slack?")
    await telex.restart()
    answer = telex.posts()[-1]
    upvote_ids = [
        component_id
        for component_id in message_contents.list_custom_ids(answer)
        if component_id.startswith("telex:vote:up")
    ]
    assert "Glad that helped" in read_reply_text(await telex.editor.click(answer, custom_id=upvote_ids[0]))
    assert await count_votes(telex) == (1, 0)


async def test_vote_on_private_answer_of_other_user_is_refused(telex):
    answer = await ask_question(telex)
    forged_reply = await forge_click(telex.editor, telex.news, answer, find_button_id(answer, "👎"))
    assert "Only the person who asked" in read_reply_text(forged_reply)
    assert await count_votes(telex) == (0, 0)


async def test_vote_on_answer_of_other_server_is_refused(telex):
    elsewhere = telex.env.create_guild("Elsewhere")
    question = await telex.store.questions.add(
        server_id=elsewhere.id,
        channel_id=1,
        user_id=telex.reader.id,
        text="Who?",
        language="en",
        is_public=True,
        is_answered=True,
    )
    channel = telex.bot.get_channel(telex.news.id)
    assert isinstance(channel, discord.TextChannel)
    await channel.send("?", view=buttons.view_of_items(buttons.vote_button(question, has_helped=True)))
    forged_reply = await telex.reader.click(
        telex.posts()[-1], custom_id=buttons.vote_button_id(question, has_helped=True)
    )
    assert "too old" in read_reply_text(forged_reply)
    assert await count_votes(telex) == (0, 0)


async def test_vote_on_deleted_question_is_refused(telex):
    answer = await ask_question(telex)
    await telex.store.erase_user(telex.reader.id)
    assert "too old" in read_reply_text(await telex.reader.click(answer, custom_id=find_button_id(answer, "👍")))
