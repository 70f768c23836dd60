"""The context menu Follow this source."""

from __future__ import annotations

from simcord.results import ResponseMessage

from bot.core.models import Entry, ParsedFeed
from bot.posting.rendering.source_preview import SourcePreview
from tests.support.cases import check_cases
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.interactions import (
    find_menu,
    get_last_reply,
    list_button_labels,
    list_controls,
    press_button,
    read_reply_text,
    select_option,
)
from tests.support.scenario import make_three_rss_items

MENU = "Follow this source"
ARTICLE_PAGE = (
    "<html><head><title>A story</title></head><body><ul>"
    + "".join(f"<li><a href=/related/{number}>Related story number {number}</a></li>" for number in range(9))
    + "</ul></body></html>"
)


async def list_subscriptions(world: World) -> list[tuple[int, str]]:
    pairs = await world.store.subscriptions.list_with_feeds(world.guild.id)
    return [(subscription.channel_id, feed.title) for subscription, feed in pairs]


def find_channel_menu(message: ResponseMessage) -> tuple[str, list[str]]:
    """Find the channel menu; return its custom ID and the IDs of the chosen channels."""
    (menu,) = (component for component in list_controls(message) if component["type"] == 8)
    return menu["custom_id"], [str(default["id"]) for default in menu["default_values"]]


def serve_site(feed_server: FeedServer) -> str:
    """Serve a home page that links its feed and an article that links none; return the article's URL."""
    feed_server.serve("/rss", make_rss(*make_three_rss_items()))
    head = "<html><head><link rel=alternate type=application/rss+xml href=/rss></head></html>"
    feed_server.serve("/", head, content_type="text/html")
    return feed_server.serve("/2026/a-story", ARTICLE_PAGE, content_type="text/html")


async def test_link_in_message_leads_to_feed_of_site(telex, feed_server):
    link = serve_site(feed_server)
    message = await telex.reader.send(telex.news, f"Look at this: {link}.")
    card = await telex.editor.context_menu(telex.news, MENU, message)
    assert get_last_reply(card).ephemeral
    text = read_reply_text(card)
    assert "### Example News" in text
    assert text.index("Cities ban facial recognition") < text.index("-# WHERE ITS POSTS GO")
    assert await list_subscriptions(telex) == []
    assert list_button_labels(get_last_reply(card)) == ["Follow", "Cancel"]
    reply = await press_button(telex.editor, card, "Follow")
    assert "Now following **Example News**" in read_reply_text(reply)
    assert await list_subscriptions(telex) == [(telex.news.id, "Example News")]
    second_reply = await telex.editor.context_menu(telex.news, MENU, message)
    assert read_reply_text(second_reply).startswith(f"**Example News** is in {telex.news.mention} already.")
    settings = await press_button(telex.editor, second_reply, "Settings")
    assert "Stop following" in list_button_labels(get_last_reply(settings))


async def test_channel_menu_preselects_channel_with_feeds(telex, feed_server):
    other_channel = telex.guild.create_text_channel("other")
    third_channel = telex.guild.create_text_channel("third")
    await telex.follow(feed_server.serve("/first", make_rss(make_rss_item(7), title="First")), other_channel)
    message = await telex.reader.send(telex.news, serve_site(feed_server))
    card = await telex.editor.context_menu(telex.news, MENU, message)
    custom_id, default_values = find_channel_menu(get_last_reply(card))
    assert default_values == [str(other_channel.id)]
    card = await telex.editor.select(get_last_reply(card), [third_channel], custom_id=custom_id)
    assert find_channel_menu(get_last_reply(card))[1] == [str(third_channel.id)]
    await press_button(telex.editor, card, "Follow")
    assert (third_channel.id, "Example News") in await list_subscriptions(telex)


async def test_several_links_are_offered_without_discord_links(telex, feed_server):
    link = serve_site(feed_server)
    text = f"https://discord.com/channels/1/2/3 [here]({link}) and <https://news.example/a?b=1>"
    message = await telex.reader.send(telex.news, text)
    reply = await telex.editor.context_menu(telex.news, MENU, message)
    descriptions = [option["description"] for option in find_menu(get_last_reply(reply))[1]]
    assert descriptions == [link, "https://news.example/a?b=1"]
    card = await select_option(telex.editor, get_last_reply(reply), "127.0.0.1")
    assert "### Example News" in read_reply_text(card)


async def test_links_of_forwarded_message_are_found(telex, feed_server):
    link = serve_site(feed_server)
    other_channel = telex.guild.create_text_channel("other")
    forwarded_message = await telex.reader.forward(await telex.reader.send(other_channel, f"News! {link}"), telex.news)
    assert "### Example News" in read_reply_text(await telex.editor.context_menu(telex.news, MENU, forwarded_message))


