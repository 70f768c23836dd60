"""Corpus of generated articles made of real words; the same size and seed give the same articles on every machine.

The words come from the shared articles beside the checkout or, without them, from the demo's stories. Texts are
composed of runs of consecutive words, so that words and pairs of words are about as frequent as in the originals. A
title consists of words from titles, and its text repeats some of them.
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
SPAN_SECONDS = YEARS * 365 * 86400
BACKLOG_SHARE = 0.2
"""Share of the articles that are older than their neighbours, as in the backlog of a feed followed later."""
TITLE_SENTENCE_SHARE = 0.4
"""Share of the sentences that end with words of the title."""
DEMO = Path(__file__).resolve().parents[1] / "data" / "demo" / "stories.json"


@dataclass(frozen=True, slots=True)
class CorpusArticle:
    """A generated article. `published` is Unix time in seconds, `feed` a number below `FEEDS`."""

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
        """The URL, which is unique in the corpus."""
        return f"https://feed{self.feed}.example.org/{self.number}"

    @property
    def source(self) -> str:
        """The name of the outlet."""
        return outlet_name(self.feed)

    @property
    def import_line(self) -> bytes:
        """The article as a line of JSON for `telex import`."""
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
    """Return the name of a feed's outlet."""
    return f"Outlet {feed}"


class LanguageSample:
    """Sample of a language: the words of its titles and texts, in order, and the lengths of its texts in words."""

    def __init__(self, articles: list[dict[str, Any]]) -> None:
        self.titles = [word for article in articles for word in article["title"].split()]
        self.texts = [word for article in articles for word in article["text"].split()]
        self.lengths = [max(20, len(article["text"].split())) for article in articles]

    @cached_property
    def counts(self) -> Counter[str]:
        """The number of occurrences in the texts of each content word, folded (no case or accents)."""
        counts: Counter[str] = Counter()
        for word, count in Counter(self.texts).items():
            for form in text_analysis.tokenize(word):
                if form.isalpha() and not text_analysis.is_stop_word(form):
                    counts[form] += count
        return counts


class Corpus:
    """Generated articles, numbered from 0; those below `size` cover `YEARS` years."""

    def __init__(self, size: int, *, seed: int = 20260930) -> None:
        self.size = size
        self._seed = seed
        self.words = {language: LanguageSample(_load_articles(language)) for language in LANGUAGES}
        self.origin = "the shared articles" if _shared_path("en").exists() else "the demo's stories"

    def __iter__(self) -> Iterator[CorpusArticle]:
        return map(self.article, range(self.size))

    def article(self, number: int) -> CorpusArticle:
        """Return the article with a number. Articles from `size` on are newer than all others."""
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
    """Return a random run of consecutive words."""
    start = int(chance.random() * (len(words) - max_words))
    return words[start : start + min_words + int(chance.random() * (max_words - min_words + 1))]


def _compose_text(words: LanguageSample, title: list[str], chance: random.Random) -> str:
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
