"""Summaries and translations by a model: shown as far as they hold, and never in anybody's way."""

from __future__ import annotations

import pytest
from simcord.results import ResponseMessage

from bot.core import setting_registry
from bot.core.models import Feed
from bot.core.preferences import DigestPlan
from bot.core.settings import Settings
from bot.posting.recovery.message_contents import contains_page, list_linked_pages
from bot.store.records.content_records import GeneratedTextKind
from tests.cogs.engine import bot_mention
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.interactions import (
    button_labels,
    choose,
    follow,
    last_reply,
    message_text,
    newest_article,
    parts,
    text,
)
from tests.support.model_service import ModelService
from tests.support.posting_publisher import Answers
from tests.support.shown import title
from tests.support.wire.waiting import until

BODY = (
    "The city council of Lyon voted on Monday to ban facial recognition in public places. "
    "The ban begins on 1 June and costs the city 40,000 euros a year. "
    "Mayor Jeanne Martin said that cameras stay where they are, and that only the software goes. "
    "The police had tested it for two years, in trains and in two stadiums. "
    "Opponents of the ban want to go to court before the summer, and ask for a vote of the citizens. "
) * 2
GOOD = "Lyon bans facial recognition in public places. The ban begins on 1 June."
FRENCH = "Lyon interdit la reconnaissance faciale dans les lieux publics"
FRENCH_TEXT = "L’interdiction commence le 1er juin et coûte 40 000 euros par an à la ville."
ENGLISH = "Lyon bans facial recognition in public places"
ENGLISH_TEXT = "The ban begins on 1 June and costs the city 40,000 euros a year."


@pytest.fixture
def service(feed_server) -> ModelService:
    return ModelService(feed_server)


@pytest.fixture
def settings(settings, service) -> Settings:
    return settings.model_copy(update={"model_url": service.url, "model_name": "small", "model_daily": 40})


async def follow_long_article(telex: World, server: FeedServer, body: str = BODY) -> Feed:
    return await follow(telex, server, make_rss_item(1, title=ENGLISH, body=body, published=telex.clock.now() - 60))


async def publish_article(telex: World, server: FeedServer, feed: Feed, number: int, name: str, body: str) -> None:
    server.serve("/rss", make_rss(make_rss_item(number, title=name, body=body, published=telex.clock.now() - 30)))
    await telex.poll_and_deliver(feed)


async def follow_with_translation(telex: World, server: FeedServer) -> Feed:
    """A feed whose channel wants its posts in French, and turned that on as people do."""
    feed = await follow_long_article(telex, server)
    await telex.set_channel_setting(setting_registry.LANGUAGE, "fr", telex.news)
    panel = last_reply(await telex.editor.slash(telex.news, "settings channel"))
    assert "off: posts stay in their own language" in text(panel)
    next_page_reply = last_reply(
        await telex.editor.click(panel, custom_id=find_accessory_id(panel, "Machine translation"))
    )
    assert "the original under More" in text(next_page_reply)
    await telex.deliver()
    return feed


def find_accessory_id(message: ResponseMessage, setting: str) -> str:
    """The custom id of the button beside a setting."""
    for part in parts(message):
        if part.get("accessory") and setting in str(part.get("components")):
            return str(part["accessory"]["custom_id"])
    raise AssertionError(setting)


async def test_an_article_is_summed_up_once_and_only_as_far_as_it_says_so(telex, feed_server, service):
    feed = await follow_long_article(telex, feed_server)
    post = telex.posts()[-1]
    service.answer_with(f"{GOOD} It costs 90,000 euros. @everyone click https://evil.example.")
    menu = last_reply(await telex.reader.click(post, label="More"))
    summary_text = text(last_reply(await telex.reader.click(menu, label="Summarize")))
    assert "\nLyon bans facial recognition in public places. ([Example News](https://news.example/" in summary_text
    assert "\nThe ban begins on 1 June. (" in summary_text
    assert "90,000" not in summary_text
    assert "evil" not in summary_text
    assert "Written by a language model" in summary_text
    assert "Write in English" in service.prompt
    service.answer_with("Something else entirely.")
    second_reply = await telex.reader.context_menu(telex.news, "Summarize", post)
    assert "The ban begins on 1 June." in message_text(second_reply)
    assert len(service.requests) == 1
    telex.locales[telex.reader.id] = "fr"
    nothing = message_text(await telex.reader.context_menu(telex.news, "Summarize", post))
    assert "Pas de résumé" in nothing
    assert "Write in French" in service.prompt
    service.send_body(b"{}", 500)
    await publish_article(telex, feed_server, feed, 2, "Chips get smaller", BODY)
    newer = telex.posts()[-1]
    assert "ne répond pas" in message_text(await telex.reader.context_menu(telex.news, "Summarize", newer))


