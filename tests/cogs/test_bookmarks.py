"""/bookmarks, the Save button, the menu under a catch-up, and the menu of a message."""

from __future__ import annotations

from typing import Any

import discord

from bot.posting.rendering import buttons
from cogs.reading import bookmarking
from tests.cogs.helpers import (
    NEXT,
    START,
    choose,
    follow,
    forge,
    hide,
    labels,
    last,
    menu,
    newest,
    press,
    said,
    three,
)
from tests.discord_world import World
from tests.feed_server import FeedServer, item, rss
from tests.shown import parts, title


async def titles(world: World, person: Any) -> list[str]:
    kept = await world.store.bookmarks.list(person.id, limit=100)
    return [bookmark.article.title for bookmark in kept]


async def keep_all(world: World, person: Any) -> None:
    for article in reversed(await world.store.articles.newest(None, limit=100)):
        await world.store.bookmarks.add(person.id, article.id, server_id=world.guild.id)


async def test_the_save_button_keeps_an_article_and_lets_go_of_it(telex, feed_server):
    await follow(telex, feed_server)
    saved = await telex.reader.click(telex.posts()[0], label="Save")
    assert last(saved).content == "Saved to your bookmarks."
    assert last(saved).ephemeral
    form = await telex.reader.click(last(saved), label="Note and tags")
    assert "> For Ben" in said(await telex.reader.submit_modal(form, {"note": "For Ben", "tags": ""}))
    assert await titles(telex, telex.reader) == ["Cities ban facial recognition"]
    assert await titles(telex, telex.editor) == []
    removed = await telex.reader.click(telex.posts()[0], label="Save")
    assert said(removed) == "Removed from your bookmarks, with its note and tags."
    assert await titles(telex, telex.reader) == []


async def test_a_removed_bookmark_comes_back_with_its_note_and_tags(telex, feed_server):
    await follow(telex, feed_server)
    await keep_all(telex, telex.reader)
    listed = await telex.reader.slash(telex.news, "bookmarks")
    card = await choose(telex.reader, last(listed), "Cities", "Open an article")
    form = await telex.reader.click(last(card), label="Note and tags")
    card = await telex.reader.submit_modal(form, {"note": "For Ben", "tags": "law, police"})
    await telex.reader.click(last(card), label="Mark as read")
    before = await telex.store.bookmarks.list(telex.reader.id, limit=9)
    telex.clock.advance(60)
    removed = await telex.reader.click(last(card), label="Remove from bookmarks")
    assert len(await titles(telex, telex.reader)) == 2
    assert said(await telex.reader.click(last(removed), label="Undo")) == "Back in your bookmarks."
    after = await telex.store.bookmarks.list(telex.reader.id, limit=9)
    assert after == before
    assert (after[0].note, after[0].tags) == ("For Ben", ("law", "police"))
    telex.locales[telex.reader.id] = "fr"
    removed = await telex.reader.click(last(card), label="Remove from bookmarks")
    assert said(removed) == "Retiré de vos favoris, avec sa note et ses étiquettes."
    await telex.store.bookmarks.add(telex.reader.id, before[0].article.id)
    assert said(await telex.reader.click(last(removed), label="Rétablir")) == "Déjà dans vos favoris."


async def test_undo_brings_nothing_back_after_everything_was_deleted(telex, feed_server):
    await follow(telex, feed_server)
    await telex.reader.click(telex.posts()[0], label="Save")
    removed = await telex.reader.click(telex.posts()[0], label="Save")
    await telex.store.erase(telex.reader.id)
    assert "isn’t in your bookmarks anymore" in said(await telex.reader.click(last(removed), label="Undo"))
    assert await titles(telex, telex.reader) == []


async def test_the_save_button_works_after_a_restart_and_after_the_feed_was_removed(telex, feed_server):
    feed = await follow(telex, feed_server)
    await telex.restart()
    await telex.store.subscriptions.unfollow(telex.news.id, feed.id)
    saved = await telex.reader.click(telex.posts()[0], label="Save")
    assert said(saved) == "Saved to your bookmarks."
    assert await titles(telex, telex.reader) == ["Cities ban facial recognition"]


