"""Suggestions of the next question: short questions that the articles just shown answer surely.

A suggestion asks who or what is behind a name that an article introduces, or how many of something there are. Before a
question is suggested, the bot answers it itself, and the answer has to be the words from which the question was made.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence

from bot.answers.answer_model import Answer
from bot.answers.question_analysis import AnswerType
from bot.answers.typed_spans import TypedSpan, find_typed_spans, has_time
from bot.core.models import Article
from bot.search.index import text_analysis
from bot.text import excerpts

MAX_SUGGESTIONS = 2
"""Maximum number of questions that are suggested."""
MAX_SUGGESTION_LENGTH = 40
"""Maximum length in characters of a suggested question."""
MAX_TRIED_QUESTIONS = 4
"""Maximum number of possible questions that are answered to find suggestions."""
MAX_CHARS_READ = 4_000
"""Maximum number of characters of an article that are searched for something to ask about."""

_INTRODUCTION_PATTERN = re.compile(
    r", (?:(?:an?|the|its|une?|la|le|les|son|sa|co-?found\w+|fond\w+|direct\w+|chief|head|présid\w+) "
    r"|l[’'](?!an?\b|ont\b|avai))[^,.;:()]{6,}[,.;]"
)
"""Pattern of the words after a name that say who or what it is, as in "Ada Byron, a mathematician,"."""
_PERSON_PATTERN = re.compile(
    r"\b(?:develop|engineer|research|found|direct|chief|president|minister|author|professor|spokes|head|lawyer|editor"
    r"|analyst|scientist|journalis|senator|member|fondat|présid|ministre|chercheu|ingénieu|profess|avocat|porte-parole"
    r"|patron|auteur|autrice|maire|déput|chef|développeu|PDG|CEO)"
)
_ROLE_PATTERNS = {
    "en": re.compile(r"\b(?P<owner>its|the company[’']s) (?P<role>[a-z-]+(?: [a-z-]+)?),? \Z", re.IGNORECASE),
    "fr": re.compile(r"\b(?P<owner>son|sa) (?P<role>[a-zà-ÿ-]+(?: [a-zà-ÿ-]+)?),? \Z", re.IGNORECASE),
}
"""Patterns of the words before a name that say what a person is, as in "its chief executive, Ada Byron"."""
_COUNTED_NOUN_PATTERNS = {
    "en": re.compile(
        r"(?:[\d.,]+|[A-Za-z]+)(?: (?:million|billion|thousand))?(?: of)? (?P<noun>(?:[A-Za-z]+ )?[a-z]{3,}s)\b"
    ),
    "fr": re.compile(
        r"(?:[\d., \u00a0\u202f]*\d|[A-Za-z]+)(?: (?:millions?|milliards?|milliers?))?(?: de| d[’'])?"
        r"[ \u00a0]?(?P<noun>[a-zà-ÿœ]{3,}[sx])\b"
    ),
}
_UNIT_PATTERN = re.compile(
    r"\b(?:seconds|milliseconds|minutes|hours|days|weeks|months|years|decades|times|euros|dollars|pounds|cents|degrees"
    r"|points|miles|metres|meters|kilometres|secondes|heures|jours|semaines|mois|ans|années|fois|degrés|mètres"
    r"|kilomètres|tonnes|grammes|kilos|millions|milliards|milliers|this|that|has|was|is|his|its|plus|dans|pas|sous|vers"
    r"|puis|alors|ceux|deux|trois|dix|les|des|aux|hours?)\b"
)
"""Pattern of units and little words. A number with such a word after it does not count things to ask about."""
_PART_PATTERN = re.compile(r"(?:[\w-]|\b(?:the|these|those|its|les|ces|ses|leurs) )\Z", re.IGNORECASE)
"""Pattern of the text before a number to which no question is made.

