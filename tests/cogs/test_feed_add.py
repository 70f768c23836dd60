"""/feed add."""

from __future__ import annotations

import aiohttp
import discord
from aiohttp import web

from bot.core.limits import Limit
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.interactions import (
    find_menu,
    get_last_reply,
    hide_channel,
    list_button_labels,
    open_feed_card,
    press_button,
    read_reply_text,
    select_option,
)
from tests.support.scenario import follow_feed, list_posted_titles, make_three_rss_items


async def list_followed_feeds(world: World) -> list[tuple[int, str]]:
    pairs = await world.store.subscriptions.list_with_feeds(world.guild.id)
    return [(subscription.channel_id, feed.title) for subscription, feed in pairs]


async def test_confirmation_follows_feed_and_posts_newest_article(telex, feed_server):
    url = feed_server.serve("/rss", make_rss(*make_three_rss_items()))
    preview = await telex.run_as_editor("feed add", url=url)
    await telex.deliver()
    assert get_last_reply(preview).ephemeral
    assert list_button_labels(get_last_reply(preview)) == ["Follow", "Cancel"]
    assert "### [Cities ban facial recognition](" in read_reply_text(preview)
    assert (await list_followed_feeds(telex), telex.posts()) == ([], [])
    final_reply = await press_button(telex.editor, preview, "Follow")
    await telex.deliver()
    assert await list_followed_feeds(telex) == [(telex.news.id, "Example News")]
    assert list_posted_titles(telex) == ["Cities ban facial recognition"]
    assert "Now following" in read_reply_text(final_reply)
    assert list_button_labels(get_last_reply(final_reply)) == []
    assert await telex.store.articles.count() == 3
    second_reply = await telex.run_as_editor("feed add", url=url)
    assert f"Already followed in {telex.news.mention} as **Example News**." in read_reply_text(second_reply)
    assert list_button_labels(get_last_reply(second_reply)) == []


async def test_cancelled_feed_is_not_followed(telex, feed_server):
    url = feed_server.serve("/rss", make_rss(*make_three_rss_items()))
    preview = await telex.run_as_editor("feed add", url=url)
    final_reply = await press_button(telex.editor, preview, "Cancel")
    assert read_reply_text(final_reply) == "Nothing changed."
    assert await list_followed_feeds(telex) == []


async def test_page_with_several_feeds_offers_choice(telex, feed_server):
    feed_server.serve("/a", make_rss(*make_three_rss_items(), title="Everything"))
    feed_server.serve("/b", make_rss(make_rss_item(9), title="Only games"))
    page = feed_server.serve(
        "/",
        "<html><head><link rel=alternate type=application/rss+xml title=Everything href=/a>"
        "<link rel=alternate type=application/rss+xml title='Only games' href=/b></head></html>",
        content_type="text/html",
    )
    reply = await telex.run_as_editor("feed add", url=page)
    assert [option["label"] for option in find_menu(get_last_reply(reply))[1]] == ["Everything", "Only games"]
    preview = await select_option(telex.editor, get_last_reply(reply), "Only games")
    await press_button(telex.editor, preview, "Follow")
    assert await list_followed_feeds(telex) == [(telex.news.id, "Only games")]
    link = "<html><head><link rel=alternate type=application/rss+xml href=/a></head></html>"
    page = feed_server.serve("/one", link, content_type="text/html")
    reply = await telex.run_as_editor("feed add", url=page)
    assert list_button_labels(get_last_reply(reply)) == ["Follow", "Cancel"]  # there is no choice


async def test_channel_option_selects_where_posts_go(telex, feed_server):
    url = feed_server.serve("/rss", make_rss(*make_three_rss_items()))
    wire_channel = telex.guild.create_news_channel("wire")
    preview = await telex.run_as_editor("feed add", url=url, channel=wire_channel)
    await press_button(telex.editor, preview, "Follow")
    await telex.deliver()
    assert len(telex.posts(wire_channel)) == 1
    assert telex.posts() == []


async def test_forum_and_thread_can_follow_feed(telex, feed_server):
    url = feed_server.serve("/rss", make_rss(*make_three_rss_items()))
    forum = telex.guild.create_forum_channel("talk")
    parent = telex.bot.get_channel(telex.news.id)
    assert isinstance(parent, discord.TextChannel)
    thread = await parent.create_thread(name="quiet", type=discord.ChannelType.public_thread)
    await telex.env.settle()
    handle = next(thread_handle for thread_handle in telex.news.threads if thread_handle.id == thread.id)
    for place in (forum, handle):
        preview = await telex.run_as_editor("feed add", url=url, channel=place)
        await press_button(telex.editor, preview, "Follow")
    await telex.deliver()
    assert {channel for channel, _title in await list_followed_feeds(telex)} == {forum.id, thread.id}
    assert len(forum.threads) == 1
    assert len(telex.posts(handle)) == 1