async def test_a_save_button_for_what_one_cannot_see_is_refused(telex, feed_server):
    secret = telex.guild.create_text_channel("secret")
    feed = await follow(telex, feed_server, title="Secret News", channel=secret)
    hide(telex, secret, telex.reader)
    key = (await newest(telex, feed)).key
    channel = telex.bot.get_channel(telex.news.id)
    assert isinstance(channel, discord.TextChannel)
    message = await channel.send("forged", view=buttons.view_of_items(buttons.save_button(key)))
    await telex.env.settle()
    answer = await telex.reader.click(message, label="Save")
    assert "you can’t see here" in said(answer)
    assert await titles(telex, telex.reader) == []


async def test_a_save_in_another_server_is_refused(telex, feed_server):
    await follow(telex, feed_server)
    elsewhere = telex.env.create_guild("Elsewhere")
    channel = elsewhere.create_text_channel("there")
    there = elsewhere.add_member(telex.reader.user)
    post = telex.posts()[0]
    custom_id = next(iter(custom_ids(post)))
    answer = await forge(there, channel, post, custom_id)
    assert "you can’t see here" in said(answer)
    assert await titles(telex, telex.reader) == []


def custom_ids(message: discord.Message) -> list[str]:
    return [one["custom_id"] for one in parts(message) if one.get("custom_id")]


async def test_the_menu_of_a_message_keeps_its_article(telex, feed_server):
    await follow(telex, feed_server)
    saved = await telex.reader.context_menu(telex.news, "Bookmark", telex.posts()[0])
    assert said(saved) == "Saved to your bookmarks."
    assert [each.get("label") for each in parts(last(saved)) if each.get("custom_id")] == ["Note and tags"]
    again = await telex.reader.context_menu(telex.news, "Bookmark", telex.posts()[0])
    assert "Already" in said(again)
    assert await titles(telex, telex.reader) == ["Cities ban facial recognition"]
    chat = await telex.editor.send(telex.news, "hello")
    assert "isn’t one of my posts" in said(await telex.reader.context_menu(telex.news, "Bookmark", chat))


async def catch_up(telex: World, feed_server: FeedServer) -> discord.Message:
    feed = await follow(telex, feed_server)
    more = [item(100 + number, title=f"Late {number}", published=START + number) for number in range(14)]
    feed_server.serve("/rss", rss(*reversed(more), *three()))
    await telex.advance(3600)
    await telex.poll_and_deliver(feed)
    return next(post for post in telex.posts() if "arrived in the meantime" in (title(post) or ""))


async def test_the_menu_under_a_catch_up_keeps_what_is_chosen(telex, feed_server):
    message = await catch_up(telex, feed_server)
    select = next(one for one in parts(message) if one["type"] == 3)
    values = [option["value"] for option in select["options"][:2]]
    answer = await telex.reader.select(message, values, custom_id=select["custom_id"])
    assert said(answer) == "Saved 2 articles to your bookmarks."
    assert len(await titles(telex, telex.reader)) == 2
    again = await telex.reader.select(message, values, custom_id=select["custom_id"])
    assert "Already" in said(again)


async def test_a_catch_up_bookmarked_by_its_menu_keeps_all_its_articles(telex, feed_server):
    message = await catch_up(telex, feed_server)
    post = await telex.store.dispatches.by_message_id(message.id)
    await telex.reader.context_menu(telex.news, "Bookmark", message)
    assert len(await titles(telex, telex.reader)) == len(post.article_ids) > 1


async def test_no_bookmarks_tells_how_to_make_one(telex):
    listed = await telex.reader.slash(telex.news, "bookmarks")
    assert last(listed).ephemeral
    assert "react to its post with 🔖" in said(listed)
    assert labels(last(listed)) == []


