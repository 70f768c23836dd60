"""Text to words: what counts as one word, in a title as in a query.

A text is first made plain (no accents, compatibility forms, one apostrophe; the case stays, because "US" is
not "us"), then cut into chunks by one pattern; what a chunk consists of is decided once and remembered.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from bot.text.characters import MARKS
from bot.text.stopwords import EMPTY
from bot.text.tables import table

LONGEST = 48
"""Characters of a word that count."""

_REPLACED = tuple(
    {
        **dict.fromkeys("’‘ʼ´`＇′", "'"),
        **dict.fromkeys("\u2010\u2011\u2212", "-"),
        **dict.fromkeys("\xad\u200b\u200c\u200d\ufeff", ""),
        **dict.fromkeys("™®©", " "),
        "œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d",
        "Đ": "D", "ß": "ss", "ẞ": "SS", "ı": "i",
    }.items()
)  # fmt: skip
_LATIN_MARKS = re.compile("[\u0300-\u036f]+")
_OTHER_SCRIPT = re.compile("[\u0483-\u1fff\u2c80-\ufeff\U00010000-\U0010ffff]")
_OTHER_MARKS = re.compile(f"[{MARKS}]+")
_CLUSTER = re.compile("[^\u0300-\u036f][\u0300-\u036f]*|[\u0300-\u036f]+", re.DOTALL)

_CHUNK = re.compile(r"\d{1,3}(?: \d{3})+(?![\w.,]*\w)|\w+(?:['&.,-]\w+)*[+#]*|(?<!\w)\.(?:net|NET|Net)(?!\w)")
_SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u30ff\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff]+"
)
_PLAIN_WORD = re.compile(r"[A-Za-z]+")
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:(?:[, ]\d{3})+|(?:\.\d{3})+)")
_NUMBER = re.compile(r"v?\d+(?:[.,]\d+)+[^\W\d_]*|\d+[^\W\d_]*")
_MEASURED = re.compile(
    r"(\d+(?:[.,]\d+)*)([Bb]n?|BN|M|[Mm][Dd]s?|tn|[kcm]m|kmh|[km]g|ml|nm|[kmgt]bp?s?|[KMGT]Bp?s?|[kmg]o|[KMG]o"
    r"|[kKmMgG]?[hH][zZ]|[kKmMgGtT][wW]h?|m?[wA]h|px|fps|[mk]ph|lbs?|oz|ft|hp|ch|MP|dB|ms|min|sec)"
)
"""A number and its unit in one: `80km`, `64GB`, `3bn`, `10M`."""
_MEASURED_IN_SMALL = re.compile(_MEASURED.pattern, re.IGNORECASE)
_UNITS = {"b": "bn", "m": "mln", "md": "mds", "tn": "trn"}
"""What stands for a unit that would be another word alone."""
_VERSIONED = re.compile(r"([^\W\d_]{2,})(\d{1,3}(?:\.\d{1,3})+)")
_DEGREE = re.compile(r"[A-Z][a-z]?(?:\.[A-Z][a-z]?)+")
_INITIALS = re.compile(r"[^\W\d_](?:\.[^\W\d_](?![^\W\d_]))+")
_TRAILING_SIGN = re.compile(r"[+#]+$")
_PIECE = re.compile(
    r"(?<=-)\d+(?:[.,]\d+)+[^\W\d_]*(?![^-'])|[^-.,_&]+(?:(?<![^\W_]{4})&(?![^\W_]{4})[^-.,_&]+)*"
)
_POSSESSIVE = re.compile(r"'s$")
_HYPHENATED = re.compile(r"([^\W_]+)-([^\W_]+)")

ACRONYMS = {"US": "usa", "USA": "usa", "IT": "IT", "EU": "EU", "WHO": "WHO"}
"""The forms of those that would be empty words in small letters."""
ELIDED = {"c": "c'", "ai": "'ai"}
"""The forms of those that are empty only beside an apostrophe: `c'est` and `j'ai`, unlike `C` and `AI`."""
_NOUNS = table("as est ete or")
"""Empty words that are nouns after `l'` or `d'`: the ace, the east, summer, gold."""
_ONE_WORD = re.compile(
    r"(?:aujourd'hui|prud'hom\w+|presqu'ile\w*|entr'\w+|grand'\w+|[o]'[a-z]{2,}|\w+n't|rock'n'roll)(?='s$|$)"
)
_ELISION = re.compile(r"(?:[cdjlmnst]|(?:jus|lors|puis|quoi)?qu)'")
_HAVING = table("j l m n qu t")
"""What is elided before the verb `ai`."""
_PREFIXES = table(
    "anti auto bio co crypto cyber fin geo hi hyper inter macro mega meta micro mini multi nano neo neuro "
    "non photo poly post pre pro pseudo re sub super techno tele trans tri turbo ultra wi"
)

_COMPOUNDS = table(
    "add-on add-ons back-up back-ups by-pass check-in check-ins follow-up line-up log-in log-ins make-up"
    " off-line on-line opt-in opt-out plug-in plug-ins pop-up pop-ups roll-out set-up sign-up spin-off"
    " spin-offs stand-by start-up start-ups trade-off trade-offs"
)
"""Words whose second part says nothing by itself, so that the first one alone would be looked for."""


_INVERTED = table("ce ci elle elles en eux il ils je la le les leur lui meme memes moi nous on t toi tu y")
"""What stands after the hyphen of no compound: `est-il`, `celui-ci`, `eux-mêmes`."""


class Word(NamedTuple):
    """A word of a chunk, folded, and where it lies in it."""

    form: str
    start: int
    end: int


def fold(text: str) -> str:
    """`text` in its compatibility form (NFKC), lower-case, without accents, with `'` as only apostrophe."""
    return plain(plain(text).casefold())


def words(text: str) -> list[str]:
    """The words of `text`, folded and in order, stop words among them.

    Elisions and hyphenated words are apart (`l'IA` is `l`, `ia`; `États-Unis` is `etats`, `unis`), but what
    is written both ways is one (`e-mail`, `wi-fi`, `cyber-attaque`). Numbers have one form (`1,000` and
    `1 000` are `1000`, `3,5` is `3.5`), names keep their signs (`c++`, `.net`), scripts without spaces become
    pairs of characters. Capitals or an elision keep a few words apart from empty ones: `IT`, `EU`, `WHO`,
    `usa`, `l'or`.
    """
    return [word.form for chunk in chunks(plain(text)) for word in split(chunk)]


def spans(text: str) -> Iterator[tuple[str, int, int]]:
    """The words of `text`, each with where it starts and ends in `text`."""
    simple, begins, ends = _plain_with_places(text)
    for match in _CHUNK.finditer(simple):
        start = match.start()
        for form, first, last in split(match[0]):
            yield form, begins[start + first], ends[start + last - 1]


def plain(text: str) -> str:
    """Everything of `fold` but the case."""
    if text.isascii():
        return text
    for old, new in _REPLACED:
        text = text.replace(old, new)
    text = _LATIN_MARKS.sub("", unicodedata.normalize("NFKD", text))
    if _OTHER_SCRIPT.search(text):
        text = unicodedata.normalize("NFC", _OTHER_MARKS.sub("", text))
    return text


def chunks(simple: str) -> list[str]:
    """The chunks of a plain text: words with what joins them, such as `l'IA`, `GPT-4o`, `C++`, `12 000`."""
    return _CHUNK.findall(simple)


def _plain_with_places(text: str) -> tuple[str, Sequence[int], Sequence[int]]:
    """`plain(text)`, and for each character of it where in `text` begins and ends what it stands for."""
    simple = plain(text)
    if len(simple) == len(text):
        return simple, range(len(text)), range(1, len(text) + 1)
    pieces: list[str] = []
    begins: list[int] = []
    ends: list[int] = []
    for match in _CLUSTER.finditer(text):
        piece = plain(match[0])
        pieces.append(piece)
        begins += [match.start()] * len(piece)
        ends += [match.end()] * len(piece)
    return "".join(pieces), begins, ends


@lru_cache(maxsize=1 << 11)
def split(chunk: str) -> tuple[Word, ...]:
    """The words of a chunk."""
    if _PLAIN_WORD.fullmatch(chunk):
        return (_word(chunk, 0, len(chunk)),)
    lower = chunk.casefold()
    if len(lower) != len(chunk):
        return (_word(chunk, 0, len(chunk)),)
    if _SPACELESS.search(lower):
        return tuple(_pairs(lower))
    if lower == ".net" or _TRAILING_SIGN.search(lower):
        return _signed(chunk, lower)
    return tuple(_number_words(chunk, 0)) or _of_two_parts(chunk, lower) or tuple(_pieces(chunk, lower))


def form(piece: str) -> str:
    """The one form of a word of letters alone."""
    return ACRONYMS.get(piece) or piece.casefold()[:LONGEST]


def is_unit(word: str) -> bool:
    """Whether it may be written in one with the number before it."""
    return word in _UNITS.values() or _MEASURED_IN_SMALL.fullmatch(f"1{word}") is not None


def _word(piece: str, start: int, end: int) -> Word:
    return Word(form(piece), start, end)


def hyphenated(lower: str) -> tuple[str, str] | None:
    """The two parts of a chunk in small letters, without what is elided before or a possessive after."""
    elided = _ELISION.match(lower)
    match = _HYPHENATED.fullmatch(lower.removesuffix("'s"), elided.end() if elided else 0)
    return (match[1], match[2]) if match else None


def in_one(chunk: str) -> str:
    """The two parts of a hyphenated chunk as one word; "" for anything else, and for what is one anyway."""
    lower = chunk.casefold()
    parts = hyphenated(lower)
    if parts is None or parts[0].isdecimal():
        return ""
    whole = "".join(parts)[:LONGEST]
    is_inverted = parts[1] in _INVERTED and not EMPTY.isdisjoint(parts)
    if is_inverted or whole in EMPTY or any(word.form == whole for word in split(chunk)):
        return ""
    return whole


def _number(lower: str) -> str:
    """The one form of a number or version, "" for anything else."""
    if _THOUSANDS.fullmatch(lower):
        return "".join(filter(str.isdecimal, lower))
    return lower.replace(",", ".").removeprefix("v") if _NUMBER.fullmatch(lower) else ""


def _number_words(piece: str, start: int) -> Iterator[Word]:
    """A number, and the unit that is written in one with it; nothing for anything else."""
    if match := _MEASURED.fullmatch(piece):
        lower = match[2].casefold()
        yield Word(_number(match[1])[:LONGEST], start, start + match.end(1))
        yield Word(_UNITS.get(lower, lower), start + match.end(1), start + len(piece))
    elif number := _number(piece.casefold()):
        yield Word(number[:LONGEST], start, start + len(piece))


def _signed(chunk: str, lower: str) -> tuple[Word, ...]:
    """Words with a sign: `c++`, `c#`, `canal+` and `.net` keep it, `10+` does not."""
    bare = _TRAILING_SIGN.sub("", lower)
    sign = lower[len(bare) :]
    if lower == ".net" or (bare.isalpha() and (sign in {"+", "++"} or (sign == "#" and len(bare) == 1))):
        return (Word(lower[:LONGEST], 0, len(chunk)),)
    return split(chunk[: len(bare)])


def _pairs(lower: str) -> Iterator[Word]:
    """Pairs of neighbouring characters where a script knows no spaces, other words whole."""
    for match in re.finditer(rf"{_SPACELESS.pattern}|(?:(?!{_SPACELESS.pattern})[^\W_])+", lower):
        run, start = match[0], match.start()
        if not _SPACELESS.match(run) or len(run) == 1:
            yield Word(run[:LONGEST], start, match.end())
            continue
        for index in range(len(run) - 1):
            yield Word(run[index : index + 2], start + index, start + index + 2)


def _of_two_parts(chunk: str, lower: str) -> tuple[Word, ...]:
    """A word that a hyphen only parts, after what is elided; nothing for anything else."""
    elided = _ELISION.match(lower)
    start = elided.end() if elided else 0
    match = _HYPHENATED.fullmatch(lower, start)
    if match is None or not _is_one_word(match[1], match[2]):
        return ()
    before = _apostrophes(chunk[:start], 0) if start else ()
    return (*before, Word((match[1] + match[2])[:LONGEST], start, len(chunk)))


def _pieces(chunk: str, lower: str) -> Iterator[Word]:
    """The parts of what is joined by hyphens, dots and apostrophes."""
    if match := _VERSIONED.fullmatch(lower):
        yield _word(chunk[: match.end(1)], 0, match.end(1))
        yield from _number_words(chunk[match.end(1) :], match.end(1))
        return
    if _DEGREE.fullmatch(chunk):
        yield _word(chunk.replace(".", ""), 0, len(chunk))
        return
    if match := _INITIALS.match(lower):
        yield _word(chunk[: match.end()].replace(".", ""), 0, match.end())
        for word in split(chunk[match.end() :]) if match.end() < len(chunk) else ():
            yield word._replace(start=word.start + match.end(), end=word.end + match.end())
        return
    for match in _PIECE.finditer(lower):
        start, end = match.span()
        piece = chunk[start:end]
        if "&" in piece:
            piece = _POSSESSIVE.sub("", piece)
            yield Word(piece.replace("&", "").casefold()[:LONGEST], start, start + len(piece))
        elif "'" in piece:
            yield from _apostrophes(piece, start)
        elif piece[0].isdecimal():
            yield from (
                _number_words(piece, start) if _number(piece.casefold()) else (_word(piece, start, end),)
            )
        else:
            yield _word(piece, start, end)


def _is_one_word(first: str, second: str) -> bool:
    """Whether a hyphen is only one way to write the word: e-mail, F-35, cyber-attack."""
    if len(first) == 1 and first.isalpha():
        return len(second) > 2 or second[0].isdecimal()  # noqa: PLR2004 - "y-a", "a-t" are two words
    if f"{first}-{second}" in _COMPOUNDS:
        return True
    return first in _PREFIXES and second.isalpha() and len(second) > 1


def _apostrophes(piece: str, offset: int) -> Iterator[Word]:
    lowered = piece.casefold()
    elided = _ELISION.match(lowered)
    for start in (0, elided.end()) if elided else (0,):
        if match := _ONE_WORD.match(lowered, start):
            if start:
                yield _word(piece[: start - 1], offset, offset + start - 1)
            yield Word(match[0].replace("'", "")[:LONGEST], offset + start, offset + match.end())
            if match.end() < len(piece):
                yield _word("s", offset + match.end() + 1, offset + len(piece))
            return
    before = ""
    position = offset
    last = offset + len(piece)
    for part in piece.split("'"):
        lower = part.casefold()
        end = position + len(part)
        if before in {"l", "d"} and lower in _NOUNS:
            yield Word(f"l'{lower}", position, end)
        elif (lower == "c" and end < last) or (part == "ai" and before in _HAVING):
            yield Word(ELIDED[lower], position, end)
        elif part:
            yield _word(part, position, end)
        before = lower
        position = end + 1
