"""Lexer of the search syntax: words, phrases, filters with values, and operators.

A quotation mark opens a phrase only before a word, and closes it only after one; any other is ignored, so
that inches, a forgotten mark or a pasted paragraph lose no word. A minus excludes only at the beginning of a
word, not of a number ("-0.3 %").
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from bot.search.query.query_filters import filter_from_alias

_OR = {"OR", "OU", "|", "||"}
_AND = {"AND", "ET", "&", "&&", "+"}
_NOT = {"NOT", "SAUF"}
OPERATORS = frozenset(_OR | _AND | _NOT)
_SEPARATOR = re.compile(r"\|+")
_NAME = r"[^\W\d_]{2,12}|jusqu['’][aàAÀ]|[aàAÀ](?=:(?:image|photo))"
_QUOTED = r'"[^"]*(?:"(?=\w)[^"]*)*"|“[^“”"]*[”"]|«[^«»"]*[»"]|[„”][^“”„"]*[“”"]'
_MINUS_PATTERN = r"(?<![^\s(])[-−–]"
_TOKEN = re.compile(
    rf"(?P<open>(?P<without>{_MINUS_PATTERN})?(?:(?P<of>{_NAME}):)?\()|(?P<close>\))"
    rf"|(?P<minus>{_MINUS_PATTERN}(?=[^\s\d\-−–)]))?(?:(?P<name>{_NAME}):(?=\S))?"
    rf"(?:(?<!\w)(?P<quoted>{_QUOTED})(?!\w)|(?P<stray>[\"“«„”»])|(?P<bare>(?:[^\s()\"“«„”»]|(?<=\w)[\"“«„”»])+))"
)


class Token(NamedTuple):
    """A token of a query.

    Attributes:
        kind: "(", ")", "or", "not" or "term"; "stray", "minus" and "valueless" have no effect.
        start: Offset of a filter in the text; negative if no word may be added to its value.
        end: Offset after an unquoted filter or word.
    """

    kind: str
    value: str = ""
    name: str = ""
    quoted: bool = False
    negated: bool = False
    start: int = 0
    end: int = 0


def tokenize_query(text: str) -> Iterator[Token]:
    """Yield the tokens of a query, which must be on one line, in order."""
    for match in _TOKEN.finditer(text):
        name, negated = match["name"] or "", bool(match["minus"])
        if match["close"]:
            yield Token(")")
        elif match["open"]:
            yield from _group_tokens(match)
        elif match["stray"]:
            yield Token("stray")
        elif match["quoted"]:
            value = match["quoted"][1:-1].strip()
            yield Token("term", value, name, quoted=True, negated=negated)
        elif _SEPARATOR.search(match["bare"]) and match["bare"] not in _OR:
            yield from _alternative_tokens(match["bare"], name, negated=negated)
        else:
            token = _word_token(match["bare"], name, negated=negated)
            if token is not None:
                yield token._replace(start=match.start("name"), end=match.end())


def _group_tokens(match: re.Match[str]) -> Iterator[Token]:
    """Yield the tokens of an opening parenthesis, with the filter that applies to each word in the group."""
    name = match["of"] or ""
    if match["without"]:
        yield Token("not")
    if name and filter_from_alias(name) is None:
        yield Token("term", name)
        name = ""
    yield Token("(", name=name)


def _alternative_tokens(value: str, name: str, *, negated: bool) -> Iterator[Token]:
    """Yield the tokens of words joined by `|`, to which the filter before the first one applies."""
    words = _SEPARATOR.split(value)
    is_group = all(words)
    if is_group:
        if negated:
            yield Token("not")
        yield Token("(", name=name if filter_from_alias(name) else "")
    for number, word in enumerate(words):
        if number:
            yield Token("or")
        own, colon, rest = word.partition(":")
        is_filter = bool(colon and rest and filter_from_alias(own))
        filter_, written = (own, rest) if is_filter else ("" if number else name, word)
        token = _word_token(written, filter_, negated=negated and not is_group) if written else None
        if token is not None:
            yield token._replace(start=-1)
    if is_group:
        yield Token(")")


def _word_token(value: str, name: str, *, negated: bool) -> Token | None:
    """Return the token of a word, filter or operator; None for AND, which is implied."""
    if name:
        return Token("term", value, name, negated=negated)
    if value.endswith(":") and filter_from_alias(value[:-1]):
        return Token("valueless", value)
    if value == "-":
        return Token("minus")
    if not negated and value in _OR:
        return Token("or")
    if not negated and value in _NOT:
        return Token("not")
    return None if value in _AND else Token("term", value, negated=negated)