async def test_bookmarks_are_listed_opened_and_removed(telex, feed_server):
    await follow(telex, feed_server)
    await keep_all(telex, telex.reader)
    listed = await telex.reader.slash(telex.news, "bookmarks")
    assert "[Cities ban facial recognition](https://news.example/articles/3)" in said(listed)
    assert "3 bookmarks · 3 unread" in said(listed)
    card = await choose(telex.reader, last(listed), "A new browser", "Open an article")
    assert "### [A new browser engine]" in said(card)
    removed = await telex.reader.click(last(card), label="Remove from bookmarks")
    assert said(removed) == "Removed from your bookmarks."
    assert sorted(await titles(telex, telex.reader)) == ["Chips get smaller", "Cities ban facial recognition"]


async def test_a_note_tags_and_what_was_read_are_shown_searched_and_outlive_a_restart(telex, feed_server):
    await follow(telex, feed_server)
    await keep_all(telex, telex.reader)
    listed = await telex.reader.slash(telex.news, "bookmarks")
    card = await choose(telex.reader, last(listed), "Cities", "Open an article")
    await telex.restart()
    form = await telex.reader.click(last(card), label="Note and tags")
    noted = await telex.reader.submit_modal(
        form, {"note": "For *Ben* @everyone", "tags": "Law, #law, to do,"}
    )
    assert "> For \\*Ben\\* \\@everyone" in said(noted)
    assert "unread" in said(noted)
    assert "· \\#Law · \\#to do" in said(noted)
    read = await telex.reader.click(last(card), label="Mark as read")
    assert "Mark as unread" in labels(last(read))
    listed = await telex.reader.slash(telex.news, "bookmarks", query="for *ben*")
    assert "1 of 3 bookmarks · 2 unread" in said(listed)
    assert "Cities ban" in said(listed)
    listed = await telex.reader.slash(telex.news, "bookmarks")
    of_tag = await choose(telex.reader, last(listed), "#Law (1)", "All")
    assert "Cities ban" in said(of_tag)
    assert "browser" not in said(of_tag)
    unread = await choose(telex.reader, last(of_tag), "Unread (2)", "All")
    assert "Cities ban" not in said(unread)
    assert "browser" in said(unread)


async def test_a_note_on_what_is_no_longer_kept_is_refused(telex, feed_server):
    await follow(telex, feed_server)
    await keep_all(telex, telex.reader)
    listed = await telex.reader.slash(telex.news, "bookmarks")
    card = await choose(telex.reader, last(listed), "Cities", "Open an article")
    form = await telex.reader.click(last(card), label="Note and tags")
    await telex.reader.click(last(card), label="Remove from bookmarks")
    late = await telex.reader.submit_modal(form, {"note": "x", "tags": ""})
    assert "isn’t in your bookmarks anymore" in said(late)
    assert "isn’t in your bookmarks anymore" in said(
        await telex.reader.click(last(card), label="Mark as read")
    )


async def test_removing_all_of_the_last_page_shows_the_page_before(telex, feed_server):
    await follow(telex, feed_server, *(item(n, title=f"Story {n}", published=START - n) for n in range(1, 7)))
    await keep_all(telex, telex.reader)
    listed = await telex.reader.slash(telex.news, "bookmarks")
    second = await press(telex.reader, last(listed), NEXT)
    (only,) = menu(last(second), "Open an article")[1]
    article = await telex.store.articles.by_key(only["value"])
    await telex.store.bookmarks.remove(telex.reader.id, article.id)
    back = await choose(telex.reader, last(second), "Unread", "All")
    assert "5 bookmarks" in said(back)
    assert said(back).count("saved <t:") == 5


async def test_words_narrow_the_list(telex, feed_server):
    await follow(telex, feed_server)
    await keep_all(telex, telex.reader)
    listed = said(await telex.reader.slash(telex.news, "bookmarks", query="BROWSER"))
    assert "browser engine" in listed
    assert "1 of 3 bookmarks" in listed
    assert "Cities" not in listed
    nothing = said(await telex.reader.slash(telex.news, "bookmarks", query="zeppelin"))
    assert "Nothing here. /bookmarks shows them all." in nothing


