"""Opinions under More, and the taste of a server in /settings taste and /why."""

from __future__ import annotations

import json

from simcord.actors import MemberActor
from simcord.results import InteractionResult

from bot.core.models import Article
from tests.support.discord_world import World
from tests.support.feed_server import make_rss_item
from tests.support.interactions import get_last_reply, list_controls, read_message_text, read_reply_text
from tests.support.scenario import get_newest_article, publish_items, run_why


async def open_more_menu(world: World, article: Article, person: MemberActor) -> InteractionResult:
    """Open the menu More under the post of an article."""
    post = next(message for message in world.posts() if article.title in read_message_text(message))
    return await person.click(post, label="More")


async def test_more_menu_records_and_removes_opinions(telex, feed):
    article = await get_newest_article(telex, feed)
    opened_reply = get_last_reply(await open_more_menu(telex, article, telex.reader))
    assert article.title in read_message_text(opened_reply)
    assert [opinion.kind for opinion in await telex.store.opinions.list_by_user(telex.reader.id)] == ["opened"]
    pressed_reply = get_last_reply(await telex.reader.click(opened_reply, label="Like"))
    assert [liked_opinion.kind for liked_opinion in await telex.store.opinions.list_by_user(telex.reader.id)] == [
        "liked"
    ]
    assert {component["label"]: component["style"] for component in list_controls(pressed_reply)}["Like"] == 1
    pressed_reply = get_last_reply(await telex.reader.click(pressed_reply, label="Less like this"))
    assert [disliked_opinion.kind for disliked_opinion in await telex.store.opinions.list_by_user(telex.reader.id)] == [
        "disliked"
    ]
    await telex.reader.click(pressed_reply, label="Less like this")
    assert await telex.store.opinions.list_by_user(telex.reader.id) == []


async def test_taste_is_learnt_shown_and_reset(telex, feed, feed_server):
    now = telex.clock.now()
    titles = [f"Chess champion wins again {n}" if n % 2 else f"Golf cup drawn {n}" for n in range(11, 23)]
    entries = [make_rss_item(n, title=title, published=now - 100 + n) for n, title in enumerate(titles, 11)]
    for count in (6, 12):  # so that all are posts
        await publish_items(telex, feed_server, feed, *reversed(entries[:count]))
    articles = await telex.store.articles.list_newest([feed.id], limit=20)
    chess_articles = [candidate for candidate in articles if "Chess" in candidate.title]
    for number, article in enumerate(chess_articles):
        for person in (telex.reader, telex.editor):
            opened_reply = get_last_reply(await open_more_menu(telex, article, person))
            if person is telex.reader or number % 2:
                await person.click(opened_reply, label="Like")
            telex.clock.advance(60)
    panel = get_last_reply(await telex.run_as_editor("settings taste"))
    assert "chess" not in read_message_text(panel).casefold()  # with two people, each would know the other's taste
    link = chess_articles[0].url
    assert "Liked in this server" not in await run_why(telex, link, person=telex.editor)
    for article in chess_articles:
        await telex.store.bookmarks.add(77, article.id, server_id=telex.guild.id)
    telex.bot.services.preference_models.invalidate(telex.guild.id)
    panel = get_last_reply(await telex.run_as_editor("settings taste"))
    assert "**Likes**\nWords in titles: **Chess** ×" in read_message_text(panel)
    assert "**Golf**" in read_message_text(panel).partition("**Likes less**")[2]
    reason = await run_why(telex, link, person=telex.editor)
    assert "Liked in this server: **" in reason
    privacy_text = read_reply_text(await telex.run_as_reader("privacy"))
    assert "6 reactions to articles (Like, Less like this, More)" in privacy_text
    erasure = await telex.store.erase_user(telex.reader.id)
    assert erasure.opinion_count == 6
    panel = get_last_reply(await telex.editor.click(panel, label="Reset…"))
    panel = get_last_reply(await telex.editor.click(panel, label="Reset permanently"))
    assert "Nothing yet" in read_message_text(panel)
    assert await telex.store.bookmarks.count(77) == 6
    history = read_reply_text(await telex.run_as_editor("settings history"))
    assert "**What this server likes**: none → reset" in history
    assert json.dumps(await telex.store.opinions.list_by_user(telex.editor.id)) == "[]"
