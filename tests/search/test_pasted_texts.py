"""Queries with phrases, typed or pasted from an article."""

from __future__ import annotations

import pytest

from bot.posting.wording.search_note_sentences import note_sentence

STORY = "The mayor of Aldery opened a library that lends refurbished laptops to pupils for three months."
PASTED = "In Aldery the library now lends laptops that volunteers refurbished, and pupils keep them for months"


@pytest.mark.parametrize(
    ("query", "note"),
    [
        (
            'library pupils laptops "refurbished computers" "waiting list"',
            "No article has “refurbished computers”. Here’s what comes close.",
        ),
        (
            f"{PASTED} “on the waiting list”. “A waiting shelf”, says the mayor.",
            "No article has “A waiting shelf”. Here’s what comes close.",
        ),
        (
            f"{PASTED} “on the waiting list”.",
            "No article has all of this word for word. Here’s what comes close.",
        ),
    ],
    ids=["typed", "pasted", "pasted, each phrase in some article"],
)
async def test_missing_phrases_are_relaxed_to_words(library, searcher, query, note):
    await library.add("Laptops to borrow", STORY)
    await library.add("Trams are late", "Fifty trams are on the waiting list for new wheels.")
    page = await searcher.search(query, feed_ids=None)
    assert page.results[0].article.title == "Laptops to borrow"
    assert page.results[0].is_partial
    assert [note_sentence(page_note) for page_note in page.notes if "comes close" in note_sentence(page_note)] == [note]


async def test_phrase_of_short_query_is_required(library, searcher):
    await library.add("Laptops to borrow", STORY)
    await library.add("Trams are late", "Fifty trams are on the waiting list for new wheels.")
    page = await searcher.search('library laptops "waiting list"', feed_ids=None)
    assert [hit.article.title for hit in page.results] == ["Trams are late"]


async def test_phrases_found_together_are_required(library, searcher):
    await library.add("Laptops to borrow", f"{STORY} Others are on the waiting list.")
    await library.add("Trams are late", "Fifty trams are on the waiting list for new wheels.")
    page = await searcher.search('trams "waiting list" "refurbished laptops"', feed_ids=None)
    assert [hit.article.title for hit in page.results] == ["Laptops to borrow"]
