"""Words and multi-word names in titles, identified by their stems, as candidates for trends and topics."""

from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import islice

from babel.dates import get_day_names, get_month_names

from bot.core import i18n
from bot.search.index import text_analysis
from bot.text import discord_text

PhraseKey = tuple[str, ...]
"""Key of a word or of a phrase of several words: its stems."""

_MAX_WORDS_READ = 40
"""Maximum number of words of a title that are read."""
_MAX_PHRASE_LENGTH = 40
"""Maximum length of a phrase in UTF-16 code units."""
_MAX_PHRASE_WORDS = 3
"""Maximum number of content words (words that are no stop words) of a phrase."""
_MIN_WORD_LENGTH = 3
"""Minimum length in characters of a single word, unless it is in capitals or a number."""
_WORD_JOINERS = frozenset({" ", "-", "\u2010", "\u2011", "\u00a0", "\u202f"})
"""Characters between two words of one name or phrase: spaces and hyphens."""


def iter_phrases(title: str) -> Iterator[tuple[PhraseKey, str]]:
    """Yield each content word and phrase of a title once: its key, and its spelling in the title.

    A phrase has up to `_MAX_PHRASE_WORDS` content words in sequence. Very short words and long phrases are left out.
    """
    title = discord_text.to_plain_line(title)
    stemmed_tokens = [
        (_compute_stems(word), start, end)
        for word, start, end in islice(text_analysis.find_token_spans(title), _MAX_WORDS_READ)
    ]
    yielded_keys: set[PhraseKey] = set()
    for index, (_stems, start, _end) in enumerate(stemmed_tokens):
        phrase_key: PhraseKey = ()
        phrase_end = start
        for token_stems, token_start, token_end in stemmed_tokens[index : index + _MAX_PHRASE_WORDS]:
            if not token_stems or (phrase_key and title[phrase_end:token_start] not in _WORD_JOINERS):
                break
            phrase_key, phrase_end, phrase_text = (
                (*phrase_key, *token_stems),
                token_end,
                title[start:token_end],
            )
            if (
                len(phrase_key) == 1
                and len(phrase_text) < _MIN_WORD_LENGTH
                and not phrase_text.isupper()
                and not phrase_text.isdecimal()
            ):
                continue
            # Python takes characters newer than its Unicode tables for unprintable.
            if (
                phrase_key not in yielded_keys
                and phrase_text.isprintable()
                and discord_text.count_utf16_units(phrase_text) <= _MAX_PHRASE_LENGTH
            ):
                yielded_keys.add(phrase_key)
                yield phrase_key, phrase_text


@lru_cache(maxsize=1 << 15)
def _compute_stems(word: str) -> PhraseKey:
    """Return the stems of a word; an empty tuple for a stop word.

    The English stemmer is always used: trends are mostly names, which must be equal across languages.
    """
    return () if text_analysis.is_stop_word(word) else tuple(text_analysis.stem_tokens(word, "en"))


@cache
def _list_calendar_stems() -> frozenset[str]:
    """Return the stems of the names of days and months in the supported languages."""
    names = [
        name
        for language in i18n.LANGUAGES
        for width in ("wide", "abbreviated")
        for calendar_names in (get_day_names(width, locale=language), get_month_names(width, locale=language))
        for name in calendar_names.values()
    ]
    return frozenset(stem for name in names for word in text_analysis.tokenize(name) for stem in _compute_stems(word))


def is_number_or_date(key: PhraseKey) -> bool:
    """Return whether a phrase has only numbers and names of days or months, and thus cannot be a trend."""
    return all(stem.isdecimal() or stem in _list_calendar_stems() for stem in key)
