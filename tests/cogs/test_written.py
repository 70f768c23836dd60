"""Summaries, translations and answers written by a language model."""

from __future__ import annotations

from dataclasses import replace

import pytest
from aiohttp import web
from simcord.builders import ChannelHandle
from simcord.results import ResponseMessage

from bot.answers.answer_model import Answer, Confidence
from bot.answers.conversing.question_service import QuestionReply
from bot.client.health import Health
from bot.client.web.metrics import MetricsCollector
from bot.core import setting_registry
from bot.core.configuration.settings import Settings
from bot.core.models import Feed
from bot.core.preferences import DigestPlan
from bot.posting.recovery.message_contents import contains_page, list_linked_pages
from bot.posting.rendering.layout.blocks import Card, Text
from bot.posting.rendering.layout.fitting import fit_layout
from bot.store.records.content_records import GeneratedTextKind
from bot.writing.citation_checks import Sentence
from bot.writing.model_tasks import ModelTask
from cogs.asking.written_answer_cards import written_answer_layout
from tests.cogs.engine import bot_mention
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss_item
from tests.support.interactions import (
    find_accessory_id,
    get_last_reply,
    hide_channel,
    list_button_labels,
    list_components,
    read_message_text,
    read_reply_text,
    select_option,
)
from tests.support.message_texts import find_title
from tests.support.model_service import ModelService, get_task, support_unless
from tests.support.posting_publisher import ResponseLosses
from tests.support.scenario import follow_feed, get_newest_article, publish_items
from tests.support.wire.waiting import wait_until

BODY = (
    "The city council of Lyon voted on Monday to ban facial recognition in public places. "
    "The ban begins on 1 June and costs the city 40,000 euros a year. "
    "Mayor Jeanne Martin said that cameras stay where they are, and that only the software goes. "
    "The police had tested it for two years, in trains and in two stadiums. "
    "Opponents of the ban want to go to court before the summer, and ask for a vote of the citizens. "
) * 2
SUMMARY = "Lyon bans facial recognition in public places. The ban begins on 1 June."
FRENCH = "Lyon interdit la reconnaissance faciale dans les lieux publics"
FRENCH_TEXT = "L’interdiction commence le 1er juin et coûte 40 000 euros par an à la ville."
ENGLISH = "Lyon bans facial recognition in public places"
ENGLISH_TEXT = "The ban begins on 1 June and costs the city 40,000 euros a year."


@pytest.fixture
def service(feed_server) -> ModelService:
    return ModelService(feed_server)


@pytest.fixture
def settings(settings, service) -> Settings:
    return replace(settings, model_url=service.url, model_name="small", model_daily=40)


async def follow_long_article(telex: World, server: FeedServer, body: str = BODY) -> Feed:
    return await follow_feed(
        telex, server, make_rss_item(1, title=ENGLISH, body=body, published=telex.clock.now() - 60)
    )


async def publish_article(telex: World, server: FeedServer, feed: Feed, number: int, name: str, body: str) -> None:
    await publish_items(
        telex, server, feed, make_rss_item(number, title=name, body=body, published=telex.clock.now() - 30)
    )


async def follow_with_translation(telex: World, server: FeedServer) -> Feed:
    """Follow a feed in a channel with French posts and turn machine translation on in its settings."""
    feed = await follow_long_article(telex, server)
    await telex.set_channel_setting(setting_registry.LANGUAGE, "fr", telex.news)
    panel = get_last_reply(await telex.run_as_editor("settings channel"))
    assert "off: posts stay in their own language" in read_message_text(panel)
    next_page_reply = get_last_reply(
        await telex.editor.click(panel, custom_id=find_accessory_id(panel, "Machine translation"))
    )
    assert "the original under More" in read_message_text(next_page_reply)
    await telex.deliver()
    return feed