async def test_feed_without_articles_can_be_followed(telex, feed_server):
    url = feed_server.serve("/rss", make_rss())
    preview = await telex.run_as_editor("feed add", url=url)
    assert "no articles yet" in read_reply_text(preview)
    final_reply = await press_button(telex.editor, preview, "Follow")
    assert "New articles will appear there" in read_reply_text(final_reply)


async def test_missing_permissions_refuse_before_fetch_and_at_follow(telex, feed_server):
    url = feed_server.serve("/rss", make_rss(*make_three_rss_items()))
    await telex.set_permissions(telex.news, send_messages=False, embed_links=False)
    reply = await telex.run_as_editor("feed add", url=url)
    assert "**Send Messages**, **Embed Links**" in read_reply_text(reply)
    assert feed_server.count("/rss") == 0
    await telex.set_permissions(telex.news, add_reactions=False)  # useful but not required
    reply = await telex.run_as_editor("feed add", url=url)
    assert "**Add Reactions**" in read_reply_text(reply)
    await telex.set_permissions(telex.news, send_messages=False)
    assert "Send Messages" in read_reply_text(await press_button(telex.editor, reply, "Follow"))
    assert await list_followed_feeds(telex) == []


async def test_follow_in_deleted_channel_is_refused(telex, feed_server):
    url = feed_server.serve("/rss", make_rss(*make_three_rss_items()))
    deleted_channel = telex.guild.create_text_channel("short-lived")
    preview = await telex.run_as_editor("feed add", url=url, channel=deleted_channel)
    telex.env.backend.delete_channel(deleted_channel.id)
    final_reply = await press_button(telex.editor, preview, "Follow")
    assert "That channel no longer exists." in read_reply_text(final_reply)


async def test_voice_channel_is_refused(telex, feed_server):
    url = feed_server.serve("/rss", make_rss(*make_three_rss_items()))
    voice = telex.guild.create_voice_channel("talk")
    reply = await telex.editor.slash(voice, "feed add", url=url)
    assert "text channels, announcement channels, threads and forums" in read_reply_text(reply)


async def test_invalid_address_is_explained(telex, feed_server):
    for address, expected_text in (
        *(
            (malformed_url, "isn’t a web address")
            for malformed_url in ("http://", "https://a b/", "ftp://example.com/x")
        ),
        ("http://10.1.2.3/feed", "private network"),
        (feed_server.origin + "/missing", "No feed found at that address"),
    ):
        assert expected_text in read_reply_text(await telex.run_as_editor("feed add", url=address)), address


async def test_unreachable_unknown_and_followed_feeds_are_told_apart(telex, feed_server):
    url = (await follow_feed(telex, feed_server)).url
    already = f"Already followed in {telex.news.mention} as **Example News**."
    visits = len(feed_server.visits)
    for address, expected_text in (
        ("nowhere.invalid", "I can’t reach that site."),
        ("nobody’s news", "I don’t know an outlet called “nobody’s news”."),
        ("example news", already),
        (url, already),
    ):
        answer = await telex.run_as_editor("feed add", url=address)
        assert read_reply_text(answer).startswith(expected_text), address
    assert len(feed_server.visits) == visits
    telex.locales[telex.editor.id] = "fr"
    answer = await telex.run_as_editor("feed add", url="Example News")
    assert read_reply_text(answer) == f"Déjà suivi dans {telex.news.mention} sous le nom **Example News**."


async def test_feed_of_visible_channel_is_found_by_name(telex, feed, feed_server):
    elsewhere = telex.guild.create_text_channel("elsewhere")
    answer = await telex.editor.slash(elsewhere, "feed add", url="Example News")
    assert f"Already followed in {telex.news.mention}." in read_reply_text(answer)
    assert "Now following" in read_reply_text(await press_button(telex.editor, answer, "Follow"))
    secret = telex.guild.create_text_channel("secret")
    await follow_feed(telex, feed_server, make_rss_item(9), path="/secret", title="Secret News", channel=secret)
    hide_channel(telex, secret, telex.editor)
    answer = await telex.run_as_editor("feed add", url="Secret News")
    assert "I don’t know an outlet" in read_reply_text(answer)


