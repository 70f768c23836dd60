"""Answers that a language model writes from passages, as far as the passages support them."""

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

OnDraft = Callable[[Answer], None]
"""Callback that receives each draft of an answer while it is being generated."""


async def generate_answer(
    question: AnalysedQuestion,
    candidates: Sequence[ScoredCandidate],
    articles: Mapping[int, Article],
    tier: Confidence,
    writer: AnswerWriter,
    on_draft: OnDraft | None = None,
) -> Answer | None:
    """Generate an answer with its cited passages; return None if no sentence is supported.

    The text must contain a term of the question, and a number or price if the question expects one. Drafts
    passed to `on_draft` meet these conditions too.
    """
    shown = [
        Quote(each.text, articles[each.article_id], each.highlighted_span)
        for each in candidates[:MAX_PASSAGES]
    ]
    language = question.language or i18n.current_language()

    def answer(sentences: Sequence[Sentence]) -> Answer | None:
        said = " ".join(sentence.text for sentence in sentences)
        words = frozenset(text_analysis.stemmed_tokens(said, language))
        if all(term.stems.isdisjoint(words) for term in question.terms) or not has_expected_span(
            question, said
        ):
            return None
        return to_answer(question.text, sentences, shown, tier)

    def hear(sentences: Sequence[Sentence]) -> None:
        draft = answer(sentences)
        if draft is not None and on_draft is not None:
            on_draft(draft)

    return answer(await writer.write(question.text, shown, language, hear))


def to_answer(text: str, sentences: Sequence[Sentence], shown: Sequence[Quote], tier: Confidence) -> Answer:
    """Build the answer from generated sentences, which cite passages by 1-based number.

    Its sources are the articles of the cited passages, and the citations are renumbered to them.
    """
    cited = [shown[number - 1] for number in dict.fromkeys(n for each in sentences for n in each.citations)]
    sources = list({quote.article.id: quote.article for quote in cited}.values())
    places = {source.id: number for number, source in enumerate(sources, 1)}
    written = tuple(
        Sentence(each.text, tuple(dict.fromkeys(places[shown[n - 1].article.id] for n in each.citations)))
        for each in sentences
    )
    return Answer(
        question=text,
        confidence=tier,
        quotes=tuple(cited[:MAX_QUOTES]) if tier is Confidence.SURE else (),
        possible_quotes=tuple(cited[:MAX_QUOTES]) if tier is Confidence.POSSIBLE else (),
        sources=tuple(sources),
        written=written,
    )
