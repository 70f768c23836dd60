"""What people type: searches and questions, over a small store with its index."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from bot.answers.conversing import message_intents
from bot.answers.conversing.question_service import QuestionRequest, QuestionService
from bot.client.services import Services, open_services
from bot.core.configuration.settings_reading import read_settings
from bot.core.models import NewArticle
from bot.core.user_errors import RequestRejected
from bot.drill.discord_stand_in.message_text import flatten_components
from bot.posting.wording.search_note_sentences import note_sentence
from bot.search.query.query_matching import (
    AnalysedArticle,
    build_matchable_clause,
    matches_clause,
    select_query_languages,
)
from bot.search.query.query_parser import MAX_CHARS_READ, MAX_QUERY_LENGTH, parse_query
from bot.text.times import end_dates, periods
from cogs.asking.answer_views import answer_view
from tests.fuzz import output_checks
from tests.fuzz.fuzz_target import FuzzTarget
from tests.fuzz.open_boundary import OpenBoundary
from tests.search.test_matcher_agrees import NAMES, PIECES, STORIES
from tests.support.clocks import ManualClock
from tests.support.samples import SERVER, add_feed, make_new_article, write_poll

QUESTIONS = (
    "Who bought Slack?",
    "Combien d'arbres y a-t-il dans le verger ?",
    "What did the US company say about GPT-4o yesterday?",
    "quoi de neuf depuis lundi dernier",
    "what's new in AI this week",
    "et en France ?",
    "Apple",
    "bonjour",
    "merci !",
    "since:2026-05-01 apple OR (wi-fi -orchard)",
    "Pourquoi les États-Unis interdisent-ils la reconnaissance faciale il y a 3 mois ?",
)
_TEXT_TOKENS = (
    "who what when where why how many qui quand où combien pourquoi since: before: depuis: avant: title: source: "
    'lang:fr tag: has:image is:bookmarked OR OU | ( ) " - + * ~ ^ : \\ yesterday hier 7d 99999999999d 9999-12-31 '
    "0000-00-00 lundi 31 février next last @everyone <@1> ** ` # > ||"
).split()


class _NewsDesk(NamedTuple):
    """Services with the articles of `STORIES`, and the service that answers questions."""

    services: Services
    question_service: QuestionService
    articles: list[NewArticle]
    feed_ids: frozenset[int]
    clock: ManualClock


@asynccontextmanager
async def _open_news_desk(folder: Path) -> AsyncIterator[_NewsDesk]:
    clock = ManualClock()
    async with open_services(replace(read_settings(), database=folder / "telex.db"), clock) as services:
        feed = await add_feed(services.store)
        articles = [
            make_new_article(
                feed,
                f"story-{number}",
                title=title,
                text=body,
                language=language,
                published=clock.now() - 9_000 * number,
            )
            for number, (title, body, language) in enumerate(STORIES)
        ]
        articles = [
            replace(article, outlet=outlet, author=author, tags=tags)
            for article, (outlet, author, tags, _has_image) in zip(articles, NAMES * len(articles), strict=False)
        ]
        await write_poll(services.store, feed, *articles)
        question_service = QuestionService(services.store, services.searcher, clock)
        yield _NewsDesk(services, question_service, articles, frozenset({feed.id}), clock)


async def _check_search(desk: _NewsDesk, data: bytes) -> None:
    """Parse a query, match it against articles in memory, and search the index with it."""
    text = data.decode("utf-8", "replace")
    now = desk.clock.now()
    query = parse_query(text, now)
    output_checks.check_storable(query.notes, MAX_CHARS_READ)
    for note in query.notes:
        note_sentence(note)
    periods.parse_period(text[:MAX_QUERY_LENGTH], now)
    end = end_dates.parse_end(text[:MAX_QUERY_LENGTH], now)
    output_checks.check_storable(end, 0)
    for article in desk.articles[:3]:
        clause = build_matchable_clause(query, select_query_languages(article.language))
        if clause is not None:
            matches_clause(clause, AnalysedArticle(article))
    page = await desk.services.searcher.search(query, feed_ids=desk.feed_ids, user_id=1, count_up_to=50)
    assert len(page.results) <= len(STORIES)
    for note in page.notes:
        note_sentence(note)


async def _check_question(desk: _NewsDesk, data: bytes) -> None:
    """Classify a message and answer it as a question; the reply has no markup of whoever asked."""
    text = data.decode("utf-8", "replace")[:MAX_QUERY_LENGTH]
    message_intents.detect_message_language(text)
    message_intents.detect_intent(text, desk.clock.now(), is_addressed=False)
    intent = message_intents.detect_intent(text, desk.clock.now(), is_addressed=True)
    request = QuestionRequest(
        text=text or "?", feed_ids=desk.feed_ids, server_id=SERVER, channel_id=2, user_id=3, is_public=True
    )
    assert intent.kind in message_intents.MessageKind
    try:
        reply = await desk.question_service.answer(request)
    except RequestRejected:
        return
    view = answer_view(reply, is_public=True, shows_title=True)
    assert view.content_length() <= output_checks.MAX_LAYOUT_LENGTH
    assert view.total_children_count <= output_checks.MAX_COMPONENTS
    for component in flatten_components(view.to_components()):
        if "content" in component:
            output_checks.check_markup(component["content"])


def load_query_seeds() -> Iterator[bytes]:
    """Yield searches of tests, and questions, which may be searched for, too."""
    for text in (*PIECES, " ".join(PIECES[:9]), *QUESTIONS):
        yield text.encode()


def load_question_seeds() -> Iterator[bytes]:
    """Yield questions in both languages."""
    yield from (question.encode() for question in QUESTIONS)


_SEARCH = OpenBoundary(_open_news_desk, _check_search, max_inputs=20_000)
_QUESTION = OpenBoundary(_open_news_desk, _check_question, max_inputs=5_000)
TARGETS = (
    FuzzTarget(
        name="search",
        check=_SEARCH.check,
        close=_SEARCH.close,
        load_seeds=load_query_seeds,
        tokens=tuple(token.encode() for token in _TEXT_TOKENS),
        max_bytes=MAX_QUERY_LENGTH,
        max_cost_bytes=2 * MAX_CHARS_READ,
    ),
    FuzzTarget(
        name="question",
        check=_QUESTION.check,
        close=_QUESTION.close,
        load_seeds=load_question_seeds,
        tokens=tuple(token.encode() for token in _TEXT_TOKENS),
        max_bytes=MAX_QUERY_LENGTH,
        max_cost_bytes=0,
    ),
)
