"""The answering pipeline: analyse the question, retrieve articles, score candidates, select quotes.

Each step has a module of its own: `question_analysis`, `question_retrieval`, `candidates`,
`candidate_scoring` (with `candidate_features` and `answer_scorer`); this module classifies the confidence and
builds the answer. A request for news is answered with a briefing (`news_requests`, `news_briefing`), a
question about an article from that article first. What a follow-up leaves out is taken from the previous
questions (`follow_up_questions`). If a model service is configured, it writes the answer from the passages
(`answer_writer`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from math import log

from bot.answers.answer_model import MAX_QUOTE_LENGTH, MAX_QUOTES, Answer, BriefingItem, Confidence, Quote
from bot.answers.answer_scorer import CONTEXT_LOG_ODDS, Scorer, candidate_scorer, log_odds
from bot.answers.briefing import news_requests
from bot.answers.briefing.news_briefing import build_briefing
from bot.answers.briefing.news_requests import NewsRequest, normalize_question
from bot.answers.candidate_scoring import ScoredCandidate, score_candidates
from bot.answers.conversing import follow_up_questions
from bot.answers.generated_answers import OnDraft, generate_answer, to_answer
from bot.answers.passages import opening_and_passages
from bot.answers.question_analysis import AnalysedQuestion
from bot.answers.question_retrieval import Retrieved, retrieve, understand_with_index
from bot.core import i18n
from bot.core.models import Article
from bot.search.index import text_analysis
from bot.search.query.query_parser import MAX_LENGTH
from bot.search.searching import Searcher
from bot.stories.preference_model import NO_PREFERENCES, PreferenceModel
from bot.text.language import detect
from bot.writing.answer_writer import MAX_PASSAGES, AnswerWriter

__all__ = ["Answer", "AnswerWriter", "BriefingItem", "Quote", "answer_question"]

MAX_RELATED_ARTICLES = 5
MIN_CONTENT_WORDS = 2
"""Minimum number of content words of a question about an article; with fewer, its title is added."""
MAX_LOG_ODDS_DROP = log(5)
"""Maximum amount by which the log-odds of a further quote may be below those of the first one."""
MAX_LOG_ODDS_DROP_SUPERSEDED = log(12)
"""Maximum amount by which the log-odds of a superseded quote may be below those of the first one."""
MIN_SPAN_PROBABILITY = 0.3
"""Minimum probability of the answer span, in both passages, for the older one to count as superseded."""
MIN_SUPERSEDED_AGE_SECONDS = 86_400
"""Minimum age difference of a superseded passage: different answers on one day are not a change."""

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
    about: int | None = None,
    previous_questions: Sequence[str] = (),
    previous_source_ids: Sequence[int] = (),
    writer: AnswerWriter | None = None,
    zone: tzinfo = UTC,
    taste: PreferenceModel = NO_PREFERENCES,
    told: OnDraft | None = None,
) -> Answer:
    """Answer a question from the articles of the given feeds (None: all feeds).

    Any text is accepted. Days begin at midnight in `zone`.

    Args:
        about_article_id: Id of the article that the question is about.
        previous_questions: The questions before it in the conversation, oldest first.
        previous_source_ids: Ids of the articles that answered the last of them.
        writer: Generates the answer from the passages, if a model is configured.
        preferences: Preferences of the server, which rank the stories of a briefing.
        draft_callback: Called with each draft while the answer is being generated.

    Raises:
        StoreError: The database failed.
    """

    def draft(answer: Answer) -> None:
        if told is not None:
            told(replace(answer, question=text))

    whole = follow_up_questions.resolve_question(text, previous_questions)[:MAX_LENGTH]
    article = None if about is None else await _readable_article(searcher, about, feed_ids)
    newest = await searcher.store.articles.newest(feed_ids, limit=1)
    latest = newest[0].published if newest else 0
    vague = news_requests.parse_news_request(whole, searcher.store.clock.now(), zone)
    if vague is not None and article is not None and not vague.topic:
        vague = None
    answer = None if vague is None else await _answer_with_briefing(searcher, whole, feed_ids, vague, taste)
    if answer is None and article is not None and _asks_for_an_overview(whole):
        answer = await _answer_with_overview(searcher, whole, article, writer, draft)
    if answer is None:
        quoted = [await _readable_article(searcher, source, feed_ids) for source in previous_source_ids]
        known = [each for each in (article, *quoted) if each is not None]
        asked = whole
        if article is not None and len(follow_up_questions.content_words(whole)) < MIN_CONTENT_WORDS:
            asked = f"{whole} ({article.title})"
        added = follow_up_questions.content_words(text) if whole != " ".join(text.split()) else ()
        question = await understand_with_index(searcher, asked, added)
        retrieved = await retrieve(searcher, question, feed_ids=feed_ids)
        answer = await answer_from(searcher, question, retrieved.with_context(known), writer, draft)
    answer = replace(answer, question=text, newest_published=latest if newest else None, zone=zone)
    return await _with_period(searcher, answer, feed_ids, vague)


async def _with_period(
    searcher: Searcher, answer: Answer, feed_ids: Collection[int] | None, vague: NewsRequest | None
) -> Answer:
    """Add the period that the question is about, and whether the articles begin only after it."""
    if vague is not None and vague.is_period_stated and answer.confidence is Confidence.NOTHING:
        answer = replace(answer, period=vague.period)
    if answer.answered or answer.period is None:
        return answer
    oldest = await searcher.store.articles.oldest_time(feed_ids)
    return replace(
        answer, oldest_published=oldest if oldest is not None and answer.period.end <= oldest else None
    )


async def answer_from(
    searcher: Searcher,
    question: AnalysedQuestion,
    retrieved: Retrieved,
    writer: AnswerWriter | None = None,
    told: OnDraft | None = None,
) -> Answer:
    """Answer a question from the retrieved articles.

    Raises:
        StoreError: The database failed.
    """
    by_words = await searcher.run_in_worker(
        score_candidates, question, retrieved.articles, retrieved.context_ids, retrieved.nearest_ids
    )
    judged, judged_by = await rescore_with_cosines(searcher, question, retrieved, by_words)
    articles = {article.id: article for article in retrieved.articles}
    tier = confidence_of(judged, judged_by, retrieved.context_ids)
    if writer is not None and tier is not Confidence.NOTHING:
        written = await generate_answer(question, judged, articles, tier, writer, told)
        if written is not None:
            return written
    nearest = [article for article in retrieved.articles if article.id not in retrieved.context_ids]
    return build_answer(question, judged, articles, tier, nearest, retrieved.context_ids)


async def rescore_with_cosines(
    searcher: Searcher, question: AnalysedQuestion, retrieved: Retrieved, judged: Sequence[ScoredCandidate]
) -> tuple[Sequence[ScoredCandidate], Scorer]:
    """Rescore candidates with cosines between question and passage, and return them with the scorer used.

    The candidates come back best first. Without a semantic index, or if the encoder fails or times out, they
    are returned unchanged with the lexical scorer.
    """
    meaning = searcher.semantic_index
    cosines = None
    if meaning is not None and judged:
        cosines = await meaning.passage_cosines(question.text, [each.text for each in judged])
    if cosines is None:
        return judged, candidate_scorer(with_cosines=False)
    by_meaning = candidate_scorer(with_cosines=True)
    again = []
    for each, cosine in zip(judged, cosines, strict=True):
        features = (*each.features, cosine, retrieved.cosines.get(each.article_id, 0.0))
        probability = by_meaning.probability(features, in_context=each.article_id in retrieved.context_ids)
        again.append(each._replace(features=features, probability=probability))
    return sorted(again, key=lambda each: -each.probability), by_meaning


def confidence_of(
    judged: Sequence[ScoredCandidate], scorer: Scorer, at_hand: frozenset[int] = frozenset()
) -> Confidence:
    """Classify the confidence of the best candidate.

    `SURE` ignores the bonus for articles in `context_ids`: being the subject of the conversation makes an
    answer likelier, not more certain.
    """
    if not judged or judged[0].probability < scorer.possible_threshold:
        return Confidence.NOTHING
    if context_free_log_odds(judged[0], at_hand) >= log_odds(scorer.sure_threshold):
        return Confidence.SURE
    return Confidence.POSSIBLE


def context_free_log_odds(judged: ScoredCandidate, at_hand: frozenset[int]) -> float:
    """Return the log-odds of a candidate without the bonus for articles in `context_ids`."""
    return log_odds(judged.probability) - CONTEXT_LOG_ODDS * (judged.article_id in at_hand)


def select_quotes(
    question: AnalysedQuestion, judged: Sequence[ScoredCandidate], at_hand: frozenset[int] = frozenset()
) -> tuple[list[ScoredCandidate], list[ScoredCandidate]]:
    """Return the candidates to quote and the superseded ones, at most `MAX_QUOTES` each.

    No sentence is quoted twice. Candidates are superseded only if the answer to the question changes over
    time. Free places go to the sentences that follow the first quote.
    """
    first: list[ScoredCandidate] = []
    for each in judged:
        if len(first) < 2 * MAX_QUOTES and not any(map(each.overlaps, first)):
            first.append(each)
    if not first:
        return [], []
    older = _superseded(first) if question.changes else []
    least = context_free_log_odds(first[0], at_hand) - MAX_LOG_ODDS_DROP
    shown = [each for each in first if each not in older and context_free_log_odds(each, at_hand) >= least][
        :MAX_QUOTES
    ]
    following = first[0].following_candidate
    if following and len(shown) < MAX_QUOTES and not any(map(following.overlaps, shown)):
        shown.append(following)
    return shown, older[:MAX_QUOTES]


def _superseded(found: Sequence[ScoredCandidate]) -> list[ScoredCandidate]:
    """Return the candidates that are older than the best one, about as likely, and give another answer."""
    best = found[0]
    return [
        each
        for each in found
        if each.published <= best.published - MIN_SUPERSEDED_AGE_SECONDS
        and log_odds(each.probability) >= log_odds(best.probability) - MAX_LOG_ODDS_DROP_SUPERSEDED
        and min(each.span_probability, best.span_probability) >= MIN_SPAN_PROBABILITY
        and not _have_same_answer(each, best)
    ]


def build_answer(
    question: AnalysedQuestion,
    candidates: Sequence[ScoredCandidate],
    articles: dict[int, Article],
    tier: Confidence,
    related: Sequence[Article],
    at_hand: frozenset[int] = frozenset(),
) -> Answer:
    """Build the answer with its quotes; without any confidence, only with related articles."""
    nearest = tuple(related[:MAX_RELATED_ARTICLES])
    if tier is Confidence.NOTHING:
        return Answer(question=question.text, related_articles=nearest)
    picked, before = select_quotes(question, candidates, at_hand)
    quotes, older = (
        tuple(Quote(each.text, articles[each.article_id], each.highlighted_span) for each in some)
        for some in (picked, before)
    )
    sources = {quote.article.id: quote.article for quote in (*quotes, *older)}
    return Answer(
        question=question.text,
        confidence=tier,
        quotes=quotes if tier is Confidence.SURE else (),
        possible_quotes=quotes if tier is Confidence.POSSIBLE else (),
        superseded_quotes=older,
        sources=tuple(sources.values()),
        related_articles=() if tier is Confidence.SURE else nearest,
        probability=candidates[0].probability,
    )


def _have_same_answer(one: ScoredCandidate, other: ScoredCandidate) -> bool:
    """Return whether the tokens of one answer span contain those of the other."""
    said = text_analysis.tokens(one.answer_span or ""), text_analysis.tokens(other.answer_span or "")
    return set(said[0]) <= set(said[1]) or set(said[1]) <= set(said[0])


async def _readable_article(
    searcher: Searcher, article_id: int, feed_ids: Collection[int] | None
) -> Article | None:
    """Return the article, or a copy of its page in a feed that the asker may read; None if there is none."""
    article = await searcher.store.articles.get(article_id)
    if article is None or feed_ids is None or article.feed_id in feed_ids:
        return article
    others = await searcher.store.articles.by_page_key(article.page)
    return next((other for other in others if other.feed_id in feed_ids), None)


async def _answer_with_briefing(
    searcher: Searcher,
    text: str,
    feed_ids: Collection[int] | None,
    vague: NewsRequest,
    taste: PreferenceModel,
) -> Answer | None:
    """Answer a request for news with the biggest stories; return None if there are none."""
    lines, period = await build_briefing(searcher, vague, feed_ids=feed_ids, taste=taste)
    if not lines:
        return None
    return Answer(
        question=text,
        confidence=Confidence.SURE,
        quotes=tuple(Quote(line.text[:MAX_QUOTE_LENGTH], line.article) for line in lines[:MAX_QUOTES]),
        sources=tuple(line.article for line in lines),
        briefing=lines,
        period=period,
    )


def _asks_for_an_overview(text: str) -> bool:
    """Return whether the question asks only for a summary of an article."""
    folded = normalize_question(text)
    rest = _ARTICLE_REFERENCE_PATTERN.sub(" ", _OVERVIEW_PATTERN.sub(" ", folded))
    return bool(_OVERVIEW_PATTERN.search(folded)) and not follow_up_questions.content_words(rest)


async def _answer_with_overview(
    searcher: Searcher, text: str, article: Article, writer: AnswerWriter | None, told: OnDraft
) -> Answer | None:
    """Summarise an article with the model, or quote its opening; return None if the article has no text."""
    begins, shown = await searcher.run_in_worker(
        opening_and_passages, article, MAX_QUOTE_LENGTH, MAX_PASSAGES
    )
    if not begins:
        return None
    if writer is not None:
        quotes = [Quote(stretch, article) for stretch in shown]
        sentences = await writer.write(
            text,
            quotes,
            detect(text) or i18n.current_language(),
            lambda sentences: told(to_answer(text, sentences, quotes, Confidence.SURE)),
        )
        if sentences:
            return to_answer(text, sentences, quotes, Confidence.SURE)
    return Answer(
        question=text, confidence=Confidence.SURE, quotes=(Quote(begins, article),), sources=(article,)
    )
