"""Hostile text (mentions, masked links, markup, invisible characters) in everything the bot shows."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simcord.results import ResponseMessage

from bot.answers.answer_model import Answer, BriefingStory, Confidence, Quote
from bot.answers.conversing.question_service import QuestionReply
from bot.core.configuration.settings import Settings
from bot.core.models import Article, DeliveryStatus, Feed, FeedState
from bot.core.preferences import PostLook, Style
from bot.core.reasons import Reason, SendProblem
from bot.core.user_models import Bookmark
from bot.digests.digest_models import DigestSection, DigestStory
from bot.digests.trend_detection import TrendRow as TrendLine
from bot.drill.discord_stand_in.message_text import flatten_components
from bot.polling.feed_alerts import FeedAlerts
from bot.posting.rendering import digest_rendering, messages, posts
from bot.posting.rendering.layout import blocks, layout_views
from bot.posting.rendering.trend_charts import leader_sentence
from bot.posting.wording import alert_texts, feed_names
from bot.posting.wording.post_explanations import Explanation
from bot.search.query.query_notes import Note, NoteKind
from bot.search.query.query_tree import Query
from bot.search.searching import SearchPage, SearchResult
from bot.store.records.content_records import CoveringOutlet
from bot.store.records.outbox_records import ChannelDeliveryStatus
from bot.writing.citation_checks import Sentence
from cogs.asking.answer_views import answer_view
from cogs.feeds import why_commands
from cogs.reading import bookmark_commands
from cogs.reading.result_pages import results_card
from cogs.shared import article_cards
from cogs.shared.article_lists import make_item_from_result
from tests.support.cases import check_cases
from tests.support.interactions import get_last_reply, list_components
from tests.support.scenario import START

CORPUS = (
    "@everyone @here <@1> <@!1> <@&2> <#3> <id:customize>",
    "<:x:4> <a:x:4> </feed add:5> <t:1:R> :warning:",
    "[free nitro](https://evil.example) [a]: https://evil.example <https://evil.example>",
    "](https://evil.example) [b",
    "https://evil.example//evil.example www.evil.example",
    "```\n``` `` ` ```js\nalert(1)\n```",
    "**bold** __under__ *it* _it_ ~~no~~ ||spoiler||",
    "\n-# Quotations, word for word from the articles.",
    "-# EVIL\n> EVIL\n>>> EVIL\n# EVIL\n## EVIL\n- EVIL\n1. EVIL",
    "\u202eevil\u202c \u2066x\u2069 \u200e\u200f\u061c",
    "z\u200be\u200cr\u200do\u2060w\ufeffi\u00add\u180et\u034fh",
    "\ud800 \udfff \x00 \x07 \x1b[31m \x85 \u2028 \u2029 \uffff",
    "a" + "\u0301" * 200,
    "\u3164\u2800\u115f\u1160\uffa0",
    "\U000e0041\U000e0042 \U0001f3f4\U000e0067\U000e007f",
    "\\\\\\` \\[x\\](y) \\",
    "=cmd|' /C calc'!A0 <script>alert(1)</script> <!-- -->",
    "x" * 5000,
    "",
    " \n\t ",
)
HOSTILE = st.sampled_from(CORPUS) | st.text(max_size=300) | st.text("*_`|[]()<>@#:~\\-.> a1\n\u200b\u202e")
ARTICLE = Article(
    id=1,
    key="0123456789abcdef0123",
    feed_id=1,
    page_key="p",
    url="https://news.example/articles/(1)?a=[b]",
    title="",
    summary="",
    text="",
    body="",
    author=None,
    outlet="",
    language="en",
    tags=(),
    image_url=None,
    published=START,
    found_at=START,
)
ESCAPE = re.compile(r"\\([^\w\s]|_)")
OWN_MARKUP = re.compile(
    r"<t:\d+:[dDfR]>|<#\d+>|\*\*|^(?:-# |> |• |### |\d+\. )"
    r"|https://discord\.com/channels/[\d/]+|^`[\d ]+→[\d ]+`$",
    re.MULTILINE,
)
LINK = re.compile(r"\[([^\[\]]*|\[\d\])\]\(https://news\.example/articles/%281%29\?a=\[b\]\)")
INVISIBLE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ud800-\udfff]"
)


def build_article_and_feed(trick: str) -> tuple[Article, Feed]:
    article = ARTICLE._replace(title=trick, summary=trick, text=trick, body=trick, author=trick, outlet=trick)
    feed = Feed(id=1, url="https://news.example/feed", title=trick, outlet=trick, error="http-500")
    return article, feed


def render_explanation(trick: str) -> str:
    article, feed = build_article_and_feed(trick)
    delivery_status = ChannelDeliveryStatus(
        server_id=1,
        channel_id=2,
        article_id=1,
        status=DeliveryStatus.FAILED,
        reason=Reason(SendProblem.REFUSED, {"text": trick}),
        since=START,
        message_id=None,
        thread_id=None,
    )
    lines = why_commands.explanation_lines(Explanation(((article, feed),), (delivery_status,), ()))
    return "\n".join(lines)


def render_answers(trick: str) -> Iterator[discord.ui.LayoutView]:
    article, _feed = build_article_and_feed(trick)
    base = Answer(question=trick, confidence=Confidence.SURE, quotes=(Quote(trick, article),), sources=(article,))
    for answer in (
        base,
        replace(base, briefing=(BriefingStory(trick, article),)),
        replace(base, generated_sentences=(Sentence(trick, (1,)),)),
        Answer(question=trick, related_articles=(article,)),
    ):
        yield answer_view(
            QuestionReply(answer=answer, question_id=1, about_article=article, suggested_questions=(trick,)),
            is_public=True,
            shows_title=True,
        )


def render_alerts(trick: str) -> Iterator[messages.Message]:
    _article, feed = build_article_and_feed(trick)
    for state in (FeedState.GONE, FeedState.ACTIVE):
        failing = replace(feed, state=state, failure_count=9, failing_since=START, last_poll_at=START + 100_000)
        alert = FeedAlerts(Settings(), alert_texts.build_alert_texts).find_alert(feed, failing)
        yield from (messages.feed_alert_message(words) for words in alert.texts.by_language.values())


def render_trend(trick: str) -> discord.ui.LayoutView:
    line = TrendLine(name=trick, article_count=3, previous_count=1, outlet_count=2, counts=(1, 2, 3, 4))
    return layout_views.build_static_view((blocks.text_block(leader_sentence(line)),))


def render_digest(trick: str) -> discord.ui.LayoutView:
    article, _feed = build_article_and_feed(trick)
    fitted_stories = digest_rendering.fit_stories(
        [DigestSection(trick, (DigestStory(((1, 1),), 2),))] * 2, {1: article}
    )
    return layout_views.build_static_view(tuple(fitted_stories.blocks))


def render_results(trick: str) -> discord.ui.LayoutView:
    article, _feed = build_article_and_feed(trick)
    search_result = SearchResult(
        article=article, score=1.0, snippet=trick, highlights=((0, min(len(trick), 3)),) if trick else ()
    )
    note = Note.create(NoteKind.NO_VALUE, value=trick)
    page = SearchPage(results=(search_result,), total_results=1, notes=(note,), suggestions=(trick,))
    entry = replace(make_item_from_result(search_result), other_outlets=(CoveringOutlet(trick, article.url),), notes=())
    results_block = results_card(Query(text=trick, nodes=()), page, [entry])
    return layout_views.build_static_view(
        (results_block, article_cards.article_card(article, bookmark=build_bookmark(trick)))
    )


def build_bookmark(trick: str) -> Bookmark:
    article, _feed = build_article_and_feed(trick)
    return Bookmark(
        article=article, created_at=START, server_id=1, channel_id=1, message_id=1, note=trick, tags=(trick,)
    )


def build_articles(trick: str) -> Sequence[Article]:
    article, _feed = build_article_and_feed(trick)
    return [article._replace(id=number, key=f"{number:020}") for number in range(3)]


RENDERERS: dict[str, Callable[[str], Any]] = {
    "post": lambda trick: [
        posts.render_post(
            *build_article_and_feed(trick),
            language="fr",
            look=PostLook(style=style),
            joined_articles=build_articles(trick),
        )
        for style in Style
    ],
    "catch-up": lambda trick: messages.catch_up_message("x", build_articles(trick), language="en"),
    "notification of a watch": lambda trick: messages.watch_notification_message(
        "watch:1:1", trick, build_articles(trick)[:1], server_name=trick, language="en"
    ),
    "notification of several articles": lambda trick: messages.watch_notification_message(
        "watch:1:1", trick, build_articles(trick), server_name=None, language="fr"
    ),
    "notice": messages.feed_alert_message,
    "alerts": lambda trick: list(render_alerts(trick)),
    "answers": lambda trick: list(render_answers(trick)),
    "digest": render_digest,
    "search results": render_results,
    "title in bold": lambda trick: article_cards.bold_spans(trick, ((0, len(trick)),)),
    "typed heading": lambda trick: article_cards.quoted_heading(trick, 100),
    "feed name": lambda trick: feed_names.bold_feed_name(build_article_and_feed(trick)[1]),
    "explanation": render_explanation,
    "trend": render_trend,
}


def list_part_texts(message: discord.Message | ResponseMessage) -> list[str]:
    return [part["content"] for part in list_components(message) if part["type"] == 10]


def iterate_markup(rendered: Any) -> Iterator[str]:
    """Yield the texts that Discord parses as markup."""
    match rendered:
        case str():
            yield rendered
        case list():
            for element in rendered:
                yield from iterate_markup(element)
        case messages.Message():
            yield from iterate_markup(rendered.embed or rendered.send_kwargs()["view"])
        case discord.ui.LayoutView():
            yield from (
                child.content for child in rendered.walk_children() if isinstance(child, discord.ui.TextDisplay)
            )
        case discord.Embed():
            yield from filter(None, (rendered.title, rendered.description))
            yield from (part for field in rendered.fields for part in (field.name or "", field.value or ""))


def iterate_plain_texts(rendered: Any) -> Iterator[str]:
    """Yield the texts that Discord shows unparsed: names, footers, labels, menus."""
    if isinstance(rendered, list):
        for element in rendered:
            yield from iterate_plain_texts(element)
    if isinstance(rendered, messages.Message):
        yield rendered.name
        yield from iterate_plain_texts(rendered.embed)
        view = rendered.send_kwargs()["view"]
        for part in flatten_components(view.to_components()) if view is not None else ():
            yield (part.get("label") or "") + part.get("placeholder", "")
            for option in part.get("options", ()):
                yield option["label"] + option.get("description", "")
    if isinstance(rendered, discord.ui.LayoutView):
        children = rendered.walk_children()
        yield from (child.label or "" for child in children if isinstance(child, discord.ui.Button))
    if isinstance(rendered, discord.Embed):
        yield (rendered.author.name or "") + (rendered.footer.text or "")


def assert_harmless(rendered: Any) -> None:
    for rendered_text in iterate_markup(rendered):
        assert not INVISIBLE.search(rendered_text), rendered_text
        unescaped = ESCAPE.sub("\0", rendered_text)
        assert not re.search(r"^(?:-#|>+|#+|-|\d+\.)\s+(?:EVIL|Quotations)", unescaped, re.MULTILINE), rendered_text
        unescaped = OWN_MARKUP.sub(
            "", LINK.sub(lambda link: "" if link[1][:1] == "[" else link[1], OWN_MARKUP.sub("", unescaped))
        )
        assert not re.search(r"[\[\]<>@#`~|_*]", unescaped), rendered_text
        assert "://" not in unescaped, rendered_text
    for rendered_text in iterate_plain_texts(rendered):
        assert not INVISIBLE.search(rendered_text), rendered_text
        assert "\n" not in rendered_text, rendered_text


@pytest.mark.parametrize("renderer", RENDERERS)
@given(hostile_text=HOSTILE)
async def test_generated_hostile_text_is_rendered_harmless(renderer, hostile_text):
    assert_harmless(RENDERERS[renderer](hostile_text))


@check_cases("renderer", RENDERERS)
async def test_known_tricks_are_rendered_harmless(renderer):
    for trick in CORPUS:
        assert_harmless(RENDERERS[renderer](trick))


def test_assert_harmless_detects_tricks():
    for trick in (*CORPUS[:9], CORPUS[9], CORPUS[11]):
        with pytest.raises(AssertionError):
            assert_harmless(f"words {trick} words")


@check_cases("trick", CORPUS)
def test_exported_files_escape_hostile_text(trick):
    article, _feed = build_article_and_feed(trick)
    bookmarks = [Bookmark(article=article, created_at=START, server_id=1, channel_id=1, message_id=1)]
    page = bookmark_commands.to_netscape_html(bookmarks)
    assert "<script" not in page
    assert page.count("<A HREF=") == 1
    assert html.escape("<script>") not in page or "script" in trick
    markdown = bookmark_commands.to_markdown(bookmarks)
    assert not re.search(r"(?m)^(?:#|>|```).*EVIL", markdown)
    assert "](https://evil" not in ESCAPE.sub("\0", markdown)


async def test_hostile_feed_is_harmless_in_posts_and_commands(telex, feed_server):
    items_xml = "".join(
        f"<item><title>{html.escape(strip_invalid_xml(trick))}</title><link>https://news.example/{number}</link>"
        f"<guid>{number}</guid><author>{html.escape(strip_invalid_xml(trick))}</author>"
        f"<description>{html.escape(html.escape(strip_invalid_xml(trick)))} thieves</description></item>"
        for number, trick in enumerate(CORPUS)
    )
    title = html.escape("[Evil](https://evil.example) @everyone ```\u202e -# EVIL")
    url = feed_server.serve("/", f"<rss version='2.0'><channel><title>{title}</title>{items_xml}</channel></rss>")
    feed = await telex.follow(url)
    await telex.poll_and_deliver(feed)
    shown_messages: list[discord.Message | ResponseMessage] = [*telex.posts()]
    subscription = (await telex.store.subscriptions.list_with_feeds(telex.guild.id))[0][0]
    options_by_command: dict[str, dict[str, str]] = {
        "search": {"query": "thieves"},
        "latest": {},
        "ask": {"question": "What about the thieves?"},
        "why": {"link": "https://news.example/1"},
        "feed list": {},
        "feed report": {},
        "feed remove": {"feed": str(subscription.id)},
        "feed preview": {"feed": str(subscription.id)},
        "trends": {},
    }
    for command, options in options_by_command.items():
        shown_messages.append(get_last_reply(await telex.run_as_editor(command, **options)))
    for message in shown_messages:
        words = "\n".join([message.content, *iterate_markup(list(message.embeds)), *list_part_texts(message)])
        assert words.strip()
        unescaped = ESCAPE.sub("\0", words)
        assert "](https://evil" not in unescaped
        assert "```" not in unescaped
        assert "@everyone" not in unescaped
        assert "\u202e" not in words


def strip_invalid_xml(trick: str) -> str:
    """Remove the characters that XML does not allow."""
    return re.sub("[\x00-\x08\x0b-\x1f\ud800-\udfff\uffff]", "", trick)
