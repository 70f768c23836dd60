"""Filters: their queries, their evaluation at a poll and its limits."""

from __future__ import annotations

import time
from typing import Any

import pytest

from bot.client.services import Services
from bot.core.models import Article, Feed
from bot.core.preferences import Filter, FilterMode, FilterPlace, FilterScope
from bot.core.user_errors import RequestRejected
from bot.posting.wording import filter_labels, refusal_sentences
from bot.posting.wording.post_explanations import delivery_status_sentence, explain_link
from bot.search.query.query_matching import AnalysedArticle, build_matchable_clause
from bot.search.query.query_parser import MAX_QUERY_LENGTH, parse_query
from bot.search.query.query_tree import Query
from bot.store import Store
from bot.watches import subscription_filters
from bot.watches.subscription_filters import FilterEvaluator, select_blocking_filters
from tests.support.cases import check_cases
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.samples import CHANNEL, SERVER, add_feed, follow_feed, make_new_article, write_poll
from tests.support.search.searchers import build_searcher

NOW = 1_780_000_000
PERSON = 8_000
PARENT_CHANNEL = 9_999
ONLY, NEVER = FilterMode.INCLUDE, FilterMode.EXCLUDE
QUERIES = (
    "chips",
    "title:chips",
    '"smaller chips"',
    '-"smaller chips"',
    "-chips",
    "chips OR browser",
    "(chips OR browser) -engine",
    "source:first",
    "tag:hardware",
    "-tag:hardware",
    "lang:en",
    "has:image",
    "author:ada",
    "covid-19",
)


async def add_library(store: Store) -> Feed:
    """Add a feed with six different articles."""
    feed = await add_feed(store)
    article_fields: list[dict[str, Any]] = [
        {
            "title": "Smaller chips",
            "text": "Two nanometres at last.",
            "tags": ("Hardware",),
            "author": "Ada L.",
        },
        {"title": "Chips get smaller", "text": "They are smaller.", "image_url": "https://x.example/1.png"},
        {"title": "A browser engine", "text": "It has no chips in it."},
        {"title": "Browser news", "text": "About COVID-19 apps.", "language": "fr"},
        {"title": "Politics", "text": "A vote.", "author": "Bob"},
        {"title": "Une puce", "text": "Des puces plus petites.", "language": "fr", "tags": ("Matériel",)},
    ]
    articles = [
        make_new_article(feed, str(number), published=NOW - number, **({"language": "en"} | fields))
        for number, fields in enumerate(article_fields)
    ]
    await write_poll(store, feed, *articles)
    return feed


async def test_filter_matches_what_search_finds(store):
    feed = await add_library(store)
    articles = await store.articles.list_newest([feed.id], limit=50)
    for text in QUERIES:
        query = subscription_filters.parse_filter_query(text, NOW)
        evaluator = FilterEvaluator(articles, NOW)
        hits = (await build_searcher(store).search(query, feed_ids={feed.id}, limit=50)).results
        expected_keys = {hit.article.key for hit in hits if not hit.is_partial}
        matching_keys = {article.key for article in articles if evaluator.is_match(article.key, query.text)}
        assert matching_keys == expected_keys, text
        assert 0 < len(expected_keys) < len(articles) or text == "source:first", text


async def test_new_article_matches_like_stored_one(store):
    feed = await add_feed(store)
    new = make_new_article(feed, "a", title="Smaller chips", text="Two nanometres.", tags=("Hardware",), language="en")
    await write_poll(store, feed, new)
    (stored_article,) = await store.articles.list_newest([feed.id], limit=1)
    for text in QUERIES:
        before, after = FilterEvaluator([new], NOW).is_match, FilterEvaluator([stored_article], NOW).is_match
        assert before(new.key, text) is after(stored_article.key, text) is not None, text


@check_cases(
    ("text", "message_part"),
    [
        ("chips since:7d", "Remove the date"),
        ("chips OR (browser before:2020-01-01)", "Remove the date"),
        ("is:bookmarked", "is:bookmarked"),
        ("-is:bookmarked chips", "is:bookmarked"),
        ("the", "Nearly every article"),
        ("()", "What should the filter look for"),
        ("!!!", "What should the filter look for"),
    ],
)
def test_invalid_filter_query_is_rejected_with_reason(text, message_part):
    with pytest.raises(RequestRejected) as rejection:
        subscription_filters.parse_filter_query(text, NOW)
    assert message_part in refusal_sentences.refusal_sentence(rejection.value.reason)


def test_long_query_is_shortened_with_note():
    query = subscription_filters.parse_filter_query("chips " * 2_000, NOW)
    assert len(query.text) <= MAX_QUERY_LENGTH
    assert query.notes