async def test_bookmarks_are_exported_in_three_forms(telex, feed_server):
    await follow(telex, feed_server)
    await keep_all(telex, telex.reader)
    listed = await telex.reader.slash(telex.news, "bookmarks")
    exported = await telex.reader.click(last(listed), label="Export")
    assert last(exported).ephemeral
    assert "3 bookmarks" in said(exported)
    for attachment, name, has in zip(
        last(exported).attachments,
        ("bookmarks.md", "bookmarks.json", "bookmarks.html"),
        (
            "[Cities ban facial recognition](<https://news.example/articles/3>)",
            '"title": "Cities ban facial recognition"',
            '<A HREF="https://news.example/articles/3"',
        ),
        strict=True,
    ):
        stored = telex.env.backend.cdn.get(attachment.url)
        assert attachment.filename == name
        assert has in stored.decode()


def content(telex: World, result: Any) -> str:
    """The text of the file in an answer."""
    stored = telex.env.backend.cdn.get(last(result).attachments[0].url)
    return stored.decode()


async def test_bookmarks_work_in_direct_messages(telex, feed_server):
    await follow(telex, feed_server)
    await keep_all(telex, telex.reader)
    listed = await telex.reader.user.slash("bookmarks")
    assert "Cities ban" in said(listed)
    custom_id, options = menu(last(listed), "Open an article")
    card = await telex.reader.user.select(last(listed), [options[0]["value"]], custom_id=custom_id)
    assert "### [Cities ban facial recognition]" in said(card)
    assert "Posted in this server" not in said(card)
    assert "Share here" not in labels(last(card))


async def test_what_was_kept_in_a_server_that_one_left_is_not_shown(telex, feed_server):
    await follow(telex, feed_server)
    await keep_all(telex, telex.reader)
    listed = await telex.reader.user.slash("bookmarks")
    custom_id, options = menu(last(listed), "Open an article")
    telex.guild.remove_member(telex.reader)
    opened = await telex.reader.user.select(last(listed), [options[0]["value"]], custom_id=custom_id)
    assert "you can’t see here" in said(opened)
    anew = await telex.reader.user.slash("bookmarks")
    assert "Cities ban" not in said(anew)
    assert "servers you left" in said(anew)
    telex.guild.add_member(telex.reader.user)
    back = await telex.reader.user.slash("bookmarks")
    assert "Cities ban" in said(back)


async def test_nobody_sees_the_bookmarks_of_others(telex, feed_server):
    await follow(telex, feed_server)
    await keep_all(telex, telex.reader)
    listed = await telex.editor.slash(telex.news, "bookmarks")
    assert "Cities" not in said(listed)


async def test_the_limit_is_told(telex, feed_server, monkeypatch):
    monkeypatch.setattr(bookmarking, "MAX_BOOKMARKS", 2)
    await follow(telex, feed_server)
    for article in (await telex.store.articles.newest(None, limit=3))[1:]:
        await telex.store.bookmarks.add(telex.reader.id, article.id)
    answer = await telex.reader.click(telex.posts()[0], label="Save")
    assert "You’ve reached the limit of 2 bookmarks" in said(answer)
    assert len(await titles(telex, telex.reader)) == 2


async def test_a_save_speaks_french_to_who_does(telex, feed_server):
    await follow(telex, feed_server)
    telex.locales[telex.reader.id] = "fr"
    saved = await telex.reader.click(telex.posts()[0], label="Save")
    assert said(saved) == "Ajouté à vos favoris."


async def test_an_opened_bookmark_shows_all_of_the_stored_text_in_pages(telex, feed_server):
    paragraphs = [f"Paragraph {number} tells of *chips*, " + "and of more " * 40 for number in range(12)]
    body = "".join(f"<p>{paragraph}.</p>" for paragraph in paragraphs)
    await follow(telex, feed_server, item(1, title="Chips", body=body, published=START))
    await telex.reader.click(telex.posts()[0], label="Save")
    opened = await choose(
        telex.reader, last(await telex.reader.slash(telex.news, "bookmarks")), "Chips", "Open"
    )
    first = said(opened)
    assert "Paragraph 3 tells of \\*chips\\*" in first
    assert "Paragraph 11" not in first
    texts = [first]
    while "Paragraph 11" not in texts[-1]:
        texts.append(said(await press(telex.reader, last(opened), NEXT)))
    assert all(f"Paragraph {number} " in "".join(texts) for number in range(12))
    assert len(texts) > 1
