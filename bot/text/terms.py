"""Words and terms: what a text is found by, and what a query looks for. Both come from here alone.

A text is folded (accents, case), cut into words, and each word that is not empty becomes the stem of the text's
language. A query word becomes the stems it may have in English and in French, since nobody says in which
language they ask. Terms hold letters and digits only, so that the index's own tokenizer keeps them whole.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

import Stemmer

from bot.text.stopwords import EMPTY

VERSION = 2
"""Of the rules below: a database whose index was made by other rules has to be indexed anew."""

LONGEST = 48
"""Characters of a word that count."""
_LONGEST_NAME = 120

_REPLACED = tuple(
    {
        **dict.fromkeys("’‘ʼ´`＇′", "'"),
        **dict.fromkeys("\u2010\u2011\u2212", "-"),
        **dict.fromkeys("\xad\u200b\u200c\u200d\ufeff", ""),
        **dict.fromkeys("™®©", " "),
        "œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D",
        "ß": "ss", "ẞ": "SS", "ı": "i",
    }.items()
)  # fmt: skip
_MARKS = re.compile("[\u0300-\u036f]+")
_OTHER_SCRIPT = re.compile("[\u0483-\uffff\U00010000-\U0010ffff]")
_OTHER_MARKS = re.compile(
    "["
    + "".join(
        character
        for character in map(chr, range(0x0300, 0x10000))
        if unicodedata.category(character).startswith("M") and character not in "\u3099\u309a"
    )
    + "]+"
)
_TOKEN = re.compile(
    r"""
      (?<![\w.,])\d{1,3}(?:\ \d{3})+(?![\w.,]\w)                         # 12 345
    | (?<!\w)\.(?:net|NET|Net)(?!\w)
    | [^\W_]+(?:(?:['&.-]|(?<=\d),(?=\d))[^\W_]+)*(?:\+{1,2}(?!\w)|\#(?!\w))?
    """,
    re.VERBOSE,
)
_SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u30ff\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff]+"
)
_NAME_AND_NUMBER = re.compile(r"(?<![^\W_])([^\W\d_]{2,})[ -](\d[^\W_]{0,4})(?![\w.,-]\w|\w)")
_YEAR = re.compile(r"(?:19|20)\d\d$")
_GLUED = re.compile(r"([^\W\d_]{2,})(\d[^\W_]*)$")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*[^\W\d_]*$")
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:[, ]\d{3})+$")
_INITIALS = re.compile(r"[^\W\d_](?:\.[^\W\d_])+$")

_ELISIONS = frozenset(["l", "d", "j", "m", "t", "s", "n", "c", "qu", "jusqu", "lorsqu", "puisqu", "quoiqu"])
_WHOLE = re.compile(r"(?:aujourd'hui|prud'hom\w+|presqu'ile\w*|entr'\w+|o'[a-z]{2,}|\w+n't|rock'n'roll)$")
_SUFFIXES = frozenset({"s", "t", "ll", "re", "ve", "d", "m"})
_CAPITALS = {"US": "usa", "USA": "usa", "IT": "it-sector", "EU": "eu-union", "WHO": "who-health"}
_ELIDED_NOUNS = frozenset({"or", "as", "ete", "est"})
_JOINED_PREFIXES = frozenset(
    ["wi", "hi", "co", "re", "pre", "anti", "auto", "bio", "cyber", "micro", "mini", "multi", "geo", "hyper", "inter", "macro", "mega", "meta", "nano", "neo", "neuro", "photo", "poly", "post", "pro", "pseudo", "super", "techno", "tele", "tri", "turbo", "ultra", "crypto", "fin", "non", "sub", "trans"]
)


class IndexTerms(NamedTuple):
    """The row of an article in the index."""

    title: str
    body: str
    meta: str


def fold(text: str) -> str:
    """`text` in its compatibility form (NFKC), lower-case, without accents, with `'` as the only apostrophe."""
    return _plain(_plain(text).casefold())


def words(text: str) -> list[str]:
    """The words of `text`, folded and in order, stop words among them.

    Elisions and hyphenated words are apart (`l'IA` is `l`, `ia`; `États-Unis` is `etats`, `unis`), numbers have
    one form (`1,000` and `1 000` are `1000`), names with signs are whole (`c++`, `.net`), scripts without spaces
    become pairs of characters.
    """
    return [word for chunk in _TOKEN.findall(_plain(text)) for word, _, _ in _parts(chunk)]


def stems(text: str, language: str | None) -> list[str]:
    """The terms by which `text` is found, in order, empty words left out, by the stemmer of its language."""
    text = _plain(text)
    french = language == "fr"
    terms: list[str] = []
    for chunk in _TOKEN.findall(text):
        terms += _terms(chunk, french)
    for name, number in _NAME_AND_NUMBER.findall(text):
        if not _YEAR.match(number) and (folded := name.casefold()) not in EMPTY:
            terms.append((folded + number.casefold())[:LONGEST])
    return terms


@lru_cache(maxsize=4096)
def alternatives(word: str) -> tuple[str, ...]:
    """The terms that a query word (one of `words`) may have in the index; none for an empty word."""
    word = fold(word)[:LONGEST]
    if not word or word in EMPTY:
        return ()
    form = _form(word)
    if form != word or not form.isalpha():
        return (form,) if form else ()
    return tuple(dict.fromkeys((_stem(form, french=False), _stem(form, french=True))))


def index_terms(
    *,
    title: str,
    body: str,
    language: str | None,
    feed_id: int,
    outlet: str,
    author: str | None,
    tags: Sequence[str],
    published: int,
    image: str | None,
) -> IndexTerms:
    """What the index holds of an article. `published` in seconds of UTC."""
    meta = [feed_token(feed_id), month_token(published)]
    if language:
        meta.append(language_token(language))
    meta += outlet_tokens(outlet)
    meta += author_tokens(author or "")
    for tag in tags:
        meta += tag_tokens(tag)
    if image:
        meta.append(HAS_IMAGE)
    return IndexTerms(" ".join(stems(title, language)), " ".join(stems(body, language)), " ".join(meta))


HAS_IMAGE = "hasimage"
"""The token of `meta` of an article with a picture."""


def feed_token(feed_id: int) -> str:
    """The token of `meta` of a feed's articles."""
    return f"f{feed_id}"


def language_token(language: str) -> str:
    """The token of `meta` of a language (ISO 639-1)."""
    return "l" + "".join(filter(str.isalnum, fold(language)))


def month_token(moment: int) -> str:
    """The token of `meta` of the month (UTC) that `moment`, in seconds, lies in."""
    return f"d{datetime.fromtimestamp(moment, UTC):%Y%m}"


def outlet_tokens(name: str) -> tuple[str, ...]:
    """The tokens of `meta` of an outlet: its words in order, then, of several, all in one (`Le Monde`, `lemonde`)."""
    return _name_tokens("o", name)


def author_tokens(name: str) -> tuple[str, ...]:
    """The tokens of `meta` of an author, as those of an outlet."""
    return _name_tokens("a", name)


def tag_tokens(name: str) -> tuple[str, ...]:
    """The tokens of `meta` of a tag, as those of an outlet."""
    return _name_tokens("t", name)


def spans(text: str) -> Iterator[tuple[str, int, int]]:
    """The words of `text`, each with where it starts and ends in `text`."""
    plain, place = _plain_with_places(text)
    for match in _TOKEN.finditer(plain):
        start = match.start()
        for word, first, last in _parts(match[0]):
            yield word, place(start + first), place(start + last)


@lru_cache(maxsize=4096)
def _name_tokens(letter: str, name: str) -> tuple[str, ...]:
    forms = [form for form in map(_form, words(name[:_LONGEST_NAME])) if form]
    joined = [letter + "".join(forms)] if len(forms) > 1 else []
    return (*(letter + form for form in forms), *joined)


def _plain(text: str) -> str:
    """Everything of `fold` but the case, which tells "US" from "us"."""
    if text.isascii():
        return text
    for old, new in _REPLACED:
        text = text.replace(old, new)
    text = _MARKS.sub("", unicodedata.normalize("NFKD", text))
    if _OTHER_SCRIPT.search(text):
        text = unicodedata.normalize("NFC", _OTHER_MARKS.sub("", text))
    return text


_CLUSTER = re.compile("[^\u0300-\u036f][\u0300-\u036f]*|[\u0300-\u036f]+", re.DOTALL)


def _plain_with_places(text: str) -> tuple[str, Callable[[int], int]]:
    """`_plain(text)`, and where a place in it lies in `text`."""
    plain = _plain(text)
    if len(plain) == len(text):
        return plain, lambda position: position
    pieces: list[str] = []
    places: list[int] = []
    for match in _CLUSTER.finditer(text):
        piece = _plain(match[0])
        pieces.append(piece)
        places += [match.start()] * len(piece)
    places.append(len(text))
    return "".join(pieces), places.__getitem__


@lru_cache(maxsize=1 << 15)
def _parts(chunk: str) -> tuple[tuple[str, int, int], ...]:
    """The words in a chunk of text without spaces, with their places in it."""
    if chunk.isalpha() and chunk.isascii():
        return ((_CAPITALS.get(chunk) or chunk.casefold()[:LONGEST], 0, len(chunk)),)
    lower = chunk.casefold()
    whole = ((lower[:LONGEST], 0, len(chunk)),)
    if len(lower) != len(chunk):
        return whole if not _SPACELESS.search(chunk) else tuple(_pairs(chunk, 0))
    if _SPACELESS.search(lower):
        return tuple(_pairs(lower, 0))
    if lower == ".net" or lower[-1] in "+#":
        return _signed(chunk, lower)
    if _THOUSANDS.match(lower):
        return ((lower.replace(",", "").replace(" ", "")[:LONGEST], 0, len(chunk)),)
    if _NUMBER.match(lower):
        return ((lower.replace(",", ".")[:LONGEST], 0, len(chunk)),)
    if _INITIALS.match(lower):
        joined = chunk.replace(".", "")
        return ((_CAPITALS.get(joined) or joined.casefold()[:LONGEST], 0, len(chunk)),)
    return tuple(_pieces(chunk, lower))


_PIECE = re.compile(r"[^-.,&]+(?:(?<![^\W_]{4})&(?![^\W_]{4})[^-.,&]+)*|[^-.,&]+")
_HYPHENATED = re.compile(r"([^\W_]+)-([^\W_]+)$")


def _signed(chunk: str, lower: str) -> tuple[tuple[str, int, int], ...]:
    """Words that end in a sign: `c++`, `c#`, `canal+` keep it, `10+` does not."""
    bare = lower.rstrip("+#")
    if lower == ".net" or (lower.endswith("#") and len(bare) == 1) or (lower[-1] == "+" and bare.isalpha()):
        return ((lower[:LONGEST], 0, len(chunk)),)
    return _parts(chunk[: len(bare)])


def _pairs(chunk: str, offset: int) -> Iterator[tuple[str, int, int]]:
    """Pairs of neighbouring characters in scripts without spaces, other words whole."""
    position = 0
    for match in _SPACELESS.finditer(chunk):
        yield from _rest(chunk, position, match.start(), offset)
        run = match[0]
        if len(run) == 1:
            yield run, offset + match.start(), offset + match.end()
        for index in range(len(run) - 1):
            start = offset + match.start() + index
            yield run[index : index + 2], start, start + 2
        position = match.end()
    yield from _rest(chunk, position, len(chunk), offset)


def _rest(chunk: str, start: int, end: int, offset: int) -> Iterator[tuple[str, int, int]]:
    for match in re.finditer(r"[^\W_]+", chunk[start:end]):
        yield match[0].casefold()[:LONGEST], offset + start + match.start(), offset + start + match.end()


def _pieces(chunk: str, lower: str) -> Iterator[tuple[str, int, int]]:
    if (match := _HYPHENATED.match(lower)) and _one_word(match[1], match[2]):
        yield (match[1] + match[2])[:LONGEST], 0, len(chunk)
        return
    for match in _PIECE.finditer(lower):
        start, end = match.span()
        piece = match[0]
        if "&" in piece:
            yield piece.replace("&", "")[:LONGEST], start, end
        elif "'" not in piece:
            yield _CAPITALS.get(chunk[start:end]) or piece[:LONGEST], start, end
        else:
            yield from _apostrophes(chunk[start:end], piece, start)


def _one_word(first: str, second: str) -> bool:
    """Whether a hyphen is only one way to write the word: e-mail, F-35, cyber-attack."""
    if len(first) == 1 and not first.isdecimal():
        return len(second) > 2 or second[0].isdecimal()  # noqa: PLR2004 - "y-a", "a-t" are two words
    return first in _JOINED_PREFIXES and second.isalpha() and len(second) > 1


def _apostrophes(chunk: str, lower: str, offset: int) -> Iterator[tuple[str, int, int]]:
    if _WHOLE.match(lower):
        yield lower.replace("'", "")[:LONGEST], offset, offset + len(chunk)
        return
    position = 0
    pieces = lower.split("'")
    for index, piece in enumerate(pieces):
        end = position + len(piece)
        start = offset + position
        if not piece:
            pass
        elif index and piece in _ELIDED_NOUNS and pieces[index - 1] in {"l", "d"}:
            yield "l'" + piece, start, offset + end
        else:
            yield _CAPITALS.get(chunk[position:end]) or piece[:LONGEST], start, offset + end
        position = end + 1


@lru_cache(maxsize=1 << 16)
def _terms(chunk: str, french: bool) -> tuple[str, ...]:  # noqa: FBT001 - a cache key
    """The terms of a chunk: of its words, and of the other ways to write it."""
    found = [word for word, _, _ in _parts(chunk)]
    terms = [_stemmed(word, french=french) for word in found if word not in EMPTY]
    lower = chunk.casefold()
    if _SPACELESS.search(lower):
        terms += [character for run in _SPACELESS.findall(lower) for character in run]
    elif len(found) == 1:
        terms += _other_forms(found[0], lower, french=french)
    elif len(found) == 2 and (match := _HYPHENATED.match(lower)) and not any(word in EMPTY for word in found):  # noqa: PLR2004
        terms.append(_stemmed((match[1] + match[2])[:LONGEST], french=french))
    elif lower.endswith((".js", ".io", ".ai")):
        terms.append(lower.replace(".", "")[:LONGEST])
    return tuple(dict.fromkeys(filter(None, terms)))


def _other_forms(word: str, lower: str, *, french: bool) -> Iterator[str]:
    if match := _GLUED.match(word):
        yield _stemmed(match[1], french=french)
        yield match[2]
    if "." in word:
        release = word.split(".")
        for count in range(1, len(release)):
            yield _form(".".join(release[:count]))
    if word.endswith("+"):
        yield _stemmed(word.rstrip("+"), french=french)
    if match := _HYPHENATED.match(lower):
        for part in match.groups():
            if len(part) > 1 and part not in EMPTY:
                yield _stemmed(part, french=french)


def _form(word: str) -> str:
    """A word in letters and digits."""
    if word.isalnum():
        return word
    if word == ".net":
        return "dotnet"
    return "".join(
        character if character.isalnum() else {".": "pt", "+": "plus", "#": "sharp"}.get(character, "")
        for character in word
    )


def _stemmed(word: str, *, french: bool) -> str:
    form = _form(word)
    return _stem(form, french=french) if form.isalpha() and form == word else form


class _Stemmers(threading.local):
    """A Snowball stemmer must not be shared by threads."""

    def __init__(self) -> None:
        self.english = Stemmer.Stemmer("english", 0)
        self.french = Stemmer.Stemmer("french", 0)


_stemmers = _Stemmers()


def _stem(word: str, *, french: bool) -> str:
    stem: str = (_stemmers.french if french else _stemmers.english).stemWord(word)
    return stem
