"""Translations of words and names of the news between English and French, as index terms."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache

from babel import Locale

from bot import DATA
from bot.search.index import text_analysis

TermSet = frozenset[str]
"""A set of index terms."""


def translations(terms: Iterable[str]) -> TermSet:
    """Return index terms of the other language with about the same meaning, if the dictionary has any."""
    table = _word_table()
    return frozenset().union(*(table.get(term, ()) for term in terms))


def translated_names(found: TermSet) -> TermSet:
    """Return the terms of the other language's names of the countries, languages and acronyms in `terms`."""
    others: set[str] = set()
    for one, other in _name_table():
        if one <= found:
            others |= other
        if other <= found:
            others |= one
    return frozenset(others)


@cache
def _word_table() -> dict[str, TermSet]:
    """Return the translations of index terms, in both directions."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for english, french in _pairs("bilingual_words.txt"):
        one, other = text_analysis.stemmed_tokens(english, "en"), text_analysis.stemmed_tokens(french, "fr")
        for stem in one:
            found[stem].update(other)
        for stem in other:
            found[stem].update(one)
    return {stem: frozenset(others - {stem}) for stem, others in found.items()}


@cache
def _name_table() -> tuple[tuple[TermSet, TermSet], ...]:
    """Return pairs of the terms of a name in English and in French."""
    english, french = Locale("en"), Locale("fr")
    pairs = [
        (str(names[code]), str(others[code]))
        for names, others in (
            (english.territories, french.territories),
            (english.languages, french.languages),
        )
        for code in names
        if code in others and not str(code).isdigit()
    ]
    for one, other in _pairs("bilingual_names.txt"):
        pairs += [(name, namesake) for name in one.split() for namesake in other.split()]
    found = [
        (
            frozenset(text_analysis.stemmed_tokens(one, "en")),
            frozenset(text_analysis.stemmed_tokens(other, "fr")),
        )
        for one, other in pairs
    ]
    return tuple((one, other) for one, other in found if one and other and one != other)


def _pairs(name: str) -> Iterator[tuple[str, str]]:
    """Yield the English and the French side of each line of a file."""
    for line in (DATA / name).read_text("utf-8").splitlines():
        if not line.startswith("#"):
            english, french = line.split("|")
            yield english, french
