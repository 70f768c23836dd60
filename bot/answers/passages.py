"""An article as ranking and answers read it: its title and sentences with their index terms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from bot.core.models import Article
from bot.search.index import analysis
from bot.text import excerpts

READ = 12_000  # characters of a text
BEGINNING = 3  # sentences


@dataclass(frozen=True)
class Sentence:
    """A sentence, where it lies in the text, the number of its paragraph, and its index terms in order."""

    text: str
    start: int
    end: int
    paragraph: int
    stems: tuple[str, ...]

    @cached_property
    def terms(self) -> frozenset[str]:
        """The index terms."""
        return frozenset(self.stems)


@dataclass(frozen=True)
class Passages:
    """The index terms of an article's title, and the sentences of its text."""

    article: Article
    text: str
    title: tuple[str, ...]
    sentences: tuple[Sentence, ...]

    @cached_property
    def terms(self) -> frozenset[str]:
        """The index terms of title and text."""
        return frozenset(self.title).union(*(sentence.terms for sentence in self.sentences))

    def beginning(self, limit: int) -> str:
        """The first sentences, word for word as given, at most so many characters; "" without any."""
        return next(self.stretches(limit, BEGINNING), "")

    def stretches(self, limit: int, most: int | None = None) -> Iterator[str]:
        """The text in stretches of whole sentences, word for word as given, each at most so many characters.

        `most` sentences are in each. Of a sentence that is longer there is the beginning.
        """
        rest = list(self.sentences)
        while rest:
            first = rest[0]
            whole, taken = first.text[:limit].rpartition(" ")[0] if len(first.text) > limit else first.text, 1
            for number, last in enumerate(rest[1:most], 2):
                longer = self.as_given(self.text[first.start : last.end])
                if not 0 < len(longer) <= limit:
                    break
                whole, taken = longer, number
            if whole:
                yield whole
            rest = rest[taken:]

    def as_given(self, stretch: str) -> str:
        """A stretch of the text with the white space of the article as given; "" where it is not there."""
        given = self.article.text
        if stretch in given:
            return stretch
        match = re.search(r"\s+".join(map(re.escape, stretch.split())), given)
        return match[0] if match else ""


def passages(article: Article, *, read: int = READ) -> Passages:
    """Read an article, of a long one the beginning: so many characters."""
    text = (article.body or article.summary)[:read]
    title = tuple(analysis.stems(article.title, article.language))
    sentences = _sentences(text, article.language)
    return Passages(
        article=article,
        text=text,
        title=title,
        sentences=tuple(sentence for sentence in sentences if sentence.stems != title),
    )


def _sentences(text: str, language: str | None) -> Iterator[Sentence]:
    start = 0
    for number, paragraph in enumerate(text.split("\n")):
        position = start
        for sentence in excerpts.sentences(paragraph):
            position = text.index(sentence, position)
            end = position + len(sentence)
            yield Sentence(sentence, position, end, number, tuple(analysis.stems(sentence, language)))
            position = end
        start += len(paragraph) + 1
