"""/bookmarks, the Save button, the menu of a catch-up and the context menu of messages."""

from __future__ import annotations

from typing import Any

import discord

from bot.core.limits import Limit
from bot.posting.rendering import buttons
from bot.store.records.people_records import BookmarkFilter
from tests.support.discord_world import World
from tests.support.feed_server import make_rss_item
from tests.support.interactions import (
    NEXT,
    find_menu,
    forge_click,
    get_last_reply,
    hide_channel,
    list_button_labels,
    press_button,
    press_icon_button,
    read_reply_text,
    select_option,
)
from tests.support.message_texts import list_components
from tests.support.scenario import START, follow_feed, get_newest_article, post_catch_up


async def list_bookmark_titles(world: World, person: Any) -> list[str]:
    bookmarks = await world.store.bookmarks.list_by_user(person.id, limit=100)
    return [bookmark.article.title for bookmark in bookmarks]


async def bookmark_all_articles(world: World, person: Any) -> None:
    for article in reversed(await world.store.articles.list_newest(None, limit=100)):
        await world.store.bookmarks.add(person.id, article.id, server_id=world.guild.id)


async def test_save_button_adds_and_removes_bookmark(telex, feed):
    save_reply = await telex.reader.click(telex.posts()[0], label="Save")
    assert get_last_reply(save_reply).content == "Saved to your bookmarks."
    assert get_last_reply(save_reply).ephemeral
    form = await press_button(telex.reader, save_reply, "Note and tags")
    assert "> For Ben" in read_reply_text(await telex.reader.submit_modal(form, {"note": "For Ben", "tags": ""}))
    assert await list_bookmark_titles(telex, telex.reader) == ["Cities ban facial recognition"]
    assert await list_bookmark_titles(telex, telex.editor) == []
    removal_reply = await telex.reader.click(telex.posts()[0], label="Save")
    assert read_reply_text(removal_reply) == "Removed from your bookmarks, with its note and tags."
    assert await list_bookmark_titles(telex, telex.reader) == []


async def test_undo_restores_bookmark_with_note_and_tags(telex, feed):
    await bookmark_all_articles(telex, telex.reader)
    list_reply = await telex.run_as_reader("bookmarks")
    card = await select_option(telex.reader, get_last_reply(list_reply), "Cities", "Open an article")
    form = await press_button(telex.reader, card, "Note and tags")
    card = await telex.reader.submit_modal(form, {"note": "For Ben", "tags": "law, police"})
    await press_button(telex.reader, card, "Mark as read")
    bookmarks_before = await telex.store.bookmarks.list_by_user(telex.reader.id, limit=9)
    telex.clock.advance(60)
    removal_reply = await press_button(telex.reader, card, "Remove from bookmarks")
    assert len(await list_bookmark_titles(telex, telex.reader)) == 2
    assert read_reply_text(await press_button(telex.reader, removal_reply, "Undo")) == "Back in your bookmarks."
    bookmarks_after = await telex.store.bookmarks.list_by_user(telex.reader.id, limit=9)
    assert bookmarks_after == bookmarks_before
    assert (bookmarks_after[0].note, bookmarks_after[0].tags) == ("For Ben", ("law", "police"))
    telex.locales[telex.reader.id] = "fr"
    removal_reply = await press_button(telex.reader, card, "Remove from bookmarks")
    assert read_reply_text(removal_reply) == "Retiré de vos favoris, avec sa note et ses étiquettes."
    await telex.store.bookmarks.add(telex.reader.id, bookmarks_before[0].article.id)
    assert read_reply_text(await press_button(telex.reader, removal_reply, "Rétablir")) == "Déjà dans vos favoris."


async def test_undo_fails_after_deletion_of_user_data(telex, feed):
    await telex.reader.click(telex.posts()[0], label="Save")
    removal_reply = await telex.reader.click(telex.posts()[0], label="Save")
    await telex.store.erase_user(telex.reader.id)
    assert "isn’t in your bookmarks anymore" in read_reply_text(await press_button(telex.reader, removal_reply, "Undo"))
    assert await list_bookmark_titles(telex, telex.reader) == []


