"""Selection of the quotes that answer a question, and how confident the answer is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import log

from bot.answers.answer_model import MAX_QUOTES, MAX_RELATED_ARTICLES, Answer, Confidence, Quote
from bot.answers.answer_scorer import CONTEXT_LOG_ODDS, Scorer, compute_log_odds
from bot.answers.candidate_scoring import ScoredCandidate
from bot.answers.question_analysis import PATTERN_ANSWER_TYPES, AnalysedQuestion
from bot.core.models import Article
from bot.search.index import text_analysis

MAX_LOG_ODDS_DROP = log(5)
"""Maximum amount by which the log-odds that a further quote answers may be below those of the first quote."""
MAX_LOG_ODDS_DROP_SUPERSEDED = log(12)
"""Maximum amount by which the log-odds of an outdated (superseded) quote may be below those of the first quote.

A superseded quote is from an earlier article and gives another answer.
"""
MAX_SMALL_STORE_ARTICLES = 1_000
"""Maximum number of articles of a small database, in which the minimum log-odds of a sure answer are lowest."""
MIN_LARGE_STORE_ARTICLES = 16_000
"""Minimum number of articles of a large database, in which the minimum log-odds of a sure answer are highest.

Between `MAX_SMALL_STORE_ARTICLES` and this number, they rise with the logarithm of the number of articles.
"""
SMALL_STORE_LOG_ODDS_DROP = 0.46
"""Amount by which the minimum log-odds of a sure answer are lower in a database of few articles.

Half as many answers are wrong there at the same probability (`benchmarks/answer_confidence.py`).
"""
PATTERN_ANSWER_LOG_ODDS = 0.8
"""Amount added to the log-odds of an answer to a question for a number, sum or time, if it has such words."""
NO_ANSWER_TEXT_LOG_ODDS = 0.2
"""Amount subtracted from the log-odds of an answer if no words of its passage are known to answer."""
MISSING_WORDS_LOG_ODDS = 1.0
"""Amount of log-odds by which a passage without the words that a question plainly asks for ranks lower."""
MIN_SPAN_PROBABILITY = 0.3
"""Minimum probability that words answer, in two passages, for the older passage to be outdated (superseded)."""
MIN_SUPERSEDED_AGE_SECONDS = 86_400
"""Minimum time in seconds by which an outdated (superseded) passage is older than the one that replaces it.