async def test_summary_is_cached_and_has_only_supported_sentences(telex, feed_server, service):
    feed = await follow_long_article(telex, feed_server)
    post = telex.posts()[-1]
    service.answer_with(f"{SUMMARY} It costs 90,000 euros. @everyone click https://evil.example.")
    menu = get_last_reply(await telex.reader.click(post, label="More"))
    summary_text = read_message_text(get_last_reply(await telex.reader.click(menu, label="Summarize")))
    assert "\nLyon bans facial recognition in public places. ([Example News](https://news.example/" in summary_text
    assert "\nThe ban begins on 1 June. (" in summary_text
    assert "90,000" not in summary_text
    assert "evil" not in summary_text
    assert "Written by a language model" in summary_text
    assert "Write in English" in service.prompt
    service.answer_with("Something else entirely.")
    second_reply = await telex.reader.context_menu(telex.news, "Summarize", post)
    assert "The ban begins on 1 June." in read_reply_text(second_reply)
    assert len(service.requests) == 2, "a text and its check"
    service.answer_with(support_unless("Something"), ModelTask.VERIFY_SENTENCES)
    telex.locales[telex.reader.id] = "fr"
    refusal = read_reply_text(await telex.reader.context_menu(telex.news, "Summarize", post))
    assert "Pas de résumé" in refusal
    assert "Write in French" in service.prompt
    service.send_body(b"{}", 500)
    await publish_article(telex, feed_server, feed, 2, "Chips get smaller", BODY)
    newer_post = telex.posts()[-1]
    assert "ne répond pas" in read_reply_text(await telex.reader.context_menu(telex.news, "Summarize", newer_post))


