"""The words and names of a title, by their stems: what may rise."""

from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import islice

from babel.dates import get_day_names, get_month_names

from bot.core import i18n
from bot.search.index import text_analysis
from bot.text import discord_text

PhraseKey = tuple[str, ...]
"""A word or name by its stems."""

_MAX_WORDS = 40  # of a title that are read
_MAX_PHRASE_LENGTH = 40  # UTF-16 units of a word or name
_MAX_PHRASE_WORDS = 3  # words
_MIN_WORD_LENGTH = 3  # letters that a word has, unless in capitals
_WORD_JOINERS = frozenset({" ", "-", "\u2010", "\u2011", "\u00a0", "\u202f"})


def iter_phrases(title: str) -> Iterator[tuple[PhraseKey, str]]:
    """The words of a title that say something and the runs of up to three of them, each once."""
    title = discord_text.to_plain_line(title)
    found = [
        (_stem(form), start, end) for form, start, end in islice(text_analysis.token_spans(title), _MAX_WORDS)
    ]
    seen: set[PhraseKey] = set()
    for first, (_stems, start, _end) in enumerate(found):
        key: PhraseKey = ()
        after = start
        for following, begins, ends in found[first : first + _MAX_PHRASE_WORDS]:
            if not following or (key and title[after:begins] not in _WORD_JOINERS):
                break
            key, after, written = (*key, *following), ends, title[start:ends]
            if (
                len(key) == 1
                and len(written) < _MIN_WORD_LENGTH
                and not written.isupper()
                and not written.isdecimal()
            ):
                continue
            # Characters that are newer than Python's tables are no letters to it.
            if (
                key not in seen
                and written.isprintable()
                and discord_text.utf16_length(written) <= _MAX_PHRASE_LENGTH
            ):
                seen.add(key)
                yield key, written


@lru_cache(maxsize=1 << 15)
def _stem(word: str) -> PhraseKey:
    """The stem of a word, the same for names in every language; none of an empty word.

    By the English stemmer alone, since what rises is mostly names, and those are to be one across languages.
    """
    return () if text_analysis.is_stop_word(word) else tuple(text_analysis.stemmed_tokens(word, "en"))


@cache
def _calendar() -> frozenset[str]:
    """The stems of days and months in the languages that Telex speaks."""
    names = [
        name
        for language in i18n.LANGUAGES
        for width in ("wide", "abbreviated")
        for names in (get_day_names(width, locale=language), get_month_names(width, locale=language))
        for name in names.values()
    ]
    return frozenset(stem for name in names for word in text_analysis.tokens(name) for stem in _stem(word))


def is_number_or_date(key: PhraseKey) -> bool:
    """Whether a word is a number alone, or names a day or month, which rise by themselves."""
    return all(stem.isdecimal() or stem in _calendar() for stem in key)