async def test_error_in_one_filter_does_not_affect_others(store, monkeypatch):
    feed = await add_library(store)
    articles = await store.articles.list_newest([feed.id], limit=50)
    real = build_matchable_clause

    def fail_for_politics(query: Query, languages: Any) -> Any:
        if query.text == "politics":
            raise RuntimeError("broken")
        return real(query, languages)

    monkeypatch.setattr(subscription_filters, "build_matchable_clause", fail_for_politics)
    evaluator = FilterEvaluator(articles, NOW)
    evaluator.evaluate_all(["politics", "chips"])
    assert {evaluator.is_match(article.key, "politics") for article in articles} == {None}
    assert {evaluator.is_match(article.key, "chips") for article in articles} == {True, False}


async def test_slow_query_is_cut_off_without_verdict(store, monkeypatch):
    feed = await add_library(store)
    articles = await store.articles.list_newest([feed.id], limit=50)
    spent = iter(range(10_000))
    monkeypatch.setattr(time, "thread_time", lambda: next(spent) * 0.1)
    evaluator = FilterEvaluator(articles, NOW)
    answers = [evaluator.is_match(article.key, "chips") for article in articles]
    assert None in answers
    assert answers[0] is not None


async def test_filters_have_no_verdict_after_time_limit(store, monkeypatch):
    feed = await add_library(store)
    articles = await store.articles.list_newest([feed.id], limit=50)
    monkeypatch.setattr(subscription_filters, "_MAX_CPU_SECONDS_PER_EVALUATOR", 0.0)
    evaluator = FilterEvaluator(articles, NOW)
    assert {evaluator.is_match(article.key, "chips") for article in articles} == {None}


def test_filter_label_is_short_and_escaped():
    long_filter = Filter(1, FilterMode.EXCLUDE, "`a` @everyone " + "x" * 400)
    name = filter_labels.filter_label(long_filter)
    assert name.startswith("never `'a' ")
    assert name.count("`") == 2
    assert len(name) < 100
    assert filter_labels.filter_list_text([long_filter] * 9, max_filters=2).endswith("…")


async def follow_filtered(
    newsroom: Services, server: FeedServer, *rules: tuple[FilterMode, str], document: str
) -> tuple[Feed, int]:
    """Follow a feed with filters and poll it once."""
    feed = await newsroom.store.feeds.add(server.serve("/rss", document))
    subscription = await follow_feed(newsroom.store, feed)
    if rules:
        await newsroom.store.filters.add(FilterPlace(subscription), rules, user_id=PERSON, limit=10)
    await newsroom.poller.poll(feed, wait_for_host=False)
    return feed, subscription


async def poll_again(newsroom: Services, feed: Feed) -> None:
    current = await newsroom.store.feeds.get(feed.id)
    assert current is not None
    await newsroom.poller.poll(current, wait_for_host=False)


OLD = make_rss_item(1, title="Sponsored: old offer", body="Buy.", published=NOW - 900)
NEWS = make_rss_item(2, title="Cities ban recognition", body="A vote in June.", published=NOW - 600)
ADVERT = make_rss_item(3, title="Sponsored: new offer", body="Buy now.", published=NOW - 300)


async def send_pending(store: Store) -> list[str]:
    """Send all pending dispatches and list the titles of their articles."""
    titles = []
    while claimed := await store.dispatches.claim(CHANNEL):
        titles += [article.title for article in await store.articles.list_by_ids(claimed.article_ids)]
        await store.dispatches.mark_sent(claimed.id, message_id=claimed.id, thread_id=None, sent_at=1)
    return titles


async def test_filtered_article_is_withheld_and_why_names_filter(newsroom, feed_server):
    feed, _subscription = await follow_filtered(
        newsroom, feed_server, (FilterMode.EXCLUDE, "sponsored"), document=make_rss(OLD)
    )
    feed_server.serve("/rss", make_rss(ADVERT, NEWS, OLD))
    await poll_again(newsroom, feed)
    assert await send_pending(newsroom.store) == ["Cities ban recognition"]
    advert = next(
        article for article in await newsroom.store.articles.list_newest([feed.id], limit=9) if "new" in article.title
    )
    (fate,) = (await explain_link(newsroom.store, advert.url)).delivery_statuses
    assert "filtered out by: never `sponsored`" in delivery_status_sentence(
        fate, time_text="now", to_problem_sentence=str
    )


