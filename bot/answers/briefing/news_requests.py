"""Detection of requests for news: "what's new with X", "quoi de neuf", "tech this week".

Requests for news are detected by their structure, not by a list of phrases: a news word is the head of its
phrase ("any *news* on X", "what's *new* in AI", but not "the *new* phone") or begins a short text, a relative time
expression ("today") stands alone or beside a topic, or the text is only a topic ("climate change"). Nothing asks
for a person, a place, a reason or a number, and the rest is short enough to be a topic.
"""

import re
from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import NamedTuple

from bot.answers.question_analysis import match_answer_types
from bot.search.index import text_analysis
from bot.search.query.query_parser import MAX_QUERY_LENGTH
from bot.text.language import detect_language
from bot.text.times import time_expressions
from bot.text.times.periods import Period
from bot.text.words import fold

MAX_TOPIC_WORDS = 4
"""Maximum number of topic words beside a word for news, such as "news" or "latest".

Also the maximum number of words of a text that is a request only because it begins with a news word.
"""
MAX_TOPIC_WORDS_WITHOUT_NEWS_WORD = 2
"""Maximum number of topic words of a request for news without a news word.

The topic stands beside a time expression ("tech today"), or is the whole text ("climate change").
"""

_NEWS_WORDS = frozenset(
    "news headlines stories update updates developments recap roundup summary summarise summarize"
    " actu actus actualite actualites nouvelles nouveautes infos resume resumer recapitulatif".split()
)
"""Words that make any phrase a request for news if they are its head ("AI *news*") or begin a short text."""
_NEWS_WORDS_AFTER_OPENER = frozenset(
    "new latest happening happens neuf nouveau beau passe up miss missed happened arrive".split()
)
"""Words that make a phrase with an opener (`_OPENING_WORDS`) a request for news, as "new" in "what's new"."""
_OPENING_WORDS = frozenset("what whats anything something catch the quoi du rien que qu".split())
"""Words that open a request for news, as "what" in "what's new"."""
_VERSION_PATTERN = re.compile(r"\b\d+\.\d")
"""Pattern of a version number. "What’s new in Python 3.13?" asks what the version brings, not for news of the week."""
_PHRASE_REWRITES = (
    (" going on", " happening"),
    (" point sur", " actus sur"),
    ("did i ", ""),
    ("did we ", ""),
)
"""Pairs of a phrase and the words that replace it before a text is checked for a request for news."""
_FACT_QUESTION_WORDS = frozenset(
    "who whom whose when where why how whys combien quand pourquoi comment lequel laquelle which did does was"
    " were will can should".split()
)
"""Words that show that a text asks for a fact rather than for news, wherever they stand in it."""
_FILLER_WORDS = frozenset(
    "top big biggest important recent recents recente recentes dernier derniers derniere dernieres latest new"
    " grandes principales any some all toutes interesting interessant cote niveau moment"
    " tell give show catch fill tu peux fais faire dis donne moi me y quelles quels on lately there".split()
)
"""Words besides stop words that accompany news words ("latest news") and are not part of a topic."""
_CATCH_ALL_TOPICS = frozenset(
    "tech technology technologie technologies world monde general generale today here ici".split()
)
"""Topics so general ("tech", "world") that they mean all articles."""


class NewsRequest(NamedTuple):
    """Request for news.

    Attributes:
        topic: The topic's words, folded (no case or accents); empty for news about anything.
        period: The period of the news.
        is_period_stated: Whether the text states the period; otherwise the period is a default.
        zone: The time zone in which the days of a stated period begin.
        language: ISO 639-1 code of the text's language, or None if unknown.
    """

    topic: tuple[str, ...]
    period: Period
    is_period_stated: bool
    zone: tzinfo = UTC
    language: str | None = None


def parse_news_request(text: str, now: int, zone: tzinfo = UTC) -> NewsRequest | None:
    """Return the request for news that a text makes, or None if the text asks for something else.

    `now` is Unix time in seconds; days begin at midnight in `zone`.
    """
    folded_text = normalize_question(text[:MAX_QUERY_LENGTH])
    time_expression = time_expressions.find_time_expression(folded_text, now, zone)
    text_without_time = (
        folded_text
        if time_expression is None
        else f"{folded_text[: time_expression.start]} , {folded_text[time_expression.end :]}"
    )
    for phrase, replacement in _PHRASE_REWRITES:
        text_without_time = text_without_time.replace(phrase, replacement)
    words = text_analysis.tokenize(text_without_time)
    if not (words or time_expression) or not _FACT_QUESTION_WORDS.isdisjoint(words):
        return None
    filler_words = text_analysis.find_stop_words(words) | _FILLER_WORDS
    first_content_word = next((word for word in words if word not in filler_words), "")
    # A short text may begin with the news word, as in "actus spatial".
    asks_for_news = _has_news_head(words, filler_words) or (
        first_content_word in _NEWS_WORDS and len(words) <= MAX_TOPIC_WORDS
    )
    if asks_for_news and _NEWS_WORDS.isdisjoint(words) and _VERSION_PATTERN.search(text_without_time):
        return None
    has_relative_time = time_expression is not None and time_expression.is_relative
    is_bare_topic = time_expression is None and len(words) <= MAX_TOPIC_WORDS_WITHOUT_NEWS_WORD
    if not asks_for_news and (match_answer_types(" ".join(words)) or not (has_relative_time or is_bare_topic)):
        return None
    non_topic_words = filler_words | _NEWS_WORDS | _NEWS_WORDS_AFTER_OPENER | _OPENING_WORDS | _CATCH_ALL_TOPICS
    topic = tuple(
        word
        for word in dict.fromkeys(words)
        if word not in non_topic_words and (len(word) > 1 or word.isdigit()) and text_analysis.find_query_stems(word)
    )
    if len(topic) > (MAX_TOPIC_WORDS if asks_for_news else MAX_TOPIC_WORDS_WITHOUT_NEWS_WORD) or not (
        topic or asks_for_news or has_relative_time
    ):
        return None
    period, is_period_stated = Period(now - time_expressions.RECENT_SECONDS, now + 1), False
    if time_expression is not None:
        # "These days" has the same period as "the last 7 days", but does not state it.
        has_number = any(map(str.isdigit, folded_text[time_expression.start : time_expression.end]))
        is_period_stated = has_number or time_expression.period != period
        period = time_expression.period
    return NewsRequest(topic, period, is_period_stated, zone, detect_language(text))


def normalize_question(text: str) -> str:
    """Return a question folded (no case or accents), with single spaces and without lone surrogates."""
    return " ".join(fold(text.encode("utf-8", "ignore").decode()).split())


def _has_news_head(words: Sequence[str], filler_words: frozenset[str]) -> bool:
    """Return whether a news word is the head of its phrase: a filler word, a news word or nothing follows it.

    Some news words (`_NEWS_WORDS_AFTER_OPENER`) need an opener before them, or directly after them as in "il se passe
    quoi".
    """
    return any(
        next_word in filler_words | _NEWS_WORDS | _NEWS_WORDS_AFTER_OPENER | {""}
        and (
            word in _NEWS_WORDS
            or (word in _NEWS_WORDS_AFTER_OPENER and not _OPENING_WORDS.isdisjoint((*words[:index], next_word)))
        )
        for index, (word, next_word) in enumerate(zip(words, [*words[1:], ""], strict=False))
    )