Such a number belongs to a name ("iPhone-15"), or counts things that the text has named before ("these 15 ...").
"""
_WHO_TEMPLATES = {"en": "Who is {name}?", "fr": "Qui est {name} ?"}
_WHAT_TEMPLATES = {"en": "What is {name}?", "fr": "Qu’est-ce que {name} ?"}
_COUNT_TEMPLATES = {"en": "How many {noun}?", "fr": "Combien {noun} ?"}


async def suggest_questions(
    answer: Answer, language: str, try_question: Callable[[str], Awaitable[Answer]]
) -> tuple[str, ...]:
    """Return at most `MAX_SUGGESTIONS` questions that the articles of a sure answer surely answer, too.

    `try_question` returns the answer to a question that follows in the conversation. There are no suggestions for a
    briefing or an answer that is not sure.
    """
    if not answer.is_answered or answer.briefing:
        return ()
    shown_articles = list({quote.article.id: quote.article for quote in answer.shown_quotes}.values())
    shown_text = " ".join(" ".join(quote.sentences) or quote.text for quote in answer.shown_quotes)
    suggestions: list[str] = []
    words_by_question = dict(_iter_questions(answer.question, shown_text, shown_articles, language))
    for question, expected_words in list(words_by_question.items())[:MAX_TRIED_QUESTIONS]:
        if _is_worth_asking(await try_question(question), expected_words, shown_articles):
            suggestions.append(question)
        if len(suggestions) == MAX_SUGGESTIONS:
            break
    return tuple(suggestions)


def _is_worth_asking(trial_answer: Answer, expected_words: str, shown_articles: Sequence[Article]) -> bool:
    """Return whether a question is answered surely, by the expected words of one of the shown articles."""
    if not trial_answer.is_answered:
        return False
    quote = trial_answer.quotes[0]
    return (
        quote.article.id in {article.id for article in shown_articles}
        and quote.answer_span is not None
        and (expected_words in quote.answer_span or quote.answer_span in expected_words)
    )


def _iter_questions(
    asked_question: str, shown_text: str, articles: Sequence[Article], language: str
) -> Iterator[tuple[str, str]]:
    """Yield questions that articles may answer, with the words that answer each of them.

    These words are not in `shown_text`, which the person has read, and the question is not about words of the question
    that was asked.
    """
    asked_words = set(text_analysis.tokenize(asked_question))
    for article in articles:
        if article.language not in {None, language}:
            continue
        for sentence in excerpts.split_sentences((article.body or article.summary)[:MAX_CHARS_READ]):
            for span in find_typed_spans(sentence):
                question_with_words = _make_question(span, sentence, language)
                if question_with_words is None:
                    continue
                question, expected_words = question_with_words
                if (
                    len(question) <= MAX_SUGGESTION_LENGTH
                    and expected_words not in shown_text
                    and not asked_words.issuperset(text_analysis.tokenize(span.text))
                ):
                    yield question, expected_words


def _make_question(span: TypedSpan, sentence: str, language: str) -> tuple[str, str] | None:
    """Return a question about a name or a number in a sentence, with the words that answer it, or None."""
    if span.answer_type is AnswerType.NAME:
        role_match = _ROLE_PATTERNS[language].search(sentence[: span.start])
        if role_match is not None and _PERSON_PATTERN.search(role_match["role"]):
            grammatical_article = _select_grammatical_article(role_match["owner"].lower(), role_match["role"], language)
            return _WHO_TEMPLATES[language].format(name=grammatical_article + role_match["role"]), span.text
        introduction_match = _INTRODUCTION_PATTERN.match(sentence, span.end)
        if introduction_match is None or has_time(span.text):
            return None
        is_person = " " in span.text and _PERSON_PATTERN.search(introduction_match[0])
        template = (_WHO_TEMPLATES if is_person else _WHAT_TEMPLATES)[language]
        return template.format(name=span.text), introduction_match[0][2:-1]
    if span.answer_type is not AnswerType.NUMBER:
        return None
    count_match = _COUNTED_NOUN_PATTERNS[language].match(sentence, span.start)
    if count_match is None or _PART_PATTERN.search(sentence[: span.start]) or _UNIT_PATTERN.search(count_match["noun"]):
        return None
    noun = count_match["noun"]
    if language == "fr":
        noun = f"d’{noun}" if noun[0] in "aeéèêiîoôuhœy" else f"de {noun}"
    return _COUNT_TEMPLATES[language].format(noun=noun), span.text


def _select_grammatical_article(owner: str, role: str, language: str) -> str:
    """Return the definite article for a role with the space after it; `owner` is the possessive before the role."""
    if language == "en":
        return "the "
    return "l’" if role[0] in "aeéiou" else "la " if owner == "sa" else "le "
