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

    An article with full matches of one query is a full match. The page has the notes and suggestions of all queries.
    `feed_ids` are the feeds that the user may read (None: all feeds). Raises StoreError.
    """
    pages = [await searcher.search(query, feed_ids=feed_ids, limit=limit, sort=sort) for query in queries]
    results = [result for page in pages for result in page.results]
    result_by_page_key = {
        result.article.page_key: result for result in sorted(results, key=lambda result: not result.is_partial)
    }
    rankings = [[result.article.page_key for result in page.results] for page in pages]
    fused_results = [result_by_page_key[page_key] for page_key in fuse_rankings(*rankings)]
    if sort == "newest":
        fused_results.sort(key=lambda result: -result.article.published)
    return SearchPage(
        results=tuple(fused_results[:limit]),
        total_results=None,
        notes=tuple(dict.fromkeys(note for page in pages for note in page.notes)),
        suggestions=tuple(dict.fromkeys(word for page in pages for word in page.suggestions)),
    )
