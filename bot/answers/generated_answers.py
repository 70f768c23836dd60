"""Answers that a language model writes from passages of articles, which its sentences cite."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace

from bot.answers.answer_model import MAX_QUOTES, Answer, Confidence
from bot.answers.model_passages import find_passages, quote_cited_sources
from bot.answers.question_analysis import AnalysedQuestion
from bot.answers.question_retrieval import RetrievedArticles
from bot.core import i18n
from bot.search.searching import Searcher
from bot.writing.answer_writer import AnswerWriter
from bot.writing.citation_checks import ArticlePassage, Sentence
from bot.writing.question_rewriter import Conversation, RewrittenQuestion

WritingCallback = Callable[[], None]
"""Function that is called when a model begins to write an answer."""
QuotedAnswer = tuple[AnalysedQuestion, RetrievedArticles, Answer]
"""Question with the articles that were retrieved for it, and the answer with quotes from them."""

MAX_SOURCES = 4
"""Maximum number of articles that a written answer cites; citations of further articles are left out."""


@dataclass(frozen=True, slots=True)
class AnswerGeneration:
    """Writing of an answer by a language model, which must be ready at `deadline`, a time of the event loop.

    The answer counts towards the limit of generated answers of server `server_id`. `on_writing` is called when the
    model begins to write.
    """

    writer: AnswerWriter
    conversation: Conversation
    deadline: float
    server_id: int | None = None
    on_writing: WritingCallback | None = None

    async def improve_answer(
        self, searcher: Searcher, quoting: Awaitable[QuotedAnswer], *, feed_ids: Collection[int] | None
    ) -> Answer:
        """Return the answer that the model writes, or that of `quoting` if no sentence of the model is kept.

        The model rewrites the question while `quoting` runs. Passages are taken from the articles that it retrieves and
        from articles for the rewritten queries. If the model says that the question is not about news, it writes none.
        Raises StoreError.
        """
        rewritten_question, (question, retrieved_articles, quoted_answer) = await asyncio.gather(
            self.writer.rewrite(self.conversation, server_id=self.server_id, deadline=self.deadline), quoting
        )
        rewritten_question = rewritten_question or RewrittenQuestion(queries=())
        if not rewritten_question.is_about_news:
            return quoted_answer
        passages = await find_passages(
            searcher,
            question,
            retrieved_articles,
            rewritten_question.queries,
            feed_ids=feed_ids,
            max_chars=self.writer.max_passage_chars,
            published_range=rewritten_question.published_range,
        )
        answer = await self.write_answer(passages, question.language, quoted_answer)
        if not answer.generated_sentences:
            return answer
        source_by_number = dict(enumerate(answer.sources, 1))
        quotes = await quote_cited_sources(searcher, answer.generated_sentences, source_by_number)
        return replace(answer, quotes=tuple(quotes[:MAX_QUOTES]))

    async def write_answer(
        self, passages: Sequence[ArticlePassage], question_language: str | None, quoted_answer: Answer
    ) -> Answer:
        """Return what the model answers from passages, with the quotes of `quoted_answer`, or that if it fails.

        The answer is in `question_language` (ISO 639-1). The model chooses the language if that is None (unclear) or
        not a language that Telex speaks. If the model finds no answer in the passages, a sure `quoted_answer` becomes a
        possible one, and a possible one none.
        """
        written_answer = await self.writer.write(
            self.conversation,
            passages,
            i18n.supported_language(question_language),
            server_id=self.server_id,
            deadline=self.deadline,
            on_writing=self.on_writing,
        )
        if written_answer.sentences:
            return self._build_answer(written_answer.sentences, passages, quoted_answer)
        if not written_answer.is_refused:
            return quoted_answer
        if quoted_answer.is_answered:
            return replace(quoted_answer, confidence=Confidence.POSSIBLE)
        return Answer(question=quoted_answer.question, related_articles=quoted_answer.related_articles)

    def _build_answer(
        self, sentences: Sequence[Sentence], passages: Sequence[ArticlePassage], quoted_answer: Answer
    ) -> Answer:
        """Build an answer from generated sentences, which cite passages by 1-based number.

        The answer is sure if the model verifies its sentences or the quotes are sure. Its sources are the first
        `MAX_SOURCES` articles of the cited passages. The citations are renumbered to match; a sentence that cites none
        of the sources is left out.
        """
        cited_articles = [passages[number - 1].article for sentence in sentences for number in sentence.citations]
        sources = tuple({article.id: article for article in cited_articles}.values())[:MAX_SOURCES]
        source_number_by_article_id = {source.id: number for number, source in enumerate(sources, 1)}
        renumbered_sentences = []
        for sentence in sentences:
            article_ids = [passages[number - 1].article.id for number in sentence.citations]
            source_numbers = dict.fromkeys(map(source_number_by_article_id.get, article_ids))
            citations = tuple(number for number in source_numbers if number is not None)
            if citations:
                renumbered_sentences.append(Sentence(sentence.text, citations))
        is_sure = self.writer.verifies_sentences or quoted_answer.is_answered
        return Answer(
            question=self.conversation.question,
            confidence=Confidence.SURE if is_sure else Confidence.POSSIBLE,
            quotes=quoted_answer.quotes,
            sources=sources,
            generated_sentences=tuple(renumbered_sentences),
            model_name=self.writer.model_display_name,
        )


def begin_generation(
    writer: AnswerWriter | None,
    conversation: Conversation,
    *,
    server_id: int | None,
    on_writing: WritingCallback | None,
) -> AnswerGeneration | None:
    """Begin to generate an answer, which takes it from the server's allowance of answers.

    Returns None if there is no writer, if its client pauses after a failure, or if the allowance is used up.
    """
    deadline = None if writer is None else writer.begin_answer(server_id)
    if writer is None or deadline is None:
        return None
    return AnswerGeneration(writer, conversation, deadline, server_id, on_writing)
