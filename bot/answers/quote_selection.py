"""Selection of the quotes that answer a question, and how confident the answer is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import log

from bot.answers.answer_model import MAX_QUOTES, MAX_RELATED_ARTICLES, Answer, Confidence, Quote
from bot.answers.answer_scorer import CONTEXT_LOG_ODDS, Scorer, compute_log_odds
from bot.answers.candidate_features import has_cosines
from bot.answers.candidate_scoring import ScoredCandidate
from bot.answers.question_analysis import PATTERN_ANSWER_TYPES, AnalysedQuestion
from bot.core.models import Article
from bot.search.index import text_analysis

MAX_LOG_ODDS_DROP = log(5)
"""Maximum amount by which the log-odds that a further quote answers may be below those of the first quote."""
MAX_SMALL_STORE_ARTICLES = 1_000
"""Maximum number of articles of a small database, in which the minimum log-odds of a sure answer are lowest."""
MIN_LARGE_STORE_ARTICLES = 16_000
"""Minimum number of articles of a large database, in which the minimum log-odds of a sure answer are highest.

Between `MAX_SMALL_STORE_ARTICLES` and this number, they rise with the logarithm of the number of articles.
"""
SMALL_STORE_LOG_ODDS_DROP = 0.5
"""Amount by which the minimum log-odds of a sure answer are lower in a database of few articles.

Half as many answers are wrong there at the same probability (`benchmarks/answer_confidence.py`).
"""
PATTERN_ANSWER_LOG_ODDS = 0.8
"""Amount added to the log-odds of an answer to a question for a number, sum or time."""
MISSING_WORDS_LOG_ODDS = 1.0
"""Amount of log-odds by which a passage without the words that a question plainly asks for ranks lower."""
MAX_FURTHER_AGE_SECONDS = 86_400
"""Maximum time in seconds by which a further quote may be older than the first, whose answer else replaces its own."""


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
    answer likelier, not more certain. A passage in another language than the question's is `SURE` only if its meaning
    was compared: the same letters are often another word there, as "sold" is in "soldes".
    """
    if max((candidate.probability for candidate in candidates), default=0.0) < scorer.possible_threshold:
        return Confidence.NOTHING
    is_sure = (
        compute_sure_log_odds(question, candidates[0], context_article_ids)
        >= compute_min_sure_log_odds(scorer.sure_threshold, question.article_count)
        and candidates[0].excerpt.has_expected_answer
        and (has_cosines(candidates[0].features) or _may_have_same_language(question, candidates[0]))
    )
    return Confidence.SURE if is_sure else Confidence.POSSIBLE


def _may_have_same_language(question: AnalysedQuestion, candidate: ScoredCandidate) -> bool:
    """Return whether a question and a passage have the same language, or one of the languages is unknown."""
    return question.language is None or candidate.language in {None, question.language}


def compute_sure_log_odds(
    question: AnalysedQuestion, candidate: ScoredCandidate, context_article_ids: frozenset[int] = frozenset()
) -> float:
    """Return the log-odds of an answer whose best passage is given, which decide whether the answer is sure."""
    return compute_context_free_log_odds(candidate, context_article_ids) + PATTERN_ANSWER_LOG_ODDS * bool(
        question.answer_types & PATTERN_ANSWER_TYPES
    )


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
    candidates: Sequence[ScoredCandidate], context_article_ids: frozenset[int] = frozenset()
) -> list[ScoredCandidate]:
    """Return the at most `MAX_QUOTES` candidates (passages that may answer) to quote.

    No sentence occurs twice. If places are left, one goes to the passage that follows the first quote.
    """
    quoted_candidates: list[ScoredCandidate] = []
    for candidate in candidates:
        min_log_odds = compute_context_free_log_odds(candidates[0], context_article_ids) - MAX_LOG_ODDS_DROP
        if compute_context_free_log_odds(candidate, context_article_ids) >= min_log_odds and not any(
            map(candidate.overlaps, quoted_candidates)
        ):
            quoted_candidates.append(candidate)
    following_candidate = candidates[0].following_candidate if candidates else None
    if following_candidate and not any(map(following_candidate.overlaps, quoted_candidates)):
        quoted_candidates.append(following_candidate)
    return quoted_candidates[:MAX_QUOTES]


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
    quoted_candidates = select_quotes(candidates, context_article_ids)
    quotes = tuple(
        make_quote(show_text_of_headline(candidate, candidates), article_by_id[candidate.article_id])
        for candidate in quoted_candidates
    )
    further_quotes = (
        quote
        for candidate, quote in zip(quoted_candidates, quotes, strict=True)
        if candidate.article_id in related_article_ids and _adds_answer(candidate, quoted_candidates[0])
    )
    return Answer(
        question=question.text,
        confidence=confidence,
        quotes=quotes,
        further_quote=next(further_quotes, None),
        sources=tuple({quote.article.id: quote.article for quote in quotes}.values()),
        related_articles=() if confidence is Confidence.SURE else related_articles,
    )


def make_quote(candidate: ScoredCandidate, article: Article) -> Quote:
    """Return a passage that may answer as a quote from its article, with the sentences that people are shown."""
    excerpt = candidate.excerpt
    return Quote(candidate.text, article, excerpt.answer_text, excerpt.sentences)


def show_text_of_headline(candidate: ScoredCandidate, candidates: Iterable[ScoredCandidate]) -> ScoredCandidate:
    """Return a headline with the excerpt of the best passage of its article's text; any other passage as it is.

    People see the headline beside each quote anyway. It keeps its own excerpt if words of it answer.
    """
    if not candidate.is_headline or candidate.excerpt.answer_text is not None:
        return candidate
    text_excerpts = (
        passage.excerpt
        for passage in candidates
        if passage.article_id == candidate.article_id and not passage.is_headline
    )
    return candidate._replace(excerpt=next(text_excerpts, candidate.excerpt))


def _adds_answer(candidate: ScoredCandidate, first_candidate: ScoredCandidate) -> bool:
    """Return whether a passage has other words that answer than the first passage, and is not from an older article."""
    words, first_words = (
        set(text_analysis.tokenize(passage.excerpt.answer_text or "")) for passage in (candidate, first_candidate)
    )
    return (
        candidate.published >= first_candidate.published - MAX_FURTHER_AGE_SECONDS
        and candidate.excerpt.has_expected_answer
        and not words <= first_words
        and not first_words <= words
    )
