"""The articles that may answer a question: those with its words and, with the extra, those that mean it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from bot.answers.understanding import Question, understand
from bot.core.models import Article
from bot.search.index.engine import EngineError, Scope, SearchEngine
from bot.search.query.query_tree import Word
from bot.search.searching import Searcher
from bot.search.semantic.fusion import fused
from bot.search.semantic.semantic_search import LIKELY

NEAR = 2  # articles that mean most nearly what is asked
READ = 20
"""Articles that are read for an answer."""
FOUND = 30
"""Articles that each way of looking finds; some may be on the pages of others."""


class Retrieved(NamedTuple):
    """Articles, the best first, and the cosines of question and article, as far as they are known.

    `at_hand` are the ids of those that are talked about.
    """

    articles: tuple[Article, ...]
    cosines: Mapping[int, float]
    at_hand: frozenset[int] = frozenset()

    @property
    def nearest(self) -> frozenset[int]:
        """The ids of the few that mean most nearly what is asked."""
        return frozenset(sorted(self.cosines, key=lambda id_: -self.cosines[id_])[:NEAR])

    def after(self, talked_about: Sequence[Article]) -> Retrieved:
        """The same behind articles that are talked about."""
        articles = {article.id: article for article in (*talked_about, *self.articles)}
        return Retrieved(
            tuple(articles.values()), self.cosines, frozenset(article.id for article in talked_about)
        )


async def understood(searcher: Searcher, text: str, added: Collection[str] = ()) -> Question:
    """A question, understood with what is stored in mind. `added` are words that a follow-up brought."""
    await searcher.index.ready()
    engine = searcher.index.engine
    if engine is not None:
        try:
            documents = engine.documents
            return await asyncio.to_thread(understand, text, engine.document_frequency, documents, added)
        except EngineError as error:
            searcher.index.distrust(error)
    return understand(text, lambda _: 0, 0, added)


async def retrieve(searcher: Searcher, question: Question, *, feed_ids: Collection[int] | None) -> Retrieved:
    """The articles of some feeds (None: of all) to read for an answer.

    Those that have the most of the question's words, the newest of those that have all of them, and the
    nearest in meaning, where that is known, are fused by rank. Where the index cannot be used, there are none
    by words.
    """
    if feed_ids is not None and not feed_ids:
        return Retrieved((), {})
    rankings = await _by_words(searcher, question, None if feed_ids is None else frozenset(feed_ids))
    cosines: dict[int, float] = {}
    if searcher.meaning is not None:
        cosines = dict(await searcher.meaning.nearest(question.text, feed_ids=feed_ids, least=LIKELY))
    ranked = fused(*rankings, list(cosines))[: READ + FOUND]
    by_id = {article.id: article for article in await searcher.store.articles.by_ids(ranked)}
    pages: dict[str, Article] = {}
    for id_ in ranked:
        if id_ in by_id:
            pages.setdefault(by_id[id_].page, by_id[id_])
    return Retrieved(tuple(pages.values())[:READ], cosines)


async def _by_words(
    searcher: Searcher, question: Question, feed_ids: frozenset[int] | None
) -> list[list[int]]:
    """The articles that have the most of a question's words, and the newest that have all that is known."""
    engine, scope = searcher.index.engine, Scope(feed_ids=feed_ids)
    known = [term.word for term in question.terms if term.known]
    if engine is None or not known:
        return []

    def found(engine: SearchEngine) -> list[list[int]]:
        some = engine.any_words(" ".join(known), scope, FOUND)
        every = engine.matching(tuple(map(Word, known)), scope, FOUND, newest=True)
        return [[hit.article_id for hit in hits] for hits in (some, every)]

    try:
        return await asyncio.to_thread(found, engine)
    except EngineError as error:
        searcher.index.distrust(error)
        return []
