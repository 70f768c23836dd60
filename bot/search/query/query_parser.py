"""Parser of the search syntax. Every text is a valid query; none is an error.

All words are required, `"exact phrases"` match as written, `-word` excludes, `OR` (also `OU`, `|`) joins its
two neighbours, and parentheses group. `name:value` filters, and `name:(one OR other)` applies the filter to
each word of the group. Names and values may be English or French.
"""

import re
from datetime import UTC, tzinfo
from difflib import get_close_matches

from bot.search.query import query_checks
from bot.search.query.query_filters import (
    FILTER_NAME_BY_ALIAS,
    FLAG_VALUES_AND_PROPERTY_BY_FILTER_NAME,
    TITLE_FILTER,
    FilterName,
    find_language_code,
)
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
    negate_node,
)
from bot.text.stopwords import STOPWORDS
from bot.text.times import periods
from bot.text.words import fold, split_words

MAX_CHARS_READ = 2_000
"""Maximum number of characters read of a query."""
MAX_QUERY_LENGTH = 400
"""Maximum length in characters of a stored query (filter or watch) and of a question."""
MAX_QUERY_TERMS = 256
"""Maximum number of words, phrases and filters in a query."""
MAX_PARENTHESIS_DEPTH = 5
"""Maximum depth of nested parentheses in a query."""
MAX_UNQUOTED_VALUE_WORDS = 5
"""Maximum number of unquoted words that may extend the value of a filter."""
_MIN_NAME_SIMILARITY = 0.7
"""Minimum similarity, from 0 to 1 (difflib), of an unknown filter name to the name that is suggested."""

# The colon may have a space after it, and before it as in French.
_SPACED_FILTER_PATTERN = re.compile(r"(?<!\S)(?P<minus>[-−–]?)(?P<name>[^\W\d_]{2,12})(?: ?: | :)(?=[^\s()])")
_SPACED_FILTER_NAMES = frozenset(
    "title titre source author auteur tag etiquette lang langue since depuis before avant".split()
)
"""Names of filters whose colon may have a space before or after it: they are rarely words of a sentence."""
_SENTENCE_ENDS = tuple(".!?…")
"""Characters that end a sentence."""


def parse_query(text: str, now: int, zone: tzinfo = UTC, *, max_chars: int = MAX_CHARS_READ) -> Query:
    """Parse a query; any text is valid.

    Relative dates such as `7d` or `last monday` count from `now` (Unix time in seconds); days begin at
    midnight in `zone`. At most `max_chars` characters and `MAX_QUERY_TERMS` terms are read; notes say what
    was cut.
    """
    return _QueryParser(text, now, zone, max_chars).parse()


def create_word_or_phrase(text: str, *, is_title_only: bool = False) -> Word | Phrase | None:
    """Return a `Word`, a `Phrase` if the text has several words, or None if it has none."""
    word_count = len(split_words(text))
    return (Word if word_count == 1 else Phrase)(text, is_title_only) if word_count else None


