"""What a question draws from articles: they are read, ordered and weighed, by a worker process."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from bot.answers import departures, descriptions, foreign_passages, scoring
from bot.answers.question_analysis import Kind, understood
from bot.answers.scoring import Passage, Rated
from bot.search import ranking
from bot.search.passages import READ, passages
from bot.search.ranking import Sought
from bot.search.retrieval import Found, Gathered, one_a_page
from bot.text import terms

MOST = 16
"""Passages that are drawn at the most."""
NEEDED = (Kind.NUMBER,)
"""Kinds of question that only a passage with something of the kind answers."""
FOREIGN = 3  # articles in the other language whose passages are looked at,
WINDOWS = 6  # so many of each,
LEAST = 0.2  # and the cosine of question and article that they need
FURTHER = 2.0  # how much weaker than the first a further quote may be


class Extract(NamedTuple):
    """A passage as it may be quoted, and what was counted in it.

    `sentences` are where in the article's text its sentences begin, which was `published` at that moment.
    """

    rated: Rated
    text: str
    sentences: frozenset[int]
    published: int


class Drawn(NamedTuple):
    """The ids of the articles, the best first; the passages that may answer, likewise; how sure that is."""

    order: tuple[int, ...]
    extracts: tuple[Extract, ...]
    sureness: float | None
    foreign: tuple[Extract, ...] = ()  # passages in the other language, of the articles nearest in meaning
    newest_first: bool = False  # where what was told earlier may no longer be so

    def quotable(self) -> Iterator[Extract]:
        """The passages that are hardly weaker than the first, each sentence once."""
        seen: set[tuple[int, int]] = set()
        best = self.extracts[0].rated.points if self.extracts else 0.0
        close = [extract for extract in self.extracts if best - extract.rated.points <= FURTHER]
        if self.newest_first:
            close.sort(key=lambda extract: -extract.published)
        for extract in close:
            places = {(extract.rated.article_id, start) for start in extract.sentences}
            if seen.isdisjoint(places):
                seen |= places
                yield extract

    def says_outright(self) -> bool:
        """Whether a sentence of the first passage says outright what was asked."""
        return bool(self.extracts and self.extracts[0].rated.features.get("outright"))

    def holding(self, words: Sequence[Sought], language: str | None) -> Drawn:
        """The same without the passages, in this language, that have none of these words."""

        def holds(extract: Extract) -> bool:
            found = frozenset(terms.stems(extract.text, language))
            return any(word.match(found) for word in words)

        extracts = tuple(filter(holds, self.extracts))
        rated = [extract.rated for extract in extracts]
        return self._replace(extracts=extracts, sureness=scoring.sureness(rated) if rated else None)

    def in_meaning(self, cosines: Sequence[float]) -> Drawn:
        """The same, when it is known how alike in meaning the first passages are to the question."""
        rated = [
            extract._replace(
                rated=extract.rated._replace(
                    points=scoring.in_meaning(extract.rated.points, cosine), cosine=cosine
                )
            )
            for extract, cosine in zip(self.extracts, cosines, strict=False)
        ]
        if not rated:
            return self
        rated.sort(key=lambda extract: -extract.rated.points)
        sureness = scoring.sureness([extract.rated for extract in rated])
        return self._replace(extracts=tuple(rated), sureness=sureness)

    def across(self, cosines: Sequence[float]) -> Drawn:
        """What the passages in the other language say, by how alike each is to the question in meaning."""
        rated = []
        for extract, cosine in zip(self.foreign, cosines, strict=True):
            features = extract.rated.features | {"cosine": cosine}
            points = foreign_passages.foreign_points(features)
            rated.append(extract._replace(rated=extract.rated._replace(features=features, points=points)))
        rated.sort(key=lambda extract: -extract.rated.points)
        best = rated[0].rated
        own = [extract.rated.cosine or 0.0 for extract in self.extracts]
        others = [each.rated.features["cosine"] for each in rated if each.rated.article_id != best.article_id]
        ahead = best.features["cosine"] - max([*own, *others], default=0.0)
        best.features["ahead in meaning"] = ahead
        return self._replace(extracts=(rated[0],), sureness=foreign_passages.foreign_sureness(best.features))


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
    text = descriptions.in_capitals(text, (each.read.text for each in found if each.read))
    weighed = scoring.weigh(text, gathered.wanted, found)
    asked = understood(text)
    if asked.now:
        read = [each.read for each in found[: scoring.ARTICLES] if each.read]
        weighed = departures.still_so(weighed, read, terms.words(text))
    if asked.kind in needed:
        weighed = [passage for passage in weighed if passage.features["measure"]]
    return Drawn(
        order=tuple(each.hit.article_id for each in found),
        extracts=tuple(_extract(passage, gathered) for passage in islice(weighed, MOST)),
        sureness=scoring.sureness(list(map(_rated, weighed))) if weighed else None,
        foreign=tuple(_foreign(text, gathered, found)),
        newest_first=asked.now,
    )


def _foreign(text: str, gathered: Gathered, found: Sequence[Found]) -> Iterator[Extract]:
    """Passages of the articles in the other language that mean most nearly what is asked."""
    cosines, asked = gathered.near.cosines, frozenset(terms.words(text))
    others = [
        each.read
        for each in found
        if each.read and gathered.language and each.read.article.language not in {gathered.language, None}
    ]
    others = [read for read in others if cosines.get(read.article.id, 0.0) >= LEAST]
    others.sort(key=lambda read: -cosines[read.article.id])
    for read in others[:FOREIGN]:
        for passage in foreign_passages.foreign(gathered.wanted, understood(text), asked, read, WINDOWS):
            passage.features["article's cosine"] = cosines[read.article.id]
            yield _extract(passage, gathered)


def _extract(passage: Passage, gathered: Gathered) -> Extract:
    return Extract(
        _rated(passage),
        passage.text(gathered.wanted),
        frozenset(sentence.start for sentence in passage.sentences),
        passage.read.article.published,
    )


def _rated(passage: Passage) -> Rated:
    return Rated(passage.read.article.id, passage.features, passage.points)
