"""Data classes of an answer to a question, its quotes and its sources, and the answer as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo
from enum import StrEnum
from typing import Any

from bot.answers.candidates import list_passages
from bot.answers.timeline.outlet_differences import have_different_numbers
from bot.core.local_time import format_iso
from bot.core.models import Article
from bot.text.times.periods import Period
from bot.writing.citation_checks import Sentence

MAX_QUOTES = 3
"""Maximum number of quotes in an answer."""
MAX_RELATED_ARTICLES = 2
"""Maximum number of related articles of an answer."""


class Confidence(StrEnum):
    """Class of certainty of an answer.

    - `SURE`: The quotes answer the question.
    - `POSSIBLE`: The passages may answer the question, and are shown as such.
    - `NOTHING`: No passage is likely enough to answer.
    """

    SURE = "sure"
    POSSIBLE = "possible"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Quote:
    """Text quoted from an article or its headline, with the words that answer the question, if known.

    Attributes:
        shown_sentences: The at most two sentences of the text that people are shown; empty for the whole text.
    """

    text: str
    article: Article
    answer_text: str | None = None
    shown_sentences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BriefingStory:
    """A story of a briefing (list of the biggest stories): an article on it, its title or URL, and its outlet count."""

    title: str
    article: Article
    outlet_count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Answer to a question, with its sources and its confidence.

    Attributes:
        quotes: At most `MAX_QUOTES` quotes that answer the question or, if the confidence is `POSSIBLE`, may answer it.
        further_quote: The quote from another article that adds another answer to the first quote, or None.
        sources: The articles that the answer quotes, lists in its briefing, or cites in its generated sentences.
        related_articles: At most `MAX_RELATED_ARTICLES` articles about the question's topic, if the answer is not sure.
        briefing: The stories that answer a request for news.
        generated_sentences: The answer as a language model wrote it, citing `sources` by 1-based number.
        searched_article_count: Number of articles that were searched, if the confidence is `NOTHING`; otherwise None.
        model_name: Name of the language model that wrote `generated_sentences`, as people are shown it, or "".
        newest_published_at: When the newest article of a feed that the asker may read was published (Unix time in
            seconds); None without articles.
        period: The period of the briefing, or that was asked for if nothing was found, in days of `zone`; else None.
        oldest_published_at: When the oldest article that the asker may read was published (Unix time in seconds), if
            that is after `period` and the confidence is not `SURE`; otherwise None.
    """

    question: str
    confidence: Confidence = Confidence.NOTHING
    quotes: tuple[Quote, ...] = ()
    further_quote: Quote | None = None
    sources: tuple[Article, ...] = ()
    related_articles: tuple[Article, ...] = ()
    briefing: tuple[BriefingStory, ...] = ()
    generated_sentences: tuple[Sentence, ...] = ()
    searched_article_count: int | None = None
    model_name: str = ""
    newest_published_at: int | None = None
    period: Period | None = None
    zone: tzinfo = UTC
    oldest_published_at: int | None = None

    @property
    def shown_quotes(self) -> tuple[Quote, ...]:
        """Return the at most two quotes that people are shown: the likeliest, and one that adds another answer."""
        return self.quotes[:1] if self.further_quote is None else (*self.quotes[:1], self.further_quote)

    @property
    def do_quoted_numbers_differ(self) -> bool:
        """Return whether two quotes are shown that give different numbers of one thing, from different outlets."""
        return len(self.shown_quotes) > 1 and have_different_numbers(
            *((quote.answer_text or "", quote.article) for quote in self.shown_quotes)
        )

    @property
    def is_answered(self) -> bool:
        """Return whether the answer is sure: its confidence is `SURE`, not `POSSIBLE` or `NOTHING`."""
        return self.confidence is Confidence.SURE

    @property
    def is_outside_period(self) -> bool:
        """Return whether all articles that the asker may read are older, or all newer, than the period asked for."""
        if self.period is None or self.newest_published_at is None:
            return False
        return self.oldest_published_at is not None or self.newest_published_at < self.period.start

    def as_json(self) -> dict[str, Any]:
        """Return the answer as the JSON object that `telex ask --json` prints.

        The keys `period` and `lines` are present only if the answer has a period or a briefing.
        """
        quote_documents = list(map(_build_quote_document, self.quotes))
        answer_document: dict[str, Any] = {
            "question": self.question,
            "answered": self.is_answered,
            "tier": self.confidence.value,
            "quotes": quote_documents if self.is_answered else [],
            "possible": [] if self.is_answered else quote_documents,
            "written": [
                {"text": sentence.text, "cites": list(sentence.citations)} for sentence in self.generated_sentences
            ],
            "sources": [_build_source_document(article) for article in self.sources],
            "nearest": [_build_source_document(article) for article in self.related_articles],
            "newest": None if self.newest_published_at is None else format_iso(self.newest_published_at),
        }
        if self.period is not None:
            answer_document["period"] = {
                "since": format_iso(self.period.start),
                "before": format_iso(self.period.end),
            }
        if self.briefing:
            answer_document["lines"] = [
                {
                    **_build_source_document(briefing_story.article),
                    "text": next(iter(list_passages(briefing_story.article, 1)), ""),
                }
                for briefing_story in self.briefing
            ]
        return answer_document


def _build_quote_document(quote: Quote) -> dict[str, object]:
    return {"text": quote.text, "answer": quote.answer_text, **_build_source_document(quote.article)}


def _build_source_document(article: Article) -> dict[str, object]:
    return {
        "url": article.url,
        "title": article.title,
        "source": article.outlet,
        "published": format_iso(article.published),
    }
