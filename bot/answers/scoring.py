"""Which passage answers a question best, and how sure that is: two weighted sums over what can be counted.

The weights are logistic regressions on half of the questions of `tests/benchmarks/answers_quality.py`, the
first to tell the passage that answers from others, the second to tell a right answer from the best passage
of a store that holds none. `tests/benchmarks/answers_fit.py` made those without meaning. Those of what is
counted and of causes were set by hand, with both halves in view: few questions tell of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bot.answers import belonging, descriptions, introductions, numbers, offices, question_analysis
from bot.answers.question_analysis import Kind, Question
from bot.search.passages import Passages, Sentence
from bot.search.ranking import NAME, Sought, overlap, together
from bot.search.retrieval import Found
from bot.text import excerpts, terms

LONGEST = 400  # characters of a quote
ARTICLES = 12  # the best, whose passages are weighed

USUAL_LEAD = 2.8  # of the best passage before those of other articles, where there are none
MOST_LEAD = 4.0
HELD = 0.15  # how much of the words something of the kind asked for outweighs in a sentence
OUTRIGHT = (Kind.LEADER, Kind.DEFINITION)  # kinds whose answer a sentence may say outright
RAREST = 7.6  # a word of no article in a thousand; in larger stores no word tells more
USUAL_AHEAD = 0.4  # of the best article before the next, likewise

# What tells the passage that answers. Shares are weighted by how much each word tells.
_CHOICE = {
    "one": -6.84,
    "passage": -1.72,
    "with title": 3.68,
    "sentence": -0.92,
    "title": -1.17,
    "kind in sentence": 0.71,
    "together": 1.11,
    "length": 0.34,
    "behind": 1.23,
    "rank": 2.55,
    "as written": 1.71,
    "triples": 1.07,
    "rare": 0.91,
    "measure": 0.13,
    "reason": 0.94,
    "counted": 0.6,
}
# What tells a right answer.
_SURENESS = {
    "one": -5.66,
    "points": 0.31,
    "lead": 0.57,
    "with title": -0.04,
    "article": 1.92,
    "names": 1.13,
    "missing": 2.33,
    "as written": 1.15,
    "exact": -2.49,
    "last word": 0.56,
    "rare in article": 1.52,
    "told": 1.42,
    "named": -0.36,
    "absent": -0.79,
    "absent in sentence": -0.46,
    "absent in passage": -1.03,
    "absent in article": 0.8,
    "words": -0.04,
    "length": -0.39,
    "who or where": -0.29,
    "uncounted": -1.25,
    "no cause": -0.25,
}
# The same where it is known how alike question and passage are in meaning ("cosine", "ahead in meaning").
_CHOICE_IN_MEANING = {"one": -1.16, "points": 0.7, "cosine": 3.49}
_SURENESS_IN_MEANING = {
    "one": -6.88,
    "points": 0.44,
    "lead": 0.55,
    "with title": 2.03,
    "article": 0.05,
    "names": 0.54,
    "missing": 2.63,
    "as written": 0.64,
    "triples": 0.52,
    "rare in article": 1.85,
    "ahead": -0.11,
    "words": 0.92,
    "length": -0.07,
    "measure": 0.76,
    "measured": -0.76,
    "name": -0.18,
    "who or where": -0.17,
    "uncounted": -1.25,
    "no cause": -0.25,
    "ahead in meaning": 3.06,
}


@dataclass(frozen=True, slots=True)
class Passage:
    """Some sentences of a paragraph, at most as long as a quote may be (a single sentence may be longer)."""

    read: Passages
    sentences: tuple[Sentence, ...]
    features: dict[str, float]
    points: float

    def text(self, wanted: Sequence[Sought]) -> str:
        """The quote: word for word from the article's text, at most 400 characters."""
        start, end = self.sentences[0].start, self.sentences[-1].end
        whole = self.read.text[start:end]
        if "\n" in whole:
            whole = self.read.as_given(whole)
        if len(whole) <= LONGEST:
            return whole
        forms = {form for word in wanted for form in word.exact | word.related}
        marked = excerpts.marks(whole, forms, self.read.article.language)
        return excerpts.stretch(whole, [start for start, _ in marked], LONGEST)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question, made ready to be held against passages."""

    wanted: Sequence[Sought]
    total: float
    question: Question
    words: frozenset[str]
    triples: frozenset[tuple[str, ...]]
    count: int  # words of the question that tell something
    rarity: tuple[float, ...]  # of each word among the articles found, times its weight
    tells: tuple[float, ...]  # how much each word tells, as a part of what the rarest does
    counted: tuple[Sought, ...]  # words of the question for what it counts
    implied: frozenset[str]  # terms that whatever is of the kind says without having them

    @property
    def kind(self) -> Kind:
        return self.question.kind

    def held(self, text: str, title: str) -> bool:
        """Whether a text of this title holds something of the kind that is asked for."""
        if self.question.who:
            return descriptions.introduces(self.question.thing, text, title)
        if self.question.thing:
            return introductions.defines(self.question.thing, text)
        if self.question.counts:
            return numbers.has_count(terms.fold(text), self.words)
        return question_analysis.present(self.kind, text, self.words)

    def counts(self, sentence: Sentence, language: str | None) -> bool:
        """Whether a sentence tells a number of what is counted."""
        things = self.question.counts
        return bool(things) and numbers.counts(things, self.counted, sentence.text, language)

    def introduced(self, sentences: Sequence[Sentence]) -> bool:
        """Whether one of the sentences says itself who it is that is asked for."""
        return any(descriptions.introduces(self.question.thing, sentence.text) for sentence in sentences)

    def lacks_office(self, found: frozenset[str]) -> bool:
        """Whether the question is who holds an office, of which there is not a word here."""
        return any(word.word == self.question.office and not word.match(found) for word in self.wanted)

    def share(self, found: frozenset[str]) -> float:
        return overlap(self.wanted, found) / self.total

    def absent(self, found: frozenset[str]) -> float:
        """How much the words tell that are not here."""
        pairs = zip(self.tells, self.wanted, strict=True)
        return sum(tells * (1 - word.match(found)) for tells, word in pairs)

    def named(self, found: frozenset[str]) -> float:
        """How much the names and numbers tell that are here."""
        pairs = zip(self.tells, self.wanted, strict=True)
        return sum(tells * word.match(found) for tells, word in pairs if word.is_name)

    def rare_share(self, found: frozenset[str]) -> float:
        pairs = zip(self.rarity, self.wanted, strict=True)
        return sum(rarity * word.match(found) for rarity, word in pairs) / sum(self.rarity)


def weigh(text: str, wanted: Sequence[Sought], found: Sequence[Found]) -> list[Passage]:
    """The passages of the best articles that may answer, the best first."""
    found = [each for each in found[:ARTICLES] if each.read is not None]
    if not wanted or not found:
        return []
    asked = _asked(text, wanted, found)
    weighed = [passage for rank, each in enumerate(found) for passage in _weighed(asked, each, rank, found)]
    if any(passage.features["introduced"] for passage in weighed):  # better than by a title alone
        weighed = [passage for passage in weighed if passage.features["introduced"]]
    return sorted(weighed, key=lambda passage: -passage.points)


class Rated(NamedTuple):
    """As much of a passage as tells how sure it is that it answers; `cosine` where its meaning is known."""

    article_id: int
    features: dict[str, float]
    points: float
    cosine: float | None = None


def in_meaning(points: float, cosine: float) -> float:
    """The points of a passage that is as alike to the question, in meaning, as this cosine tells."""
    known = {"one": 1.0, "points": points, "cosine": cosine}
    return sum(weight * known[name] for name, weight in _CHOICE_IN_MEANING.items())


def known_of(rated: Sequence[Rated]) -> dict[str, float]:
    """What is known of the first passage, beside the others. They are the best first."""
    best = rated[0]
    others = [each for each in rated if each.article_id != best.article_id]
    lead = min(best.points - others[0].points if others else USUAL_LEAD, MOST_LEAD)
    if best.features["sentence"] == 1 and best.features["kind in sentence"]:
        lead = max(lead, USUAL_LEAD)  # of what one sentence says whole, others that say it too tell nothing
    known = best.features | {"points": best.points, "lead": lead}
    if best.cosine is not None:
        nearest = max((each.cosine or 0.0 for each in others), default=0.0)
        known["ahead in meaning"] = best.cosine - nearest
    return known


def sureness(rated: Sequence[Rated]) -> float:
    """How sure it is that the first passage answers: the logarithm of the odds. They are the best first."""
    known = known_of(rated)
    weights = _SURENESS if rated[0].cosine is None else _SURENESS_IN_MEANING
    return sum(weight * known[name] for name, weight in weights.items())


def _asked(text: str, wanted: Sequence[Sought], found: Sequence[Found]) -> _Asked:
    asked = question_analysis.understood(text)
    if asked.kind in (Kind.PERSON, Kind.LEADER):
        wanted = [word._replace(exact=word.exact | introductions.same_office(word.exact)) for word in wanted]
    holders = [each.read.terms for each in found if each.read]
    rarity = tuple(
        word.weight * math.log(1 + len(holders) / (0.5 + sum(1 for held in holders if word.match(held))))
        for word in wanted
    )
    words = terms.words(text)
    return _Asked(
        wanted=wanted,
        total=sum(word.weight for word in wanted),
        question=asked,
        words=frozenset(words),
        triples=frozenset(zip(words, words[1:], words[2:], strict=False)),
        count=sum(1 for word in set(words) if terms.alternatives(word)),
        rarity=rarity,
        tells=tuple(min(word.weight / (NAME if word.is_name else 1) / RAREST, 1.0) for word in wanted),
        counted=tuple(word for word in wanted if word.word in asked.counts),
        implied=frozenset[str]().union(*(word.exact for word in wanted if word.word in asked.implied)),
    )


def _weighed(asked: _Asked, each: Found, rank: int, found: Sequence[Found]) -> Iterator[Passage]:
    read = each.read
    if read is None or asked.lacks_office(read.terms):
        return
    held = [asked.held(sentence.text, read.article.title) for sentence in read.sentences]
    lines = [
        sentence.terms | asked.implied if is_held else sentence.terms
        for sentence, is_held in zip(read.sentences, held, strict=True)
    ]
    counts = [asked.counts(sentence, read.article.language) for sentence in read.sentences]
    shares = [asked.share(line) for line in lines]
    whole = read.terms | asked.implied if any(held) else read.terms
    names = [word for word in asked.wanted if word.is_name]
    named = sum(word.weight for word in names)
    missing = (word.weight for word in asked.wanted if not word.match(whole))
    title = frozenset(read.title)
    article = {
        "one": 1.0,
        "told": sum(asked.tells),
        "absent in article": asked.absent(whole),
        "named": asked.named(whole),
        "article": asked.share(whole),
        "title": asked.share(title),
        "names": overlap(names, whole) / named if named else 1.0,
        "missing": max(missing, default=0.0) / asked.total,
        "rare in article": asked.rare_share(whole),
        "behind": each.hit.score - found[0].hit.score,
        "rank": 1 / (1 + rank),
        "ahead": found[0].hit.score - found[1].hit.score if len(found) > 1 else USUAL_AHEAD,
        "words": math.log(asked.count),
    }
    for first, last in read.windows(LONGEST):
        best = max(range(first, last + 1), key=lambda number: shares[number] + HELD * held[number])
        if any(shares[first : last + 1]):
            sentences = read.sentences[first : last + 1]
            held_by = frozenset[str]().union(*lines[first : last + 1])
            features = article | _features(asked, read, sentences, held_by, shares[best])
            features["kind in sentence"] = float(held[best])
            features["absent in sentence"] = asked.absent(title | lines[best])
            features["uncounted"] = float(bool(asked.question.counts) and not any(counts[first : last + 1]))
            features["counted"] = float(any(counts[first : last + 1]))
            outright = asked.kind in OUTRIGHT or asked.question.held
            features["outright"] = float(outright and held[best] and not features["absent in sentence"])
            features["introduced"] = float(asked.question.who and asked.introduced(sentences))
            formed = asked.kind in question_analysis.FORMED or asked.question.who
            if formed and not any(held[first : last + 1]):
                continue
            if asked.question.office and not offices.told(asked.question, read, first, last):
                continue
            if asked.kind in (Kind.PRICE, Kind.AGE) and not belonging.told(
                asked.question, asked.wanted, read, held, first, last
            ):
                continue
            if asked.question.life and not any(
                question_analysis.tells_life(asked.question.life, sentence.text) for sentence in sentences
            ):
                continue
            points = sum(weight * features[name] for name, weight in _CHOICE.items())
            yield Passage(read, sentences, features, points)


def _features(
    asked: _Asked, read: Passages, sentences: Sequence[Sentence], found: frozenset[str], best: float
) -> dict[str, float]:
    text = read.text[sentences[0].start : sentences[-1].end]
    words = terms.words(text)
    triples = set(zip(words, words[1:], words[2:], strict=False))
    held = asked.held(text, read.article.title)
    return {
        "passage": asked.share(found),
        "with title": asked.share(found.union(read.title)),
        "absent": asked.absent(found.union(read.title)),
        "absent in passage": asked.absent(found),
        "exact": sum(word.weight for word in asked.wanted if word.match(found) == 1) / asked.total,
        "last word": asked.wanted[-1].match(found),
        "sentence": best,
        "rare": asked.rare_share(found),
        "as written": sum(word.weight for word in asked.wanted if word.word in set(words)) / asked.total,
        "triples": min(len(asked.triples & triples), 4) / 4,
        "together": max(together(asked.wanted, [sentence.stems]) for sentence in sentences),
        "length": math.log(1 + sum(len(sentence.stems) for sentence in sentences)),
        "measured": float(asked.kind in question_analysis.MEASURED),
        "measure": float(held and asked.kind in question_analysis.MEASURED),
        "reason": float(held and asked.kind is Kind.REASON),
        "no cause": float(asked.kind is Kind.REASON and not question_analysis.may_tell_cause(text)),
        "who or where": float(asked.kind in (Kind.PERSON, Kind.LEADER, Kind.PLACE)),
        "name": float(held and asked.kind in (Kind.PERSON, Kind.PLACE, Kind.NAME)),
    }
