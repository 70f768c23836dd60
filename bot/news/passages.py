"""An article as ranking and answers read it: the index terms of its title and of each sentence."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from bot.text import excerpts, terms
from bot.words import Article

READ = 12_000  # characters of a text


@dataclass(frozen=True)
class Passages:
    """The title and the sentences of an article, `stems` in step with `sentences`."""

    article: Article
    title: tuple[str, ...]
    sentences: tuple[str, ...]
    stems: tuple[tuple[str, ...], ...]

    @cached_property
    def length(self) -> int:
        """Terms of the text."""
        return sum(map(len, self.stems))


def passages(article: Article) -> Passages:
    """Read an article, of a long one the beginning."""
    sentences = tuple(excerpts.sentences((article.body or article.summary)[:READ]))
    return Passages(
        article=article,
        title=tuple(terms.stems(article.title, article.language)),
        sentences=sentences,
        stems=tuple(tuple(terms.stems(sentence, article.language)) for sentence in sentences),
    )
