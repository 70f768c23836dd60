"""/feed add: from an address to a followed feed."""

from __future__ import annotations

import aiohttp
import discord
from aiohttp import web

from tests.cogs.helpers import card, choose, follow, hide, labels, last, menu, said, three
from tests.discord_world import World
from tests.feed_server import FeedServer, item, rss
from tests.shown import title


async def followed(world: World) -> list[tuple[int, str]]:
    pairs = await world.store.subscriptions.list_with_feeds(world.guild.id)
    return [(subscription.channel_id, feed.title) for subscription, feed in pairs]


async def test_confirming_follows_here_once_and_posts_the_newest_article_alone(telex, feed_server):
    url = feed_server.serve("/rss", rss(*three()))
    shown = await telex.editor.slash(telex.news, "feed add", url=url)
    await telex.deliver()
    assert last(shown).ephemeral
    assert labels(last(shown)) == ["Follow", "Cancel"]
    assert "### [Cities ban facial recognition](" in said(shown)
    assert (await followed(telex), telex.posts()) == ([], [])
    done = await telex.editor.click(last(shown), label="Follow")
    await telex.deliver()
    assert await followed(telex) == [(telex.news.id, "Example News")]
    assert [title(post) for post in telex.posts()] == ["Cities ban facial recognition"]
    assert "Now following" in said(done)
    assert labels(last(done)) == []
    assert await telex.store.articles.count() == 3
    again = await telex.editor.slash(telex.news, "feed add", url=url)
    assert f"Already followed in {telex.news.mention} as **Example News**." in said(again)
    assert labels(last(again)) == []


async def test_cancelling_changes_nothing(telex, feed_server):
    url = feed_server.serve("/rss", rss(*three()))
    shown = await telex.editor.slash(telex.news, "feed add", url=url)
    done = await telex.editor.click(last(shown), label="Cancel")
    assert said(done) == "Nothing changed."
    assert await followed(telex) == []


async def test_a_page_with_several_feeds_offers_a_choice(telex, feed_server):
    feed_server.serve("/a", rss(*three(), title="Everything"))
    feed_server.serve("/b", rss(item(9), title="Only games"))
    page = feed_server.serve(
        "/",
        "<html><head><link rel=alternate type=application/rss+xml title=Everything href=/a>"
        "<link rel=alternate type=application/rss+xml title='Only games' href=/b></head></html>",
        content_type="text/html",
    )
    shown = await telex.editor.slash(telex.news, "feed add", url=page)
    assert [option["label"] for option in menu(last(shown))[1]] == ["Everything", "Only games"]
    chosen = await choose(telex.editor, last(shown), "Only games")
    await telex.editor.click(last(chosen), label="Follow")
    assert await followed(telex) == [(telex.news.id, "Only games")]
    link = "<html><head><link rel=alternate type=application/rss+xml href=/a></head></html>"
    page = feed_server.serve("/one", link, content_type="text/html")
    shown = await telex.editor.slash(telex.news, "feed add", url=page)
    assert labels(last(shown)) == ["Follow", "Cancel"]  # there is no choice


async def test_the_channel_option_decides_where_posts_go(telex, feed_server):
    url = feed_server.serve("/rss", rss(*three()))
    other = telex.guild.create_news_channel("wire")
    shown = await telex.editor.slash(telex.news, "feed add", url=url, channel=other)
    await telex.editor.click(last(shown), label="Follow")
    await telex.deliver()
    assert len(telex.posts(other)) == 1
    assert telex.posts() == []


async def test_a_forum_and_a_thread_can_follow(telex, feed_server):
    url = feed_server.serve("/rss", rss(*three()))
    forum = telex.guild.create_forum_channel("talk")
    parent = telex.bot.get_channel(telex.news.id)
    assert isinstance(parent, discord.TextChannel)
    thread = await parent.create_thread(name="quiet", type=discord.ChannelType.public_thread)
    await telex.env.settle()
    handle = next(each for each in telex.news.threads if each.id == thread.id)
    for place in (forum, handle):
        shown = await telex.editor.slash(telex.news, "feed add", url=url, channel=place)
        await telex.editor.click(last(shown), label="Follow")
    await telex.deliver()
    assert {channel for channel, _title in await followed(telex)} == {forum.id, thread.id}
    assert len(forum.threads) == 1
    assert len(telex.posts(handle)) == 1


