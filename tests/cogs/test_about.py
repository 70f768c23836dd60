"""/help, /about, /privacy."""

from __future__ import annotations

import json
import re

from simcord.results import ResponseMessage

from bot.core import locale
from bot.core.version import __version__
from tests.cogs.engine import Engine
from tests.cogs.helpers import START, button, components, follow, forge, hide, last, newest, said
from tests.cogs.test_bookmarks import content, keep_all, titles
from tests.discord_world import World
from tests.feed_server import FeedServer


def lines(told: str) -> set[str]:
    """The commands that a help names at the beginning of its lines."""
    found = re.findall(r"^(?:[^:\n]*: )?`?(/[\w-]+(?: [a-zà-ÿ-]+)?)`? [A-ZÀ-Ý]", told, re.MULTILINE)
    return set(found)


async def test_help_names_the_commands_that_the_asker_may_use(telex: World) -> None:
    reader = said(await telex.reader.slash(telex.news, "help"))
    editor = said(await telex.editor.slash(telex.news, "help"))
    direct = said(await telex.reader.user.slash("help"))
    for name in ("/search", "/latest", "/bookmarks", "/help", "/about", "/privacy"):
        assert name in lines(reader)
    assert "/feed" not in reader
    assert "/feed add" in lines(editor)
    assert "/bookmarks" in lines(direct)
    assert "/search" not in lines(direct)


async def test_help_in_direct_messages_names_no_command_that_is_not_there(telex: World) -> None:
    direct = said(await telex.reader.user.slash("help"))
    there = {f"/{name}" for name in telex.reader.user.available_commands()}
    assert set(re.findall(r"/[a-z]+(?: (?:add|list|remove)\b)?", direct)) <= there
    assert "articles here" not in direct


async def test_help_lists_commands_by_their_letters_whatever_their_accents(telex: World) -> None:
    telex.locales[telex.reader.id] = "fr"
    told = said(await telex.reader.slash(telex.news, "help"))
    assert told.index("`/à-propos`") < told.index("`/aide`") < told.index("`/confidentialité`")


async def test_help_fits_and_is_for_the_asker_alone(telex: World) -> None:
    for tag in ("en-US", "fr"):
        telex.locales[telex.editor.id] = tag
        shown = await telex.editor.slash(telex.news, "help")
        assert last(shown).ephemeral
        fields = last(shown).embeds[0].fields
        assert all(0 < len(field.value or "") <= 1024 for field in fields)
        assert all((field.value or "").count("\n") for field in fields)  # no line is left over by itself
        named = [
            command.name for command in telex.bot.tree.get_commands() if "Command" in type(command).__name__
        ]
        with locale.use(tag):
            there = {locale.command(f"/{name}") for name in (*named, "feed packs")}
            assert there <= lines(said(shown))


async def test_about_tells_version_uptime_and_what_the_asker_can_read(
    telex: World, feed_server: FeedServer
) -> None:
    secret = telex.guild.create_text_channel("secret")
    await follow(telex, feed_server)
    await follow(telex, feed_server, path="/secret", title="Secret", channel=secret)
    hide(telex, secret, telex.reader)
    about = said(await telex.reader.slash(telex.news, "about"))
    assert f"Version: {__version__}" in about
    assert f"Started: <t:{START}:R>" in about
    assert "Feeds you can see here: 1" in about
    assert "Articles: 3" in about
    assert "Semantic search: off" in about
    assert f"Latest article: <t:{START - 60}:R>" in about
    assert "All servers" not in about


async def test_about_tells_the_owner_of_the_whole(telex: World, feed_server: FeedServer) -> None:
    await follow(telex, feed_server)
    telex.bot.owner_id = telex.editor.id
    about = said(await telex.editor.slash(telex.news, "about"))
    assert "Servers: 1 · feeds: 1 · articles: 3" in about


async def test_about_works_where_nothing_is_followed(telex: World) -> None:
    assert "Latest article: none yet" in said(await telex.reader.slash(telex.news, "about"))
    assert __version__ in said(await telex.reader.user.slash("about"))


