"""Parser of the search syntax. Every text is a valid query; none is an error.

All words are required, `"exact phrases"` match as written, `-word` excludes, `OR` (also `OU`, `|`) joins its
two neighbours, and parentheses group. `name:value` filters, and `name:(one OR other)` applies the filter to
each word of the group. Names and values may be English or French.
"""

import re
from datetime import UTC, tzinfo
from difflib import get_close_matches

from bot.search.query import query_checks
from bot.search.query.query_filters import FILTER_ALIASES, FLAG_VALUES, TITLE, FilterName, language_code
from bot.search.query.query_lexer import OPERATORS, Token, tokenize_query
from bot.search.query.query_notes import Note, NoteKind
from bot.search.query.query_tree import (
    AllOf,
    AnyOf,
    FieldFilter,
    Node,
    Phrase,
    Query,
    UnquotedFilter,
    Word,
    negate,
)
from bot.text.stopwords import STOPWORDS
from bot.text.times import periods
from bot.text.words import fold, words

MAX_CHARS_READ = 2_000
"""Maximum number of characters read of a query."""
MAX_LENGTH = 400
"""Maximum length in characters of a stored query (filter or watch) and of a question."""
MAX_TERMS = 256
"""Maximum number of words, phrases and filters in a query."""
MAX_DEPTH = 5
"""Maximum depth of nested parentheses."""
MAX_UNQUOTED_VALUE_WORDS = 5
"""Maximum number of unquoted words that may extend the value of a filter."""
_MIN_NAME_SIMILARITY = 0.7
"""Minimum similarity of an unknown filter name to a suggested one, from 0 to 1 (difflib)."""

# The colon may have a space after it, and before it as in French.
_SPACED_FILTER = re.compile(r"(?<!\S)(?P<minus>[-−–]?)(?P<name>[^\W\d_]{2,12})(?: ?: | :)(?=[^\s()])")
_SPACED_FILTER_NAMES = frozenset(
    "title titre source author auteur tag etiquette lang langue since depuis before avant".split()
)
"""Names of filters that are unlikely as words of a sentence."""
_SENTENCE_ENDS = tuple(".!?…")
"""Characters that end a sentence."""


def parse_query(text: str, now: int, zone: tzinfo = UTC, *, max_chars: int = MAX_CHARS_READ) -> Query:
    """Parse a query. Never raises.

    Relative dates such as `7d` or `last monday` count from `now` (Unix time); days begin at midnight in
    `zone`. At most `max_chars` characters and `MAX_QUERY_TERMS` terms are read; notes say what was cut.
    """
    return _Parser(text, now, zone, max_chars).query()


def word_or_phrase(text: str, *, title: bool = False) -> Word | Phrase | None:
    """Return a word, a phrase if the text has several words, or None if it has none."""
    count = len(words(text))
    return (Word if count == 1 else Phrase)(text, title) if count else None


