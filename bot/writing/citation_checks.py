"""Checks by rule of what a model wrote: citations, numbers and dates, links, echoes of the prompt, language.

They reject only what is certainly wrong. Whether a passage supports a sentence is for `sentence_verifier`.
"""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol

from bot.core import i18n
from bot.core.models import Article
from bot.search.index import text_analysis
from bot.text import discord_text, excerpts
from bot.text.language import detect_language
from bot.text.words import fold
from bot.writing import checkable_facts
from bot.writing.checkable_facts import CheckableFacts
from bot.writing.model_tasks import Prompt, UnusableReply, strip_reasoning

MAX_ANSWER_SENTENCES = 4
"""Maximum number of sentences of an answer."""
SCAN_CHUNK_LENGTH = 2_000
"""Length in characters of the chunks in which a text is searched.

A regular-expression search blocks all threads, for milliseconds in a chunk.
"""
SCAN_CHUNK_OVERLAP = 200
"""Length in characters of the text that two chunks share, so that a match across their border is found."""
MAX_SENTENCE_LENGTH = 400
"""Maximum length in characters of a generated sentence; longer sentences are dropped."""
ECHO_WORD_COUNT = 7
"""Number of consecutive words of the instructions that a reply may not repeat."""
MAX_UNCHECKED_COUNT = 10
"""Largest number in letters ("three") that is not looked for in the passages, as it may count what a passage lists."""

_COMPARED_FACT_PATTERN = re.compile(r"day \d+|month|weekday|time|release")
"""Pattern of the kinds of facts that are compared with the passages: days, months, times of day, versions."""
_CITATION_PATTERN = re.compile(r"(?:\s*[\[【]\s*\d{1,3}(?:\s*[,;]\s*\d{1,3})*\s*[\]】])+\s*[.!?…]?")
_NUMBER_PATTERN = re.compile(r"\d+")
_LINK_PATTERN = re.compile(r"https?:|www\.|\w\.\w+/|discord\.gg|<[@#:/!]|@\w|\]\(", re.IGNORECASE)
_MARKUP_PATTERN = re.compile(r"^\s*(?:[-*•>]|#+|\d{1,2}[.)])\s+|[*`~|<>\\]|__+")
_INJECTION_PATTERN = re.compile(
    r"\b(?:ignor\w*|disregard|forget|override|bypass|oubli\w+)\b[\s\S]{0,60}"
    r"\b(?:instruct\w+|prompts?|rules?|guidelines|consignes?|regles|above|previous|precedent\w*|ci-dessus)\b"
    r"|\b(?:system|developer|hidden) (?:prompt|message|instructions?)\b|\b(?:prompt|message) systeme\b"
    r"|\byou are (?:now|an? (?:ai|assistant|language model|chatbot))\b|\b(?:as|comme) (?:an ai|une ia)\b"
    r"|\b(?:vous etes|tu es) (?:desormais|maintenant|une ia|un assistant)\b"
    r"|\bend of (?:the )?(?:passages?|quotes?|untrusted)\b|\bfin d(?:es|u) passages?\b"
    r"|<\|?/?(?:im_start|im_end|system|endoftext|passages?|assistant|think)\b|\[/?inst\]|<<sys>>"
    r"|(?:^|\n)\W*(?:assistant|system|user|human)\s*:"
)


class Passage(Protocol):
    """Passage of an article that a language model is shown."""

    @property
    def text(self) -> str:
        """Text of the passage."""
        ...

    @property
    def article(self) -> Article:
        """Article that the passage is from."""
        ...


class ArticlePassage(NamedTuple):
    """Simplest kind of passage: a text and the article that it is from."""

    text: str
    article: Article


class Sentence(NamedTuple):
    """Generated sentence. `citations` are the 1-based numbers of the passages that support it."""

    text: str
    citations: tuple[int, ...]


