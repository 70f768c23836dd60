"""More like this: the button on a card and the menu of a post."""

from __future__ import annotations

from tests.support.feed_server import make_rss, make_rss_item
from tests.support.interactions import button_labels, choose, find_menu, hide_channel, last_reply, message_text
from tests.support.message_texts import title
from tests.support.scenario import START, follow

NAME = "More like this"


def story_items() -> tuple[str, ...]:
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


async def test_the_menu_of_a_post_finds_what_is_like_it(telex, feed_server):
    await follow(telex, feed_server, *story_items())
    similar_reply = await telex.reader.context_menu(telex.news, NAME, telex.posts()[0])
    assert last_reply(similar_reply).ephemeral
    assert "More like “Mistral opens a data centre in Essonne”" in message_text(similar_reply)
    assert "**[Essonne: the Mistral data centre has its permit]" in message_text(similar_reply).replace("\\", "")
    assert "1 article" in message_text(similar_reply)
    card = await choose(telex.reader, last_reply(similar_reply), "Essonne")
    assert NAME in button_labels(last_reply(card))
    telex.locales[telex.reader.id] = "fr"
    similar_reply = await telex.reader.context_menu(telex.news, NAME, telex.posts()[0])
    assert "Articles semblables à «\xa0Mistral opens" in message_text(similar_reply)


async def test_the_button_of_a_card_does_and_outlives_a_restart(telex, feed_server):
    await follow(telex, feed_server, *story_items())
    search_reply = await telex.reader.slash(telex.news, "search", query="essonne permit")
    card = await choose(telex.reader, last_reply(search_reply), "Essonne")
    assert button_labels(last_reply(card)) == ["Save", "Read", "Share here", NAME]
    await telex.restart()
    similar_reply = await telex.reader.click(last_reply(card), label=NAME)
    assert "Mistral opens a data centre" in message_text(similar_reply)


async def test_nothing_like_it_is_told(telex, feed_server):
    await follow(telex, feed_server)
    similar_reply = await telex.reader.context_menu(telex.news, NAME, telex.posts()[0])
    assert "No similar articles" in message_text(similar_reply)
    assert button_labels(last_reply(similar_reply)) == []


async def test_what_is_like_it_in_hidden_channels_stays_hidden(telex, feed_server):
    secret = telex.guild.create_text_channel("secret")
    first, second, *other_items = story_items()
    await follow(telex, feed_server, first, *other_items)
    await follow(telex, feed_server, second, path="/secret", title="Secret News", channel=secret)
    hide_channel(telex, secret, telex.reader)
    reply_text = message_text(await telex.reader.context_menu(telex.news, NAME, telex.posts()[0]))
    assert "permit" not in reply_text
    assert "Secret News" not in reply_text
    assert "permit" in message_text(await telex.editor.context_menu(telex.news, NAME, telex.posts()[0]))


async def test_a_button_in_a_channel_hidden_meanwhile_tells_nothing(telex, feed_server):
    open_to_all = telex.guild.create_text_channel("open")
    await follow(telex, feed_server, *story_items()[2:], path="/open", channel=open_to_all)
    await follow(telex, feed_server, *story_items()[:2])
    search_reply = await telex.reader.slash(open_to_all, "search", query="essonne permit")
    card = await choose(telex.reader, last_reply(search_reply), "Essonne")
    hide_channel(telex, telex.news, telex.reader)
    answer = message_text(await telex.reader.click(last_reply(card), label=NAME))
    assert "you can’t see here" in answer
    assert "Mistral" not in answer


async def test_of_a_catch_up_the_reader_chooses_the_article(telex, feed_server):
    feed = await follow(telex, feed_server, make_rss_item(99, title="The beginning", published=START - 9_000))
    quiet_items = [make_rss_item(100 + n, title=f"Quiet day {n}", published=START + n) for n in range(20)]
    feed_server.serve("/rss", make_rss(*story_items(), *quiet_items))
    await telex.advance(3_600)
    await telex.poll_and_deliver(feed)
    catch_up = next(post for post in telex.posts() if "arrived in the meantime" in (title(post) or ""))
    article_choice = await telex.reader.context_menu(telex.news, NAME, catch_up)
    _id, options = find_menu(last_reply(article_choice), "More like which")
    first_option = next(option for option in options)
    similar_reply = await telex.reader.select(last_reply(article_choice), [first_option["value"]])
    assert f"More like “{first_option['label']}”" in message_text(similar_reply)


async def test_a_hostile_title_is_neither_markup_nor_a_mention(telex, feed_server):
    title = "@everyone **Mistral** [x](https://evil.example) `Essonne`"
    await follow(
        telex,
        feed_server,
        make_rss_item(1, title=title, body="Mistral data centre in Essonne", published=START - 60),
        make_rss_item(2, title=title + " again", body="Mistral data centre in Essonne", published=START - 120),
    )
    similar_reply = await telex.reader.context_menu(telex.news, NAME, telex.posts()[0])
    assert "More like “\\@everyone \\*\\*Mistral\\*\\*" in message_text(similar_reply)
    assert "again" in message_text(similar_reply)


async def test_a_bookmarks_card_offers_it_where_the_feed_is_no_longer_seen(telex, feed_server):
    elsewhere = telex.guild.create_text_channel("elsewhere")
    await follow(telex, feed_server, *story_items())
    await telex.reader.context_menu(telex.news, "Bookmark", telex.posts()[0])
    await follow(telex, feed_server, story_items()[1], path="/open", title="Open News", channel=elsewhere)
    hide_channel(telex, telex.news, telex.reader)
    bookmarks_reply = await telex.reader.slash(elsewhere, "bookmarks")
    card = await choose(telex.reader, last_reply(bookmarks_reply), "Mistral", "Open an article")
    similar_reply = await telex.reader.click(last_reply(card), label=NAME)
    assert "permit" in message_text(similar_reply)
    assert "you cannot see" not in message_text(similar_reply)
