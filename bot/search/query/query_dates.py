"""What is told of the dates in a query."""

from __future__ import annotations

import re
from datetime import tzinfo

from bot.search.query.filter_names import Filter
from bot.search.query.notes import Note, Remark
from bot.search.query.query_tree import Condition

_PLAIN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def is_plain(typed: str) -> bool:
    """Whether a date was typed so that nobody needs to be told how it was read."""
    return _PLAIN.fullmatch(typed) is not None


def told(condition: Condition, zone: tzinfo, now: int) -> Note:
    """From when on, or until when, articles are looked for; `now` is in seconds since 1970 in UTC."""
    remark = Remark.SINCE if condition.filter is Filter.SINCE else Remark.BEFORE
    return Note.of(remark, moment=int(condition.value), now=now, zone=zone)
