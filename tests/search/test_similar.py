"""More like this: similar articles."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from bot.search.more_like_this import MAX_SIMILAR_ARTICLES, find_similar_articles
from tests.support.cases import check_cases
from tests.support.search.library import Library
from tests.support.search.searchers import build_searcher

CHIPS = "Nvidia unveils the Blackwell accelerator for data centres"


@pytest.fixture
async def library(library) -> Library:
    for number in range(30):  # so that words have frequencies that differ
        await library.add(f"Notes of day {number}", f"The council met on street {number} and talked about trees.")
    return library


async def list_similar_titles(
    library: Library, article_id: int, *, feeds: Collection[int] | None = None, limit: int = MAX_SIMILAR_ARTICLES
) -> list[str]:
    article = await library.store.articles.get(article_id)
    assert article is not None
    page = await find_similar_articles(
        build_searcher(library.store),
        article,
        feed_ids={feed.id for feed in await library.store.feeds.list_all()} if feeds is None else feeds,
        limit=limit,
    )
    return [hit.article.title for hit in page.results]


async def test_most_similar_articles_come_first(library):
    article_id = await library.add(CHIPS, "The Blackwell chips are made by TSMC and sold next year.")
    await library.add("Blackwell accelerators delayed, Nvidia says", "TSMC found a flaw in the chips.")
    await library.add("Nvidia opens a school", "It teaches how data centres are cooled and what accelerators do.")
    await library.add("Blackwell, a small town in Oklahoma", "Its people voted in June.")
    similar_titles = await list_similar_titles(library, article_id)
    assert similar_titles[0] == "Blackwell accelerators delayed, Nvidia says"
    assert "Blackwell, a small town in Oklahoma" not in similar_titles


async def test_article_and_its_page_are_excluded(library):
    other_feed = await library.new_feed("Herald")
    url = "https://news.example/blackwell"
    article_id = await library.add(CHIPS, "Made by TSMC.", url=url)
    await library.add(f"{CHIPS} (updated)", "Made by TSMC.", url=url, feed=other_feed)
    assert await list_similar_titles(library, article_id) == []


async def test_page_of_two_feeds_is_one_result(library):
    other_feed = await library.new_feed("Herald")
    article_id = await library.add(CHIPS)
    url = "https://news.example/delayed"
    await library.add("Nvidia's Blackwell accelerator is late", url=url)
    await library.add("Nvidia's Blackwell accelerator is late", url=url, feed=other_feed)
    assert await list_similar_titles(library, article_id) == ["Nvidia's Blackwell accelerator is late"]


async def test_repeated_articles_are_one_result(library):
    other_feed = await library.new_feed("Herald")
    article_id = await library.add(CHIPS, "Made by TSMC.")
    await library.add(CHIPS.upper(), "Made by TSMC.", feed=other_feed, days=1.5)  # what is read, at another outlet
    late = "Nvidia’s Blackwell accelerator is late"
    for feed, days in ((library.feed, 1.2), (library.feed, 1.1), (other_feed, 0.5), (library.feed, 300)):
        await library.add(late, f"A flaw was found {days} days ago.", feed=feed, days=days)
    assert await list_similar_titles(library, article_id) == [late]
    await library.add(CHIPS, "Made by Samsung this time.", days=400)
    assert await list_similar_titles(library, article_id) == [CHIPS, late]


async def test_hidden_feeds_are_not_in_results(library):
    hidden = await library.new_feed("Secret")
    article_id = await library.add(CHIPS)
    await library.add("Nvidia's Blackwell accelerator is late", feed=hidden)
    assert await list_similar_titles(library, article_id, feeds={library.feed.id}) == []
    assert await list_similar_titles(library, article_id, feeds=()) == []
    assert await list_similar_titles(library, article_id, feeds={library.feed.id, hidden.id}) != []


async def test_unrelated_articles_are_omitted(library):
    article_id = await library.add("Recipe for an onion soup", "Onions, butter, patience; the council would approve.")
    assert await list_similar_titles(library, article_id) == []


@check_cases("title", ["", "…", "the of and", "12", "日本語", "$x^2$ {\\frac}", "a" * 5000])
async def test_unusual_title_has_no_similar_articles(library, title):
    article_id = await library.add(title, "")
    assert await list_similar_titles(library, article_id) == []


async def test_french_inflections_are_ignored(library):
    article_id = await library.add("La CNIL sanctionne les caméras augmentées", "Une amende record.", language="fr")
    await library.add("Caméra augmentée : la CNIL prononce une sanction", "Amendes.", language="fr")
    assert await list_similar_titles(library, article_id) == ["Caméra augmentée : la CNIL prononce une sanction"]


async def test_result_count_is_limited_across_pages(library):
    article_id = await library.add(CHIPS)
    for number in range(MAX_SIMILAR_ARTICLES + 5):
        await library.add(f"Nvidia's Blackwell accelerator, part {number}")
    article = await library.store.articles.get(article_id)
    assert article is not None
    feeds = {library.feed.id}
    searcher = build_searcher(library.store)
    first = await find_similar_articles(searcher, article, feed_ids=feeds, limit=5)
    second = await find_similar_articles(searcher, article, feed_ids=feeds, limit=5, offset=5)
    assert first.total_results == second.total_results == MAX_SIMILAR_ARTICLES
    assert not {hit.article.id for hit in first.results} & {later_hit.article.id for later_hit in second.results}


async def test_long_and_short_articles_match_each_other(library):
    words = "stores messengers rankings consent permission rivals iPhones apps markets gatekeepers searches maps"
    for word in words.split():
        await library.add(f"Glossary: {word}", f"Everything about {word}.")
    short = await library.add("Meta is fined over data transfers", "Brussels fines Meta.")
    long = await library.add(f"New rules for {words}", f"Meta: Brussels fines transfers of data. {words}.")
    assert f"New rules for {words}" in await list_similar_titles(library, short)
    assert "Meta is fined over data transfers" in await list_similar_titles(library, long)
