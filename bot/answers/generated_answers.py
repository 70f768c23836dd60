"""Answers that a language model writes from passages, limited to what the passages support."""

from collections.abc import Callable, Mapping, Sequence

from bot.answers.answer_model import MAX_QUOTES, Answer, Confidence, Quote
from bot.answers.candidate_features import has_expected_span
from bot.answers.candidate_scoring import ScoredCandidate
from bot.answers.question_analysis import AnalysedQuestion
from bot.core import i18n
from bot.core.models import Article
from bot.search.index import text_analysis
from bot.writing.answer_writer import MAX_PASSAGES, AnswerWriter
from bot.writing.citation_checks import Sentence

DraftCallback = Callable[[Answer], None]
"""Function that receives each draft of an answer while the answer is being generated."""


async def generate_answer(
    question: AnalysedQuestion,
    candidates: Sequence[ScoredCandidate],
    article_by_id: Mapping[int, Article],
    confidence: Confidence,
    writer: AnswerWriter,
    on_draft: DraftCallback | None = None,
) -> Answer | None:
    """Return the answer that a model writes, with its cited passages; None if no sentence is supported.

    The text must contain a term of the question, and a number or price if the question expects one. Drafts
    passed to `on_draft` meet these conditions too.
    """
    passages = [
        Quote(candidate.text, article_by_id[candidate.article_id], candidate.shown_excerpt.answer_span)
        for candidate in candidates[:MAX_PASSAGES]
    ]
    language = question.language or i18n.current_language()

    def build_checked_answer(sentences: Sequence[Sentence]) -> Answer | None:
        text = " ".join(sentence.text for sentence in sentences)
        stems = frozenset(text_analysis.stem_tokens(text, language))
        if all(term.stems.isdisjoint(stems) for term in question.terms) or not has_expected_span(question, text):
            return None
        return build_generated_answer(question.text, sentences, passages, confidence)

    def report_draft(sentences: Sequence[Sentence]) -> None:
        draft = build_checked_answer(sentences)
        if draft is not None and on_draft is not None:
            on_draft(draft)

    return build_checked_answer(await writer.write(question.text, passages, language, report_draft))


def build_generated_answer(
    text: str, sentences: Sequence[Sentence], passages: Sequence[Quote], confidence: Confidence
) -> Answer:
    """Build an answer from generated sentences, which cite passages by 1-based number.

    The sources of the answer are the articles of the cited passages, and the citations are renumbered to
    match.
    """
    cited_passages = [
        passages[number - 1]
        for number in dict.fromkeys(
            passage_number for citing_sentence in sentences for passage_number in citing_sentence.citations
        )
    ]
    sources = list({quote.article.id: quote.article for quote in cited_passages}.values())
    source_numbers = {source.id: number for number, source in enumerate(sources, 1)}
    sentences_by_source = tuple(
        Sentence(
            sentence.text,
            tuple(dict.fromkeys(source_numbers[passages[citation - 1].article.id] for citation in sentence.citations)),
        )
        for sentence in sentences
    )
    return Answer(
        question=text,
        confidence=confidence,
        quotes=tuple(cited_passages[:MAX_QUOTES]) if confidence is Confidence.SURE else (),
        possible_quotes=tuple(cited_passages[:MAX_QUOTES]) if confidence is Confidence.POSSIBLE else (),
        sources=tuple(sources),
        generated_sentences=sentences_by_source,
    )
