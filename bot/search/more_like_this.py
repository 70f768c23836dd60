"""More like this: the articles that share an article's most telling words.

What tells is decided by tf-idf (Salton and Buckley, "Term-weighting approaches in automatic text retrieval",
1988), with a word of the title counted more than one of the text; the likeness of two articles is the share
of that weight that they have in common. The index is asked for pairs of a few rare words, so that a search
costs the same however many articles there are.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from bot.core.models import Article
from bot.search.retrieval import Finder, Found, one_a_page
from bot.search.searching import Result, Searcher, SearchPage, excerpt_of
from bot.store.sqlite.search_index import All, Any, Scope, Terms, Wanted
from bot.text import terms
from bot.text.skimming import Marker

MOST = 15
"""Articles that are offered as similar to one."""
_IN_TITLE = 4.0  # times that a word of the title counts
_READ = 4_000  # characters of a text whose words are looked at
_TELLING = 24  # words by which articles are compared,
_LOOKED_FOR = 8  # and by which they are looked for
_BUDGET = 30_000  # articles in the lists of the words that are looked for
_SMALL_BUDGET = 500  # every list may be that long, however few articles there are
_CANDIDATES = 60  # articles that are read and compared
_FLOOR = 0.25  # of the weight that has to be shared
_FEWEST = 2  # words that have to be shared
_WEEK = 7 * 86400
"""Seconds within which an article of the same title tells the same; a column keeps its title for years."""
_SHORT = 2  # letters of a word that says too little, numbers aside


async def similar(
    searcher: Searcher, article: Article, *, feed_ids: Collection[int], limit: int, offset: int = 0
) -> SearchPage:
    """A page of the articles of these feeds that are most like one, the likest first.

    Empty where nothing is like it. What is on the article's own page is left out, and so is what tells the
    same under another address. The score is from 0 to 1. Raises `StoreError`.
    """
    finder = searcher.finder
    await finder.vocabulary.ready()
    telling = _telling(article, finder)
    words = _looked_for(telling, finder)
    if len(words) < _FEWEST or not feed_ids:
        return SearchPage()
    hits = await searcher.store.index.ranked(
        _any(words),
        required=_two_of(words),
        scope=Scope(feed_ids=frozenset(feed_ids)),
        limit=_CANDIDATES,
    )
    hits = [hit for hit in hits if hit.page != article.page]
    articles = await searcher.store.articles.by_ids([hit.article_id for hit in hits])
    by_id = {each.id: each for each in articles}
    found = []
    for hit in hits:
        other = by_id.get(hit.article_id)
        if other is not None and (likeness := _likeness(telling, other)) >= _FLOOR:
            found.append(Found(hit._replace(score=likeness)))
        await asyncio.sleep(0)  # a fifth of a millisecond each
    found = one_a_page(sorted(found, key=lambda each: (-each.hit.score, -each.hit.published)))
    found = _one_a_title(article, found, by_id)[:MOST]
    marker = Marker(telling.keys())
    results = []
    for each in found[offset : offset + limit]:
        other = by_id[each.hit.article_id]
        excerpt, marks = excerpt_of(other, marker)
        results.append(Result(article=other, score=each.hit.score, excerpt=excerpt, marks=marks))
        await asyncio.sleep(0)
    return SearchPage(results=tuple(results), total=len(found))


def _one_a_title(article: Article, found: Sequence[Found], by_id: Mapping[int, Article]) -> list[Found]:
    """The first of each title, and none of the article's own that appeared about when it did."""
    kept: dict[str, Found] = {}
    own = terms.fold(article.title)
    for each in found:
        title = terms.fold(by_id[each.hit.article_id].title)
        if title != own or abs(each.hit.published - article.published) > _WEEK:
            kept.setdefault(title, each)
    return list(kept.values())


def _telling(article: Article, finder: Finder) -> dict[str, float]:
    """The terms that tell most of an article, with their weights, the most telling first.

    What stands in this article alone leads nowhere.
    """
    counts = _counts(article)
    weights = {
        term: (1 + math.log(count)) * finder.vocabulary.weight((term,))
        for term, count in counts.items()
        if (len(term) > _SHORT or term.isdecimal()) and finder.vocabulary.documents((term,)) != 1
    }
    best = sorted(weights, key=lambda term: -weights[term])[:_TELLING]
    return {term: weights[term] for term in best}


def _counts(article: Article) -> Counter[str]:
    """How often each term stands in an article, as far as it is read."""
    body = (article.body or article.summary)[:_READ]
    counts = Counter(terms.stems(body, article.language))
    for term in terms.stems(article.title, article.language):
        counts[term] += int(_IN_TITLE)
    return counts


def _looked_for(telling: dict[str, float], finder: Finder) -> list[Terms]:
    """The most telling terms whose lists are short enough."""
    chosen: list[Terms] = []
    left = _BUDGET
    for term in telling:
        documents = finder.vocabulary.documents((term,))
        if documents <= max(left, _SMALL_BUDGET) and len(chosen) < _LOOKED_FOR:
            chosen.append(Terms((term,)))
            left -= documents
    return chosen


def _two_of(words: Sequence[Terms]) -> Wanted:
    """Any two of these together."""
    return Any(tuple(All((word, _any(words[place + 1 :]))) for place, word in enumerate(words[:-1])))


def _any(parts: Sequence[Wanted]) -> Wanted:
    return Any(tuple(parts)) if len(parts) > 1 else parts[0]


def _likeness(telling: dict[str, float], other: Article) -> float:
    """From 0 to 1: the share of the weight of the telling terms that another article has too."""
    counts = _counts(other)
    shared = [term for term in telling if term in counts]
    if len(shared) < _FEWEST:
        return 0.0
    return sum(telling[term] for term in shared) / sum(telling.values())
