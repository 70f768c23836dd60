"""Data model of an answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import Any

from bot.answers.passages import extract_opening_passage
from bot.core.models import Article
from bot.text.times.periods import Period
from bot.writing.citation_checks import Sentence

MAX_QUOTE_LENGTH = 400
"""Maximum length of a quote, in characters."""
MAX_QUOTES = 3
"""Maximum number of quotes in an answer."""


class Confidence(StrEnum):
    """Class of certainty of an answer.

    - `SURE`: The quotes answer the question.
    - `POSSIBLE`: The passages may answer the question, and are shown as such.
    - `NOTHING`: No stored article is about the topic.
    """

    SURE = "sure"
    POSSIBLE = "possible"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Quote:
    """Text quoted from an article or its headline, with the words that answer the question, if known."""

    text: str
    article: Article
    answer_span: str | None = None


@dataclass(frozen=True, slots=True)
class BriefingItem:
    """A story of a briefing: its text, the article that represents it, and its number of outlets."""

    text: str
    article: Article
    outlet_count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Answer to a question, with its sources and its confidence.

    Attributes:
        quotes: At most `MAX_QUOTES` quotes that answer the question, if the confidence is `SURE`.
        possible_quotes: At most `MAX_QUOTES` quotes that may answer the question, if the confidence is
            `POSSIBLE`.
        superseded_quotes: Quotes from earlier articles that give another answer than the first quote.
        sources: The quoted articles.
        related_articles: Articles about the topic, if the answer is not sure.
        probability: Probability from 0 to 1 that the first quote answers the question; None if no passage may
            answer it.
        briefing: The stories that answer a question about a period.
        generated_sentences: The answer as a language model wrote it, citing `sources` by 1-based number.
        newest_published: When the newest readable article was published (Unix time in seconds); None without
            articles.
        period: The period that the question is about, in days of `zone`.
        oldest_published: When the oldest readable article was published (Unix time in seconds), if that is
            after `period`; otherwise None.
    """

    question: str
    confidence: Confidence = Confidence.NOTHING
    quotes: tuple[Quote, ...] = ()
    possible_quotes: tuple[Quote, ...] = ()
    superseded_quotes: tuple[Quote, ...] = ()
    sources: tuple[Article, ...] = ()
    related_articles: tuple[Article, ...] = ()
    probability: float | None = None
    briefing: tuple[BriefingItem, ...] = ()
    generated_sentences: tuple[Sentence, ...] = ()
    newest_published: int | None = None
    period: Period | None = None
    zone: tzinfo = UTC
    oldest_published: int | None = None

    @property
    def is_answered(self) -> bool:
        """Return whether the confidence is `SURE`."""
        return self.confidence is Confidence.SURE

    @property
    def is_outside_period(self) -> bool:
        """Return whether no readable article falls into the period of the question."""
        if self.period is None or self.newest_published is None:
            return False
        return self.oldest_published is not None or self.newest_published < self.period.start

    def as_json(self) -> dict[str, Any]:
        """Return the answer as the JSON object that `telex ask --json` prints.

        The keys `period` and `lines` are present only if the answer has a period or a briefing.
        """
        answer_document: dict[str, Any] = {
            "question": self.question,
            "answered": self.is_answered,
            "tier": self.confidence.value,
            "quotes": list(map(_build_quote_document, self.quotes)),
            "possible": list(map(_build_quote_document, self.possible_quotes)),
            "older": list(map(_build_quote_document, self.superseded_quotes)),
            "written": [
                {"text": sentence.text, "cites": list(sentence.citations)} for sentence in self.generated_sentences
            ],
            "sources": [_build_source_document(article) for article in self.sources],
            "nearest": [_build_source_document(article) for article in self.related_articles],
            "newest": None if self.newest_published is None else _format_iso_time(self.newest_published),
        }
        if self.period is not None:
            answer_document["period"] = {
                "since": _format_iso_time(self.period.start),
                "before": _format_iso_time(self.period.end),
            }
        if self.briefing:
            answer_document["lines"] = [
                {
                    **_build_source_document(item.article),
                    "text": extract_opening_passage(item.article, MAX_QUOTE_LENGTH),
                }
                for item in self.briefing
            ]
        return answer_document


def _build_quote_document(quote: Quote) -> dict[str, object]:
    return {"text": quote.text, "answer": quote.answer_span, **_build_source_document(quote.article)}


def _build_source_document(article: Article) -> dict[str, object]:
    return {
        "url": article.url,
        "title": article.title,
        "source": article.outlet,
        "published": _format_iso_time(article.published),
    }


def _format_iso_time(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
