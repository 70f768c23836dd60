"""The search syntax: what a person types, read into a tree. Every text is a query; none is an error.

Words are all required, `"exact phrases"` stand as written, `-word` excludes, `OR` (also `OU`, `|`) joins its
two neighbours, parentheses group. `name:value` filters; names and values may be English or French.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from bot.locale import gettext as _
from bot.text import periods
from bot.text.terms import fold, words

MAX_LENGTH = 400  # characters read of a query
MAX_TERMS = 20  # words, phrases and filters
MAX_DEPTH = 5  # parentheses within parentheses


class Filter(StrEnum):
    """What an article can be chosen by besides its words."""

    SOURCE = "source"
    AUTHOR = "author"
    TAG = "tag"
    LANGUAGE = "language"
    SINCE = "since"
    BEFORE = "before"
    IMAGE = "image"
    BOOKMARKED = "bookmarked"


@dataclass(frozen=True, slots=True)
class Word:
    """A word in any of its inflections; several `words` when punctuation joined them (`covid-19`)."""

    text: str
    words: tuple[str, ...]
    title: bool = False


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that stand in the text exactly so, case and accents aside."""

    text: str
    words: tuple[str, ...]
    title: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """A filter and its value: text, an ISO 639-1 code, or seconds since 1970 (`BEFORE` excludes its own)."""

    filter: Filter
    value: str | int


@dataclass(frozen=True, slots=True)
class Not:
    """What must not hold."""

    node: Node


@dataclass(frozen=True, slots=True)
class AllOf:
    """All of these hold."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of these holds."""

    nodes: tuple[Node, ...]