def contains_prompt_injection(text: str) -> bool:
    """Return whether a text contains instructions to a language model, which must then not be shown it."""
    chunks = (
        text[start : start + SCAN_CHUNK_LENGTH + SCAN_CHUNK_OVERLAP] for start in range(0, len(text), SCAN_CHUNK_LENGTH)
    )
    return any(_INJECTION_PATTERN.search(fold(chunk)) for chunk in chunks)


def check_reply(reply: str, prompt: Prompt) -> str:
    """Return what a model wrote for people, without its reasoning.

    Raises UnusableReply if the text is too long, repeats the prompt or has instructions to a model.
    """
    text = strip_reasoning(reply)
    if prompt.boundary in text or _repeats_instructions(text, prompt.instructions):
        raise UnusableReply("a reply that repeats the prompt")
    if contains_prompt_injection(text):
        raise UnusableReply("a reply with instructions to a model")
    return text


def check_language(text: str, language: str | None) -> None:
    """Raise UnusableReply if a text is not in a language (ISO 639-1), or, for None, in any that Telex speaks.

    A text whose language is unclear passes.
    """
    if detect_language(_CITATION_PATTERN.sub("", text)) not in {None, *((language,) if language else i18n.LANGUAGES)}:
        raise UnusableReply("a reply in another language")


def extract_cited_sentences(text: str, shown_texts: Sequence[str], language: str | None) -> tuple[Sentence, ...]:
    """Return the sentences of an answer that pass the checks by rule, at most `MAX_ANSWER_SENTENCES`.

    `shown_texts` are the passages as the model was shown them. A sentence passes if it has no link, cites only
    passages that exist by their 1-based numbers, at least one, is at most `MAX_SENTENCE_LENGTH` long, and every number
    and date in it, except small numbers in letters, is in some passage.
    """
    known_facts = _merge_facts(shown_texts)
    sentences = [
        Sentence(sentence_text, citations)
        for sentence_text, citations in split_cited_sentences(text)
        if citations
        and 1 <= min(citations) <= max(citations) <= len(shown_texts)
        and len(sentence_text) <= MAX_SENTENCE_LENGTH
        and not _exceeds_known_facts(sentence_text, known_facts, language)
    ]
    return tuple(sentences[:MAX_ANSWER_SENTENCES])


def extract_plain_sentences(text: str, shown_texts: Sequence[str], language: str | None) -> tuple[str, ...]:
    """Return the sentences of a text that pass the checks by rule, without any citations.

    `shown_texts` are the passages as the model was shown them. A sentence passes if it has no link, is at most
    `MAX_SENTENCE_LENGTH` long, and every number and date in it, except small numbers in letters, is in some passage.
    """
    known_facts = _merge_facts(shown_texts)
    return tuple(
        sentence
        for line in clean_lines(text)
        for sentence in excerpts.split_sentences(_CITATION_PATTERN.sub("", line))
        if len(sentence) <= MAX_SENTENCE_LENGTH
        and not _LINK_PATTERN.search(sentence)
        and not _exceeds_known_facts(sentence, known_facts, language)
    )


def has_all_facts_and_names(sentence: str, cited_texts: Sequence[str], language: str | None) -> bool:
    """Return whether every number, date and name of a sentence is in the passages that it cites.

    The passages must be in the language of the sentence. A word with a capital is a name, except stop words, and the
    first word of the sentence if the passages have it in any form.
    """
    facts, cited_facts = (
        checkable_facts.extract_facts(sentence, language),
        checkable_facts.extract_facts("\n".join(cited_texts)),
    )
    if checkable_facts.has_unsupported_fact(facts, cited_facts):
        return False
    words = frozenset(word for text in cited_texts for word in text_analysis.tokenize(text))
    stems = frozenset(stem for text in cited_texts for stem in text_analysis.stem_tokens(text, language))
    for index, (word, start, end) in enumerate(text_analysis.find_token_spans(sentence)):
        is_name = any(map(str.isupper, sentence[start:end])) and not text_analysis.is_stop_word(word)
        if is_name and word not in words and (index or stems.isdisjoint(text_analysis.find_query_stems(word))):
            return False
    return True


