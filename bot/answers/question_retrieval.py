"""Retrieval of articles that may answer a question, by its words and, with `semantic`, by meaning.

`semantic` is an optional set of dependencies (an extra).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from bot.answers.question_analysis import AnalysedQuestion, analyse_question
from bot.core.models import Article
from bot.search.index.search_engine import Scope, SearchEngine
from bot.search.query.query_tree import Word
from bot.search.searching import Searcher
from bot.search.semantic.rank_fusion import fuse_rankings
from bot.search.semantic.semantic_index import MIN_RETRIEVAL_COSINE

MAX_NEAREST_ARTICLES = 2
"""Maximum number of articles of which the answer considers passages because they are nearest in meaning."""
MAX_ARTICLES = 20
"""Maximum number of articles that are retrieved for a question, without those that the conversation is about."""
MAX_ARTICLES_PER_RANKING = 30
"""Maximum number of articles in each ranking by words; some may be copies of one page."""


class RetrievedArticles(NamedTuple):
    """Articles that were retrieved for a question, best first, after those that the conversation is about.

    Attributes:
        cosine_by_article_id: Cosine between question and article, by article id, for the articles nearest in meaning,
            best first.
        context_article_ids: Ids of the articles that the conversation is about.
    """

    articles: tuple[Article, ...]
    cosine_by_article_id: Mapping[int, float]
    context_article_ids: frozenset[int] = frozenset()

    @property
    def nearest_article_ids(self) -> frozenset[int]:
        """Return the ids of the at most `MAX_NEAREST_ARTICLES` articles nearest in meaning."""
        return frozenset(islice(self.cosine_by_article_id, MAX_NEAREST_ARTICLES))

    def with_context(self, context_articles: Sequence[Article]) -> RetrievedArticles:
        """Return a copy in which the articles that the conversation is about come first."""
        article_by_id = {article.id: article for article in (*context_articles, *self.articles)}
        return RetrievedArticles(
            tuple(article_by_id.values()),
            self.cosine_by_article_id,
            frozenset(article.id for article in context_articles),
        )


async def analyse_question_with_index(
    searcher: Searcher, text: str, follow_up_words: Collection[str] = ()
) -> AnalysedQuestion:
    """Analyse a question with document frequencies from the search index, if the index can be used.

    `follow_up_words` are words that a follow-up added to the question. Raises `StoreError` if the database
    failed.
    """
    question = await searcher.run_in_engine(
        lambda engine: analyse_question(text, engine.get_document_frequency, engine.document_count, follow_up_words)
    )
    return question or analyse_question(text, lambda _term: 0, 0, follow_up_words)


async def retrieve_articles(
    searcher: Searcher, question: AnalysedQuestion, *, feed_ids: Collection[int] | None
) -> RetrievedArticles:
    """Return at most `MAX_ARTICLES` articles of the feeds (None: all feeds) for a question, each page once.

    Three rankings are fused by reciprocal rank: articles with most of the question's words, the newest
    articles with all its words, and, if articles are encoded, the articles nearest in meaning. If the search index
    cannot be used, only the last ranking remains.

    Raises:
        StoreError: The database failed.
    """
    rankings = await _load_lexical_rankings(searcher, question, None if feed_ids is None else frozenset(feed_ids))
    cosine_by_article_id: dict[int, float] = {}
    if searcher.semantic_index is not None:
        cosine_by_article_id = dict(
            await searcher.semantic_index.find_nearest(
                question.text, feed_ids=feed_ids, min_cosine=MIN_RETRIEVAL_COSINE
            )
        )
    ranked_article_ids = fuse_rankings(*rankings, list(cosine_by_article_id))[: MAX_ARTICLES + MAX_ARTICLES_PER_RANKING]
    article_by_id = {article.id: article for article in await searcher.store.articles.list_by_ids(ranked_article_ids)}
    article_by_page_key: dict[str, Article] = {}
    for article_id in ranked_article_ids:
        if article_id in article_by_id:
            article_by_page_key.setdefault(article_by_id[article_id].page_key, article_by_id[article_id])
    return RetrievedArticles(tuple(article_by_page_key.values())[:MAX_ARTICLES], cosine_by_article_id)


async def _load_lexical_rankings(
    searcher: Searcher, question: AnalysedQuestion, feed_ids: frozenset[int] | None
) -> list[list[int]]:
    """Return two rankings of article ids: by most words of the question, and the newest with all its words.

    Only words that the index contains count. Returns no ranking if the index has none of the words or cannot be used.
    """
    scope, indexed_words = Scope(feed_ids=feed_ids), [term.word for term in question.terms if term.is_in_index]
    if not indexed_words:
        return []

    def list_rankings(engine: SearchEngine) -> list[list[int]]:
        any_term_hits = engine.match_any(" ".join(indexed_words), scope, MAX_ARTICLES_PER_RANKING)
        all_term_hits = engine.match_all(
            tuple(map(Word, indexed_words)), scope, MAX_ARTICLES_PER_RANKING, newest_first=True
        )
        return [[hit.article_id for hit in hits] for hits in (any_term_hits, all_term_hits)]

    return await searcher.run_in_engine(list_rankings) or []