Different answers on one day are not a change.
"""


def rank_candidates(candidates: Iterable[ScoredCandidate]) -> list[ScoredCandidate]:
    """Return the candidates (passages that may answer) best first.

    The order is by probability; without the words that the question plainly asks for, a candidate ranks lower.
    """
    return sorted(
        candidates,
        key=lambda candidate: (
            compute_log_odds(candidate.probability)
            - MISSING_WORDS_LOG_ODDS * (not candidate.excerpt.has_expected_answer)
        ),
        reverse=True,
    )


def classify_confidence(
    question: AnalysedQuestion,
    candidates: Sequence[ScoredCandidate],
    scorer: Scorer,
    context_article_ids: frozenset[int] = frozenset(),
) -> Confidence:
    """Return the confidence of the answer whose candidates (passages that may answer) are given, best first.

    `SURE` ignores the bonus for articles in `context_article_ids`: being the subject of the conversation makes an
    answer likelier, not more certain.
    """
    if max((candidate.probability for candidate in candidates), default=0.0) < scorer.possible_threshold:
        return Confidence.NOTHING
    is_sure = (
        compute_sure_log_odds(question, candidates[0], context_article_ids)
        >= compute_min_sure_log_odds(scorer.sure_threshold, question.article_count)
        and candidates[0].excerpt.has_expected_answer
    )
    return Confidence.SURE if is_sure else Confidence.POSSIBLE


def compute_sure_log_odds(
    question: AnalysedQuestion, candidate: ScoredCandidate, context_article_ids: frozenset[int] = frozenset()
) -> float:
    """Return the log-odds of an answer whose best passage is given, which decide whether the answer is sure."""
    total_log_odds = compute_context_free_log_odds(candidate, context_article_ids)
    if candidate.excerpt.answer_text is None:
        return total_log_odds - NO_ANSWER_TEXT_LOG_ODDS
    return total_log_odds + PATTERN_ANSWER_LOG_ODDS * bool(question.answer_types & PATTERN_ANSWER_TYPES)


def compute_min_sure_log_odds(sure_threshold: float, article_count: int) -> float:
    """Return the minimum log-odds of a sure answer, which are lower in a database of few articles.

    `sure_threshold` is the minimum probability with `MIN_LARGE_STORE_ARTICLES` articles.
    """
    log_size = log(max(article_count, MAX_SMALL_STORE_ARTICLES) / MAX_SMALL_STORE_ARTICLES)
    relative_size = min(1.0, log_size / log(MIN_LARGE_STORE_ARTICLES / MAX_SMALL_STORE_ARTICLES))
    return compute_log_odds(sure_threshold) - SMALL_STORE_LOG_ODDS_DROP * (1 - relative_size)


def compute_context_free_log_odds(candidate: ScoredCandidate, context_article_ids: frozenset[int]) -> float:
    """Return the log-odds that a candidate (a passage that may answer) answers, ignoring the conversation.

    The bonus for articles that the conversation is about (`context_article_ids`) is subtracted.
    """
    return compute_log_odds(candidate.probability) - CONTEXT_LOG_ODDS * (candidate.article_id in context_article_ids)


def select_quotes(
    question: AnalysedQuestion,
    candidates: Sequence[ScoredCandidate],
    context_article_ids: frozenset[int] = frozenset(),
) -> tuple[list[ScoredCandidate], list[ScoredCandidate]]:
    """Return the candidates (passages that may answer) to quote, and the superseded candidates.

    Each list has at most `MAX_QUOTES` elements, and no sentence occurs twice. Earlier candidates with another
    answer are superseded, but only if the answer to the question changes over time. If places are left, one goes
    to the passage that follows the first quote.
    """
    distinct_candidates: list[ScoredCandidate] = []
    for candidate in candidates:
        if len(distinct_candidates) < 2 * MAX_QUOTES and not any(map(candidate.overlaps, distinct_candidates)):
            distinct_candidates.append(candidate)
    if not distinct_candidates:
        return [], []
    superseded_candidates = _select_superseded(distinct_candidates) if question.changes_over_time else []
    min_log_odds = compute_context_free_log_odds(distinct_candidates[0], context_article_ids) - MAX_LOG_ODDS_DROP
    quoted_candidates = [
        candidate
        for candidate in distinct_candidates
        if candidate not in superseded_candidates
        and compute_context_free_log_odds(candidate, context_article_ids) >= min_log_odds
    ][:MAX_QUOTES]
    following_candidate = distinct_candidates[0].following_candidate
    if (
        following_candidate
        and len(quoted_candidates) < MAX_QUOTES
        and not any(map(following_candidate.overlaps, quoted_candidates))
    ):
        quoted_candidates.append(following_candidate)
    return quoted_candidates, superseded_candidates[:MAX_QUOTES]


def _select_superseded(candidates: Sequence[ScoredCandidate]) -> list[ScoredCandidate]:
    """Return the passages that the best one supersedes: older, about as likely, with another answer."""
    best_candidate = candidates[0]
    return [
        candidate
        for candidate in candidates
        if candidate.published <= best_candidate.published - MIN_SUPERSEDED_AGE_SECONDS
        and compute_log_odds(candidate.probability)
        >= compute_log_odds(best_candidate.probability) - MAX_LOG_ODDS_DROP_SUPERSEDED
        and min(candidate.excerpt.span_probability, best_candidate.excerpt.span_probability) >= MIN_SPAN_PROBABILITY
        and not _have_same_answer(candidate, best_candidate)
    ]


def build_answer(
    question: AnalysedQuestion,
    candidates: Sequence[ScoredCandidate],
    article_by_id: dict[int, Article],
    confidence: Confidence,
    related_article_ids: Sequence[int],
    context_article_ids: frozenset[int] = frozenset(),
) -> Answer:
    """Build the answer with its quotes; without a likely enough passage, only with related articles.

    `related_article_ids` are the ids of the articles about the question's topic, best first.
    """
    related_articles = tuple(
        article_by_id[article_id] for article_id in related_article_ids if article_id not in context_article_ids
    )[:MAX_RELATED_ARTICLES]
    if confidence is Confidence.NOTHING:
        return Answer(question=question.text, related_articles=related_articles)
    quoted_candidates, superseded_candidates = select_quotes(question, candidates, context_article_ids)
    further_candidate = _find_further_candidate(quoted_candidates, related_article_ids)
    quote_by_candidate = {
        candidate: make_quote(candidate, article_by_id[candidate.article_id])
        for candidate in (*quoted_candidates, *superseded_candidates)
    }
    quotes = tuple(quote_by_candidate[candidate] for candidate in quoted_candidates)
    superseded_quotes = tuple(quote_by_candidate[candidate] for candidate in superseded_candidates)
    source_by_id = {quote.article.id: quote.article for quote in (*quotes, *superseded_quotes)}
    return Answer(
        question=question.text,
        confidence=confidence,
        quotes=quotes,
        further_quote=None if further_candidate is None else quote_by_candidate[further_candidate],
        superseded_quotes=superseded_quotes,
        sources=tuple(source_by_id.values()),
        related_articles=() if confidence is Confidence.SURE else related_articles,
    )


def make_quote(candidate: ScoredCandidate, article: Article) -> Quote:
    """Return a passage that may answer as a quote from its article, with the sentences that people are shown."""
    excerpt = candidate.excerpt
    return Quote(candidate.text, article, excerpt.answer_text, excerpt.sentences)


def _find_further_candidate(
    candidates: Sequence[ScoredCandidate], related_article_ids: Sequence[int]
) -> ScoredCandidate | None:
    """Return the best passage with another answer than the first passage's, from another article on the topic."""
    return next(
        (
            candidate
            for candidate in candidates[1:]
            if candidate.article_id != candidates[0].article_id
            and candidate.article_id in related_article_ids
            and candidate.excerpt.answer_text
            and candidate.excerpt.has_expected_answer
            and not _have_same_answer(candidate, candidates[0])
        ),
        None,
    )


def _have_same_answer(first_candidate: ScoredCandidate, second_candidate: ScoredCandidate) -> bool:
    """Return whether the words that answer in one passage include the words that answer in the other."""
    first_words, second_words = (
        set(text_analysis.tokenize(candidate.excerpt.answer_text or ""))
        for candidate in (first_candidate, second_candidate)
    )
    return first_words <= second_words or second_words <= first_words
