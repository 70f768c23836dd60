"""More under a post, /settings taste, /why: a server's taste is shown, used, forgotten, and nobody's own."""

from __future__ import annotations

import json

from simcord.actors import MemberActor
from simcord.results import InteractionResult

from bot.core.models import Article
from tests.cogs.helpers import components, follow, last, newest, said, text
from tests.discord_world import World
from tests.feed_server import item, rss


async def more(world: World, article: Article, person: MemberActor) -> InteractionResult:
    """The menu that a person opens under the post of an article."""
    post = next(one for one in world.posts() if article.title in text(one))
    return await person.click(post, label="More")


async def test_the_menu_of_a_post_takes_opinions_and_takes_them_back(telex, feed_server):
    feed = await follow(telex, feed_server)
    article = await newest(telex, feed)
    opened = last(await more(telex, article, telex.reader))
    assert article.title in text(opened)
    assert [one.opinion for one in await telex.store.feedback.of_person(telex.reader.id)] == ["opened"]
    pressed = last(await telex.reader.click(opened, label="Like"))
    assert [one.opinion for one in await telex.store.feedback.of_person(telex.reader.id)] == ["liked"]
    assert {one["label"]: one["style"] for one in components(pressed)}["Like"] == 1
    pressed = last(await telex.reader.click(pressed, label="Less like this"))
    assert [one.opinion for one in await telex.store.feedback.of_person(telex.reader.id)] == ["disliked"]
    await telex.reader.click(pressed, label="Less like this")
    assert await telex.store.feedback.of_person(telex.reader.id) == []


async def test_a_taste_is_learnt_shown_explained_and_forgotten(telex, feed_server):
    feed = await follow(telex, feed_server)
    now = telex.clock.now()
    titles = [f"Chess champion wins again {n}" if n % 2 else f"Golf cup drawn {n}" for n in range(11, 23)]
    entries = [item(n, title=title, published=now - 100 + n) for n, title in enumerate(titles, 11)]
    for count in (6, 12):  # so that all are posts
        feed_server.serve("/rss", rss(*reversed(entries[:count])))
        await telex.poll_and_deliver(feed)
    articles = await telex.store.articles.newest([feed.id], limit=20)
    liked = [one for one in articles if "Chess" in one.title]
    for number, one in enumerate(liked):
        for person in (telex.reader, telex.editor):
            opened = last(await more(telex, one, person))
            if person is telex.reader or number % 2:
                await person.click(opened, label="Like")
            telex.clock.advance(60)
    panel = last(await telex.editor.slash(telex.news, "settings taste"))
    assert "chess" not in text(panel).casefold()  # the taste of two: each would know the other's
    link = liked[0].url
    assert "Liked in this server" not in said(await telex.editor.slash(telex.news, "why", link=link))
    for one in liked:
        await telex.store.bookmarks.add(77, one.id, server_id=telex.guild.id)
    telex.bot.newsroom.tastes.invalidate(telex.guild.id)
    panel = last(await telex.editor.slash(telex.news, "settings taste"))
    assert "**Likes**\nWords in titles: **Chess** ×" in text(panel)
    assert "**Golf**" in text(panel).partition("**Likes less**")[2]
    why = said(await telex.editor.slash(telex.news, "why", link=link))
    assert "Liked in this server: **" in why
    kept = said(await telex.reader.slash(telex.news, "privacy"))
    assert "6 reactions to articles (Like, Less like this, More)" in kept
    erased = await telex.store.erase(telex.reader.id)
    assert erased.opinions == 6
    panel = last(await telex.editor.click(panel, label="Reset…"))
    panel = last(await telex.editor.click(panel, label="Reset permanently"))
    assert "Nothing yet" in text(panel)
    assert await telex.store.bookmarks.count(77) == 6
    history = said(await telex.editor.slash(telex.news, "settings history"))
    assert "**What this server likes**: none → reset" in history
    assert json.dumps(await telex.store.feedback.of_person(telex.editor.id)) == "[]"
