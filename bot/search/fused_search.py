"""Search for several queries that say the same thing in other words."""

from collections.abc import Collection, Sequence

from bot.search.searching import Searcher, SearchPage, SortOrder
from bot.search.semantic.rank_fusion import fuse_rankings


async def search_all_queries(
    searcher: Searcher,
    queries: Sequence[str],
    *,
    feed_ids: Collection[int] | None,
    limit: int,
    sort: SortOrder = "relevance",
) -> SearchPage:
    """Return the articles that match any of the queries, by the fusion of their rankings or newest first.

    An article that fully matches one of the queries is a full match. The page has the notes and suggestions of all
    queries, and no total number of results. Articles with the same page key (of the same web page) are one. `feed_ids`
    are the feeds that the user may read (None: all feeds). Raises StoreError.
    """
    search_pages = [await searcher.search(query, feed_ids=feed_ids, limit=limit, sort=sort) for query in queries]
    results = [result for search_page in search_pages for result in search_page.results]
    result_by_page_key = {
        result.article.page_key: result for result in sorted(results, key=lambda result: not result.is_partial)
    }
    rankings = [[result.article.page_key for result in search_page.results] for search_page in search_pages]
    fused_results = [result_by_page_key[page_key] for page_key in fuse_rankings(*rankings)]
    if sort == "newest":
        fused_results.sort(key=lambda result: -result.article.published)
    return SearchPage(
        results=tuple(fused_results[:limit]),
        total_results=None,
        notes=tuple(dict.fromkeys(note for search_page in search_pages for note in search_page.notes)),
        suggestions=tuple(dict.fromkeys(word for search_page in search_pages for word in search_page.suggestions)),
    )
