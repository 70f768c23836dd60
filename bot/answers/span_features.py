"""Features of answer spans, from which `load_span_scorer` predicts the words that answer a question.

Answer spans are the words of a sentence in the form of an answer, such as a number or a name. The features
describe whether a span has the expected type, and where it stands relative to the question's words.
"""

from collections.abc import Iterator
from math import exp, log

from bot.answers.candidates import ArticleAnalysis
from bot.answers.question_analysis import AnalysedQuestion, AnswerType
from bot.answers.question_terms import QuestionTermMatcher
from bot.answers.typed_spans import TypedSpan

SPAN_TYPES = (AnswerType.NUMBER, AnswerType.MONEY, AnswerType.TIME, AnswerType.NAME)
"""Types of spans that are an answer themselves; spans of the remaining types ("because") only introduce an answer."""
_PROXIMITY_DECAY_CHARS = 60.0
"""Distance in characters at which a question's word has 1/e of its weight as near a possible answer."""
_ADJACENCY_DECAY_CHARS = 15.0
"""Distance in characters at which a question's word has 1/e of its weight as beside a possible answer."""

SPAN_FEATURE_NAMES = (
    *(f"is {span_type}" for span_type in SPAN_TYPES),
    "asks other", "of the kind", "near", "beside", "around", "words", "often",
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
    _, sentence = analysis.get_text_and_sentence(sentence_index)
    nearby_sentences = analysis.sentences[max(0, sentence_index - 1) : sentence_index + 2]
    offsets_by_term = term_matcher.find_term_offsets([sentence] if sentence_index < 0 else nearby_sentences)
    nearby_weight_share = term_matcher.compute_weight_share(
        {*offsets_by_term, *term_matcher.find_term_offsets([analysis.title])}
    )
    for span in sentence.typed_spans:
        tokens = sentence.list_tokens_in(span)
        question_token_count = sum(bool(term_matcher.find_matching_term_indexes(token.stem)) for token in tokens)
        if span.answer_type not in SPAN_TYPES or (tokens and question_token_count == len(tokens)):
            continue
        proximity = adjacency = 0.0
        for term_index, term_starts in offsets_by_term.items():
            distance = min(max(span.start - start, start - span.end, 0) for start in term_starts)
            proximity += term_matcher.term_weights[term_index] * exp(-distance / _PROXIMITY_DECAY_CHARS)
            adjacency += term_matcher.term_weights[term_index] * exp(-distance / _ADJACENCY_DECAY_CHARS)
        features = [
            *(float(span.answer_type is span_type) for span_type in SPAN_TYPES),
            float(not question.answer_types),  # "asks other"
            float(span.answer_type in question.span_types),  # "of the kind"
            proximity / term_matcher.total_weight,
            adjacency / term_matcher.total_weight,
            nearby_weight_share,
            log(1 + len(tokens)),
            log(1 + analysis.text.count(span.text)),
        ]
        yield span, features
