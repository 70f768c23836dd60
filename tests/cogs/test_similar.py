"""More like this: the button on a card and the context menu of a post."""

from __future__ import annotations

from tests.support.feed_server import make_rss, make_rss_item
from tests.support.interactions import (
    find_menu,
    get_last_reply,
    hide_channel,
    list_button_labels,
    press_button,
    read_reply_text,
    select_option,
)
from tests.support.message_texts import find_title
from tests.support.scenario import START, follow_feed

MENU_NAME = "More like this"


def make_story_items() -> tuple[str, ...]:
    titles_and_bodies = (
        ("Mistral opens a data centre in Essonne", "The Essonne site is for Mistral models."),
        ("Essonne: the Mistral data centre has its permit", "Works begin in June."),
        ("Chips get smaller", "Two nanometres at last."),
        ("A new browser engine", "Written in a safe language."),
    )
    return tuple(
        make_rss_item(number, title=title, body=body, published=START - number * 60)
        for number, (title, body) in enumerate(titles_and_bodies, 1)
    )


async def test_context_menu_finds_similar_articles(telex, feed_server):
    await follow_feed(telex, feed_server, *make_story_items())
    similar_reply = await telex.reader.context_menu(telex.news, MENU_NAME, telex.posts()[0])
    assert get_last_reply(similar_reply).ephemeral
    assert "More like “Mistral opens a data centre in Essonne”" in read_reply_text(similar_reply)
    assert "**[Essonne: the Mistral data centre has its permit]" in read_reply_text(similar_reply).replace("\\", "")
    assert "1 article" in read_reply_text(similar_reply)
    card = await select_option(telex.reader, get_last_reply(similar_reply), "Essonne")
    assert MENU_NAME in list_button_labels(get_last_reply(card))
    telex.locales[telex.reader.id] = "fr"
    similar_reply = await telex.reader.context_menu(telex.news, MENU_NAME, telex.posts()[0])
    assert "Articles semblables à «\xa0Mistral opens" in read_reply_text(similar_reply)


async def test_card_button_finds_similar_articles_after_restart(telex, feed_server):
    await follow_feed(telex, feed_server, *make_story_items())
    search_reply = await telex.run_as_reader("search", query="essonne permit")
    card = await select_option(telex.reader, get_last_reply(search_reply), "Essonne")
    assert list_button_labels(get_last_reply(card)) == ["Save", "Read", "Share here", MENU_NAME]
    await telex.restart()
    similar_reply = await press_button(telex.reader, card, MENU_NAME)
    assert "Mistral opens a data centre" in read_reply_text(similar_reply)


async def test_no_similar_articles(telex, feed):
    similar_reply = await telex.reader.context_menu(telex.news, MENU_NAME, telex.posts()[0])
    assert "No similar articles" in read_reply_text(similar_reply)
    assert list_button_labels(get_last_reply(similar_reply)) == []


async def test_similar_articles_omit_hidden_channels(telex, feed_server):
    secret = telex.guild.create_text_channel("secret")
    first, second, *other_items = make_story_items()
    await follow_feed(telex, feed_server, first, *other_items)
    await follow_feed(telex, feed_server, second, path="/secret", title="Secret News", channel=secret)
    hide_channel(telex, secret, telex.reader)
    reply_text = read_reply_text(await telex.reader.context_menu(telex.news, MENU_NAME, telex.posts()[0]))
    assert "permit" not in reply_text
    assert "Secret News" not in reply_text
    assert "permit" in read_reply_text(await telex.editor.context_menu(telex.news, MENU_NAME, telex.posts()[0]))


async def test_card_button_refuses_hidden_article(telex, feed_server):
    open_channel = telex.guild.create_text_channel("open")
    await follow_feed(telex, feed_server, *make_story_items()[2:], path="/open", channel=open_channel)
    await follow_feed(telex, feed_server, *make_story_items()[:2])
    search_reply = await telex.reader.slash(open_channel, "search", query="essonne permit")
    card = await select_option(telex.reader, get_last_reply(search_reply), "Essonne")
    hide_channel(telex, telex.news, telex.reader)
    answer = read_reply_text(await press_button(telex.reader, card, MENU_NAME))
    assert "you can’t see here" in answer
    assert "Mistral" not in answer


async def test_context_menu_on_catch_up_offers_choice(telex, feed_server):
    feed = await follow_feed(telex, feed_server, make_rss_item(99, title="The beginning", published=START - 9_000))
    quiet_items = [make_rss_item(100 + n, title=f"Quiet day {n}", published=START + n) for n in range(20)]
    feed_server.serve("/rss", make_rss(*make_story_items(), *quiet_items))
    await telex.advance(3_600)
    await telex.poll_and_deliver(feed)
    catch_up = next(post for post in telex.posts() if "arrived in the meantime" in (find_title(post) or ""))
    article_choice = await telex.reader.context_menu(telex.news, MENU_NAME, catch_up)
    _id, options = find_menu(get_last_reply(article_choice), "More like which")
    first_option = next(option for option in options)
    similar_reply = await telex.reader.select(get_last_reply(article_choice), [first_option["value"]])
    assert f"More like “{first_option['label']}”" in read_reply_text(similar_reply)


async def test_title_is_escaped_in_similar_articles(telex, feed_server):
    title = "@everyone **Mistral** [x](https://evil.example) `Essonne`"
    await follow_feed(
        telex,
        feed_server,
        make_rss_item(1, title=title, body="Mistral data centre in Essonne", published=START - 60),
        make_rss_item(2, title=title + " again", body="Mistral data centre in Essonne", published=START - 120),
    )
    similar_reply = await telex.reader.context_menu(telex.news, MENU_NAME, telex.posts()[0])
    assert "More like “\\@everyone \\*\\*Mistral\\*\\*" in read_reply_text(similar_reply)
    assert "again" in read_reply_text(similar_reply)


async def test_bookmark_of_hidden_feed_offers_similar_articles(telex, feed_server):
    elsewhere = telex.guild.create_text_channel("elsewhere")
    await follow_feed(telex, feed_server, *make_story_items())
    await telex.reader.context_menu(telex.news, "Bookmark", telex.posts()[0])
    await follow_feed(telex, feed_server, make_story_items()[1], path="/open", title="Open News", channel=elsewhere)
    hide_channel(telex, telex.news, telex.reader)
    bookmarks_reply = await telex.reader.slash(elsewhere, "bookmarks")
    card = await select_option(telex.reader, get_last_reply(bookmarks_reply), "Mistral", "Open an article")
    similar_reply = await press_button(telex.reader, card, MENU_NAME)
    assert "permit" in read_reply_text(similar_reply)
    assert "you cannot see" not in read_reply_text(similar_reply)
