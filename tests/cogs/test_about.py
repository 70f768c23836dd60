"""/help, /about, /privacy."""

from __future__ import annotations

import json
import re

from discord.app_commands import ContextMenu
from simcord.actors import MemberActor
from simcord.builders import UserHandle
from simcord.results import ResponseMessage

from bot.core.version import __version__
from bot.store.sqlite import database
from tests.cogs.helpers import (
    START,
    components,
    follow,
    hide,
    labels,
    last,
    menu,
    newest,
    said,
    text,
)
from tests.cogs.test_bookmarks import content, keep_all, titles
from tests.discord_world import World


async def opened(world: World, person: MemberActor | UserHandle) -> dict[str, str]:
    """What the help says to a person, by topic; what it begins with is "" there."""
    if isinstance(person, MemberActor):
        shown = last(await person.slash(world.news, "help"))
    else:
        shown = last(await person.slash("help"))
    told = {"": text(shown)}
    for topic in [option["value"] for option in menu(shown)[1]]:
        page = last(await person.select(shown, [topic], custom_id=menu(shown)[0]))
        told[topic] = text(page)
        shown = last(await person.click(page, label="Back" if "Back" in labels(page) else "Retour"))
    return told


async def test_help_names_the_commands_that_the_asker_may_use(telex):
    reader = "\n".join((await opened(telex, telex.reader)).values())
    editor = "\n".join((await opened(telex, telex.editor)).values())
    direct = "\n".join((await opened(telex, telex.reader.user)).values())
    for name in (
        "/search",
        "/latest",
        "/bookmarks",
        "/help",
        "/about",
        "/privacy",
        "/watch add",
        "**Bookmark**",
    ):
        assert name in reader
    assert "/feed" not in reader
    assert "/settings" not in reader
    named = [one.name for one in telex.bot.tree.get_commands() if not isinstance(one, ContextMenu)]
    assert all(f"/{name}" in editor for name in (*named, "feed packs"))
    there = {f"/{name}" for name in telex.reader.user.available_commands()}
    assert set(re.findall(r"/[a-z]+(?: (?:add|list|remove)\b)?", direct)) <= there
    assert "/bookmarks" in direct


async def test_help_speaks_french_and_lists_by_letters_whatever_their_accents(telex):
    telex.locales[telex.reader.id] = "fr"
    told = await opened(telex, telex.reader)
    assert "**Trouver un article**" in told[""]
    about = told["about"]
    assert about.index("`/à-propos`") < about.index("`/aide`") < about.index("`/confidentialité`")


async def test_what_help_begins_with_can_be_tried(telex, feed_server):
    begins = last(await telex.editor.slash(telex.news, "help"))
    tries = [str(one["custom_id"]) for one in components(begins) if one.get("label") == "Try"]
    assert len(tries) == 5
    assert "Your first feeds" in said(await telex.editor.click(begins, custom_id=tries[0]))
    await follow(telex, feed_server)
    shown = last(await telex.reader.slash(telex.news, "help"))
    search, _ask, latest, *_rest = [
        str(one["custom_id"]) for one in components(shown) if one.get("label") == "Try"
    ]
    window = await telex.reader.click(shown, custom_id=search)
    found = await telex.reader.submit_modal(window, {"line": "browser"})
    assert "A new browser engine" in said(found)
    assert "Chips get smaller" in said(await telex.reader.click(shown, custom_id=latest))


async def test_about_tells_version_uptime_and_what_the_asker_can_read(telex, feed_server):
    secret = telex.guild.create_text_channel("secret")
    await follow(telex, feed_server)
    await follow(telex, feed_server, path="/secret", title="Secret", channel=secret)
    hide(telex, secret, telex.reader)
    about = said(await telex.reader.slash(telex.news, "about"))
    assert f"**Version** · {__version__}" in about
    assert f"**Started** · <t:{START}:R>" in about
    assert "**Feeds you can see here** · 1" in about
    assert "**Articles** · 3" in about
    assert "**Semantic search** · disabled" in about
    assert f"**Latest article** · <t:{START - 60}:R>" in about
    assert "All servers" not in about