async def test_first_post_is_newest_article_that_passes(newsroom, feed_server):
    await follow_filtered(
        newsroom, feed_server, (FilterMode.EXCLUDE, "sponsored"), document=make_rss(ADVERT, NEWS, OLD)
    )
    assert await send_pending(newsroom.store) == ["Cities ban recognition"]


async def test_articles_are_posted_when_filters_fail(newsroom, feed_server, monkeypatch):
    feed, _subscription = await follow_filtered(
        newsroom, feed_server, (FilterMode.INCLUDE, "vote"), document=make_rss(OLD)
    )

    def broken(_article: Article) -> AnalysedArticle:
        raise RuntimeError("broken")

    monkeypatch.setattr(subscription_filters, "AnalysedArticle", broken)
    feed_server.serve("/rss", make_rss(NEWS, OLD))
    await poll_again(newsroom, feed)
    assert await send_pending(newsroom.store) == ["Cities ban recognition"]


@pytest.mark.parametrize("scope", list(FilterScope))
async def test_filter_added_during_poll_applies(newsroom, feed_server, monkeypatch, scope):
    feed, subscription = await follow_filtered(newsroom, feed_server, document=make_rss(OLD))
    await send_pending(newsroom.store)
    if scope is FilterScope.PARENT:
        await newsroom.store.servers.record_threads(SERVER, {CHANNEL: PARENT_CHANNEL})
    real = subscription_filters.evaluate_feed_filters

    async def late(store: Store, feed_id: int, articles: Any) -> FilterEvaluator:
        current_evaluator = await real(store, feed_id, articles)
        ids = {FilterScope.FEED: subscription, FilterScope.CHANNEL: CHANNEL, FilterScope.SERVER: SERVER}
        place = FilterPlace(
            ids.get(scope, PARENT_CHANNEL), FilterScope.CHANNEL if scope is FilterScope.PARENT else scope
        )
        assert await store.filters.add(place, [(FilterMode.EXCLUDE, "sponsored")], user_id=PERSON, limit=10)
        return current_evaluator

    monkeypatch.setattr(subscription_filters, "evaluate_feed_filters", late)
    feed_server.serve("/rss", make_rss(ADVERT, NEWS, OLD))
    await poll_again(newsroom, feed)
    assert await send_pending(newsroom.store) == ["Cities ban recognition"]


async def test_dry_run_lists_articles_with_their_filters(store, clock):
    feed = await add_library(store)
    rules = [Filter(0, FilterMode.INCLUDE, "chips OR browser"), Filter(0, FilterMode.EXCLUDE, "engine")]
    trial = await subscription_filters.dry_run_filters(store, [feed.id], rules)
    queries_by_title = {
        article.title: [matching_filter.query for matching_filter in by] for article, by in trial.articles_with_filters
    }
    assert trial.posted_count == 3
    assert queries_by_title["A browser engine"] == ["engine"]
    assert queries_by_title["Politics"] == ["chips OR browser"]
    assert queries_by_title["Smaller chips"] == []
    assert [article.published for article, _by in trial.articles_with_filters] == sorted(
        (article.published for article, _by in trial.articles_with_filters), reverse=True
    )


def test_query_is_stored_as_one_line():
    assert "\n" not in parse_query("chips\nnever browser", NOW).text


@check_cases(
    ("rules", "matching", "expected_rules"),
    [
        ([], {"a"}, []),
        ([(NEVER, "a")], {"a"}, [(NEVER, "a")]),
        ([(NEVER, "a")], set(), []),
        ([(ONLY, "a")], {"a"}, []),
        ([(ONLY, "a"), (ONLY, "b")], {"b"}, []),
        ([(ONLY, "a"), (ONLY, "b")], {"c"}, [(ONLY, "a"), (ONLY, "b")]),
        ([(ONLY, "a"), (NEVER, "b")], {"a", "b"}, [(NEVER, "b")]),
        ([(ONLY, "a"), (NEVER, "b")], set(), [(ONLY, "a")]),
        ([(NEVER, "b"), (NEVER, "a")], {"a"}, [(NEVER, "a")]),
    ],
)
def test_exclude_beats_include_and_one_include_suffices(rules, matching, expected_rules):
    blocking_filters = select_blocking_filters([Filter(0, *rule) for rule in rules], lambda query: query in matching)
    assert [(blocking_filter.mode, blocking_filter.query) for blocking_filter in blocking_filters] == expected_rules


@check_cases("rules", [[(ONLY, "a")], [(NEVER, "a")], [(ONLY, "a"), (ONLY, "b"), (NEVER, "c")]])
def test_article_without_verdict_is_not_blocked(rules):
    assert not select_blocking_filters([Filter(0, *rule) for rule in rules], lambda _query: None)