Node = Word | Phrase | Condition | Not | AllOf | AnyOf


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query as it was understood. `notes` tell the person, in their language, how, and what was not."""

    text: str
    nodes: tuple[Node, ...]
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.nodes)

    def also(self, *conditions: Condition) -> Query:
        """The same query, narrowed by the options of a command."""
        return replace(self, nodes=(*self.nodes, *conditions))


_TITLE = "title"
_NAMES: dict[str, str] = {
    "title": _TITLE,
    "titre": _TITLE,
    "intitle": _TITLE,
    "source": Filter.SOURCE,
    "outlet": Filter.SOURCE,
    "media": Filter.SOURCE,
    "author": Filter.AUTHOR,
    "auteur": Filter.AUTHOR,
    "by": Filter.AUTHOR,
    "par": Filter.AUTHOR,
    "tag": Filter.TAG,
    "category": Filter.TAG,
    "etiquette": Filter.TAG,
    "categorie": Filter.TAG,
    "lang": Filter.LANGUAGE,
    "language": Filter.LANGUAGE,
    "langue": Filter.LANGUAGE,
    "since": Filter.SINCE,
    "after": Filter.SINCE,
    "depuis": Filter.SINCE,
    "apres": Filter.SINCE,
    "before": Filter.BEFORE,
    "until": Filter.BEFORE,
    "avant": Filter.BEFORE,
    "has": "has",
    "avec": "has",
    "is": "is",
    "est": "is",
}
_CHOICES = {
    "has": ({"image", "images", "picture", "pictures", "photo", "photos", "img"}, Filter.IMAGE),
    "is": (
        {"bookmarked", "saved", "marked", "favorite", "favori", "favoris", "enregistre", "garde", "marque"},
        Filter.BOOKMARKED,
    ),
}
_LANGUAGES = {
    "english": "en",
    "anglais": "en",
    "french": "fr",
    "francais": "fr",
    "german": "de",
    "allemand": "de",
    "spanish": "es",
    "espagnol": "es",
    "italian": "it",
    "italien": "it",
}
_OR = {"OR", "OU", "|", "||"}
_AND = {"AND", "ET", "&", "&&", "+"}
_NOT = {"NOT", "SAUF"}
_QUOTES = {'"': '"', "“": "”", "«": "»", "„": "“", "”": "”"}
_MARKS = frozenset("".join((*_QUOTES, *_QUOTES.values())))
_TOKEN = re.compile(
    r"(?P<open>[-−–]?\()|(?P<close>\))"
    r"|(?P<minus>[-−–](?=[^\s\-−–)]))?(?:(?P<name>[^\W\d_]{2,12}):(?=\S))?"
    r"(?P<value>[\"“«„”]|(?:[^\s()\"“«„”]|(?<=\w)\"(?=\w))+)"
)


def named(name: str) -> str | None:
    """The filter that a person names in either language: a `Filter`, `title`, `has` or `is`; or None."""
    return _NAMES.get(fold(name))


def written(name: str, value: str) -> str:
    """A filter as it is typed in a query: `tag:IA`, `source:"Le Monde"`."""
    bare = "".join(character for character in value if character not in _MARKS)
    return f'{name}:"{bare}"' if re.search(r"[\s()|]", bare) else f"{name}:{bare}"


# A colon with a space after it, or before it as in French.
_APART = re.compile(r"(?<!\S)(?P<minus>[-−–]?)(?P<name>[^\W\d_]{2,12})(?: ?: | :)(?=[^\s()])")
_OFTEN_APART = frozenset(
    "title titre source author auteur tag etiquette lang langue since depuis before avant".split()
)
"""Names of filters that are no words of sentences."""


class _Token(NamedTuple):
    kind: str  # "(", ")", "or", "not", "term"
    value: str = ""
    name: str = ""
    quoted: bool = False
    negated: bool = False


def parse(text: str, now: int) -> Query:
    """What `text` asks for. `now` (seconds since 1970 in UTC) is what `7d` or `last monday` count from.

    At most 400 characters and 20 terms are read. Never raises.
    """
    return _Parser(text, now).query()


class _Parser:
    def __init__(self, text: str, now: int) -> None:
        self.notes: list[str] = []
        self.now = now
        self.text = " ".join(text[: MAX_LENGTH * 4].split())
        if len(self.text) > MAX_LENGTH:
            self.text = self.text[:MAX_LENGTH]
            self.note(_("Only the first {count} characters were read.").format(count=MAX_LENGTH))
        self.text = _APART.sub(self.together, self.text)
        self.tokens = list(self.tokenised())
        self.position = 0
        self.terms = 0

    def note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)

    def together(self, match: re.Match[str]) -> str:
        """A filter whose name, colon and value a person wrote apart, as one."""
        if fold(match["name"]) not in _OFTEN_APART:
            return match[0]
        filter_ = f"{match['minus']}{match['name']}:"
        value = self.text[match.end() :].partition(" ")[0]
        self.note(_("“{value}” was read as {filter}.").format(value=match[0] + value, filter=filter_ + value))
        return filter_

    def tokenised(self) -> Iterator[_Token]:
        position = 0
        while match := _TOKEN.search(self.text, position):
            position = match.end()
            if match["open"] or match["close"]:
                if len(match[0]) > 1:
                    yield _Token("not")
                yield _Token(match[0][-1])
                continue
            value, name, negated = match["value"], match["name"] or "", bool(match["minus"])
            if value in _QUOTES:
                value, position = self.quoted(value, position)
                yield _Token("term", value, name, quoted=True, negated=negated)
            else:
                yield from self.unquoted(value, name, negated=negated)

    def quoted(self, mark: str, start: int) -> tuple[str, int]:
        """What stands in quotation marks, the first of which is before `start`, and where it ends."""
        end = self.text.find(_QUOTES[mark], start)
        if end < 0:
            end = self.text.find('"', start)
        if end < 0:
            end = len(self.text)
            self.note(_("A quotation mark is not closed: everything after it was read as the phrase."))
        return self.text[start:end].strip(), end + 1

    def unquoted(self, value: str, name: str, *, negated: bool) -> Iterator[_Token]:
        """A word, a filter, or what joins them."""
        if not name and value.endswith(":") and named(value[:-1]):
            self.note(_("“{value}” has no value and was left out.").format(value=value))
        elif not name and not negated and value in _OR:
            yield _Token("or")
        elif not name and not negated and value in _NOT:
            yield _Token("not")
        elif name or value not in _AND:
            yield _Token("term", value, name, negated=negated)

    def query(self) -> Query:
        nodes: list[Node] = []
        while self.position < len(self.tokens):
            nodes += self.group(0)
            self.position += 1  # a parenthesis that closes nothing
        if not nodes and self.text and not self.notes:
            self.note(_("There is nothing in this that I can look for."))
        return Query(text=self.text, nodes=tuple(nodes), notes=tuple(self.notes))

    def peek(self) -> str:
        return self.tokens[self.position].kind if self.position < len(self.tokens) else ""

    def group(self, depth: int) -> list[Node]:
        """What stands up to the end or to a closing parenthesis; OR binds its two neighbours."""
        nodes: list[Node] = []
        joined = False
        while self.peek() not in ("", ")"):
            if self.peek() == "or":
                self.position += 1
                joined = bool(nodes)
                continue
            node = self.item(depth)
            if node is None:
                continue
            if joined:
                before = nodes.pop()
                either = before.nodes if isinstance(before, AnyOf) else (before,)
                node = AnyOf((*either, *(node.nodes if isinstance(node, AnyOf) else (node,))))
                joined = False
            nodes.append(node)
        return nodes

    def item(self, depth: int) -> Node | None:
        kind = self.peek()
        token = self.tokens[self.position]
        self.position += 1
        if kind == "not":
            inner = self.item(depth) if self.peek() in ("(", "term") else None
            return _negated(inner)
        if kind == "(":
            nodes = self.group(depth + 1) if depth < MAX_DEPTH else []
            if self.peek() == ")":
                self.position += 1
            return AllOf(tuple(nodes)) if len(nodes) > 1 else nodes[0] if nodes else None
        self.terms += 1
        if self.terms > MAX_TERMS:
            self.note(_("Only the first {count} words and filters were read.").format(count=MAX_TERMS))
            return None
        node = self.term(token)
        return _negated(node) if token.negated else node

    def term(self, token: _Token) -> Node | None:
        name = _NAMES.get(fold(token.name)) if token.name else None
        if name is None or name == _TITLE:
            value = token.value if name or not token.name else f"{token.name} {token.value}"
            found = tuple(words(value))
            if not found:
                return None
            if token.quoted:
                return Phrase(value, found, title=name == _TITLE)
            return Word(value, found, title=name == _TITLE)
        return self.condition(name, token)

    def condition(self, name: str, token: _Token) -> Node | None:
        if name in (Filter.SINCE, Filter.BEFORE):
            return self.date(name, token)
        if name == Filter.LANGUAGE:
            value = fold(token.value).strip()
            code = _LANGUAGES.get(value, value.partition("-")[0])
            if re.fullmatch(r"[a-z]{2}", code):
                return Condition(Filter.LANGUAGE, code)
            self.note(_("“{value}” is no language that I know: try en or fr.").format(value=token.value))
            return None
        if name in _CHOICES:
            values, chosen = _CHOICES[name]
            if fold(token.value).strip() in values:
                return Condition(chosen, "")
            self.note(
                _("“{value}” is no filter: try has:image or is:bookmarked.").format(
                    value=f"{token.name}:{token.value}"
                )
            )
            return None
        return Condition(Filter(name), token.value) if words(token.value) else None

    def date(self, name: str, token: _Token) -> Node | None:
        value, period = self.period(token)
        if period is None:
            self.note(
                _("“{value}” is no date that I know: try 7d, 2020-06-10 or “last monday”.").format(
                    value=value
                )
            )
            return None
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            day = datetime.fromtimestamp(period.start, UTC)
            date = day.strftime("%Y-%m-%d" if day.hour == day.minute == 0 else "%Y-%m-%d %H:%M UTC")
            if name == Filter.SINCE:
                self.note(_("“{value}” was read as since {date}.").format(value=value, date=date))
            else:
                self.note(_("“{value}” was read as before {date}.").format(value=value, date=date))
        return Condition(Filter(name), period.start)

    def period(self, token: _Token) -> tuple[str, periods.Period | None]:
        """The time a filter names, with the words after it that belong to it although nobody quoted them."""
        following = []
        for later in self.tokens[self.position : self.position + 3]:
            if token.quoted or later.kind != "term" or later.quoted or later.name or later.negated:
                break
            following.append(later.value)
        for count in range(len(following), -1, -1):
            value = " ".join([token.value, *following[:count]])
            if period := periods.parse(value, self.now):
                self.position += count
                return value, period
        return token.value, None


def _negated(node: Node | None) -> Node | None:
    if isinstance(node, Not):
        return node.node
    return None if node is None else Not(node)
