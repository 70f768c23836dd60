"""Lexer of the search syntax: words, phrases, filters with values, and operators.

A quotation mark opens a phrase only before a word, and closes it only after one; any other is ignored, so
that inches, a forgotten mark or a pasted paragraph lose no word. A minus excludes only at the beginning of a
word, not of a number ("-0.3 %").
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from bot.search.query.query_filters import FILTER_ALIAS_PATTERN, find_filter_by_alias

_OR_WORDS = {"OR", "OU", "|", "||"}
_AND_WORDS = {"AND", "ET", "&", "&&", "+"}
_NOT_WORDS = {"NOT", "SAUF"}
OPERATORS = frozenset(_OR_WORDS | _AND_WORDS | _NOT_WORDS)
"""Words and characters that are operators in a query, in English and in French."""
_ALTERNATIVE_SEPARATOR = re.compile(r"\|+")
_QUOTED_PATTERN = r'"[^"]*(?:"(?=\w)[^"]*)*"|“[^“”"]*[”"]|«[^«»"]*[»"]|[„”][^“”„"]*[“”"]'
_MINUS_PATTERN = r"(?<![^\s(])[-−–]"
_TOKEN_PATTERN = re.compile(
    rf"(?P<open>(?P<group_minus>{_MINUS_PATTERN})?(?:(?P<group_filter>{FILTER_ALIAS_PATTERN}):)?\()|(?P<close>\))"
    rf"|(?P<minus>{_MINUS_PATTERN}(?=[^\s\d\-−–)]))?(?:(?P<name>{FILTER_ALIAS_PATTERN}):(?=\S))?"
    rf"(?:(?<!\w)(?P<quoted>{_QUOTED_PATTERN})(?!\w)|(?P<stray>[\"“«„”»])|(?P<bare>(?:[^\s()\"“«„”»]|(?<=\w)[\"“«„”»])+))"
)


class Token(NamedTuple):
    """A token of a query.

    Attributes:
        kind: "(", ")", "or", "not" or "term"; "stray" (a misplaced quotation mark), "minus" and "valueless"
            (a filter without value) have no effect.
        value: Word, text of a phrase, or value of a filter.
        filter_alias: Name of the filter as it was typed, in English or French; "" without a filter.
        start: Offset of a filter in the text; negative if no word may be added to its value.
        end: Offset after an unquoted filter or word.
    """

    kind: str
    value: str = ""
    filter_alias: str = ""
    is_quoted: bool = False
    is_negated: bool = False
    start: int = 0
    end: int = 0


def tokenize_query(text: str) -> Iterator[Token]:
    """Yield the tokens of a query in order. The query must be on one line."""
    for match in _TOKEN_PATTERN.finditer(text):
        filter_alias, is_negated = match["name"] or "", bool(match["minus"])
        if match["close"]:
            yield Token(")")
        elif match["open"]:
            yield from _iter_group_tokens(match)
        elif match["stray"]:
            yield Token("stray")
        elif match["quoted"]:
            quoted_text = match["quoted"][1:-1].strip()
            yield Token("term", quoted_text, filter_alias, is_quoted=True, is_negated=is_negated)
        elif _ALTERNATIVE_SEPARATOR.search(match["bare"]) and match["bare"] not in _OR_WORDS:
            yield from _iter_alternative_tokens(match["bare"], filter_alias, is_negated=is_negated)
        else:
            token = _create_word_token(match["bare"], filter_alias, is_negated=is_negated)
            if token is not None:
                yield token._replace(start=match.start("name"), end=match.end())


def _iter_group_tokens(match: re.Match[str]) -> Iterator[Token]:
    """Yield the tokens of an opening parenthesis, with the filter before it if there is one.

    The filter applies to each word of the group.
    """
    filter_alias = match["group_filter"] or ""
    if match["group_minus"]:
        yield Token("not")
    if filter_alias and find_filter_by_alias(filter_alias) is None:
        yield Token("term", filter_alias)
        filter_alias = ""
    yield Token("(", filter_alias=filter_alias)


def _iter_alternative_tokens(text: str, group_filter_alias: str, *, is_negated: bool) -> Iterator[Token]:
    """Yield the tokens of words joined by `|`; a filter before the first word applies to all of them."""
    words = _ALTERNATIVE_SEPARATOR.split(text)
    is_group = all(words)
    if is_group:
        if is_negated:
            yield Token("not")
        yield Token("(", filter_alias=group_filter_alias if find_filter_by_alias(group_filter_alias) else "")
    for word_index, word in enumerate(words):
        if word_index:
            yield Token("or")
        filter_alias, colon, filter_value = word.partition(":")
        is_filter = bool(colon and filter_value and find_filter_by_alias(filter_alias))
        word_filter_alias, term = (
            (filter_alias, filter_value) if is_filter else ("" if word_index else group_filter_alias, word)
        )
        token = _create_word_token(term, word_filter_alias, is_negated=is_negated and not is_group) if term else None
        if token is not None:
            yield token._replace(start=-1)
    if is_group:
        yield Token(")")


def _create_word_token(word: str, filter_alias: str, *, is_negated: bool) -> Token | None:
    """Return the token of a word, filter or operator; None for AND, which is implied anyway."""
    if filter_alias:
        return Token("term", word, filter_alias, is_negated=is_negated)
    if word.endswith(":") and find_filter_by_alias(word[:-1]):
        return Token("valueless", word)
    if word == "-":
        return Token("minus")
    if not is_negated and word in _OR_WORDS:
        return Token("or")
    if not is_negated and word in _NOT_WORDS:
        return Token("not")
    return None if word in _AND_WORDS else Token("term", word, is_negated=is_negated)
