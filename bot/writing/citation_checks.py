"""Checks of generated sentences against the passages that they cite; unsupported ones are dropped.

A sentence is supported if each passage that it cites exists, these passages contain every number, date and
proper name in it, and they contain enough of its other words; words of the question do not count. A reversed
meaning is not detected: counts of words cannot show it.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple, Protocol

from rapidfuzz.distance import Prefix

from bot.core.models import Article
from bot.search.index import text_analysis
from bot.text import discord_text, excerpts
from bot.text.language import detect
from bot.text.words import fold
from bot.writing import checkable_facts
from bot.writing.bilingual_terms import translate_names, translate_terms
from bot.writing.checkable_facts import CheckableFacts

MAX_ANSWER_SENTENCES = 6
"""Maximum number of supported sentences of an answer that are returned."""
SCAN_CHUNK_LENGTH, SCAN_CHUNK_OVERLAP = 2_000, 200
"""Lengths in characters of the chunks in which a text is searched, and of their overlap.

A regular-expression search blocks all threads, for milliseconds in a chunk.
"""
MAX_SENTENCE_LENGTH = 400
"""Maximum length in characters of a generated sentence; longer ones are dropped."""
MIN_SUPPORT = 0.6
"""Minimum share of a generated sentence's words that the cited passages must contain."""
MIN_CROSS_LINGUAL_SUPPORT = 0.35
"""Minimum share of a sentence's words that passages in another language must support.

It is low, since the bilingual dictionary is small.
"""
FAMILY_PREFIX_LENGTH, MIN_SHARED_PREFIX = (
    5,
    0.6,
)
"""Minimum beginning that two words of one family share: in characters, and as a share of the longer word."""

_DICTIONARY_LANGUAGES = frozenset({"en", "fr"})
"""Codes of the languages of the bilingual dictionary."""
_REASONING_PATTERN = re.compile(r"\A\s*<think>.*?(?:</think>|\Z)", re.DOTALL)
_CITATION_PATTERN = re.compile(r"(?:\s*[\[【]\s*\d{1,3}(?:\s*[,;]\s*\d{1,3})*\s*[\]】])+\s*[.!?…]?")
_NUMBER_PATTERN = re.compile(r"\d+")
_LINK_PATTERN = re.compile(r"https?:|www\.|\w\.\w+/|discord\.gg|<[@#:/!]|@\w|\]\(", re.IGNORECASE)
_MARKUP_PATTERN = re.compile(r"^\s*(?:[-*•>]|#+|\d{1,2}[.)])\s+|[*`~|<>\\]|__+")
_DISCOURSE_OPENERS = frozenset(
    """according additionally however moreover furthermore overall meanwhile although despite finally
    today currently recently previously yes no selon malgre toutefois egalement enfin ensuite finalement
    actuellement recemment oui non suite parmi outre concernant pres environ around nearly almost several
    plusieurs certains certaines many""".split()
)
"""Words such as "however" that claim nothing at the start of a sentence."""
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


class _PassageFacts(NamedTuple):
    """Facts, words and names of a passage that generated sentences are checked against."""

    facts: CheckableFacts
    words: frozenset[str]
    terms: frozenset[str]
    namesakes: frozenset[str]  # Terms of its names in the other language
    language: str | None


def contains_prompt_injection(text: str) -> bool:
    """Return whether a text contains instructions to a language model, which must then not be shown it."""
    chunks = (
        text[start : start + SCAN_CHUNK_LENGTH + SCAN_CHUNK_OVERLAP] for start in range(0, len(text), SCAN_CHUNK_LENGTH)
    )
    return any(_INJECTION_PATTERN.search(fold(chunk)) for chunk in chunks)


