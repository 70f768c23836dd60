"""Text that pings, masks links, breaks out, hides or poses as the bot: harmless wherever it is shown."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import discord
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simcord.results import ResponseMessage

from bot.answers.answer_model import Answer, BriefingItem, Confidence, Quote
from bot.answers.conversing.question_service import QuestionReply
from bot.core.models import Article, DeliveryStatus, Feed, FeedState
from bot.core.preferences import PostLook, Style
from bot.core.settings import Settings
from bot.core.user_models import Bookmark
from bot.digests.digest_selection import DigestSection, DigestStory
from bot.digests.trend_detection import TrendRow as TrendLine
from bot.polling.feed_alerts import FeedAlerts
from bot.posting.rendering import digest_rendering, messages, posts
from bot.posting.rendering.layout import blocks, layout_views
from bot.posting.rendering.trend_charts import leader_sentence
from bot.posting.wording import alert_texts
from bot.posting.wording.post_explanations import Explanation
from bot.search.query.query_notes import Note, NoteKind
from bot.search.query.query_tree import Query
from bot.search.searching import SearchPage, SearchResult
from bot.store.records.content_records import CoveringOutlet
from bot.store.records.outbox_records import ChannelDeliveryStatus
from bot.writing.citation_checks import Sentence
from cogs.asking.answer_views import answer_view
from cogs.feeds import subscription_options, why_commands
from cogs.reading import bookmark_exports as exports
from cogs.reading.result_cards import results_card
from cogs.shared import article_cards
from cogs.shared.article_lists import item_from_result
from tests.cogs.helpers import START, last, parts
from tests.shown import flat

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
    page="p",
    url="https://news.example/articles/(1)?a=[b]",
    title="",
    summary="",
    text="",
    body="",
    author=None,
    outlet="",
    language="en",
    tags=(),
    image=None,
    published=START,
    found=START,
)
ESCAPE = re.compile(r"\\([^\w\s]|_)")
OURS = re.compile(
    r"<t:\d+:[dDfR]>|<#\d+>|\*\*|^(?:-# |> |• |### |\d+\. )"
    r"|https://discord\.com/channels/[\d/]+|^`[\d ]+→[\d ]+`$",
    re.MULTILINE,
)
LINK = re.compile(r"\[([^\[\]]*)\]\(https://news\.example/articles/%281%29\?a=\[b\]\)")
INVISIBLE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ud800-\udfff]"
)


def made_of(given: str) -> tuple[Article, Feed]:
    article = ARTICLE._replace(title=given, summary=given, text=given, body=given, author=given, outlet=given)
    feed = Feed(id=1, url="https://news.example/feed", title=given, outlet=given, error="http-500")
    return article, feed


def explained(given: str) -> str:
    article, feed = made_of(given)
    fate = ChannelDeliveryStatus(
        server_id=1,
        channel_id=2,
        article_id=1,
        fate=DeliveryStatus.FAILED,
        reason=f"refused {given}",
        since=START,
        message_id=None,
        thread_id=None,
    )
    told = why_commands.explanation_lines(Explanation(((article, feed),), (fate,), ()))
    return "\n".join(told)


def answered(given: str) -> Iterator[discord.ui.LayoutView]:
    article, _feed = made_of(given)
    base = Answer(
        question=given, confidence=Confidence.SURE, quotes=(Quote(given, article),), sources=(article,)
    )
    for answer in (
        base,
        replace(base, briefing=(BriefingItem(given, article),)),
        replace(base, written=(Sentence(given, (1,)),)),
        Answer(question=given, related_articles=(article,)),
    ):
        yield answer_view(
            QuestionReply(answer=answer, question_id=1, about=article, topics=(given,)),
            public=True,
            title=True,
        )


def alerts(given: str) -> Iterator[messages.Message]:
    _article, feed = made_of(given)
    for state in (FeedState.GONE, FeedState.ACTIVE):
        failing = replace(feed, state=state, failures=9, failing_since=START, last_poll=START + 100_000)
        alert = FeedAlerts(Settings(), alert_texts.alert_texts_by_language).evaluate(feed, failing)
        yield from (messages.notice(words) for words in alert.texts.values())


def risen(given: str) -> discord.ui.LayoutView:
    line = TrendLine(name=given, articles=3, before=1, outlets=2, counts=(1, 2, 3, 4))
    return layout_views.static_view((blocks.text(leader_sentence(line)),))


def digested(given: str) -> discord.ui.LayoutView:
    article, _feed = made_of(given)
    told = digest_rendering.fit_stories(
        [DigestSection(given, (DigestStory(((1, 1),), 2),))] * 2, {1: article}
    )
    return layout_views.static_view(tuple(told.blocks))


def searched(given: str) -> discord.ui.LayoutView:
    article, _feed = made_of(given)
    found = SearchResult(
        article=article, score=1.0, excerpt=given, highlights=((0, min(len(given), 3)),) if given else ()
    )
    note = Note.of(NoteKind.NO_VALUE, value=given)
    page = SearchPage(results=(found,), total_results=1, notes=(note,), suggestions=(given,))
    entry = replace(item_from_result(found), other_outlets=(CoveringOutlet(given, article.url),), notes=())
    results = results_card(Query(text=given, nodes=()), page, [entry])
    return layout_views.static_view((results, article_cards.article_card(article, kept=kept(given))))


def kept(given: str) -> Bookmark:
    article, _feed = made_of(given)
    return Bookmark(
        article=article, created=START, server_id=1, channel_id=1, message_id=1, note=given, tags=(given,)
    )


def articles(given: str) -> Sequence[Article]:
    article, _feed = made_of(given)
    return [article._replace(id=number, key=f"{number:020}") for number in range(3)]


RENDERERS: dict[str, Callable[[str], Any]] = {
    "a post": lambda given: [
        posts.render_post(*made_of(given), language="fr", look=PostLook(style=style), joined=articles(given))
        for style in Style
    ],
    "a catch-up": lambda given: messages.catch_up("x", articles(given), language="en"),
    "the notice of a watch": lambda given: messages.watch_notice(
        "watch:1:1", given, articles(given)[:1], server=given, language="en"
    ),
    "of several": lambda given: messages.watch_notice(
        "watch:1:1", given, articles(given), server=None, language="fr"
    ),
    "a notice": messages.notice,
    "alerts": lambda given: list(alerts(given)),
    "answers": lambda given: list(answered(given)),
    "a digest": digested,
    "results": searched,
    "a title in bold": lambda given: article_cards.bold_spans(given, ((0, len(given)),)),
    "what a person typed": lambda given: article_cards.quoted_heading(given, 100),
    "the name of a feed": lambda given: subscription_options.bold_feed_name(made_of(given)[1]),
    "what became of an article": explained,
    "what is rising": risen,
}


def texts(message: discord.Message | ResponseMessage) -> list[str]:
    return [one["content"] for one in parts(message) if one["type"] == 10]


def written(rendered: Any) -> Iterator[str]:
    """What Discord reads as markup."""
    match rendered:
        case str():
            yield rendered
        case list():
            for one in rendered:
                yield from written(one)
        case messages.Message():
            yield from written(rendered.embed or rendered.send_kwargs()["view"])
        case discord.ui.LayoutView():
            yield from (
                one.content for one in rendered.walk_children() if isinstance(one, discord.ui.TextDisplay)
            )
        case discord.Embed():
            yield from filter(None, (rendered.title, rendered.description))
            yield from (part for field in rendered.fields for part in (field.name or "", field.value or ""))


def plain(rendered: Any) -> Iterator[str]:
    """What Discord shows as it is: names, footers, labels, menus."""
    if isinstance(rendered, list):
        for one in rendered:
            yield from plain(one)
    if isinstance(rendered, messages.Message):
        yield rendered.name
        yield from plain(rendered.embed)
        view = rendered.send_kwargs()["view"]
        for part in flat(view.to_components()) if view is not None else ():
            yield (part.get("label") or "") + part.get("placeholder", "")
            for option in part.get("options", ()):
                yield option["label"] + option.get("description", "")
    if isinstance(rendered, discord.ui.LayoutView):
        inside = rendered.walk_children()
        yield from (one.label or "" for one in inside if isinstance(one, discord.ui.Button))
    if isinstance(rendered, discord.Embed):
        yield (rendered.author.name or "") + (rendered.footer.text or "")


def check(rendered: Any) -> None:
    for shown in written(rendered):
        assert not INVISIBLE.search(shown), shown
        bare = ESCAPE.sub("\0", shown)
        assert not re.search(r"^(?:-#|>+|#+|-|\d+\.)\s+(?:EVIL|Quotations)", bare, re.MULTILINE), shown
        bare = OURS.sub("", LINK.sub(r"\1", OURS.sub("", bare)))
        assert not re.search(r"[\[\]<>@#`~|_*]", bare), shown
        assert "://" not in bare, shown
    for shown in plain(rendered):
        assert not INVISIBLE.search(shown), shown
        assert "\n" not in shown, shown


@pytest.mark.parametrize("renderer", RENDERERS)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(given_text=HOSTILE)
async def test_no_text_is_markup_a_mention_or_invisible(renderer, given_text):
    check(RENDERERS[renderer](given_text))


@pytest.mark.parametrize("renderer", RENDERERS)
async def test_the_known_tricks_are_harmless(renderer):
    for trick in CORPUS:
        check(RENDERERS[renderer](trick))


def test_the_check_sees_what_it_is_for():
    for trick in (*CORPUS[:9], CORPUS[9], CORPUS[11]):
        with pytest.raises(AssertionError):
            check(f"words {trick} words")


@pytest.mark.parametrize("trick", CORPUS)
def test_an_exported_file_is_neither_markup_nor_a_page_of_somebody_elses(trick):
    article, _feed = made_of(trick)
    kept = [Bookmark(article=article, created=START, server_id=1, channel_id=1, message_id=1)]
    page = exports.to_netscape_html(kept)
    assert "<script" not in page
    assert page.count("<A HREF=") == 1
    assert html.escape("<script>") not in page or "script" in trick
    markdown = exports.to_markdown(kept)
    assert not re.search(r"(?m)^(?:#|>|```).*EVIL", markdown)
    assert "](https://evil" not in ESCAPE.sub("\0", markdown)


async def test_a_hostile_feed_goes_through_every_command_and_post_and_stays_harmless(telex, feed_server):
    items = "".join(
        f"<item><title>{html.escape(clean(trick))}</title><link>https://news.example/{number}</link>"
        f"<guid>{number}</guid><author>{html.escape(clean(trick))}</author>"
        f"<description>{html.escape(html.escape(clean(trick)))} thieves</description></item>"
        for number, trick in enumerate(CORPUS)
    )
    title = html.escape("[Evil](https://evil.example) @everyone ```\u202e -# EVIL")
    url = feed_server.serve("/", f"<rss version='2.0'><channel><title>{title}</title>{items}</channel></rss>")
    feed = await telex.follow(url)
    await telex.poll_and_deliver(feed)
    shown: list[discord.Message | ResponseMessage] = [*telex.posts()]
    subscription = (await telex.store.subscriptions.list_with_feeds(telex.guild.id))[0][0]
    asked: dict[str, dict[str, str]] = {
        "search": {"query": "thieves"},
        "latest": {},
        "ask": {"question": "What about the thieves?"},
        "why": {"link": "https://news.example/1"},
        "feed list": {},
        "feed remove": {"feed": str(subscription.id)},
        "feed preview": {"feed": str(subscription.id)},
        "trends": {},
    }
    for command, options in asked.items():
        shown.append(last(await telex.editor.slash(telex.news, command, **options)))
    for message in shown:
        words = "\n".join([message.content, *written(list(message.embeds)), *texts(message)])
        assert words.strip()
        bare = ESCAPE.sub("\0", words)
        assert "](https://evil" not in bare
        assert "```" not in bare
        assert "@everyone" not in bare
        assert "\u202e" not in words


def clean(trick: str) -> str:
    """A trick as it can stand in XML."""
    return re.sub("[\x00-\x08\x0b-\x1f\ud800-\udfff\uffff]", "", trick)
