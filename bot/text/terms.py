"""Terms: what a text is found by, and what a query looks for. Both come from here alone.

A text is cut into words, and each word that is not empty becomes the stem of the text's language. A query
word becomes the stems it may have in English and in French, since nobody says in which language they ask.
Terms hold letters and digits only, so that the index's own tokenizer keeps them whole.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zlib import crc32

import Stemmer

from bot.text import inflections
from bot.text.stopwords import EMPTY
from bot.text.tokens import LONGEST, chunks, fold, form, hyphenated, in_one, plain, spans, split, words

__all__ = [
    "HAS_IMAGE", "VERSION", "IndexTerms", "alternatives", "author_tokens", "feed_token", "fold", "forms",
    "index_terms", "language_token", "meta_tokens", "month_token", "outlet_tokens", "pair_tokens", "spans",
    "stems", "tag_tokens", "title_pair", "words",
]  # fmt: skip

VERSION = 8
"""Of the rules here, in `inflections`, `stopwords` and `tokens`: an index of other rules is made anew."""

_LONGEST_NAME = 120
_SHORTEST = 3  # letters of a word in the singular
_REMEMBERED = 1 << 14  # chunks: 3 MB a language; with four times as many a text takes .1 ms less
_FEW_REMEMBERED = 1 << 12  # those with other than plain letters: with four times as many it takes as long
_PAIRS = (1 << 24) - 1  # numbers that two words beside each other are told by,
_SEAMS = (1 << 12) - 1  # and those of which one is empty
_AFTER = re.compile(
    r" (?=[\dADJLMNSTY+])(?:(\d[^\W_]{0,4})(?![\w.,-]*\w)"
    r"|([ADJLMNSTY])(?![\w.,'&-]*\w|\. [A-Z])|(\+)(?![\w+]))"
)
_Y_BEFORE = re.compile(r"(?<!\S)Y (?=([A-Z][a-z]+))")
_AMPERSAND = re.compile(r"(?<!\w)([A-Z]{1,2}) & ([A-Z]{1,2})(?!\w)")
_HYPHENATED_NUMBER = re.compile(r"([^\W\d_]{2,})-(\d[^\W_]{0,4})(?![^\W_])")
_NAME_BEFORE = re.compile(r"(?<![\w.])[^\W\d_]{2,}$")
_YEAR = re.compile(r"(?:19|20)\d\d")
_GLUED = re.compile(r"([^\W\d_]{2,})(\d[^\W_]*)")
_SHORT_IN_A = re.compile(r"(\w{1,3}[^\Wr]a)s?")
ABBREVIATIONS = {
    "bn": "billion",
    "mds": "milliard",
    "mln": "million",
    "st": "saint",
    "ste": "saint",
    "trn": "trillion",
}
"""Words that are found by the terms of what they stand for."""
_SIGNS = {".": "pt", "+": "plus", "#": "sharp"}
_KNOWN_SIGNS = {".net": "dotnet", "l'as": "as", "l'est": "est", "l'ete": "ete", "l'or": "or"}


class IndexTerms(NamedTuple):
    """The row of an article in the index."""

    title: str
    body: str
    meta: str
    pairs: str


class _Terms(dict[str, str]):
    """The terms of chunks by one stemmer, apart by spaces, remembered: a text costs a look-up a word."""

    def __init__(self, *, french: bool) -> None:
        super().__init__()
        self._french = french

    def __missing__(self, chunk: str) -> str:
        if len(self) >= _REMEMBERED:
            self.clear()
        found = dict.fromkeys(_terms_of(chunk, french=self._french))
        terms = self[chunk] = " ".join(filter(None, found))
        return terms


class _Hashes(dict[str, tuple[int, ...]]):
    """A number for each word of a chunk, below 0 for an empty one, remembered."""

    def __missing__(self, chunk: str) -> tuple[int, ...]:
        if len(self) >= _FEW_REMEMBERED:
            self.clear()
        hashes = self[chunk] = tuple(_hash(word.form) for word in split(chunk))
        return hashes


_WORD_HASHES = _Hashes()
_ENGLISH_TERMS = _Terms(french=False)
_FRENCH_TERMS = _Terms(french=True)


def stems(text: str, language: str | None) -> list[str]:
    """The terms by which `text` is found, in order, empty words left out, by the stemmer of its language.

    Beside each word stand the other ways to write it: `GPT-4o` and `GPT 4o` also give `gpt4o`, `wi-fi` its
    parts, `3.12.1` also `3` and `3.12`, `iPhone15` also `iphone` and `15`.
    """
    simple = plain(text)
    return _joined_stems(simple, chunks(simple), language).split()


def _joined_stems(simple: str, found: Iterable[str], language: str | None) -> str:
    """The stems of a plain text, of which the chunks are `found`."""
    remembered = _FRENCH_TERMS if language == "fr" else _ENGLISH_TERMS
    terms = list(filter(None, map(remembered.__getitem__, found)))
    for match in _AFTER.finditer(simple):
        name = _NAME_BEFORE.search(simple, max(0, match.start() - LONGEST), match.start())
        if name and (folded := name[0].casefold()) not in EMPTY:
            number, letter, plus = match.groups()
            if letter:
                terms.append(_form(beside_letter(folded, letter)))
            elif plus and name[0][0].isupper():
                terms.append(f"{folded}plus"[:LONGEST])
            elif number and not _YEAR.fullmatch(number):
                terms.append((folded + number.casefold())[:LONGEST])
    if "Y " in simple:
        terms += (_form(beside_letter("y", match[1])) for match in _Y_BEFORE.finditer(simple))
    if " & " in simple:
        terms += ("".join(match.groups()).casefold() for match in _AMPERSAND.finditer(simple))
    return " ".join(terms)


def beside_letter(one: str, other: str) -> str:
    """The form of a word and a letter beside it that says nothing alone: Model S, which is no plural."""
    return f"{one}0{other}".casefold()[:LONGEST]


@lru_cache(maxsize=1 << 10)
def written_in_one(written: str) -> tuple[str, ...]:
    """The terms that what is written with a hyphen may have in the index without it."""
    found = chunks(plain(written))
    whole = in_one(found[0]) if len(found) == 1 else ""
    return alternatives(whole) if whole else ()


@lru_cache(maxsize=1 << 10)
def alternatives(word: str) -> tuple[str, ...]:
    """The terms that a query word (one of `words`) may have in the index; none for an empty word."""
    if word in EMPTY:
        return ()
    if word.isalpha() and word.islower():
        return tuple(dict.fromkeys((_stem(word, french=False), _stem(word, french=True))))
    form = _form(word)
    return (form,) if form else ()


@lru_cache(maxsize=1 << 14)
def forms(word: str, language: str | None) -> tuple[str, ...]:
    """The terms that one of the `words` of a text has in the index; by both stemmers for no `language`."""
    languages = ("en", "fr") if language is None else (language,)
    if word.isascii() and word.isalpha() and word.islower():  # as most are: one term a stemmer
        found = () if word in EMPTY else (_stem(word, french=code == "fr") for code in languages)
    elif word in EMPTY:
        found = ()
    else:
        found = (term for code in languages for term in stems(word, code))
    return tuple(dict.fromkeys(found))


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
    meta = meta_tokens(
        language=language,
        feed_id=feed_id,
        outlet=outlet,
        author=author,
        tags=tags,
        published=published,
        image=image,
    )
    title, body = plain(title), plain(body)
    in_title, in_body = chunks(title), chunks(body)
    title_pairs = _pairs(_hashes_of(in_title))
    return IndexTerms(
        _joined_stems(title, in_title, language),
        _joined_stems(body, in_body, language),
        " ".join(meta),
        " ".join((*map(title_pair, title_pairs), *title_pairs, *_pairs(_hashes_of(in_body)))),
    )


def meta_tokens(
    *,
    language: str | None,
    feed_id: int,
    outlet: str,
    author: str | None,
    tags: Sequence[str],
    published: int,
    image: str | None,
) -> list[str]:
    """What filters find an article by. `published` in seconds of UTC."""
    feed, month = feed_token(feed_id), month_token(published)
    meta = [feed, month, feed + month]
    if language:
        meta.append(language_token(language))
    meta += outlet_tokens(outlet)
    meta += author_tokens(author or "")
    for tag in tags:
        meta += tag_tokens(tag)
    if image:
        meta.append(HAS_IMAGE)
    return meta


HAS_IMAGE = "hasimage"
"""The token of `meta` of an article with a picture."""


def pair_tokens(words: Iterable[str]) -> tuple[str, ...]:
    """The tokens by which a phrase is found: of each two of its `words` in a row, empty ones left out.

    And of each two of which one is empty. A few other pairs have the same token: one in some millions, and
    of those with an empty word one in some thousands.
    """
    return _pairs(list(map(_hash, words)))


def title_pair(token: str) -> str:
    """The token of a pair that stands in a title; it has the other one too."""
    return f"t{token}"


def _pairs(hashes: Sequence[int]) -> tuple[str, ...]:
    telling = filter((0).__le__, hashes)
    numbers = dict.fromkeys((31 * one ^ other) & _PAIRS for one, other in pairwise(telling))
    seams = dict.fromkeys((31 * one ^ other) & _SEAMS for one, other in pairwise(hashes) if one ^ other < 0)
    return (*map("%06x".__mod__, numbers), *map("%03x".__mod__, seams))


def _hash(word: str) -> int:
    return ~crc32(word.encode()) if word in EMPTY else crc32(word.encode())


def _hashes_of(found: Iterable[str]) -> list[int]:
    """The numbers of the words of these chunks."""
    hashes: list[int] = []
    for chunk in found:
        if chunk.isascii() and chunk.isalpha():  # most are: there is nothing to remember
            hashes.append(_hash(form(chunk)))
        else:
            hashes += _WORD_HASHES[chunk]
    return hashes


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
    """The tokens of `meta` of an outlet: its words in order, then, of several, all in one (`lemonde`)."""
    return _name_tokens("o", name)


def author_tokens(name: str) -> tuple[str, ...]:
    """The tokens of `meta` of an author, as those of an outlet."""
    return _name_tokens("a", name)


def tag_tokens(name: str) -> tuple[str, ...]:
    """The tokens of `meta` of a tag, as those of an outlet, but for the ending of a plural."""
    return _name_tokens("t", name, singular=True)


@lru_cache(maxsize=1 << 10)
def _name_tokens(letter: str, name: str, *, singular: bool = False) -> tuple[str, ...]:
    found = words(name[:_LONGEST_NAME])
    forms = [form for form in map(_form, map(_singular, found) if singular else found) if form]
    joined = [letter + "".join(forms)] if len(forms) > 1 else []
    return (*(letter + form for form in forms), *joined)


def _singular(word: str) -> str:
    """A word without what plurals end in, and with one ending for `technology` and `technologie`."""
    if not word.isalpha():
        return word
    if len(word) > _SHORTEST and word.endswith(("s", "ux")) and not word.endswith("ss"):
        word = word[:-1]
    return f"{word[:-2]}y" if len(word) > _SHORTEST and word.endswith("ie") else word


def _terms_of(chunk: str, *, french: bool) -> Iterator[str]:
    """The terms of a chunk: of its words, and of the other ways to write it."""
    found = [word.form for word in split(chunk)]
    for word in found:
        if word not in EMPTY:
            yield _stemmed(word, french=french)
            yield from _other_forms(word, french=french)
    lower = chunk.casefold()
    if "-" in lower:
        yield from _hyphenated_terms(chunk, lower, found, french=french)
    elif len(found) > 1 and lower.endswith((".js", ".io", ".ai")):
        yield _stemmed("".join(found)[:LONGEST], french=french)
    elif any(len(word) == 2 and not word.isascii() for word in found):  # noqa: PLR2004 - pairs of characters
        yield from (character for word in found if not word.isascii() for character in word)


def _hyphenated_terms(chunk: str, lower: str, found: Sequence[str], *, french: bool) -> Iterator[str]:
    """The parts of a word that is one, the whole of one that is two, and a name with its number."""
    if parts := hyphenated(lower):
        if whole := in_one(chunk):
            yield _stemmed(whole, french=french)
        elif "".join(parts)[:LONGEST] in found:
            yield from (
                _stemmed(part, french=french) for part in parts if len(part) > 1 and part not in EMPTY
            )
    elif (numbered := _HYPHENATED_NUMBER.match(lower)) and numbered[1] not in EMPTY:
        yield "".join(numbered.groups())


def _other_forms(word: str, *, french: bool) -> Iterator[str]:
    if match := _GLUED.fullmatch(word):
        yield _stemmed(match[1], french=french)
        yield match[2]
    if "." in word and word[0].isdecimal():
        release = word.split(".")
        for count in range(1, len(release)):
            yield from map(_form, words(".".join(release[:count])))
    if word.endswith("+") and len(word.rstrip("+")) > 1:
        yield _stemmed(word.rstrip("+"), french=french)


def _form(word: str) -> str:
    """A word in letters and digits."""
    if word.isalnum():
        return word.lower()
    known = _KNOWN_SIGNS.get(word)
    return known or "".join(c if c.isalnum() else _SIGNS.get(c, "") for c in word)


def _stemmed(word: str, *, french: bool) -> str:
    return _stem(word, french=french) if word.isalpha() and word.islower() else _form(word)


class _Stemmers(threading.local):
    """Snowball stemmers, which threads must not share."""

    def __init__(self) -> None:
        self.english = Stemmer.Stemmer("english", 0)
        self.french = Stemmer.Stemmer("french", 0)


_stemmers = _Stemmers()


def _stem(word: str, *, french: bool) -> str:
    if word in ABBREVIATIONS:
        return ABBREVIATIONS[word]
    base = inflections.base(word, french=french)
    if french and (base in inflections.WHOLE or base.endswith("ai")):
        return base  # ai: a name such as OpenAI, or Dubai, where the stemmer cuts what "je chantai" ends in
    if french and (short := _SHORT_IN_A.fullmatch(base)):
        return short[1]  # Meta, Gaza, NASA, data: what "il chanta" ends in leaves "met", "gaz", "nas", "dat"
    stemmer = _stemmers.french if french else _stemmers.english
    stem: str = stemmer.stemWord(base)
    return stem.replace("é", "e")
