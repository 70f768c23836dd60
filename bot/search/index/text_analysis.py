"""How a text becomes index terms: the engine's own analyzers.

Whoever matches in memory (watches, filters, excerpts) asks here too, so that nobody disagrees with the index.
Three analyses: `words` (every word as it stands), `Terms` (what the index holds: each word as its Snowball
stem in the language of the text, small words marked and as they stand), `stems` (these without small words).
Case and accents never matter.
"""

import codecs
import re
from collections.abc import Collection, Iterable
from functools import cache, lru_cache
from typing import NamedTuple

import tantivy

from bot.text.stopwords import ENGLISH, FRENCH

ANALYSIS_VERSION = 3
"""Of the rules here: an index that others made is made anew."""

MAX_TOKEN_BYTES = 40
"""Bytes of the shortest word that is not looked at, without case and accents."""

STEMMER_LANGUAGES = {
    "ar": "arabic", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "fi": "finnish", "fr": "french", "hu": "hungarian", "it": "italian", "nl": "dutch", "no": "norwegian",
    "pt": "portuguese", "ro": "romanian", "ru": "russian", "sv": "swedish", "tr": "turkish",
}  # fmt: skip
"""The languages with a stemmer, by ISO 639-1; a text in another one is read as English."""

QUERY_LANGUAGES = ("en", "fr")
"""The languages that a query may be in where nobody says so."""

_CUSTOM_STOP_WORDS = {"english": ENGLISH, "french": FRENCH}
"""Lists of our own where the engine's are worth less: English MRR .951 against .961 with XQuAD."""


@cache
def word_analyzer() -> tantivy.TextAnalyzer:
    """The analyzer of `words`."""
    return _base_analyzer().build()


def _name(language: str | None) -> str:
    return STEMMER_LANGUAGES.get(language or "", "english")


_WITHOUT_STOP_WORDS = frozenset({"arabic", "greek", "romanian", "turkish"})
"""Languages of which the engine has a stemmer and no list of small words."""


@cache
def _analyzer_named(name: str) -> tantivy.TextAnalyzer:
    return _with_stemmer(_base_analyzer(), name)


def _with_stemmer(builder: tantivy.TextAnalyzerBuilder, name: str) -> tantivy.TextAnalyzer:
    """Leave out the small words of a language, and what the others end with."""
    if name in _CUSTOM_STOP_WORDS:
        builder = builder.filter(tantivy.Filter.custom_stopword(sorted(_CUSTOM_STOP_WORDS[name])))
    elif name not in _WITHOUT_STOP_WORDS:
        builder = builder.filter(tantivy.Filter.stopword(name))
    return builder.filter(tantivy.Filter.stemmer(name)).build()


def _base_analyzer() -> tantivy.TextAnalyzerBuilder:
    # Accents go before the stemmer sees a word: whoever types none finds the same.
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for step in (
        tantivy.Filter.lowercase(),
        tantivy.Filter.ascii_fold(),
        tantivy.Filter.remove_long(MAX_TOKEN_BYTES),
    ):
        builder = builder.filter(step)
    return builder


STOP_WORD_PREFIX = "_"
"""What the index term of a small word begins with, and no other."""


class TermCache(dict[str, str]):
    """The index term of each word in a language (ISO 639-1, None: unknown), none of one that is too long.

    Those of the first words are remembered, for most of a text's words are those of others.
    """

    def __init__(self, language: str | None) -> None:
        super().__init__()
        words = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace())
        self._analyze = _with_stemmer(words, _name(language)).analyze

    def __missing__(self, word: str) -> str:
        term = (
            "" if len(word) >= MAX_TOKEN_BYTES else next(iter(self._analyze(word)), STOP_WORD_PREFIX + word)
        )
        if len(self) < _MAX_CACHED_TERMS:
            self[word] = term
        return term

    def index_text(self, text: str) -> str:
        """What the index holds of a text, in order, with spaces between."""
        return " ".join(map(self.__getitem__, _tokenize(text)))


_MAX_CACHED_TERMS = 1 << 15  # words of a language: 4 MB


