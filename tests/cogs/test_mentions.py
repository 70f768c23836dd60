"""Replies to messages that mention the bot, follow-up questions and direct messages."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Any

import discord
from simcord.builders import ChannelHandle

from bot.answers import answer_pipeline
from bot.answers.conversing.follow_up_questions import MAX_PREVIOUS_QUESTIONS
from bot.answers.conversing.question_limits import MAX_QUESTIONS_PER_USER_PER_MINUTE
from bot.answers.conversing.question_service import DM_CONVERSATION_SECONDS, THREAD_CONVERSATION_SECONDS
from bot.core.setting_registry import LANGUAGE
from bot.core.user_models import saved_pages_feed_id
from bot.posting.recovery.message_contents import ArticleKeys, list_custom_ids, parse_article_keys
from cogs.asking import message_answers
from tests.cogs.engine import bot_mention
from tests.support.discord_world import World
from tests.support.feed_server import make_rss_item
from tests.support.interactions import (
    NEXT,
    get_button_custom_id,
    get_last_reply,
    hide_channel,
    list_button_labels,
    press_icon_button,
    read_message_text,
    read_reply_text,
)
from tests.support.scenario import START, follow_feed, get_newest_article, publish_items


async def test_answer_replies_to_message_without_mentions(telex, feed, engine):
    question_message = await telex.reader.send(
        telex.news, f"{bot_mention(telex)} who is <@{telex.editor.id}>, @everyone?"
    )
    post = telex.posts()[-1]
    assert post.reference.message_id == question_message.id
    assert not post.mentions
    assert not post.mention_everyone
    assert engine.calls[-1]["question"] == "who is , @everyone?"


async def test_bare_mention_gets_instructions(telex, feed_server):
    await telex.reader.send(telex.news, bot_mention(telex))
    assert "Ask about this server’s news" in read_message_text(telex.posts()[-1])
    assert "/ask" in read_message_text(telex.posts()[-1])


async def test_mention_of_bot_role_gets_hint(telex):
    bot_user = telex.env.backend.bot_user
    guild = telex.bot.get_guild(telex.guild.id)
    role = guild.get_role(telex.guild.roles[bot_user.name].id) if guild else None
    role.tags = discord.RoleTags({"bot_id": str(bot_user.id)})  # which simcord leaves out
    await telex.reader.send(telex.news, f"{role.mention} who bought Slack?")
    assert "You mentioned my role" in read_message_text(telex.posts()[-1])


async def test_search_syntax_in_mention_shows_results(telex, feed):
    await telex.reader.send(telex.news, f"{bot_mention(telex)} search: moratorium since:7d")
    results_message = telex.posts()[-1]
    assert "**[Cities ban facial recognition](https://news.example/articles/3)**" in read_message_text(results_message)
    assert "/search shows you more" in read_message_text(results_message)
    assert parse_article_keys(results_message) == ArticleKeys()  # it is no post
    await telex.reader.send(telex.news, f"{bot_mention(telex)} titre:puces depuis:7j")
    assert "Aucun résultat" in read_message_text(telex.posts()[-1])
    await telex.reader.send(telex.news, f"{bot_mention(telex)} cherche moratorium")
    assert "Cities ban facial recognition" in read_message_text(telex.posts()[-1])


async def test_search_by_mention_links_to_all_results(telex, feed_server):
    items = [make_rss_item(number, title=f"Robots {number}", published=START - number) for number in range(1, 8)]
    await follow_feed(telex, feed_server, *items)
    await telex.reader.send(telex.news, f"{bot_mention(telex)} search: robots")
    results_message = telex.posts()[-1]
    assert "7 articles · best first" in read_message_text(results_message)
    assert parse_article_keys(results_message) == ArticleKeys()
    await telex.restart()
    first = await telex.editor.click(results_message, custom_id=get_button_custom_id(results_message, "Show all"))
    assert get_last_reply(first).ephemeral
    assert "1 / 2" in list_button_labels(get_last_reply(first))
    assert "Robots 7" in read_reply_text(await press_icon_button(telex.editor, get_last_reply(first), NEXT))
    await telex.reader.send(telex.news, f"{bot_mention(telex)} search: robots {'or robots ' * 10}")
    assert "Show all" not in list_button_labels(telex.posts()[-1])  # no id is so long


async def test_search_by_mention_offers_suggestions(telex, feed):
    await telex.reader.send(telex.news, f"{bot_mention(telex)} search: morotarium")
    results_message = telex.posts()[-1]
    second_reply = await telex.reader.click(
        results_message, custom_id=get_button_custom_id(results_message, "moratorium")
    )
    assert get_last_reply(second_reply).ephemeral
    assert "1 article · best first" in read_reply_text(second_reply)


async def test_search_by_mention_does_not_show_bookmarks(telex, feed):
    await telex.store.bookmarks.add(telex.reader.id, (await get_newest_article(telex, feed)).id)
    await telex.reader.send(telex.news, f"{bot_mention(telex)} is:bookmarked")
    assert "Cities" not in read_message_text(telex.posts()[-1])


async def test_search_by_mention_omits_hidden_channel(telex, feed_server):
    secret = telex.guild.create_text_channel("secret")
    await follow_feed(telex, feed_server, channel=secret)
    hide_channel(telex, secret, telex.reader)
    await follow_feed(telex, feed_server, make_rss_item(9, title="Open to all"), path="/open", title="Open News")
    await telex.editor.send(telex.news, f"{bot_mention(telex)} search: cities")
    assert "Cities" not in read_message_text(telex.posts()[-1])


async def test_messages_without_question_to_bot_are_ignored(telex, feed, engine):
    post_count_before = len(telex.posts())
    for words in ("lol nice", "thanks!", "🎉"):
        await telex.reader.send(telex.news, words, reply_to=telex.posts()[0])
    robot = telex.guild.add_member(telex.env.create_user("robot", bot=True))
    await robot.send(telex.news, f"{bot_mention(telex)} who are you?")
    for words in (
        f"I set {bot_mention(telex)} up yesterday",
        "who bought Slack, Telex?",
        "@everyone who bought Slack?",
    ):
        await telex.reader.send(telex.news, words)
    assert len(telex.posts()) == post_count_before
    assert engine.calls == []


async def test_question_in_reply_to_post_is_about_its_article(telex, feed_server, engine):
    article = await get_newest_article(telex, await follow_feed(telex, feed_server))
    await telex.reader.send(telex.news, "who is behind this?", reply_to=telex.posts()[0])
    assert engine.calls[-1]["about_article_id"] == article.id
    assert f"Not answered in [{article.title}]({article.url})" in read_message_text(telex.posts()[-1])
    engine.answer_with_quotes(article)
    await telex.reader.send(telex.news, "and why?", reply_to=telex.posts()[-1])
    assert engine.calls[-1]["about_article_id"] == article.id
    assert engine.calls[-1]["previous_questions"] == ["who is behind this?"]
    assert f"About [{article.title}]" in read_message_text(telex.posts()[-1])
    await telex.reader.send(telex.news, "and when?", reply_to=telex.posts()[-1])
    assert engine.calls[-1]["previous_source_ids"] == (article.id,)


async def test_reply_to_catch_up_is_about_named_article(telex, feed_server, engine):
    feed = await follow_feed(telex, feed_server, make_rss_item(0, title="Old", published=START - 90_000))
    robot_items = [make_rss_item(n, title=f"Robots at work {n}", published=START - n) for n in range(1, 14)]
    robot_items[-1] = make_rss_item(13, title="Cities ban facial recognition", published=START - 13)
    await publish_items(telex, feed_server, feed, *robot_items)
    catch_up = next(post for post in telex.posts() if "arrived in the meantime" in read_message_text(post))
    articles = await telex.store.articles.list_newest([feed.id], limit=14)
    ban_article = next(article for article in articles if article.title.startswith("Cities"))
    await telex.reader.send(telex.news, "who voted for the facial recognition ban?", reply_to=catch_up)
    assert engine.calls[-1]["about_article_id"] == ban_article.id
    await telex.reader.send(telex.news, "what about robots?", reply_to=catch_up)
    assert engine.calls[-1]["about_article_id"] is None


async def test_previous_questions_of_reply_chain_are_limited(telex, feed, engine):
    await telex.reader.send(telex.news, f"{bot_mention(telex)} question 0 on Signal?")
    assert engine.calls[-1]["previous_questions"] == []
    for number in range(1, MAX_PREVIOUS_QUESTIONS + 2):
        await telex.advance(30)
        person = (telex.reader, telex.editor)[number % 2]
        await person.send(telex.news, f"question {number}?", reply_to=telex.posts()[-1])
    assert engine.calls[-1]["previous_questions"] == [f"question {n}?" for n in range(1, MAX_PREVIOUS_QUESTIONS + 1)]
    await telex.advance(30)
    await telex.reader.send(telex.news, f"{bot_mention(telex)} something else on Signal?")
    assert engine.calls[-1]["previous_questions"] == []


async def test_reply_to_own_question_continues_conversation(telex, feed, engine):
    question_message = await telex.reader.send(telex.news, f"{bot_mention(telex)} who bought Slack?")
    await telex.reader.send(telex.news, f"{bot_mention(telex)} and when?", reply_to=question_message)
    assert engine.calls[-1]["previous_questions"] == ["who bought Slack?"]


async def test_reply_to_public_answer_continues_conversation(telex, feed, engine):
    await telex.run_as_reader("ask", question="who bought Slack?", public=True)
    answer = telex.posts()[-1]
    await telex.editor.send(telex.news, f"{bot_mention(telex)} and when?", reply_to=answer)
    assert engine.calls[-1]["previous_questions"] == ["who bought Slack?"]


async def test_private_question_is_no_context_for_others(telex, feed, engine):
    thread = await create_public_thread(telex)
    await telex.reader.slash(thread, "ask", question="my secret plan with Slack?")
    await telex.editor.send(thread, f"{bot_mention(telex)} and when?")
    assert engine.calls[-1]["previous_questions"] == []


async def create_public_thread(world: World, message: discord.Message | None = None) -> ChannelHandle:
    """Create a public thread of the channel, on a message if given."""
    parent = world.bot.get_channel(world.news.id)
    assert isinstance(parent, discord.TextChannel)
    await world.set_permissions(world.news, create_public_threads=True)
    if message is None:
        thread = await parent.create_thread(name="talk", type=discord.ChannelType.public_thread)
    else:
        thread = await parent.get_partial_message(message.id).create_thread(name="talk")
    await world.env.settle()
    return next(handle for handle in world.news.threads if handle.id == thread.id)


async def test_thread_uses_own_language_or_that_of_channel(telex):
    thread = await create_public_thread(telex)
    set_language = partial(telex.store.preferences.change_channel, LANGUAGE, server_id=telex.guild.id, user_id=1)
    await set_language("fr", channel_id=telex.news.id)
    await telex.reader.send(thread, bot_mention(telex))
    assert "Pour chercher" in read_message_text(telex.posts(thread)[-1])
    await set_language("en", channel_id=thread.id)
    await telex.reader.send(thread, bot_mention(telex))
    assert "To search" in read_message_text(telex.posts(thread)[-1])


async def test_questions_in_thread_are_context_for_a_day(telex, feed, engine):
    thread = await create_public_thread(telex)
    await telex.reader.send(thread, f"{bot_mention(telex)} who bought Slack?")
    assert engine.calls[-1]["feed_ids"] == {feed.id}
    await telex.editor.send(thread, f"{bot_mention(telex)} and when?")
    assert engine.calls[-1]["previous_questions"] == ["who bought Slack?"]
    await telex.advance(THREAD_CONVERSATION_SECONDS + 1)
    await telex.editor.send(thread, f"{bot_mention(telex)} how many people?")
    assert engine.calls[-1]["previous_questions"] == []


async def test_question_in_thread_of_post_is_about_its_article(telex, feed_server, engine):
    article = await get_newest_article(telex, await follow_feed(telex, feed_server))
    thread = await create_public_thread(telex, telex.posts()[0])
    await telex.reader.send(thread, f"{bot_mention(telex)} who is behind this?")
    assert engine.calls[-1]["about_article_id"] == article.id
    assert article.title not in read_message_text(telex.posts(thread)[-1])


async def test_conversation_continues_after_restart(telex, feed, engine):
    await telex.reader.send(telex.news, f"{bot_mention(telex)} who bought Slack?")
    await telex.restart()
    await telex.reader.send(telex.news, "and when?", reply_to=telex.posts()[-1])
    assert engine.calls[-1]["previous_questions"] == ["who bought Slack?"]


async def test_long_question_is_refused(telex, feed, engine):
    await telex.reader.send(telex.news, f"{bot_mention(telex)} who {'really ' * 80}?")
    assert "up to 400 characters" in read_message_text(telex.posts()[-1])
    assert engine.calls == []


async def test_mention_in_unpostable_channel_is_logged_once(telex, feed, engine, caplog):
    await telex.set_permissions(telex.news, send_messages=False)
    caplog.set_level(logging.WARNING)
    for _ in range(2):
        await telex.reader.send(telex.news, f"{bot_mention(telex)} who?")
    assert engine.calls == []
    assert sum("question unanswered" in record.getMessage() for record in caplog.records) == 1
    await telex.set_permissions(telex.news, send_messages=None)
    await telex.reader.send(telex.news, f"{bot_mention(telex)} who?")
    assert len(engine.calls) == 1


async def test_mention_is_answered_without_history_permission(telex, feed, engine):
    await telex.set_permissions(telex.news, read_message_history=False)
    await telex.reader.send(telex.news, f"{bot_mention(telex)} who bought Slack?")
    assert "I have no articles yet" in read_message_text(telex.posts()[-1])
    assert telex.posts()[-1].reference is None


def list_direct_messages(world: World) -> list[discord.Message]:
    return [message for message in world.reader.user.dm_channel.history() if message.author.bot]


async def test_direct_message_uses_feeds_visible_to_user(telex, feed, feed_server, engine):
    secret = telex.guild.create_text_channel("secret")
    await follow_feed(telex, feed_server, make_rss_item(9, title="Secret"), path="/secret", channel=secret)
    hide_channel(telex, secret, telex.reader)
    engine.answer_with_quotes(await get_newest_article(telex, feed))
    await telex.reader.send_dm("who bought Slack?")
    assert engine.calls[-1]["feed_ids"] == {feed.id, saved_pages_feed_id(telex.reader.id)}
    answer = list_direct_messages(telex)[-1]
    assert "moratorium" in read_message_text(answer)
    save_custom_id = next(
        component_id for component_id in list_custom_ids(answer) if component_id.startswith("telex:save")
    )
    assert "Saved" in read_reply_text(await telex.reader.user.click(answer, custom_id=save_custom_id))
    upvote_custom_id = next(
        vote_button_id for vote_button_id in list_custom_ids(answer) if vote_button_id.startswith("telex:vote:up")
    )
    assert "helped" in read_reply_text(await telex.reader.user.click(answer, custom_id=upvote_custom_id))
    await telex.reader.send_dm("and when?")
    assert engine.calls[-1]["previous_questions"] == ["who bought Slack?"]
    await telex.advance(DM_CONVERSATION_SECONDS + 1)
    await telex.reader.send_dm("qui dirige Intel ?")
    assert engine.calls[-1]["previous_questions"] == []
    assert "Example News" in read_message_text(list_direct_messages(telex)[-1])
    engine.answer_fields = {"related_articles": (await get_newest_article(telex, feed),)}
    await telex.reader.send_dm("how deep is the ocean of Europa?")
    (only_custom_id,) = list_custom_ids(list_direct_messages(telex)[-1])
    assert only_custom_id.startswith("telex:vote:down")  # but no watch button: a watch belongs to a server


async def test_direct_message_without_visible_feeds(telex, engine):
    await telex.reader.send_dm("who bought Slack?")
    assert "Nothing to read yet" in read_message_text(list_direct_messages(telex)[-1])
    assert engine.calls == []
    await telex.reader.send_dm("hello")
    assert "Ask me about the news" in read_message_text(list_direct_messages(telex)[-1])


async def test_direct_messages_share_question_limit(telex, feed, engine):
    for number in range(MAX_QUESTIONS_PER_USER_PER_MINUTE + 2):
        await telex.reader.send_dm(f"who bought Slack {number}?")
    assert len(engine.calls) == MAX_QUESTIONS_PER_USER_PER_MINUTE
    assert "Ask again" in read_message_text(list_direct_messages(telex)[-1])
    assert len(list_direct_messages(telex)) == MAX_QUESTIONS_PER_USER_PER_MINUTE + 2


async def test_wait_notice_is_replaced_by_answer(telex, feed, engine, monkeypatch):
    engine.answer_with_quotes(await get_newest_article(telex, feed))
    monkeypatch.setattr(message_answers, "WAIT_NOTICE_DELAY_SECONDS", 0.01)
    sent_texts: list[str] = []
    original_send, original_ask = discord.abc.Messageable.send, answer_pipeline.answer_question

    async def answer_slowly(*args: Any, **options: Any) -> Any:
        await asyncio.sleep(0.3)
        return await original_ask(*args, **options)

    async def record_and_send(self: Any, content: str | None = None, **kwargs: Any) -> discord.Message:
        sent_texts.append(content or "")
        return await original_send(self, content, **kwargs)

    monkeypatch.setattr(answer_pipeline, "answer_question", answer_slowly)
    monkeypatch.setattr(discord.abc.Messageable, "send", record_and_send)
    await telex.reader.send_dm("qui a racheté Slack ?")
    assert sent_texts == ["Je cherche…"]
    (answer,) = list_direct_messages(telex)
    assert "Example News" in read_message_text(answer)
