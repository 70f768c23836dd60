"""Suggestions of the next question: short questions that the articles just shown answer surely.

A suggestion asks who or what somebody is whom an article introduces, or for the time, the sum, the duration or the
reason that its answer left out. Each is tried on the engine first, as if it had been pressed.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence

from bot.answers.answer_model import Answer
from bot.answers.question_analysis import AnswerType, find_answer_types
from bot.answers.typed_spans import find_typed_spans
from bot.core.models import Article
from bot.search.index import text_analysis
from bot.text import excerpts

MAX_SUGGESTIONS = 2
"""Maximum number of questions that are suggested."""
MAX_SUGGESTION_LENGTH = 40
"""Maximum length in characters of a suggested question."""
MAX_TRIED_QUESTIONS = 4
"""Maximum number of questions that are tried on the engine."""
MAX_CHARS_READ = 4_000
"""Maximum number of characters of an article that are searched for something to ask about."""

_INTRODUCTION_PATTERN = re.compile(
    r", (?:an?|the|its|une?|la|le|les|son|sa|co-?found\w+|fond\w+|direct\w+|chief|head|présid\w+) [^,.;:()]{6,}[,.;]"
    r"|, l[’'][^,.;:()]{6,}[,.;]"
)
_PERSON_PATTERN = re.compile(
    r"\b(?:develop|engineer|research|found|direct|chief|president|minister|author|professor|spokes|head|lawyer|editor"
    r"|analyst|scientist|journalis|senator|member|fondat|présid|ministre|chercheu|ingénieu|profess|avocat|porte-parole"
    r"|patron|auteur|autrice|maire|déput|chef|développeu|PDG|CEO)"
)
_DURATION_PATTERN = re.compile(r"\b(?:hours?|days?|weeks?|months?|years?|heures?|jours?|semaines?|mois|ans?|années?)\b")
_WHO_TEMPLATES = {"en": "Who is {name}?", "fr": "Qui est {name} ?"}
_WHAT_TEMPLATES = {"en": "What is {name}?", "fr": "Qu’est-ce que {name} ?"}
_TYPE_QUESTIONS = {
    "en": {
        AnswerType.REASON: "Why?",
        AnswerType.TIME: "When was that?",
        AnswerType.MONEY: "How much money?",
        AnswerType.NUMBER: "For how long?",
    },
    "fr": {
        AnswerType.REASON: "Pourquoi ?",
        AnswerType.TIME: "C’était quand ?",
        AnswerType.MONEY: "Quel montant ?",
        AnswerType.NUMBER: "Pendant combien de temps ?",
    },
}


async def suggest_questions(
    answer: Answer, language: str, try_question: Callable[[str], Awaitable[Answer]]
) -> tuple[str, ...]:
    """Return at most `MAX_SUGGESTIONS` questions that the articles of a sure answer answer surely too.

    `try_question` answers a question as the next one of the conversation.
    """
    if not answer.is_answered or answer.briefing:
        return ()
    shown_articles = list({quote.article.id: quote.article for quote in answer.shown_quotes}.values())
    shown_text = " ".join(
        " ".join(quote.sentences) or quote.text for quote in (*answer.shown_quotes, *answer.superseded_quotes)
    )
    suggestions: list[str] = []
    for question in list(_iter_questions(answer.question, shown_text, shown_articles, language))[:MAX_TRIED_QUESTIONS]:
        trial_answer = await try_question(question)
        if _is_worth_asking(trial_answer, shown_articles, shown_text):
            suggestions.append(question)
        if len(suggestions) == MAX_SUGGESTIONS:
            break
    return tuple(suggestions)


def _is_worth_asking(trial_answer: Answer, shown_articles: Sequence[Article], shown_text: str) -> bool:
    """Return whether a question is answered surely, by words of the shown articles that were not shown."""
    if not trial_answer.is_answered:
        return False
    quote = trial_answer.quotes[0]
    return (
        quote.article.id in {article.id for article in shown_articles}
        and quote.answer_span is not None
        and quote.answer_span not in shown_text
    )


def _iter_questions(asked_question: str, shown_text: str, articles: Sequence[Article], language: str) -> Iterator[str]:
    """Yield the questions that articles may answer, apart from the one that was asked."""
    asked_words = set(text_analysis.tokenize(asked_question))
    for article in articles:
        text = (article.body or article.summary)[:MAX_CHARS_READ]
        for name, introduction in _iter_introduced_names(text):
            is_person = " " in name and _PERSON_PATTERN.search(introduction)
            template = (_WHO_TEMPLATES if is_person else _WHAT_TEMPLATES)[language]
            question = template.format(name=name)
            if len(question) <= MAX_SUGGESTION_LENGTH and not asked_words.issuperset(text_analysis.tokenize(name)):
                yield question
    asked_types = find_answer_types(" ".join(text_analysis.tokenize(asked_question)))
    for answer_type, question in _TYPE_QUESTIONS[language].items():
        if answer_type not in asked_types and any(
            span.answer_type is answer_type
            and span.text not in shown_text
            and (answer_type is not AnswerType.NUMBER or _DURATION_PATTERN.search(span.text))
            for article in articles
            for span in find_typed_spans((article.body or article.summary)[:MAX_CHARS_READ])
        ):
            yield question


def _iter_introduced_names(text: str) -> Iterator[tuple[str, str]]:
    """Yield the names that a text introduces, as in "Ada Byron, a mathematician", with the introduction."""
    for sentence in excerpts.split_sentences(text):
        for span in find_typed_spans(sentence):
            if span.answer_type is AnswerType.NAME and (
                introduction := _INTRODUCTION_PATTERN.match(sentence, span.end)
            ):
                yield span.text, introduction[0]