def _encodable(text: str) -> str:
    """The text with marks for lone surrogates, which the engine does not take."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="replace").decode()
    return text


def stemmed_tokens(text: str, language: str | None) -> list[str]:
    """The index terms of a text in order, small words left out."""
    return _analyzer_named(_name(language)).analyze(_encodable(text))


def tokens(text: str) -> list[str]:
    """Every word of a text in order, without case and accents: what phrases are compared by."""
    found = _tokenize(text)
    if len(max(found, key=len, default="")) >= MAX_TOKEN_BYTES:
        return [word for word in found if len(word) < MAX_TOKEN_BYTES]
    return found


def _tokenize(text: str) -> list[str]:
    """The words of a text, some of which may be too long."""
    plain = _tokenize_latin_1(text)
    return word_analyzer().analyze(_encodable(text)) if plain is None else plain.split()


def _tokenize_latin_1(text: str) -> str | None:
    """A text of Latin letters as the engine sees it, a space for all that is not of a word; None of others.

    The engine's own analyzer gives the same words and takes twice the time, most of it to hand them over.
    """
    try:
        letters = text.encode("latin-1", _FOLD_ERROR_HANDLER)
    except UnicodeEncodeError:
        return None
    if not text.isascii():
        for letter, several in _latin_tables().expansions:
            letters = letters.replace(letter, several)
    return letters.translate(_latin_tables().first_letters).decode("latin-1")


class _LatinTables(NamedTuple):
    """What becomes of the letters of Latin-1: the first letter of it by code, and what has several."""

    first_letters: bytes
    expansions: tuple[tuple[bytes, bytes], ...]


@cache
def _latin_tables() -> _LatinTables:
    seen = [_FOLDED_LETTERS[chr(code)].encode("latin-1") for code in range(256)]
    several = ((bytes((code,)), letters) for code, letters in enumerate(seen) if len(letters) > 1)
    return _LatinTables(bytes(letters[0] for letters in seen), tuple(several))


class _FoldedLetters(dict[str, str]):
    """What the engine makes of a letter; a space where it is of no word."""

    def __missing__(self, letter: str) -> str:
        self[letter] = seen = "".join(word_analyzer().analyze(_encodable(letter))) or " "
        return seen


_FOLDED_LETTERS = _FoldedLetters()


def _fold(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    seen = "".join(map(_FOLDED_LETTERS.__getitem__, error.object[error.start : error.end]))
    if not _FOLDED_PATTERN.fullmatch(
        seen
    ):  # a few letters the engine leaves in upper case, or takes for "(1)"
        raise error
    return seen, error.end


_FOLDED_PATTERN = re.compile("[a-z0-9 ]+")
_FOLD_ERROR_HANDLER = "telex.folded"
codecs.register_error(_FOLD_ERROR_HANDLER, _fold)


def stem_spans(text: str, language: str | None) -> list[tuple[str, int, int]]:
    """The `stems` of a text, each with where its word begins and ends, in characters."""
    tokens = _analyzer_named(_name(language)).pre_tokenize(_encodable(text)).tokens
    return [(token.text, token.char_offset_from, token.char_offset_to) for token in tokens]


def find_stem_spans(text: str, language: str | None, wanted: Collection[str]) -> list[tuple[int, int, str]]:
    """Where in a text, in characters, the words begin and end that have one of these `stems`, and which.

    Only words that begin as a stem does, but for its last two letters, are looked at: no stemmer of
    https://snowballstem.org changes more of all but a few irregular words ("dying").
    """
    name = _name(language)
    plain = f" {_fold_same_length(text, language)} "
    found: list[tuple[int, int, str]] = []
    for beginning in _search_prefixes(frozenset(wanted)):
        start = plain.find(beginning)
        while start >= 0:
            end = plain.find(" ", start + 1)
            if (stem := _stem_of(name, text[start : end - 1])) in wanted:
                found.append((start, end - 1, stem))
            start = plain.find(beginning, end)
    found.sort()
    return found


@lru_cache(maxsize=1 << 8)
def _search_prefixes(stems: frozenset[str]) -> tuple[str, ...]:
    """What stands where one of these may, a space before it: none that begins with another."""
    found: list[str] = []
    each = (
        _LIGATURE.split(stem[: max(_MIN_PREFIX_LENGTH, len(stem) - _MAX_SUFFIX_LENGTH)])[0] for stem in stems
    )
    for beginning in sorted(f" {letters}" for letters in each):
        if not (found and beginning.startswith(found[-1])):
            found.append(beginning)
    return tuple(found)


_MIN_PREFIX_LENGTH, _MAX_SUFFIX_LENGTH = (
    2,
    2,
)  # letters of the beginning of a stem, and of its end that may be another in a word
_LIGATURE = re.compile("(?<=[ao])e|(?<=s)s")  # what may be one letter with the one before


_IN_LATIN_1 = frozenset("da de en es fi fr it nl no pt sv".split())
"""Languages all of whose letters but œ are in Latin-1, which is much the fastest to go through."""


def _fold_same_length(text: str, language: str | None) -> str:
    """A text without case and accents, each letter in its place, a space for all that is not of a word."""
    if language in _IN_LATIN_1 or text.isascii():
        shown = text.replace("œ", "o").replace("Œ", "o").encode("latin-1", "replace")
        return shown.translate(_latin_tables().first_letters).decode("latin-1")
    return "".join([_FOLDED_LETTERS[letter][0] for letter in text])


@lru_cache(maxsize=1 << 13)
def _stem_of(name: str, word: str) -> str:
    """The stem of a word as it is written; "" of a small one."""
    return next(iter(_analyzer_named(name).analyze(_encodable(word))), "")


def token_spans(text: str) -> list[tuple[str, int, int]]:
    """The `words` of a text, each with where it begins and ends, in characters."""
    tokens = word_analyzer().pre_tokenize(_encodable(text)).tokens
    return [(token.text, token.char_offset_from, token.char_offset_to) for token in tokens]


@lru_cache(maxsize=1 << 12)
def query_stems(word: str, languages: tuple[str, ...] = QUERY_LANGUAGES) -> frozenset[str]:
    """The index terms that a word of a query may have: its stem in each language in which it says something.

    Empty for a small word of all of them. Of a word that punctuation joined (`covid-19`), those of its parts.
    """
    return frozenset(stem for language in languages for stem in stemmed_tokens(word, language))


def stop_words_in(query_words: Iterable[str], languages: Collection[str] = QUERY_LANGUAGES) -> frozenset[str]:
    """Those words of a query that say nothing in the language it seems to be in.

    That is the language in which most of the words are small; of several, a word that is small in one of them
    counts. `or` is small in "cats or dogs" and gold in "prix de l'or".
    """
    asked = set(query_words)
    small = {code: {word for word in asked if not stemmed_tokens(word, code)} for code in languages}
    most = max(map(len, small.values()), default=0)
    return frozenset(word for found in small.values() if len(found) == most for word in found)


@lru_cache(maxsize=1 << 12)
def is_stop_word(word: str) -> bool:
    """Whether a word says nothing in one of the languages that queries may be in."""
    return not all(stemmed_tokens(word, language) for language in QUERY_LANGUAGES)
