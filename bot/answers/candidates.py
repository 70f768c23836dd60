"""What may be quoted of an article: its headline, and windows of one to three sentences."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.answers.answer_forms import Form, forms
from bot.answers.answer_model import LONGEST
from bot.core.models import Article
from bot.search.index import analysis
from bot.text import excerpts

SENTENCES = 3
READ = 12_000
"""Characters read of an article."""

_HALF = LONGEST // 2 - 1
_PART = re.compile(
    rf"\S(?:.{{0,{LONGEST - 2}}}\S)?$|\S(?:.{{0,{_HALF - 2}}}\S)?(?=\s)|\S{{1,{_HALF}}}", re.DOTALL
)
"""A sentence, or a part of one that is too long for a quote: two parts beside each other fit in one."""


@dataclass(frozen=True, slots=True)
class Word:
    """An index term of a sentence, and where its word begins in the article's text (or in its title)."""

    stem: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence or a headline: its words, and what in it may be an answer."""

    start: int
    end: int
    words: tuple[Word, ...]
    forms: tuple[Form, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """An article as it is read for an answer."""

    article: Article
    text: str
    title: Line
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stretch of an article that may answer. `number` is that of its first sentence; -1: the headline."""

    reading: Reading
    number: int
    lines: tuple[Line, ...]

    @property
    def is_headline(self) -> bool:
        """Whether it is the article's headline."""
        return self.number < 0

    @property
    def text(self) -> str:
        """Its words, as given but for white space, and cut where a sentence is longer than a quote may be."""
        if self.is_headline:
            return self.reading.article.title[:LONGEST]
        return self.reading.text[self.lines[0].start : self.lines[-1].end]


def read(article: Article) -> Reading:
    """Read an article, of a long one the beginning."""
    text = (article.body or article.summary)[:READ]
    title = _line(article.title, 0, article.language)
    said = [word.stem for word in title.words]
    lines = (line for line in _lines(text, article.language) if [word.stem for word in line.words] != said)
    return Reading(article, text, title, tuple(lines))


def candidates(reading: Reading) -> Iterator[Candidate]:
    """The headline, and from each sentence on as many as fit in a quote, none within another."""
    if reading.article.title:
        yield Candidate(reading, -1, (reading.title,))
    reached = 0
    for number, first in enumerate(reading.lines):
        last = number + 1
        while last < min(number + SENTENCES, len(reading.lines)):
            if reading.lines[last].end - first.start > LONGEST:
                break
            last += 1
        if last > reached:
            reached = last
            yield Candidate(reading, number, reading.lines[number:last])


def _lines(text: str, language: str | None) -> Iterator[Line]:
    position = 0
    for sentence in excerpts.sentences(text):
        start = text.index(sentence, position)
        position = start + len(sentence)
        for match in _PART.finditer(sentence):
            yield _line(match[0], start + match.start(), language)


def _line(text: str, start: int, language: str | None) -> Line:
    return Line(
        start=start,
        end=start + len(text),
        words=tuple(
            Word(stem, start + one, start + two) for stem, one, two in analysis.spans(text, language)
        ),
        forms=tuple(forms(text, start)),
    )
