"""How a text becomes index terms: the engine's own analyzers.

Whoever matches in memory (watches, filters, excerpts) asks here too, so that nobody disagrees with the index.
Three analyses: `words` (every word as it stands), `terms` (what the index holds: each word as its Snowball
stem in the language of the text, small words marked and as they stand), `stems` (these without small words).
Case and accents never matter.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import cache, lru_cache

import tantivy

from bot.text.stopwords import ENGLISH, FRENCH

VERSION = 2
"""Of the rules here: an index that others made is made anew."""

LONGEST = 40
"""Bytes of the longest word that is looked at."""

LANGUAGES = {
    "ar": "arabic", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "fi": "finnish", "fr": "french", "hu": "hungarian", "it": "italian", "nl": "dutch", "no": "norwegian",
    "pt": "portuguese", "ro": "romanian", "ru": "russian", "sv": "swedish", "tr": "turkish",
}  # fmt: skip
"""The languages with a stemmer, by ISO 639-1; a text in another one is read as English."""

ASKED_IN = ("en", "fr")
"""The languages that a query may be in where nobody says so."""

_SMALL = {"english": ENGLISH, "french": FRENCH}
"""Lists of our own where the engine's are worth less: English MRR .951 against .961 with XQuAD."""


@cache
def word_analyzer() -> tantivy.TextAnalyzer:
    """The analyzer of `words`."""
    return _builder().build()


def stem_analyzer(language: str | None) -> tantivy.TextAnalyzer:
    """The analyzer of `stems` for a language (ISO 639-1, None: unknown)."""
    return _analyzer_named(LANGUAGES.get(language or "", "english"))


_WITHOUT_STOP_WORDS = frozenset({"arabic", "greek", "romanian", "turkish"})
"""Languages of which the engine has a stemmer and no list of small words."""


@cache
def _analyzer_named(name: str) -> tantivy.TextAnalyzer:
    builder, small = _builder(), _SMALL.get(name)
    if small is not None:
        builder = builder.filter(tantivy.Filter.custom_stopword(sorted(small)))
    elif name not in _WITHOUT_STOP_WORDS:
        builder = builder.filter(tantivy.Filter.stopword(name))
    return builder.filter(tantivy.Filter.stemmer(name)).build()


def _builder() -> tantivy.TextAnalyzerBuilder:
    # Accents go before the stemmer sees a word: whoever types none finds the same.
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for step in (
        tantivy.Filter.remove_long(LONGEST),
        tantivy.Filter.lowercase(),
        tantivy.Filter.ascii_fold(),
    ):
        builder = builder.filter(step)
    return builder


SMALL = "_"
"""What the index term of a small word begins with, and no other."""
_REMEMBERED = 1 << 14  # words of a language: 3 MB


class _Terms(dict[str, str]):
    """The index terms of a language's words, as far as they were seen."""

    def __init__(self, analyzer: tantivy.TextAnalyzer) -> None:
        self._analyzer = analyzer

    def __missing__(self, word: str) -> str:
        stem = next(iter(self._analyzer.analyze(word)), SMALL + word)
        if len(self) >= _REMEMBERED:
            self.clear()
        self[word] = term = word if stem == word else stem
        return term


@cache
def _terms_named(name: str) -> _Terms:
    return _Terms(_analyzer_named(name))


