"""What is to be said of a query before anything is looked for."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import tzinfo

from bot.search.query.query_filters import FilterName
from bot.search.query.query_notes import Note, NoteKind
from bot.search.query.query_tree import AllOf, FieldFilter, Node, Query, leaves


def asks_for_bookmarks(query: Query) -> bool:
    """Whether it depends on who asks."""
    return any(
        isinstance(leaf, FieldFilter) and leaf.filter is FilterName.BOOKMARKED for leaf in leaves(query.nodes)
    )


def check_query(query: Query, person_id: int | None) -> list[Note]:
    """What cannot find anything, or not all of it."""
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
    """The filters that must hold."""
    for node in nodes:
        if isinstance(node, AllOf):
            yield from _required(node.nodes)
        elif isinstance(node, FieldFilter):
            yield node


_PLAIN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def is_iso_date(typed: str) -> bool:
    """Whether a date was typed so that nobody needs to be told how it was read."""
    return _PLAIN.fullmatch(typed) is not None


def date_note(condition: FieldFilter, zone: tzinfo, now: int) -> Note:
    """From when on, or until when, articles are looked for; `now` is in seconds since 1970 in UTC."""
    remark = NoteKind.SINCE if condition.filter is FilterName.SINCE else NoteKind.BEFORE
    return Note.of(remark, moment=int(condition.value), now=now, zone=zone)
