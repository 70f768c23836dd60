"""The search syntax in /search."""

from __future__ import annotations

import re
from html import escape
from typing import Any

import pytest

from bot.search.query.query_parser import parse_query
from tests.support.discord_world import World
from tests.support.feed_server import make_rss_item
from tests.support.interactions import get_last_reply, list_button_labels, read_reply_text, select_option
from tests.support.scenario import START, follow_feed
from tests.support.search.syntax import (
    AMAZON,
    ARTICLES,
    CITIES,
    ENGINE,
    NOTES_BY_QUERY,
    SUGGESTIONS_BY_QUERY,
    TITLES_BY_QUERY,
)

PARTIAL_MATCH = re.compile("partial match|close match")
TITLES = (AMAZON, CITIES, ENGINE)


def build_item(number: int, article: dict[str, Any]) -> str:
    item_xml = make_rss_item(
        number, title=article["title"], body=article["text"], published=START - article["days"] * 86_400
    )
    extra_elements = "".join(f"<category>{tag}</category>" for tag in article["tags"])
    extra_elements += f"<author>someone@example.org ({article['author']})</author>"
    if article["image"]:
        extra_elements += f'<enclosure url="{escape(article["image"])}" type="image/png" length="1"/>'
    return item_xml.replace("</item>", f"{extra_elements}</item>")


@pytest.fixture
async def world_with_articles(telex, feed_server) -> World:
    for source in ("Le Fil", "Example News"):
        entries = [build_item(n, article) for n, article in enumerate(ARTICLES) if article["source"] == source]
        language = "fr" if source == "Le Fil" else "en"
        await follow_feed(telex, feed_server, *entries, path=f"/{language}", title=source, language=language)
    return telex


async def find_matching_titles(world: World, query: str, **options: Any) -> set[str]:
    """Search as the reader and return the titles of full matches; advance the clock because of the rate limit."""
    world.clock.advance(10)
    reply_text = read_reply_text(await world.run_as_reader("search", query=query, **options)).replace("\\", "")
    full_matches = {line for line in reply_text.split("\n**[")[1:] if not PARTIAL_MATCH.search(line)}
    return {title for title in TITLES if any(line.startswith(f"{title}]") for line in full_matches)}


async def test_query_syntax_finds_expected_articles(world_with_articles):
    wrong_titles = {}
    for query, expected_titles in TITLES_BY_QUERY.items():
        titles = await find_matching_titles(world_with_articles, query)
        if titles != set(expected_titles):
            wrong_titles[query] = titles
    assert not wrong_titles


async def test_bookmark_filter_works_in_both_languages(world_with_articles):
    article = next(
        candidate
        for candidate in await world_with_articles.store.articles.list_newest(None, limit=3)
        if candidate.title == CITIES
    )
    await world_with_articles.store.bookmarks.add(world_with_articles.reader.id, article.id)
    for query in ("is:bookmarked", "est:favori", "est:enregistré", "police is:saved"):
        assert await find_matching_titles(world_with_articles, query) == {CITIES}
    assert await find_matching_titles(world_with_articles, "police -is:bookmarked") == {AMAZON}
    assert await find_matching_titles(world_with_articles, "-est:favori") == {AMAZON, ENGINE}


async def test_mistake_in_query_is_explained(world_with_articles):
    for query, expected_text in NOTES_BY_QUERY.items():
        world_with_articles.clock.advance(10)
        assert expected_text in read_reply_text(
            await world_with_articles.reader.slash(world_with_articles.news, "search", query=query)
        ).replace("\\", "")


async def test_misspelt_word_or_name_gets_suggestion(world_with_articles):
    for query, words in SUGGESTIONS_BY_QUERY.items():
        world_with_articles.clock.advance(10)
        answer = await world_with_articles.reader.slash(world_with_articles.news, "search", query=query)
        assert "Did you mean…" in read_reply_text(answer), query
        assert set(words) <= set(list_button_labels(get_last_reply(answer))), query
    world_with_articles.clock.advance(10)
    world_with_articles.locales[world_with_articles.reader.id] = "fr"
    reply_text = read_reply_text(
        await world_with_articles.reader.slash(world_with_articles.news, "search", query="ploice")
    )
    assert "Aucun article ne contient le mot « ploice »." in reply_text.replace("\xa0", " ").replace("\u202f", " ")
    assert "Vouliez-vous dire…" in reply_text
    assert "approchant" in reply_text