def _encodable(text: str) -> str:
    """The text with marks for lone surrogates, which the engine does not take."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="replace").decode()
    return text


def stems(text: str, language: str | None) -> list[str]:
    """The index terms of a text in order, small words left out."""
    return stem_analyzer(language).analyze(_encodable(text))


def terms(text: str, language: str | None) -> list[str]:
    """What the index holds of a text, in order."""
    return terms_of(words(text), language)


def terms_of(words: Iterable[str], language: str | None) -> list[str]:
    """What the index holds of some `words` of a text in a language."""
    return list(map(_terms_named(LANGUAGES.get(language or "", "english")).__getitem__, words))


def words(text: str) -> list[str]:
    """Every word of a text in order, without case and accents: what phrases are compared by."""
    return word_analyzer().analyze(_encodable(text))


def spans(text: str, language: str | None) -> list[tuple[str, int, int]]:
    """The `stems` of a text, each with where its word begins and ends, in characters."""
    tokens = stem_analyzer(language).pre_tokenize(_encodable(text)).tokens
    return [(token.text, token.char_offset_from, token.char_offset_to) for token in tokens]


def places(text: str, language: str | None, wanted: Collection[str]) -> list[tuple[int, int, str]]:
    """Where in a text, in characters, the words begin and end that have one of these `stems`, and which.

    Only words that begin as a stem does, but for its last two letters, are looked at: no stemmer of
    https://snowballstem.org changes more of all but a few irregular words ("dying").
    """
    name = LANGUAGES.get(language or "", "english")
    plain = _plain(text, language)
    found: set[tuple[int, int, str]] = set()
    for beginning in _beginnings(frozenset(wanted)):
        at = plain.find(beginning)
        while at >= 0:
            end = at + 1
            if not (at and text[at - 1].isalnum()) and (word := _WORD.match(text, at)):
                end = word.end()
                if (stem := _stem_named(name, word[0])) and stem in wanted:
                    found.add((at, end, stem))
            at = plain.find(beginning, end)
    return sorted(found)


@lru_cache(maxsize=1 << 8)
def _beginnings(stems: frozenset[str]) -> frozenset[str]:
    return frozenset(_LIGATURE.split(stem[: max(_SHORTEST, len(stem) - _ENDING)])[0] for stem in stems)


_WORD = re.compile(r"[^\W_]+")
_SHORTEST, _ENDING = 2, 2  # letters of the beginning of a stem, and of its end that may be another in a word
_LIGATURE = re.compile("(?<=[ao])e|(?<=s)s")  # what may be one letter with the one before


class _Plain(dict[int, str]):
    """The letters without case and accents, each as one: of a ligature the first."""

    def __missing__(self, letter: int) -> str:
        self[letter] = plain = "".join(words(chr(letter)))[:1] or chr(letter)
        return plain


_PLAIN = _Plain()
_IN_LATIN_1 = frozenset("da de en es fi fr it nl no pt sv".split())
"""Languages all of whose letters but œ are in Latin-1, which is much the fastest to go through."""


@cache
def _latin_1() -> bytes:
    return "".join(map(_PLAIN.__getitem__, range(256))).encode("latin-1", "replace")


def _plain(text: str, language: str | None) -> str:
    """A text without case and accents, each letter in its place."""
    if text.isascii():
        return text.lower()
    if language in _IN_LATIN_1:
        shown = text.replace("œ", "o").replace("Œ", "o").encode("latin-1", "replace")
        return shown.translate(_latin_1()).decode("latin-1")
    return text.translate(_PLAIN)


@lru_cache(maxsize=1 << 13)
def _stem_named(name: str, word: str) -> str | None:
    """The stem of a word as it is written; None of a small one."""
    return next(iter(_analyzer_named(name).analyze(_encodable(word))), None)


def word_spans(text: str) -> list[tuple[str, int, int]]:
    """The `words` of a text, each with where it begins and ends, in characters."""
    tokens = word_analyzer().pre_tokenize(_encodable(text)).tokens
    return [(token.text, token.char_offset_from, token.char_offset_to) for token in tokens]


@lru_cache(maxsize=1 << 12)
def query_stems(word: str, languages: tuple[str, ...] = ASKED_IN) -> frozenset[str]:
    """The index terms that a word of a query may have: its stem in each language in which it says something.

    Empty for a small word of all of them. Of a word that punctuation joined (`covid-19`), those of its parts.
    """
    return frozenset(stem for language in languages for stem in stems(word, language))


def small_words(query_words: Iterable[str], languages: Collection[str] = ASKED_IN) -> frozenset[str]:
    """Those words of a query that say nothing in the language it seems to be in.

    That is the language in which most of the words are small; of several, a word that is small in one of them
    counts. `or` is small in "cats or dogs" and gold in "prix de l'or".
    """
    asked = set(query_words)
    small = {code: {word for word in asked if not stems(word, code)} for code in languages}
    most = max(map(len, small.values()), default=0)
    return frozenset(word for found in small.values() if len(found) == most for word in found)


@lru_cache(maxsize=1 << 12)
def is_small(word: str) -> bool:
    """Whether a word says nothing in one of the languages that queries may be in."""
    return not all(stems(word, language) for language in ASKED_IN)
