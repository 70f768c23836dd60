"""The articles that may answer a question: those with its words and, with the extra, those that mean it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from bot.answers.understanding import Question, understand
from bot.core.models import Article
from bot.search.searching import Searcher
from bot.search.semantic.fusion import fused
from bot.search.semantic.semantic_search import LIKELY
from bot.store.sqlite.search_index import Any, Scope, Terms

READ = 20
"""Articles that are read for an answer."""
FOUND = 60
"""Articles that are looked at, so that fresh ones may come first where the answer changes."""
RECENT = 8  # of those that are read, places for what is fresh and matches less well,
FRESH = 0.5  # how much more an article of this moment counts,
HALF_LIFE = 180 * 86_400  # and the seconds in which that halves


class Retrieved(NamedTuple):
    """Articles, the best first, and the cosines of question and article, as far as they are known."""

    articles: tuple[Article, ...]
    cosines: Mapping[int, float]


async def understood(searcher: Searcher, text: str) -> Question:
    """A question, understood with what is stored in mind."""
    vocabulary = searcher.finder.vocabulary
    await vocabulary.ready()
    return understand(text, lambda stem: vocabulary.documents((stem,)), vocabulary.size)


async def retrieve(
    searcher: Searcher, question: Question, *, feed_ids: Collection[int] | None, newest: int
) -> Retrieved:
    """The articles of some feeds (None: of all) to read for an answer. `newest`: when the newest is from."""
    if feed_ids is not None and not feed_ids:
        return Retrieved((), {})
    stems = [stem for term in question.terms if term.weight for stem in term.stems]
    ranked: Sequence[int] = []
    if stems:
        hits = await searcher.store.index.ranked(
            Any(tuple(Terms((stem,)) for stem in dict.fromkeys(stems))),
            scope=Scope(feed_ids=None if feed_ids is None else frozenset(feed_ids)),
            limit=FOUND if question.changes else READ,
        )
        scored = {hit.article_id: (hit.score, hit.published) for hit in hits}
        ranked = with_fresh(scored, newest) if question.changes else list(scored)
    cosines: dict[int, float] = {}
    if searcher.finder.meaning is not None:
        near = await searcher.finder.meaning.nearest(question.text, feed_ids=feed_ids, least=LIKELY)
        cosines = dict(near)
        ranked = fused(ranked, list(cosines))
    articles = {}
    for article in await searcher.store.articles.by_ids(ranked[: 2 * READ]):
        articles.setdefault(article.page, article)
    return Retrieved(tuple(articles.values())[:READ], cosines)


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
