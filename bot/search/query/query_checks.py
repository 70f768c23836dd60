"""Checks of a query before it is searched."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import tzinfo

from bot.search.query.query_filters import FilterName
from bot.search.query.query_notes import Note, NoteKind
from bot.search.query.query_tree import AllOf, FieldFilter, Node, Query, leaves


def asks_for_bookmarks(query: Query) -> bool:
    """Return whether the query's matches depend on the user's bookmarks."""
    return any(
        isinstance(leaf, FieldFilter) and leaf.filter is FilterName.BOOKMARKED for leaf in leaves(query.nodes)
    )


def check_query(query: Query, person_id: int | None) -> list[Note]:
    """Return notes on filters that can match nothing, or less than expected.

    `user_id` is None where there are no users, as on the command line.
    """
    notes = []
    if person_id is None and asks_for_bookmarks(query):
        notes.append(Note.of(NoteKind.OWN_BOOKMARKS))
    asked: dict[FilterName, dict[str | int, None]] = defaultdict(dict)
    for condition in _required(query.nodes):
        asked[condition.filter][condition.value] = None
    since, before = (sorted(map(int, asked[each])) for each in (FilterName.SINCE, FilterName.BEFORE))
    if since and before and since[-1] >= before[0]:
        notes.append(Note.of(NoteKind.EMPTY_DATE_RANGE))
    if len(languages := asked[FilterName.LANGUAGE]) > 1:
        either = " OR ".join(f"lang:{language}" for language in languages)
        notes.append(Note.of(NoteKind.LANGUAGES, query=either))
    return notes


def _required(nodes: Collection[Node]) -> Iterator[FieldFilter]:
    """Yield the filters that must match."""
    for node in nodes:
        if isinstance(node, AllOf):
            yield from _required(node.nodes)
        elif isinstance(node, FieldFilter):
            yield node


_PLAIN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def is_iso_date(typed: str) -> bool:
    """Return whether a date is an ISO date, so that its reading needs no note."""
    return _PLAIN.fullmatch(typed) is not None


def date_note(condition: FieldFilter, zone: tzinfo, now: int) -> Note:
    """Return the note on the moment that a date filter means; `now` is Unix time in seconds."""
    remark = NoteKind.SINCE if condition.filter is FilterName.SINCE else NoteKind.BEFORE
    return Note.of(remark, moment=int(condition.value), now=now, zone=zone)
