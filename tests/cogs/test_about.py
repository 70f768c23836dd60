"""/help, /about, /privacy."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from types import SimpleNamespace
from unittest.mock import AsyncMock

from discord.app_commands import ContextMenu
from simcord.actors import MemberActor
from simcord.builders import UserHandle
from simcord.results import ResponseMessage

from bot.core.version import __version__
from bot.store.sqlite import sqlite_engine
from tests.cogs.test_bookmarks import bookmark_all_articles, list_bookmark_titles, read_attachment
from tests.support.discord_world import World
from tests.support.interactions import (
    find_menu,
    get_last_reply,
    hide_channel,
    list_button_labels,
    list_controls,
    press_button,
    read_message_text,
    read_reply_text,
)
from tests.support.scenario import START, follow_feed, get_newest_article


async def read_help_topics(world: World, person: MemberActor | UserHandle) -> dict[str, str]:
    """Return the pages of the help that a person sees, by topic; the first page has the topic ""."""
    if isinstance(person, MemberActor):
        reply = get_last_reply(await person.slash(world.news, "help"))
    else:
        reply = get_last_reply(await person.slash("help"))
    text_by_topic = {"": read_message_text(reply)}
    for topic in [option["value"] for option in find_menu(reply)[1]]:
        page = get_last_reply(await person.select(reply, [topic], custom_id=find_menu(reply)[0]))
        text_by_topic[topic] = read_message_text(page)
        reply = get_last_reply(
            await person.click(page, label="Back" if "Back" in list_button_labels(page) else "Retour")
        )
    return text_by_topic


async def test_help_lists_commands_that_user_may_use(telex):
    reader = "\n".join((await read_help_topics(telex, telex.reader)).values())
    editor = "\n".join((await read_help_topics(telex, telex.editor)).values())
    direct = "\n".join((await read_help_topics(telex, telex.reader.user)).values())
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
    assert "/feed " not in reader
    assert "/feeds" in reader
    assert "/settings" not in reader
    root_command_names = [
        command.name for command in telex.bot.tree.get_commands() if not isinstance(command, ContextMenu)
    ]
    assert all(f"/{name}" in editor for name in (*root_command_names, "feed packs"))
    direct_commands = {f"/{name}" for name in telex.reader.user.available_commands()}
    assert set(re.findall(r"/[a-z]+(?: (?:add|list|remove)\b)?", direct)) <= direct_commands
    assert "/bookmarks" in direct


async def test_help_in_french_sorts_commands_ignoring_accents(telex):
    telex.locales[telex.reader.id] = "fr"
    text_by_topic = await read_help_topics(telex, telex.reader)
    assert "**Trouver un article**" in text_by_topic[""]
    about = text_by_topic["about"]
    assert about.index("`/à-propos`") < about.index("`/aide`") < about.index("`/confidentialité`")


async def test_unknown_client_language_falls_back_to_english(telex):
    telex.locales[telex.reader.id] = "de"
    assert "Version" in read_message_text(get_last_reply(await telex.reader.user.slash("about")))


async def test_help_suggestions_can_be_tried(telex, feed_server):
    editor_help = get_last_reply(await telex.run_as_editor("help"))
    try_button_ids = [
        str(component["custom_id"]) for component in list_controls(editor_help) if component.get("label") == "Try"
    ]
    assert len(try_button_ids) == 5
    assert "Your first feeds" in read_reply_text(await telex.editor.click(editor_help, custom_id=try_button_ids[0]))
    await follow_feed(telex, feed_server)
    reader_help = get_last_reply(await telex.run_as_reader("help"))
    search_id, _ask_id, latest_id, *_other_button_ids = [
        str(try_button["custom_id"]) for try_button in list_controls(reader_help) if try_button.get("label") == "Try"
    ]
    window = await telex.reader.click(reader_help, custom_id=search_id)
    search_reply = await telex.reader.submit_modal(window, {"line": "browser"})
    assert "A new browser engine" in read_reply_text(search_reply)
    assert "Chips get smaller" in read_reply_text(await telex.reader.click(reader_help, custom_id=latest_id))


async def test_help_links_to_pages_of_operator(telex):
    plain_help = get_last_reply(await telex.run_as_reader("help"))
    assert not {"Terms of service", "Get help"} & set(list_button_labels(plain_help))
    url_by_label = {
        "Privacy policy": "https://a.example/privacy",
        "Terms of service": "https://a.example/terms",
        "Get help": "https://a.example/support",
    }
    urls = dict(zip(("privacy_url", "terms_url", "support_url"), url_by_label.values(), strict=True))
    object.__setattr__(telex.newsroom, "settings", replace(telex.newsroom.settings, **urls))
    full_help = get_last_reply(await telex.run_as_reader("help"))
    links = [component for component in list_controls(full_help) if "url" in component]
    assert {component["label"]: component["url"] for component in links[1:]} == url_by_label


async def test_about_counts_feeds_and_articles_visible_to_user(telex, feed_server):
    secret = telex.guild.create_text_channel("secret")
    await follow_feed(telex, feed_server)
    await follow_feed(telex, feed_server, path="/secret", title="Secret", channel=secret)
    hide_channel(telex, secret, telex.reader)
    about = read_reply_text(await telex.run_as_reader("about"))
    assert f"**Version** · {__version__}" in about
    assert f"**Started** · <t:{START}:R>" in about
    assert "**Feeds you can see here** · 1" in about
    assert "**Articles** · 3" in about
    assert "**Semantic search** · disabled" in about
    assert f"**Latest article** · <t:{START - 60}:R>" in about
    assert "All servers" not in about


async def test_about_shows_totals_to_owner(telex, feed, monkeypatch):
    application = SimpleNamespace(team=None, owner=telex.editor.user)
    monkeypatch.setattr(telex.bot, "application_info", AsyncMock(return_value=application))
    about = read_reply_text(await telex.run_as_editor("about"))
    assert "Servers: 1 · feeds: 1 · articles: 3" in about


async def test_about_works_without_feeds(telex):
    assert "**Latest article** · none yet" in read_reply_text(await telex.run_as_reader("about"))
    assert __version__ in read_reply_text(await telex.reader.user.slash("about"))


async def test_privacy_lists_and_exports_stored_data(telex, feed):
    await bookmark_all_articles(telex, telex.reader)
    removed_article = await get_newest_article(telex, (await telex.store.feeds.list_all())[0])
    privacy_reply = await telex.reader.user.slash("privacy")
    assert "3 bookmarks" in read_reply_text(privacy_reply)
    await telex.store.bookmarks.remove(telex.reader.id, removed_article.id)
    export_reply = await press_button(telex.reader.user, privacy_reply, "Export")
    document = json.loads(read_attachment(telex, export_reply))
    assert document["person_id"] == str(telex.reader.id)
    assert [bookmark["title"] for bookmark in document["bookmarks"]] == await list_bookmark_titles(telex, telex.reader)
    assert len(document["bookmarks"]) == 2
    assert document["let_go"] == [removed_article.url]
    assert {exported_bookmark["server_id"] for exported_bookmark in document["bookmarks"]} == {str(telex.guild.id)}


async def test_privacy_deletion_asks_for_confirmation(telex, feed):
    await bookmark_all_articles(telex, telex.reader)
    await bookmark_all_articles(telex, telex.editor)
    privacy_reply = await telex.run_as_reader("privacy")
    confirmation = await press_button(telex.reader, privacy_reply, "Delete everything")
    assert "This permanently deletes, in every server:\n• 3 bookmarks: the articles" in read_reply_text(confirmation)
    cancellation = await press_button(telex.reader, confirmation, "Keep everything")
    assert len(await list_bookmark_titles(telex, telex.reader)) == 3
    confirmation = await press_button(telex.reader, cancellation, "Delete everything")
    final_reply = await press_button(telex.reader, confirmation, "Delete permanently")
    assert "• 3 bookmarks\n" in read_reply_text(final_reply)
    assert "Earlier backups may still contain this data" in read_reply_text(final_reply)
    assert await list_bookmark_titles(telex, telex.reader) == []
    assert len(await list_bookmark_titles(telex, telex.editor)) == 3


async def test_deleted_bookmark_is_not_restored_from_reaction(telex, feed):
    await telex.reader.react(telex.posts()[0], "🔖")
    await telex.store.erase_user(telex.reader.id)
    await telex.restart()
    assert await list_bookmark_titles(telex, telex.reader) == []


async def test_privacy_lists_exports_and_deletes_questions_and_votes(telex, feed_server, engine, monkeypatch):
    article = await get_newest_article(telex, await follow_feed(telex, feed_server))
    engine.answer_with_quotes(article)
    answer = await telex.run_as_reader("ask", question="What did cities ban?", public=True)
    for person in (telex.reader, telex.editor):
        await person.click(get_last_reply(answer), custom_id=find_upvote_custom_id(get_last_reply(answer)))
    privacy_reply = await telex.run_as_reader("privacy")
    assert "1 question from the last 90 days" in read_reply_text(privacy_reply)
    assert "• which answers you found helpful or not\n-# Telex only reads messages" in read_reply_text(privacy_reply)
    export_reply = await press_button(telex.reader, privacy_reply, "Export")
    document = json.loads(read_attachment(telex, export_reply))
    assert [(question["question"], question["answered"]) for question in document["questions"]] == [
        ("What did cities ban?", True)
    ]
    assert [vote["helped"] for vote in document["votes"]] == [True]
    confirmation = await press_button(telex.reader, privacy_reply, "Delete everything")
    monkeypatch.setattr(sqlite_engine, "purge_deleted_rows", lambda *_arguments: False)  # as while somebody reads
    final_reply = await press_button(telex.reader, confirmation, "Delete permanently")
    assert "• 1 question\n• 1 vote on an answer\n" in read_reply_text(final_reply)
    assert "Another program is reading the database" in read_reply_text(final_reply)
    assert await telex.store.questions.load_stats(0, include_helpful=True) == []
    assert await telex.store.questions.list_votes_by_user(telex.editor.id) == []


def find_upvote_custom_id(answer: ResponseMessage) -> str:
    return next(
        str(component["custom_id"]) for component in list_controls(answer) if "vote:up" in str(component["custom_id"])
    )


async def test_privacy_without_stored_data(telex):
    privacy_reply = await telex.run_as_reader("privacy")
    assert "Telex stores nothing about you." in read_reply_text(privacy_reply)
