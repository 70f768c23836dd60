"""Features of answer spans, from which `load_span_scorer` predicts the words that answer a question.

Answer spans are the words of a sentence in the form of an answer, such as a number or a name. The features
describe whether a span has the expected type, and where it stands relative to the question's words.
"""

import re
from collections.abc import Iterator
from math import exp, log

from bot.answers.candidates import ArticleAnalysis
from bot.answers.question_analysis import AnalysedQuestion, AnswerType
from bot.answers.question_terms import QuestionTermMatcher
from bot.answers.typed_spans import TypedSpan
from bot.text.words import fold

_WHO_PATTERN = re.compile(r"\b(?:qui|who\w*)\b")
_WHERE_PATTERN = re.compile(r"\b(?:ou|where|pays|ville|city|country|lieu|place)\b")
_PREPOSITION_BEFORE_PATTERN = re.compile(
    r"\b(?:in|at|near|from|à|en|dans|au|aux|chez|vers|près de|depuis)\s$", re.IGNORECASE
)

SPAN_TYPES = (AnswerType.NUMBER, AnswerType.MONEY, AnswerType.TIME, AnswerType.NAME)
"""Types of spans that are an answer themselves; spans of the remaining types ("because") only introduce an answer."""
_PROXIMITY_DECAY_CHARS = 60.0
"""Distance in characters at which a question's word has 1/e of its weight as near a possible answer."""
_ADJACENCY_DECAY_CHARS = 15.0
"""Distance in characters at which a question's word has 1/e of its weight as beside a possible answer."""

SPAN_FEATURE_NAMES = (
    *(f"is {span_type}" for span_type in SPAN_TYPES), *(f"asks {answer_type}" for answer_type in AnswerType),
    "asks other", "asks who", "asks where", "of the kind", "placed",
    "near", "beside", "in sentence", "around", "before it", "of the question", "followed by a term", "words",
    "often", "in title", "place", "begins", "alike in sentence", "headline",
)  # fmt: skip
"""Names of the features of an answer span, in the order of the vector. The model file must list the same names."""


def iter_span_features(
    question: AnalysedQuestion,
    term_matcher: QuestionTermMatcher,
    analysis: ArticleAnalysis,
    sentence_index: int,
) -> Iterator[tuple[TypedSpan, list[float]]]:
    """Yield the answer spans of a sentence with their features; index -1 stands for the headline.

    Spans that consist of the question's own words are left out, because they answer nothing.
    """
    is_headline = sentence_index < 0
    text, sentence = analysis.get_text_and_sentence(sentence_index)
    spans = [span for span in sentence.typed_spans if span.answer_type in SPAN_TYPES]
    if not spans:
        return
    expected_types, folded_question = question.span_types, fold(question.text)
    question_features = [
        *(float(answer_type in question.answer_types) for answer_type in AnswerType),
        float(not question.answer_types),
    ]
    question_features += (
        float(pattern.search(folded_question) is not None) for pattern in (_WHO_PATTERN, _WHERE_PATTERN)
    )
    sentence_offsets_by_term = term_matcher.find_term_offsets([sentence])
    nearby_offsets_by_term = (
        sentence_offsets_by_term
        if is_headline
        else term_matcher.find_term_offsets(analysis.sentences[max(0, sentence_index - 1) : sentence_index + 2])
    )
    sentence_weight_share = term_matcher.compute_weight_share(sentence_offsets_by_term)
    nearby_weight_share = term_matcher.compute_weight_share(
        {*nearby_offsets_by_term, *term_matcher.find_term_offsets([analysis.title])}
    )
    term_offsets = {start for starts_of_term in sentence_offsets_by_term.values() for start in starts_of_term}
    for span in spans:
        tokens_inside = sentence.list_tokens_in(span)
        if tokens_inside and term_offsets.issuperset(token.start for token in tokens_inside):
            continue
        is_after_preposition = _PREPOSITION_BEFORE_PATTERN.search(text, max(0, span.start - 10), span.start) is not None
        next_token = next((token for token in sentence.tokens if token.start >= span.end), None)
        proximity = adjacency = weight_before = 0.0
        for term_index, term_starts in nearby_offsets_by_term.items():
            distance = min(_compute_distance(span, start) for start in term_starts)
            proximity += term_matcher.term_weights[term_index] * exp(-distance / _PROXIMITY_DECAY_CHARS)
            adjacency += term_matcher.term_weights[term_index] * exp(-distance / _ADJACENCY_DECAY_CHARS)
            weight_before += term_matcher.term_weights[term_index] * any(
                start < span.start for start in sentence_offsets_by_term.get(term_index, ())
            )
        features = [
            *(float(span.answer_type is span_type) for span_type in SPAN_TYPES),
            *question_features,
            float(span.answer_type in expected_types),  # "of the kind"
            float(is_after_preposition),  # "placed"
            proximity / term_matcher.total_weight,
            adjacency / term_matcher.total_weight,
            sentence_weight_share,
            nearby_weight_share,
            weight_before / term_matcher.total_weight,
            sum(token.start in term_offsets for token in tokens_inside) / (len(tokens_inside) or 1),
            float(sum(token.start in term_offsets for token in (*tokens_inside[-1:], next_token) if token is not None)),
            log(1 + len(tokens_inside)),  # "words"
            log(1 + analysis.text.count(span.text)),  # "often"
            float(span.text in analysis.article.title),
            log(2 + sentence_index) / 4,  # "place"
            float(span.start == sentence.start),
            float(sum(other_span.answer_type is span.answer_type for other_span in spans)),
            float(is_headline),
        ]
        yield span, features


def _compute_distance(span: TypedSpan, start: int) -> int:
    """Return the distance in characters between a span and the start of a word; 0 inside the span and at its end."""
    return max(span.start - start, start - span.end, 0)
