"""Answers to questions: the passages of stored articles that answer, word for word, or that none does."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace

from bot.news import evidence
from bot.news.answer import Answer, Line, Quote, Sentence
from bot.news.finding import Reading, one_a_page
from bot.news.plan import plan
from bot.news.question import understood
from bot.news.search import Searcher
from bot.news.writer import Writer
from bot.text import terms
from bot.text.query import MAX_LENGTH, MAX_TERMS, Query, Word

__all__ = ["Answer", "Line", "Quote", "Sentence", "Writer", "ask"]

SURE_ENOUGH = -0.1
"""From here on nine of ten French questions without an answer are refused, and more of the English ones."""
QUOTES = 3
NEAREST = 5
FURTHER = 2.0  # how much weaker than the first a further quote may be


async def ask(
    searcher: Searcher,
    text: str,
    *,
    feed_ids: Collection[int] | None,
    about: int | None = None,
    earlier: Sequence[str] = (),
    writer: Writer | None = None,
) -> Answer:
    """Answer a question from the articles of these feeds (None: of all). Never raises for what was asked.

    `about` is the id of the article that it is asked about, `earlier` are the questions before it in the
    conversation, oldest first, and `writer` writes the answer where one is configured.
    """
    answer = await _extracted(searcher, text, feed_ids=feed_ids)
    newest = await searcher.store.articles.newest(feed_ids, limit=1)
    return replace(answer, newest=newest[0].published if newest else None)


async def _extracted(searcher: Searcher, text: str, *, feed_ids: Collection[int] | None) -> Answer:
    reading = await read(searcher, text, feed_ids=feed_ids)
    passages = await asyncio.to_thread(evidence.weigh, text, reading.wanted, reading.found)
    nearest = tuple(each.read.article for each in reading.found[:NEAREST] if each.read)
    if not passages:
        return Answer(question=text, answered=False, nearest=nearest)
    sureness = evidence.sureness(passages)
    if sureness < SURE_ENOUGH:
        return Answer(question=text, answered=False, nearest=nearest, sureness=sureness)
    best = passages[0]
    chosen = [passage for passage in passages[:QUOTES] if best.points - passage.points <= FURTHER]
    quotes = tuple(Quote(passage.text(reading.wanted), passage.read.article) for passage in chosen)
    sources = {quote.article.id: quote.article for quote in quotes}
    return Answer(
        question=text, answered=True, quotes=quotes, sources=tuple(sources.values()), sureness=sureness
    )


async def read(searcher: Searcher, text: str, *, feed_ids: Collection[int] | None) -> Reading:
    """The articles in which a question's words stand, read, the best first, one a page."""
    asked = plan(_as_words(text), feed_ids=feed_ids, person_id=None)
    if not asked.words or (feed_ids is not None and not feed_ids):
        return Reading([], None, [])
    reading = await searcher.finder.partial(asked)
    return reading._replace(found=one_a_page(reading.found))


def _as_words(text: str) -> Query:
    """A question as a query of the words that its answer may have; nothing in it is syntax."""
    text = " ".join(text[:MAX_LENGTH].split())
    said = understood(text).said
    words = [Word(piece, tuple(terms.words(piece))) for piece in text.split()]
    telling = [word for word in words if any(map(terms.alternatives, word.words))]
    kept = [word for word in telling if not said.issuperset(word.words)] or telling
    return Query(text=text, nodes=tuple(kept[:MAX_TERMS]))
