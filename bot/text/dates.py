"""Dates as feeds write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import mktime_tz, parsedate_tz

EARLIEST = 631_152_000
"""1 January 1990: nothing on the web is older."""

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january janv janvier",
            "feb february fev fevr fevrier",
            "mar march mars",
            "apr april avr avril",
            "may mai",
            "jun june juin",
            "jul july juil juillet",
            "aug august aou aout",
            "sep sept september septembre",
            "oct october octobre",
            "nov november novembre",
            "dec december decembre",
        ),
        start=1,
    )
    for name in names.split()
}
_ZONES = {
    "z": 0, "ut": 0, "utc": 0, "gmt": 0, "wet": 0, "west": 60, "bst": 60, "cet": 60, "met": 60, "cest": 120,
    "mest": 120, "eet": 120, "eest": 180, "msk": 180, "est": -300, "edt": -240, "cst": -360, "cdt": -300,
    "mst": -420, "mdt": -360, "pst": -480, "pdt": -420, "akst": -540, "akdt": -480, "hst": -600, "ist": 330,
    "jst": 540, "kst": 540, "aest": 600, "aedt": 660, "acst": 570, "awst": 480, "nzst": 720, "nzdt": 780,
}  # fmt: skip
_NUMERIC = re.compile(
    r"^(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})(?:[T ,]+(?P<rest>.*))?$", re.IGNORECASE
)
_DAY_FIRST = re.compile(
    r"^(?P<day>\d{1,2})[-/.](?P<month>\d{1,2})[-/.](?P<year>\d{4})(?:[T ,]+(?P<rest>.*))?$"
)
_NAMED = re.compile(
    r"^(?:[^\W\d]+\.?,?\s+)?(?P<day>\d{1,2})(?:er|st|nd|rd|th)?[\s-]+(?:de\s+)?(?P<month>[^\W\d]+)\.?,?[\s-]+"
    r"(?P<year>\d{2,4})(?:[,\s]+(?:a|at)?\s*(?P<rest>.*))?$"
)
_MONTH_FIRST = re.compile(
    r"^(?:[^\W\d]+\.?,\s+)?(?P<month>[^\W\d]+)\.?\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<year>\d{4})"
    r"(?:[,\s]+(?:at)?\s*(?P<rest>.*))?$"
)
_TIME = re.compile(
    r"^(?P<hour>\d{1,2})[:h](?P<minute>\d{2})?(?::(?P<second>\d{2})(?:[.,]\d+)?)?\s*(?P<half>[ap]\.?m\.?)?"
    r"\s*(?P<zone>.*)$"
)
_OFFSET = re.compile(r"^(?:gmt|utc)?\s*([+-])(\d{1,2}):?(\d{2})?(?:\s*\(.*\))?$")


def parse(text: str | None) -> int | None:
    """The moment that `text` names, in seconds of UTC; None when it names none. Never raises.

    Reads RFC 822/2822 and ISO 8601/RFC 3339 first, then what feeds really write. A time without a zone is UTC.
    """
    if not text:
        return None
    text = " ".join(text[:100].split())
    for reader in (_iso, _loose, _mail):
        try:
            moment = reader(text)
        except (ValueError, TypeError, OverflowError, IndexError, OSError):
            continue
        if moment is not None:
            return moment
    return None


def clamp(published: int | None, found: int) -> int:
    """When an article counts as published: never after it was found; found when nothing sensible is known."""
    return found if published is None or not EARLIEST <= published <= found else published


def _iso(text: str) -> int | None:
    moment = datetime.fromisoformat(text)
    return _seconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _mail(text: str) -> int | None:
    parts = parsedate_tz(text)
    return _bounded(mktime_tz(parts)) if parts else None


def _loose(text: str) -> int | None:
    folded = _fold(text)
    match = next((m for p in (_NUMERIC, _DAY_FIRST, _NAMED, _MONTH_FIRST) if (m := p.match(folded))), None)
    if match is None:
        return None
    month = match["month"]
    number = int(month) if month.isdecimal() else _MONTHS.get(month)
    if number is None:
        return None
    year = int(match["year"])
    if year < 100:  # noqa: PLR2004 - RFC 2822, section 4.3: two digits
        year += 2000 if year < 50 else 1900  # noqa: PLR2004
    hour, minute, second, offset = _time(match["rest"] or "")
    moment = datetime(year, number, int(match["day"]), hour, minute, min(second, 59), tzinfo=UTC)
    return _seconds(moment, offset)


def _time(text: str) -> tuple[int, int, int, int]:
    """Hour, minute, second, and minutes east of Greenwich."""
    match = _TIME.match(text.strip())
    if match is None:
        return 0, 0, 0, 0
    hour = int(match["hour"])
    if match["half"]:
        hour = hour % 12 + (12 if match["half"].startswith("p") else 0)
    return hour, int(match["minute"] or 0), int(match["second"] or 0), _offset(match["zone"].strip())


def _offset(zone: str) -> int:
    if match := _OFFSET.match(zone):
        minutes = int(match[2]) * 60 + int(match[3] or 0)
        return -minutes if match[1] == "-" else minutes
    return _ZONES.get(zone.partition(" ")[0], 0)


def _seconds(moment: datetime, offset: int = 0) -> int | None:
    return _bounded(int(moment.timestamp()) - offset * 60)


def _bounded(seconds: int) -> int | None:
    return seconds if -(2**40) < seconds < 2**40 else None


def _fold(text: str) -> str:
    return text.lower().translate(str.maketrans("éèêëûùüôîïàâ", "eeeeuuuoiiaa"))
