"""The search syntax: what a person types, read into a tree. Every text is a query; none is an error.

Words are all required, `"exact phrases"` stand as written, `-word` excludes, `OR` (also `OU`, `|`) joins its
two neighbours, parentheses group. `name:value` filters, `name:(one OR other)` by each in the group; names and
values may be English or French.
"""

import re
from datetime import UTC, tzinfo
from difflib import get_close_matches

from bot.search.query import query_remarks
from bot.search.query.filter_names import CHOICES, NAMES, TITLE, Filter, language_code
from bot.search.query.notes import Note, Remark
from bot.search.query.query_tokens import OPERATORS, Token, tokens
from bot.search.query.query_tree import (
    AllOf,
    AnyOf,
    Condition,
    Loose,
    Node,
    Phrase,
    Query,
    Word,
    negated,
)
from bot.text.stopwords import EMPTY
from bot.text.times import periods
from bot.text.words import fold, words

MAX_READ = 2_000  # characters read of a query
MAX_LENGTH = 400  # characters of one that is kept, a filter's or a watch's, and of a question
MAX_TERMS = 256  # words, phrases and filters
MAX_DEPTH = 5  # parentheses within parentheses
MOST_OF_A_VALUE = 5  # words after its first that nobody quoted
_ALIKE = 0.7  # how like a filter's name a mistyped one is

# A colon with a space after it, or before it as in French.
_APART = re.compile(r"(?<!\S)(?P<minus>[-−–]?)(?P<name>[^\W\d_]{2,12})(?: ?: | :)(?=[^\s()])")
_OFTEN_APART = frozenset(
    "title titre source author auteur tag etiquette lang langue since depuis before avant".split()
)
"""Names of filters that are no words of sentences."""
_ENDS = tuple(".!?…")  # of sentences


def parse(text: str, now: int, zone: tzinfo = UTC, *, longest: int = MAX_READ) -> Query:
    """What `text` asks for. `now` (seconds since 1970 in UTC) is what `7d` or `last monday` count from.

    Days begin at midnight in `zone`. At most `longest` characters and 256 terms are read. Never raises.
    """
    return _Parser(text, now, zone, longest).query()


def as_written(text: str, *, title: bool = False) -> Word | Phrase | None:
    """A word in any inflection, or several as a phrase; None where there is no word in the text."""
    count = len(words(text))
    return (Word if count == 1 else Phrase)(text, title) if count else None