async def test_save_button_works_after_restart_and_unfollowing(telex, feed):
    await telex.restart()
    await telex.store.subscriptions.unfollow(telex.news.id, feed.id)
    save_reply = await telex.reader.click(telex.posts()[0], label="Save")
    assert read_reply_text(save_reply) == "Saved to your bookmarks."
    assert await list_bookmark_titles(telex, telex.reader) == ["Cities ban facial recognition"]


async def test_save_button_refuses_invisible_article(telex, feed_server):
    secret = telex.guild.create_text_channel("secret")
    feed = await follow_feed(telex, feed_server, title="Secret News", channel=secret)
    hide_channel(telex, secret, telex.reader)
    key = (await get_newest_article(telex, feed)).key
    channel = telex.bot.get_channel(telex.news.id)
    assert isinstance(channel, discord.TextChannel)
    message = await channel.send("forged", view=buttons.view_of_items(buttons.save_button(key)))
    await telex.env.settle()
    answer = await telex.reader.click(message, label="Save")
    assert "you can’t see here" in read_reply_text(answer)
    assert await list_bookmark_titles(telex, telex.reader) == []


async def test_save_button_is_refused_in_other_server(telex, feed):
    elsewhere = telex.env.create_guild("Elsewhere")
    channel = elsewhere.create_text_channel("there")
    member_elsewhere = elsewhere.add_member(telex.reader.user)
    post = telex.posts()[0]
    custom_id = next(iter(list_custom_ids(post)))
    answer = await forge_click(member_elsewhere, channel, post, custom_id)
    assert "you can’t see here" in read_reply_text(answer)
    assert await list_bookmark_titles(telex, telex.reader) == []


def list_custom_ids(message: discord.Message) -> list[str]:
    return [component["custom_id"] for component in list_components(message) if component.get("custom_id")]


async def test_context_menu_bookmarks_article_of_post(telex, feed):
    save_reply = await telex.reader.context_menu(telex.news, "Bookmark", telex.posts()[0])
    assert read_reply_text(save_reply) == "Saved to your bookmarks."
    assert [
        component.get("label")
        for component in list_components(get_last_reply(save_reply))
        if component.get("custom_id")
    ] == ["Note and tags"]
    second_reply = await telex.reader.context_menu(telex.news, "Bookmark", telex.posts()[0])
    assert "Already" in read_reply_text(second_reply)
    assert await list_bookmark_titles(telex, telex.reader) == ["Cities ban facial recognition"]
    chat = await telex.editor.send(telex.news, "hello")
    assert "isn’t one of my posts" in read_reply_text(await telex.reader.context_menu(telex.news, "Bookmark", chat))


async def test_catch_up_menu_saves_chosen_articles(telex, feed_server):
    message = await post_catch_up(telex, feed_server, 14)
    select = next(component for component in list_components(message) if component["type"] == 3)
    article_keys = [option["value"] for option in select["options"][:2]]
    answer = await telex.reader.select(message, article_keys, custom_id=select["custom_id"])
    assert read_reply_text(answer) == "Saved 2 articles to your bookmarks."
    assert len(await list_bookmark_titles(telex, telex.reader)) == 2
    second_reply = await telex.reader.select(message, article_keys, custom_id=select["custom_id"])
    assert "Already" in read_reply_text(second_reply)


async def test_context_menu_on_catch_up_saves_all_articles(telex, feed_server):
    message = await post_catch_up(telex, feed_server, 14)
    post = await telex.store.dispatches.get_by_message_id(message.id)
    await telex.reader.context_menu(telex.news, "Bookmark", message)
    assert len(await list_bookmark_titles(telex, telex.reader)) == len(post.article_ids) > 1


async def test_empty_bookmark_list_explains_saving(telex):
    list_reply = await telex.run_as_reader("bookmarks")
    assert get_last_reply(list_reply).ephemeral
    assert "react to its post with 🔖" in read_reply_text(list_reply)
    assert list_button_labels(get_last_reply(list_reply)) == ["Add link", "As a feed"]
    telex.locales[telex.reader.id] = "fr"
    assert "Ajouter un lien" in read_reply_text(await telex.run_as_reader("bookmarks"))


