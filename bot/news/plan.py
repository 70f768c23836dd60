"""From a query to what the index is asked.

Words become index terms, filters tokens, dates and bookmarks the scope.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from bot.locale import gettext as _
from bot.news.exact import has_phrase
from bot.store.search_index import EVERYTHING, All, Any, Column, Except, Near, Scope, Terms, Wanted, is_narrow
from bot.text import terms
from bot.text.query import AllOf, AnyOf, Condition, Filter, Node, Not, Phrase, Query, Word

_NAMES = {
    Filter.SOURCE: terms.outlet_tokens,
    Filter.AUTHOR: terms.author_tokens,
    Filter.TAG: terms.tag_tokens,
}
_SCOPING = (Filter.SINCE, Filter.BEFORE, Filter.BOOKMARKED)
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


def plan(query: Query, *, feed_ids: Collection[int] | None, person_id: int | None) -> Plan:
    """How to look for `query` in these feeds (None: in all) for this person."""
    made = Plan(query.text, Scope(feed_ids=None if feed_ids is None else frozenset(feed_ids)))
    for node in query.nodes:
        _add(made, node, person_id or 0)
    if person_id is None and (made.scope.bookmarked_by, made.scope.not_bookmarked_by) != (None, None):
        made.notes.append(_("Bookmarks are a person’s own: is:bookmarked finds them with /search."))
    _remark(made, query)
    return made


def _remark(made: Plan, query: Query) -> None:
    """Note what cannot find anything, or not all of it."""
    if made.empty and not made.asks:
        note = _("Nearly every article has these words: {words}.").format(words=", ".join(made.empty))
        if len(query.nodes) > 1:
            note += " " + _("In quotation marks they are looked for as a phrase.")
        made.notes.append(note)
    for node in query.nodes if not (made.words or made.texts) else ():
        if isinstance(node, Phrase) and not any(map(terms.alternatives, node.words)):
            made.notes.append(
                _(
                    "Nearly every article has the words of “{phrase}”: only the newest were read for it."
                ).format(phrase=node.text)
            )
    scope = made.scope
    if scope.since is not None and scope.before is not None and scope.since >= scope.before:
        made.notes.append(_("These dates leave no time between them."))


def _add(made: Plan, node: Node, person_id: int) -> None:
    if isinstance(node, AnyOf) and any(map(_scopes, node.nodes)):
        made.notes.append(_("Dates and bookmarks cannot be joined by OR: all of them were required."))
        node = AllOf(node.nodes)
    if isinstance(node, AllOf):
        for part in node.nodes:
            _add(made, part, person_id)
    elif isinstance(node, Not):
        if has_phrase(node):
            made.exact.append(node)
        elif not _narrow(made, node.node, person_id, holds=False) and (unwanted := _wanted(made, node.node)):
            made.unwanted.append(unwanted)
    elif not _narrow(made, node, person_id, holds=True):
        _add_wanted(made, node)


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
    return isinstance(node, Condition) and node.filter in _SCOPING


def _has_text(node: Node) -> bool:
    if isinstance(node, AllOf | AnyOf):
        return any(map(_has_text, node.nodes))
    return _has_text(node.node) if isinstance(node, Not) else isinstance(node, Word | Phrase)


def _narrow(made: Plan, node: Node, person_id: int, *, holds: bool) -> bool:
    """Whether `node` is a matter of the scope, which it then narrows."""
    if not isinstance(node, Condition) or node.filter not in _SCOPING:
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
    """What the index is asked for a node; None when it says nothing. `marked`: its words are to be marked."""
    if isinstance(node, Word | Phrase):
        return _text(made, node, marked=marked)
    if isinstance(node, Condition):
        return tokens(node)
    if isinstance(node, Not):
        inner = None if has_phrase(node) else _wanted(made, node.node)
        return None if inner is None else Except(EVERYTHING, inner)
    parts = tuple(part for inner in node.nodes if (part := _wanted(made, inner, marked=marked)) is not None)
    if not parts:
        return None
    return Any(parts) if isinstance(node, AnyOf) else All(parts)


def _text(made: Plan, node: Word | Phrase, *, marked: bool) -> Wanted | None:
    column = Column.TITLE if node.title else Column.TEXT
    forms = [forms for word in node.words if (forms := terms.alternatives(word))]
    if not forms:
        if node.text not in made.empty:
            made.empty.append(node.text)
        return None
    if marked:
        made.forms.update(form for alternatives in forms for form in alternatives)
    if len(forms) == 1:
        return Any(tuple(Terms((form,), column) for form in forms[0]))
    english, french = tuple(each[0] for each in forms), tuple(each[-1] for each in forms)
    between = OTHER_FORMS * (len(forms) - 1) + len(forms) - 2
    return Any(tuple(Near(each, between, column) for each in dict.fromkeys((english, french))))


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
