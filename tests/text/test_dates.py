"""Parsing of dates in feeds."""

import re
from calendar import timegm
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from bot.text.times import feed_dates
from tests.support.cases import check_cases
from tests.support.shared_data import require_shared_path

ELEVENTH = timegm((2020, 1, 10, 0, 0, 0))
JUNE = timegm((2020, 6, 10, 12, 30, 0))


@check_cases(
    ("text", "moment"),
    [
        ("2020/1/10", ELEVENTH),
        ("2020-01-10", ELEVENTH),
        ("20200110", ELEVENTH),
        ("10/1/2020", ELEVENTH),
        ("10.01.2020", ELEVENTH),
        ("25/12/2020", timegm((2020, 12, 25, 0, 0, 0))),
        ("12/25/2020", timegm((2020, 12, 25, 0, 0, 0))),
        ("10 janvier 2020", ELEVENTH),
        ("vendredi 10 janv. 2020", ELEVENTH),
        ("1er août 2020", timegm((2020, 8, 1, 0, 0, 0))),
        ("January 10th, 2020", ELEVENTH),
        ("Jan. 10, 2020", ELEVENTH),
        ("Wed, 10 Jun 2020 12:30:00 GMT", JUNE),
        ("Wed, 10 Jun 20 12:30 UT", JUNE),
        ("Wed, 10 Jun 2020 14:30:00 +0200", JUNE),
        ("Wed, 10 Jun 2020 14:30:00 CEST", JUNE),
        ("Wed, 10 Jun 2020 08:30:00 EDT", JUNE),
        ("Wed, 10 Jun 2020 14:30:00 GMT+2", JUNE),
        ("Wed, 10 Jun 2020 14:30:00 +0200 (CEST)", JUNE),
        ("Wed, 10 Jun 2020 12:30:00", JUNE),
        ("mer., 10 juin 2020 14:30:00 +0200", JUNE),
        ("mercredi 10 juin 2020 à 12h30", JUNE),
        ("10 juin 2020 - 12:30", JUNE),
        ("Sat, Jun 10 2020 12:30:00 PM", JUNE),
        ("June 10, 2020 at 12:30 PM", JUNE),
        ("2020-06-10T14:30:00+02:00", JUNE),
        ("2020-06-10T12:30:00.123Z", JUNE),
        ("2020-06-10 12:30", JUNE),
        ("2020-6-10 12:30:00", JUNE),
        ("2020/06/10 12:30 UTC", JUNE),
        ("\n 2020-06-10T12:30:00Z \n", JUNE),
        (str(JUNE), JUNE),
        (f"{JUNE}000", JUNE),
    ],
)
def test_feed_dates_are_parsed(text, moment):
    assert feed_dates.parse_date(text) == moment


@check_cases(
    ("text", "is_whole"),
    [
        ("2020-06-10", True),
        ("2020-06-10T14:30:00+02:00", True),
        ("Wed, 10 Jun 2020 14:30:00 +0200 (CEST)", True),
        ("Wed, 10 Jun 2020 12:30:00 GMT", True),
        ("Wed Jun 10 12:30:00 2020", True),
        ("mercredi 10 juin 2020 à 12h30", True),
        ("June 10, 2020 at 12:30 PM", True),
        (str(JUNE), True),
        ("2020-06-10T:00Z", True),
        ("2020-06-10 rubbish", False),
        ("2020-06-10T12:30:00Z rubbish", False),
        ("10 juin 2020 environ", False),
        ("Wed, 10 Jun 2020 12:30:00 GMT or later", False),
        ("Wed, 10 Jun 2020 12:30:00 rubbish", False),
    ],
)
def test_text_after_date_is_ignored_unless_only_date_is_allowed(text, is_whole):
    assert feed_dates.parse_date(text) is not None
    assert (feed_dates.parse_date(text, must_be_only_date=True) is not None) is is_whole


@check_cases(
    "text",
    ["", None, "yesterday", "Mon, 01 Jan 0001 00:00:00 +0000", "1970-01-01T00:00:00Z", "0000-00-00 00:00:00",
     "2020", "9999-12-31", "31/31/2020", "10 brumaire 2020", "-1"],
)  # fmt: skip
def test_invalid_date_is_none(text):
    assert feed_dates.parse_date(text) is None


@given(st.text())
def test_arbitrary_text_raises_nothing(text):
    feed_dates.parse_date(text)
    feed_dates.parse_date(text, must_be_only_date=True)


@given(st.text(alphabet="0123456789-/:., TZ+janpmMerdécû()"))
def test_date_like_text_gives_none_or_valid_timestamp(text):
    moment = feed_dates.parse_date(text)
    assert moment is None or 0 < moment < feed_dates.LATEST_TIMESTAMP


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2099, 12, 30)),  # noqa: DTZ001 - hypothesis adds the zone
    st.integers(-14 * 60, 14 * 60),
)
def test_iso_and_rfc_822_dates_are_parsed_to_the_second(naive, minutes):
    moment = naive.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))
    seconds = int(moment.astimezone(UTC).timestamp())
    assert feed_dates.parse_date(moment.isoformat()) == seconds
    assert feed_dates.parse_date(format_datetime(moment)) == seconds


def test_publication_time_is_clamped_to_time_of_poll():
    assert feed_dates.clamp_publication_time(2_000_000_000, 1_700_000_000) == 1_700_000_000
    assert feed_dates.clamp_publication_time(1_600_000_000, 1_700_000_000) == 1_600_000_000
    assert feed_dates.clamp_publication_time(None, 1_700_000_000) == 1_700_000_000
    assert feed_dates.clamp_publication_time(5, 1_700_000_000) == 1_700_000_000


def test_all_dates_of_real_feeds_are_parsed():
    date_element = re.compile(
        r"<(?:\w+:)?(?:pubDate|date|published|updated|modified|issued|created|lastBuildDate)(?:\s[^>]*)?>"
        r"\s*(?:<!\[CDATA\[)?\s*([^<\]]{1,100})"
    )
    dates = {
        unescape(text).strip()
        for path in require_shared_path("feeds/real").rglob("*")
        if path.is_file()
        for text in date_element.findall(path.read_text(encoding="utf-8", errors="replace"))
    }
    assert len(dates) > 4000
    assert {text for text in dates if feed_dates.parse_date(text) is None} == {"Mon, 01 Jan 0001 00:00:00 +0000"}
