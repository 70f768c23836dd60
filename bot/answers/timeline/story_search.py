"""Search for the articles of a story, at most `MAX_STORY_ARTICLES`, from one of them or from words."""

import asyncio
from collections.abc import Collection, Sequence
from itertools import islice
from typing import NamedTuple

from bot.answers.timeline.story_terms import MIN_KEY_SHARE, compute_key_share, select_key_terms
from bot.core.models import Article
from bot.search.index.search_engine import Scope, SearchEngine
from bot.search.ranked_search import compute_idf
from bot.search.searching import Searcher
from bot.store.records.content_records import MIN_SINGLE_ARTICLE_SIMILARITY

MAX_STORY_ARTICLES = 200
"""Maximum number of articles of a story that are shown or counted."""
STORY_WINDOW_SECONDS = 45 * 86_400
"""Maximum time in seconds between the article from which a story is searched and the other articles found by words."""
MAX_SEED_CANDIDATES = 10
"""Maximum number of search results for the name of a story, of which the one that most outlets report is chosen."""

_MAX_SIMILAR_PAIRS = 2_000
"""Maximum number of pairs of similar articles that are loaded at once."""


class StoryArticles(NamedTuple):
    """The articles of a story, with pairs of ids of similar articles and their similarity from 0 to 1.

    The second id of a pair may be of an article outside the story.
    """

    articles: list[Article]
    similar_pairs: list[tuple[int, int, float]]


async def find_story_seed(searcher: Searcher, query_text: str, feed_ids: Collection[int]) -> Article | None:
    """Return an article of the story that a query names, or None if no article matches the whole query.

    Of the best search results, it is the one whose event most outlets report. Raises StoreError.
    """
    search_page = await searcher.search(query_text, feed_ids=feed_ids, limit=MAX_SEED_CANDIDATES)
    articles = [result.article for result in search_page.results if not result.is_partial]
    outlets_by_article_id = await searcher.store.stories.load_other_coverage(
        [article.id for article in articles], feed_ids, MIN_SINGLE_ARTICLE_SIMILARITY
    )
    return max(articles, key=lambda article: len(outlets_by_article_id.get(article.id, ())), default=None)


async def find_story_articles(
    searcher: Searcher, seed: Article, feed_ids: Collection[int], query_text: str = ""
) -> StoryArticles:
    """Return at most `MAX_STORY_ARTICLES` articles, `seed` among them, of its story in these feeds, one per page.

    They report the same event, or have the key terms of the articles that do. Other retracted articles are left out.
    `query_text` is the query by which a person names the story, or "". Raises StoreError.
    """
    store = searcher.store
    pairs = await store.stories.load_related_pairs([seed.id], feed_ids, limit=_MAX_SIMILAR_PAIRS)
    event_article_ids = [
        seed.id,
        *(other_id for _id, other_id, similarity in pairs if similarity >= MIN_SINGLE_ARTICLE_SIMILARITY),
    ]
    event_articles = await store.articles.list_by_ids(event_article_ids[:MAX_STORY_ARTICLES])
    key_terms, candidates = await _search_by_terms(searcher, event_articles, feed_ids, query_text)
    key_term_articles = await asyncio.to_thread(_select_by_terms, key_terms, candidates, seed)
    articles = list(
        {article.page_key: article for article in (*key_term_articles[::-1], *event_articles[::-1])}.values()
    )
    articles = [article for article in articles[::-1] if article.retracted_at is None or article.id == seed.id]
    articles = articles[:MAX_STORY_ARTICLES]
    similar_pairs = await store.stories.load_related_pairs(
        [article.id for article in articles], feed_ids, limit=_MAX_SIMILAR_PAIRS
    )
    return StoryArticles(articles, similar_pairs)


async def _search_by_terms(
    searcher: Searcher, event_articles: Sequence[Article], feed_ids: Collection[int], query_text: str
) -> tuple[dict[str, float], list[Article]]:
    """Return the key terms of articles on one event, and the articles that have some of them, best first.

    Both are empty if the search index cannot be used.
    """

    def search(engine: SearchEngine) -> tuple[dict[str, float], list[int]]:
        def weigh_term(term: str, title_count: int) -> float:
            """Return the rarity of a term that `title_count` of the titles have, or 0 if no other article has it."""
            return compute_idf(engine, (term,)) if engine.get_document_frequency(term) > title_count else 0.0

        key_terms = select_key_terms(event_articles, weigh_term, query_text)
        scope = Scope(feed_ids=frozenset(feed_ids))
        hits = [
            hit
            for terms in (
                key_terms,
                dict(islice(key_terms.items(), 1)),
            )  # First the best matches, then articles with the heaviest term.
            for hit in engine.match_similar(terms, scope, MAX_STORY_ARTICLES, exclude_article_id=event_articles[0].id)
        ]
        return key_terms, list(dict.fromkeys(hit.article_id for hit in hits))

    key_terms, article_ids = await searcher.run_in_engine(search) or ({}, [])
    return key_terms, await searcher.store.articles.list_by_ids(article_ids)


def _select_by_terms(key_terms: dict[str, float], candidates: Sequence[Article], seed: Article) -> list[Article]:
    """Return the articles that have enough key terms of a story, within `STORY_WINDOW_SECONDS` of `seed`."""
    return [
        article
        for article in candidates
        if abs(article.published - seed.published) <= STORY_WINDOW_SECONDS
        and compute_key_share(key_terms, article) >= MIN_KEY_SHARE
    ]
