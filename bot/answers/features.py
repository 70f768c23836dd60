"""What is measured of a candidate before it is judged: nothing here knows a topic, nothing vetoes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import exp, log

from bot.answers.answer_forms import Form, forms
from bot.answers.candidates import Candidate, Reading
from bot.answers.question_terms import Terms
from bot.answers.understanding import ADMITS, FORMED, Kind, Question

_NEAR = 60.0
"""Characters after which a word counts a third of what it counts beside the answer."""
_IN_TITLE = 3  # times that a word of the title counts
_USUAL_LENGTH = 150  # words of an article, small ones left out
_MONTH = 30 * 86_400


class ArticleMeasures:
    """What is measured once an article."""

    def __init__(self, terms: Terms, reading: Reading) -> None:
        self.reading = reading
        in_title, in_text = terms.places([reading.title]), terms.places(reading.lines)
        self.title = set(in_title)
        self.title_family = terms.family([reading.title]) | self.title
        self.in_article = terms.share(self.title.union(in_text))
        self.in_title = terms.share(self.title)
        length = sum(len(line.words) for line in reading.lines)
        self.score = (
            sum(
                weight
                * _saturated(_IN_TITLE * len(in_title.get(number, ())) + len(in_text.get(number, ())), length)
                for number, weight in enumerate(terms.weights)
            )
            / terms.total
        )

    def superseded(self, others: Iterable[ArticleMeasures]) -> float:
        """By how much time the newest of the articles is newer that have as much of the question as this one,
        in their titles as in all they say."""
        newest = max(
            (
                other.reading.article.published
                for other in others
                if other.in_article >= self.in_article and other.in_title >= self.in_title
            ),
            default=0,
        )
        return log(1 + max(0, newest - self.reading.article.published) / _MONTH)


def _saturated(count: int, length: int) -> float:
    """How much a word counts that stands so often in a text of so many words: BM25 with its usual constants.

    Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework" (https://doi.org/10.1561/1500000019).
    The length is held against a constant, so that nothing depends on what else is stored.
    """
    return 2.2 * count / (count + 1.2 * (0.25 + 0.75 * length / _USUAL_LENGTH))


def answering_form(question: Question, terms: Terms, candidate: Candidate) -> tuple[Form | None, float]:
    """What in a candidate is most likely the answer, and how near to the question's words it stands (0 to
    1)."""
    wanted = {form for kind in question.kinds for form in ADMITS[kind]}
    places = terms.places(candidate.lines)
    best, nearness = None, 0.0
    for line in candidate.lines:
        for form in line.forms:
            if form.kind not in wanted:
                continue
            inside = [word for word in line.words if form.start <= word.start < form.end]
            if (
                form.is_answer
                and all(terms.exact(word.stem) for word in inside)
                and (inside or form.kind is Kind.NAME)
            ):
                continue
            near = 0.0
            for number, starts in places.items():
                distance = min(
                    max(form.start - start, start - form.end, 0) if not form.start <= start < form.end else 0
                    for start in starts
                )
                near += terms.weights[number] * exp(-distance / _NEAR)
            near /= terms.total
            if best is None or near > nearness:
                best, nearness = form, near
    return best, nearness


def has_form(question: Question, text: str) -> bool:
    """Whether a text holds something of the form that is asked for, where numbers, sums or dates are."""
    kinds = question.kinds & FORMED
    kinds = frozenset({Kind.MONEY}) if Kind.MONEY in kinds else kinds
    wanted = {form for kind in kinds for form in ADMITS[kind]}
    return not wanted or any(form.kind in wanted for form in forms(text))


NAMES = (
    "in window", "in window or title", "in article", "in title", "family in window or title",
    "together", "bm25", "terms", "unknown", "has form", "lacks form", "near form", "in a sentence",
    "asks number", "asks money", "asks time", "asks name", "asks reason", "asks definition", "asks other",
    "headline", "place", "superseded", "cosine", "article cosine",
)  # fmt: skip
WITH_COSINE = 2
"""How many of them, the last, need the encoder."""


def measure(
    question: Question, terms: Terms, article: ArticleMeasures, candidate: Candidate, superseded: float
) -> list[float]:
    """The features of a candidate, in the order of `NAMES`."""
    places = terms.places(candidate.lines)
    window = set(places)
    family = terms.family(candidate.lines) | window
    form, near = answering_form(question, terms, candidate)
    formed = bool(question.kinds)
    return [
        terms.share(window),
        terms.share(window | article.title),
        article.in_article,
        article.in_title,
        terms.share(family | article.title_family),
        _together(terms, places),
        article.score,
        log(1 + terms.known) / 3,
        1 - terms.known / (len(terms.weights) or 1),
        float(formed and form is not None),
        float(formed and form is None),
        near,
        max(terms.share(terms.places([line])) for line in candidate.lines),
        *(float(kind in question.kinds) for kind in Kind),
        float(not formed),
        float(candidate.is_headline),
        log(1 + max(0, candidate.number)) / 4,
        superseded,
    ]


def _together(terms: Terms, places: Mapping[int, Sequence[int]]) -> float:
    """How near to each other the question's words stand, from 0 to 1: each to its nearest other one."""
    if len(places) <= 1:  # there is no other
        return 0.0
    total = 0.0
    for number, starts in places.items():
        others = [start for other, found in places.items() if other != number for start in found]
        distance = min(abs(start - other) for start in starts for other in others)
        total += terms.weights[number] * exp(-max(0, distance - 8) / _NEAR)
    return total / terms.total
