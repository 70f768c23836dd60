"""The search syntax: what a person types, read into a tree. Every text is a query; none is an error.

Words are all required, `"exact phrases"` stand as written, `-word` excludes, `OR` (also `OU`, `|`) joins its
two neighbours, parentheses group. `name:value` filters, `name:(one OR other)` by each in the group; names and
values may be English or French.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from difflib import get_close_matches
from typing import NamedTuple

from babel.dates import format_date, format_time

from bot.core import locale
from bot.core.locale import amount
from bot.core.locale import gettext as _
from bot.search.filter_names import CHOICES, LANGUAGES, NAMES, QUOTES, TITLE, Filter, named, written
from bot.search.query_tree import AllOf, AnyOf, Condition, Loose, Node, Not, Phrase, Query, Word
from bot.text import periods
from bot.text.stopwords import EMPTY
from bot.text.terms import beside_letter, fold, words

__all__ = [
    "MAX_DEPTH", "MAX_LENGTH", "MAX_TERMS", "AllOf", "AnyOf", "Condition", "Filter", "Loose", "Node", "Not",
    "Phrase", "Query", "Word", "named", "parse", "written",
]  # fmt: skip

MAX_LENGTH = 400  # characters read of a query
MAX_TERMS = 20  # words, phrases and filters
MAX_DEPTH = 5  # parentheses within parentheses
MOST_OF_A_VALUE = 5  # words after its first that nobody quoted
_ALIKE = 0.7  # how like a filter's name a mistyped one is


_OR = {"OR", "OU", "|", "||"}
_AND = {"AND", "ET", "&", "&&", "+"}
_NOT = {"NOT", "SAUF"}
_SEPARATOR = re.compile(r"\|+")
_TOKEN = re.compile(
    r"(?P<open>(?P<without>[-−–])?(?:(?P<of>[^\W\d_]{2,12}):)?\()|(?P<close>\))"
    r"|(?P<minus>[-−–](?=[^\s\-−–)]))?(?:(?P<name>[^\W\d_]{2,12}|jusqu['’][aàAÀ]|[aàAÀ](?=:(?:image|photo))):(?=\S))?"
    r"(?P<value>[\"“«„”]|[$€£~]?\d{1,3}(?: \d{3})+(?![\w.,]*\w)[^\w\s()\"“«„”]*"
    r"|[A-Z]{1,2} & [A-Z]{1,2}(?!\w)|(?:[^\s()\"“«„”]|(?<=\w)\"(?=\w))+)"
)


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
    start: int = 0  # of its name in the text, below 0 where no word may be added to it, and
    end: int = 0  # where it ends: of a filter and a word that nobody quoted


def parse(text: str, now: int, zone: tzinfo = UTC) -> Query:
    """What `text` asks for. `now` (seconds since 1970 in UTC) is what `7d` or `last monday` count from.

    Days begin at midnight in `zone`. At most 400 characters and 20 terms are read. Never raises.
    """
    return _Parser(text, now, zone).query()


class _Parser:
    def __init__(self, text: str, now: int, zone: tzinfo) -> None:
        self.notes: list[str] = []
        self.loose: list[Loose] = []
        self.slips: list[str] = []  # what is said only where something else was understood
        self.now = now
        self.zone = zone
        self.text = " ".join(text[: MAX_LENGTH * 4].split())
        if len(self.text) > MAX_LENGTH:
            self.text = self.text[:MAX_LENGTH]
            self.note(_("Only the first {count} characters were read.").format(count=amount(MAX_LENGTH)))
        self.text = _APART.sub(self.together, self.text)
        self.tokens = list(self.tokenised())
        self.position = 0
        self.terms = 0
        self.flat = 0  # open parentheses that are too deep to group anything
        self.filters: list[str] = []  # the names of filters before the parentheses that are open

    def note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)

    def slip(self, sentence: str) -> None:
        if sentence not in self.slips:
            self.slips.append(sentence)

    def together(self, match: re.Match[str]) -> str:
        """A filter whose name, colon and value a person wrote apart, as one; a date only where it is one."""
        name = fold(match["name"])
        if name not in _OFTEN_APART:
            return match[0]
        if NAMES[name] in (Filter.SINCE, Filter.BEFORE) and not self.begins_with_date(match.end()):
            return match[0]
        filter_ = f"{match['minus']}{match['name']}:"
        value = self.text[match.end() :].partition(" ")[0]
        self.note(_("“{value}” was read as {filter}.").format(value=match[0] + value, filter=filter_ + value))
        return filter_

    def begins_with_date(self, start: int) -> bool:
        """Whether the words from `start` on begin with a date, or with what stands in quotation marks."""
        following = self.text[start:].split()[: MOST_OF_A_VALUE + 1]
        return self.text[start] in QUOTES or any(
            periods.parse(" ".join(following[:count]), self.now, self.zone)
            for count in range(1, len(following) + 1)
        )

    def tokenised(self) -> Iterator[_Token]:
        position = 0
        while match := _TOKEN.search(self.text, position):
            position = match.end()
            if match["close"]:
                yield _Token(")")
                continue
            if match["open"]:
                yield from self.opened(match)
                continue
            value, name, negated = match["value"], match["name"] or "", bool(match["minus"])
            if value in QUOTES:
                value, position = self.quoted(value, position)
                yield _Token("term", value, name, quoted=True, negated=negated)
            elif _SEPARATOR.search(value) and value not in _OR:
                for token in self.either(value, name, negated=negated):
                    yield token._replace(start=-1)
            else:
                for token in self.unquoted(value, name, negated=negated):
                    yield token._replace(start=match.start("name"), end=position)

    def opened(self, match: re.Match[str]) -> Iterator[_Token]:
        """A parenthesis, with the filter that is asked of each word in the group."""
        name = match["of"] or ""
        if match["without"]:
            yield _Token("not")
        if name and named(name) is None:
            yield _Token("term", name)
            name = ""
        yield _Token("(", name=name)

    def either(self, value: str, name: str, *, negated: bool) -> Iterator[_Token]:
        """Words that `|` stands between, one of which is wanted, by the filter before the first."""
        words = _SEPARATOR.split(value)
        is_group = all(words)
        if is_group and negated:
            yield _Token("not")
        if is_group:
            yield _Token("(", name=name if named(name) else "")
        for number, word in enumerate(words):
            if number:
                yield _Token("or")
            own, colon, rest = word.partition(":")
            if colon and rest and named(own):
                yield from self.unquoted(rest, own, negated=negated and not is_group)
            elif word:
                yield from self.unquoted(word, "" if number else name, negated=negated and not is_group)
        if is_group:
            yield _Token(")")

    def quoted(self, mark: str, start: int) -> tuple[str, int]:
        """What stands in quotation marks, the first of which is before `start`, and where it ends."""
        end = self.text.find(QUOTES[mark], start)
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
        elif not name and value == "-":
            self.slip(_("“-” excludes a word that it touches: one that stands alone was left out."))
        elif name or value not in _AND:
            yield _Token("term", value, name, negated=negated)

    def query(self) -> Query:
        nodes: list[Node] = []
        while self.position < len(self.tokens):
            nodes += self.group(0)
            if self.peek() == ")":
                self.position += 1
                self.slip(_("A closing parenthesis that none opens was left out."))
        if not nodes and self.text and not self.notes:
            self.note(_("There is nothing in this that I can look for."))
        notes = (*self.notes, *(self.slips if nodes else ()))
        return Query(text=self.text, nodes=tuple(nodes), notes=notes, loose=tuple(self.loose))

    def peek(self) -> str:
        return self.tokens[self.position].kind if self.position < len(self.tokens) else ""

    def group(self, depth: int) -> list[Node]:
        """What stands up to the end or to a closing parenthesis; OR binds its two neighbours."""
        nodes: list[Node] = []
        joined = False
        while self.peek() not in ("", ")") or (self.peek() and self.flat):
            if self.peek() == ")":
                self.position += 1
                self.flat -= 1
                continue
            if self.peek() == "or":
                self.position += 1
                if joined or not nodes:
                    self.slip(_lonely())
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
        if joined:
            self.slip(_lonely())
        return nodes

    def item(self, depth: int) -> Node | None:
        kind = self.peek()
        token = self.tokens[self.position]
        self.position += 1
        if kind == "not":
            if self.peek() in ("(", "term"):
                return _negated(self.item(depth))
            self.slip(_("NOT stands before a word: one that no word follows was left out."))
            return None
        if kind == "(" and depth == MAX_DEPTH:
            self.flat += 1
            sentence = _("Parentheses within more than {count} others were left out.")
            self.slip(sentence.format(count=amount(MAX_DEPTH)))
            return None
        if kind == "(":
            self.filters.append(token.name or (self.filters[-1] if self.filters else ""))
            nodes = self.group(depth + 1)
            self.filters.pop()
            if self.peek() == ")":
                self.position += 1
            else:
                self.slip(_("A parenthesis is not closed: it was read up to the end."))
            return AllOf(tuple(nodes)) if len(nodes) > 1 else nodes[0] if nodes else None
        self.terms += 1
        if self.terms > MAX_TERMS:
            self.note(
                _("Only the first {count} words and filters were read.").format(count=amount(MAX_TERMS))
            )
            return None
        if not token.name and self.filters:
            token = token._replace(name=self.filters[-1], start=-1)
        node = self.term(token)
        return _negated(node) if token.negated else node

    def term(self, token: _Token) -> Node | None:
        name = NAMES.get(fold(token.name)) if token.name else None
        if name is None or name == TITLE:
            value = token.value
            if name is None and token.name:
                value = f"{token.name} {token.value}"
                self.unknown(token)
            found = tuple(words(value.replace(" & ", "&")))
            if not found:
                return None
            if token.quoted:
                return Phrase(value, found, title=name == TITLE)
            return Word(value, self.beside(token) or found, title=name == TITLE)
        return self.condition(name, token)

    def beside(self, token: _Token) -> tuple[str, ...]:
        """A capital that says nothing alone, as one with the word beside it: Model S, Y Combinator."""
        if token.name or not re.fullmatch("[ADJLMNSTY]", token.value):
            return ()
        before, after = (
            _telling(each) for each in (self.tokens[: self.position - 1][-1:], self.following(token))
        )
        if before and not (after and (token.value == "A" or (token.value != "Y" and after[0] in "aeiouyh"))):
            return (beside_letter(before, token.value),)
        return (beside_letter("Y", after),) if after and token.value == "Y" else ()

    def unknown(self, token: _Token) -> None:
        """Say that there is no such filter, and the nearest, unless it is the beginning of an address."""
        if token.value.startswith("//"):
            return
        note = _("There is no filter “{name}:”: I looked for the words of “{value}”.").format(
            name=token.name, value=f"{token.name}:{token.value}"
        )
        for near in get_close_matches(fold(token.name), NAMES, n=1, cutoff=_ALIKE):
            note += " " + _("The nearest is “{name}:”.").format(name=near)
        self.slip(note)

    def condition(self, name: str, token: _Token) -> Node | None:
        if name in (Filter.SINCE, Filter.BEFORE):
            return self.date(name, token)
        if name == Filter.LANGUAGE:
            value = fold(token.value).strip()
            code = LANGUAGES.get(value, value.partition("-")[0])
            if re.fullmatch(r"[a-z]{2}", code):
                return Condition(Filter.LANGUAGE, code)
            self.note(_("“{value}” is no language that I know: try en or fr.").format(value=token.value))
            return None
        if name in CHOICES:
            values, chosen = CHOICES[name]
            if fold(token.value).strip() in values:
                return Condition(chosen, "")
            self.note(
                _("“{value}” is no filter: try has:image or is:bookmarked.").format(
                    value=f"{token.name}:{token.value}"
                )
            )
            return None
        return self.named(Filter(name), token) if words(token.value) else None

    def named(self, filter_: Filter, token: _Token) -> Node:
        if token.start >= 0 and (following := self.following(token)):
            later, ends = (word.value for word in following), (word.end for word in following)
            self.loose.append(Loose(filter_, token.name, token.value, tuple(later), token.start, tuple(ends)))
        return Condition(filter_, token.value)

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
            day = datetime.fromtimestamp(period.start, self.zone)
            date = format_date(day, "medium", locale=locale.current())
            if day.hour or day.minute:
                date += f" {format_time(day, 'HH:mm', locale=locale.current())} {self.zone}"
            if name == Filter.SINCE:
                self.note(_("“{value}” was read as since {date}.").format(value=value, date=date))
            else:
                self.note(_("“{value}” was read as before {date}.").format(value=value, date=date))
        return Condition(Filter(name), period.start)

    def following(self, token: _Token) -> list[_Token]:
        """The words after the value of a filter that may belong to it; none where it is quoted."""
        found: list[_Token] = []
        for later in self.tokens[self.position : self.position + MOST_OF_A_VALUE]:
            if token.quoted or later.kind != "term" or later.quoted or later.name or later.negated:
                break
            found.append(later)
        return found

    def period(self, token: _Token) -> tuple[str, periods.Period | None]:
        """The time a filter names, with the words after it that belong to it although nobody quoted them."""
        following = [later.value for later in self.following(token)]
        for count in range(len(following), -1, -1):
            value = " ".join([token.value, *following[:count]])
            if period := periods.parse(value, self.now, self.zone):
                self.position += count
                return value, period
        return token.value, None


def _telling(tokens: Sequence[_Token]) -> str:
    """The first of these tokens where it is a word of letters that says something, else ""."""
    for token in tokens[:1]:
        folded = fold(token.value)
        is_plain = token.kind == "term" and not (token.name or token.quoted or token.negated)
        if is_plain and len(folded) > 1 and folded.isalpha() and folded not in EMPTY:
            return folded
    return ""


def _lonely() -> str:
    return _("OR stands between two words: one that lacks a neighbour was left out.")


def _negated(node: Node | None) -> Node | None:
    if isinstance(node, Not):
        return node.node
    return None if node is None else Not(node)