def filter_supported_sentences(
    generated_text: str, passages: Sequence[Passage], language: str | None, question: str = ""
) -> tuple[Sentence, ...]:
    """Return the generated sentences that the passages they cite support, at most `MAX_ANSWER_SENTENCES`.

    Citations are 1-based numbers into `passages`; `language` is the ISO 639-1 code that the model was asked
    for. Words of `question` need no support.
    """
    question_words = frozenset(text_analysis.tokenize(question))
    passage_facts = [_extract_passage_facts(passage) for passage in passages]
    sentences: list[Sentence] = []
    for text, citations in _split_cited_sentences(generated_text):
        if not citations or max(citations) > len(passage_facts) or min(citations) < 1:
            continue
        if len(text) <= MAX_SENTENCE_LENGTH and _is_supported(
            text, [passage_facts[number - 1] for number in citations], language, question_words
        ):
            sentences.append(Sentence(text, citations))
            if len(sentences) == MAX_ANSWER_SENTENCES:
                break
    return tuple(sentences)


def filter_sentences_supported_by_one(
    generated_text: str, passages: Sequence[Passage], language: str | None
) -> tuple[str, ...]:
    """Return the generated sentences, with or without citations, that a single passage supports.

    Several passages together could support a sentence that mixes up who did what.
    """
    passage_facts = [_extract_passage_facts(passage) for passage in passages]
    return tuple(
        sentence
        for line in clean_lines(generated_text)
        for sentence in excerpts.split_sentences(_CITATION_PATTERN.sub("", line))
        if len(sentence) <= MAX_SENTENCE_LENGTH
        and not _LINK_PATTERN.search(sentence)
        and any(_is_supported(sentence, [facts], language, frozenset()) for facts in passage_facts)
    )


def is_faithful_translation(translation: str, original: Passage, language: str) -> bool:
    """Return whether a text may translate a passage: it has its numbers and dates, and no other names."""
    original_facts = _extract_passage_facts(original)
    translated_facts = checkable_facts.extract_facts(translation, language)
    required_facts = checkable_facts.extract_facts(original.text, original_facts.language)
    # "40 a year" is "40 par an": an article before a unit is no number if the units are equal.
    indefinite_units = {("1", unit) for unit in checkable_facts.extract_time_units(original.text)}
    translated_facts = translated_facts._replace(fact_pairs=translated_facts.fact_pairs - indefinite_units)
    required_facts = required_facts._replace(
        fact_pairs=frozenset(fact for fact in required_facts.fact_pairs if not fact[0][:1].isdecimal())
    )
    if checkable_facts.has_unsupported_fact(
        translated_facts, original_facts.facts
    ) or checkable_facts.has_unsupported_fact(required_facts, translated_facts):
        return False
    if _LINK_PATTERN.search(translation) or detect(translation) not in {None, language}:
        return False
    total_count = matched_count = 0
    for sentence in excerpts.split_sentences(translation):
        word_counts = _count_supported_words(sentence, [original_facts], language, frozenset())
        if word_counts is None:
            return False
        total_count, matched_count = total_count + word_counts[0], matched_count + word_counts[1]
    return (
        not {original_facts.language, language} <= _DICTIONARY_LANGUAGES
        or matched_count >= total_count * MIN_CROSS_LINGUAL_SUPPORT
    )


def clean_lines(generated_text: str) -> list[str]:
    """Return the non-blank lines of a generated text, without the model's reasoning and without markup."""
    lines = (_MARKUP_PATTERN.sub("", line).strip() for line in _REASONING_PATTERN.sub("", generated_text).splitlines())
    return [line for line in lines if line]


