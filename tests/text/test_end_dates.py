"""End dates in English and French."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from bot.text.times.end_dates import parse_end
from tests.support.cases import check_cases

PARIS = ZoneInfo("Europe/Paris")
NOW = int(datetime(2026, 11, 30, 9, tzinfo=PARIS).timestamp())  # a Monday


def parse_and_format_end(text: str) -> str | None:
    end = parse_end(text, NOW, PARIS)
    return None if end is None else datetime.fromtimestamp(end, PARIS).strftime("%Y-%m-%d %H:%M")


@check_cases(
    ("text", "end"),
    [
        ("20 July", "2027-07-21 00:00"),
        ("until 20 July", "2027-07-21 00:00"),
        ("jusqu’au 20 juillet", "2027-07-21 00:00"),
        ("Jusqu'au 1er janvier", "2027-01-02 00:00"),
        ("July 20th, 2027", "2027-07-21 00:00"),
        ("le 20 juillet 2028", "2028-07-21 00:00"),
        ("2027-07-20", "2027-07-21 00:00"),
        ("20/07/2027", "2027-07-21 00:00"),
        ("20/07", "2027-07-21 00:00"),
        ("31.12", "2027-01-01 00:00"),
        ("today", "2026-12-01 00:00"),
        ("ce soir", "2026-12-01 00:00"),
        ("tomorrow", "2026-12-02 00:00"),
        ("jusqu’à demain", "2026-12-02 00:00"),
        ("après-demain", "2026-12-03 00:00"),
        ("3 days", "2026-12-03 09:00"),
        ("for three days", "2026-12-03 09:00"),
        ("pendant 3 jours", "2026-12-03 09:00"),
        ("dans une semaine", "2026-12-07 09:00"),
        ("in 2 weeks", "2026-12-14 09:00"),
        ("les 3 prochains jours", "2026-12-03 09:00"),
        ("friday", "2026-12-05 00:00"),
        ("vendredi prochain", "2026-12-05 00:00"),
        ("next monday", "2026-12-08 00:00"),
        ("this week", "2026-12-07 00:00"),
        ("next week", "2026-12-14 00:00"),
        ("la semaine prochaine", "2026-12-14 00:00"),
        ("le mois prochain", "2027-01-01 00:00"),
        ("end of july", "2027-08-01 00:00"),
        ("fin juillet", "2027-08-01 00:00"),
        ("Noël", "2026-12-26 00:00"),
        ("2027", "2028-01-01 00:00"),
    ],
)
def test_end_date_is_next_matching_day(text, end):
    assert parse_and_format_end(text) == end


@check_cases(
    "text",
    [
        "yesterday",
        "hier",
        "3 days ago",
        "il y a 3 jours",
        "last friday",
        "vendredi dernier",
        "20 July 2025",
        "2025-07-20",
    ],
)
def test_past_end_date_is_not_moved_to_the_future(text):
    end = parse_end(text, NOW, PARIS)
    assert end is not None
    assert end <= NOW


@check_cases(
    "text",
    ["", " ", "soon", "bientôt", "31/02", "99/99", "0000-00-00", "x" * 10_000, "20 July " * 2_000, "99999 years x"],
)
def test_text_without_end_date_is_none(text):
    assert parse_end(text, NOW, PARIS) is None


def test_day_ends_at_local_midnight_across_clock_change():
    before_change = int(datetime(2027, 3, 27, 12, tzinfo=PARIS).timestamp())
    end = parse_end("tomorrow", before_change, PARIS)
    assert end == int(datetime(2027, 3, 29, tzinfo=PARIS).timestamp())
    assert parse_end("tomorrow", before_change) == int(datetime(2027, 3, 29, tzinfo=UTC).timestamp())