OPTIONS: list[tuple[dict[str, Any], str, str]] = [
    ({"source": "Le Fil"}, 'source:"Le Fil"', 'source:"Le Fil"'),
    ({"author": "Jane Doe"}, 'author:"Jane Doe"', 'auteur:"Jane Doe"'),
    ({"title": "facial recognition"}, 'title:"facial recognition"', 'titre:"facial recognition"'),
    ({"title": "amazon"}, "title:amazon", "titre:amazon"),
    ({"tag": "Vie privée"}, 'tag:"Vie privée"', 'étiquette:"Vie privée"'),
    ({"language": "en"}, "lang:en", "langue:en"),
    ({"since": "7d"}, "since:7d", "depuis:7d"),
    ({"before": "7d"}, "before:7d", "avant:7d"),
    ({"before": "last monday"}, 'before:"last monday"', 'avant:"last monday"'),
    ({"image": True}, "has:image", "avec:image"),
    ({"image": False}, "-has:image", "-avec:image"),
    ({"bookmarked": True}, "is:bookmarked", "est:favori"),
    ({"bookmarked": False}, "-is:bookmarked", "-est:favori"),
    (
        {"bookmarked": True, "before": "7d", "since": "30d", "author": "jane"},
        "author:jane since:30d before:7d is:bookmarked",
        "auteur:jane depuis:30d avant:7d est:favori",
    ),
]
"""Options of /search, and the query that they stand for in English and in French."""


async def test_options_are_equivalent_to_query_syntax(world_with_articles):
    article = next(
        candidate
        for candidate in await world_with_articles.store.articles.list_newest(None, limit=3)
        if candidate.title == CITIES
    )
    await world_with_articles.store.bookmarks.add(world_with_articles.reader.id, article.id)
    distinguishing_count = 0
    for options, english, french in OPTIONS:
        world_with_articles.locales[world_with_articles.reader.id] = "en-US"
        titles = await find_matching_titles(world_with_articles, f"police {english}")
        assert await find_matching_titles(world_with_articles, "police", **options) == titles, options
        distinguishing_count += len(titles) == 1
        assert parse_query(french, START).nodes == parse_query(english, START).nodes
        world_with_articles.clock.advance(10)
        world_with_articles.locales[world_with_articles.reader.id] = "fr"
        reply = await world_with_articles.reader.slash(world_with_articles.news, "search", query="police", **options)
        assert f"police {french}" in read_reply_text(reply).replace("\\", "")
        for option, expected_text in (("since", "Depuis le "), ("before", "Avant le ")):
            assert (expected_text in read_reply_text(reply)) is (option in options)
    assert distinguishing_count == len(OPTIONS)  # each option matches only one of the two articles


async def test_help_examples_of_syntax_are_valid_in_both_languages(world_with_articles):
    english = read_reply_text(
        await select_option(
            world_with_articles.reader,
            get_last_reply(await world_with_articles.reader.slash(world_with_articles.news, "help")),
            "How to",
        )
    )
    for example in ('`"exact words"`', "`-word`", "`since:7d`", "`is:bookmarked`", "`title:word`"):
        assert example in english
    world_with_articles.locales[world_with_articles.reader.id] = "fr"
    french = read_reply_text(
        await select_option(
            world_with_articles.reader,
            get_last_reply(await world_with_articles.reader.slash(world_with_articles.news, "help")),
            "Comment",
        )
    )
    for example in ("`titre:mot`", "`depuis:7j`", "`est:favori`", "`avec:image`", "`langue:fr`"):
        assert example in french
        assert parse_query(example.strip("`"), START).nodes