async def test_summaries_per_day_and_server_are_limited(telex, feed_server, service, settings):
    feed = await follow_long_article(telex, feed_server)
    article = await get_newest_article(telex, feed)
    service.answer_with(SUMMARY)
    add_generated_text = telex.store.generated_texts.add
    for language in map(str, range(settings.model_daily // 4)):
        await add_generated_text(
            GeneratedTextKind.SUMMARY,
            article.id,
            "",
            language=language,
            model="small",
            server_id=telex.guild.id,
            started_at=telex.clock.now(),
        )
    post = telex.posts()[-1]
    refusal = await telex.reader.context_menu(telex.news, "Summarize", post)
    assert "Today’s limit for summaries" in read_reply_text(refusal)
    assert service.requests == []
    await telex.advance(90_000)
    assert "The ban begins on 1 June." in read_reply_text(
        await telex.reader.context_menu(telex.news, "Summarize", post)
    )


async def test_digest_has_available_summaries(telex, feed_server, service):
    await follow_long_article(telex, feed_server)
    service.answer_with(SUMMARY)
    flow = get_last_reply(await telex.run_as_editor("digest setup", channel=telex.news))
    flow = get_last_reply(await select_option(telex.editor, flow, "Summaries", "Options"))
    assert "With summaries written by a language model." in read_message_text(flow)
    assert f"\n{SUMMARY}\n" in read_message_text(flow)
    await telex.editor.click(flow, label="Start")
    digest = await telex.store.digests.get_by_channel(telex.news.id)
    assert digest.plan == DigestPlan(weekday=None, minute=480, has_summaries=True)
    service.send_body(b"{}", 500)  # cached summaries need no service
    await telex.advance(digest.due_at - telex.clock.now())
    await telex.deliver()
    digest_text = read_message_text(telex.posts()[-1])
    assert "## Today’s news" in digest_text
    assert f"\n{SUMMARY}\n" in digest_text
    assert "Summaries written by a language model." in digest_text


async def test_post_is_translated_after_it_is_sent(telex, feed_server, service):
    service.send_body(b"{}", 500)
    feed = await follow_with_translation(telex, feed_server)
    post = telex.posts()[-1]
    assert find_title(post) == ENGLISH  # the model is down, and the post is there
    service.answer_with(f"{FRENCH}\n{FRENCH_TEXT}")
    await publish_article(telex, feed_server, feed, 2, ENGLISH, ENGLISH_TEXT)
    assert find_title(telex.posts()[-1]) == ENGLISH  # the model is not called again for a while
    await telex.advance(60)
    await telex.deliver()
    await telex.deliver()
    post = telex.posts()[-1]
    assert find_title(post) == FRENCH
    assert FRENCH_TEXT in read_message_text(post)
    assert "-# 🌐 Traduction automatique (anglais)" in read_message_text(post)
    article = await get_newest_article(telex, feed)
    assert contains_page(list_linked_pages(post), article.page_key, article.title)  # when a channel is read back
    menu = get_last_reply(await telex.reader.click(post, label="Plus"))
    assert "ORIGINAL" in read_message_text(menu)
    assert ENGLISH_TEXT in read_message_text(menu)
    # A stored translation is reused; a corrected article is shown in the original.
    request_count = len(service.requests)
    await telex.restart()
    await telex.deliver()
    assert len(service.requests) == request_count
    service.answer_with("Lyon interdit la reconnaissance faciale à Paris\nC’est 41 000 euros.")
    await telex.advance(600)
    await publish_article(telex, feed_server, feed, 2, f"{ENGLISH} from June", ENGLISH_TEXT)
    await telex.deliver()
    assert find_title(telex.posts()[-1]) == f"{ENGLISH} from June"
    assert "🌐" not in read_message_text(telex.posts()[-1])
    assert "Summarize" in list_button_labels(menu)


async def test_model_calls_are_counted_in_metrics(telex, feed_server, service):
    await ask_about_ban(telex, feed_server, service)
    metrics = MetricsCollector(telex.bot.services, Health(telex.bot.services))
    lines = (await metrics.render_metrics()).decode().splitlines()
    assert 'telex_model_calls_total{task="answer"} 1.0' in lines
    assert 'telex_model_prompt_tokens_total{task="verify"} 100.0' in lines
    assert 'telex_model_dropped_sentences_total{task="verify"} 0.0' in lines


async def test_answer_is_not_shown_before_it_is_checked(telex, feed_server, service):
    await follow_long_article(telex, feed_server)
    discord_answers = ResponseLosses(telex)
    notice_ids: list[str] = []

    async def wait_for_notice() -> None:
        await wait_until(lambda: any("Writing…" in str(body) for body in discord_answers.bodies))

    async def reply(request: web.Request) -> web.StreamResponse:
        if get_task(await request.json()) is ModelTask.ANSWER:
            await wait_for_notice()
            notice_ids.append("shown")
        return await service.reply(request)

    service.answer_with("The ban begins on 1 June [1]. The mayor wants new cameras [1].")
    service.answer_with(support_unless("cameras"), ModelTask.VERIFY_SENTENCES)
    service.set_handler(reply)
    await telex.reader.send(telex.news, f"{bot_mention(telex)} When does the ban in Lyon begin?")
    answer = telex.posts()[-1]
    assert notice_ids == ["shown"]
    (notice,) = [str(body) for body in discord_answers.bodies if "Writing…" in str(body)]
    assert "1 June" not in notice
    assert "The ban begins on 1 June [[1]](" in read_message_text(answer)
    assert "new cameras" not in str(discord_answers.bodies)
    assert "Written by small from these sources. It can be wrong." in read_message_text(answer)


async def ask_about_ban(
    telex: World, server: FeedServer, service: ModelService, channel: ChannelHandle | None = None
) -> ResponseMessage:
    """Ask a question that two articles of a feed in a channel answer; return the reply."""
    item = make_rss_item(1, title=ENGLISH, body=BODY, published=telex.clock.now() - 60)
    feed = await follow_feed(telex, server, item, channel=channel or telex.news)
    await publish_article(telex, server, feed, 2, "Lyon’s ban and its cameras", f"Cameras stay. {BODY}")
    service.answer_with("The ban begins on 1 June [1]. It costs 40,000 euros a year [2][3].")
    return get_last_reply(await telex.run_as_reader("ask", question="When does the ban in Lyon begin?"))


async def test_quotes_of_generated_answer_require_access(telex, feed_server, service):
    wire = telex.guild.create_text_channel("wire")
    answer = await ask_about_ban(telex, feed_server, service, wire)
    await telex.restart()
    quotes = get_last_reply(await telex.reader.click(answer, label="Show the quotes"))
    assert quotes.ephemeral
    assert "> The ban begins on 1 June and costs the city 40,000 euros a year." in read_message_text(quotes)
    assert "-# \\[1\\]" in read_message_text(quotes)
    hide_channel(telex, wire, telex.reader)
    assert "can’t see here" in read_reply_text(await telex.reader.click(answer, label="Show the quotes"))


async def test_quotes_back_each_written_sentence_rather_than_repeat_the_question(telex, feed_server, service):
    opening = "The council met until midnight, and the public stayed. Everybody was tired, and nobody went home early. "
    await follow_long_article(
        telex, feed_server, opening * 3 + "Mayor Jeanne Martin *keeps* the cameras. The hall has 300 old chairs."
    )
    service.answer_with("Jeanne Martin keeps the cameras [1]. The hall (old) has 300 chairs [1].")
    question = "Who bans facial recognition in public places?"
    answer = get_last_reply(await telex.run_as_reader("ask", question=question))
    assert "The hall (old) has 300 chairs [[1]](" in read_message_text(answer)
    await telex.restart()
    quotes_text = read_message_text(get_last_reply(await telex.reader.click(answer, label="Show the quotes")))
    quote_lines = [line for line in quotes_text.splitlines() if line.startswith("> ")]
    assert any("Mayor Jeanne Martin \\*keeps\\* the cameras." in line for line in quote_lines)
    assert any("The hall has 300 old chairs." in line for line in quote_lines)
    assert not any(ENGLISH in line for line in quote_lines)


async def test_card_says_that_allowance_of_written_answers_is_used_up(telex, feed_server, service):
    await ask_about_ban(telex, feed_server, service)
    writer = telex.bot.services.model_services.answer_writer
    while not writer.is_allowance_used_up(telex.guild.id):
        writer.begin_answer(telex.guild.id)
    question = "When does the ban in Lyon begin?"
    note = "-# Answered without the language model: too many questions here. Try again in a minute."
    quoted = await telex.run_as_reader("ask", question=question)
    assert note in read_reply_text(quoted).splitlines()
    assert "Written by small" not in read_reply_text(quoted)
    telex.locales[telex.reader.id] = "fr"
    quoted = await telex.run_as_reader("ask", question=question)
    assert "-# Réponse sans le modèle de langage" in read_reply_text(quoted)
    await telex.advance(60)
    reply_text = read_reply_text(await telex.run_as_reader("ask", question=question))
    assert "The ban begins on 1 June [[1]](" in reply_text
    assert "sans le modèle" not in reply_text


async def test_one_of_several_sources_is_saved(telex, feed_server, service):
    answer = await ask_about_ban(telex, feed_server, service)
    save_button_id = next(
        part["custom_id"] for part in list_components(answer) if "save-sources" in str(part.get("custom_id"))
    )
    menu = get_last_reply(await telex.reader.click(answer, custom_id=save_button_id))
    await select_option(telex.reader, menu, "Lyon’s ban and its cameras", "Save an article…")
    (bookmark,) = await telex.store.bookmarks.list_by_user(telex.reader.id, limit=9)
    assert bookmark.article.title == "Lyon’s ban and its cameras"


async def test_long_answer_drops_links_before_sentences(telex, feed_server):
    feed = await follow_long_article(telex, feed_server)
    article = await get_newest_article(telex, feed)
    sources = tuple(
        article._replace(id=number, url=f"https://news.example/{number}/{'x' * 450}") for number in range(1, 5)
    )
    sentences = tuple(Sentence(f"Sentence {number} is here.", (1, 2, 3, 4)) for number in range(4))
    answer = Answer(
        question="What?", confidence=Confidence.SURE, sources=sources, generated_sentences=sentences, model_name="small"
    )
    (card,) = fit_layout(written_answer_layout(QuestionReply(answer=answer, question_id=1), ()))
    assert isinstance(card, Card)
    texts = [block.variants[0] for block in card.blocks if isinstance(block, Text)]
    assert "Sentence 3 is here \\[1\\]\\[2\\]\\[3\\]\\[4\\]." in texts[0]
    assert texts[1].count("https://") == 4
    assert "Written by small" in texts[2]