async def test_feed_with_credentials_is_for_one_server_and_hides_them(telex, feed_server):
    url = feed_server.serve("/rss", make_rss(*make_three_rss_items())).replace("http://", "http://jane:s3cr3t@")
    preview = await telex.run_as_editor("feed add", url=url)
    assert "for this server only" in read_reply_text(preview)
    await press_button(telex.editor, preview, "Follow")
    _subscription, feed = (await telex.store.subscriptions.list_with_feeds(telex.guild.id))[0]
    assert feed.server_id == telex.guild.id
    list_reply = await telex.run_as_editor("feed list")
    choices = await telex.editor.autocomplete(telex.news, "feed remove", "feed", "")
    assert "s3cr3t" not in read_reply_text(preview) + read_reply_text(list_reply) + str(choices)


def serve_locked_feed(server: FeedServer) -> str:
    """Serve a feed that asks for Jane's password and return its URL."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != aiohttp.encode_basic_auth("jane", "s3 cr:t", "utf-8"):
            return web.Response(status=401)
        return web.Response(body=make_rss(*make_three_rss_items()), content_type="application/rss+xml")

    return server.handle("/locked", answer)


async def test_feed_password_is_entered_in_form(telex, feed_server):
    reply = await telex.run_as_editor("feed add", url=serve_locked_feed(feed_server))
    assert "asks for a username and password" in read_reply_text(reply)
    form = await press_button(telex.editor, reply, "Enter username and password")
    error_reply = await telex.editor.submit_modal(form, {"user": "jane", "password": "guess"})
    assert "rejected this username and password" in read_reply_text(error_reply)
    assert "guess" not in read_reply_text(error_reply)
    form = await press_button(telex.editor, error_reply, "Enter username and password")
    reply = await telex.editor.submit_modal(form, {"user": "jane", "password": "s3 cr:t"})
    assert "for this server only" in read_reply_text(reply)
    await press_button(telex.editor, reply, "Follow")
    _subscription, feed = (await telex.store.subscriptions.list_with_feeds(telex.guild.id))[0]
    assert feed.server_id == telex.guild.id
    list_reply = await telex.run_as_editor("feed list")
    assert "s3" not in read_reply_text(reply) + read_reply_text(list_reply)


async def test_password_form_requires_permission(telex, feed_server):
    reply = await telex.run_as_editor("feed add", url=serve_locked_feed(feed_server))
    form = await press_button(telex.editor, reply, "Enter username and password")
    telex.env.backend.get_guild(telex.guild.id).members[telex.editor.id].role_ids.clear()
    answer = await telex.editor.submit_modal(form, {"user": "jane", "password": "s3 cr:t"})
    assert "Manage Server" in read_reply_text(answer)
    assert len(feed_server.visits) == 1


async def test_page_without_feed_gets_suggestions(telex, feed_server):
    page = feed_server.serve("/", "<title>Nothing</title>", content_type="text/html")
    reply = await telex.run_as_editor("feed add", url=page)
    assert "I found no feed at" in read_reply_text(reply)
    assert "Mastodon" in read_reply_text(reply)
    assert list_button_labels(get_last_reply(reply)) == []


def render_list(kind: str, tag: str = "article") -> str:
    titles = [f"{kind} *number* {number} of this year" for number in range(1, 8)]
    links = (f"<h3><a href=/{kind}/{n}>{title}</a></h3>" for n, title in enumerate(titles))
    return "".join(f"<{tag}>{link}<time datetime=2026-05-0{9 - n}></time></{tag}>" for n, link in enumerate(links))


async def test_page_without_feed_offers_list_and_feed_of_site(telex, feed_server):
    page = feed_server.serve("/town", f"<main>{render_list('News')}</main>", content_type="text/html")
    feed_server.serve("/all", make_rss(*make_three_rss_items()))
    link = '<link rel=alternate type=application/rss+xml title="{}" href={}>'
    feed_server.serve("/", link.format("All", "/all"), content_type="text/html")
    reply = await telex.run_as_editor("feed add", url=page)
    assert "This page has no feed, but its site does." in read_reply_text(reply)
    assert list_button_labels(get_last_reply(reply)) == ["Follow this list", "Follow the site’s feed", "Cancel"]
    assert "Follow **Example News** in" in read_reply_text(
        await press_button(telex.editor, reply, "Follow the site’s feed")
    )
    feed_server.serve(
        "/",
        link.format("All", "/all") + link.format("Sport", "/sport"),
        content_type="text/html",
    )
    reply = await telex.run_as_editor("feed add", url=page)
    assert list_button_labels(get_last_reply(reply)) == ["Follow this list", "Cancel"]
    assert "Follow **Example News** in" in read_reply_text(
        await select_option(telex.editor, get_last_reply(reply), "All", "Feeds of")
    )
    telex.locales[telex.editor.id] = "fr"
    reply = await telex.run_as_editor("feed add", url=page)
    final_reply = await press_button(telex.editor, reply, "Suivre cette liste")
    assert "est désormais suivi dans" in read_reply_text(final_reply)
    second_reply = await telex.run_as_editor("feed add", url=page)
    second_reply = await press_button(telex.editor, second_reply, "Suivre cette liste")
    assert "Déjà suivi dans" in read_reply_text(second_reply)


async def test_chosen_list_of_page_is_followed(telex, feed_server):
    news, events = render_list("News", "article"), render_list("Events", "section")
    body = f"<title>Town</title><main>{news}</main><div>{events}</div>"
    page = feed_server.serve("/town", body, content_type="text/html")
    preview = await telex.run_as_editor("feed add", url=page)
    assert list_button_labels(get_last_reply(preview)) == ["Follow this list", "Cancel"]
    lines = read_reply_text(preview)
    assert len(lines.split("\n")) == 1 + 5
    assert f"[News \\*number\\* 1 of this year]({feed_server.origin}/News/0) · <t:1778284800:D>" in lines
    events_preview = await select_option(telex.editor, get_last_reply(preview), "Events")
    assert "Events" in read_reply_text(events_preview)
    final_reply = await press_button(telex.editor, events_preview, "Follow this list")
    await telex.deliver()
    assert "Now following **Town**" in read_reply_text(final_reply)
    assert list_posted_titles(telex) == ["Events *number* 1 of this year"]
    assert f"`{page}` · a list on this page" in read_reply_text(await open_feed_card(telex, "Town"))
    why = await telex.run_as_reader("why", link=feed_server.origin + "/Events/0")
    assert "in **Town**" in read_reply_text(why)
    telex.locales[telex.editor.id] = "fr"
    assert "Suivre cette liste" in list_button_labels(get_last_reply(await telex.run_as_editor("feed add", url=page)))


async def test_github_project_offers_its_feeds(telex):
    reply = await telex.run_as_editor("feed add", url="https://github.com/python/cpython")
    assert [option["label"] for option in find_menu(get_last_reply(reply))[1]] == [
        "python/cpython · releases",
        "python/cpython · tags",
        "python/cpython · commits",
    ]


async def test_feed_title_is_escaped_in_preview(telex, feed_server):
    hostile = "@everyone **bold** [x](https://evil.example) <@1>"
    url = feed_server.serve("/rss", make_rss(make_rss_item(1), title=hostile))
    preview = await telex.run_as_editor("feed add", url=url)
    assert read_reply_text(preview).startswith("Follow **\\@everyone \\*\\*bold\\*\\* \\[x\\]")
    assert "\\<\\@1\\>" in read_reply_text(preview)


async def test_confirmation_requires_permission(telex, feed_server):
    url = feed_server.serve("/rss", make_rss(*make_three_rss_items()))
    preview = await telex.run_as_editor("feed add", url=url)
    telex.env.backend.get_guild(telex.guild.id).members[telex.editor.id].role_ids.clear()
    answer = await press_button(telex.editor, preview, "Follow")
    assert "Manage Server" in read_reply_text(answer)
    assert await list_followed_feeds(telex) == []


async def test_channel_hidden_from_editor_is_refused(telex, feed_server):
    url = feed_server.serve("/rss", make_rss(*make_three_rss_items()))
    secret_channel = telex.guild.create_text_channel("secret")
    preview = await telex.run_as_editor("feed add", url=url, channel=secret_channel)
    hide_channel(telex, secret_channel, telex.editor)
    answer = await press_button(telex.editor, preview, "Follow")
    assert "a channel you can’t see" in read_reply_text(answer)
    assert await list_followed_feeds(telex) == []


async def test_feed_limit_of_server_is_reported(telex, feed_server, monkeypatch):
    monkeypatch.setitem(telex.newsroom.limits.default_limits, Limit.FEEDS_PER_SERVER, 1)
    await telex.follow(feed_server.serve("/one", make_rss(*make_three_rss_items())))
    reply = await telex.run_as_editor("feed add", url=feed_server.serve("/two", make_rss(*make_three_rss_items())))
    assert "its limit of 1 feed, set by whoever runs this bot" in read_reply_text(reply)
