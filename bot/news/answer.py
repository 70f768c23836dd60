"""The words of answering: what an answer is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.words import Article


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of an article's text that answer."""

    text: str
    article: Article


@dataclass(frozen=True, slots=True)
class Line:
    """A story of a period in one line: the title of the article that tells it."""

    text: str
    article: Article


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence that a model wrote. `cites` are 1-based numbers into the answer's `sources`."""

    text: str
    cites: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the articles say. Without an answer `quotes` and `sources` are empty, and `nearest` is offered.

    A question about a period is answered by `lines`, newest first. `written` is there when a model wrote
    the answer from the sources. `sureness` is the logarithm of the odds that the first quote answers, None
    when nothing was found. `newest` is when the newest article of the feeds that were asked was published,
    in seconds since 1970 in UTC; None where there is none.
    """

    question: str
    answered: bool
    quotes: tuple[Quote, ...] = ()
    sources: tuple[Article, ...] = ()
    nearest: tuple[Article, ...] = ()
    sureness: float | None = None
    lines: tuple[Line, ...] = ()
    written: tuple[Sentence, ...] = ()
    newest: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The answer as `telex ask --json` writes it."""
        return {
            "question": self.question,
            "answered": self.answered,
            "quotes": [
                {"text": quote.text, "url": quote.article.url, "title": quote.article.title}
                for quote in self.quotes
            ],
            "sources": [_source(article) for article in self.sources],
            "nearest": [_source(article) for article in self.nearest],
        }


def _source(article: Article) -> dict[str, object]:
    published = datetime.fromtimestamp(article.published, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "url": article.url,
        "title": article.title,
        "source": article.outlet,
        "published": published,
    }
