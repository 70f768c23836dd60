"""One person asking as fast as they can neither does more than their share nor makes anybody else wait."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from bot.client import command_tree
from bot.posting.rendering import buttons
from bot.store.content.articles import Articles
from bot.store.people.bookmarks import Bookmarks
from bot.store.sources.feeds import Feeds
from tests.cogs.helpers import follow, menu
from tests.cogs.people import MANAGER, MEMBER, PUBLIC, crowd, lasting
from tests.discord_world import World

QUICK = "Not so fast! Try again in"
SHARE = command_tree.AT_ONCE


@pytest.fixture
def work(monkeypatch) -> Counter[str]:
    """How often the store was asked for what commands show."""
    done: Counter[str] = Counter()

    def count(kind: type, name: str) -> None:
        original = getattr(kind, name)

        async def counted(self: Any, *given: Any, **named: Any) -> Any:
            done[name] += 1
            return await original(self, *given, **named)

        monkeypatch.setattr(kind, name, counted)

    count(Articles, "newest")
    count(Articles, "by_key")
    count(Feeds, "outlets")
    return done


async def test_commands_beyond_a_persons_share_do_no_work_and_are_told_so(telex, feed_server, work):
    people = await crowd(telex, feed_server)
    before = work["newest"]
    answers = [await people.command(MEMBER, "latest") for _ in range(SHARE + 15)]
    assert sum(QUICK in answer for answer in answers) == 15
    assert work["newest"] - before == SHARE
    assert PUBLIC in await people.command(MANAGER, "latest")
    assert QUICK in await people.command(MEMBER, "search", query="thieves")
    await telex.advance(command_tree.PERIOD)
    assert PUBLIC in await people.command(MEMBER, "latest")


async def test_buttons_count_like_commands(telex, feed_server, work):
    people = await crowd(telex, feed_server)
    button = buttons.save_id(people.articles[PUBLIC].key)
    answers = [await people.click(MEMBER, telex.posts()[0], button) for _ in range(SHARE + 10)]
    assert sum(QUICK in answer for answer in answers) == 10
    assert work["by_key"] == SHARE
    assert "Saved" in await people.click(MANAGER, telex.posts()[0], button)


async def test_menus_and_pages_count_like_commands(telex, feed_server):
    people = await crowd(telex, feed_server)
    answer = await telex.reader.slash(telex.news, "latest")
    assert answer.response is not None
    custom_id = menu(answer.response)[0]
    key = people.articles[PUBLIC].key
    pressed = [await people.click(MEMBER, answer.response, custom_id, [key]) for _ in range(SHARE + 4)]
    assert sum(QUICK in one for one in pressed) == 5  # the command counted too


async def test_typing_is_completed_up_to_a_persons_share(telex, feed_server, work):
    people = await crowd(telex, feed_server)
    for _ in range(command_tree.AUTOCOMPLETE_BURST + 10):
        last = await people.typed(MEMBER, "latest", "source", "zan")
    assert last == "[]"
    assert work["outlets"] == command_tree.AUTOCOMPLETE_BURST
    assert PUBLIC in await people.typed(MANAGER, "latest", "source", "zan")
    assert PUBLIC in await people.command(MEMBER, "latest")


async def test_every_lasting_button_is_paced_alike(telex):
    assert len({kind.interaction_check.__code__ for kind in lasting()}) == 1


async def test_a_persons_reactions_wait_for_each_other_and_for_nobody_elses(telex, feed_server, monkeypatch):
    """With one queue for all, what one person floods would hold up everybody."""
    await follow(telex, feed_server)
    post = telex.posts()[0]
    add = Bookmarks.add
    reached: list[int] = []
    release = asyncio.Event()
    at_once = most = 0

    async def slow(self: Bookmarks, person_id: int, article_id: int, **named: Any) -> bool:
        nonlocal at_once, most
        if person_id == telex.reader.id:
            at_once += 1
            most = max(most, at_once)
            await release.wait()
            at_once -= 1
        reached.append(person_id)
        return await add(self, person_id, article_id, **named)

    monkeypatch.setattr(Bookmarks, "add", slow)
    cog = telex.bot.get_cog("ReactionCog")
    payloads = [reaction(telex, post.id, telex.reader.id) for _ in range(20)]
    flood = [asyncio.create_task(cog.on_raw_reaction_add(one)) for one in payloads]
    await asyncio.wait_for(
        cog.on_raw_reaction_add(reaction(telex, post.id, telex.editor.id)),
        timeout=10,
    )
    assert reached == [telex.editor.id]
    release.set()
    await asyncio.gather(*flood)
    assert most == 1
    assert reached.count(telex.reader.id) == 20


def reaction(world: World, message_id: int, person_id: int) -> Any:
    """A 🔖 on a post, as discord.py tells of it."""
    return type(
        "Payload",
        (),
        {
            "emoji": type("Emoji", (), {"name": "🔖", "id": None})(),
            "message_id": message_id,
            "guild_id": world.guild.id,
            "user_id": person_id,
            "member": None,
        },
    )()
