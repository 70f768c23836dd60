"""Poll schedule: bounds, backoff and the publisher's hints."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email.utils import formatdate
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from bot.core.models import Feed, ParsedFeed, Validators
from bot.feeds import fetch_errors
from bot.feeds.fetch_errors import FeedError
from bot.feeds.poll_schedule import (
    DEFAULT_429_BACKOFF_SECONDS,
    MAX_INTERVAL_SECONDS,
    MAX_RETRY_AFTER_SECONDS,
    MIN_INTERVAL_SECONDS,
    USUAL_MIN_INTERVAL_SECONDS,
    CacheHints,
    apply_document_hints,
    parse_cache_hints,
    parse_retry_after,
    schedule_after_failure,
    schedule_after_success,
)
from tests.support.cases import check_cases

NOW = 1_780_000_000  # 28 May 2026, 20:26:40 UTC, a Thursday
DAY = 86_400

seconds = st.none() | st.integers(0, 10**9)
moments = st.integers(NOW - 400 * DAY, NOW)
feeds = st.builds(
    Feed,
    id=st.just(1),
    url=st.just("https://site.example/feed"),
    interval=st.integers(MIN_INTERVAL_SECONDS, MAX_INTERVAL_SECONDS),
    added_at=moments,
    last_success_at=st.none() | moments,
    last_article_at=st.none() | moments,
    failure_count=st.integers(0, 10_000),
    ttl=seconds,
    validators=st.sampled_from([Validators(), Validators(etag='"x"')]),
)
hints_without_skips = st.builds(CacheHints, max_age_seconds=seconds, expires_seconds=seconds, ttl=seconds)
published = st.lists(st.integers(-(2**40), 2**40), max_size=12)


def _feed(**changes: object) -> Feed:
    usual = Feed(
        id=1,
        url="https://site.example/feed",
        added_at=NOW - 30 * DAY,
        last_success_at=NOW - USUAL_MIN_INTERVAL_SECONDS,
        last_article_at=NOW - 2 * 3600,
        validators=Validators(etag='"x"'),
    )
    return replace(usual, **changes)  # type: ignore[arg-type]  # fields by name


def _schedule_after_success(
    feed: Feed, *, hint: CacheHints | None = None, new: int = 0, now: int = NOW, seed: int = 1
) -> tuple[int, int]:
    return schedule_after_success(
        feed,
        now=now,
        hints=hint or CacheHints(),
        published_times=[now - 60] * new,
        has_changes=bool(new),
        random=Random(seed),
    )


@given(feed=feeds, hint=hints_without_skips, new=published, seed=st.integers(0, 99), missed=st.booleans())
def test_interval_stays_within_bounds_and_above_hint(feed, hint, new, seed, missed):
    interval, next_poll_at = schedule_after_success(
        feed,
        now=NOW,
        hints=hint,
        published_times=new,
        has_changes=bool(new),
        random=Random(seed),
        has_no_known_entries=missed,
    )
    assert MIN_INTERVAL_SECONDS <= interval <= MAX_INTERVAL_SECONDS
    assert MIN_INTERVAL_SECONDS <= next_poll_at - NOW <= MAX_INTERVAL_SECONDS
    ttl = feed.ttl if hint.ttl is None else hint.ttl
    longest_hint = max(hint.max_age_seconds or 0, hint.expires_seconds or 0, ttl or 0)
    assert next_poll_at - NOW >= min(longest_hint, MAX_INTERVAL_SECONDS)


@given(
    feed=feeds,
    seed=st.integers(0, 99),
    hold=seconds,
    code=st.sampled_from([fetch_errors.TIMEOUT, fetch_errors.RATE_LIMITED]),
)
def test_wait_after_failure_honours_retry_after_up_to_a_week(feed, seed, hold, code):
    hold_seconds = None if hold is None else parse_retry_after(str(hold), now=NOW)
    error = FeedError(code, retry_after=hold_seconds)
    interval, next_poll_at = schedule_after_failure(feed, now=NOW, error=error, random=Random(seed))
    assert interval == feed.interval
    assert MIN_INTERVAL_SECONDS <= next_poll_at - NOW <= MAX_RETRY_AFTER_SECONDS
    assert next_poll_at - NOW >= (hold_seconds or 0)
    if hold_seconds is None:
        assert next_poll_at - NOW <= MAX_INTERVAL_SECONDS


def test_consecutive_failures_double_wait_up_to_a_day():
    waits = [
        schedule_after_failure(
            _feed(failure_count=n), now=NOW, error=FeedError(fetch_errors.CONNECTION_FAILED), random=Random(n)
        )[1]
        - NOW
        for n in range(20)
    ]
    for n in range(7):
        assert 0.9 * USUAL_MIN_INTERVAL_SECONDS * 2**n <= waits[n] <= 1.1 * USUAL_MIN_INTERVAL_SECONDS * 2**n
    assert all(0.9 * MAX_INTERVAL_SECONDS <= wait <= MAX_INTERVAL_SECONDS for wait in waits[8:])


def test_429_without_retry_after_waits_longer_than_404():
    def wait(code: str) -> int:
        return schedule_after_failure(_feed(), now=NOW, error=FeedError(code), random=Random(1))[1] - NOW

    assert wait(fetch_errors.RATE_LIMITED) >= DEFAULT_429_BACKOFF_SECONDS
    assert wait("http-404") < 2 * USUAL_MIN_INTERVAL_SECONDS


def test_new_article_halves_interval_and_quiet_poll_lengthens_it():
    old = _feed(last_article_at=NOW - 5 * DAY, last_success_at=NOW - 4_000)
    assert _schedule_after_success(replace(old, interval=4_000), new=1)[0] == 2_000
    assert _schedule_after_success(replace(old, interval=4_000))[0] == 4_120
    assert _schedule_after_success(replace(old, interval=20_000))[0] == 20_000


def test_second_article_after_long_silence_shortens_interval_much():
    first_interval = _schedule_after_success(
        _feed(interval=MAX_INTERVAL_SECONDS, last_article_at=NOW - 300 * DAY, last_success_at=NOW - DAY), new=1
    )[0]
    assert first_interval == MAX_INTERVAL_SECONDS / 2
    second_interval = _schedule_after_success(
        _feed(interval=first_interval, last_article_at=NOW - DAY, last_success_at=NOW - DAY), new=1
    )[0]
    assert second_interval == DAY // 48


def test_minimum_interval_needs_busy_feed_or_hint():
    assert _schedule_after_success(_feed(), new=1)[0] == MIN_INTERVAL_SECONDS
    assert (
        _schedule_after_success(_feed(interval=USUAL_MIN_INTERVAL_SECONDS, last_success_at=NOW - 4_000), new=1)[0]
        == USUAL_MIN_INTERVAL_SECONDS
    )
    assert (
        _schedule_after_success(
            _feed(interval=700, last_success_at=NOW - 4_000), new=1, hint=CacheHints(max_age_seconds=300)
        )[0]
        == 350
    )
    assert (
        _schedule_after_success(_feed(interval=MIN_INTERVAL_SECONDS, last_article_at=NOW - 3_600))[0]
        == USUAL_MIN_INTERVAL_SECONDS
    )


def test_possibly_missed_entries_shorten_interval_at_once():
    interval, _ = schedule_after_success(
        _feed(interval=20_000, last_success_at=NOW - 20_000),
        now=NOW, hints=CacheHints(), published_times=[NOW - 9] * 15, has_changes=True, random=Random(1),
        has_no_known_entries=True,
    )  # fmt: skip
    assert interval == USUAL_MIN_INTERVAL_SECONDS


def test_first_interval_follows_rhythm_of_backlog():
    def compute_first_interval(gap: int, newest: int) -> int:
        new = [NOW - newest - gap * n for n in range(15)]
        return schedule_after_success(
            _feed(last_success_at=None, last_article_at=None, added_at=NOW),
            now=NOW, hints=CacheHints(), published_times=new, has_changes=True, random=Random(1),
        )[0]  # fmt: skip

    assert compute_first_interval(gap=600, newest=60) == USUAL_MIN_INTERVAL_SECONDS
    assert compute_first_interval(gap=7 * DAY, newest=2 * DAY) == 3_600
    assert compute_first_interval(gap=300 * DAY, newest=300 * DAY) == MAX_INTERVAL_SECONDS


def _simulate_polls(feed: Feed, publishes: list[int], days: int) -> tuple[int, list[int]]:
    """Return the number of polls in these days and the delay of each article in seconds."""
    random = Random(7)
    now, end, polls, delays = NOW, NOW + days * DAY, 0, []
    waiting = sorted(publishes)
    while now < end:
        new = [moment for moment in waiting if moment <= now]
        waiting = waiting[len(new) :]
        delays += [now - moment for moment in new]
        polls += 1
        interval, due = schedule_after_success(
            feed, now=now, hints=CacheHints(), published_times=new, has_changes=bool(new), random=random
        )
        feed = replace(
            feed, interval=interval, last_success_at=now, last_article_at=now if new else feed.last_article_at
        )
        now = due
    return polls, delays


def test_poll_rate_suits_newspaper_blog_and_dead_feed():
    random = Random(3)
    busy = [NOW + random.randrange(30 * DAY) for _ in range(30 * 80)]
    polls, delays = _simulate_polls(_feed(), busy, 30)
    assert sorted(delays)[len(delays) // 2] < 5 * 60
    assert polls < 30 * DAY / MIN_INTERVAL_SECONDS

    weekly = [NOW + week * 7 * DAY for week in range(1, 9)]
    polls, delays = _simulate_polls(_feed(last_article_at=NOW - DAY), weekly, 60)
    assert polls < 60 * DAY / USUAL_MIN_INTERVAL_SECONDS / 4
    assert max(delays) < 5 * 3_600

    dead = _feed(last_article_at=NOW - 200 * DAY, interval=MAX_INTERVAL_SECONDS)
    assert _simulate_polls(dead, [], 30)[0] <= 34


def test_quiet_feed_without_validators_is_polled_once_a_day():
    feed_without_validators = _feed(last_article_at=NOW - 13 * DAY, validators=Validators())
    assert _simulate_polls(feed_without_validators, [], 60)[0] < 60 + 30
    feed_with_validators = _feed(last_article_at=NOW - 13 * DAY)
    assert _simulate_polls(feed_with_validators, [], 60)[0] > 200


def test_polls_of_many_feeds_are_spread():
    dues = {_schedule_after_success(_feed(), seed=seed)[1] for seed in range(200)}
    assert len(dues) > 50
    assert max(dues) - min(dues) > 0.15 * USUAL_MIN_INTERVAL_SECONDS


# -- hints


def test_cache_headers_are_parsed_as_hints():
    date = formatdate(NOW, usegmt=True)
    later = formatdate(NOW + 1_800, usegmt=True)
    assert (
        parse_cache_hints(
            {"cache-control": 'public, Max-Age="900"', "age": "100", "expires": later}, now=NOW
        ).max_age_seconds
        == 800
    )
    assert parse_cache_hints({"expires": later, "date": date}, now=NOW + 5_000).expires_seconds == 1_800
    assert parse_cache_hints({"expires": later}, now=NOW).expires_seconds == 1_800
    for headers in ({}, {"expires": "0"}, {"expires": "soon", "cache-control": "max-age=x, no-cache"}):
        nothing = parse_cache_hints(headers, now=NOW)
        assert (nothing.max_age_seconds, nothing.expires_seconds, nothing.ttl) == (None, None, None)
    assert parse_cache_hints({"expires": formatdate(0)}, now=NOW).expires_seconds == 0


def test_retry_after_is_parsed_and_limited():
    assert parse_retry_after("120", now=NOW) == 120
    assert parse_retry_after(formatdate(NOW + 3_600, usegmt=True), now=NOW) == 3_600
    assert parse_retry_after(formatdate(0, usegmt=True), now=NOW) == 0
    assert parse_retry_after("9" * 400, now=NOW) == MAX_RETRY_AFTER_SECONDS
    for nothing in (None, "", "soon", "-5", "1.5", "Mon, 99 Foo 2026 99:99:99 GMT"):
        assert parse_retry_after(nothing, now=NOW) is None


def test_document_hints_apply_until_document_changes():
    parsed = ParsedFeed(title="T", ttl=7_200, skip_hours=frozenset({22, 23}), skip_days=frozenset({4}))
    feed = apply_document_hints(_feed(), parsed)
    assert _schedule_after_success(feed)[1] - NOW >= 7_200
    assert datetime.fromtimestamp(_schedule_after_success(feed)[1], UTC).weekday() == 5
    fresh = parse_cache_hints({}, now=NOW, parsed_feed=ParsedFeed(title="T"))
    assert _schedule_after_success(feed, hint=fresh)[1] - NOW < 2 * USUAL_MIN_INTERVAL_SECONDS


@given(
    hours=st.sets(st.integers(0, 23), max_size=23),
    days=st.sets(st.integers(0, 6), max_size=6),
    now=st.integers(NOW, NOW + 7 * DAY),
    seed=st.integers(0, 9),
)
def test_no_poll_is_due_in_skipped_hours_and_days(hours, days, now, seed):
    hint = CacheHints(skip_hours=frozenset(hours), skip_days=frozenset(days))
    due = datetime.fromtimestamp(_schedule_after_success(_feed(), hint=hint, now=now, seed=seed)[1], UTC)
    assert due.hour not in hours
    assert due.weekday() not in days


@check_cases("skips", [CacheHints(skip_hours=frozenset(range(24))), CacheHints(skip_days=frozenset(range(7)))])
def test_feed_that_skips_everything_is_polled(skips):
    assert _schedule_after_success(_feed(), hint=skips)[1] - NOW < 2 * USUAL_MIN_INTERVAL_SECONDS
