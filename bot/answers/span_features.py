"""Features of answer spans, from which `span_scorer` predicts the words that answer a question.

Candidates are the typed spans of a sentence. The features describe whether a span has the expected type, and
where it stands relative to the question's words.
"""

import re
from collections.abc import Iterator
from math import exp, log

from bot.answers.candidates import ArticleAnalysis
from bot.answers.question_analysis import SPAN_TYPES_BY_ANSWER_TYPE, AnalysedQuestion, AnswerType
from bot.answers.question_terms import QuestionTermMatcher
from bot.answers.typed_spans import TypedSpan
from bot.text.words import fold

_WHO = re.compile(r"\b(?:qui|who\w*)\b")
_WHERE = re.compile(r"\b(?:ou|where|pays|ville|city|country|lieu|place)\b")
_PREPOSITION_BEFORE = re.compile(
    r"\b(?:in|at|near|from|à|en|dans|au|aux|chez|vers|près de|depuis)\s$", re.IGNORECASE
)

SPAN_TYPES = (AnswerType.NUMBER, AnswerType.MONEY, AnswerType.TIME, AnswerType.NAME)
"""Types of spans that are an answer themselves; others only introduce one."""
_NEAR_DECAY_CHARS, _BESIDE_DECAY_CHARS = 60.0, 15.0
"""Distances in characters at which a term's weight drops to 1/e, for proximity and for adjacency."""

NAMES = (
    *(f"is {kind}" for kind in SPAN_TYPES), *(f"asks {kind}" for kind in AnswerType), "asks other",
    "asks who", "asks where", "of the kind", "placed",
    "near", "beside", "in sentence", "around", "before it", "of the question", "followed by a term", "words",
    "often", "in title", "place", "begins", "alike in sentence", "headline",
)  # fmt: skip
"""Names of the features, in order; the model file must list the same."""


def iter_span_features(
    question: AnalysedQuestion, terms: QuestionTermMatcher, analysed: ArticleAnalysis, sentence_index: int
) -> Iterator[tuple[TypedSpan, list[float]]]:
    """Yield the answer spans of a sentence with their features; index -1 stands for the headline."""
    is_title = sentence_index < 0
    line, text = (
        (analysed.title, analysed.article.title)
        if is_title
        else (analysed.sentences[sentence_index], analysed.text)
    )
    forms = [form for form in line.forms if form.kind in SPAN_TYPES]
    if not forms:
        return
    wanted = {kind for asked_for in question.kinds for kind in SPAN_TYPES_BY_ANSWER_TYPE[asked_for]}
    said = fold(question.text)
    asked = [*(float(kind in question.kinds) for kind in AnswerType), float(not question.kinds)]
    asked += (float(pattern.search(said) is not None) for pattern in (_WHO, _WHERE))
    own = terms.term_positions([line])
    places = (
        own
        if is_title
        else terms.term_positions(analysed.sentences[max(0, sentence_index - 1) : sentence_index + 2])
    )
    of_sentence, around = (
        terms.weight_share(own),
        terms.weight_share({*places, *terms.term_positions([analysed.title])}),
    )
    starts = {start for found in own.values() for start in found}
    for form in forms:
        inside = [word for word in line.words if form.start <= word.start < form.end]
        if inside and starts.issuperset(word.start for word in inside):
            continue  # A span that consists of the question's own words answers nothing.
        following = next((word for word in line.words if word.start >= form.end), None)
        near = beside = before = 0.0
        for term, found in places.items():
            distance = min(_distance(form, start) for start in found)
            near += terms.weights[term] * exp(-distance / _NEAR_DECAY_CHARS)
            beside += terms.weights[term] * exp(-distance / _BESIDE_DECAY_CHARS)
            before += terms.weights[term] * any(start < form.start for start in own.get(term, ()))
        features = [
            *(float(form.kind is kind) for kind in SPAN_TYPES),
            *asked,
            float(form.kind in wanted),
            float(_PREPOSITION_BEFORE.search(text, max(0, form.start - 10), form.start) is not None),
            near / terms.total_weight,
            beside / terms.total_weight,
            of_sentence,
            around,
            before / terms.total_weight,
            sum(word.start in starts for word in inside) / (len(inside) or 1),
            float(sum(word.start in starts for word in (*inside[-1:], following) if word is not None)),
            log(1 + len(inside)),
            log(1 + analysed.text.count(form.text)),
            float(form.text in analysed.article.title),
            log(2 + sentence_index) / 4,
            float(form.start == line.start),
            float(sum(other.kind is form.kind for other in forms)),
            float(is_title),
        ]
        yield form, features


def _distance(form: TypedSpan, start: int) -> int:
    """Return the distance in characters between a span and a word; 0 inside the span."""
    return max(form.start - start, start - form.end, 0)
