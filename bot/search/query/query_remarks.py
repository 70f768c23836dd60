"""What is to be said of a query before anything is looked for."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import tzinfo

from bot.search.query.filter_names import Filter
from bot.search.query.notes import Note, Remark
from bot.search.query.query_tree import AllOf, Condition, Node, Query, leaves


def asks_for_bookmarks(query: Query) -> bool:
    """Whether it depends on who asks."""
    return any(
        isinstance(leaf, Condition) and leaf.filter is Filter.BOOKMARKED for leaf in leaves(query.nodes)
    )


def remarks(query: Query, person_id: int | None) -> list[Note]:
    """What cannot find anything, or not all of it."""
    notes = []
    if person_id is None and asks_for_bookmarks(query):
        notes.append(Note.of(Remark.OWN_BOOKMARKS))
    asked: dict[Filter, dict[str | int, None]] = defaultdict(dict)
    for condition in _required(query.nodes):
        asked[condition.filter][condition.value] = None
    since, before = (sorted(map(int, asked[each])) for each in (Filter.SINCE, Filter.BEFORE))
    if since and before and since[-1] >= before[0]:
        notes.append(Note.of(Remark.NO_TIME))
    if len(languages := asked[Filter.LANGUAGE]) > 1:
        either = " OR ".join(f"lang:{language}" for language in languages)
        notes.append(Note.of(Remark.LANGUAGES, query=either))
    return notes


def _required(nodes: Collection[Node]) -> Iterator[Condition]:
    """The filters that must hold."""
    for node in nodes:
        if isinstance(node, AllOf):
            yield from _required(node.nodes)
        elif isinstance(node, Condition):
            yield node


_PLAIN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def is_plain(typed: str) -> bool:
    """Whether a date was typed so that nobody needs to be told how it was read."""
    return _PLAIN.fullmatch(typed) is not None


def told(condition: Condition, zone: tzinfo, now: int) -> Note:
    """From when on, or until when, articles are looked for; `now` is in seconds since 1970 in UTC."""
    remark = Remark.SINCE if condition.filter is Filter.SINCE else Remark.BEFORE
    return Note.of(remark, moment=int(condition.value), now=now, zone=zone)