def _split_cited_sentences(generated_text: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield each generated sentence that has a citation, without markup, and the numbers it cites.

    Sentences with links are left out.
    """
    generated_text = _REASONING_PATTERN.sub("", generated_text)
    position = 0
    for match in _CITATION_PATTERN.finditer(generated_text):
        sentences_before = excerpts.split_sentences(generated_text[position : match.start()])
        position = match.end()
        if not sentences_before or _LINK_PATTERN.search(sentences_before[-1]):
            continue
        text = discord_text.to_plain_line(_MARKUP_PATTERN.sub("", sentences_before[-1])).strip()
        if text and text[-1] not in ".!?…»”":
            text += "."
        citations = tuple(dict.fromkeys(int(number) for number in _NUMBER_PATTERN.findall(match[0])))
        yield text, citations


def _extract_passage_facts(passage: Passage) -> _PassageFacts:
    article = passage.article
    text = f"{article.title}\n{passage.text}\n{article.outlet}"
    words = frozenset(text_analysis.tokenize(text))
    terms = frozenset(text_analysis.stem_tokens(text, article.language)).union(
        *map(text_analysis.find_query_stems, words)
    )
    return _PassageFacts(
        facts=checkable_facts.extract_facts(text, article.language),
        words=words,
        terms=terms,
        namesakes=translate_names(terms),
        language=article.language or detect(text),
    )


def _is_supported(
    text: str, cited_passages: Sequence[_PassageFacts], language: str | None, question_words: frozenset[str]
) -> bool:
    cited_facts = CheckableFacts(
        tuple(number for number_source in cited_passages for number in number_source.facts.numbers),
        frozenset[tuple[str, str]]().union(*(fact_source.facts.fact_pairs for fact_source in cited_passages)),
    )
    if checkable_facts.has_unsupported_fact(checkable_facts.extract_facts(text, language), cited_facts):
        return False
    is_cross_lingual = all(passage.language != language for passage in cited_passages)
    word_counts = _count_supported_words(text, cited_passages, language, question_words)
    if word_counts is None:
        return False
    total_count, matched_count = word_counts
    return total_count > 0 and matched_count >= total_count * (
        MIN_CROSS_LINGUAL_SUPPORT if is_cross_lingual else MIN_SUPPORT
    )


def _count_supported_words(
    text: str, cited_passages: Sequence[_PassageFacts], language: str | None, question_words: frozenset[str]
) -> tuple[int, int] | None:
    """Return how many words of a sentence claim something, and how many of these the passages support.

    Returns None if the sentence has a name that the passages do not contain.
    """
    words = frozenset[str]().union(*(word_source.words for word_source in cited_passages))
    terms = frozenset[str]().union(*(term_source.terms for term_source in cited_passages))
    is_cross_lingual = all(passage.language != language for passage in cited_passages)
    total_count = matched_count = 0
    for index, (word, start, end) in enumerate(text_analysis.find_token_spans(text)):
        if text_analysis.is_stop_word(word) or checkable_facts.is_number_or_date(word):
            continue
        if index == 0 and word in _DISCOURSE_OPENERS:
            continue
        is_supported = word in words or (is_cross_lingual and _is_translated_name(word, cited_passages, language))
        is_name = any(map(str.isupper, text[start:end])) or any(map(str.isdecimal, word))
        if not is_name or (index == 0 and not any(map(str.isupper, text[start + 1 : end]))):
            is_supported = is_supported or _has_related_term(text_analysis.find_query_stems(word), terms)
        if is_name and not is_supported:
            return None
        if not is_supported and word in question_words:
            continue  # Repeated from the question
        total_count += 1
        matched_count += is_supported
    return total_count, matched_count


def _is_translated_name(word: str, cited_passages: Sequence[_PassageFacts], language: str | None) -> bool:
    """Return whether a passage contains a name in its form in the other language (English or French)."""
    word_forms = text_analysis.find_query_stems(word, (language,) if language else text_analysis.QUERY_LANGUAGES)
    translated_terms = translate_terms(word_forms)
    return any(
        not (word_forms.isdisjoint(passage.namesakes) and translated_terms.isdisjoint(passage.terms))
        for passage in cited_passages
    )


def _has_related_term(word_forms: Collection[str], terms: frozenset[str]) -> bool:
    """Return whether the terms include a form of a word, its translation, or a word of its family."""
    if not terms.isdisjoint(word_forms) or not translate_terms(word_forms).isdisjoint(terms):
        return True
    return any(
        term[:FAMILY_PREFIX_LENGTH] == form[:FAMILY_PREFIX_LENGTH]
        and Prefix.similarity(form, term) >= MIN_SHARED_PREFIX * max(len(form), len(term))
        for form in word_forms
        if len(form) >= FAMILY_PREFIX_LENGTH
        for term in terms
    )
