"""Similar articles ("more like this"): articles that share an article's most distinctive terms.

Terms are weighted by tf-idf (Salton and Buckley, "Term-weighting approaches in automatic text retrieval",
1988), and a term of the title counts more than one of the text. The similarity of two articles is the share
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
"""Maximum number of similar articles of an article."""
_TITLE_WEIGHT = 4
"""How many times a term of the title counts."""
_MAX_CHARS_READ = 4_000
"""Maximum number of characters of a text whose terms are counted."""
_MAX_QUERY_TERMS = 24
"""Maximum number of terms by which articles are compared."""
_MAX_CANDIDATES = 50
"""Maximum number of candidates that are loaded and compared."""
_MIN_SIMILARITY = 0.25
"""Minimum share of the weight that similar articles have in common."""
_MIN_SHARED_TERMS = 2
"""Minimum number of terms that similar articles share."""
_SAME_TITLE_WINDOW_SECONDS = 7 * 86400
"""Maximum time between two copies of an article with one title; a column keeps its title for years."""
_MAX_SHORT_TERM_LENGTH = 2
"""Maximum length of terms that are too short to be distinctive, except numbers."""


async def find_similar(
    searcher: Searcher, article: Article, *, feed_ids: Collection[int], limit: int, offset: int = 0
) -> SearchPage:
    """Return a page of the articles in these feeds that are most similar to an article, best first.

    Copies of the article, at its own or another address, are left out. Scores are from 0 to 1. The page is
    empty if nothing is similar or the index cannot be used.

    Raises:
        StoreError: The database failed.
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
    """Return the candidates on other pages that are similar, best first.

    A long article has many terms that a short one lacks, so the similarity is computed in both directions.
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
    """Keep one article per page and per title, and no copy of the article itself from about the same time."""
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
    """Return the most distinctive terms of an article with their weights.

    Terms that occur in no other article are left out, because they lead nowhere.
    """
    weights = {
        term: (1 + math.log(count)) * inverse_document_frequency(engine, (term,))
        for term, count in counts.items()
        if (len(term) > _MAX_SHORT_TERM_LENGTH or term.isdecimal()) and engine.document_frequency(term) > 1
    }
    best = sorted(weights, key=lambda term: -weights[term])[:_MAX_QUERY_TERMS]
    return {term: weights[term] for term in best}


def _term_counts(article: Article) -> Counter[str]:
    """Count the terms of an article's title and of the first part of its text."""
    body = (article.body or article.summary)[:_MAX_CHARS_READ]
    counts = Counter(text_analysis.stemmed_tokens(body, article.language))
    for term in text_analysis.stemmed_tokens(article.title, article.language):
        counts[term] += _TITLE_WEIGHT
    return counts


def _similarity(telling: Mapping[str, float], counts: Mapping[str, int]) -> float:
    """Return the share of the distinctive terms' weight that another article has, from 0 to 1."""
    shared = [term for term in telling if term in counts]
    if len(shared) < _MIN_SHARED_TERMS:
        return 0.0
    return sum(telling[term] for term in shared) / sum(telling.values())
