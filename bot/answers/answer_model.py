"""The words of answering: what an answer is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import Any

from bot.answers.passages import opening_passage
from bot.core.models import Article
from bot.text.times.periods import Period
from bot.writing.citation_checks import Sentence

MAX_QUOTE_LENGTH = 400
"""Characters of a quote."""
MAX_QUOTES = 3
"""Quotes of an answer at the most."""


class Confidence(StrEnum):
    """How sure an answer is."""

    SURE = "sure"
    POSSIBLE = "possible"  # passages that may answer, and are shown as such
    NOTHING = "nothing"  # no article on the topic is stored


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of an article: of its text or its headline. `answer`: those of them that answer, where known."""

    text: str
    article: Article
    answer_span: str | None = None


@dataclass(frozen=True, slots=True)
class BriefingItem:
    """A story of a period in one line: the title of the article that tells it, and how many outlets do."""

    text: str
    article: Article
    outlets: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the articles say, and how sure that is.

    `quotes` answer (`Confidence.SURE`), `possible` may answer (`Confidence.POSSIBLE`): there are at most
    three of either, never both. `superseded_quotes` are quotes from earlier articles that answer otherwise
    than the first one.
    `sources` are the articles of what is quoted, `nearest` those on the topic where nothing is sure.

    A question about a period is answered by `lines`. `written` is there when a model wrote the answer from
    the sources, and cites them by 1-based numbers. `probability` is the chance that the first quote answers,
    None when nothing was found. `newest` is when the newest article of the feeds that were asked was
    published, in seconds since 1970 in UTC; None where there is none. `period` is the time that the question
    was read to speak of, where what happened then is asked, in days of `zone`; `oldest_published` is when the
    oldest article was published where all of them are later than that.
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
    written: tuple[Sentence, ...] = ()
    newest_published: int | None = None
    period: Period | None = None
    zone: tzinfo = UTC
    oldest_published: int | None = None

    @property
    def answered(self) -> bool:
        """Whether the answer is sure."""
        return self.confidence is Confidence.SURE

    @property
    def is_outside_period(self) -> bool:
        """Whether no article at all is of the period."""
        if self.period is None or self.newest_published is None:
            return False
        return self.oldest_published is not None or self.newest_published < self.period.start

    def as_json(self) -> dict[str, Any]:
        """The answer as `telex ask --json` writes it, with the period where one was read, and its lines."""
        told: dict[str, Any] = {
            "question": self.question,
            "answered": self.answered,
            "tier": self.confidence.value,
            "quotes": list(map(_quote, self.quotes)),
            "possible": list(map(_quote, self.possible_quotes)),
            "older": list(map(_quote, self.superseded_quotes)),
            "written": [
                {"text": sentence.text, "cites": list(sentence.citations)} for sentence in self.written
            ],
            "sources": [_source(article) for article in self.sources],
            "nearest": [_source(article) for article in self.related_articles],
            "newest": None if self.newest_published is None else _iso(self.newest_published),
        }
        if self.period is not None:
            told["period"] = {"since": _iso(self.period.start), "before": _iso(self.period.end)}
        if self.briefing:
            told["lines"] = [
                {**_source(line.article), "text": opening_passage(line.article, MAX_QUOTE_LENGTH)}
                for line in self.briefing
            ]
        return told


def _quote(quote: Quote) -> dict[str, object]:
    return {"text": quote.text, "answer": quote.answer_span, **_source(quote.article)}


def _source(article: Article) -> dict[str, object]:
    return {
        "url": article.url,
        "title": article.title,
        "source": article.outlet,
        "published": _iso(article.published),
    }


def _iso(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
