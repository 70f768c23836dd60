"""More like this: what is found for an article, what is left out, and when nothing is like it."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from bot.search.more_like_this import MAX_SIMILAR_ARTICLES, find_similar_articles
from tests.support.cases import check_cases
from tests.support.search.library import Library
from tests.support.search.searchers import searcher_of

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
        searcher_of(library.store),
        article,
        feed_ids={feed.id for feed in await library.store.feeds.list_all()} if feeds is None else feeds,
        limit=limit,
    )
    return [hit.article.title for hit in page.results]


async def test_the_likest_come_first_and_what_shares_one_word_does_not_come(library):
    article_id = await library.add(CHIPS, "The Blackwell chips are made by TSMC and sold next year.")
    await library.add("Blackwell accelerators delayed, Nvidia says", "TSMC found a flaw in the chips.")
    await library.add("Nvidia opens a school", "It teaches how data centres are cooled and what accelerators do.")
    await library.add("Blackwell, a small town in Oklahoma", "Its people voted in June.")
    similar_titles = await list_similar_titles(library, article_id)
    assert similar_titles[0] == "Blackwell accelerators delayed, Nvidia says"
    assert "Blackwell, a small town in Oklahoma" not in similar_titles


async def test_neither_the_article_nor_its_twins_of_the_same_page_are_like_it(library):
    other_feed = await library.new_feed("Herald")
    url = "https://news.example/blackwell"
    article_id = await library.add(CHIPS, "Made by TSMC.", url=url)
    await library.add(f"{CHIPS} (updated)", "Made by TSMC.", url=url, feed=other_feed)
    assert await list_similar_titles(library, article_id) == []


async def test_a_page_of_two_feeds_is_one_result(library):
    other_feed = await library.new_feed("Herald")
    article_id = await library.add(CHIPS)
    url = "https://news.example/delayed"
    await library.add("Nvidia's Blackwell accelerator is late", url=url)
    await library.add("Nvidia's Blackwell accelerator is late", url=url, feed=other_feed)
    assert await list_similar_titles(library, article_id) == ["Nvidia's Blackwell accelerator is late"]


async def test_what_tells_the_same_under_another_address_comes_once(library):
    other_feed = await library.new_feed("Herald")
    article_id = await library.add(CHIPS, "Made by TSMC.")
    await library.add(CHIPS.upper(), "Made by TSMC.", feed=other_feed, days=1.5)  # what is read, at another outlet
    late = "Nvidia’s Blackwell accelerator is late"
    for feed, days in ((library.feed, 1.2), (library.feed, 1.1), (other_feed, 0.5), (library.feed, 300)):
        await library.add(late, f"A flaw was found {days} days ago.", feed=feed, days=days)
    assert await list_similar_titles(library, article_id) == [late]
    await library.add(CHIPS, "Made by Samsung this time.", days=400)
    assert await list_similar_titles(library, article_id) == [CHIPS, late]


async def test_feeds_that_are_hidden_give_nothing(library):
    hidden = await library.new_feed("Secret")
    article_id = await library.add(CHIPS)
    await library.add("Nvidia's Blackwell accelerator is late", feed=hidden)
    assert await list_similar_titles(library, article_id, feeds={library.feed.id}) == []
    assert await list_similar_titles(library, article_id, feeds=()) == []
    assert await list_similar_titles(library, article_id, feeds={library.feed.id, hidden.id}) != []


async def test_nothing_like_it_is_said_rather_than_something_else_shown(library):
    article_id = await library.add("Recipe for an onion soup", "Onions, butter, patience; the council would approve.")
    assert await list_similar_titles(library, article_id) == []


@check_cases("title", ["", "…", "the of and", "12", "日本語", "$x^2$ {\\frac}", "a" * 5000])
async def test_odd_titles_are_like_nothing_and_break_nothing(library, title):
    article_id = await library.add(title, "")
    assert await list_similar_titles(library, article_id) == []


async def test_french_inflections_do_not_matter(library):
    article_id = await library.add("La CNIL sanctionne les caméras augmentées", "Une amende record.", language="fr")
    await library.add("Caméra augmentée : la CNIL prononce une sanction", "Amendes.", language="fr")
    assert await list_similar_titles(library, article_id) == ["Caméra augmentée : la CNIL prononce une sanction"]


async def test_no_more_than_a_few_are_offered_in_pages(library):
    article_id = await library.add(CHIPS)
    for number in range(MAX_SIMILAR_ARTICLES + 5):
        await library.add(f"Nvidia's Blackwell accelerator, part {number}")
    article = await library.store.articles.get(article_id)
    assert article is not None
    feeds = {library.feed.id}
    searcher = searcher_of(library.store)
    first = await find_similar_articles(searcher, article, feed_ids=feeds, limit=5)
    second = await find_similar_articles(searcher, article, feed_ids=feeds, limit=5, offset=5)
    assert first.total_results == second.total_results == MAX_SIMILAR_ARTICLES
    assert not {hit.article.id for hit in first.results} & {later_hit.article.id for later_hit in second.results}


async def test_a_long_article_is_like_the_short_ones_that_are_like_it(library):
    words = "stores messengers rankings consent permission rivals iPhones apps markets gatekeepers searches maps"
    for word in words.split():
        await library.add(f"Glossary: {word}", f"Everything about {word}.")
    short = await library.add("Meta is fined over data transfers", "Brussels fines Meta.")
    long = await library.add(f"New rules for {words}", f"Meta: Brussels fines transfers of data. {words}.")
    assert f"New rules for {words}" in await list_similar_titles(library, short)
    assert "Meta is fined over data transfers" in await list_similar_titles(library, long)
