"""Local time: quiet hours, occurrences and time zones."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import local_time
from tests.support.cases import check_cases

PARIS = "Europe/Paris"
ZONES = ("UTC", PARIS, "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia")


def parse_utc(text: str) -> int:
    """Parse a time in UTC such as `2026-03-29 05:00` to a timestamp in seconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@check_cases(
    ("now", "ends"),
    [
        ("2026-11-24 20:59", None),
        ("2026-11-24 21:00", "2026-11-25 06:00"),
        ("2026-11-25 05:59", "2026-11-25 06:00"),
        ("2026-11-25 06:00", None),
        # The night in which the clock is put forward, and the one in which it is put back.
        ("2026-03-28 21:30", "2026-03-29 05:00"),
        ("2026-03-29 04:59", "2026-03-29 05:00"),
        ("2026-10-24 20:30", "2026-10-25 06:00"),
    ],
)
def test_quiet_hours_across_midnight_follow_local_time(now, ends):
    assert local_time.find_quiet_hours_end(parse_utc(now), "22:00-07:00", PARIS) == (parse_utc(ends) if ends else 0)


def test_quiet_hours_within_a_day_end_the_same_day():
    assert local_time.find_quiet_hours_end(parse_utc("2026-11-24 12:00"), "12:00-14:30", "UTC") == parse_utc(
        "2026-11-24 14:30"
    )
    assert local_time.find_quiet_hours_end(parse_utc("2026-11-24 14:30"), "12:00-14:30", "UTC") == 0
    assert local_time.find_quiet_hours_end(parse_utc("2026-11-24 12:00"), None, "UTC") == 0


def test_skipped_quiet_hour_does_not_apply():
    """The hour from two to three does not exist in that night."""
    for minute in range(0, 12 * 60, 10):
        now = parse_utc("2026-03-28 23:00") + minute * 60
        assert local_time.find_quiet_hours_end(now, "02:00-03:00", PARIS) == 0


@check_cases("text", ["", "22-7", "24:00-07:00", "07:00-07:00", "22:00-07:60", "22:00-07:00 "])
def test_invalid_quiet_hours_are_rejected(text):
    with pytest.raises(ValueError, match="quiet"):
        local_time.parse_quiet_hours(text)


def test_quiet_hours_survive_formatting_and_parsing():
    assert local_time.format_quiet_hours(22 * 60, 7 * 60 + 30) == "22:00-07:30"
    assert local_time.parse_quiet_hours("22:00-07:30") == (22 * 60, 7 * 60 + 30)


@check_cases("name", ["", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "x" * 5000, "\0"])
def test_unknown_time_zone_is_utc(name):
    assert local_time.load_zone(name).key == "UTC"


def test_occurrence_in_skipped_hour_comes_once_after_gap():
    first = local_time.find_next_occurrence(parse_utc("2026-03-28 12:00"), 150, None, PARIS)
    assert first == parse_utc("2026-03-29 01:00")
    assert local_time.find_next_occurrence(first, 150, None, PARIS) == parse_utc("2026-03-30 00:30")


def test_occurrence_in_repeated_hour_comes_once():
    first = local_time.find_next_occurrence(parse_utc("2026-10-24 12:00"), 150, None, PARIS)
    assert first == parse_utc("2026-10-25 00:30")
    assert local_time.find_next_occurrence(first, 150, None, PARIS) == parse_utc("2026-10-26 01:30")


def test_weekly_occurrence_is_on_its_weekday():
    assert local_time.find_next_occurrence(parse_utc("2026-11-24 06:00"), 480, 1, PARIS) == parse_utc(
        "2026-11-24 07:00"
    )
    assert local_time.find_next_occurrence(parse_utc("2026-11-24 07:00"), 480, 1, PARIS) == parse_utc(
        "2026-12-01 07:00"
    )
    assert local_time.find_next_occurrence(parse_utc("2026-11-24 07:00"), 480, 0, PARIS) == parse_utc(
        "2026-11-30 07:00"
    )


@given(
    st.integers(0, 4_000_000_000),
    st.integers(0, local_time.MINUTES_PER_DAY - 1),
    st.sampled_from([None, *range(7)]),
    st.sampled_from(ZONES),
)
def test_next_occurrence_is_later_and_within_days(after, minute, weekday, zone):
    due = local_time.find_next_occurrence(after, minute, weekday, zone)
    days = 2.2 if weekday is None else 8.2 + 7 * (zone == "Pacific/Apia")  # Apia left out a whole day
    assert after < due <= after + days * 86_400


@given(st.integers(0, 4_000_000_000), st.integers(0, 1439), st.integers(0, 1439), st.sampled_from(ZONES))
def test_quiet_hours_end_within_two_days(now, begin, end, zone):
    if begin == end:
        return
    text = local_time.format_quiet_hours(begin, end)
    ends = local_time.find_quiet_hours_end(now, text, zone)
    if ends:
        assert now < ends <= now + 2.2 * 86_400
        assert local_time.find_quiet_hours_end(ends, text, zone) in {0, ends} or zone == "Pacific/Apia"
