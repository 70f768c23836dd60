"""Articles by the million, made of real words: the same ones for the same number and seed, on every machine.

The words are those of the articles beside the checkout, where they are, else of the demo's stories. A text is
put together from stretches of them, so that words are as frequent and stand beside each other as often as
they really do; a title's words come from titles, and its text takes some of them up.
"""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from bot.search.index import text_analysis
from tests.support.shared_data import SHARED

LANGUAGES = ("en", "fr")
FEEDS = 500
YEARS = 5
END = int(datetime(2026, 10, 1, tzinfo=UTC).timestamp())
SPAN_SECONDS = YEARS * 365 * 86400  # seconds
BACKLOG_SHARE = 0.2  # articles that are older than what comes in beside them, as backlogs are
TITLE_SENTENCE_SHARE = 0.4  # part of the sentences that end in words of their title
DEMO = Path(__file__).resolve().parents[1] / "data" / "demo" / "stories.json"


@dataclass(frozen=True, slots=True)
class CorpusArticle:
    """An article that was made. `published` is in seconds of UTC, `feed` a number below `FEEDS`."""

    number: int
    language: str
    feed: int
    title: str
    text: str
    published: int
    author: str
    tags: tuple[str, ...]

    @property
    def url(self) -> str:
        """Its address, that no other has."""
        return f"https://feed{self.feed}.example.org/{self.number}"

    @property
    def source(self) -> str:
        """The name of its outlet."""
        return outlet_name(self.feed)

    @property
    def import_line(self) -> bytes:
        """The line of `telex import`."""
        row = {
            "url": self.url,
            "title": self.title,
            "text": self.text,
            "published": self.published,
            "language": self.language,
            "source": self.source,
            "author": self.author,
            "tags": self.tags,
        }
        return json.dumps(row, ensure_ascii=False).encode() + b"\n"


def outlet_name(feed: int) -> str:
    """The name of a feed's outlet."""
    return f"Outlet {feed}"


class Words:
    """The words of a language: of titles and of texts, in order, and how often each article is how long."""

    def __init__(self, articles: list[dict[str, Any]]) -> None:
        self.titles = [word for article in articles for word in article["title"].split()]
        self.texts = [word for article in articles for word in article["text"].split()]
        self.lengths = [max(20, len(article["text"].split())) for article in articles]

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each word that tells something stands in a text, folded."""
        counts: Counter[str] = Counter()
        for word, count in Counter(self.texts).items():
            for form in text_analysis.tokenize(word):
                if form.isalpha() and not text_analysis.is_stop_word(form):
                    counts[form] += count
        return counts


class Corpus:
    """Articles by number, out of `size`."""

    def __init__(self, size: int, *, seed: int = 20260930) -> None:
        self.size = size
        self._seed = seed
        self.words = {language: Words(_load_articles(language)) for language in LANGUAGES}
        self.origin = "the shared articles" if _shared_path("en").exists() else "the demo's stories"

    def __iter__(self) -> Iterator[CorpusArticle]:
        return map(self.article, range(self.size))

    def article(self, number: int) -> CorpusArticle:
        """The article of this number; those from `size` on are newer than the others."""
        chance = random.Random(self._seed * 1_000_003 + number)
        feed = int(FEEDS * chance.random() ** 2)
        language = LANGUAGES[feed % 2]
        words = self.words[language]
        title = _draw_run(words.titles, chance, 2, 4) + _draw_run(words.titles, chance, 2, 4)
        title += _draw_run(words.titles, chance, 2, 4)
        published = END - SPAN_SECONDS + SPAN_SECONDS * number // self.size
        if chance.random() < BACKLOG_SHARE:
            published -= int((published - END + SPAN_SECONDS) * chance.random())
        return CorpusArticle(
            number=number,
            language=language,
            feed=feed,
            title=" ".join(title),
            text=_compose_text(words, title, chance),
            published=published,
            author=f"Author {int(2_000 * chance.random())}",
            tags=tuple(chance.choice(words.titles) for _ in range(2)),
        )


def _draw_run(words: list[str], chance: random.Random, min_words: int, max_words: int) -> list[str]:
    """Some words as they stand one after another."""
    start = int(chance.random() * (len(words) - max_words))
    return words[start : start + min_words + int(chance.random() * (max_words - min_words + 1))]


def _compose_text(words: Words, title: list[str], chance: random.Random) -> str:
    length = words.lengths[int(chance.random() * len(words.lengths))]
    paragraphs = []
    word_count = 0
    while word_count < length:
        sentences = []
        for _ in range(3):
            sentence = _draw_run(words.texts, chance, 8, 24)
            if chance.random() < TITLE_SENTENCE_SHARE:
                sentence += _draw_run(title, chance, 1, 3)
            word_count += len(sentence)
            sentences.append(" ".join(sentence).rstrip(".,;:") + ".")
        paragraphs.append(" ".join(sentences))
    return "\n\n".join(paragraphs)


def _shared_path(language: str) -> Path:
    return SHARED / "articles" / f"{language}.jsonl.gz"


def _load_articles(language: str) -> list[dict[str, Any]]:
    path = _shared_path(language)
    if path.exists():
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]
    demo = json.loads(DEMO.read_text(encoding="utf-8"))
    outlets = {outlet["name"]: outlet["language"] for outlet in demo["outlets"]}
    return [story for story in demo["stories"] if outlets[story["outlet"]] == language]
