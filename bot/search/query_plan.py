"""From a query to what the index is asked.

Words become index terms, filters tokens, dates and bookmarks the scope.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from bot.core.locale import gettext as _
from bot.search.phrase_matching import has_phrase
from bot.search.query_syntax import AllOf, AnyOf, Condition, Filter, Node, Not, Phrase, Query, Word
from bot.store.sqlite.search_index import (
    EVERYTHING,
    All,
    Any,
    Column,
    Except,
    Near,
    Scope,
    Terms,
    Wanted,
    is_narrow,
)
from bot.text import terms

_NAMES = {
    Filter.SOURCE: terms.outlet_tokens,
    Filter.AUTHOR: terms.author_tokens,
    Filter.TAG: terms.tag_tokens,
}
_SCOPING = (Filter.SINCE, Filter.BEFORE, Filter.BOOKMARKED)
SHORTEST_IN_ONE = 5
"""Letters of two words in one."""
OTHER_FORMS = 4
"""Other ways to write a word that the index may hold between it and the next one."""


@dataclass(slots=True)
class Plan:
    """A query for the index.

    `words` are plain words, some of which a partial match may lack, `written` the same as they were typed.
    `texts` (phrases, words of the title, alternatives) and `filters` always hold, `unwanted` never does.
    `in_title` are those of `texts` that are words of the title, with what was typed.
    `forms` are the index terms to mark.
    """

    text: str
    scope: Scope
    words: list[Wanted] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    texts: list[Wanted] = field(default_factory=list)
    in_title: list[tuple[Wanted, str]] = field(default_factory=list)
    filters: list[Wanted] = field(default_factory=list)
    unwanted: list[Wanted] = field(default_factory=list)
    forms: set[str] = field(default_factory=set)
    exact: list[Node] = field(default_factory=list)  # what only an article's own text can tell
    empty: list[str] = field(default_factory=list)  # words that say nothing
    notes: list[str] = field(default_factory=list)
    is_cut: bool = False  # whether articles that may match were left unread when it was last looked for,
    is_told_cut: bool = False  # and a note says so already

    @property
    def asks(self) -> bool:
        """Whether it says anything at all."""
        unlimited = Scope(feed_ids=self.scope.feed_ids)
        parts = (self.words, self.texts, self.filters, self.unwanted, self.exact)
        return any(parts) or self.scope != unlimited

    @property
    def pairs(self) -> tuple[str, ...]:
        """The pairs of words that articles must have where a phrase is all that is wanted."""
        match self.exact:
            case [Phrase(title=False) as phrase]:
                return terms.pair_tokens(phrase.words)
        return ()

    @property
    def neighbours(self) -> tuple[str, ...]:
        """The pairs of words of all phrases that an article must have."""
        phrases = [node for node in self.exact if isinstance(node, Phrase)]
        pairs = ((terms.pair_tokens(phrase.words), phrase.title) for phrase in phrases)
        return tuple(
            dict.fromkeys(terms.title_pair(pair) if title else pair for some, title in pairs for pair in some)
        )

    @property
    def is_phrase(self) -> bool:
        """Whether such pairs tell it all: nothing but a phrase is wanted, of whatever time."""
        return bool(self.pairs) and self.required() is None and not is_narrow(self.scope)

    def required(self, parts: Iterable[Wanted] = ()) -> Wanted | None:
        """The filters, what is not wanted, and these parts; None when there is nothing of it."""
        wanted = (*parts, *self.filters)
        if not wanted and not self.unwanted:
            return None
        found = All(wanted) if wanted else EVERYTHING
        return Except(found, Any(tuple(self.unwanted))) if self.unwanted else found


def plan(
    query: Query,
    *,
    feed_ids: Collection[int] | None,
    person_id: int | None,
    may_have: Callable[[Iterable[str]], bool] = any,
) -> Plan:
    """How to look for `query` in these feeds (None: in all) for this person.

    `may_have` tells whether some article may have one of a few terms, where that is known.
    """
    made = Plan(query.text, Scope(feed_ids=None if feed_ids is None else frozenset(feed_ids)))
    places: list[int] = []
    for node in query.nodes:
        places.append(len(made.words))
        if (telling := _telling(made, node)) is not None:
            _add(made, telling, person_id or 0)
    _join(made, query.nodes, [*places, len(made.words)], may_have)
    if person_id is None and (made.scope.bookmarked_by, made.scope.not_bookmarked_by) != (None, None):
        made.notes.append(_("Bookmarks are a person’s own: is:bookmarked finds them with /search."))
    _remark(made, query)
    return made


def _join(
    made: Plan, nodes: Sequence[Node], places: Sequence[int], may_have: Callable[[Iterable[str]], bool]
) -> None:
    """Let two words beside each other be one word as well: each of them may be that one instead."""
    for number, (one, other) in enumerate(pairwise(nodes)):
        place, following, end = places[number : number + 3]
        if (place + 1, following + 1) != (following, end):  # one of them is no word or says nothing
            continue
        if not (isinstance(one, Word) and isinstance(other, Word)):
            continue
        in_one = terms.alternatives("".join((*one.words, *other.words)))
        if len((*one.words, *other.words)) == 2 and _may_be_one(in_one) and may_have(in_one):  # noqa: PLR2004 - one each
            made.forms.update(in_one)
            for word in (place, following):
                made.words[word] = Any((made.words[word], *(Terms((form,)) for form in in_one)))


def _may_be_one(forms: Iterable[str]) -> bool:
    return all(form.isalpha() and len(form) >= SHORTEST_IN_ONE for form in forms)


def _remark(made: Plan, query: Query) -> None:
    """Note what cannot find anything, or not all of it."""
    if made.empty and not made.asks:
        note = _("Nearly every article has these words: {words}.").format(words=", ".join(made.empty))
        if len(query.nodes) > 1:
            note += " " + _("In quotation marks they are looked for as a phrase.")
        made.notes.append(note)
    for node in query.nodes if not (made.words or made.texts) else ():
        if isinstance(node, Phrase) and not any(map(terms.alternatives, node.words)):
            made.is_told_cut = True
            made.notes.append(
                _(
                    "Nearly every article has the words of “{phrase}”: only the newest were read for it."
                ).format(phrase=node.text)
            )
    scope = made.scope
    if scope.since is not None and scope.before is not None and scope.since >= scope.before:
        made.notes.append(_("These dates leave no time between them."))
    if len(languages := list(dict.fromkeys(_languages(query.nodes)))) > 1:
        either = " OR ".join(f"lang:{language}" for language in languages)
        made.notes.append(_("No article is in several languages: try {query}.").format(query=either))


def _languages(nodes: Iterable[Node]) -> Iterator[str]:
    """The languages that an article has to be in."""
    for node in nodes:
        if isinstance(node, AllOf):
            yield from _languages(node.nodes)
        elif isinstance(node, Condition) and node.filter is Filter.LANGUAGE:
            yield str(node.value)


def _add(made: Plan, node: Node, person_id: int) -> None:
    if isinstance(node, AllOf) or (isinstance(node, AnyOf | Not) and _mixes(node)):
        for part in node.nodes if isinstance(node, AllOf) else _taken_out(made, node):
            _add(made, part, person_id)
    elif isinstance(node, Not):
        if has_phrase(node):
            made.exact.append(node)
        elif not _narrow(made, node.node, person_id, holds=False) and (unwanted := _wanted(made, node.node)):
            made.unwanted.append(unwanted)
    elif not _narrow(made, node, person_id, holds=True):
        _add_wanted(made, node)


def _mixes(node: AnyOf | Not) -> bool:
    """Whether something of the scope is among alternatives or in a group that is excluded."""
    return _scopes(node) and not (isinstance(node, Not) and isinstance(node.node, Condition))


def _taken_out(made: Plan, node: AnyOf | Not) -> Iterable[Node]:
    """All that is required instead of a node that mixes what is of the scope with other things."""
    if isinstance(node, Not) and isinstance(node.node, AllOf | AnyOf):
        if isinstance(node.node, AllOf):
            _note(
                made, _("Dates and bookmarks cannot be excluded together with words: each part was excluded.")
            )
        return map(_negated, node.node.nodes)
    _note(made, _("Dates and bookmarks cannot be joined by OR: all of them were required."))
    scoping: list[Node] = []
    rest = _apart(node, scoping)
    return scoping if rest is None else (*scoping, rest)


def _note(made: Plan, note: str) -> None:
    if note not in made.notes:
        made.notes.append(note)


def _add_wanted(made: Plan, node: Node) -> None:
    if has_phrase(node):
        made.exact.append(node)
    wanted = _wanted(made, node, marked=True)
    if wanted is None:
        return
    if isinstance(node, Word) and not node.title:
        made.words.append(wanted)
        made.written.append(node.text)
    elif _has_text(node):
        made.texts.append(wanted)
        if isinstance(node, Word):
            made.in_title.append((wanted, node.text))
    else:
        made.filters.append(wanted)


def _scopes(node: Node) -> bool:
    """Whether some of a node is a matter of the scope."""
    if isinstance(node, AllOf | AnyOf):
        return any(map(_scopes, node.nodes))
    return _scopes(node.node) if isinstance(node, Not) else _is_scoping(node)


def _is_scoping(node: Node) -> bool:
    return isinstance(node, Condition) and node.filter in _SCOPING


def _apart(node: Node, scoping: list[Node]) -> Node | None:
    """A node without what is a matter of the scope, which goes to `scoping`; None where nothing is left."""
    if _is_scoping(node):
        scoping.append(node)
        return None
    if isinstance(node, Not):
        within: list[Node] = []
        rest = _apart(node.node, within)
        scoping += map(_negated, within)
        return None if rest is None else _negated(rest)
    if isinstance(node, AllOf | AnyOf):
        return _made_of(node, [_apart(part, scoping) for part in node.nodes])
    return node


def _telling(made: Plan, node: Node) -> Node | None:
    """A node without the words that say nothing, which are true of everything; None where nothing is left."""
    if isinstance(node, Word) and not (
        any(map(terms.alternatives, node.words)) or terms.written_in_one(node.text)
    ):
        if node.text not in made.empty:
            made.empty.append(node.text)
        return None
    if isinstance(node, Condition) and not _is_scoping(node) and tokens(node) is None:
        return None
    if isinstance(node, Not):
        inner = _telling(made, node.node)
        return None if inner is None else _negated(inner)
    if isinstance(node, AllOf | AnyOf):
        return _made_of(node, [_telling(made, part) for part in node.nodes])
    return node


def _made_of(node: AllOf | AnyOf, parts: Iterable[Node | None]) -> Node | None:
    """The same of the parts that are left."""
    left = tuple(part for part in parts if part is not None)
    return replace(node, nodes=left) if len(left) > 1 else left[0] if left else None


def _negated(node: Node) -> Node:
    return node.node if isinstance(node, Not) else Not(node)


def _has_text(node: Node) -> bool:
    if isinstance(node, AllOf | AnyOf):
        return any(map(_has_text, node.nodes))
    return _has_text(node.node) if isinstance(node, Not) else isinstance(node, Word | Phrase)


def _narrow(made: Plan, node: Node, person_id: int, *, holds: bool) -> bool:
    """Whether `node` is a matter of the scope, which it then narrows."""
    if not isinstance(node, Condition) or not _is_scoping(node):
        return False
    scope = made.scope
    if node.filter is Filter.BOOKMARKED:
        if holds:
            made.scope = replace(scope, bookmarked_by=person_id)
        else:
            made.scope = replace(scope, not_bookmarked_by=person_id)
        return True
    moment = int(node.value)
    if (node.filter is Filter.SINCE) is holds:
        made.scope = replace(scope, since=max(moment, scope.since or 0))
    else:
        made.scope = replace(scope, before=moment if scope.before is None else min(moment, scope.before))
    return True


def _wanted(made: Plan, node: Node, *, marked: bool = False) -> Wanted | None:
    """What the index is asked for a node, which every match has; None where that is nothing.

    `marked`: its words are to be marked.
    """
    if isinstance(node, Word | Phrase):
        return _text(made, node, marked=marked)
    if isinstance(node, Condition):
        return tokens(node)
    if isinstance(node, Not):
        inner = None if has_phrase(node) else _wanted(made, node.node)
        return None if inner is None else Except(EVERYTHING, inner)
    wanted = [_wanted(made, inner, marked=marked) for inner in node.nodes]
    parts = tuple(part for part in wanted if part is not None)
    if isinstance(node, AnyOf):
        return Any(parts) if len(parts) == len(wanted) else None
    return All(parts) if parts else None


def _text(made: Plan, node: Word | Phrase, *, marked: bool) -> Wanted | None:
    column = Column.TITLE if node.title else Column.TEXT
    forms = [forms for word in node.words if (forms := terms.alternatives(word))]
    in_one = terms.written_in_one(node.text) if isinstance(node, Word) else ()
    if not forms and not in_one:
        if node.text not in made.empty:
            made.empty.append(node.text)
        return None
    if in_one and len(forms) < 2:  # noqa: PLR2004 - one of the two parts, or both, say nothing
        forms = [in_one]
    if marked:
        made.forms.update(form for alternatives in (*forms, in_one) for form in alternatives)
    if len(forms) == 1:
        return Any(tuple(Terms((form,), column) for form in forms[0]))
    english, french = tuple(each[0] for each in forms), tuple(each[-1] for each in forms)
    between = OTHER_FORMS * (len(forms) - 1) + len(forms) - 2
    near = (Near(each, between, column) for each in dict.fromkeys((english, french)))
    return Any((*near, *(Terms((form,), column) for form in in_one)))


def whole_name(condition: Condition) -> Wanted | None:
    """What the index is asked for a name of just these words, of which there are several; else None."""
    named = _NAMES[condition.filter](str(condition.value))
    return Terms(named[-1:], Column.META) if len(named) > 1 else None


def tokens(condition: Condition) -> Wanted | None:
    """What the index is asked for a filter that is no matter of the scope; None when it says nothing."""
    if condition.filter is Filter.IMAGE:
        return Terms((terms.HAS_IMAGE,), Column.META)
    if condition.filter is Filter.LANGUAGE:
        return Terms((terms.language_token(str(condition.value)),), Column.META)
    named = _NAMES[condition.filter](str(condition.value))
    if len(named) < 2:  # noqa: PLR2004 - several words, then all in one
        return Terms(named, Column.META) if named else None
    return Any((Terms(named[:-1], Column.META), Terms(named[-1:], Column.META)))
