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

from bot.answers.answer_model import MAX_QUOTES, Answer, Confidence, Quote
from bot.answers.answer_scorer import Scorer, load_candidate_scorer
from bot.answers.briefing import news_requests
from bot.answers.briefing.news_briefing import build_briefing
from bot.answers.briefing.news_requests import NewsRequest, normalize_question
from bot.answers.candidate_scoring import ScoredCandidate, score_candidates
from bot.answers.candidates import MAX_QUOTE_LENGTH, list_passages
from bot.answers.conversing import follow_up_questions
from bot.answers.follow_up_suggestions import is_answered_as_suggested
from bot.answers.generated_answers import AnswerGeneration, WritingCallback, begin_generation
from bot.answers.model_passages import ModelPassage
from bot.answers.question_analysis import AnalysedQuestion
from bot.answers.question_retrieval import RetrievedArticles, analyse_question_with_index, retrieve_articles
from bot.answers.quote_selection import build_answer, classify_confidence, rank_candidates
from bot.core.models import Article
from bot.search.query.query_parser import MAX_QUERY_LENGTH
from bot.search.searching import Searcher
from bot.stories.preference_model import NO_PREFERENCES, PreferenceModel
from bot.text.language import detect_language
from bot.writing.answer_writer import MAX_PASSAGES, AnswerWriter
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
    resolved_text = follow_up_questions.resolve_question(text, previous_questions)[:MAX_QUERY_LENGTH]
    article = None if about_article_id is None else await _find_readable_article(searcher, about_article_id, feed_ids)
    # Pages that a user saved are under a negative id; they are no news.
    news_feed_ids = None if feed_ids is None else [feed_id for feed_id in feed_ids if feed_id > 0]
    newest_articles = await searcher.store.articles.list_newest(news_feed_ids, limit=1)
    news_request = news_requests.parse_news_request(resolved_text, searcher.store.clock.now(), zone)
    if news_request is not None and article is not None and not news_request.topic:
        news_request = None
    answer = (
        None
        if news_request is None
        else await _answer_with_briefing(searcher, resolved_text, news_feed_ids, news_request, preferences)
    )
    conversation = Conversation(text, tuple(previous_questions), "" if article is None else article.title)
    if answer is None and article is not None and _asks_for_an_overview(resolved_text):
        async with begin_generation(
            writer, conversation, server_id=server_id, on_writing=on_writing, rewrites_question=False
        ) as generation:
            answer = await _answer_with_overview(searcher, resolved_text, article, generation)
    if answer is None:
        previous_source_articles = [
            await _find_readable_article(searcher, source_id, feed_ids) for source_id in previous_source_ids
        ]
        context_articles = [
            context_article for context_article in (article, *previous_source_articles) if context_article is not None
        ]
        question_text = resolved_text
        if (
            article is not None
            and len(follow_up_questions.extract_content_words(resolved_text)) < MIN_QUESTION_CONTENT_WORDS
        ):
            question_text = f"{resolved_text} ({article.title})"
        follow_up_words = (
            follow_up_questions.extract_content_words(text) if resolved_text != " ".join(text.split()) else ()
        )
        async with begin_generation(writer, conversation, server_id=server_id, on_writing=on_writing) as generation:
            question = await analyse_question_with_index(searcher, question_text, follow_up_words)
            retrieved_articles = (await retrieve_articles(searcher, question, feed_ids=feed_ids)).with_context(
                context_articles
            )
            answer = await answer_from_articles(searcher, question, retrieved_articles)
            if (
                answer.possible_quotes
                and answer.possible_quotes[0].article in context_articles
                and is_answered_as_suggested(text, answer.possible_quotes[0])
            ):
                answer = replace(answer, confidence=Confidence.SURE, quotes=answer.possible_quotes, possible_quotes=())
            if generation is not None:
                answer = await generation.improve_answer(
                    searcher, question, answer, retrieved_articles.articles, feed_ids=feed_ids
                )
    answer = replace(
        answer, question=text, newest_published_at=newest_articles[0].published if newest_articles else None, zone=zone
    )
    return await _add_search_extent(searcher, answer, feed_ids, news_request)


async def _add_search_extent(
    searcher: Searcher, answer: Answer, feed_ids: Collection[int] | None, news_request: NewsRequest | None
) -> Answer:
    """Return an answer and, if it is not sure, add which articles were searched: their number or their time.

    If nothing was found, their number and the period that the question states are added. If all articles
    that the asker may read are newer than the period of the answer, the time of the oldest article is added.
    """
    if answer.confidence is Confidence.NOTHING:
        answer = replace(answer, searched_article_count=await searcher.store.articles.count(feed_ids))
        if news_request is not None and news_request.is_period_stated:
            answer = replace(answer, period=news_request.period)
    if answer.is_answered or answer.period is None:
        return answer
    oldest_published_at = await searcher.store.articles.get_oldest_published_at(feed_ids)
    if oldest_published_at is None or oldest_published_at < answer.period.end:
        return answer
    return replace(answer, oldest_published_at=oldest_published_at)


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
    searcher: Searcher, article_id: int, feed_ids: Collection[int] | None
) -> Article | None:
    """Return the article, or a version of it in a feed that the asker may read, or None if there is no such version."""
    article = await searcher.store.articles.get(article_id)
    if article is None or feed_ids is None or article.feed_id in feed_ids:
        return article
    page_articles = await searcher.store.articles.list_by_page_key(article.page_key)
    return next((page_article for page_article in page_articles if page_article.feed_id in feed_ids), None)


async def _answer_with_briefing(
    searcher: Searcher,
    text: str,
    feed_ids: Collection[int] | None,
    news_request: NewsRequest,
    preferences: PreferenceModel,
) -> Answer | None:
    """Answer a request for news with the biggest stories; return None if there are no stories."""
    briefing_stories, period = await build_briefing(searcher, news_request, feed_ids=feed_ids, preferences=preferences)
    if not briefing_stories:
        return None
    return Answer(
        question=text,
        confidence=Confidence.SURE,
        quotes=tuple(Quote(story.title[:MAX_QUOTE_LENGTH], story.article) for story in briefing_stories[:MAX_QUOTES]),
        sources=tuple(story.article for story in briefing_stories),
        briefing=briefing_stories,
        period=period,
    )


def _asks_for_an_overview(text: str) -> bool:
    """Return whether a question asks only for a summary of an article."""
    folded_text = normalize_question(text)
    remaining_text = _ARTICLE_REFERENCE_PATTERN.sub(" ", _OVERVIEW_PATTERN.sub(" ", folded_text))
    return bool(_OVERVIEW_PATTERN.search(folded_text)) and not follow_up_questions.extract_content_words(remaining_text)


async def _answer_with_overview(
    searcher: Searcher, text: str, article: Article, generation: AnswerGeneration | None
) -> Answer | None:
    """Answer with the model's summary of an article, or with a quote of its opening.

    Returns None if the article has no text.
    """
    passages = await searcher.run_in_worker(list_passages, article, MAX_PASSAGES)
    if not passages:
        return None
    if generation is not None:
        model_passages = [ModelPassage(passage, article, passage) for passage in passages]
        written_answer = await generation.write(model_passages, detect_language(text))
        if written_answer.sentences:
            return generation.build_answer(written_answer.sentences, model_passages, Confidence.SURE)
    return Answer(question=text, confidence=Confidence.SURE, quotes=(Quote(passages[0], article),), sources=(article,))