async def test_several_feeds_are_offered_with_first_preselected(telex, feed_server):
    feed_server.serve("/a", make_rss(*make_three_rss_items(), title="Everything"))
    feed_server.serve("/b", make_rss(make_rss_item(9), title="Only games"))
    page = feed_server.serve(
        "/page",
        "<html><head><link rel=alternate type=application/rss+xml title=Everything href=/a>"
        "<link rel=alternate type=application/rss+xml title='Only games' href=/b></head></html>",
        content_type="text/html",
    )
    card = await telex.editor.context_menu(telex.news, MENU, await telex.reader.send(telex.news, page))
    assert "### Everything" in read_reply_text(card)
    card = await select_option(telex.editor, get_last_reply(card), "Only games")
    assert "### Only games" in read_reply_text(card)
    await press_button(telex.editor, card, "Follow")
    assert await list_subscriptions(telex) == [(telex.news.id, "Only games")]


async def test_site_without_feed_offers_list_of_home_page(telex, feed_server):
    home = "".join(
        f"<li><h2><a href=/news/{number}>Headline number {number} of the day</a></h2></li>" for number in range(9)
    )
    feed_server.serve("/", f"<html><body><ul>{home}</ul></body></html>", content_type="text/html")
    link = feed_server.serve("/2026/a-story", ARTICLE_PAGE, content_type="text/html")
    offer = await telex.editor.context_menu(telex.news, MENU, await telex.reader.send(telex.news, link))
    assert "Headline number 0 of the day" in read_reply_text(offer)
    assert "Related story" not in read_reply_text(offer)
    await press_button(telex.editor, offer, "Follow this list")
    assert len(await list_subscriptions(telex)) == 1


async def test_site_without_feed_and_list_offers_watch(telex, feed_server):
    await telex.follow(feed_server.serve("/first", make_rss(make_rss_item(7), title="First")))
    link = feed_server.serve("/only", "<html><body><p>Nothing.</p></body></html>", content_type="text/html")
    feed_server.serve("/", "<html><body><p>Nothing.</p></body></html>", content_type="text/html")
    offer = await telex.editor.context_menu(telex.news, MENU, await telex.reader.send(telex.news, link))
    assert "I found no feed at 127.0.0.1" in read_reply_text(offer)
    modal = await press_button(telex.editor, offer, "Watch for words instead")
    assert modal.modal is not None
    await telex.editor.submit_modal(modal, {"line": "open source"})
    assert [watch.query for watch in await telex.store.watches.list_by_user(telex.editor.id)] == ["open source"]


@check_cases(
    ("text", "answer"),
    [
        ("no link", "This message has no link to a site."),
        ("https://discord.gg/abc", "This message has no link to a site."),
        ("http://10.0.0.1/feed", "private"),
    ],
)
async def test_link_that_cannot_be_followed_is_refused(telex, text, answer):
    message = await telex.reader.send(telex.news, text)
    assert answer in read_reply_text(await telex.editor.context_menu(telex.news, MENU, message))


async def test_following_source_requires_permission_at_each_press(telex, feed_server):
    message = await telex.reader.send(telex.news, serve_site(feed_server))
    assert "permission" in read_reply_text(await telex.reader.context_menu(telex.news, MENU, message))
    card = await telex.editor.context_menu(telex.news, MENU, message)
    telex.env.backend.edit_role(telex.guild.id, telex.guild.roles["Editors"].id, {"permissions": 0})
    refusal = await press_button(telex.editor, card, "Follow")
    assert "permission" in read_reply_text(refusal)
    assert await list_subscriptions(telex) == []


@check_cases(
    ("days", "text"),
    [
        ([0, 7, 14], "about 1 article a week"),
        ([0, 1, 2, 3, 4, 5, 6, 7], "about 7 articles a week"),
        ([0, 0.25, 0.5, 0.75, 1], "about 4 articles a day"),
        ([0], "1 article"),
        ([None, None], "2 articles"),
    ],
)
def test_rate_text_of_source_preview(days, text):
    times = [None if day is None else int(1_000_000_000 - day * 86_400) for day in days]
    entries = tuple(Entry(guid=None, link=None, title="", published=time) for time in times)
    preview = SourcePreview.from_feed(ParsedFeed(title="", entries=entries), "Paper", "https://paper.example/", 10**9)
    assert preview.rate_text == text
    assert SourcePreview.from_json(preview.to_json()) == preview
