"""Passages that a language model is shown for a question.

They are the passages that most likely answer the question or one of its rewritten queries, widened by the sentences
around them. They do not overlap.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from bot.answers.answer_model import Quote
from bot.answers.answer_scorer import load_candidate_scorer
from bot.answers.candidate_scoring import extract_candidates, score_candidates
from bot.answers.candidates import ArticleAnalysis, analyse_article
from bot.answers.question_analysis import AnalysedQuestion
from bot.answers.question_retrieval import RetrievedArticles, analyse_question_with_index, retrieve_articles
from bot.answers.quote_selection import make_quote
from bot.core.models import Article
from bot.search.searching import Searcher
from bot.search.semantic.rank_fusion import fuse_rankings
from bot.writing.answer_writer import MAX_PASSAGES
from bot.writing.citation_checks import ArticlePassage, Sentence
from bot.writing.prompts import MAX_PASSAGE_LENGTH

MAX_FUSED_ARTICLES = 30
"""Maximum number of articles, best first, from which passages for the language model are selected."""
MAX_PASSAGES_PER_ARTICLE = 3
"""Maximum number of passages of one article that a language model is shown."""
HEADING_CHARS = 60
"""Number of characters that the heading of a passage takes besides the article's title."""


async def find_passages(
    searcher: Searcher,
    question: AnalysedQuestion,
    retrieved_articles: RetrievedArticles,
    queries: Sequence[str],
    *,
    feed_ids: Collection[int] | None,
    max_chars: int,
    published_range: range | None = None,
) -> list[ArticlePassage]:
    """Return at most `MAX_PASSAGES` passages for a question and further queries, best first.

    `retrieved_articles` were retrieved for the question itself. Articles that the conversation is about, and those
    whose Unix time in seconds is in `published_range`, are preferred. The passages have at most `max_chars` characters
    together, headings included. Raises StoreError.
    """
    questions, rankings = [question], [retrieved_articles.articles]
    for query in queries:
        questions.append(await analyse_question_with_index(searcher, query))
        rankings.append((await retrieve_articles(searcher, questions[-1], feed_ids=feed_ids)).articles)
    article_by_page_key = {article.page_key: article for ranking in reversed(rankings) for article in ranking}
    preferred_article_ids = retrieved_articles.context_article_ids.union(
        article.id for article in article_by_page_key.values() if article.published in (published_range or ())
    )
    ranked_page_keys = fuse_rankings(*([article.page_key for article in ranking] for ranking in rankings))
    articles = sorted(
        (article_by_page_key[page_key] for page_key in ranked_page_keys),
        key=lambda article: article.id not in preferred_article_ids,
    )[:MAX_FUSED_ARTICLES]
    return await searcher.run_in_worker(select_passages, questions, articles, preferred_article_ids, max_chars)


async def quote_cited_sources(
    searcher: Searcher, sentences: Sequence[Sentence], source_by_number: Mapping[int, Article]
) -> list[Quote]:
    """Return for each generated sentence a quote from each source that it cites: the passage nearest to its words.

    `source_by_number` has the sources by the number with which the sentences cite them; a citation of any other number
    is left out. A headline is quoted only if the article has no other passage. No quote occurs twice.
    Raises StoreError.
    """
    quotes: dict[tuple[int, tuple[str, ...]], Quote] = {}
    for sentence in sentences:
        query = await analyse_question_with_index(searcher, sentence.text)
        for source in filter(None, map(source_by_number.get, sentence.citations)):
            candidates = (await searcher.run_in_worker(score_candidates, query, [source])).candidates
            candidates.sort(key=lambda candidate: candidate.sentence_range[0] < 0)  # The headline last
            for candidate in candidates[:1]:
                # The words in bold would answer a question, and the query is none.
                quote = replace(make_quote(candidate, source), answer_text=None)
                quotes.setdefault((source.id, quote.shown_sentences or (quote.text,)), quote)
    return list(quotes.values())


def select_passages(
    questions: Sequence[AnalysedQuestion],
    articles: Sequence[Article],
    preferred_article_ids: frozenset[int],
    max_chars: int,
) -> list[ArticlePassage]:
    """Return the passages that most likely answer any of the questions, best first; no two overlap.

    Passages of the articles in `preferred_article_ids` count as likelier. A headline is a passage only of an article
    without text, because each passage is shown with the headline. The passages have at most `max_chars` characters
    together, headings included. This takes long: run it in a worker.
    """
    analyses, scorer = [analyse_article(article) for article in articles], load_candidate_scorer(with_cosines=False)
    candidates_and_features = [
        (candidate, features)
        for question in questions
        for candidate, features in extract_candidates(question, analyses)
        if not (candidate.is_headline and candidate.analysis.sentences)
    ]
    candidates_and_features.sort(
        key=lambda pair: scorer.predict_probability(
            pair[1], in_context=pair[0].analysis.article.id in preferred_article_ids
        ),
        reverse=True,
    )
    passages: list[ArticlePassage] = []
    windows_by_article_id: defaultdict[int, list[range]] = defaultdict(list)  # Positions of sentences
    remaining_chars = max_chars
    for candidate, _features in candidates_and_features:
        article = candidate.analysis.article
        positions = range(candidate.sentence_index, candidate.sentence_index + len(candidate.sentences))
        windows = windows_by_article_id[article.id]
        taken_positions = {position for window in windows for position in window}
        if len(windows) == MAX_PASSAGES_PER_ARTICLE or not taken_positions.isdisjoint(positions):
            continue
        window = _widen(candidate.analysis, positions, taken_positions)
        passage = ArticlePassage(_get_text(candidate.analysis, window), article)
        passage_chars = len(passage.text) + len(article.title) + HEADING_CHARS
        if len(passages) < MAX_PASSAGES and passage_chars <= remaining_chars:
            passages.append(passage)
            windows.append(window)
            remaining_chars -= passage_chars
    return passages


def _widen(analysis: ArticleAnalysis, positions: range, taken_positions: Collection[int]) -> range:
    """Return the positions of a passage's sentences with the next and the previous one, if they are free and fit."""
    for position in (positions.stop, positions.start - 1):
        wider_positions = range(min(position, positions.start), max(position + 1, positions.stop))
        if (
            0 <= position < len(analysis.sentences)
            and position not in taken_positions
            and len(_get_text(analysis, wider_positions)) <= MAX_PASSAGE_LENGTH
        ):
            positions = wider_positions
    return positions


def _get_text(analysis: ArticleAnalysis, positions: range) -> str:
    """Return the text of an article's sentences, or its headline (position -1)."""
    if positions.start < 0:
        return analysis.article.title[:MAX_PASSAGE_LENGTH]
    return analysis.text[analysis.sentences[positions.start].start : analysis.sentences[positions.stop - 1].end]