async def test_bookmarks_are_listed_opened_and_removed(telex, feed):
    await bookmark_all_articles(telex, telex.reader)
    list_reply = await telex.run_as_reader("bookmarks")
    assert "[Cities ban facial recognition](https://news.example/articles/3)" in read_reply_text(list_reply)
    assert "3 bookmarks · 3 unread" in read_reply_text(list_reply)
    card = await select_option(telex.reader, get_last_reply(list_reply), "A new browser", "Open an article")
    assert "### [A new browser engine]" in read_reply_text(card)
    removal_reply = await press_button(telex.reader, card, "Remove from bookmarks")
    assert read_reply_text(removal_reply) == "Removed from your bookmarks."
    assert sorted(await list_bookmark_titles(telex, telex.reader)) == [
        "Chips get smaller",
        "Cities ban facial recognition",
    ]


async def test_bookmarks_are_counted_in_french_singular_and_plural(telex, feed):
    await bookmark_all_articles(telex, telex.reader)
    telex.locales[telex.reader.id] = "fr"
    for query, text in (("cities", "1 favori sur 3"), ("zebra", "0 favori sur 3")):
        assert text in read_reply_text(await telex.run_as_reader("bookmarks", query=query))


async def test_note_tags_and_read_mark_are_shown_and_searched(telex, feed):
    await bookmark_all_articles(telex, telex.reader)
    list_reply = await telex.run_as_reader("bookmarks")
    card = await select_option(telex.reader, get_last_reply(list_reply), "Cities", "Open an article")
    await telex.restart()
    form = await press_button(telex.reader, card, "Note and tags")
    note_reply = await telex.reader.submit_modal(form, {"note": "For *Ben* @everyone", "tags": "Law, #law, to do,"})
    assert "> For \\*Ben\\* \\@everyone" in read_reply_text(note_reply)
    assert "unread" in read_reply_text(note_reply)
    assert "· \\#Law · \\#to do" in read_reply_text(note_reply)
    marked_reply = await press_button(telex.reader, card, "Mark as read")
    assert "Mark as unread" in list_button_labels(get_last_reply(marked_reply))
    list_reply = await telex.run_as_reader("bookmarks", query="for *ben*")
    assert "1 of 3 bookmarks · 2 unread" in read_reply_text(list_reply)
    assert "Cities ban" in read_reply_text(list_reply)
    list_reply = await telex.run_as_reader("bookmarks")
    tag_page = await select_option(telex.reader, get_last_reply(list_reply), "#Law (1)", "All")
    assert "Cities ban" in read_reply_text(tag_page)
    assert "browser" not in read_reply_text(tag_page)
    unread_page = await select_option(telex.reader, get_last_reply(tag_page), "Unread (2)", "All")
    assert "Cities ban" not in read_reply_text(unread_page)
    assert "browser" in read_reply_text(unread_page)


async def test_shortened_and_omitted_tags_are_named(telex, feed_server):
    await follow_feed(telex, feed_server)
    await bookmark_all_articles(telex, telex.reader)
    list_reply = await telex.reader.slash(telex.news, "bookmarks")
    card = await select_option(telex.reader, get_last_reply(list_reply), "Cities", "Open an article")
    form = await telex.reader.click(get_last_reply(card), label="Note and tags")
    reply = await telex.reader.submit_modal(form, {"note": "", "tags": f"{'long' * 15}, a, b, c, d, e"})
    short_tag = ("long" * 15)[:30]
    assert f"A tag can have 30 characters, so I shortened \\#{short_tag}." in read_reply_text(reply)
    assert "A bookmark can have 5 tags, so I left out \\#e." in read_reply_text(reply)
    (bookmark,) = await telex.store.bookmarks.list_by_user(
        telex.reader.id, limit=9, bookmark_filter=BookmarkFilter(tag=short_tag)
    )
    assert bookmark.tags == (short_tag, "a", "b", "c", "d")


