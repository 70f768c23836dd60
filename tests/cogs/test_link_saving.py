"""Saved pages: by /save, from a message's context menu and in /bookmarks, and links that are refused."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from bot.client import background_tasks
from bot.core.limits import Limit
from bot.core.user_models import saved_pages_feed_id
from bot.polling import page_saver
from tests.cogs.requesters import DIRECT, GROUP, GUEST, create_requesters
from tests.support.cases import check_cases
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss_item
from tests.support.interactions import (
    find_menu,
    forge_click,
    get_last_reply,
    hide_channel,
    list_button_labels,
    press_button,
    read_message_text,
    read_reply_text,
    select_option,
)
from tests.support.message_texts import list_components
from tests.support.scenario import follow_feed, get_newest_article

MENU = "Save this link"
TITLE = "A lamp is repaired"
TEXT = "The lighthouse keeper repaired the old lamp before the zeppelin arrived. "
SAVED = "Saved for you alone. The text stays in /bookmarks, even if the page goes away."


def serve_page(server: FeedServer, path: str = "/lamp", *, title: str = TITLE, text: str = TEXT) -> str:
    """Serve a page with an article and return its address."""
    page = (
        f"<html lang=en><head><title>{title}</title><meta property=og:site_name content='Coast Weekly'></head>"
        f"<body><article><h1>{title}</h1><p>{text * 8}</p></article></body></html>"
    )
    return server.serve(path, page, content_type="text/html")


async def list_saved_titles(world: World) -> list[str]:
    bookmarks = await world.store.bookmarks.list_by_user(world.reader.id, limit=100)
    return [bookmark.article.title for bookmark in bookmarks]


async def save_link(world: World, link: str) -> str:
    """Save a link as the reader and return the reply of /save."""
    return read_reply_text(await world.run_as_reader("save", link=link))


async def test_saved_page_can_be_read_after_page_is_gone(telex, feed_server):
    link = serve_page(feed_server)
    card = await telex.run_as_reader("save", link=link + "?utm_source=x#rss")
    assert get_last_reply(card).ephemeral
    assert read_reply_text(card).startswith(SAVED)
    assert "Coast Weekly" in read_reply_text(card)
    feed_server.serve("/lamp", status=404)
    bookmark_list = await telex.run_as_reader("bookmarks")
    assert f"**[{TITLE}]({link})**" in read_reply_text(bookmark_list)
    article_card = await select_option(telex.reader, get_last_reply(bookmark_list), TITLE, "Open an article")
    assert TEXT.strip() in read_reply_text(article_card)
    assert "Share here" not in list_button_labels(get_last_reply(article_card))
    search_reply = await telex.run_as_reader("search", query="zeppelin is:bookmarked")
    assert TITLE in read_reply_text(search_reply)
    article_card = await select_option(telex.reader, get_last_reply(search_reply), TITLE)
    assert TEXT.strip() in read_reply_text(article_card)


async def test_menus_use_links_in_messages_of_others(telex, feed, feed_server):
    article = await get_newest_article(telex, feed)
    page = serve_page(feed_server)
    linking_message = await telex.editor.send(telex.news, f"Read this: {article.url}, it’s good")
    reply = await telex.reader.context_menu(telex.news, "More like this", linking_message)
    assert f"More like “{article.title}”" in read_reply_text(reply)
    reply = await telex.reader.context_menu(telex.news, "Bookmark", linking_message)
    assert read_reply_text(reply) == "Saved to your bookmarks."
    page_message = await telex.editor.send(telex.news, f"And <{page}>")
    reply = await telex.reader.context_menu(telex.news, "Bookmark", page_message)
    assert read_reply_text(reply).startswith(SAVED)
    assert await list_saved_titles(telex) == [TITLE, article.title]
    refusal = "No link in this message leads to an article that you can see. Apps › Save this link keeps any page."
    reply = await telex.editor.context_menu(telex.news, "More like this", page_message)
    assert read_reply_text(reply) == refusal
    telex.locales[telex.editor.id] = "fr"
    reply = await telex.editor.context_menu(telex.news, "More like this", page_message)
    assert "Applications › Enregistrer ce lien" in read_reply_text(reply)


async def test_menu_on_link_does_not_reveal_article_of_hidden_channel(telex, feed):
    article = await get_newest_article(telex, feed)
    lobby = telex.guild.create_text_channel("lobby")
    hide_channel(telex, telex.news, telex.reader)
    message = await telex.editor.send(lobby, article.url)
    for menu in ("More like this", "Bookmark"):
        assert article.title not in read_reply_text(await telex.reader.context_menu(lobby, menu, message))


async def test_saved_page_answers_only_private_questions_of_its_user(telex, feed, feed_server):
    fact = "The lighthouse of Rockall was painted green in 1931 by the engineer Moira Finlay. "
    serve_page(feed_server, title="Rockall’s lighthouse", text=fact)
    await save_link(telex, feed_server.origin + "/lamp")
    question = {"question": "Who painted the lighthouse of Rockall?"}
    assert "Moira Finlay" in read_reply_text(await telex.run_as_reader("ask", **question))
    assert "Moira" not in read_reply_text(await telex.run_as_reader("ask", **question, public=True))
    assert "Moira" not in read_reply_text(await telex.run_as_editor("ask", **question))
    await telex.reader.send_dm(question["question"])
    dm_answers = [message for message in telex.reader.user.dm_channel.history() if message.author.bot]
    assert "Moira Finlay" in str(list_components(dm_answers[-1]))


async def test_removed_page_can_be_restored_until_purged(telex, feed_server):
    link = serve_page(feed_server)
    card = await telex.run_as_reader("save", link=link)
    removal = await press_button(telex.reader, card, "Remove from bookmarks")
    assert await list_saved_titles(telex) == []
    await press_button(telex.reader, removal, "Undo")
    assert await list_saved_titles(telex) == [TITLE]
    assert (await save_link(telex, link)).startswith("Already in your bookmarks.")
    feed_id = saved_pages_feed_id(telex.reader.id)
    await press_button(telex.reader, card, "Remove from bookmarks")
    tasks = background_tasks.BackgroundTasks(telex.newsroom)
    await tasks.purge_expired()
    assert len(await telex.store.articles.list_newest([feed_id], limit=9)) == 1  # It can still be brought back.
    telex.clock.advance(background_tasks.REMOVED_PAGE_RETENTION_SECONDS + 1)
    await tasks.purge_expired()
    assert await telex.store.articles.list_newest([feed_id], limit=9) == []
    assert await telex.store.feeds.get(feed_id) is None
    assert (await save_link(telex, link)).startswith(SAVED)


async def test_link_of_visible_article_is_bookmarked_without_fetch(telex, feed_server):
    link = serve_page(feed_server)
    item = make_rss_item(1, title="From the feed", body="A teaser.").replace("https://news.example/articles/1", link)
    feed = await follow_feed(telex, feed_server, item)
    assert (await get_newest_article(telex, feed)).url == link
    assert (await save_link(telex, link)).startswith("Saved to your bookmarks.")
    assert feed_server.count("/lamp") == 0
    assert await list_saved_titles(telex) == ["From the feed"]
    assert await telex.store.saved_pages.count(telex.reader.id) == 0


async def test_context_menu_saves_link_or_offers_choice(telex, feed_server):
    link = serve_page(feed_server)
    other_link = serve_page(feed_server, "/other", title="The other page")
    message = await telex.editor.send(telex.news, f"Read this: {link}, please. https://discord.com/channels/1/2/3")
    assert read_reply_text(await telex.reader.context_menu(telex.news, MENU, message)).startswith(SAVED)
    other_channel = telex.guild.create_text_channel("other")
    forwarded_message = await telex.editor.forward(message, other_channel)
    second_reply = await telex.reader.context_menu(other_channel, MENU, forwarded_message)
    assert read_reply_text(second_reply).startswith("Already in your bookmarks.")
    message = await telex.editor.send(telex.news, f"{link} and [here]({other_link})")
    menu = get_last_reply(await telex.reader.context_menu(telex.news, MENU, message))
    assert [option["description"] for option in find_menu(menu)[1]] == [link, other_link]
    custom_id, _options = find_menu(menu)
    card = await telex.reader.select(menu, ["1"], custom_id=custom_id)
    assert "The other page" in read_reply_text(card)
    assert await list_saved_titles(telex) == ["The other page", TITLE]
    message = await telex.editor.send(telex.news, "no link")
    answer = await telex.reader.context_menu(telex.news, MENU, message)
    assert read_reply_text(answer) == "This message has no link to a web page."


async def test_link_is_added_in_bookmark_list(telex, feed_server):
    link = serve_page(feed_server)
    bookmark_list = await telex.run_as_reader("bookmarks")
    assert "Add link saves any web page" in read_reply_text(bookmark_list)
    form = await press_button(telex.reader, bookmark_list, "Add link")
    bookmark_list = await telex.reader.submit_modal(form, {"link": f"  {link} "})
    assert SAVED in read_reply_text(bookmark_list)
    assert TITLE in read_reply_text(bookmark_list)
    form = await press_button(telex.reader, bookmark_list, "Add link")
    await telex.reader.submit_modal(form, {"link": "http://10.0.0.1/"})
    assert await list_saved_titles(telex) == [TITLE]


async def test_full_page_of_saved_links_fits_message(telex, feed_server):
    for number in range(7):
        title = f"Page {number} " + "with a long title " * 8
        serve_page(feed_server, f"/{number}", title=title, text=f"Number {number}. {TEXT}" * 9)
        await save_link(telex, f"{feed_server.origin}/{number}")
    bookmark_list = get_last_reply(await telex.run_as_reader("bookmarks"))
    assert "7 bookmarks" in read_message_text(bookmark_list)
    assert len(list_components(bookmark_list)) <= 40
    assert {"Add link", "As a feed", "Export", "Share…", "1 / 2"} <= set(list_button_labels(bookmark_list))


async def stream_huge_page(request: web.Request) -> web.StreamResponse:
    """Stream a page of two gigabytes until the client disconnects."""
    response = web.StreamResponse(headers={"Content-Type": "text/html"})
    await response.prepare(request)
    chunk = b"<p>more and more</p>" * 50_000
    for _ in range(2_000):
        try:
            await response.write(chunk)
        except ConnectionError:
            break
    return response


@pytest.fixture
def unsavable_pages(feed_server) -> str:
    feed_server.handle("/huge", stream_huge_page)
    feed_server.serve("/declared", b"x" * (5 * 2**20), content_type="text/html")
    feed_server.redirect("/inside", "http://192.168.0.1/admin", 302)
    feed_server.serve("/robots.txt", "User-agent: *\nDisallow: /robots-say-no\n", content_type="text/plain")
    serve_page(feed_server, "/robots-say-no")
    feed_server.serve("/gone", status=410)
    feed_server.serve("/members", status=401)
    feed_server.serve("/picture", b"GIF89a", content_type="image/gif")
    feed_server.redirect("/to-discord", feed_server.origin + "/end", 302)
    feed_server.redirect("/to-secret", serve_page(feed_server, "/private") + "?token=s3cr3tt0ken99", 302)
    feed_server.serve("/broken", status=503)
    feed_server.serve("/busy", status=429)
    feed_server.redirect("/round", feed_server.origin + "/round", 302)
    feed_server.serve("/empty", "<html><head><title>Only a title</title></head></html>", content_type="text/html")
    return str(feed_server.origin)


@check_cases(
    ("path", "sentence"),
    [
        ("/huge", "This page is too large for me to save."),
        ("/declared", "This page is too large for me to save."),
        ("/inside", "This address is on a private network."),
        ("/robots-say-no", "The site doesn’t let bots read this page (robots.txt)."),
        ("/missing", "There’s no page at this address."),
        ("/gone", "This page is gone."),
        ("/members", "This page is only for people who sign in."),
        ("/picture", "This link leads to a file or a picture, not to a web page."),
        ("/to-discord", "I can’t read links into Discord."),
        ("/to-secret", "This link contains a password or a key, so I don’t keep it."),
        ("/round", "The site keeps redirecting me"),
        ("/broken", "The site is having problems (http-503)."),
        ("/busy", "The site limits how often I can read its pages."),
    ],
)
async def test_unsavable_page_is_refused_with_reason(telex, unsavable_pages, path, sentence):
    await telex.advance(3600)  # a person may save so many in ten minutes
    if path == "/to-discord":
        assert sentence in await save_link(telex, "https://discord.com/channels/1/2/3")
    else:
        assert sentence in await save_link(telex, unsavable_pages + path)
    assert await list_saved_titles(telex) == []


async def test_page_without_text_is_saved_by_title(telex, unsavable_pages):
    answer = await save_link(telex, unsavable_pages + "/empty")
    assert "Saved for you alone, but only its title: I found no text on the page." in answer
    assert await list_saved_titles(telex) == ["Only a title"]


@check_cases(
    ("link", "sentence"),
    [
        ("http://10.0.0.1/feed", "This address is on a private network."),
        ("http://[::1]/", "This address is on a private network."),
        ("https://discord.gg/abc", "I can’t read links into Discord."),
        ("https://user:s3cr3tt0ken99@news.example/", "This link contains a password or a key"),
        ("https://news.example/?api_key=s3cr3tt0ken99", "This link contains a password or a key"),
        ("not a link", "That isn’t a web address."),
        ("javascript:alert(1)", "That isn’t a web address."),
        ("file:///etc/passwd", "That isn’t a web address."),
    ],
)
async def test_link_to_non_public_page_is_refused(telex, link, sentence):
    assert sentence in await save_link(telex, link)
    assert await list_saved_titles(telex) == []


async def test_tracking_link_is_saved_as_target_url(telex, feed_server):
    link = serve_page(feed_server)
    tracker = feed_server.redirect("/click", f"{link}?utm_source=mail&fbclid=1", 302)
    await save_link(telex, f"{tracker}?u=1")
    bookmarks = await telex.store.bookmarks.list_by_user(telex.reader.id, limit=1)
    assert bookmarks[0].article.url == link


async def test_saved_pages_are_limited_per_user_and_period(telex, feed_server, monkeypatch):
    monkeypatch.setitem(telex.newsroom.limits.default_limits, Limit.SAVED_PAGES_PER_USER, 2)
    for number in range(4):
        serve_page(feed_server, f"/{number}", title=f"Page {number}")
    for number in range(2):
        assert (await save_link(telex, f"{feed_server.origin}/{number}")).startswith(SAVED)
    answer = await save_link(telex, f"{feed_server.origin}/2")
    assert answer.startswith("You’ve reached the limit of 2 saved links, set by whoever runs this bot.")
    assert feed_server.count("/2") == 0
    monkeypatch.setitem(telex.newsroom.limits.default_limits, Limit.SAVED_PAGES_PER_USER, 99)
    for _ in range(page_saver.MAX_SAVES + 2):
        answer = await save_link(telex, f"{feed_server.origin}/3")
        telex.clock.advance(7)  # Commands themselves have a limit, too.
    assert "You’ve saved 10 links in ten minutes" in answer
    other_reply = await telex.run_as_editor("save", link=f"{feed_server.origin}/2")
    assert read_reply_text(other_reply).startswith(SAVED)


async def test_concurrent_saves_store_page_once(telex, feed_server):
    link = serve_page(feed_server)
    saver, user_id = telex.newsroom.page_saver, telex.reader.id

    async def find_no_article(_url: str) -> None:
        return None

    pages = await asyncio.gather(
        *(saver.save(link, user_id=user_id, find_readable_article=find_no_article) for _ in range(3))
    )
    assert sorted(is_new for _article, is_new in pages) == [False, False, True]
    assert await telex.store.saved_pages.count(user_id) == 1


async def test_link_menu_refuses_other_user_and_invalid_value(telex, feed_server):
    link = serve_page(feed_server)
    serve_page(feed_server, "/other")
    await save_link(telex, link)
    message = await telex.editor.send(telex.news, f"{link} {feed_server.origin}/other")
    menu = get_last_reply(await telex.reader.context_menu(telex.news, MENU, message))
    custom_id, _options = find_menu(menu)
    answer = await forge_click(telex.editor, telex.news, menu, custom_id, values=["0"])
    assert "These buttons are for the person who asked." in read_reply_text(answer)
    answer = await forge_click(telex.reader, telex.news, menu, custom_id, values=["7"])
    assert "expired" in read_reply_text(answer)
    assert await telex.store.saved_pages.count(telex.editor.id) == 0


async def test_save_replies_in_french(telex, feed_server):
    link = serve_page(feed_server)
    telex.locales[telex.reader.id] = "fr"
    assert (await save_link(telex, link)).startswith("Enregistré pour vous uniquement. Le texte reste dans `/favoris`")
    assert "réseau privé" in await save_link(telex, "http://10.0.0.1/")


@pytest.mark.parametrize("asker", [DIRECT, GUEST, GROUP])
async def test_page_is_saved_outside_of_servers_with_the_bot(telex, feed_server, asker):
    people = await create_requesters(telex, feed_server)
    assert "Saved for you alone." in await people.command(asker, "save", link=serve_page(feed_server))
    assert TITLE in await people.command(asker, "bookmarks")
    assert TITLE in await people.command(asker, "search", query="zeppelin is:bookmarked")


async def test_page_is_saved_and_found_without_visible_feeds(telex, feed_server):
    await save_link(telex, serve_page(feed_server))
    search_reply = read_reply_text(await telex.run_as_reader("search", query="zeppelin is:bookmarked"))
    assert TITLE in search_reply
    empty_text = read_reply_text(await telex.run_as_reader("search", query="moon is:bookmarked"))
    assert "Nothing to read yet" not in empty_text
