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
from bot.search.highlighting import Highlighter, extract_snippet
from bot.search.index import text_analysis
from bot.search.index.search_engine import EngineError, Scope, SearchEngine
from bot.search.ranked_search import compute_idf
from bot.search.searching import Searcher, SearchPage, SearchResult
from bot.text.words import fold

MAX_SIMILAR_ARTICLES = 15
"""Maximum number of similar articles that are listed for an article."""
_TITLE_WEIGHT = 4
"""Number of times that a term of the title is counted; a term of the text is counted once."""
_MAX_CHARS_READ = 4_000
"""Maximum number of characters of an article's text whose terms are counted."""
_MAX_QUERY_TERMS = 24
"""Maximum number of distinctive terms of an article by which similar articles are found."""
_MAX_CANDIDATES = 50
"""Maximum number of articles found by the index that are loaded and compared in full."""
_MIN_SIMILARITY = 0.25
"""Minimum share of the distinctive terms' weight that similar articles have in common, from 0 to 1."""
_MIN_SHARED_TERMS = 2
"""Minimum number of distinctive terms that similar articles share."""
_SAME_TITLE_WINDOW_SECONDS = 7 * 86400
"""Maximum time in seconds between two articles with one title that are taken for copies.

Beyond it, they may be instalments of a column, which keeps its title for years.
"""
_MAX_SHORT_TERM_LENGTH = 2
"""Maximum length in letters of a term that is too short to be distinctive, except for numbers."""


async def find_similar_articles(
    searcher: Searcher, article: Article, *, feed_ids: Collection[int], limit: int, offset: int = 0
) -> SearchPage:
    """Return a page of the articles in these feeds that are most similar to an article, best first.

    Copies of the article, at its own or another address, are left out. Scores are from 0 to 1. The page is
    empty if nothing is similar or the index cannot be used.

    Raises:
        StoreError: The database failed.
    """
    await searcher.index.ensure_up_to_date()
    engine = searcher.index.engine
    if engine is None or not feed_ids:
        return SearchPage()
    scope = Scope(feed_ids=frozenset(feed_ids))
    try:
        weight_by_distinctive_term = _select_distinctive_terms(_count_terms(article), engine)
        hits = await asyncio.to_thread(
            lambda: engine.match_similar(
                weight_by_distinctive_term, scope, _MAX_CANDIDATES, exclude_article_id=article.id
            )
        )
        candidate_articles = await searcher.store.articles.list_by_ids([hit.article_id for hit in hits])
        scored_articles = await asyncio.to_thread(
            _score_candidates, article, weight_by_distinctive_term, candidate_articles, engine
        )
    except EngineError as error:
        searcher.index.report_search_failure(error)
        return SearchPage()
    similar_articles = _deduplicate(article, scored_articles)[:MAX_SIMILAR_ARTICLES]
    highlighter = Highlighter(stems=weight_by_distinctive_term)
    results = []
    for similarity, similar_article in similar_articles[offset : offset + limit]:
        snippet_text, highlights = extract_snippet(similar_article, highlighter)
        results.append(
            SearchResult(article=similar_article, score=similarity, snippet=snippet_text, highlights=highlights)
        )
    return SearchPage(results=tuple(results), total_results=len(similar_articles))


def _score_candidates(
    article: Article,
    weight_by_distinctive_term: Mapping[str, float],
    candidates: Iterable[Article],
    engine: SearchEngine,
) -> list[tuple[float, Article]]:
    """Return the candidates similar to an article and on another web page, as (similarity, article), best first.

    A long article has many terms that a short one lacks, so the similarity is also computed in the other direction if
    the first is too low.
    """
    term_counts = _count_terms(article)
    scored_articles = []
    for candidate in candidates:
        if candidate.page_key == article.page_key:
            continue
        candidate_term_counts = _count_terms(candidate)
        similarity = _compute_similarity(weight_by_distinctive_term, candidate_term_counts)
        if similarity < _MIN_SIMILARITY:
            similarity = _compute_similarity(_select_distinctive_terms(candidate_term_counts, engine), term_counts)
        if similarity >= _MIN_SIMILARITY:
            scored_articles.append((similarity, candidate))
    return sorted(scored_articles, key=lambda scored_article: (-scored_article[0], -scored_article[1].published))


def _deduplicate(article: Article, scored_articles: Sequence[tuple[float, Article]]) -> list[tuple[float, Article]]:
    """Return one article per web page and per title, without copies of `article` published at about the same time."""
    scored_article_by_page_key: dict[str, tuple[float, Article]] = {}
    for scored_article in scored_articles:
        scored_article_by_page_key.setdefault(scored_article[1].page_key, scored_article)
    scored_article_by_title: dict[str, tuple[float, Article]] = {}
    folded_own_title = fold(article.title)
    for scored_article in scored_article_by_page_key.values():
        folded_title = fold(scored_article[1].title)
        if (
            folded_title != folded_own_title
            or abs(scored_article[1].published - article.published) > _SAME_TITLE_WINDOW_SECONDS
        ):
            scored_article_by_title.setdefault(folded_title, scored_article)
    return list(scored_article_by_title.values())


def _select_distinctive_terms(term_counts: Mapping[str, int], engine: SearchEngine) -> dict[str, float]:
    """Return the most distinctive terms of an article with their weights.

    Short terms are left out, and terms that occur in no other article, because no similar article has them.
    """
    weight_by_term = {
        term: (1 + math.log(term_count)) * compute_idf(engine, (term,))
        for term, term_count in term_counts.items()
        if (len(term) > _MAX_SHORT_TERM_LENGTH or term.isdecimal()) and engine.get_document_frequency(term) > 1
    }
    best_terms = sorted(weight_by_term, key=lambda term: -weight_by_term[term])[:_MAX_QUERY_TERMS]
    return {term: weight_by_term[term] for term in best_terms}


def _count_terms(article: Article) -> Counter[str]:
    """Count the terms of an article's title and of the first part of its text."""
    body = (article.body or article.summary)[:_MAX_CHARS_READ]
    term_counts = Counter(text_analysis.stem_tokens(body, article.language))
    for term in text_analysis.stem_tokens(article.title, article.language):
        term_counts[term] += _TITLE_WEIGHT
    return term_counts


def _compute_similarity(weight_by_distinctive_term: Mapping[str, float], term_counts: Mapping[str, int]) -> float:
    """Return the share of the distinctive terms' weight that another article has, from 0 to 1; 0 if it has too few."""
    shared_terms = [term for term in weight_by_distinctive_term if term in term_counts]
    if len(shared_terms) < _MIN_SHARED_TERMS:
        return 0.0
    return sum(weight_by_distinctive_term[term] for term in shared_terms) / sum(weight_by_distinctive_term.values())
