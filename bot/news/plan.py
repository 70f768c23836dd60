"""From a query to what the index is asked: index terms for words, tokens for filters, the scope for the rest."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from bot.locale import gettext as _
from bot.store.search_index import EVERYTHING, All, Any, Column, Except, Near, Scope, Terms, Wanted
from bot.text import terms
from bot.text.query import AllOf, AnyOf, Condition, Filter, Node, Not, Phrase, Query, Word

_NAMES = {
    Filter.SOURCE: terms.outlet_tokens,
    Filter.AUTHOR: terms.author_tokens,
    Filter.TAG: terms.tag_tokens,
}


@dataclass(slots=True)
class Plan:
    """A query for the index.

    `words` are the parts of the text that are wanted, each of which may be missing in a partial match; `filters`
    and `unwanted` always hold. `forms` are the index terms to mark, `phrases` what is verified on the text.
    """

    scope: Scope
    words: list[Wanted] = field(default_factory=list)
    filters: list[Wanted] = field(default_factory=list)
    unwanted: list[Wanted] = field(default_factory=list)
    names: list[str] = field(default_factory=list)  # of `words`: as the person wrote them
    forms: set[str] = field(default_factory=set)
    phrases: bool = False
    dropped: list[str] = field(default_factory=list)  # words that say nothing
    notes: list[str] = field(default_factory=list)

    def required(self, words: Iterable[Wanted] = ()) -> Wanted | None:
        """Everything but the words, and these of them; None when nothing is asked."""
        return narrowed((*words, *self.filters), self.unwanted)


def narrowed(wanted: Collection[Wanted], unwanted: Collection[Wanted]) -> Wanted | None:
    """All of `wanted` and none of `unwanted`; None when neither says anything."""
    if not wanted and not unwanted:
        return None
    found = All(tuple(wanted)) if wanted else EVERYTHING
    return Except(found, Any(tuple(unwanted))) if unwanted else found


def plan(query: Query, *, feed_ids: Collection[int] | None, person_id: int | None) -> Plan:
    """How to look for `query` in these feeds (None: in all) for this person."""
    made = Plan(Scope(feed_ids=None if feed_ids is None else frozenset(feed_ids)))
    for node in query.nodes:
        _add(made, node, person_id or 0)
    if made.dropped and not (made.words or made.filters):
        made.notes.append(
            _("Left out, because nearly every article has them: {words}.").format(
                words=", ".join(made.dropped)
            )
        )
    return made


def _add(made: Plan, node: Node, person_id: int) -> None:
    if isinstance(node, AllOf):
        for part in node.nodes:
            _add(made, part, person_id)
    elif isinstance(node, Not):
        if not _scoped(made, node.node, person_id, holds=False) and (unwanted := _wanted(made, node.node)):
            made.unwanted.append(unwanted)
    elif isinstance(node, AnyOf) and any(
        isinstance(part, Condition) and _scoping(part) for part in node.nodes
    ):
        made.notes.append(_("Dates and bookmarks cannot be joined by OR: all of them were required."))
        for part in node.nodes:
            _add(made, part, person_id)
    elif not _scoped(made, node, person_id, holds=True):
        marked = len(made.forms)
        wanted = _wanted(made, node, wanted=True)
        if wanted is not None and isinstance(node, Condition):
            made.filters.append(wanted)
        elif wanted is not None and len(made.forms) == marked and _only_conditions(node):
            made.filters.append(wanted)
        elif wanted is not None:
            made.words.append(wanted)
            made.names.append(_name(node))


def _scoping(condition: Condition) -> bool:
    return condition.filter in (Filter.SINCE, Filter.BEFORE, Filter.BOOKMARKED)


def _only_conditions(node: Node) -> bool:
    if isinstance(node, AllOf | AnyOf):
        return all(_only_conditions(part) for part in node.nodes)
    return _only_conditions(node.node) if isinstance(node, Not) else isinstance(node, Condition)


def _name(node: Node) -> str:
    if isinstance(node, Word):
        return " ".join(node.words)
    return node.text if isinstance(node, Phrase) else ""


def _scoped(made: Plan, node: Node, person_id: int, *, holds: bool) -> bool:
    """Whether `node` is a matter of the scope, which it then narrows."""
    if not isinstance(node, Condition) or not _scoping(node):
        return False
    scope = made.scope
    if node.filter is Filter.BOOKMARKED:
        made.scope = replace(scope, **{"bookmarked_by" if holds else "not_bookmarked_by": person_id})
        return True
    moment = int(node.value)
    if (node.filter is Filter.SINCE) is holds:
        made.scope = replace(scope, since=max(moment, scope.since or 0))
    else:
        made.scope = replace(scope, before=moment if scope.before is None else min(moment, scope.before))
    return True


def _wanted(made: Plan, node: Node, *, wanted: bool = False) -> Wanted | None:
    """What the index is asked for a node; None when it says nothing. `wanted`: its words are to be marked."""
    if isinstance(node, Word | Phrase):
        return _text(made, node, wanted=wanted)
    if isinstance(node, Condition):
        return _tokens(node)
    if isinstance(node, Not):
        inner = _wanted(made, node.node)
        return None if inner is None else Except(EVERYTHING, inner)
    parts = tuple(part for inner in node.nodes if (part := _wanted(made, inner, wanted=wanted)) is not None)
    if not parts:
        return None
    if isinstance(node, AnyOf):
        return Any(parts)
    return All(parts)


def _text(made: Plan, node: Word | Phrase, *, wanted: bool) -> Wanted | None:
    column = Column.TITLE if node.title else Column.TEXT
    forms = [forms for word in node.words if (forms := terms.alternatives(word))]
    if not forms:
        made.dropped.append(_name(node))
        return None
    if wanted:
        made.forms.update(form for alternatives in forms for form in alternatives)
    if isinstance(node, Phrase):
        made.phrases = True
    if len(forms) == 1:
        return Any(tuple(Terms((form,), column) for form in forms[0]))
    english, french = tuple(each[0] for each in forms), tuple(each[-1] for each in forms)
    # The index holds other ways to write a word beside it, so neighbours may have something between them.
    near = tuple(Near(each, 3 * len(node.words), column) for each in dict.fromkeys((english, french)))
    return Any(near)


def _tokens(condition: Condition) -> Wanted | None:
    if condition.filter is Filter.IMAGE:
        return Terms((terms.HAS_IMAGE,), Column.META)
    if condition.filter is Filter.LANGUAGE:
        return Terms((terms.language_token(str(condition.value)),), Column.META)
    tokens = _NAMES[condition.filter](str(condition.value))
    if len(tokens) < 2:  # noqa: PLR2004 - several words, then all in one
        return Terms(tokens, Column.META) if tokens else None
    return Any((Terms(tokens[:-1], Column.META), Terms(tokens[-1:], Column.META)))
