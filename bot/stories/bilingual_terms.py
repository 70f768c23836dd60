"""Translations of words and names of the news between English and French, as index terms."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache

from babel import Locale

from bot import DATA
from bot.search.index import text_analysis

TermSet = frozenset[str]
"""Set of index terms: words of articles as the search index stores them."""


def translate_terms(terms: Iterable[str]) -> TermSet:
    """Return the dictionary's translations of index terms, between English and French."""
    translations_by_term = _load_translations()
    return frozenset().union(*(translations_by_term.get(term, ()) for term in terms))


def translate_names(terms: TermSet) -> TermSet:
    """Return the translated names of the countries, languages and acronyms that `terms` name.

    Names are translated between English and French, and returned as index terms.
    """
    translated_terms: set[str] = set()
    for english_terms, french_terms in _load_name_pairs():
        if english_terms <= terms:
            translated_terms |= french_terms
        if french_terms <= terms:
            translated_terms |= english_terms
    return frozenset(translated_terms)


@cache
def _load_translations() -> dict[str, TermSet]:
    """Return the translations of index terms by term, from English to French and from French to English."""
    translations_by_term: defaultdict[str, set[str]] = defaultdict(set)
    for english_words, french_words in _read_pairs("bilingual_words.txt"):
        english_terms, french_terms = (
            text_analysis.stem_tokens(english_words, "en"),
            text_analysis.stem_tokens(french_words, "fr"),
        )
        for term in english_terms:
            translations_by_term[term].update(french_terms)
        for term in french_terms:
            translations_by_term[term].update(english_terms)
    return {term: frozenset(translated_terms - {term}) for term, translated_terms in translations_by_term.items()}


@cache
def _load_name_pairs() -> tuple[tuple[TermSet, TermSet], ...]:
    """Return pairs of a name's index terms in English and in French."""
    english_locale, french_locale = Locale("en"), Locale("fr")
    name_pairs = [
        (str(english_names[code]), str(french_names[code]))
        for english_names, french_names in (
            (english_locale.territories, french_locale.territories),
            (english_locale.languages, french_locale.languages),
        )
        for code in english_names
        if code in french_names and not str(code).isdigit()
    ]
    for english_line, french_line in _read_pairs("bilingual_names.txt"):
        name_pairs += [
            (english_name, french_name) for english_name in english_line.split() for french_name in french_line.split()
        ]
    term_pairs = [
        (
            frozenset(text_analysis.stem_tokens(english_text, "en")),
            frozenset(text_analysis.stem_tokens(french_text, "fr")),
        )
        for english_text, french_text in name_pairs
    ]
    return tuple(
        (english_terms, french_terms)
        for english_terms, french_terms in term_pairs
        if english_terms and french_terms and english_terms != french_terms
    )


def _read_pairs(filename: str) -> Iterator[tuple[str, str]]:
    """Yield the English and the French part of each line of a dictionary file, which `|` separates."""
    for line in (DATA / filename).read_text("utf-8").splitlines():
        if not line.startswith("#"):
            english_part, french_part = line.split("|")
            yield english_part, french_part
