"""Folding, splitting and comparison of words."""

import re
import unicodedata
from collections.abc import Iterator

from bot.text.characters import COMBINING_MARKS

FOLD_MAP = str.maketrans(
    {
        **dict.fromkeys("’‘ʼ´`＇′", "'"),
        **dict.fromkeys("\u2010\u2011\u2212", "-"),
        **dict.fromkeys("\xad\u200b\u200c\u200d\ufeff", ""),
        **dict.fromkeys("™®©", " "),
        "œ": "oe",
        "æ": "ae",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ı": "i",
    }
)
"""Translation table of characters that NFKD does not replace or remove as readers expect (`œ` to `oe`)."""
_MARK_RUN_PATTERN = re.compile(f"[{COMBINING_MARKS}]+")
_WORD_PATTERN = re.compile(f"[^\\W_](?:[^\\W_]|[{COMBINING_MARKS}])*")


def split_at_white_space(text: str) -> frozenset[str]:
    """Return the set of the parts of a text that white space separates."""
    return frozenset(text.split())


def fold(text: str) -> str:
    """Return `text` case-folded (lower-case, `ß` as `ss`) and without accents, in compatibility form (NFKC).

    All kinds of apostrophes become `'`.
    """
    if text.isascii():
        return text.lower()
    decomposed_text = unicodedata.normalize("NFKD", text.casefold().translate(FOLD_MAP)).casefold()
    return unicodedata.normalize("NFC", _MARK_RUN_PATTERN.sub("", decomposed_text))


def normalize_title(title: str) -> str:
    """Return a title in the form in which titles are compared, without case and extra spaces."""
    return " ".join(title.casefold().split())


def split_words(text: str) -> list[str]:
    """Return the folded words of a text (lower-case, without accents) in order.

    Punctuation separates words: `l'IA` is `l`, `ia`.
    """
    return [word for word, _start, _end in iter_word_spans(text)]


def iter_word_spans(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield the folded words of `text` (lower-case, no accents), each with its start and end in `text`."""
    for match in _WORD_PATTERN.finditer(text):
        if word := fold(match[0]):
            yield word, match.start(), match.end()