async def test_about_tells_the_owner_of_the_whole(telex, feed_server):
    await follow(telex, feed_server)
    telex.bot.owner_id = telex.editor.id
    about = said(await telex.editor.slash(telex.news, "about"))
    assert "Servers: 1 · feeds: 1 · articles: 3" in about


async def test_about_works_where_nothing_is_followed(telex):
    assert "**Latest article** · none yet" in said(await telex.reader.slash(telex.news, "about"))
    assert __version__ in said(await telex.reader.user.slash("about"))


async def test_privacy_tells_what_is_kept_and_exports_it(telex, feed_server):
    await follow(telex, feed_server)
    await keep_all(telex, telex.reader)
    gone = await newest(telex, (await telex.store.feeds.all())[0])
    shown = await telex.reader.user.slash("privacy")
    assert "3 bookmarks" in said(shown)
    await telex.store.bookmarks.remove(telex.reader.id, gone.id)
    exported = await telex.reader.user.click(last(shown), label="Export")
    document = json.loads(content(telex, exported))
    assert document["person_id"] == str(telex.reader.id)
    assert [one["title"] for one in document["bookmarks"]] == await titles(telex, telex.reader)
    assert len(document["bookmarks"]) == 2
    assert document["let_go"] == [gone.url]
    assert {one["server_id"] for one in document["bookmarks"]} == {str(telex.guild.id)}


async def test_deleting_asks_first_and_then_leaves_nothing(telex, feed_server):
    await follow(telex, feed_server)
    await keep_all(telex, telex.reader)
    await keep_all(telex, telex.editor)
    shown = await telex.reader.slash(telex.news, "privacy")
    asked = await telex.reader.click(last(shown), label="Delete everything")
    assert "This permanently deletes, in every server:\n• 3 bookmarks: the articles" in said(asked)
    kept = await telex.reader.click(last(asked), label="Keep everything")
    assert len(await titles(telex, telex.reader)) == 3
    asked = await telex.reader.click(last(kept), label="Delete everything")
    done = await telex.reader.click(last(asked), label="Delete permanently")
    assert "• 3 bookmarks\n" in said(done)
    assert "Earlier backups may still contain this data" in said(done)
    assert await titles(telex, telex.reader) == []
    assert len(await titles(telex, telex.editor)) == 3


async def test_what_was_deleted_does_not_come_back_with_its_reactions(telex, feed_server):
    await follow(telex, feed_server)
    await telex.reader.react(telex.posts()[0], "🔖")
    await telex.store.erase(telex.reader.id)
    await telex.restart()
    assert await titles(telex, telex.reader) == []


async def test_questions_and_votes_are_told_exported_and_deleted(telex, feed_server, engine, monkeypatch):
    article = await newest(telex, await follow(telex, feed_server))
    engine.quotes(article)
    answer = await telex.reader.slash(telex.news, "ask", question="What did cities ban?", public=True)
    for person in (telex.reader, telex.editor):
        await person.click(last(answer), custom_id=vote_of(last(answer)))
    shown = await telex.reader.slash(telex.news, "privacy")
    assert "1 question from the last 90 days" in said(shown)
    assert "• which answers you found helpful or not\n-# Telex only reads messages" in said(shown)
    exported = await telex.reader.click(last(shown), label="Export")
    document = json.loads(content(telex, exported))
    assert [(one["question"], one["answered"]) for one in document["questions"]] == [
        ("What did cities ban?", True)
    ]
    assert [one["helped"] for one in document["votes"]] == [True]
    asked = await telex.reader.click(last(shown), label="Delete everything")
    monkeypatch.setattr(database, "purge_deleted", lambda *_what: False)  # as while somebody reads
    done = await telex.reader.click(last(asked), label="Delete permanently")
    assert "• 1 question\n• 1 vote on an answer\n" in said(done)
    assert "Another program is reading the database" in said(done)
    assert await telex.store.questions.stats(0, all_=True) == []
    assert await telex.store.questions.votes_by_user(telex.editor.id) == []


def vote_of(answer: ResponseMessage) -> str:
    return next(str(one["custom_id"]) for one in components(answer) if "vote:up" in str(one["custom_id"]))


async def test_who_has_nothing_is_told_so(telex):
    shown = await telex.reader.slash(telex.news, "privacy")
    assert "Telex stores nothing about you." in said(shown)
