"""The words and names of a title, by their stems: what may rise."""

from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import islice

from babel.dates import get_day_names, get_month_names

from bot.core import locale
from bot.search.index import analysis
from bot.text import safe

Key = tuple[str, ...]
"""A word or name by its stems."""

_WORDS = 40  # of a title that are read
_LONGEST = 40  # UTF-16 units of a word or name
_LONGEST_NAME = 3  # words
_SHORT = 3  # letters that a word has, unless in capitals
_JOINTS = frozenset({" ", "-", "\u2010", "\u2011", "\u00a0", "\u202f"})


def runs(title: str) -> Iterator[tuple[Key, str]]:
    """The words of a title that say something and the runs of up to three of them, each once."""
    title = safe.plain(title)
    found = [(_stem(form), start, end) for form, start, end in islice(analysis.word_spans(title), _WORDS)]
    seen: set[Key] = set()
    for first, (_stems, start, _end) in enumerate(found):
        key: Key = ()
        after = start
        for following, begins, ends in found[first : first + _LONGEST_NAME]:
            if not following or (key and title[after:begins] not in _JOINTS):
                break
            key, after, written = (*key, *following), ends, title[start:ends]
            if len(key) == 1 and len(written) < _SHORT and not written.isupper() and not written.isdecimal():
                continue
            # Characters that are newer than Python's tables are no letters to it.
            if key not in seen and written.isprintable() and safe.length(written) <= _LONGEST:
                seen.add(key)
                yield key, written


@lru_cache(maxsize=1 << 15)
def _stem(word: str) -> Key:
    """The stem of a word, the same for names in every language; none of an empty word.

    By the English stemmer alone, since what rises is mostly names, and those are to be one across languages.
    """
    return () if analysis.is_small(word) else tuple(analysis.stems(word, "en"))


@cache
def _calendar() -> frozenset[str]:
    """The stems of days and months in the languages that Telex speaks."""
    names = [
        name
        for language in locale.LANGUAGES
        for width in ("wide", "abbreviated")
        for names in (get_day_names(width, locale=language), get_month_names(width, locale=language))
        for name in names.values()
    ]
    return frozenset(stem for name in names for word in analysis.words(name) for stem in _stem(word))


def is_weak(key: Key) -> bool:
    """Whether a word is a number alone, or names a day or month, which rise by themselves."""
    return all(stem.isdecimal() or stem in _calendar() for stem in key)
