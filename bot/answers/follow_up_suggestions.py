"""Suggestions of the next question: short questions that the articles just shown answer surely.

A suggestion asks who or what is behind a name that an article introduces, how many of something there are, or how much
something is. Before a question is suggested, the bot answers it itself, and the answer has to be the words from which
the question was made. Asked in the conversation about that article, the answer with these words is sure.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from bot.answers.answer_model import Answer, Quote
from bot.answers.conversing.follow_up_questions import extract_content_words
from bot.answers.question_analysis import AnswerType
from bot.answers.typed_spans import TypedSpan, find_typed_spans, has_date
from bot.core.models import Article
from bot.text import excerpts

MAX_SUGGESTIONS = 2
"""Maximum number of questions that are suggested."""
MAX_SUGGESTION_LENGTH = 40
"""Maximum length in characters of a suggested question."""
MAX_TRIED_QUESTIONS = 6
"""Maximum number of candidate questions that are answered to find suggestions."""
MAX_CHARS_READ = 4_000
"""Maximum number of characters of an article that are searched for something to ask about."""

_INTRODUCTION_PATTERNS = {
    "en": re.compile(r", (?:an?|the|its|co-?found\w+|found\w+|direct\w+|chief|head) [^,.;:()]{6,}[,.;]"),
    "fr": re.compile(
        r", (?:(?:une?|la|le|les|son|sa|fond\w+|direct\w+|présid\w+) |l[’'](?!an?\b|ont\b|avai))[^,.;:()]{6,}[,.;]"
    ),
}
"""Patterns of the words after a name that say who or what it is, as in "Ada Byron, a mathematician,"."""
_PERSON_PATTERN = re.compile(
    r"\b(?:develop|engineer|research|founder|direct|chief|president|minister|author|professor|spokes|head|lawyer|editor"
    r"|analyst|scientist|journalis|senator|member|fondat|présid|ministre|chercheu|ingénieu|profess|avocat|porte-parole"
    r"|patron|auteur|autrice|maire|déput|chef|développeu|PDG|CEO)"
)
"""Pattern of the beginnings of words for what persons do or are."""
_SUM_PATTERNS = {
    "en": re.compile(r"\ba (?:[a-z]+ )?(?P<noun>[a-z]{3,}) of (?:about |more than |up to )?\Z"),
    "fr": re.compile(
        r"\bun(?P<feminine>e?) (?P<noun>[a-zà-ÿ]{3,}(?: de fonds)?)(?: [a-zà-ÿ]+)? (?:de |d[’']environ )\Z"
    ),
}
"""Patterns of the words before a sum of money that say what it is, as in "a fine of"."""
_COUNTED_NOUN_PATTERNS = {
    "en": re.compile(
        r"(?:[\d.,]+|[A-Za-z]+)(?: (?:million|billion|thousand))?(?: of)? (?P<noun>(?:[A-Za-z]+ )?[a-z]{3,}s)\b"
    ),
    "fr": re.compile(
        r"(?:[\d., \u00a0\u202f]*\d|[A-Za-z]+)(?: (?:millions?|milliards?|milliers?))?(?:(?: de)?[ \u00a0]| d[’'])"
        r"(?P<noun>[a-zà-ÿœ]{3,}[sx])\b"
    ),
}
_NO_SINGLE_NAME_PATTERN = re.compile(r" (?:et|and|&) |^[A-Z][’'][a-zà-ÿœ]")
"""Pattern of several names, or of a French word after an elided one that begins a sentence ("L’adresse")."""
_NO_COUNTED_NOUN_PATTERN = re.compile(
    r"\b(?:seconds|milliseconds|minutes|hours|days|weeks|months|years|decades|times|euros|dollars|pounds|cents|degrees"
    r"|points|miles|metres|meters|kilometres|secondes|heures|jours|semaines|mois|ans|années|fois|degrés|mètres"
    r"|kilomètres|tonnes|grammes|kilos|millions|milliards|milliers|this|that|has|was|is|his|its|plus|dans|pas|sous|vers"
    r"|puis|alors|ceux|deux|trois|dix|les|des|aux)\b"
)
"""Pattern of units and function words. A number with such a word after it does not count things to ask about."""
_NO_COUNT_BEFORE_PATTERN = re.compile(r"(?:[\w-]|\b(?:the|these|those|its|les|ces|ses|leurs) )\Z", re.IGNORECASE)
"""Pattern of the text before a number to which no question is made.

