"""More like this: the button on a card and the menu of a post."""

from __future__ import annotations

from tests.cogs.helpers import START, choose, follow, hide, labels, last, menu, said
from tests.feed_server import item, rss
from tests.shown import title

NAME = "More like this"


def stories() -> tuple[str, ...]:
    told = (
        ("Mistral opens a data centre in Essonne", "The Essonne site is for Mistral models."),
        ("Essonne: the Mistral data centre has its permit", "Works begin in June."),
        ("Chips get smaller", "Two nanometres at last."),
        ("A new browser engine", "Written in a safe language."),
    )
    return tuple(
        item(number, title=title, body=body, published=START - number * 60)
        for number, (title, body) in enumerate(told, 1)
    )


async def test_the_menu_of_a_post_finds_what_is_like_it(telex, feed_server):
    await follow(telex, feed_server, *stories())
    found = await telex.reader.context_menu(telex.news, NAME, telex.posts()[0])
    assert last(found).ephemeral
    assert "More like “Mistral opens a data centre in Essonne”" in said(found)
    assert "**[Essonne: the Mistral data centre has its permit]" in said(found).replace("\\", "")
    assert "1 article" in said(found)
    card = await choose(telex.reader, last(found), "Essonne")
    assert NAME in labels(last(card))
    telex.locales[telex.reader.id] = "fr"
    found = await telex.reader.context_menu(telex.news, NAME, telex.posts()[0])
    assert "Articles semblables à «\xa0Mistral opens" in said(found)


async def test_the_button_of_a_card_does_and_outlives_a_restart(telex, feed_server):
    await follow(telex, feed_server, *stories())
    found = await telex.reader.slash(telex.news, "search", query="essonne permit")
    card = await choose(telex.reader, last(found), "Essonne")
    assert labels(last(card)) == ["Save", "Read", "Share here", NAME]
    await telex.restart()
    like = await telex.reader.click(last(card), label=NAME)
    assert "Mistral opens a data centre" in said(like)


async def test_nothing_like_it_is_told(telex, feed_server):
    await follow(telex, feed_server)
    found = await telex.reader.context_menu(telex.news, NAME, telex.posts()[0])
    assert "No similar articles" in said(found)
    assert labels(last(found)) == []


async def test_what_is_like_it_in_hidden_channels_stays_hidden(telex, feed_server):
    secret = telex.guild.create_text_channel("secret")
    first, second, *rest = stories()
    await follow(telex, feed_server, first, *rest)
    await follow(telex, feed_server, second, path="/secret", title="Secret News", channel=secret)
    hide(telex, secret, telex.reader)
    found = said(await telex.reader.context_menu(telex.news, NAME, telex.posts()[0]))
    assert "permit" not in found
    assert "Secret News" not in found
    assert "permit" in said(await telex.editor.context_menu(telex.news, NAME, telex.posts()[0]))


async def test_a_button_in_a_channel_hidden_meanwhile_tells_nothing(telex, feed_server):
    open_to_all = telex.guild.create_text_channel("open")
    await follow(telex, feed_server, *stories()[2:], path="/open", channel=open_to_all)
    await follow(telex, feed_server, *stories()[:2])
    found = await telex.reader.slash(open_to_all, "search", query="essonne permit")
    card = await choose(telex.reader, last(found), "Essonne")
    hide(telex, telex.news, telex.reader)
    answer = said(await telex.reader.click(last(card), label=NAME))
    assert "you can’t see here" in answer
    assert "Mistral" not in answer


async def test_of_a_catch_up_the_reader_chooses_the_article(telex, feed_server):
    feed = await follow(telex, feed_server, item(99, title="The beginning", published=START - 9_000))
    many = [item(100 + n, title=f"Quiet day {n}", published=START + n) for n in range(20)]
    feed_server.serve("/rss", rss(*stories(), *many))
    await telex.advance(3_600)
    await telex.poll_and_deliver(feed)
    catch_up = next(post for post in telex.posts() if "arrived in the meantime" in (title(post) or ""))
    asked = await telex.reader.context_menu(telex.news, NAME, catch_up)
    _id, options = menu(last(asked), "More like which")
    chosen = next(option for option in options)
    found = await telex.reader.select(last(asked), [chosen["value"]])
    assert f"More like “{chosen['label']}”" in said(found)


async def test_a_hostile_title_is_neither_markup_nor_a_mention(telex, feed_server):
    title = "@everyone **Mistral** [x](https://evil.example) `Essonne`"
    await follow(
        telex,
        feed_server,
        item(1, title=title, body="Mistral data centre in Essonne", published=START - 60),
        item(2, title=title + " again", body="Mistral data centre in Essonne", published=START - 120),
    )
    found = await telex.reader.context_menu(telex.news, NAME, telex.posts()[0])
    assert "More like “\\@everyone \\*\\*Mistral\\*\\*" in said(found)
    assert "again" in said(found)


async def test_a_bookmarks_card_offers_it_where_the_feed_is_no_longer_seen(telex, feed_server):
    elsewhere = telex.guild.create_text_channel("elsewhere")
    await follow(telex, feed_server, *stories())
    await telex.reader.context_menu(telex.news, "Bookmark", telex.posts()[0])
    await follow(telex, feed_server, stories()[1], path="/open", title="Open News", channel=elsewhere)
    hide(telex, telex.news, telex.reader)
    kept = await telex.reader.slash(elsewhere, "bookmarks")
    card = await choose(telex.reader, last(kept), "Mistral", "Open an article")
    like = await telex.reader.click(last(card), label=NAME)
    assert "permit" in said(like)
    assert "you cannot see" not in said(like)
