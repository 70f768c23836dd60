"""Removal of invisible characters and of superfluous combining marks.

Joiners and emoji variation selectors stay where they have a meaning: in emoji sequences, and joiners in the scripts
that need them (Unicode Standard Annex 31, section 2.3). Other invisible characters, except white space, are removed.
"""

import re
import unicodedata

_JOINER_SCRIPT_RANGES = "\u0600-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17ff\u1800-\u18af"
_EMOJI_AND_JOINER_RANGES = "\u200d\u203c-\u3299\ufe0f\U0001f000-\U0001faff"
_INVISIBLE_CHARS_PATTERN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    f"|(?<![{_JOINER_SCRIPT_RANGES}{_EMOJI_AND_JOINER_RANGES}])[\u200c\u200d]|[\u200c\u200d](?![{_JOINER_SCRIPT_RANGES}{_EMOJI_AND_JOINER_RANGES}])"
    f"|(?<![{_JOINER_SCRIPT_RANGES}{_EMOJI_AND_JOINER_RANGES}#*0-9\xa9\xae\u2000-\u2bff])[\ufe0e\ufe0f]"
)
COMBINING_MARKS = "".join(
    character
    for character in map(chr, range(0x300, 0x10000))
    if unicodedata.category(character).startswith("M") and character not in "\u3099\u309a\ufe0e\ufe0f"
)
"""Combining marks below U+10000, except kana marks and variation selectors, for the `[]` of a pattern."""
_LONG_MARK_RUN_PATTERN = re.compile(f"([{COMBINING_MARKS}]{{4}})[{COMBINING_MARKS}]+")


def strip_invisible(text: str) -> str:
    """Return a text without control, zero-width, direction and tag characters and surrogates.

    White space is kept, and so are joiners and emoji variation selectors where they have a meaning.
    """
    return text if text.isascii() and text.isprintable() else _INVISIBLE_CHARS_PATTERN.sub("", text)


def limit_combining_marks(text: str) -> str:
    """Return a text with at most four of `COMBINING_MARKS` in a row; no living language needs more."""
    return text if text.isascii() else _LONG_MARK_RUN_PATTERN.sub(r"\1", text)
