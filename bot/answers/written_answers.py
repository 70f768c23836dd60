"""Answers that a model wrote from passages, as far as they hold."""

from collections.abc import Callable, Mapping, Sequence

from bot.answers.answer_model import QUOTES, Answer, Quote, Tier
from bot.answers.features import has_form
from bot.answers.judging import Judged
from bot.answers.understanding import Question
from bot.core import locale
from bot.core.models import Article
from bot.search.index import analysis
from bot.writing.citations import Sentence
from bot.writing.model_writer import PASSAGES, Writer

Told = Callable[[Answer], None]
"""Called with an answer that is being written, again and again."""


async def written_answer(
    question: Question,
    judged: Sequence[Judged],
    articles: Mapping[int, Article],
    tier: Tier,
    writer: Writer,
    told: Told | None = None,
) -> Answer | None:
    """The answer as the model wrote it, with the passages that it cites; None when none of it holds.

    It must speak of what was asked, and hold a number where a number was asked for, a price for a price.
    So must what `told` hears of it while it is being written.
    """
    shown = [Quote(each.text, articles[each.article_id], each.marked) for each in judged[:PASSAGES]]
    language = question.language or locale.current()

    def answer(sentences: Sequence[Sentence]) -> Answer | None:
        said = " ".join(sentence.text for sentence in sentences)
        words = frozenset(analysis.stems(said, language))
        if all(term.stems.isdisjoint(words) for term in question.terms) or not has_form(question, said):
            return None
        return as_answer(question.text, sentences, shown, tier)

    def hear(sentences: Sequence[Sentence]) -> None:
        draft = answer(sentences)
        if draft is not None and told is not None:
            told(draft)

    return answer(await writer.write(question.text, shown, language, hear))


def as_answer(text: str, sentences: Sequence[Sentence], shown: Sequence[Quote], tier: Tier) -> Answer:
    """Sentences that cite passages as an answer whose sources they cite; its tier is that of the passages."""
    cited = [shown[number - 1] for number in dict.fromkeys(n for each in sentences for n in each.cites)]
    sources = list({quote.article.id: quote.article for quote in cited}.values())
    places = {source.id: number for number, source in enumerate(sources, 1)}
    written = tuple(
        Sentence(each.text, tuple(dict.fromkeys(places[shown[n - 1].article.id] for n in each.cites)))
        for each in sentences
    )
    return Answer(
        question=text,
        tier=tier,
        quotes=tuple(cited[:QUOTES]) if tier is Tier.SURE else (),
        possible=tuple(cited[:QUOTES]) if tier is Tier.POSSIBLE else (),
        sources=tuple(sources),
        written=written,
    )