async def test_a_feed_without_articles_can_be_followed(telex, feed_server):
    url = feed_server.serve("/rss", rss())
    shown = await telex.editor.slash(telex.news, "feed add", url=url)
    assert "no articles yet" in said(shown)
    done = await telex.editor.click(last(shown), label="Follow")
    assert "New articles will appear there" in said(done)


async def test_missing_permissions_are_named_and_refuse_before_anything_is_fetched_and_at_the_end(
    telex, feed_server
):
    url = feed_server.serve("/rss", rss(*three()))
    await telex.set_permissions(telex.news, send_messages=False, embed_links=False)
    shown = await telex.editor.slash(telex.news, "feed add", url=url)
    assert "**Send Messages**, **Embed Links**" in said(shown)
    assert feed_server.count("/rss") == 0
    await telex.set_permissions(telex.news, add_reactions=False)  # which is useful, and no more
    shown = await telex.editor.slash(telex.news, "feed add", url=url)
    assert "**Add Reactions**" in said(shown)
    await telex.set_permissions(telex.news, send_messages=False)
    assert "Send Messages" in said(await telex.editor.click(last(shown), label="Follow"))
    assert await followed(telex) == []


async def test_a_channel_deleted_before_the_confirmation_is_told(telex, feed_server):
    url = feed_server.serve("/rss", rss(*three()))
    other = telex.guild.create_text_channel("short-lived")
    shown = await telex.editor.slash(telex.news, "feed add", url=url, channel=other)
    telex.env.backend.delete_channel(other.id)
    done = await telex.editor.click(last(shown), label="Follow")
    assert "That channel no longer exists." in said(done)


async def test_a_voice_channel_is_refused(telex, feed_server):
    url = feed_server.serve("/rss", rss(*three()))
    voice = telex.guild.create_voice_channel("talk")
    shown = await telex.editor.slash(voice, "feed add", url=url)
    assert "text channels, announcement channels, threads and forums" in said(shown)


async def test_an_address_that_leads_nowhere_is_told_with_its_remedy(telex, feed_server):
    for address, told in (
        *((one, "isn’t a web address") for one in ("http://", "https://a b/", "ftp://example.com/x")),
        ("http://10.1.2.3/feed", "private network"),
        (feed_server.origin + "/missing", "No feed found at that address"),
    ):
        assert told in said(await telex.editor.slash(telex.news, "feed add", url=address)), address


async def test_unreachable_unknown_and_already_followed_are_three_sentences(telex, feed_server):
    url = (await follow(telex, feed_server)).url
    already = f"Already followed in {telex.news.mention} as **Example News**."
    visits = len(feed_server.visits)
    for address, told in (
        ("nowhere.invalid", "I can’t reach that site."),
        ("nobody’s news", "I don’t know an outlet called “nobody’s news”."),
        ("example news", already),
        (url, already),
    ):
        answer = await telex.editor.slash(telex.news, "feed add", url=address)
        assert said(answer).startswith(told), address
    assert len(feed_server.visits) == visits
    telex.locales[telex.editor.id] = "fr"
    answer = await telex.editor.slash(telex.news, "feed add", url="Example News")
    assert said(answer) == f"Déjà suivi dans {telex.news.mention} sous le nom **Example News**."


async def test_a_feed_that_another_channel_follows_is_found_by_its_name_where_that_is_seen(
    telex, feed_server
):
    await follow(telex, feed_server)
    elsewhere = telex.guild.create_text_channel("elsewhere")
    answer = await telex.editor.slash(elsewhere, "feed add", url="Example News")
    assert f"Already followed in {telex.news.mention}." in said(answer)
    assert "Now following" in said(await telex.editor.click(last(answer), label="Follow"))
    secret = telex.guild.create_text_channel("secret")
    await follow(telex, feed_server, item(9), path="/secret", title="Secret News", channel=secret)
    hide(telex, secret, telex.editor)
    answer = await telex.editor.slash(telex.news, "feed add", url="Secret News")
    assert "I don’t know an outlet" in said(answer)


