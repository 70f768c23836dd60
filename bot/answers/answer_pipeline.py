"""Pipeline that answers a question: analysis, retrieval of articles, scoring of candidates, quotes.

Candidates are passages that may answer. Each step has a module of its own: `question_analysis`,
`question_retrieval`, `candidates`, `candidate_scoring` (with `candidate_features` and `answer_scorer`),
`quote_selection`. A request for news is answered with a briefing
(`news_requests`, `news_briefing`), a question about an article from that article first. What a follow-up
leaves out is taken from the previous questions (`follow_up_questions`). If a model service is configured, it
writes the answer from passages of its own (`generated_answers`, `model_passages`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo

from bot.answers.answer_model import Answer, Confidence, Quote
from bot.answers.answer_scorer import Scorer, load_candidate_scorer
from bot.answers.briefing import news_requests
from bot.answers.briefing.news_briefing import build_briefing
from bot.answers.briefing.news_requests import NewsRequest, normalize_question
from bot.answers.candidate_scoring import ScoredCandidate, score_candidates
from bot.answers.candidates import list_passages
from bot.answers.conversing.follow_up_questions import extract_content_words, resolve_question
from bot.answers.follow_up_suggestions import is_answered_as_suggested
from bot.answers.generated_answers import AnswerGeneration, QuotedAnswer, WritingCallback, begin_generation
from bot.answers.question_analysis import AnalysedQuestion
from bot.answers.question_retrieval import RetrievedArticles, analyse_question_with_index, retrieve_articles
from bot.answers.quote_selection import build_answer, classify_confidence, rank_candidates
from bot.core.models import Article
from bot.search.query.query_parser import MAX_QUERY_LENGTH
from bot.search.searching import Searcher
from bot.stories.preference_model import NO_PREFERENCES, PreferenceModel
from bot.text.language import detect_language
from bot.writing.answer_writer import MAX_PASSAGES, AnswerWriter
from bot.writing.citation_checks import ArticlePassage
from bot.writing.question_rewriter import Conversation

MIN_QUESTION_CONTENT_WORDS = 2
"""Minimum number of content words of a question about an article; to a shorter question, the title is added."""
_OVERVIEW_PATTERN = re.compile(
    r"(?:summari[sz]e|summary|tl;?dr|resume\w*|explain|explique\w*|what is (?:this|it|that)\b"
    r"|what(?:'s| is) (?:this|it|the article|that) about|de quoi (?:ca |il |cela )?(?:parle|s'agit)"
    r"|c'est quoi|qu'est-ce que (?:c'est|ca dit)|in short|en bref|en resume)"
)
_ARTICLE_REFERENCE_PATTERN = re.compile(
    r"\b(?:this|the|cet?|l') ?(?:article|post|news|story|text|texte|page)\b|\bthis\b|\bca\b"
)


async def answer_question(
    searcher: Searcher,
    text: str,
    *,
    feed_ids: Collection[int] | None,
    about_article_id: int | None = None,
    previous_questions: Sequence[str] = (),
    previous_source_ids: Sequence[int] = (),
    writer: AnswerWriter | None = None,
    zone: tzinfo = UTC,
    preferences: PreferenceModel = NO_PREFERENCES,
    server_id: int | None = None,
    on_writing: WritingCallback | None = None,
) -> Answer:
    """Answer a question from the articles of the given feeds (None: all feeds).

    Any text is accepted. Days begin at midnight in `zone`.

    Args:
        about_article_id: Id of the article that the question is about.
        previous_questions: The previous questions of the conversation, oldest first.
        previous_source_ids: Ids of the articles that answered the last of the previous questions.
        writer: Writer that generates the answer from the passages; None if no model is configured.
        preferences: Preferences of the server, which rank the stories of a briefing.
        server_id: Id of the server whose share of the model the answer uses, or None.
        on_writing: Function called when the model begins to write the answer, or None.

    Raises:
        StoreError: The database failed.
    """
    resolved_text = resolve_question(text, previous_questions)[:MAX_QUERY_LENGTH]
    article, *previous_articles = [
        await _find_readable_article(searcher, article_id, feed_ids)
        for article_id in (about_article_id, *previous_source_ids)
    ]
    # Pages that a user saved are under a negative id; they are no news.
    news_feed_ids = None if feed_ids is None else [feed_id for feed_id in feed_ids if feed_id > 0]
    news_request = news_requests.parse_news_request(resolved_text, searcher.store.clock.now(), zone)
    if article is not None and news_request is not None and not news_request.topic:
        news_request = None
    answer = None
    if news_request is not None:
        answer = await build_briefing(searcher, news_request, feed_ids=news_feed_ids, preferences=preferences)
    if answer is None:
        conversation = Conversation(text, tuple(previous_questions), "" if article is None else article.title)
        generation = begin_generation(writer, conversation, server_id=server_id, on_writing=on_writing)
        if article is not None and _asks_for_an_overview(resolved_text):
            answer = await _answer_with_overview(searcher, resolved_text, article, generation)
    if answer is None:
        quoting = _answer_with_quotes(searcher, text, resolved_text, article, previous_articles, feed_ids=feed_ids)
        if generation is None:
            _question, _retrieved_articles, answer = await quoting
        else:
            answer = await generation.improve_answer(searcher, quoting, feed_ids=feed_ids)
    if answer.confidence is Confidence.NOTHING:
        answer = await _add_search_extent(searcher, answer, feed_ids, news_request)
    newest_articles = await searcher.store.articles.list_newest(news_feed_ids, limit=1)
    newest_published_at = newest_articles[0].published if newest_articles else None
    return replace(answer, question=text, newest_published_at=newest_published_at, zone=zone)


async def _add_search_extent(
    searcher: Searcher, answer: Answer, feed_ids: Collection[int] | None, news_request: NewsRequest | None
) -> Answer:
    """Return an answer that nothing was found, with the number of searched articles and the period that was stated.

    If all articles that the asker may read are newer than that period, the time of the oldest article is added.
    """
    articles = searcher.store.articles
    answer = replace(answer, searched_article_count=await articles.count(feed_ids))
    if news_request is None or not news_request.is_period_stated:
        return answer
    oldest_published_at = await articles.get_oldest_published_at(feed_ids)
    if oldest_published_at is not None and oldest_published_at < news_request.period.end:
        oldest_published_at = None
    return replace(answer, period=news_request.period, oldest_published_at=oldest_published_at)


async def _answer_with_quotes(
    searcher: Searcher,
    text: str,
    resolved_text: str,
    article: Article | None,
    previous_articles: Sequence[Article | None],
    *,
    feed_ids: Collection[int] | None,
) -> QuotedAnswer:
    """Answer a question with quotes, first from its `article` and from the `previous_articles` of the conversation.

    `text` is the question as it was asked, `resolved_text` the question with what it takes from previous ones.
    """
    question_text = resolved_text
    if article is not None and len(extract_content_words(resolved_text)) < MIN_QUESTION_CONTENT_WORDS:
        question_text = f"{resolved_text} ({article.title})"
    follow_up_words = extract_content_words(text) if resolved_text != " ".join(text.split()) else ()
    question = await analyse_question_with_index(searcher, question_text, follow_up_words)
    retrieved_articles = (await retrieve_articles(searcher, question, feed_ids=feed_ids)).with_context(
        [context_article for context_article in (article, *previous_articles) if context_article is not None]
    )
    answer = await answer_from_articles(searcher, question, retrieved_articles)
    if (
        answer.quotes
        and answer.quotes[0].article.id in retrieved_articles.context_article_ids
        and is_answered_as_suggested(text, answer.quotes[0])
    ):
        answer = replace(answer, confidence=Confidence.SURE)
    return question, retrieved_articles, answer


async def answer_from_articles(
    searcher: Searcher, question: AnalysedQuestion, retrieved_articles: RetrievedArticles
) -> Answer:
    """Answer a question from the articles that were retrieved for it.

    Raises:
        StoreError: The database failed.
    """
    scored_articles = await searcher.run_in_worker(
        score_candidates,
        question,
        retrieved_articles.articles,
        retrieved_articles.context_article_ids,
        retrieved_articles.nearest_article_ids,
    )
    candidates, scorer = await rescore_with_cosines(searcher, question, retrieved_articles, scored_articles.candidates)
    candidates = rank_candidates(candidates)
    article_by_id = {article.id: article for article in retrieved_articles.articles}
    confidence = classify_confidence(question, candidates, scorer, retrieved_articles.context_article_ids)
    return build_answer(
        question,
        candidates,
        article_by_id,
        confidence,
        scored_articles.related_article_ids,
        retrieved_articles.context_article_ids,
    )


async def rescore_with_cosines(
    searcher: Searcher,
    question: AnalysedQuestion,
    retrieved_articles: RetrievedArticles,
    candidates: Sequence[ScoredCandidate],
) -> tuple[Sequence[ScoredCandidate], Scorer]:
    """Return the passages that may answer (candidates) rescored by meaning besides words, and the scorer used.

    The meaning is compared by cosines of the question to passage and article. Without a semantic index, or if the
    encoder fails or times out, the candidates are returned unchanged with the scorer that uses only words. Their order
    is kept in any case.
    """
    semantic_index = searcher.semantic_index
    passage_cosines = None
    if semantic_index is not None and candidates:
        passage_cosines = await semantic_index.compute_passage_cosines(
            question.text, [candidate.text for candidate in candidates]
        )
    if passage_cosines is None:
        return candidates, load_candidate_scorer(with_cosines=False)
    cosine_scorer = load_candidate_scorer(with_cosines=True)
    rescored_candidates = []
    for lexical_candidate, passage_cosine in zip(candidates, passage_cosines, strict=True):
        features = (
            *lexical_candidate.features,
            passage_cosine,
            retrieved_articles.cosine_by_article_id.get(lexical_candidate.article_id, 0.0),
        )
        probability = cosine_scorer.predict_probability(
            features, in_context=lexical_candidate.article_id in retrieved_articles.context_article_ids
        )
        rescored_candidates.append(lexical_candidate._replace(features=features, probability=probability))
    return rescored_candidates, cosine_scorer


async def _find_readable_article(
    searcher: Searcher, article_id: int | None, feed_ids: Collection[int] | None
) -> Article | None:
    """Return the article, or a version of it in a feed that the asker may read, or None if there is no such version."""
    article = None if article_id is None else await searcher.store.articles.get(article_id)
    if article is None or feed_ids is None or article.feed_id in feed_ids:
        return article
    page_articles = await searcher.store.articles.list_by_page_key(article.page_key)
    return next((page_article for page_article in page_articles if page_article.feed_id in feed_ids), None)


def _asks_for_an_overview(text: str) -> bool:
    """Return whether a question asks only for a summary of an article."""
    remaining_text, overview_count = _OVERVIEW_PATTERN.subn(" ", normalize_question(text))
    return overview_count > 0 and not extract_content_words(_ARTICLE_REFERENCE_PATTERN.sub(" ", remaining_text))


async def _answer_with_overview(
    searcher: Searcher, text: str, article: Article, generation: AnswerGeneration | None
) -> Answer | None:
    """Answer with the model's summary of an article, or with a quote of its opening.

    Returns None if the article has no text.
    """
    passages = await searcher.run_in_worker(list_passages, article, MAX_PASSAGES)
    if not passages:
        return None
    quotes = (Quote(passages[0], article),)
    quoted_answer = Answer(question=text, confidence=Confidence.SURE, quotes=quotes, sources=(article,))
    if generation is None:
        return quoted_answer
    model_passages = [ArticlePassage(passage, article) for passage in passages]
    answer = await generation.write_answer(model_passages, detect_language(text), quoted_answer)
    return answer if answer.generated_sentences else quoted_answer