def has_unknown_fact(text: str, shown_texts: Sequence[str], language: str | None) -> bool:
    """Return whether a text has a number or date that is in no passage, except small numbers in letters.

    `language` is the text's ISO 639-1 code, or None if unknown.
    """
    return _exceeds_known_facts(text, _merge_facts(shown_texts), language)


def has_link(text: str) -> bool:
    """Return whether a text has a link or a mention."""
    return _LINK_PATTERN.search(text) is not None


def has_all_numbers(translation: str, original: str) -> bool:
    """Return whether a translation has every number that its original has in digits."""
    numbers_in_digits = {Decimal(match) for match in _NUMBER_PATTERN.findall(original)}
    written_numbers = [
        possible_values
        for possible_values in checkable_facts.extract_facts(original).numbers
        if not numbers_in_digits.isdisjoint(possible_values)
    ]
    translated_facts = _merge_facts([translation])
    return not checkable_facts.has_unsupported_fact(
        CheckableFacts(tuple(written_numbers), frozenset()), translated_facts
    )


def clean_lines(text: str) -> list[str]:
    """Return the non-blank lines of a text without markup."""
    lines = (_MARKUP_PATTERN.sub("", line).strip() for line in text.splitlines())
    return [line for line in lines if line]


def _merge_facts(texts: Sequence[str]) -> CheckableFacts:
    """Return the facts of texts in any language together, with numbers within words, such as 2 in "S2"."""
    text = "\n".join(texts)
    facts = checkable_facts.extract_facts(text)
    numbers_in_digits = frozenset(Decimal(match) for match in _NUMBER_PATTERN.findall(text))
    return facts._replace(numbers=(*facts.numbers, numbers_in_digits))


def _exceeds_known_facts(text: str, known_facts: CheckableFacts, language: str | None) -> bool:
    """Return whether a text has a number or date that the known facts lack.

    A unit is not compared, because a translation may use another; nor is the year of a month, which may follow from the
    date of an article. A small number in letters may be a count of what a passage lists,
    so it is not compared either.
    """
    facts = checkable_facts.extract_facts(text, language)
    numbers_in_digits = {Decimal(match) for match in _NUMBER_PATTERN.findall(text)}
    return checkable_facts.has_unsupported_fact(
        CheckableFacts(
            tuple(
                possible_values
                for possible_values in facts.numbers
                if min(possible_values) > MAX_UNCHECKED_COUNT or not numbers_in_digits.isdisjoint(possible_values)
            ),
            frozenset(fact_pair for fact_pair in facts.fact_pairs if _COMPARED_FACT_PATTERN.fullmatch(fact_pair[0])),
        ),
        known_facts,
    )


def _repeats_instructions(text: str, instructions: str) -> bool:
    """Return whether a text has `ECHO_WORD_COUNT` consecutive words of the instructions."""
    words, instruction_words = text_analysis.tokenize(text), text_analysis.tokenize(instructions)
    word_sequences = {
        tuple(words[start : start + ECHO_WORD_COUNT]) for start in range(len(words) - ECHO_WORD_COUNT + 1)
    }
    return any(
        tuple(instruction_words[start : start + ECHO_WORD_COUNT]) in word_sequences
        for start in range(len(instruction_words) - ECHO_WORD_COUNT + 1)
    )


def split_cited_sentences(text: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield each sentence that has a citation, without markup, and the numbers it cites.

    Sentences with links are left out.
    """
    position = 0
    for match in _CITATION_PATTERN.finditer(text):
        sentences_before = excerpts.split_sentences(text[position : match.start()])
        position = match.end()
        if not sentences_before or _LINK_PATTERN.search(sentences_before[-1]):
            continue
        sentence = discord_text.to_plain_line(_MARKUP_PATTERN.sub("", sentences_before[-1])).strip()
        if not sentence:
            continue
        if sentence[-1] not in ".!?…»”":
            sentence += "."
        yield sentence, tuple(dict.fromkeys(int(number) for number in _NUMBER_PATTERN.findall(match[0])))
