"""Answers to questions: the passages of stored articles that answer, word for word, or that none does."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.news import evidence
from bot.news.finding import Reading, one_a_page
from bot.news.plan import plan
from bot.news.question import understood
from bot.news.search import Searcher
from bot.text import terms
from bot.text.query import MAX_LENGTH, MAX_TERMS, Query, Word
from bot.words import Article

SURE_ENOUGH = -0.1
"""From here on nine of ten French questions without an answer are refused, and more of the English ones."""
QUOTES = 3
NEAREST = 5
FURTHER = 2.0  # how much weaker than the first a further quote may be


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of an article's text that answer."""

    text: str
    article: Article


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the articles say. Without an answer `quotes` and `sources` are empty, and `nearest` is offered.

    `sureness` is the logarithm of the odds that the first quote answers, None when nothing was found.
    """

    question: str
    answered: bool
    quotes: tuple[Quote, ...] = ()
    sources: tuple[Article, ...] = ()
    nearest: tuple[Article, ...] = ()
    sureness: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The answer as `telex ask --json` writes it."""
        return {
            "question": self.question,
            "answered": self.answered,
            "quotes": [
                {"text": quote.text, "url": quote.article.url, "title": quote.article.title}
                for quote in self.quotes
            ],
            "sources": [_source(article) for article in self.sources],
            "nearest": [_source(article) for article in self.nearest],
        }


async def ask(searcher: Searcher, text: str, *, feed_ids: Collection[int] | None) -> Answer:
    """Answer a question from the articles of these feeds (None: of all). Never raises for what was asked."""
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


def _source(article: Article) -> dict[str, object]:
    published = datetime.fromtimestamp(article.published, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "url": article.url,
        "title": article.title,
        "source": article.outlet,
        "published": published,
    }
