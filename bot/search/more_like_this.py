"""More like this: the articles that share an article's most telling words.

What tells is decided by tf-idf (Salton and Buckley, "Term-weighting approaches in automatic text retrieval",
1988), with a word of the title counted more than one of the text; the likeness of two articles is the share
of that weight that they have in common.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from bot.core.models import Article
from bot.search.highlighting import Highlighter, snippet_of
from bot.search.index import text_analysis
from bot.search.index.search_engine import EngineError, Scope, SearchEngine
from bot.search.ranked_search import inverse_document_frequency
from bot.search.searching import Searcher, SearchPage, SearchResult
from bot.text.words import fold

MAX_SIMILAR = 15
"""Articles that are offered as similar to one."""
_TITLE_WEIGHT = 4  # times that a word of the title counts
_MAX_CHARS_READ = 4_000  # characters of a text whose words are looked at
_MAX_QUERY_TERMS = 24  # words by which articles are compared
_MAX_CANDIDATES = 50  # articles that are read and compared
_MIN_SIMILARITY = 0.25  # of the weight that has to be shared
_MIN_SHARED_TERMS = 2  # words that have to be shared
_SAME_TITLE_WINDOW_SECONDS = 7 * 86400
"""Seconds within which an article of the same title tells the same; a column keeps its title for years."""
_MAX_SHORT_TERM_LENGTH = 2  # letters of a word that says too little, numbers aside


async def find_similar(
    searcher: Searcher, article: Article, *, feed_ids: Collection[int], limit: int, offset: int = 0
) -> SearchPage:
    """A page of the articles of these feeds that are most like one, the likest first.

    Empty where nothing is like it. What is on the article's own page is left out, and so is what tells the
    same under another address. The score is from 0 to 1. Raises `StoreError`.
    """
    await searcher.index.ensure_current()
    engine = searcher.index.engine
    if engine is None or not feed_ids:
        return SearchPage()
    scope = Scope(feed_ids=frozenset(feed_ids))
    try:
        telling = _distinctive_terms(_term_counts(article), engine)
        hits = await asyncio.to_thread(
            lambda: engine.match_similar(telling, scope, _MAX_CANDIDATES, exclude_article_id=article.id)
        )
        others = await searcher.store.articles.by_ids([hit.article_id for hit in hits])
        likely = await asyncio.to_thread(_likely, article, telling, others, engine)
    except EngineError as error:
        searcher.index.report_search_failure(error)
        return SearchPage()
    found = _deduplicate(article, likely)[:MAX_SIMILAR]
    marker = Highlighter(stems=telling)
    results = []
    for likeness, other in found[offset : offset + limit]:
        excerpt, marks = snippet_of(other, marker)
        results.append(SearchResult(article=other, score=likeness, excerpt=excerpt, highlights=marks))
    return SearchPage(results=tuple(results), total_results=len(found))


def _likely(
    article: Article, telling: Mapping[str, float], others: Iterable[Article], engine: SearchEngine
) -> list[tuple[float, Article]]:
    """Those of other pages that are like an article, or that it is like, the likest first.

    A long article has words for much that a short one leaves out: each is asked how much of it the other has.
    """
    counts = _term_counts(article)
    likely = []
    for other in others:
        if other.page == article.page:
            continue
        theirs = _term_counts(other)
        likeness = _similarity(telling, theirs)
        if likeness < _MIN_SIMILARITY:
            likeness = _similarity(_distinctive_terms(theirs, engine), counts)
        if likeness >= _MIN_SIMILARITY:
            likely.append((likeness, other))
    return sorted(likely, key=lambda each: (-each[0], -each[1].published))


def _deduplicate(article: Article, found: Sequence[tuple[float, Article]]) -> list[tuple[float, Article]]:
    """The first of each page and title, and none of the article's own that appeared about when it did."""
    pages: dict[str, tuple[float, Article]] = {}
    for each in found:
        pages.setdefault(each[1].page, each)
    kept: dict[str, tuple[float, Article]] = {}
    own = fold(article.title)
    for each in pages.values():
        title = fold(each[1].title)
        if title != own or abs(each[1].published - article.published) > _SAME_TITLE_WINDOW_SECONDS:
            kept.setdefault(title, each)
    return list(kept.values())


def _distinctive_terms(counts: Mapping[str, int], engine: SearchEngine) -> dict[str, float]:
    """The terms that tell most of an article, with their weights; what stands in it alone leads nowhere."""
    weights = {
        term: (1 + math.log(count)) * inverse_document_frequency(engine, (term,))
        for term, count in counts.items()
        if (len(term) > _MAX_SHORT_TERM_LENGTH or term.isdecimal()) and engine.document_frequency(term) > 1
    }
    best = sorted(weights, key=lambda term: -weights[term])[:_MAX_QUERY_TERMS]
    return {term: weights[term] for term in best}


def _term_counts(article: Article) -> Counter[str]:
    """How often each term stands in an article, as far as it is read."""
    body = (article.body or article.summary)[:_MAX_CHARS_READ]
    counts = Counter(text_analysis.stemmed_tokens(body, article.language))
    for term in text_analysis.stemmed_tokens(article.title, article.language):
        counts[term] += _TITLE_WEIGHT
    return counts


def _similarity(telling: Mapping[str, float], counts: Mapping[str, int]) -> float:
    """From 0 to 1: the share of the weight of one article's telling terms that another one has too."""
    shared = [term for term in telling if term in counts]
    if len(shared) < _MIN_SHARED_TERMS:
        return 0.0
    return sum(telling[term] for term in shared) / sum(telling.values())
