"""Words as people compare them, without case and accents; and tables of words."""

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
"""Letters and signs that Unicode takes apart in another way than people, or not at all."""
_ANY_MARKS = re.compile(f"[{COMBINING_MARKS}]+")
_WORD = re.compile(f"[^\\W_](?:[^\\W_]|[{COMBINING_MARKS}])*")


def word_set(text: str) -> frozenset[str]:
    """The words of `text`, which white space separates."""
    return frozenset(text.split())


def fold(text: str) -> str:
    """`text` in its compatibility form (NFKC), lower-case, without accents, with `'` as only apostrophe."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.casefold().translate(FOLD_MAP)).casefold()
    return unicodedata.normalize("NFC", _ANY_MARKS.sub("", apart))


def normalize_title(title: str) -> str:
    """A title by which titles are compared: case and spaces do not count."""
    return " ".join(title.casefold().split())


def words(text: str) -> list[str]:
    """The words of a text, folded and in order; punctuation parts them: `l'IA` is `l`, `ia`."""
    return [word for word, _start, _end in word_spans(text)]


def word_spans(text: str) -> Iterator[tuple[str, int, int]]:
    """The words of `text`, each with where it starts and ends in `text`."""
    for match in _WORD.finditer(text):
        if word := fold(match[0]):
            yield word, match.start(), match.end()