async def test_credentials_are_hidden_and_warned_of_and_stay_with_the_server(telex, feed_server):
    url = feed_server.serve("/rss", rss(*three())).replace("http://", "http://jane:s3cr3t@")
    shown = await telex.editor.slash(telex.news, "feed add", url=url)
    assert "for this server only" in said(shown)
    await telex.editor.click(last(shown), label="Follow")
    _subscription, feed = (await telex.store.subscriptions.list_with_feeds(telex.guild.id))[0]
    assert feed.server_id == telex.guild.id
    listed = await telex.editor.slash(telex.news, "feed list")
    offered = await telex.editor.autocomplete(telex.news, "feed remove", "feed", "")
    assert "s3cr3t" not in said(shown) + said(listed) + str(offered)


def locked(server: FeedServer) -> str:
    """A feed that only Jane may read."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != aiohttp.encode_basic_auth("jane", "s3 cr:t", "utf-8"):
            return web.Response(status=401)
        return web.Response(body=rss(*three()), content_type="application/rss+xml")

    return server.handle("/locked", answer)


async def test_a_feed_behind_a_password_is_followed_without_the_password_in_a_command(telex, feed_server):
    shown = await telex.editor.slash(telex.news, "feed add", url=locked(feed_server))
    assert "asks for a username and password" in said(shown)
    form = await telex.editor.click(last(shown), label="Enter username and password")
    wrong = await telex.editor.submit_modal(form, {"user": "jane", "password": "guess"})
    assert "rejected this username and password" in said(wrong)
    assert "guess" not in said(wrong)
    form = await telex.editor.click(last(wrong), label="Enter username and password")
    shown = await telex.editor.submit_modal(form, {"user": "jane", "password": "s3 cr:t"})
    assert "for this server only" in said(shown)
    await telex.editor.click(last(shown), label="Follow")
    _subscription, feed = (await telex.store.subscriptions.list_with_feeds(telex.guild.id))[0]
    assert feed.server_id == telex.guild.id
    listed = await telex.editor.slash(telex.news, "feed list")
    assert "s3" not in said(shown) + said(listed)


async def test_whoever_may_no_longer_manage_feeds_gives_no_password(telex, feed_server):
    shown = await telex.editor.slash(telex.news, "feed add", url=locked(feed_server))
    form = await telex.editor.click(last(shown), label="Enter username and password")
    telex.env.backend.get_guild(telex.guild.id).members[telex.editor.id].role_ids.clear()
    answer = await telex.editor.submit_modal(form, {"user": "jane", "password": "s3 cr:t"})
    assert "Manage Server" in said(answer)
    assert len(feed_server.visits) == 1


async def test_a_page_without_a_feed_is_answered_with_what_can_be_done(telex, feed_server):
    page = feed_server.serve("/", "<title>Nothing</title>", content_type="text/html")
    shown = await telex.editor.slash(telex.news, "feed add", url=page)
    assert "I found no feed at" in said(shown)
    assert "Mastodon" in said(shown)
    assert labels(last(shown)) == []


def listed(kind: str, tag: str = "article") -> str:
    titles = [f"{kind} *number* {number} of this year" for number in range(1, 8)]
    links = (f"<h3><a href=/{kind}/{n}>{title}</a></h3>" for n, title in enumerate(titles))
    return "".join(
        f"<{tag}>{link}<time datetime=2026-05-0{9 - n}></time></{tag}>" for n, link in enumerate(links)
    )


async def test_a_page_without_a_feed_offers_its_list_and_the_feed_of_its_site(telex, feed_server):
    page = feed_server.serve("/town", f"<main>{listed('News')}</main>", content_type="text/html")
    feed_server.serve("/all", rss(*three()))
    link = '<link rel=alternate type=application/rss+xml title="{}" href={}>'
    feed_server.serve("/", link.format("All", "/all"), content_type="text/html")
    shown = await telex.editor.slash(telex.news, "feed add", url=page)
    assert "This page has no feed, but its site does." in said(shown)
    assert labels(last(shown)) == ["Follow this list", "Follow the site’s feed", "Cancel"]
    assert "Follow **Example News** in" in said(
        await telex.editor.click(last(shown), label="Follow the site’s feed")
    )
    feed_server.serve(
        "/",
        link.format("All", "/all") + link.format("Sport", "/sport"),
        content_type="text/html",
    )
    shown = await telex.editor.slash(telex.news, "feed add", url=page)
    assert labels(last(shown)) == ["Follow this list", "Cancel"]
    assert "Follow **Example News** in" in said(await choose(telex.editor, last(shown), "All", "Feeds of"))
    telex.locales[telex.editor.id] = "fr"
    shown = await telex.editor.slash(telex.news, "feed add", url=page)
    done = await telex.editor.click(last(shown), label="Suivre cette liste")
    assert "est désormais suivi dans" in said(done)
    again = await telex.editor.slash(telex.news, "feed add", url=page)
    again = await telex.editor.click(last(again), label="Suivre cette liste")
    assert "Déjà suivi dans" in said(again)


async def test_a_page_with_lists_is_followed_by_the_one_that_is_chosen(telex, feed_server):
    body = (
        f"<title>Town</title><main>{listed('News', 'article')}</main><div>{listed('Events', 'section')}</div>"
    )
    page = feed_server.serve("/town", body, content_type="text/html")
    shown = await telex.editor.slash(telex.news, "feed add", url=page)
    assert labels(last(shown)) == ["Follow this list", "Cancel"]
    lines = said(shown)
    assert len(lines.split("\n")) == 1 + 5
    assert f"[News \\*number\\* 1 of this year]({feed_server.origin}/News/0) · <t:1778284800:D>" in lines
    chosen = await choose(telex.editor, last(shown), "Events")
    assert "Events" in said(chosen)
    done = await telex.editor.click(last(chosen), label="Follow this list")
    await telex.deliver()
    assert "Now following **Town**" in said(done)
    assert [title(post) for post in telex.posts()] == ["Events *number* 1 of this year"]
    assert f"`{page}` · a list on this page" in said(await card(telex, "Town"))
    why = await telex.reader.slash(telex.news, "why", link=feed_server.origin + "/Events/0")
    assert "in **Town**" in said(why)
    telex.locales[telex.editor.id] = "fr"
    assert "Suivre cette liste" in labels(last(await telex.editor.slash(telex.news, "feed add", url=page)))


async def test_a_project_of_github_gives_a_choice_of_its_feeds(telex):
    shown = await telex.editor.slash(telex.news, "feed add", url="https://github.com/python/cpython")
    assert [option["label"] for option in menu(last(shown))[1]] == [
        "python/cpython · releases",
        "python/cpython · tags",
        "python/cpython · commits",
    ]


async def test_text_of_a_feed_is_neither_markup_nor_a_mention(telex, feed_server):
    hostile = "@everyone **bold** [x](https://evil.example) <@1>"
    url = feed_server.serve("/rss", rss(item(1), title=hostile))
    shown = await telex.editor.slash(telex.news, "feed add", url=url)
    assert said(shown).startswith("Follow **\\@everyone \\*\\*bold\\*\\* \\[x\\]")
    assert "\\<\\@1\\>" in said(shown)


async def test_manage_server_withdrawn_before_the_confirmation_refuses_it(telex, feed_server):
    url = feed_server.serve("/rss", rss(*three()))
    shown = await telex.editor.slash(telex.news, "feed add", url=url)
    telex.env.backend.get_guild(telex.guild.id).members[telex.editor.id].role_ids.clear()
    answer = await telex.editor.click(last(shown), label="Follow")
    assert "Manage Server" in said(answer)
    assert await followed(telex) == []


async def test_a_channel_that_the_editor_cannot_see_is_refused(telex, feed_server):
    url = feed_server.serve("/rss", rss(*three()))
    other = telex.guild.create_text_channel("secret")
    shown = await telex.editor.slash(telex.news, "feed add", url=url, channel=other)
    hide(telex, other, telex.editor)
    answer = await telex.editor.click(last(shown), label="Follow")
    assert "a channel you can’t see" in said(answer)
    assert await followed(telex) == []


async def test_the_most_feeds_a_server_may_follow_are_told(telex, feed_server, monkeypatch):
    monkeypatch.setattr("bot.polling.following.follow_service.MAX_FEEDS_PER_SERVER", 1)
    await telex.follow(feed_server.serve("/one", rss(*three())))
    shown = await telex.editor.slash(telex.news, "feed add", url=feed_server.serve("/two", rss(*three())))
    assert "the maximum" in said(shown)