class _Parser:
    def __init__(self, text: str, now: int, zone: tzinfo, longest: int) -> None:
        self.notes: list[Note] = []
        self.loose: list[Loose] = []
        self.slips: list[Note] = []  # what is said only where something else was understood
        self.now = now
        self.zone = zone
        self.text = " ".join(text[: longest * 4].split())
        if len(self.text) > longest:
            self.text = self.text[:longest]
            self.note(Remark.CUT_TEXT, count=longest)
        self.text = _APART.sub(self.together, self.text)
        self.tokens = [token for token in tokens(self.text) if not self.says_nothing(token)]
        self.position = 0
        self.terms = 0
        self.flat = 0  # open parentheses that are too deep to group anything
        self.filters: list[str] = []  # the names of filters before the parentheses that are open

    def note(self, remark: Remark, **values: object) -> None:
        self.notes.append(Note.of(remark, **values))

    def slip(self, remark: Remark, **values: object) -> None:
        self.slips.append(Note.of(remark, **values))

    def together(self, match: re.Match[str]) -> str:
        """A filter whose name, colon and value a person wrote apart, as one; a date only where it is one.

        A name that follows a small word (`à la source : …`) or begins a later sentence is a noun.
        """
        name = fold(match["name"])
        before = self.text[: match.start()].rpartition(" ")[0].rpartition(" ")[2]
        is_noun = before.endswith(_ENDS) or (fold(before) in EMPTY and before not in OPERATORS)
        if name not in _OFTEN_APART or is_noun:
            return match[0]
        if NAMES[name] in (Filter.SINCE, Filter.BEFORE) and not self.begins_with_date(match.end()):
            return match[0]
        filter_ = f"{match['minus']}{match['name']}:"
        value = self.text[match.end() :].partition(" ")[0]
        self.note(Remark.READ_AS, value=match[0] + value, filter=filter_ + value)
        return filter_

    def begins_with_date(self, start: int) -> bool:
        """Whether the words from `start` on begin with a date, or with what stands in quotation marks."""
        following = self.text[start:].split()[: MOST_OF_A_VALUE + 1]
        return not self.text[start].isalnum() or any(
            periods.parse(" ".join(following[:count]), self.now, self.zone)
            for count in range(1, len(following) + 1)
        )

    def says_nothing(self, token: Token) -> bool:
        """Whether a token asks for nothing, which is said."""
        if token.kind == "stray":
            self.slip(Remark.STRAY_QUOTE)
        elif token.kind == "minus":
            self.slip(Remark.STRAY_MINUS)
        elif token.kind == "valueless":
            self.note(Remark.NO_VALUE, value=token.value)
        else:
            return False
        return True

    def query(self) -> Query:
        nodes: list[Node] = []
        while self.position < len(self.tokens):
            nodes += self.group(0)
            if self.peek() == ")":
                self.position += 1
                self.slip(Remark.STRAY_CLOSING)
        if not nodes and self.text and not self.notes:
            self.note(Remark.NOTHING)
        notes = dict.fromkeys((*self.notes, *(self.slips if nodes else ())))
        return Query(text=self.text, nodes=tuple(nodes), notes=tuple(notes), loose=tuple(self.loose))

    def peek(self) -> str:
        return self.tokens[self.position].kind if self.position < len(self.tokens) else ""

    def closes(self) -> bool:
        """Whether a group ends here; a parenthesis that closes one too deep is passed over."""
        while self.peek() == ")" and self.flat:
            self.position += 1
            self.flat -= 1
        return self.peek() in ("", ")")

    def group(self, depth: int) -> list[Node]:
        """What stands up to the end or to a closing parenthesis; OR binds its two neighbours."""
        nodes: list[Node] = []
        joined = False
        while not self.closes():
            if self.peek() == "or":
                self.position += 1
                if joined or not nodes:
                    self.slip(Remark.LONELY_OR)
                joined = bool(nodes)
                continue
            node = self.item(depth)
            if node is not None:
                nodes.append(_either(nodes.pop(), node) if joined else node)
                joined = False
        if joined:
            self.slip(Remark.LONELY_OR)
        return nodes

    def item(self, depth: int) -> Node | None:
        token = self.tokens[self.position]
        self.position += 1
        if token.kind == "not":
            return self.excluded(depth)
        if token.kind == "(":
            return self.parenthesis(token, depth)
        self.terms += 1
        if self.terms > MAX_TERMS:
            self.note(Remark.CUT_TERMS, count=MAX_TERMS)
            return None
        if not token.name and self.filters:
            token = token._replace(name=self.filters[-1], start=-1)
        node = self.term(token)
        return negated(node) if token.negated and node is not None else node

    def excluded(self, depth: int) -> Node | None:
        """What stands after a NOT."""
        if self.peek() in ("(", "term"):
            node = self.item(depth)
            return None if node is None else negated(node)
        self.slip(Remark.STRAY_NOT)
        return None

    def parenthesis(self, token: Token, depth: int) -> Node | None:
        """A group, which begins before the current token."""
        if depth == MAX_DEPTH:
            self.flat += 1
            self.slip(Remark.TOO_DEEP, count=MAX_DEPTH)
            return None
        self.filters.append(token.name or (self.filters[-1] if self.filters else ""))
        nodes = self.group(depth + 1)
        self.filters.pop()
        if self.peek() == ")":
            self.position += 1
        else:
            self.slip(Remark.UNCLOSED)
        return AllOf(tuple(nodes)) if len(nodes) > 1 else nodes[0] if nodes else None

    def term(self, token: Token) -> Node | None:
        name = NAMES.get(fold(token.name)) if token.name else None
        if name is not None and name != TITLE:
            return self.condition(name, token)
        value = token.value
        if name is None and token.name:
            value = f"{token.name} {token.value}"
            self.unknown(token)
        if not words(value):
            return None
        return (Phrase if token.quoted else Word)(value, title=name == TITLE)

    def unknown(self, token: Token) -> None:
        """Say that there is no such filter, and the nearest, unless it is the beginning of an address."""
        if token.value.startswith("//"):
            return
        near = next(iter(get_close_matches(fold(token.name), NAMES, n=1, cutoff=_ALIKE)), "")
        self.slip(Remark.NO_FILTER, name=token.name, value=f"{token.name}:{token.value}", near=near)

    def condition(self, name: str, token: Token) -> Node | None:
        if name in (Filter.SINCE, Filter.BEFORE):
            return self.date(Filter(name), token)
        if name == Filter.LANGUAGE:
            if code := language_code(token.value):
                return Condition(Filter.LANGUAGE, code)
            self.note(Remark.NO_LANGUAGE, value=token.value)
            return None
        if name in CHOICES:
            values, chosen = CHOICES[name]
            if fold(token.value).strip() in values:
                return Condition(chosen, "")
            typed = f"{token.name}:{token.value}"
            self.note(Remark.NO_CHOICE, value=typed)
            return None
        return self.named(Filter(name), token) if words(token.value) else None

    def named(self, filter_: Filter, token: Token) -> Node:
        if token.start >= 0 and (following := self.following(token)):
            later, ends = (word.value for word in following), (word.end for word in following)
            self.loose.append(Loose(filter_, token.name, token.value, tuple(later), token.start, tuple(ends)))
        return Condition(filter_, token.value)

    def date(self, filter_: Filter, token: Token) -> Node | None:
        """A date, with the words after it that belong to it although nobody quoted them."""
        following = [later.value for later in self.following(token)]
        for count in range(len(following), -1, -1):
            value = " ".join([token.value, *following[:count]])
            if period := periods.parse(value, self.now, self.zone):
                self.position += count
                condition = Condition(filter_, period.start)
                if not query_remarks.is_plain(value):
                    self.notes.append(query_remarks.told(condition, self.zone, self.now))
                return condition
        self.note(Remark.NO_DATE, value=token.value)
        return None

    def following(self, token: Token) -> list[Token]:
        """The words after the value of a filter that may belong to it; none where it is quoted."""
        found: list[Token] = []
        for later in self.tokens[self.position : self.position + MOST_OF_A_VALUE]:
            if token.quoted or later.kind != "term" or later.quoted or later.name or later.negated:
                break
            found.append(later)
        return found


def _either(one: Node, other: Node) -> AnyOf:
    """One of two, or of those that they are made of."""
    return AnyOf(
        tuple(part for node in (one, other) for part in (node.nodes if isinstance(node, AnyOf) else (node,)))
    )
