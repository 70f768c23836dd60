"""Parsing of periods in English and French."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from bot.text.times import periods
from tests.support.cases import check_cases

NOW = int(datetime(2020, 6, 10, 15, 30, tzinfo=UTC).timestamp())  # a Wednesday


def day(year: int, month: int, day: int, hour: int = 0) -> int:
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp())


@check_cases(
    ("text", "start"),
    [
        ("7d", NOW - 7 * 86400),
        ("24h", NOW - 86400),
        ("7 jours", NOW - 7 * 86400),
        ("il y a 3 jours", NOW - 3 * 86400),
        ("three days ago", NOW - 3 * 86400),
        ("last 2 weeks", NOW - 14 * 86400),
        ("les 2 dernières semaines", NOW - 14 * 86400),
        ("2020-06-10", day(2020, 6, 10)),
        ("2020-06", day(2020, 6, 1)),
        ("2019", day(2019, 1, 1)),
        ("10/06/2020", day(2020, 6, 10)),
        ("10 juin 2020", day(2020, 6, 10)),
        ("June 10, 2020", day(2020, 6, 10)),
        ("10 June, 2020", day(2020, 6, 10)),
        ("20200610", day(2020, 6, 10)),
        ("christmas", day(2019, 12, 25)),
        ("Noël", day(2019, 12, 25)),
        ("noël dernier", day(2019, 12, 25)),
        ("Christmas Day 2018", day(2018, 12, 25)),
        ("jour de l’an", day(2020, 1, 1)),
        ("1er juin", day(2020, 6, 1)),
        ("août", day(2019, 8, 1)),
        ("décembre 2018", day(2018, 12, 1)),
        ("monday", day(2020, 6, 8)),
        ("last monday", day(2020, 6, 8)),
        ("depuis lundi", day(2020, 6, 8)),
        ("lundi dernier", day(2020, 6, 8)),
        ("wednesday", day(2020, 6, 10)),
        ("mercredi dernier", day(2020, 6, 3)),
        ("today", day(2020, 6, 10)),
        ("aujourd’hui", day(2020, 6, 10)),
        ("Hier", day(2020, 6, 9)),
        ("the day before yesterday", day(2020, 6, 8)),
        ("avant-hier", day(2020, 6, 8)),
        ("this week", day(2020, 6, 8)),
        ("la semaine dernière", day(2020, 6, 1)),
        ("last month", day(2020, 5, 1)),
        ("ce mois", day(2020, 6, 1)),
        ("l'année dernière", day(2019, 1, 1)),
        ("last weekend", day(2020, 6, 6)),
        ("2020-06-10T12:00Z", day(2020, 6, 10, 12)),
        ("lundi 8 juin 2020", day(2020, 6, 8)),
        ("Monday, June 8, 2020", day(2020, 6, 8)),
        ("the 10th of June", day(2020, 6, 10)),
        ("10/06/20", day(2020, 6, 10)),
        ("quinze jours", NOW - 15 * 86400),
        ("twelve hours", NOW - 12 * 3600),
        ("hier soir", day(2020, 6, 9)),
        ("last night", day(2020, 6, 9, 18)),
        ("vendredi matin", day(2020, 6, 5)),
        ("last tuesday morning", day(2020, 6, 9)),
        ("début juin", day(2020, 6, 1)),
        ("depuis le début de l’année", day(2020, 1, 1)),
        ("le début de la semaine dernière", day(2020, 6, 1)),
        ("mi-mai", day(2020, 5, 11)),
        ("end of April", day(2020, 4, 21)),
        ("fin 2019", day(2019, 8, 31)),
        ("the last hour", NOW - 3600),
        ("past hour", NOW - 3600),
        ("la dernière heure", NOW - 3600),
        ("the past 24 hours", NOW - 86400),
        ("début de l’été", day(2020, 6, 1)),
    ],
)
def test_period_starts_at_expressed_time(text, start):
    period = periods.parse_period(text, NOW)
    assert datetime.fromtimestamp(period.start, UTC) == datetime.fromtimestamp(start, UTC)


@check_cases(
    ("text", "start", "end"),
    [
        ("this week", day(2020, 6, 8), day(2020, 6, 15)),
        ("juin 2020", day(2020, 6, 1), day(2020, 7, 1)),
        ("hier", day(2020, 6, 9), day(2020, 6, 10)),
        ("2020", day(2020, 1, 1), day(2021, 1, 1)),
        ("7d", NOW - 7 * 86400, NOW),
        ("this quarter", day(2020, 4, 1), day(2020, 7, 1)),
        ("ce trimestre", day(2020, 4, 1), day(2020, 7, 1)),
        ("last quarter", day(2020, 1, 1), day(2020, 4, 1)),
        ("le trimestre dernier", day(2020, 1, 1), day(2020, 4, 1)),
        ("Q3 2019", day(2019, 7, 1), day(2019, 10, 1)),
        ("T3 2019", day(2019, 7, 1), day(2019, 10, 1)),
        ("Q4", day(2019, 10, 1), day(2020, 1, 1)),
        ("3e trimestre 2019", day(2019, 7, 1), day(2019, 10, 1)),
        ("the first quarter of 2020", day(2020, 1, 1), day(2020, 4, 1)),
        ("cette nuit", day(2020, 6, 9, 18), day(2020, 6, 10, 6)),
        ("la nuit dernière", day(2020, 6, 9, 18), day(2020, 6, 10, 6)),
        ("last night", day(2020, 6, 9, 18), day(2020, 6, 10, 6)),
        ("this summer", day(2020, 6, 1), day(2020, 9, 1)),
        ("cet été", day(2020, 6, 1), day(2020, 9, 1)),
        ("last summer", day(2019, 6, 1), day(2019, 9, 1)),
        ("l’été dernier", day(2019, 6, 1), day(2019, 9, 1)),
        ("this winter", day(2019, 12, 1), day(2020, 3, 1)),
        ("cet hiver", day(2019, 12, 1), day(2020, 3, 1)),
        ("l’hiver dernier", day(2019, 12, 1), day(2020, 3, 1)),
        ("this spring", day(2020, 3, 1), day(2020, 6, 1)),
        ("ce printemps", day(2020, 3, 1), day(2020, 6, 1)),
        ("cet automne", day(2019, 9, 1), day(2019, 12, 1)),
        ("summer 2018", day(2018, 6, 1), day(2018, 9, 1)),
        ("l’été 2018", day(2018, 6, 1), day(2018, 9, 1)),
        ("1789", day(1789, 1, 1), day(1790, 1, 1)),
        ("14 juillet 1789", day(1789, 7, 14), day(1789, 7, 15)),
    ],
)
def test_period_has_expressed_start_and_end(text, start, end):
    assert periods.parse_period(text, NOW) == (start, end)


@check_cases(
    ("text", "zone", "start", "end"),
    [
        ("today", "Europe/Paris", day(2020, 6, 9, 22), day(2020, 6, 10, 22)),
        ("today", "Asia/Tokyo", day(2020, 6, 10, 15), day(2020, 6, 11, 15)),  # it is Thursday there
        ("jeudi", "Asia/Tokyo", day(2020, 6, 10, 15), day(2020, 6, 11, 15)),
        ("cette semaine", "Europe/Paris", day(2020, 6, 7, 22), day(2020, 6, 14, 22)),
        ("march 2020", "Europe/Paris", day(2020, 2, 29, 23), day(2020, 3, 31, 22)),
        ("2020-03-29", "Europe/Paris", day(2020, 3, 28, 23), day(2020, 3, 29, 22)),  # of 23 hours
        ("fin 2019", "Europe/Paris", day(2019, 8, 30, 22), day(2019, 12, 31, 23)),
        ("2020-06-10 12:00", "Europe/Paris", day(2020, 6, 10, 10), day(2020, 6, 10, 10) + 1),
        ("2020-06-10T12:00Z", "Europe/Paris", day(2020, 6, 10, 12), day(2020, 6, 10, 12) + 1),
        ("7d", "Europe/Paris", NOW - 7 * 86400, NOW),
    ],
)
def test_days_of_period_begin_at_local_midnight(text, zone, start, end):
    assert periods.parse_period(text, NOW, ZoneInfo(zone)) == (start, end)


def test_hours_are_counted_across_clock_change():
    repeated_hour = day(2020, 10, 25, 1) + 1800  # 2:30 in Paris for the second time
    assert periods.parse_period("2h", repeated_hour, ZoneInfo("Europe/Paris")) == (repeated_hour - 7200, repeated_hour)


@check_cases(
    "text",
    [
        "",
        "soon",
        "bientôt",
        "31 juin 2020",
        "2020-13",
        "99999y99",
        "d",
        "7",
        "12:30",
        "soir",
        "fin",
        "mi mi",
        "1/2/3",
        "2101",
        "Q5 2020",
        "winter 2019",
    ],
)
def test_text_without_period_is_none(text):
    assert periods.parse_period(text, NOW) is None


def test_tonight_is_coming_night_in_the_evening():
    evening = day(2020, 6, 10, 22)
    assert periods.parse_period("cette nuit", evening) == (day(2020, 6, 10, 18), day(2020, 6, 11, 6))
    assert periods.parse_period("la nuit dernière", evening) == (day(2020, 6, 9, 18), day(2020, 6, 10, 6))


@given(st.text(max_size=60), st.integers(0, 2**32), st.sampled_from(["UTC", "Asia/Beirut", "America/Lima"]))
def test_arbitrary_text_gives_none_or_ordered_period(text, now, zone):
    period = periods.parse_period(text, now, ZoneInfo(zone))
    assert period is None or period.start <= period.end
