"""What a question draws from articles: they are read, ordered and weighed, by a worker process."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from bot.news import evidence, ranking
from bot.news.evidence import Passage
from bot.news.finding import Found, Gathered, one_a_page
from bot.news.passages import READ, passages
from bot.news.question import Kind, understood

MOST = 24
"""Passages that are drawn at the most."""
NEEDED = (Kind.NUMBER,)
"""Kinds of question that only a passage with something of the kind answers."""
FURTHER = 2.0  # how much weaker than the first a further quote may be


class Extract(NamedTuple):
    """A passage as it may be quoted. `sentences` are where in the article's text its sentences begin."""

    article_id: int
    text: str
    sentences: frozenset[int]
    points: float


class Drawn(NamedTuple):
    """The ids of the articles, the best first; the passages that may answer, likewise; how sure that is."""

    order: tuple[int, ...]
    extracts: tuple[Extract, ...]
    sureness: float | None

    def quotable(self) -> Iterator[Extract]:
        """The passages that are hardly weaker than the first, each sentence once."""
        seen: set[tuple[int, int]] = set()
        for extract in self.extracts:
            if self.extracts[0].points - extract.points > FURTHER:
                return
            places = {(extract.article_id, start) for start in extract.sentences}
            if seen.isdisjoint(places):
                seen |= places
                yield extract


def read_and_draw(text: str, gathered: Gathered, needed: Collection[Kind], read: int = READ) -> Drawn:
    """Read what was gathered for a question, `read` characters of an article, and draw what it says."""
    return draw(text, gathered, ordered(gathered, read), needed)


def ordered(gathered: Gathered, read: int = READ) -> list[Found]:
    """What was gathered, read, the best first, one a page."""
    scale = ranking.Scale(gathered.wanted, gathered.language)

    def scored() -> Iterator[Found]:
        for each in gathered.found:
            if each.article is not None:
                whole = passages(each.article, read=read)
                lines = [sentence.stems for sentence in whole.sentences]
                score = each.hit.score + scale.score(whole.title, lines, each.article.language)
                yield each._replace(hit=each.hit._replace(score=score), read=whole)

    return one_a_page(gathered.ordered(scored()))


def draw(text: str, gathered: Gathered, found: Sequence[Found], needed: Collection[Kind] = NEEDED) -> Drawn:
    """What a question draws from articles that were read.

    For `needed` kinds of question a passage has to hold something of the kind.
    """
    weighed = evidence.weigh(text, gathered.wanted, found)
    if understood(text).kind in needed:
        weighed = [passage for passage in weighed if passage.features["measure"]]
    return Drawn(
        order=tuple(each.hit.article_id for each in found),
        extracts=tuple(_extract(passage, gathered) for passage in islice(weighed, MOST)),
        sureness=evidence.sureness(weighed) if weighed else None,
    )


def _extract(passage: Passage, gathered: Gathered) -> Extract:
    return Extract(
        passage.read.article.id,
        passage.text(gathered.wanted),
        frozenset(sentence.start for sentence in passage.sentences),
        passage.points,
    )
