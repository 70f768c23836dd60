"""What is told of the dates in a query, in the language of whoever asks."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo

from babel.dates import format_date, format_skeleton, format_time

from bot.core import locale
from bot.core.locale import gettext as _
from bot.search.filter_names import Filter
from bot.search.query_tree import Condition

_PLAIN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def is_plain(typed: str) -> bool:
    """Whether a date was typed so that nobody needs to be told how it was read."""
    return _PLAIN.fullmatch(typed) is not None


def told(condition: Condition, zone: tzinfo, now: int) -> str:
    """From when on, or until when, articles are looked for; `now` is in seconds since 1970 in UTC."""
    day = datetime.fromtimestamp(int(condition.value), zone)
    language = locale.current()
    if day.year == datetime.fromtimestamp(now, zone).year:
        date = str(format_skeleton("MMMd", day, locale=language))
    else:
        date = str(format_date(day, "medium", locale=language))
    if day.hour or day.minute:
        date += f" {format_time(day, 'HH:mm', locale=language)} {zone}"
    sentence = _("Since {date}") if condition.filter is Filter.SINCE else _("Before {date}")
    return sentence.format(date=date)


def unknown(typed: str) -> str:
    """That something is no date."""
    return _("“{value}” is no date that I know: try 7d, 2020-06-10 or “last monday”.").format(value=typed)