Such a number belongs to a name ("iPhone-15"), or counts things that the text has named before ("these 15 ...").
"""
_QUESTION_TEMPLATES = {
    "en": {
        "who": "Who is {name}?",
        "what": "What is {name}?",
        AnswerType.NUMBER: "How many {name}?",
        AnswerType.MONEY: "How much is {name}?",
    },
    "fr": {
        "who": "Qui est {name} ?",
        "what": "Qu’est-ce que {name} ?",
        AnswerType.NUMBER: "Combien {name} ?",
        AnswerType.MONEY: "De combien est {name} ?",
    },
}
"""Suggested questions by language and kind; `{name}` stands for the name or the noun asked about."""


class SuggestionCandidate(NamedTuple):
    """A question that may be suggested, with the words of an article that answer it."""

    question: str
    answer: str


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
    shown_texts = [" ".join(quote.shown_sentences) or quote.text for quote in answer.shown_quotes]
    shown_text = " ".join([*shown_texts, *(sentence.text for sentence in answer.generated_sentences)])
    candidate_by_question = {
        candidate.question: candidate
        for candidate in _iter_candidates(answer.question, shown_text, shown_articles, language)
    }
    suggested_questions: list[str] = []
    for question, candidate in islice(candidate_by_question.items(), MAX_TRIED_QUESTIONS):
        trial_answer = await try_question(question)
        if (
            trial_answer.is_answered
            and trial_answer.quotes[0].article in shown_articles
            and _has_answer(trial_answer.quotes[0], candidate)
        ):
            suggested_questions.append(question)
        if len(suggested_questions) == MAX_SUGGESTIONS:
            break
    return tuple(suggested_questions)


def is_answered_as_suggested(question: str, quote: Quote) -> bool:
    """Return whether the quoted article suggests a question, and quotes the words from which it is made."""
    return any(
        candidate.question == question and _has_answer(quote, candidate)
        for language in _QUESTION_TEMPLATES
        for candidate in _iter_candidates("", "", [quote.article], language)
    )


def _has_answer(quote: Quote, candidate: SuggestionCandidate) -> bool:
    return any(candidate.answer in sentence for sentence in quote.shown_sentences or (quote.text,))


def _iter_candidates(
    asked_question: str, shown_text: str, articles: Sequence[Article], language: str
) -> Iterator[SuggestionCandidate]:
    """Yield questions that articles may answer with words that are not in `shown_text`, which the person has read.

    A question has other content words than the question that was asked.
    """
    asked_words = set(extract_content_words(asked_question))
    for article in articles:
        if article.language not in {None, language}:
            continue
        for sentence in excerpts.split_sentences((article.body or article.summary)[:MAX_CHARS_READ]):
            spans = list(find_typed_spans(sentence))
            name_ranges = [range(span.start + 1, span.end) for span in spans if span.answer_type is AnswerType.NAME]
            for span in spans:
                if any(span.start in name_range for name_range in name_ranges):
                    continue  # The number in a name counts nothing.
                candidate = _make_candidate(span, sentence, language)
                if (
                    candidate is not None
                    and len(candidate.question) <= MAX_SUGGESTION_LENGTH
                    and candidate.answer not in shown_text
                    and not asked_words.issuperset(extract_content_words(candidate.question))
                ):
                    yield candidate


def _make_candidate(span: TypedSpan, sentence: str, language: str) -> SuggestionCandidate | None:
    """Return the question about a name, number or sum in a sentence, or None."""
    templates = _QUESTION_TEMPLATES[language]
    if span.answer_type is AnswerType.NAME:
        match = _INTRODUCTION_PATTERNS[language].match(sentence, span.end)
        if match is None or has_date(span.text) or _NO_SINGLE_NAME_PATTERN.search(span.text):
            return None
        is_person = " " in span.text and _PERSON_PATTERN.search(match[0])
        return SuggestionCandidate(templates["who" if is_person else "what"].format(name=span.text), match[0][2:-1])
    find_noun = {AnswerType.NUMBER: _find_counted_noun, AnswerType.MONEY: _find_sum_noun}.get(span.answer_type)
    noun = None if find_noun is None else find_noun(span, sentence, language)
    return None if noun is None else SuggestionCandidate(templates[span.answer_type].format(name=noun), span.text)


def _find_counted_noun(span: TypedSpan, sentence: str, language: str) -> str | None:
    """Return what a number counts, as it stands after "how many", or None."""
    noun_match = _COUNTED_NOUN_PATTERNS[language].match(sentence, span.start)
    if noun_match is None or _NO_COUNT_BEFORE_PATTERN.search(sentence[: span.start]):
        return None
    noun = noun_match["noun"]
    if _NO_COUNTED_NOUN_PATTERN.search(noun):
        return None
    if language == "fr":
        return f"d’{noun}" if noun[0] in "aeéèêiîoôuhœy" else f"de {noun}"
    return noun


def _find_sum_noun(span: TypedSpan, sentence: str, language: str) -> str | None:
    """Return what a sum of money is, after its definite article ("the fine"), or None."""
    noun_match = _SUM_PATTERNS[language].search(sentence[: span.start])
    if noun_match is None:
        return None
    noun = noun_match["noun"]
    if language == "fr":
        return f"l’{noun}" if noun[0] in "aeéiouh" else f"{'la' if noun_match['feminine'] else 'le'} {noun}"
    return f"the {noun}"
