"""Rate limits of commands, buttons, autocomplete and reactions for each user."""

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
from tests.cogs.requesters import MANAGER, MEMBER, PUBLIC, create_requesters, list_persistent_item_classes
from tests.support.discord_world import World
from tests.support.interactions import find_menu

REFUSAL = "Not so fast! Try again in"
BURST = command_tree.MAX_INTERACTION_BURST


@pytest.fixture
def store_call_counts(monkeypatch) -> Counter[str]:
    """Number of calls of store methods that commands use."""
    call_counts: Counter[str] = Counter()

    def count(kind: type, name: str) -> None:
        original = getattr(kind, name)

        async def call_and_count(self: Any, *args: Any, **kwargs: Any) -> Any:
            call_counts[name] += 1
            return await original(self, *args, **kwargs)

        monkeypatch.setattr(kind, name, call_and_count)

    count(Articles, "list_newest")
    count(Articles, "get_by_key")
    count(Feeds, "find_outlets")
    return call_counts


async def test_commands_beyond_burst_are_refused_without_store_calls(telex, feed_server, store_call_counts):
    people = await create_requesters(telex, feed_server)
    newest_calls_before = store_call_counts["list_newest"]
    answers = [await people.command(MEMBER, "latest") for _ in range(BURST + 15)]
    assert sum(REFUSAL in answer for answer in answers) == 15
    assert store_call_counts["list_newest"] - newest_calls_before == BURST
    assert PUBLIC in await people.command(MANAGER, "latest")
    assert REFUSAL in await people.command(MEMBER, "search", query="thieves")
    await telex.advance(command_tree.BURST_REFILL_SECONDS)
    assert PUBLIC in await people.command(MEMBER, "latest")


async def test_buttons_share_burst_limit(telex, feed_server, store_call_counts):
    people = await create_requesters(telex, feed_server)
    button = buttons.save_button_id(people.articles[PUBLIC].key)
    answers = [await people.click(MEMBER, telex.posts()[0], button) for _ in range(BURST + 10)]
    assert sum(REFUSAL in answer for answer in answers) == 10
    assert store_call_counts["get_by_key"] == BURST
    assert "Saved" in await people.click(MANAGER, telex.posts()[0], button)


async def test_menus_share_burst_limit_with_commands(telex, feed_server):
    people = await create_requesters(telex, feed_server)
    answer = await telex.run_as_reader("latest")
    assert answer.response is not None
    custom_id = find_menu(answer.response)[0]
    key = people.articles[PUBLIC].key
    reply_texts = [await people.click(MEMBER, answer.response, custom_id, [key]) for _ in range(BURST + 4)]
    assert sum(REFUSAL in reply_text for reply_text in reply_texts) == 5  # the command counted too


async def test_autocomplete_has_own_burst_limit(telex, feed_server, store_call_counts):
    people = await create_requesters(telex, feed_server)
    for _ in range(command_tree.MAX_AUTOCOMPLETE_BURST + 10):
        choices = await people.autocomplete(MEMBER, "latest", "source", "zan")
    assert choices == "[]"
    assert store_call_counts["find_outlets"] == command_tree.MAX_AUTOCOMPLETE_BURST
    assert PUBLIC in await people.autocomplete(MANAGER, "latest", "source", "zan")
    assert PUBLIC in await people.command(MEMBER, "latest")


async def test_persistent_items_share_interaction_check(telex):
    assert len({kind.interaction_check.__code__ for kind in list_persistent_item_classes()}) == 1


async def test_reactions_are_queued_per_user(telex, feed, monkeypatch):
    """With one queue for everybody, one person's flood would delay the others."""
    post = telex.posts()[0]
    add = Bookmarks.add
    bookmarking_user_ids: list[int] = []
    release = asyncio.Event()
    running_count = max_running_count = 0

    async def add_slowly(self: Bookmarks, person_id: int, article_id: int, **kwargs: Any) -> bool:
        nonlocal running_count, max_running_count
        if person_id == telex.reader.id:
            running_count += 1
            max_running_count = max(max_running_count, running_count)
            await release.wait()
            running_count -= 1
        bookmarking_user_ids.append(person_id)
        return await add(self, person_id, article_id, **kwargs)

    monkeypatch.setattr(Bookmarks, "add", add_slowly)
    cog = telex.bot.get_cog("ReactionCog")
    payloads = [build_reaction_payload(telex, post.id, telex.reader.id) for _ in range(20)]
    flood = [asyncio.create_task(cog.on_raw_reaction_add(payload)) for payload in payloads]
    await asyncio.wait_for(
        cog.on_raw_reaction_add(build_reaction_payload(telex, post.id, telex.editor.id)),
        timeout=60,
    )
    assert bookmarking_user_ids == [telex.editor.id]
    release.set()
    await asyncio.gather(*flood)
    assert max_running_count == 1
    assert bookmarking_user_ids.count(telex.reader.id) == 20


def build_reaction_payload(world: World, message_id: int, person_id: int) -> Any:
    """Build the event of discord.py for a 🔖 reaction to a post."""
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
