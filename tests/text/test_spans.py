"""Formatting of periods."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from bot.text.times import periods
from tests.support.cases import check_cases

NOW = int(datetime(2026, 11, 26, 1, 20, tzinfo=UTC).timestamp())


@check_cases(
    ("period_text", "english", "french"),
    [
        ("this week", "Nov 23 – 29, 2026", "23–29 nov. 2026"),
        ("yesterday", "Nov 25, 2026", "25 nov. 2026"),
        ("2026-07", "July 2026", "juillet 2026"),
        ("Q3 2026", "July – September 2026", "juillet – septembre 2026"),
        ("1789", "1789", "1789"),
        ("last hour", "Nov 26, 2026 00:20 – 01:20 UTC", "26 nov. 2026 00:20 – 01:20 UTC"),
        (
            "last night",
            "Nov 25, 2026 18:00 – Nov 26, 2026 06:00 UTC",
            "25 nov. 2026 18:00 – 26 nov. 2026 06:00 UTC",
        ),
        ("7d", "Nov 19 – 26, 2026", "19–26 nov. 2026"),
        ("last winter", "December 2025 – February 2026", "décembre 2025 – février 2026"),
    ],
)
def test_period_is_formatted_by_days_or_hours(period_text, english, french):
    period = periods.parse_period(period_text, NOW)
    assert period is not None
    assert periods.format_period(period, UTC, "en").replace("\u2009", " ") == english
    assert periods.format_period(period, UTC, "fr").replace("\u2009", " ") == french


def test_formatted_days_are_local():
    paris = ZoneInfo("Europe/Paris")
    period = periods.parse_period("today", NOW, paris)
    assert period is not None
    assert periods.format_period(period, paris, "fr") == "26 nov. 2026"
