"""Checks of a query before the search, which result in notes for the user."""

import re
from collections import defaultdict
from datetime import tzinfo

from bot.search.query.query_filters import FilterName
from bot.search.query.query_notes import Note, NoteKind
from bot.search.query.query_tree import FieldFilter, Query, iter_leaves, iter_required_nodes


def asks_for_bookmarks(query: Query) -> bool:
    """Return whether the query's matches depend on the user's bookmarks."""
    return any(
        isinstance(leaf, FieldFilter) and leaf.filter_name is FilterName.BOOKMARKED for leaf in iter_leaves(query.nodes)
    )


def check_query(query: Query, user_id: int | None) -> list[Note]:
    """Return notes on filters of a query that can match nothing, or match less than expected.

    `user_id` is None where there are no users, as on the command line.
    """
    notes = []
    if user_id is None and asks_for_bookmarks(query):
        notes.append(Note.create(NoteKind.OWN_BOOKMARKS))
    values_by_filter: dict[FilterName, dict[str | int, None]] = defaultdict(dict)
    for node in iter_required_nodes(query.nodes):
        if isinstance(node, FieldFilter):
            values_by_filter[node.filter_name][node.value] = None
    since_times, before_times = (
        sorted(map(int, values_by_filter[filter_name])) for filter_name in (FilterName.SINCE, FilterName.BEFORE)
    )
    if since_times and before_times and since_times[-1] >= before_times[0]:
        notes.append(Note.create(NoteKind.EMPTY_DATE_RANGE))
    if len(languages := values_by_filter[FilterName.LANGUAGE]) > 1:
        suggested_query = " OR ".join(f"lang:{language}" for language in languages)
        notes.append(Note.create(NoteKind.SEVERAL_LANGUAGES, query=suggested_query))
    return notes


_ISO_DATE_PATTERN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def is_iso_date(text: str) -> bool:
    """Return whether a date is typed in ISO format (2024-12-31), so that no note need explain its meaning."""
    return _ISO_DATE_PATTERN.fullmatch(text) is not None


def build_date_note(field_filter: FieldFilter, time_zone: tzinfo, now: int) -> Note:
    """Return the note that tells the moment a date filter refers to; `now` is Unix time in seconds."""
    note_kind = NoteKind.SINCE if field_filter.filter_name is FilterName.SINCE else NoteKind.BEFORE
    return Note.create(note_kind, moment=int(field_filter.value), now=now, zone=time_zone)