async def test_a_day_has_so_many_summaries_and_a_server_its_share(telex, feed_server, service, settings):
    feed = await follow_long_article(telex, feed_server)
    article = await newest_article(telex, feed)
    service.answer_with(GOOD)
    add = telex.store.generated_texts.add
    for language in map(str, range(settings.model_daily // 4)):
        await add(
            GeneratedTextKind.SUMMARY,
            article.id,
            "",
            language=language,
            model="small",
            server_id=telex.guild.id,
            as_of=telex.clock.now(),
        )
    post = telex.posts()[-1]
    refusal = await telex.reader.context_menu(telex.news, "Summarize", post)
    assert "Today’s limit for summaries" in message_text(refusal)
    assert service.requests == []
    await telex.advance(90_000)
    assert "The ban begins on 1 June." in message_text(await telex.reader.context_menu(telex.news, "Summarize", post))


async def test_a_digest_has_summaries_where_they_are_there_in_time(telex, feed_server, service):
    await follow_long_article(telex, feed_server)
    service.answer_with(GOOD)
    flow = last_reply(await telex.editor.slash(telex.news, "digest setup", channel=telex.news))
    flow = last_reply(await choose(telex.editor, flow, "Summaries", "Options"))
    assert "With summaries written by a language model." in text(flow)
    assert f"\n{GOOD}\n" in text(flow)
    await telex.editor.click(flow, label="Start")
    digest = await telex.store.digests.by_channel(telex.news.id)
    assert digest.plan == DigestPlan(weekday=None, minute=480, summaries=True)
    service.send_body(b"{}", 500)  # what is cached needs no service, and what is not goes without
    await telex.advance(digest.due - telex.clock.now())
    await telex.deliver()
    digest_text = text(telex.posts()[-1])
    assert "## Today’s news" in digest_text
    assert f"\n{GOOD}\n" in digest_text
    assert "Summaries written by a language model." in digest_text


async def test_posts_are_sent_at_once_and_translated_when_it_is_there(telex, feed_server, service):
    service.send_body(b"{}", 500)
    feed = await follow_with_translation(telex, feed_server)
    post = telex.posts()[-1]
    assert title(post) == ENGLISH  # the model is down, and the post is there
    service.answer_with(f"{FRENCH}\n{FRENCH_TEXT}")
    await publish_article(telex, feed_server, feed, 2, ENGLISH, ENGLISH_TEXT)
    assert title(telex.posts()[-1]) == ENGLISH  # it is left alone for a while
    await telex.advance(60)
    await telex.deliver()
    await telex.deliver()
    post = telex.posts()[-1]
    assert title(post) == FRENCH
    assert FRENCH_TEXT in text(post)
    assert "-# 🌐 Traduction automatique (anglais)" in text(post)
    article = await newest_article(telex, feed)
    assert contains_page(list_linked_pages(post), article.page, article.title)  # when a channel is read back
    menu = last_reply(await telex.reader.click(post, label="Plus"))
    assert "ORIGINAL" in text(menu)
    assert ENGLISH_TEXT in text(menu)
    # What another channel had translated, or was corrected, needs no second look at the original.
    request_count = len(service.requests)
    await telex.restart()
    await telex.deliver()
    assert len(service.requests) == request_count
    service.answer_with("Lyon interdit la reconnaissance faciale à Paris\nC’est 41 000 euros.")
    await telex.advance(600)
    await publish_article(telex, feed_server, feed, 2, f"{ENGLISH} from June", ENGLISH_TEXT)
    await telex.deliver()
    assert title(telex.posts()[-1]) == f"{ENGLISH} from June"
    assert "🌐" not in text(telex.posts()[-1])
    assert "Summarize" in button_labels(menu)


async def test_an_answer_grows_sentence_by_sentence_in_one_message(telex, feed_server, service):
    await follow_long_article(telex, feed_server)
    article, question = telex.posts()[-1], f"{bot_mention(telex)} Summarize this article"
    discord_answers = Answers(telex)
    post_count_before = len(telex.posts())

    def drafts() -> list[str]:
        bodies = [str(body) for body in discord_answers.bodies]
        return [body for body in bodies if "Still writing" in body]

    async def shown() -> None:
        await until(lambda: bool(drafts()))

    service.stream_pieces(
        "The ban begins on 1 June [1]. It costs the city 90,000 euros a year [1]. It costs",
        " the city 40,000 euros a year [1].",
        between=shown,
    )
    await telex.reader.send(telex.news, question, reply_to=article)
    (post,) = telex.posts()[post_count_before:]
    assert "The ban begins on 1 June" in drafts()[0]
    assert "40,000" not in drafts()[0]
    assert "It costs the city 40,000 euros a year." in text(post)
    assert "90,000" not in str(discord_answers.bodies)
    assert "Still writing" not in text(post)
    assert "👍" in str(parts(post))
    service.stream_pieces("The ban begins on 1 June [1].", between=shown, ends=False)
    await telex.reader.send(telex.news, question, reply_to=article)
    assert "Written by a language model" not in text(telex.posts()[-1])  # it broke off: quoted instead
    assert "> The city council of Lyon" in text(telex.posts()[-1])