async def test_bookmark_with_picture_has_read_button(telex, feed_server):
    namespace = "http://search.yahoo.com/mrss/"
    picture = f"<media:content xmlns:media='{namespace}' url='https://x.example/a.png' medium='image'/>"
    item = make_rss_item(1, title="With a picture").replace("</item>", f"{picture}</item>")
    await follow_feed(telex, feed_server, item)
    await bookmark_all_articles(telex, telex.reader)
    (bookmark,) = await telex.store.bookmarks.list_by_user(telex.reader.id, limit=9)
    assert bookmark.article.image_url
    list_reply = await telex.reader.slash(telex.news, "bookmarks")
    assert "Mark as read" in list_button_labels(get_last_reply(list_reply))
    telex.locales[telex.reader.id] = "fr"
    list_reply = await telex.reader.slash(telex.news, "bookmarks")
    assert "Déjà lu" in list_button_labels(get_last_reply(list_reply))


async def test_note_on_removed_bookmark_is_refused(telex, feed):
    await bookmark_all_articles(telex, telex.reader)
    list_reply = await telex.run_as_reader("bookmarks")
    card = await select_option(telex.reader, get_last_reply(list_reply), "Cities", "Open an article")
    form = await press_button(telex.reader, card, "Note and tags")
    await press_button(telex.reader, card, "Remove from bookmarks")
    late = await telex.reader.submit_modal(form, {"note": "x", "tags": ""})
    assert "isn’t in your bookmarks anymore" in read_reply_text(late)
    assert "isn’t in your bookmarks anymore" in read_reply_text(await press_button(telex.reader, card, "Mark as read"))


async def test_emptied_last_page_shows_page_before(telex, feed_server):
    await follow_feed(
        telex, feed_server, *(make_rss_item(n, title=f"Story {n}", published=START - n) for n in range(1, 7))
    )
    await bookmark_all_articles(telex, telex.reader)
    list_reply = await telex.run_as_reader("bookmarks")
    second_page = await press_icon_button(telex.reader, get_last_reply(list_reply), NEXT)
    (only_option,) = find_menu(get_last_reply(second_page), "Open an article")[1]
    article = await telex.store.articles.get_by_key(only_option["value"])
    await telex.store.bookmarks.remove(telex.reader.id, article.id)
    refreshed_list = await select_option(telex.reader, get_last_reply(second_page), "Unread", "All")
    assert "5 bookmarks" in read_reply_text(refreshed_list)
    assert read_reply_text(refreshed_list).count("saved <t:") == 5


async def test_query_narrows_bookmark_list(telex, feed):
    await bookmark_all_articles(telex, telex.reader)
    list_text = read_reply_text(await telex.run_as_reader("bookmarks", query="BROWSER"))
    assert "browser engine" in list_text
    assert "1 of 3 bookmarks" in list_text
    assert "Cities" not in list_text
    empty_list_text = read_reply_text(await telex.run_as_reader("bookmarks", query="zeppelin"))
    assert "Nothing here. /bookmarks shows them all." in empty_list_text


async def test_bookmarks_are_exported_in_three_formats(telex, feed):
    await bookmark_all_articles(telex, telex.reader)
    list_reply = await telex.run_as_reader("bookmarks")
    export_reply = await press_button(telex.reader, list_reply, "Export")
    assert get_last_reply(export_reply).ephemeral
    assert "3 bookmarks" in read_reply_text(export_reply)
    for attachment, name, has in zip(
        get_last_reply(export_reply).attachments,
        ("bookmarks.md", "bookmarks.json", "bookmarks.html"),
        (
            "[Cities ban facial recognition](<https://news.example/articles/3>)",
            '"title": "Cities ban facial recognition"',
            '<A HREF="https://news.example/articles/3"',
        ),
        strict=True,
    ):
        file_bytes = telex.env.backend.cdn.get(attachment.url)
        assert attachment.filename == name
        assert has in file_bytes.decode()


def read_attachment(telex: World, interaction: Any) -> str:
    """Read the text of the file attached to an answer."""
    file_bytes = telex.env.backend.cdn.get(get_last_reply(interaction).attachments[0].url)
    return file_bytes.decode()


