"""Notes on a query, as data. `posting.search_note_sentences` holds their texts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class NoteKind(StrEnum):
    """Kinds of notes. The comments name the placeholders of their texts."""

    CUT_TEXT = "cut-text"  # count
    CUT_TERMS = "cut-terms"  # count
    REINTERPRETED = "read-as"  # value, filter
    STRAY_QUOTE = "stray-quote"
    STRAY_MINUS = "stray-minus"
    STRAY_CLOSING = "stray-closing"
    STRAY_NOT = "stray-not"
    STRAY_OR = "lonely-or"
    UNCLOSED = "unclosed"
    TOO_DEEP = "too-deep"  # count
    NO_VALUE = "no-value"  # value
    EMPTY_QUERY = "nothing"
    UNKNOWN_FILTER = "no-filter"  # name, value, near ("": none)
    INVALID_LANGUAGE = "no-language"  # value
    UNKNOWN_FLAG = "no-choice"  # value
    INVALID_DATE = "no-date"  # value
    SINCE = "since"  # moment, now (seconds of UTC), zone
    BEFORE = "before"  # moment, now, zone
    BUILDING = "building"  # percent
    DAMAGED = "damaged"
    OWN_BOOKMARKS = "own-bookmarks"
    EMPTY_DATE_RANGE = "no-time"
    LANGUAGES = "languages"  # query
    PHRASES_MISSING = "phrases-missing"  # phrases
    PHRASES_NEVER_TOGETHER = "phrases-apart"
    UNQUOTED_NAME = "loose-name"  # filter, words
    TITLE_WORDS_MISSING = "title-words-missing"  # words
    WORDS_MISSING = "words-missing"  # words
    UNKNOWN_SOURCE = "unknown-source"  # name
    UNKNOWN_TAG = "unknown-tag"  # name
    UNKNOWN_LANGUAGE = "unknown-language"  # name
    UNKNOWN_AUTHOR = "unknown-author"  # name


@dataclass(frozen=True, slots=True)
class Note:
    """A note and the placeholders of its text, by name."""

    kind: NoteKind
    placeholders: tuple[tuple[str, object], ...] = ()

    @classmethod
    def of(cls, kind: NoteKind, **placeholders: object) -> Note:
        """Create a note."""
        return cls(kind, tuple(placeholders.items()))
