"""👍 and 👎: who may judge an answer, once each, and still after a restart."""

from __future__ import annotations

import discord
import pytest
from simcord.results import ResponseMessage

from bot.posting.recovery import message_contents
from bot.posting.rendering import buttons
from tests.cogs.engine import mention
from tests.cogs.helpers import components, follow, forge, last, newest, said
from tests.discord_world import World


@pytest.fixture(autouse=True)
async def _answers(telex, feed_server, engine) -> None:
    engine.quotes(await newest(telex, await follow(telex, feed_server)))


async def an_answer(world: World, *, public: bool = False) -> ResponseMessage:
    asked = await world.reader.slash(world.news, "ask", question="Who bought Slack?", public=public)
    return last(asked)


async def votes(world: World) -> tuple[int, int]:
    (tally,) = await world.store.questions.stats(0, all_=True)
    return tally.up, tally.down


def custom_id(message: ResponseMessage, emoji: str) -> str:
    return next(
        str(one["custom_id"]) for one in components(message) if one.get("emoji", {}).get("name") == emoji
    )


async def test_the_asker_votes_changes_and_takes_back(telex):
    answer = await an_answer(telex)
    up, down = custom_id(answer, "👍"), custom_id(answer, "👎")
    assert "Glad that helped" in said(await telex.reader.click(answer, custom_id=up))
    assert await votes(telex) == (1, 0)
    assert "didn’t help" in said(await telex.reader.click(answer, custom_id=down))
    assert await votes(telex) == (0, 1)
    assert "Vote removed" in said(await telex.reader.click(answer, custom_id=down))
    assert await votes(telex) == (0, 0)


async def test_who_is_told_that_none_is_known_can_say_that_the_articles_do_answer(telex, engine):
    engine.gives = {"nearest": (engine.gives["quotes"][0].article,)}
    answer = await an_answer(telex)
    *_, button = components(answer)
    assert (button["emoji"]["name"], button["label"]) == ("👎", "An article does answer this")
    assert "an article does answer this" in said(
        await telex.reader.click(answer, custom_id=button["custom_id"])
    )
    assert await votes(telex) == (0, 1)
    assert "Vote removed" in said(await telex.reader.click(answer, custom_id=button["custom_id"]))
    assert await votes(telex) == (0, 0)


async def test_everybody_votes_once_on_a_public_answer(telex):
    answer = await an_answer(telex, public=True)
    up, down = custom_id(answer, "👍"), custom_id(answer, "👎")
    await telex.reader.click(answer, custom_id=up)
    telex.locales[telex.editor.id] = "fr"
    assert "Merci" in said(await telex.editor.click(answer, custom_id=up))
    await telex.editor.click(answer, custom_id=down)
    assert await votes(telex) == (1, 1)


async def test_votes_count_after_a_restart(telex):
    await telex.reader.send(telex.news, f"{mention(telex)} who bought Slack?")
    await telex.restart()
    answer = telex.posts()[-1]
    found = [one for one in message_contents.custom_ids(answer) if one.startswith("telex:vote:up")]
    assert "Glad that helped" in said(await telex.editor.click(answer, custom_id=found[0]))
    assert await votes(telex) == (1, 0)


async def test_nobody_votes_on_an_answer_that_was_for_somebody_else(telex):
    answer = await an_answer(telex)
    forged = await forge(telex.editor, telex.news, answer, custom_id(answer, "👎"))
    assert "Only the person who asked" in said(forged)
    assert await votes(telex) == (0, 0)


async def test_an_answer_of_another_server_cannot_be_judged_here(telex):
    elsewhere = telex.env.create_guild("Elsewhere")
    question = await telex.store.questions.add(
        server_id=elsewhere.id,
        channel_id=1,
        person_id=telex.reader.id,
        text="Who?",
        language="en",
        public=True,
        answered=True,
    )
    channel = telex.bot.get_channel(telex.news.id)
    assert isinstance(channel, discord.TextChannel)
    await channel.send("?", view=buttons.view_of_items(buttons.vote_button(question, helped=True)))
    forged = await telex.reader.click(telex.posts()[-1], custom_id=buttons.vote_id(question, helped=True))
    assert "too old" in said(forged)
    assert await votes(telex) == (0, 0)


async def test_a_vote_on_a_question_that_is_gone_is_told_so(telex):
    answer = await an_answer(telex)
    await telex.store.erase(telex.reader.id)
    assert "too old" in said(await telex.reader.click(answer, custom_id=custom_id(answer, "👍")))