async def test_bookmarks_work_in_direct_messages(telex, feed):
    await bookmark_all_articles(telex, telex.reader)
    list_reply = await telex.reader.user.slash("bookmarks")
    assert "Cities ban" in read_reply_text(list_reply)
    custom_id, options = find_menu(get_last_reply(list_reply), "Open an article")
    card = await telex.reader.user.select(get_last_reply(list_reply), [options[0]["value"]], custom_id=custom_id)
    assert "### [Cities ban facial recognition]" in read_reply_text(card)
    assert "Posted in this server" not in read_reply_text(card)
    assert "Share here" not in list_button_labels(get_last_reply(card))


async def test_bookmarks_of_left_server_are_hidden(telex, feed):
    await bookmark_all_articles(telex, telex.reader)
    list_reply = await telex.reader.user.slash("bookmarks")
    custom_id, options = find_menu(get_last_reply(list_reply), "Open an article")
    telex.guild.remove_member(telex.reader)
    opened_reply = await telex.reader.user.select(
        get_last_reply(list_reply), [options[0]["value"]], custom_id=custom_id
    )
    assert "you can’t see here" in read_reply_text(opened_reply)
    listing_after_leaving = await telex.reader.user.slash("bookmarks")
    assert "Cities ban" not in read_reply_text(listing_after_leaving)
    assert "servers you left" in read_reply_text(listing_after_leaving)
    telex.guild.add_member(telex.reader.user)
    refreshed_list = await telex.reader.user.slash("bookmarks")
    assert "Cities ban" in read_reply_text(refreshed_list)


async def test_bookmarks_of_other_user_are_not_listed(telex, feed):
    await bookmark_all_articles(telex, telex.reader)
    list_reply = await telex.run_as_editor("bookmarks")
    assert "Cities" not in read_reply_text(list_reply)


async def test_bookmark_limit_is_reported(telex, feed_server, monkeypatch):
    monkeypatch.setitem(telex.newsroom.limits.default_limits, Limit.BOOKMARKS_PER_USER, 2)
    await follow_feed(telex, feed_server)
    for article in (await telex.store.articles.list_newest(None, limit=3))[1:]:
        await telex.store.bookmarks.add(telex.reader.id, article.id)
    answer = await telex.reader.click(telex.posts()[0], label="Save")
    assert "You’ve reached the limit of 2 bookmarks" in read_reply_text(answer)
    assert len(await list_bookmark_titles(telex, telex.reader)) == 2


async def test_save_button_replies_in_french(telex, feed):
    telex.locales[telex.reader.id] = "fr"
    save_reply = await telex.reader.click(telex.posts()[0], label="Save")
    assert read_reply_text(save_reply) == "Ajouté à vos favoris."
    list_reply = await telex.run_as_reader("bookmarks")
    assert "Déjà lu" in list_button_labels(get_last_reply(list_reply))  # short: it leaves the title room on a phone
    assert "À relire" in list_button_labels(get_last_reply(await press_button(telex.reader, list_reply, "Déjà lu")))


async def test_opened_bookmark_shows_stored_text_in_pages(telex, feed_server):
    paragraphs = [f"Paragraph {number} tells of *chips*, " + "and of more " * 40 for number in range(12)]
    body = "".join(f"<p>{paragraph}.</p>" for paragraph in paragraphs)
    await follow_feed(telex, feed_server, make_rss_item(1, title="Chips", body=body, published=START))
    await telex.reader.click(telex.posts()[0], label="Save")
    opened_reply = await select_option(
        telex.reader, get_last_reply(await telex.run_as_reader("bookmarks")), "Chips", "Open"
    )
    first_page_text = read_reply_text(opened_reply)
    assert "Paragraph 3 tells of \\*chips\\*" in first_page_text
    assert "Paragraph 11" not in first_page_text
    texts = [first_page_text]
    while "Paragraph 11" not in texts[-1]:
        texts.append(read_reply_text(await press_icon_button(telex.reader, get_last_reply(opened_reply), NEXT)))
    assert all(f"Paragraph {number} " in "".join(texts) for number in range(12))
    assert len(texts) > 1
