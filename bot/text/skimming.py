"""Texts read fast, for search among many: their terms about as the index has them, and where words may be.

A text is folded byte by byte, each character to one byte, which is a hundred times faster than `tokens.plain`
and keeps places. What it gets wrong is rare and decides an order or a mark: names with signs (`C++`),
decimals, `US` beside `us`; of a phrase it says that it cannot tell. Texts with letters that Latin-1 lacks
(`Erdoğan`) are made plain.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from itertools import islice
from string import ascii_lowercase, digits
from typing import NamedTuple

from bot.text import excerpts, inflections, terms, tokens

_REMEMBERED = 1 << 15  # words a language: 4 MB
MOST_BEYOND = 200
"""Letters beyond Latin-1 of a text, in whose words a term is looked for that is nowhere else."""
_SENTENCE = "."
_PIECE = re.compile(rb"[a-z0-9]+|[.!](?=\s)|\n")
_CHUNK = re.compile(r"\w+(?:['’&.,-]\w+)*[+#]*")
_NUMBERED_CHUNK = re.compile(rf"{_CHUNK.pattern}(?:[ \xa0]\d\w{{0,4}}(?!\w))?")
_LETTERS_AND_DIGITS = re.compile(r"([a-z]+)(\d)")
_HYPHENATED = (
    "anti",
    "auto",
    "co",
    "cyber",
    "e",
    "hyper",
    "micro",
    "multi",
    "non",
    "post",
    "pre",
    "re",
    "wi",
)
"""What stands before a hyphen in words that are one to the index: e-mail, wi-fi."""


def _folded(code: int) -> int:
    """The lower-case letter without accents of a character of Latin-1, where it is one."""
    base = unicodedata.normalize("NFKD", chr(code))[0].lower()
    return ord(base) if base.isascii() and base.isalnum() else code


_FOLDED = bytes(map(_folded, range(256)))
_SPACE = ord(" ")
_IN_LATIN_1 = "\xadÆØßæø"
_BEYOND = re.compile(
    rf"[{_IN_LATIN_1}\u0100-\u0151\u0154-\u024f\u1e00-\u1eff\u200b-\u200d\ufb00-\ufb06\ufeff]"
)
"""What a table of Latin-1 folds otherwise than `tokens.plain` does; œ, which is common, is replaced."""
_MANY = 50  # characters that Latin-1 lacks: more are searched faster than looked at one by one
_ACRONYMS = {
    acronym: re.compile(rb"(?<![\w\xc0-\xff])%b(?![\w\xc0-\xff])" % rb"\.?".join(map(str.encode, acronym)))
    for acronym in sorted(tokens.ACRONYMS, key=len, reverse=True)  # `U.S.A.` before `U.S.`
}
_ELIDED = {form: bare for bare, form in tokens.ELIDED.items()}
APART = "\0"
"""Between two texts that are read as one: no phrase goes across it."""
_KEPT = frozenset((ascii_lowercase + digits + APART).encode())
_SPACED = bytes(code if code in _KEPT else _SPACE for code in _FOLDED)
"""The same with a space for whatever is no letter and no digit, so that words begin after one."""
_NO_LETTERS = bytes(code for code in range(256) if _FOLDED[code] not in _KEPT)


class _Stems(dict[bytes, str]):
    """The stem of each folded word, remembered; "" for one that says nothing."""

    def __init__(self, which: int) -> None:
        super().__init__()
        self._which = which  # of the stems of a word in English and in French

    def __missing__(self, piece: bytes) -> str:
        if len(self) >= _REMEMBERED:
            self.clear()
        word = piece.decode()
        if word[0].isalnum():
            stems = terms.alternatives(word)
            stem = stems[self._which] if stems else ""
        else:
            stem = _SENTENCE
        self[piece] = stem
        return stem


_STEMS = {"en": _Stems(0), "fr": _Stems(-1)}


def lines(text: str, language: str | None) -> list[list[str]]:
    """The terms of `text` in order, sentence by sentence, those that say nothing left out."""
    simple = _of_latin_1(text).replace("?", "!").encode("latin-1", "replace").translate(_FOLDED)
    stems = _STEMS.get(language or "en", _STEMS["en"])
    found: list[list[str]] = [[]]
    start = 0
    all_terms = list(filter(None, map(stems.__getitem__, _PIECE.findall(simple))))
    for _ in range(all_terms.count(_SENTENCE)):
        end = all_terms.index(_SENTENCE, start)
        if end > start:
            found.append(all_terms[start:end])
        start = end + 1
    found.append(all_terms[start:])
    return list(filter(None, found))


def _of_latin_1(text: str) -> str:
    """The text, without accents where a letter of it is not in Latin-1."""
    if text.isascii():
        return text
    if _has_beyond(text):
        return tokens.plain(text)
    return _parted(text)


def _has_beyond(text: str) -> bool:
    """As `_BEYOND.search`, which takes five times as long where few characters are beyond Latin-1."""
    if text.isascii():
        return False
    simple = text.replace("’", "'").encode("latin-1", "replace")
    if any(map(simple.__contains__, _IN_LATIN_1.encode("latin-1"))):
        return True
    if simple.count(b"?") > _MANY:
        return _BEYOND.search(text) is not None
    place = simple.find(b"?")
    while place >= 0:
        if _BEYOND.match(text, place):
            return True
        place = simple.find(b"?", place + 1)
    return False


def _parted(text: str) -> str:
    return text.replace("œ", "oe").replace("Œ", "OE")


def has_phrase(text: str, words: tuple[str, ...]) -> bool | None:
    """Whether these folded words stand in a row in `text`; None where only `tokens.words` can tell."""
    sought = _sought(words)
    if sought is None:
        return None
    told = _has_row(text, sought)
    if told is False and _has_beyond(text):
        told = _has_row(tokens.plain(text), sought)
    return None if told and sought.with_elided else told


class Rows:
    """Some folded words, or rows of them, that are looked for in many texts as they are written.

    Those with signs, and acronyms, are taken to stand in all.
    """

    def __init__(self, rows: Iterable[tuple[str, ...]]) -> None:
        rows = list(rows)
        plain = [row for row in rows if all(w.isascii() and w.isalnum() and w == w.lower() for w in row)]
        self._rows = [b" %b " % " ".join(row).encode() for row in plain]
        self._others = len(rows) - len(plain)

    def count(self, text: str) -> int:
        """How many of them stand in a text."""
        spaced = b" %b " % _parted(text).encode("latin-1", "replace").translate(_SPACED)
        return self._others + sum(map(spaced.__contains__, self._rows))


def _has_row(text: str, sought: _Sought) -> bool | None:
    simple = _simple(text, sought)
    if sought.letters not in simple.translate(_FOLDED, _NO_LETTERS):  # as of most texts: it costs the least
        return False
    spaced = b" %b " % simple.translate(_SPACED)
    if sought.row in spaced or sought.row in b" %b " % b" ".join(spaced.split()):
        return True
    return None if _with_signs(sought.row).search(simple.translate(_FOLDED)) else False


def _simple(text: str, sought: _Sought) -> bytes:
    """The text in Latin-1, acronyms in their forms."""
    simple = (_parted(text) if sought.with_oe else text).encode("latin-1", "replace")
    for acronym, form in sought.acronyms:
        simple = acronym.sub(form, simple)
    return simple


class _Sought(NamedTuple):
    """The words of a phrase in a `row`, a space around each, and their `letters` and digits with none.

    `acronyms` are what is written otherwise than its form. Of the forms `with_elided` letters a row does not
    tell whether an apostrophe is beside them.
    """

    row: bytes
    letters: bytes
    with_oe: bool
    with_elided: bool
    acronyms: tuple[tuple[re.Pattern[bytes], bytes], ...]


@lru_cache(maxsize=64)
def _sought(words: tuple[str, ...]) -> _Sought | None:
    bare = [_ELIDED.get(word, word) for word in words]
    if not all(word.isascii() and word.isalpha() for word in bare) or tokens.is_unit(words[0]):
        return None
    written = [_written(word) for word in bare]
    return _Sought(
        row=b" %b " % b" ".join(written),
        letters=b"".join(written),
        with_oe=any("oe" in word for word in words),
        with_elided=bare != list(words),
        acronyms=tuple(
            (_ACRONYMS[acronym], _written(tokens.ACRONYMS[acronym]))
            for acronym in _ACRONYMS
            if tokens.ACRONYMS[acronym] in words
        ),
    )


@lru_cache(maxsize=64)
def _with_signs(row: bytes) -> re.Pattern[bytes]:
    """Words in a row, however many signs are in them. It takes as long to make as a hundred texts to read."""
    signs = rb"[-'&.?]*"  # "?" stands for curved apostrophes too
    loose = rb"[^a-z0-9\0]+".join(
        signs.join(word[at : at + 1] for at in range(len(word))) for word in row.split()
    )
    begins = rb"%b(?<![a-z0-9]%b)" % (loose[:1], loose[:1])  # the letter first: it is looked for fast
    return re.compile(rb"%b%b(?![a-z0-9])" % (begins, loose[1:]))


def _written(form: str) -> bytes:
    """A form in small letters; that of an acronym as no word is, for `EU` is not `eu`."""
    return form.encode() if form.islower() else b"0%b0" % form.lower().encode()


def _irregular() -> dict[str, list[str]]:
    """The irregular forms of each stem, of which the stem may tell nothing."""
    found = defaultdict(list)
    for form, meant in terms.ABBREVIATIONS.items():
        found[meant].append(form)
    for french, irregular in inflections.IRREGULAR.items():
        for form, base in irregular.items():
            found[terms.alternatives(base)[-1 if french else 0]].append(form)
    return found


_IRREGULAR = _irregular()


class Marker:
    """Finds the words of some index terms in texts."""

    def __init__(self, forms: Collection[str]) -> None:
        self._forms = frozenset(forms)
        heads = {head for form in self._forms if form.isascii() for head in _heads(form)}
        shortest = {head for head in heads if not any(head[:end] in heads for end in range(1, len(head)))}
        self._heads = [b" " + head.encode().translate(_SPACED) for head in shortest]
        self._slow = not all(map(str.isascii, self._forms))
        # A number after a word is part of what is found only where a term has one.
        with_numbers = any(character.isdecimal() for form in self._forms for character in form)
        self._chunk = _NUMBERED_CHUNK if with_numbers else _CHUNK
        self._ligature = any("oe" in form for form in self._forms)
        self._seen: dict[str | None, dict[str, list[tuple[int, int]]]] = defaultdict(dict)

    def marks(self, text: str, language: str | None) -> list[tuple[int, int]]:
        """As `excerpts.marks` of the same terms."""
        if self._slow or (self._ligature and "œ" in text):
            return excerpts.marks(text, self._forms, language)
        if not self._forms:
            return []
        return self._marks(text, language, self._places(text)) or self._marks(text, language, _beyond(text))

    def _marks(self, text: str, language: str | None, places: Iterable[int]) -> list[tuple[int, int]]:
        """Those of the words that begin at these places, in order, that have one of the terms."""
        seen = self._seen[language]
        found: list[tuple[int, int]] = []
        last = 0
        for start in places:
            if start < last or (start and text[start - 1].isalnum()):
                continue
            match = self._chunk.match(text, start)
            if match is None:
                continue
            chunk = match[0]
            marks = seen.get(chunk)
            if marks is None:
                marks = seen[chunk] = self._marks_of(chunk, language)
            for first, end in marks:
                found.append((start + first, start + end))
                last = start + end
        return found

    def _marks_of(self, chunk: str, language: str | None) -> list[tuple[int, int]]:
        word = _word(chunk)
        if word is None:
            return excerpts.marks(chunk, self._forms, language)
        is_found = not self._forms.isdisjoint(terms.forms(word, language))
        return [(0, len(chunk))] if is_found else []

    def _places(self, text: str) -> list[int]:
        """Where a word may begin as one of the terms does."""
        # With the space before the text a place in `spaced` is that of the letter after it in `text`.
        spaced = b" %b " % text.encode("latin-1", "replace").translate(_SPACED)
        places = []
        for head in self._heads:
            place = spaced.find(head)
            while place >= 0:
                places.append(place)
                place = spaced.find(head, place + 1)
        places.sort()
        return places


def _beyond(text: str) -> Iterator[int]:
    """Where the first words begin that have letters beyond Latin-1, in order."""
    for match in islice(_BEYOND.finditer(text), MOST_BEYOND):
        start = match.start()
        while start and text[start - 1].isalnum():
            start -= 1
        yield start


def _word(chunk: str) -> str | None:
    """The only one of the `tokens.words` of a chunk, None where there may be others."""
    if not chunk.isalpha():
        return None
    if chunk.isascii():
        return tokens.form(chunk)
    folded = chunk.encode("latin-1", "replace").translate(_FOLDED)
    if folded.isalpha():
        return folded.decode()[: tokens.LONGEST]
    words = tokens.words(chunk)
    return words[0] if len(words) == 1 else None


def _heads(form: str) -> Iterator[str]:
    """How words may begin that have this term: stemming changes the last letters."""
    if match := _LETTERS_AND_DIGITS.match(form):
        yield from (match[1] + between + match[2] for between in ("", "-", " "))
        return
    if len(form) > 3 and form.isdecimal():  # noqa: PLR2004 - thousands may be apart
        yield form[: len(form) % 3 or 3]
        return
    if not form.isalpha():
        yield re.match(r"\d*", form)[0] or form[:1]  # type: ignore[index]  # matches anything
        return
    if len(form) == 1:
        yield from (f"{form} ", f"{form}s ")
        return
    yield form[: len(form) - _changed(form)]
    yield from _IRREGULAR.get(form, ())
    for acronym, meant in tokens.ACRONYMS.items():
        if meant == form:
            yield from (acronym.lower(), ".".join(acronym.lower()))
    if form.endswith("teur"):
        yield f"{form[:-4]}trice"
    for head in _HYPHENATED:
        if form.startswith(head) and len(form) > len(head) + 1:
            yield f"{head}-"


def _changed(form: str) -> int:
    """How many of the last letters of a stem may not be those of its words: `cri` of cry, `sky` of skies."""
    if len(form) > 4:  # noqa: PLR2004 - lengths
        return 3 if len(form) > 6 else 2  # noqa: PLR2004 - likewise
    return 1 if len(form) == 4 or (len(form) == 3 and form.endswith(("i", "e", "y"))) else 0  # noqa: PLR2004 - likewise