async def test_privacy_tells_what_is_kept_and_exports_it(telex: World, feed_server: FeedServer) -> None:
    await follow(telex, feed_server)
    await keep_all(telex, telex.reader)
    gone = await newest(telex, (await telex.store.feeds.all())[0])
    shown = await telex.reader.user.slash("privacy")
    assert "3 bookmarks" in said(shown)
    await telex.store.bookmarks.remove(telex.reader.id, gone.id)
    exported = await telex.reader.user.click(last(shown), label="Get a copy")
    document = json.loads(content(telex, exported))
    assert document["person_id"] == str(telex.reader.id)
    assert [one["title"] for one in document["bookmarks"]] == await titles(telex, telex.reader)
    assert len(document["bookmarks"]) == 2
    assert document["let_go"] == [gone.url]
    assert {one["server_id"] for one in document["bookmarks"]} == {str(telex.guild.id)}


async def test_deleting_asks_first_and_then_leaves_nothing(telex: World, feed_server: FeedServer) -> None:
    await follow(telex, feed_server)
    await keep_all(telex, telex.reader)
    await keep_all(telex, telex.editor)
    shown = await telex.reader.slash(telex.news, "privacy")
    asked = await telex.reader.click(last(shown), label="Delete everything")
    assert "cannot be undone" in said(asked)
    kept = await telex.reader.click(last(asked), label="Keep everything")
    assert len(await titles(telex, telex.reader)) == 3
    asked = await telex.reader.click(last(kept), label="Delete everything")
    done = await telex.reader.click(last(asked), label="Delete permanently")
    assert "• 3 bookmarks\n" in said(done)
    assert "Backups made before now may still hold it" in said(done)
    assert await titles(telex, telex.reader) == []
    assert len(await titles(telex, telex.editor)) == 3


async def test_what_was_deleted_does_not_come_back_with_its_reactions(
    telex: World, feed_server: FeedServer
) -> None:
    await follow(telex, feed_server)
    await telex.reader.react(telex.posts()[0], "🔖")
    await telex.store.erase(telex.reader.id)
    await telex.restart()
    assert await titles(telex, telex.reader) == []


async def test_nobody_deletes_for_somebody_else(telex: World, feed_server: FeedServer) -> None:
    await follow(telex, feed_server)
    await keep_all(telex, telex.reader)
    shown = await telex.reader.slash(telex.news, "privacy")
    answer = await forge(telex.editor, telex.news, last(shown), button(last(shown), "Delete everything"))
    assert "for the person who asked" in said(answer)
    assert len(await titles(telex, telex.reader)) == 3


async def test_questions_and_votes_are_told_exported_and_deleted(
    telex: World, feed_server: FeedServer, engine: Engine
) -> None:
    article = await newest(telex, await follow(telex, feed_server))
    engine.quotes(article)
    answer = await telex.reader.slash(telex.news, "ask", question="What did cities ban?", public=True)
    for person in (telex.reader, telex.editor):
        await person.click(last(answer), custom_id=vote_of(last(answer)))
    shown = await telex.reader.slash(telex.news, "privacy")
    assert "1 question of the last 90 days" in said(shown)
    kept, _, rest = said(shown).partition("\n\n")  # what follows is no part of the list
    assert kept.splitlines()[-1] == "• which answers you found helpful or not"
    assert rest.startswith("You have no bookmarks.")
    exported = await telex.reader.click(last(shown), label="Get a copy")
    document = json.loads(content(telex, exported))
    assert [(one["question"], one["answered"]) for one in document["questions"]] == [
        ("What did cities ban?", True)
    ]
    assert [one["helped"] for one in document["votes"]] == [True]
    asked = await telex.reader.click(last(shown), label="Delete everything")
    done = await telex.reader.click(last(asked), label="Delete permanently")
    assert "• 1 question\n• 1 vote on an answer\n" in said(done)
    assert await telex.store.questions.tallies(0, all_=True) == []
    assert await telex.store.questions.votes_of(telex.editor.id) == []


def vote_of(answer: ResponseMessage) -> str:
    return next(str(one["custom_id"]) for one in components(answer) if "vote:up" in str(one["custom_id"]))


async def test_who_has_nothing_is_told_so(telex: World) -> None:
    shown = await telex.reader.slash(telex.news, "privacy")
    assert "You have no bookmarks." in said(shown)
