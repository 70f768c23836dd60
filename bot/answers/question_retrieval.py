"""The articles that may answer a question: those with its words and, with the extra, those that mean it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from bot.answers.understanding import Question, understand
from bot.core.models import Article
from bot.search.index.engine import EngineError, Scope
from bot.search.searching import Searcher
from bot.search.semantic.fusion import fused
from bot.search.semantic.semantic_search import LIKELY

NEAR = 3  # articles that mean most nearly what is asked
READ = 20
"""Articles that are read for an answer."""
FOUND = 60
"""Articles that are looked at, so that fresh ones may come first where the answer changes."""
SPARE = 10  # articles that may be on the pages of others
RECENT = 8  # of those that are read, places for what is fresh and matches less well,
FRESH = 0.5  # how much more an article of this moment counts,
HALF_LIFE = 180 * 86_400  # and the seconds in which that halves


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

    def of(self, articles: Sequence[Article]) -> Retrieved:
        """The same where these articles alone were found."""
        ids = {article.id for article in articles}
        return Retrieved(tuple(articles), {id_: near for id_, near in self.cosines.items() if id_ in ids})

    def after(self, talked_about: Sequence[Article]) -> Retrieved:
        """The same behind articles that are talked about."""
        articles = {article.id: article for article in (*talked_about, *self.articles)}
        return Retrieved(
            tuple(articles.values()), self.cosines, frozenset(article.id for article in talked_about)
        )


async def understood(searcher: Searcher, text: str) -> Question:
    """A question, understood with what is stored in mind."""
    await searcher.index.ready()
    engine = searcher.index.engine
    if engine is None:
        return understand(text, lambda _: 0, 0)
    return await asyncio.to_thread(understand, text, engine.document_frequency, engine.documents)


async def retrieve(
    searcher: Searcher, question: Question, *, feed_ids: Collection[int] | None, newest: int
) -> Retrieved:
    """The articles of some feeds (None: of all) to read for an answer. `newest`: when the newest is from.

    Where the index cannot be used, there are none by words.
    """
    if feed_ids is not None and not feed_ids:
        return Retrieved((), {})
    ranked: Sequence[int] = []
    scores = await _by_words(searcher, question, None if feed_ids is None else frozenset(feed_ids))
    by_id = {article.id: article for article in await searcher.store.articles.by_ids(list(scores))}
    scored = {id_: (scores[id_], article.published) for id_, article in by_id.items()}
    ranked = with_fresh(scored, newest) if question.changes else list(scored)
    cosines: dict[int, float] = {}
    if searcher.meaning is not None:
        near = await searcher.meaning.nearest(question.text, feed_ids=feed_ids, least=LIKELY)
        cosines = dict(near)
        ranked = fused(ranked, list(cosines))
        further = await searcher.store.articles.by_ids([id_ for id_ in ranked[:READ] if id_ not in by_id])
        by_id |= {article.id: article for article in further}
    pages: dict[str, Article] = {}
    for id_ in ranked:
        if id_ in by_id:
            pages.setdefault(by_id[id_].page, by_id[id_])
    return Retrieved(tuple(pages.values())[:READ], cosines)


async def _by_words(
    searcher: Searcher, question: Question, feed_ids: frozenset[int] | None
) -> dict[int, float]:
    """The articles that have some of a question's words, the best first, with their scores."""
    engine, words = searcher.index.engine, " ".join(term.word for term in question.terms)
    if engine is None or not words:
        return {}
    limit = FOUND if question.changes else READ + SPARE
    try:
        hits = await asyncio.to_thread(engine.any_words, words, Scope(feed_ids=feed_ids), limit)
    except EngineError as error:
        searcher.index.distrust(error)
        return {}
    return {hit.article_id: hit.score for hit in hits}


def with_fresh(scored: Mapping[int, tuple[float, int]], newest: int) -> list[int]:
    """Articles with their scores and times, the best first, with fresh ones among those that are read.

    Fresh is what is so beside the newest article stored: a store may be old.
    """
    best = sorted(scored, key=lambda id_: -scored[id_][0])
    kept, others = best[: READ - RECENT], best[READ - RECENT :]

    def weighed(id_: int) -> float:
        score, published = scored[id_]
        return score * (1 + FRESH * float(0.5 ** (max(0, newest - published) / HALF_LIFE)))

    return kept + sorted(others, key=lambda id_: -weighed(id_))
