"""Reactions to posts while the bot is offline."""

from __future__ import annotations

import pytest

from bot.drill.discord_stand_in.state import Person
from tests.support.wire.kills import RELAY, Step, run_until_killed
from tests.support.wire.scene import Scene
from tests.support.wire.server_inspector import SAVE
from tests.support.wire.waiting import wait_until


async def list_bookmarked_titles(scene: Scene, person: Person) -> set[str]:
    """List the titles of a person's bookmarks."""
    async with scene.open_newsroom() as newsroom:
        return {
            bookmark.article.title for bookmark in await newsroom.store.bookmarks.list_by_user(person.id, limit=100)
        }


async def test_offline_reactions_become_bookmarks_on_return(scene):
    """There are more people than Discord lists on a page."""
    people = [scene.discord.people.join(scene.server.id, f"Reader {number}") for number in range(121)]
    bot = scene.start()
    await scene.wait_until_settled()
    bot.kill()
    await bot.wait_for_exit()
    (post,), (thread_post,) = (scene.list_messages(kind) for kind in ("announcement", "thread"))
    for person in people[1:]:
        scene.discord.people.react(person, post)
    scene.discord.people.react(people[0], thread_post)
    scene.start()

    async def all_are_bookmarked() -> bool:
        return all([await list_bookmarked_titles(scene, person) == {"Article 1"} for person in people[::60]])

    await wait_until(all_are_bookmarked)


async def test_removed_bookmark_stays_removed_until_new_reaction(scene):
    discord = scene.discord
    ada = discord.people.join(scene.server.id, "Ada")
    bruno = discord.people.join(scene.server.id, "Bruno")
    bot = scene.start()
    await scene.wait_until_settled()
    (post,) = scene.list_messages("text")
    discord.people.react(ada, post)
    await wait_until(lambda: list_bookmarked_titles(scene, ada))
    save = next(name for name in post.list_custom_ids() if name.startswith("telex:save:"))
    removed = discord.people.click(ada, post, save)
    await discord.wait_until(lambda: removed.answered)
    assert not await list_bookmarked_titles(scene, ada)
    bot.kill()
    await bot.wait_for_exit()
    discord.people.react(bruno, post)
    scene.start()
    await wait_until(lambda: list_bookmarked_titles(scene, bruno))
    assert SAVE in post.reactions
    assert not await list_bookmarked_titles(scene, ada)
    discord.people.unreact(ada, post)
    discord.people.react(ada, post)
    await wait_until(lambda: list_bookmarked_titles(scene, ada))


@pytest.mark.parametrize("kind", ["text", "forum"])
async def test_reaction_to_unrecorded_post_becomes_bookmark(scene, kind):
    ada = scene.discord.people.join(scene.server.id, "Ada")
    await run_until_killed(scene, kind, Step("before record", f"{RELAY}._record_outcome"))
    (post,) = scene.list_messages(kind)
    scene.discord.people.react(ada, post)
    scene.start()
    await scene.wait_until_settled()
    await wait_until(lambda: list_bookmarked_titles(scene, ada))