class _Parser:
    def __init__(self, text: str, now: int, zone: tzinfo, longest: int) -> None:
        self.notes: list[Note] = []
        self.unquoted_filters: list[UnquotedFilter] = []
        self.deferred_notes: list[Note] = []  # Dropped if the query has no nodes.
        self.now = now
        self.zone = zone
        self.text = " ".join(text[: longest * 4].split())
        if len(self.text) > longest:
            self.text = self.text[:longest]
            self.note(NoteKind.CUT_TEXT, count=longest)
        self.text = _SPACED_FILTER.sub(self.join_spaced_filter, self.text)
        self.tokens = [token for token in tokenize_query(self.text) if not self.is_ignored(token)]
        self.position = 0
        self.terms = 0
        self.ignored_parentheses = 0  # Open parentheses beyond the maximum depth.
        self.filters: list[str] = []  # Names of the filters before the open parentheses.

    def note(self, remark: NoteKind, **values: object) -> None:
        self.notes.append(Note.of(remark, **values))

    def defer_note(self, remark: NoteKind, **values: object) -> None:
        self.deferred_notes.append(Note.of(remark, **values))

    def join_spaced_filter(self, match: re.Match[str]) -> str:
        """Join a filter's name, colon and value if spaces separate them; a date filter only before a date.

        A name after a stop word ("à la source : …") or at the beginning of a later sentence is a noun.
        """
        name = fold(match["name"])
        before = self.text[: match.start()].rpartition(" ")[0].rpartition(" ")[2]
        is_noun = before.endswith(_SENTENCE_ENDS) or (fold(before) in STOPWORDS and before not in OPERATORS)
        if name not in _SPACED_FILTER_NAMES or is_noun:
            return match[0]
        if FILTER_ALIASES[name] in (FilterName.SINCE, FilterName.BEFORE) and not self.begins_with_date(
            match.end()
        ):
            return match[0]
        filter_ = f"{match['minus']}{match['name']}:"
        value = self.text[match.end() :].partition(" ")[0]
        self.note(NoteKind.REINTERPRETED, value=match[0] + value, filter=filter_ + value)
        return filter_

    def begins_with_date(self, start: int) -> bool:
        """Return whether the words from `start` on begin with a date or with quoted text."""
        following = self.text[start:].split()[: MAX_UNQUOTED_VALUE_WORDS + 1]
        return not self.text[start].isalnum() or any(
            periods.parse(" ".join(following[:count]), self.now, self.zone)
            for count in range(1, len(following) + 1)
        )

    def is_ignored(self, token: Token) -> bool:
        """Return whether a token has no effect, and add a note about it."""
        if token.kind == "stray":
            self.defer_note(NoteKind.STRAY_QUOTE)
        elif token.kind == "minus":
            self.defer_note(NoteKind.STRAY_MINUS)
        elif token.kind == "valueless":
            self.note(NoteKind.NO_VALUE, value=token.value)
        else:
            return False
        return True

    def query(self) -> Query:
        nodes: list[Node] = []
        while self.position < len(self.tokens):
            nodes += self.group(0)
            if self.peek() == ")":
                self.position += 1
                self.defer_note(NoteKind.STRAY_CLOSING)
        if not nodes and self.text and not self.notes:
            self.note(NoteKind.EMPTY_QUERY)
        notes = dict.fromkeys((*self.notes, *(self.deferred_notes if nodes else ())))
        return Query(
            text=self.text,
            nodes=tuple(nodes),
            notes=tuple(notes),
            unquoted_filters=tuple(self.unquoted_filters),
        )

    def peek(self) -> str:
        return self.tokens[self.position].kind if self.position < len(self.tokens) else ""

    def at_group_end(self) -> bool:
        """Return whether a group ends here; skip parentheses that close a group beyond the maximum depth."""
        while self.peek() == ")" and self.ignored_parentheses:
            self.position += 1
            self.ignored_parentheses -= 1
        return self.peek() in ("", ")")

    def group(self, depth: int) -> list[Node]:
        """Parse up to the end or to a closing parenthesis; OR joins its two neighbours."""
        nodes: list[Node] = []
        joined = False
        while not self.at_group_end():
            if self.peek() == "or":
                self.position += 1
                if joined or not nodes:
                    self.defer_note(NoteKind.STRAY_OR)
                joined = bool(nodes)
                continue
            node = self.item(depth)
            if node is not None:
                nodes.append(_join_or(nodes.pop(), node) if joined else node)
                joined = False
        if joined:
            self.defer_note(NoteKind.STRAY_OR)
        return nodes

    def item(self, depth: int) -> Node | None:
        token = self.tokens[self.position]
        self.position += 1
        if token.kind == "not":
            return self.negation(depth)
        if token.kind == "(":
            return self.parenthesis(token, depth)
        self.terms += 1
        if self.terms > MAX_TERMS:
            self.note(NoteKind.CUT_TERMS, count=MAX_TERMS)
            return None
        if not token.name and self.filters:
            token = token._replace(name=self.filters[-1], start=-1)
        node = self.term(token)
        return negate(node) if token.negated and node is not None else node

    def negation(self, depth: int) -> Node | None:
        """Parse what follows a NOT."""
        if self.peek() in ("(", "term"):
            node = self.item(depth)
            return None if node is None else negate(node)
        self.defer_note(NoteKind.STRAY_NOT)
        return None

    def parenthesis(self, token: Token, depth: int) -> Node | None:
        """Parse a group whose opening parenthesis has been read."""
        if depth == MAX_DEPTH:
            self.ignored_parentheses += 1
            self.defer_note(NoteKind.TOO_DEEP, count=MAX_DEPTH)
            return None
        self.filters.append(token.name or (self.filters[-1] if self.filters else ""))
        nodes = self.group(depth + 1)
        self.filters.pop()
        if self.peek() == ")":
            self.position += 1
        else:
            self.defer_note(NoteKind.UNCLOSED)
        return AllOf(tuple(nodes)) if len(nodes) > 1 else nodes[0] if nodes else None

    def term(self, token: Token) -> Node | None:
        name = FILTER_ALIASES.get(fold(token.name)) if token.name else None
        if name is not None and name != TITLE:
            return self.condition(name, token)
        value = token.value
        if name is None and token.name:
            value = f"{token.name} {token.value}"
            self.note_unknown_filter(token)
        if not words(value):
            return None
        return (Phrase if token.quoted else Word)(value, title_only=name == TITLE)

    def note_unknown_filter(self, token: Token) -> None:
        """Add a note with the most similar filter name, unless the token is the beginning of a URL."""
        if token.value.startswith("//"):
            return
        near = next(
            iter(get_close_matches(fold(token.name), FILTER_ALIASES, n=1, cutoff=_MIN_NAME_SIMILARITY)), ""
        )
        self.defer_note(
            NoteKind.UNKNOWN_FILTER, name=token.name, value=f"{token.name}:{token.value}", near=near
        )

    def condition(self, name: str, token: Token) -> Node | None:
        if name in (FilterName.SINCE, FilterName.BEFORE):
            return self.date(FilterName(name), token)
        if name == FilterName.LANGUAGE:
            if code := language_code(token.value):
                return FieldFilter(FilterName.LANGUAGE, code)
            self.note(NoteKind.INVALID_LANGUAGE, value=token.value)
            return None
        if name in FLAG_VALUES:
            values, chosen = FLAG_VALUES[name]
            if fold(token.value).strip() in values:
                return FieldFilter(chosen, "")
            typed = f"{token.name}:{token.value}"
            self.note(NoteKind.UNKNOWN_FLAG, value=typed)
            return None
        return self.name_condition(FilterName(name), token) if words(token.value) else None

    def name_condition(self, filter_: FilterName, token: Token) -> Node:
        if token.start >= 0 and (following := self.following_words(token)):
            later, ends = (word.value for word in following), (word.end for word in following)
            self.unquoted_filters.append(
                UnquotedFilter(filter_, token.name, token.value, tuple(later), token.start, tuple(ends))
            )
        return FieldFilter(filter_, token.value)

    def date(self, filter_: FilterName, token: Token) -> Node | None:
        """Parse a date, including unquoted words after it that belong to it."""
        following = [later.value for later in self.following_words(token)]
        for count in range(len(following), -1, -1):
            value = " ".join([token.value, *following[:count]])
            if period := periods.parse(value, self.now, self.zone):
                self.position += count
                condition = FieldFilter(filter_, period.start)
                if not query_checks.is_iso_date(value):
                    self.notes.append(query_checks.date_note(condition, self.zone, self.now))
                return condition
        self.note(NoteKind.INVALID_DATE, value=token.value)
        return None

    def following_words(self, token: Token) -> list[Token]:
        """Return the words that may extend the value of a filter; none if the value is quoted."""
        found: list[Token] = []
        for later in self.tokens[self.position : self.position + MAX_UNQUOTED_VALUE_WORDS]:
            if token.quoted or later.kind != "term" or later.quoted or later.name or later.negated:
                break
            found.append(later)
        return found


def _join_or(one: Node, other: Node) -> AnyOf:
    """Join two nodes as alternatives; merge alternatives that they already contain."""
    return AnyOf(
        tuple(part for node in (one, other) for part in (node.nodes if isinstance(node, AnyOf) else (node,)))
    )