class _QueryParser:
    def __init__(self, text: str, now: int, zone: tzinfo, max_chars: int) -> None:
        self.notes: list[Note] = []
        self.unquoted_filters: list[UnquotedFilter] = []
        self.deferred_notes: list[Note] = []  # Dropped if the query has no nodes.
        self.now = now
        self.zone = zone
        self.text = " ".join(text[: max_chars * 4].split())
        if len(self.text) > max_chars:
            self.text = self.text[:max_chars]
            self.add_note(NoteKind.CUT_TEXT, count=max_chars)
        self.text = _SPACED_FILTER_PATTERN.sub(self.join_spaced_filter, self.text)
        self.tokens = [token for token in tokenize_query(self.text) if not self.note_if_ignored(token)]
        self.position = 0
        self.term_count = 0
        self.ignored_parenthesis_count = 0  # Open parentheses beyond the maximum depth.
        self.group_filter_aliases: list[str] = []  # Names of the filters before the open parentheses.

    def add_note(self, kind: NoteKind, **placeholder_values: object) -> None:
        self.notes.append(Note.create(kind, **placeholder_values))

    def defer_note(self, kind: NoteKind, **placeholder_values: object) -> None:
        self.deferred_notes.append(Note.create(kind, **placeholder_values))

    def join_spaced_filter(self, match: re.Match[str]) -> str:
        """Join a filter's name, colon and value if spaces separate them.

        The name of a date filter is joined only with a date. A name after a stop word ("à la source : …") or
        at the beginning of a later sentence is read as a noun.
        """
        filter_alias = fold(match["name"])
        preceding_word = self.text[: match.start()].rpartition(" ")[0].rpartition(" ")[2]
        is_noun = preceding_word.endswith(_SENTENCE_ENDS) or (
            fold(preceding_word) in STOPWORDS and preceding_word not in OPERATORS
        )
        if filter_alias not in _SPACED_FILTER_NAMES or is_noun:
            return match[0]
        if FILTER_NAME_BY_ALIAS[filter_alias] in (
            FilterName.SINCE,
            FilterName.BEFORE,
        ) and not self.begins_with_date_or_mark(match.end()):
            return match[0]
        joined_filter = f"{match['minus']}{match['name']}:"
        first_word = self.text[match.end() :].partition(" ")[0]
        self.add_note(NoteKind.REINTERPRETED, value=match[0] + first_word, filter=joined_filter + first_word)
        return joined_filter

    def begins_with_date_or_mark(self, start: int) -> bool:
        """Return whether the text from `start` on begins with a date, or with a quotation or punctuation mark."""
        following_words = self.text[start:].split()[: MAX_UNQUOTED_VALUE_WORDS + 1]
        return not self.text[start].isalnum() or any(
            periods.parse_period(" ".join(following_words[:word_count]), self.now, self.zone)
            for word_count in range(1, len(following_words) + 1)
        )

    def note_if_ignored(self, token: Token) -> bool:
        """Add a note about a token that has no effect; return whether it is such a token."""
        if token.kind == "stray":
            self.defer_note(NoteKind.STRAY_QUOTE)
        elif token.kind == "minus":
            self.defer_note(NoteKind.STRAY_MINUS)
        elif token.kind == "valueless":
            self.add_note(NoteKind.NO_VALUE, value=token.value)
        else:
            return False
        return True

    def parse(self) -> Query:
        nodes: list[Node] = []
        while self.position < len(self.tokens):
            nodes += self.parse_nodes(0)
            if self.peek_kind() == ")":
                self.position += 1
                self.defer_note(NoteKind.STRAY_CLOSING_PARENTHESIS)
        if not nodes and self.text and not self.notes:
            self.add_note(NoteKind.EMPTY_QUERY)
        notes = dict.fromkeys((*self.notes, *(self.deferred_notes if nodes else ())))
        return Query(
            text=self.text,
            nodes=tuple(nodes),
            notes=tuple(notes),
            unquoted_filters=tuple(self.unquoted_filters),
        )

    def peek_kind(self) -> str:
        return self.tokens[self.position].kind if self.position < len(self.tokens) else ""

    def is_at_group_end(self) -> bool:
        """Return whether a group in parentheses ends here.

        Skips the closing parentheses of groups that were opened beyond the maximum depth.
        """
        while self.peek_kind() == ")" and self.ignored_parenthesis_count:
            self.position += 1
            self.ignored_parenthesis_count -= 1
        return self.peek_kind() in ("", ")")

    def parse_nodes(self, depth: int) -> list[Node]:
        """Parse nodes up to the end of the query or to a closing parenthesis; OR joins its two neighbours."""
        nodes: list[Node] = []
        follows_or = False
        while not self.is_at_group_end():
            if self.peek_kind() == "or":
                self.position += 1
                if follows_or or not nodes:
                    self.defer_note(NoteKind.STRAY_OR)
                follows_or = bool(nodes)
                continue
            node = self.parse_node(depth)
            if node is not None:
                nodes.append(_join_alternatives(nodes.pop(), node) if follows_or else node)
                follows_or = False
        if follows_or:
            self.defer_note(NoteKind.STRAY_OR)
        return nodes

    def parse_node(self, depth: int) -> Node | None:
        token = self.tokens[self.position]
        self.position += 1
        if token.kind == "not":
            return self.parse_negation(depth)
        if token.kind == "(":
            return self.parse_group(token, depth)
        self.term_count += 1
        if self.term_count > MAX_QUERY_TERMS:
            self.add_note(NoteKind.CUT_TERMS, count=MAX_QUERY_TERMS)
            return None
        if not token.filter_alias and self.group_filter_aliases:
            token = token._replace(filter_alias=self.group_filter_aliases[-1], start=-1)
        node = self.parse_term(token)
        return negate_node(node) if token.is_negated and node is not None else node

    def parse_negation(self, depth: int) -> Node | None:
        """Parse the word, filter or group after a NOT; return its negation, or None if nothing can be negated."""
        if self.peek_kind() in ("(", "term"):
            node = self.parse_node(depth)
            return None if node is None else negate_node(node)
        self.defer_note(NoteKind.STRAY_NOT)
        return None

    def parse_group(self, token: Token, depth: int) -> Node | None:
        """Parse a group in parentheses, of which the opening one has been read."""
        if depth == MAX_PARENTHESIS_DEPTH:
            self.ignored_parenthesis_count += 1
            self.defer_note(NoteKind.TOO_DEEP_PARENTHESES, count=MAX_PARENTHESIS_DEPTH)
            return None
        self.group_filter_aliases.append(
            token.filter_alias or (self.group_filter_aliases[-1] if self.group_filter_aliases else "")
        )
        nodes = self.parse_nodes(depth + 1)
        self.group_filter_aliases.pop()
        if self.peek_kind() == ")":
            self.position += 1
        else:
            self.defer_note(NoteKind.UNCLOSED_PARENTHESIS)
        return AllOf(tuple(nodes)) if len(nodes) > 1 else nodes[0] if nodes else None

    def parse_term(self, token: Token) -> Node | None:
        filter_name = FILTER_NAME_BY_ALIAS.get(fold(token.filter_alias)) if token.filter_alias else None
        if filter_name is not None and filter_name != TITLE_FILTER:
            return self.parse_filter(filter_name, token)
        term_text = token.value
        if filter_name is None and token.filter_alias:
            term_text = f"{token.filter_alias} {token.value}"
            self.note_unknown_filter(token)
        if not split_words(term_text):
            return None
        return (Phrase if token.is_quoted else Word)(term_text, is_title_only=filter_name == TITLE_FILTER)

    def note_unknown_filter(self, token: Token) -> None:
        """Add a note that a filter is unknown, with the most similar name.

        Adds none if the token is the beginning of a URL.
        """
        if token.value.startswith("//"):
            return
        similar_filter_name = next(
            iter(get_close_matches(fold(token.filter_alias), FILTER_NAME_BY_ALIAS, n=1, cutoff=_MIN_NAME_SIMILARITY)),
            "",
        )
        self.defer_note(
            NoteKind.UNKNOWN_FILTER,
            name=token.filter_alias,
            value=f"{token.filter_alias}:{token.value}",
            similar_name=similar_filter_name,
        )

    def parse_filter(self, filter_name: str, token: Token) -> Node | None:
        if filter_name in (FilterName.SINCE, FilterName.BEFORE):
            return self.parse_date_filter(FilterName(filter_name), token)
        if filter_name == FilterName.LANGUAGE:
            if language := find_language_code(token.value):
                return FieldFilter(FilterName.LANGUAGE, language)
            self.add_note(NoteKind.INVALID_LANGUAGE, value=token.value)
            return None
        if filter_name in FLAG_VALUES_AND_PROPERTY_BY_FILTER_NAME:
            flag_values, flag_filter = FLAG_VALUES_AND_PROPERTY_BY_FILTER_NAME[filter_name]
            if fold(token.value).strip() in flag_values:
                return FieldFilter(flag_filter, "")
            filter_text = f"{token.filter_alias}:{token.value}"
            self.add_note(NoteKind.UNKNOWN_FLAG, value=filter_text)
            return None
        return self.parse_name_filter(FilterName(filter_name), token) if split_words(token.value) else None

    def parse_name_filter(self, filter_name: FilterName, token: Token) -> Node:
        if token.start >= 0 and (following_tokens := self.list_following_tokens(token)):
            later_words, word_ends = (
                (following_token.value for following_token in following_tokens),
                (following_token.end for following_token in following_tokens),
            )
            self.unquoted_filters.append(
                UnquotedFilter(
                    filter_name, token.filter_alias, token.value, tuple(later_words), token.start, tuple(word_ends)
                )
            )
        return FieldFilter(filter_name, token.value)

    def parse_date_filter(self, filter_name: FilterName, token: Token) -> Node | None:
        """Parse the date of a filter, including unquoted words after it that belong to the date."""
        following_words = [following_token.value for following_token in self.list_following_tokens(token)]
        for word_count in range(len(following_words), -1, -1):
            date_text = " ".join([token.value, *following_words[:word_count]])
            if period := periods.parse_period(date_text, self.now, self.zone):
                self.position += word_count
                field_filter = FieldFilter(filter_name, period.start)
                if not query_checks.is_iso_date(date_text):
                    self.notes.append(query_checks.build_date_note(field_filter, self.zone, self.now))
                return field_filter
        self.add_note(NoteKind.INVALID_DATE, value=token.value)
        return None

    def list_following_tokens(self, token: Token) -> list[Token]:
        """Return the tokens of the words that may extend a filter's value; none if the value is quoted."""
        value_tokens: list[Token] = []
        for following_token in self.tokens[self.position : self.position + MAX_UNQUOTED_VALUE_WORDS]:
            if (
                token.is_quoted
                or following_token.kind != "term"
                or following_token.is_quoted
                or following_token.filter_alias
                or following_token.is_negated
            ):
                break
            value_tokens.append(following_token)
        return value_tokens


def _join_alternatives(left_node: Node, right_node: Node) -> AnyOf[Node]:
    """Return a node that matches if either of two nodes does; alternatives within them are merged into it."""
    return AnyOf(
        tuple(
            alternative_node
            for node in (left_node, right_node)
            for alternative_node in (node.nodes if isinstance(node, AnyOf) else (node,))
        )
    )
