"""The search syntax in /search."""

from __future__ import annotations

import re
from html import escape
from typing import Any

import pytest

from bot.search.query.query_parser import parse_query
from tests.cogs.helpers import START, choose, follow, labels, last, said
from tests.discord_world import World
from tests.feed_server import item
from tests.search.syntax import AMAZON, ARTICLES, CITIES, ENGINE, FOUND, MEANT, TOLD

LACKS = re.compile("partial match|close match")
TITLES = (AMAZON, CITIES, ENGINE)


def entry(number: int, article: dict[str, Any]) -> str:
    written = item(
        number, title=article["title"], body=article["text"], published=START - article["days"] * 86_400
    )
    more = "".join(f"<category>{tag}</category>" for tag in article["tags"])
    more += f"<author>someone@example.org ({article['author']})</author>"
    if article["image"]:
        more += f'<enclosure url="{escape(article["image"])}" type="image/png" length="1"/>'
    return written.replace("</item>", f"{more}</item>")


@pytest.fixture
async def filled(telex, feed_server) -> World:
    for source in ("Le Fil", "Example News"):
        entries = [entry(n, one) for n, one in enumerate(ARTICLES) if one["source"] == source]
        language = "fr" if source == "Le Fil" else "en"
        await follow(telex, feed_server, *entries, path=f"/{language}", title=source, language=language)
    return telex


async def whole(world: World, query: str, **options: Any) -> set[str]:
    """Titles of what matches wholly. A person may not search all the time: some seconds pass."""
    world.clock.advance(10)
    shown = said(await world.reader.slash(world.news, "search", query=query, **options)).replace("\\", "")
    found = {line for line in shown.split("\n**[")[1:] if not LACKS.search(line)}
    return {title for title in TITLES if any(line.startswith(f"{title}]") for line in found)}


async def test_every_kind_of_query_finds_what_it_says(filled):
    wrong = {}
    for query, wanted in FOUND.items():
        found = await whole(filled, query)
        if found != set(wanted):
            wrong[query] = found
    assert not wrong


async def test_bookmarks_are_a_filter_in_both_languages(filled):
    article = next(one for one in await filled.store.articles.newest(None, limit=3) if one.title == CITIES)
    await filled.store.bookmarks.add(filled.reader.id, article.id)
    for query in ("is:bookmarked", "est:favori", "est:enregistré", "police is:saved"):
        assert await whole(filled, query) == {CITIES}
    assert await whole(filled, "police -is:bookmarked") == {AMAZON}
    assert await whole(filled, "-est:favori") == {AMAZON, ENGINE}


async def test_a_mistake_is_answered_with_what_was_understood(filled):
    for query, told in TOLD.items():
        filled.clock.advance(10)
        assert told in said(await filled.reader.slash(filled.news, "search", query=query)).replace("\\", "")


async def test_a_misspelt_word_or_name_is_asked_after(filled):
    for query, words in MEANT.items():
        filled.clock.advance(10)
        answer = await filled.reader.slash(filled.news, "search", query=query)
        assert "Did you mean…" in said(answer), query
        assert set(words) <= set(labels(last(answer))), query
    filled.clock.advance(10)
    filled.locales[filled.reader.id] = "fr"
    shown = said(await filled.reader.slash(filled.news, "search", query="ploice"))
    assert "Aucun article ne contient le mot « ploice »." in shown.replace("\xa0", " ").replace("\u202f", " ")
    assert "Vouliez-vous dire…" in shown
    assert "approchant" in shown


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
"""What is chosen, and what it writes in English and in French."""


async def test_options_write_the_same_query(filled):
    article = next(one for one in await filled.store.articles.newest(None, limit=3) if one.title == CITIES)
    await filled.store.bookmarks.add(filled.reader.id, article.id)
    halves = 0
    for options, english, french in OPTIONS:
        filled.locales[filled.reader.id] = "en-US"
        found = await whole(filled, f"police {english}")
        assert await whole(filled, "police", **options) == found, options
        halves += len(found) == 1
        assert parse_query(french, START).nodes == parse_query(english, START).nodes
        filled.clock.advance(10)
        filled.locales[filled.reader.id] = "fr"
        chosen = await filled.reader.slash(filled.news, "search", query="police", **options)
        assert f"police {french}" in said(chosen).replace("\\", "")
        for option, told in (("since", "Depuis le "), ("before", "Avant le ")):
            assert (told in said(chosen)) is (option in options)
    assert halves == len(OPTIONS)  # each of them tells the two articles apart


async def test_help_tells_the_syntax_in_both_languages_with_examples_that_work(filled):
    english = said(
        await choose(filled.reader, last(await filled.reader.slash(filled.news, "help")), "How to")
    )
    for example in ('`"exact words"`', "`-word`", "`since:7d`", "`is:bookmarked`", "`title:word`"):
        assert example in english
    filled.locales[filled.reader.id] = "fr"
    french = said(
        await choose(filled.reader, last(await filled.reader.slash(filled.news, "help")), "Comment")
    )
    for example in ("`titre:mot`", "`depuis:7j`", "`est:favori`", "`avec:image`", "`langue:fr`"):
        assert example in french
        assert parse_query(example.strip("`"), START).nodes
