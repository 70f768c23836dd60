"""The articles that may answer a question: those with its words and, with the extra, those that mean it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from bot.answers.question_analysis import AnalysedQuestion, analyse_question
from bot.core.models import Article
from bot.search.index.search_engine import EngineError, Scope, SearchEngine
from bot.search.query.query_tree import Word
from bot.search.searching import Searcher
from bot.search.semantic.rank_fusion import reciprocal_rank_fusion
from bot.search.semantic.semantic_index import MIN_RETRIEVAL_COSINE

MAX_NEAREST = 2  # articles that mean most nearly what is asked
MAX_ARTICLES = 20
"""Articles that are read for an answer."""
MAX_PER_RANKING = 30
"""Articles that each way of looking finds; some may be on the pages of others."""


class Retrieved(NamedTuple):
    """Articles, the best first, and the cosines of question and article, as far as they are known.

    `context_ids` are the ids of those that are talked about.
    """

    articles: tuple[Article, ...]
    cosines: Mapping[int, float]
    context_ids: frozenset[int] = frozenset()

    @property
    def nearest_ids(self) -> frozenset[int]:
        """The ids of the few that mean most nearly what is asked."""
        return frozenset(sorted(self.cosines, key=lambda id_: -self.cosines[id_])[:MAX_NEAREST])

    def with_context(self, talked_about: Sequence[Article]) -> Retrieved:
        """The same behind articles that are talked about."""
        articles = {article.id: article for article in (*talked_about, *self.articles)}
        return Retrieved(
            tuple(articles.values()), self.cosines, frozenset(article.id for article in talked_about)
        )


async def understand_with_index(
    searcher: Searcher, text: str, added: Collection[str] = ()
) -> AnalysedQuestion:
    """A question, understood with what is stored in mind. `added` are words that a follow-up brought."""
    await searcher.index.ensure_current()
    engine = searcher.index.engine
    if engine is not None:
        try:
            documents = engine.document_count
            return await asyncio.to_thread(
                analyse_question, text, engine.document_frequency, documents, added
            )
        except EngineError as error:
            searcher.index.report_search_failure(error)
    return analyse_question(text, lambda _: 0, 0, added)


async def retrieve(
    searcher: Searcher, question: AnalysedQuestion, *, feed_ids: Collection[int] | None
) -> Retrieved:
    """The articles of some feeds (None: of all) to read for an answer.

    Those that have the most of the question's words, the newest of those that have all of them, and the
    nearest in meaning, where that is known, are fused by rank. Where the index cannot be used, there are none
    by words.
    """
    if feed_ids is not None and not feed_ids:
        return Retrieved((), {})
    rankings = await _lexical_rankings(searcher, question, None if feed_ids is None else frozenset(feed_ids))
    cosines: dict[int, float] = {}
    if searcher.semantic_index is not None:
        cosines = dict(
            await searcher.semantic_index.nearest(
                question.text, feed_ids=feed_ids, min_cosine=MIN_RETRIEVAL_COSINE
            )
        )
    ranked = reciprocal_rank_fusion(*rankings, list(cosines))[: MAX_ARTICLES + MAX_PER_RANKING]
    by_id = {article.id: article for article in await searcher.store.articles.by_ids(ranked)}
    pages: dict[str, Article] = {}
    for id_ in ranked:
        if id_ in by_id:
            pages.setdefault(by_id[id_].page, by_id[id_])
    return Retrieved(tuple(pages.values())[:MAX_ARTICLES], cosines)


async def _lexical_rankings(
    searcher: Searcher, question: AnalysedQuestion, feed_ids: frozenset[int] | None
) -> list[list[int]]:
    """The articles that have the most of a question's words, and the newest that have all that is known."""
    engine, scope = searcher.index.engine, Scope(feed_ids=feed_ids)
    known = [term.word for term in question.terms if term.is_in_index]
    if engine is None or not known:
        return []

    def found(engine: SearchEngine) -> list[list[int]]:
        some = engine.match_any(" ".join(known), scope, MAX_PER_RANKING)
        every = engine.match_all(tuple(map(Word, known)), scope, MAX_PER_RANKING, newest=True)
        return [[hit.article_id for hit in hits] for hits in (some, every)]

    try:
        return await asyncio.to_thread(found, engine)
    except EngineError as error:
        searcher.index.report_search_failure(error)
        return []
