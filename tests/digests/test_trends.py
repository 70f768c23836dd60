"""Trends: rising names and the largest outlets."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.digests.trend_detection import (
    MAX_TRENDS,
    MIN_ARTICLES_TO_COMPARE,
    TrendPeriod,
    TrendRow,
    Trends,
    detect_trends,
    log_likelihood_ratio,
)
from bot.store.records.content_records import TitleSample
from tests.support.cases import check_cases

NOW = 1_780_000_000
DAY = 86_400


def make_word(number: int) -> str:
    """Make a word that is unique to the number."""
    return "".join("bdfgklmnprtvz"[number // 13**place % 13] + "aou"[place] for place in range(3)) + "k"


class TitleHistory:
    """Unrelated titles of three outlets, fifty in this week and fifty in the one before."""

    def __init__(self) -> None:
        self.titles: list[TitleSample] = []
        for number in range(100):
            self.add(make_word(number), days=number * 0.14, outlet=number % 3)

    def add(self, title: str, *, days: float, outlet: int = 0, page: str | None = None) -> None:
        number = len(self.titles)
        published = NOW - 1 - int(days * DAY)
        self.titles.append(TitleSample(published, f"Outlet {outlet}", page or f"page{number}", title))

    def add_many(self, title: str, times: int, *, days: float = 1, outlets: int = 3) -> None:
        for number in range(times):
            self.add(
                title.format(number=make_word(1_000 + 20 * round(days) + number)),
                days=days + number / 10,
                outlet=number % outlets,
            )

    def detect(self, period: TrendPeriod = TrendPeriod.WEEK, step: int = 1) -> Trends:
        return detect_trends(NOW, period, step, self.titles)

    def list_rising(self) -> list[str]:
        return [line.name for line in self.detect().rising_rows]


def test_log_likelihood_matches_dunnings_table():
    # Dunning 1993, table 2 ("the swiss"): counts of the bigram, of each word without the other, of the rest.
    assert log_likelihood_ratio(110, 2442, 111, 29114) == pytest.approx(270.72, abs=0.01)
    assert log_likelihood_ratio(10, 10, 10, 10) == pytest.approx(0)
    assert log_likelihood_ratio(0, 5, 5, 0) == pytest.approx(20 * math.log(2))


def test_rising_word_has_its_counts():
    history = TitleHistory()
    history.add_many("Starliner {number}", 9, days=1.05)
    history.add_many("{number} Starliner", 1, days=9)
    (line,) = history.detect().rising_rows
    assert line == TrendRow(name="Starliner", article_count=9, previous_count=1, outlet_count=3, counts=line.counts)
    assert len(line.counts) == 14
    assert sum(line.counts[:7]) == 1
    assert sum(line.counts[7:]) == line.counts[12] == 9


def test_steady_word_is_not_rising():
    history = TitleHistory()
    history.add_many("Google and {number}", 6)
    history.add_many("Google or {number}", 6, days=8)
    assert history.list_rising() == []


def test_word_of_one_outlet_is_not_rising():
    history = TitleHistory()
    history.add_many("Livestream: {number}", 8, outlets=1)
    history.add_many("Podcast of {number}", 7, outlets=1)
    history.add("Podcast elsewhere", days=1, outlet=1)
    assert history.list_rising() == []


def test_word_rises_when_there_is_only_one_outlet():
    titles = [title._replace(outlet="Only") for title in TitleHistory().titles]
    titles += [TitleSample(NOW - n, "Only", f"x{n}", f"Starliner {make_word(n + 500)}") for n in range(1, 8)]
    assert [line.name for line in detect_trends(NOW, TrendPeriod.WEEK, 1, titles).rising_rows] == ["Starliner"]


def test_stop_words_numbers_and_dates_do_not_rise():
    history = TitleHistory()
    history.add_many("Pourquoi les avec 2026 lundi November {number}", 8)
    assert history.list_rising() == []


@check_cases("name", ["Mistral AI", "Windows 11", "GPT-5", "intelligence artificielle", "Red Hat Linux"])
def test_adjacent_words_are_one_name(name):
    history = TitleHistory()
    history.add_many(f"{name} {{number}}", 6)
    assert history.list_rising() == [name]


def test_words_rarely_adjacent_stay_separate():
    history = TitleHistory()
    history.add_many("Starliner {number}", 8)
    history.add_many("Nvidia {number}", 9, days=2)
    history.add("Starliner Nvidia", days=1)
    assert set(history.list_rising()) == {"Starliner", "Nvidia"}


def test_words_of_same_articles_give_one_trend():
    history = TitleHistory()
    history.add_many("Macron {number} Versailles", 7)
    assert len(history.list_rising()) == 1


def test_inflections_are_merged_under_most_frequent_form():
    history = TitleHistory()
    history.add_many("Caméras pour {number}", 5)
    history.add_many("camera {number}", 2, days=2)
    (line,) = history.detect().rising_rows
    assert (line.name, line.article_count) == ("Caméras", 7)


def test_duplicate_pages_and_titles_count_once():
    history = TitleHistory()
    for number in range(6):
        history.add(f"Starliner {number}", days=1, outlet=number % 3, page="the same")
        history.add("Starliner, again and again", days=1, outlet=0)
    assert history.list_rising() == []
    assert history.detect().article_count == 52


def test_too_few_articles_are_not_comparable():
    history = TitleHistory()
    history.titles = history.titles[: MIN_ARTICLES_TO_COMPARE - 1] + history.titles[60:]
    trends = history.detect()
    assert not trends.is_comparable
    assert trends.rising_rows == trends.outlet_rows == ()
    assert detect_trends(NOW, TrendPeriod.DAY, 1, []) == Trends(article_count=0, previous_count=0)


def test_outlets_are_sorted_by_article_count():
    history = TitleHistory()
    history.add_many("{number}", 9, outlets=1)
    first, *further_outlets = history.detect().outlet_rows
    assert first.name == "Outlet 0"
    assert first.article_count == 26
    assert [line.name for line in further_outlets] == ["Outlet 1", "Outlet 2"]


def test_sampled_titles_are_scaled_by_step():
    history = TitleHistory()
    history.add_many("Starliner {number}", 6)
    trends = history.detect(step=10)
    assert trends.article_count == 560
    assert trends.rising_rows[0].article_count == 60


@check_cases("period", TrendPeriod)
def test_titles_outside_period_are_ignored(period):
    history = TitleHistory()
    history.titles = []
    for published in (NOW, NOW + 5, NOW - 2 * period.seconds - 1):
        history.titles.append(TitleSample(published, "O", str(published), str(published)))
    assert history.detect(period) == Trends(article_count=0, previous_count=0)
    history.titles = [
        TitleSample(NOW - 2 * period.seconds, "O", "1", "one"),
        TitleSample(NOW - 1, "O", "2", "two"),
    ]
    assert history.detect(period) == Trends(article_count=1, previous_count=1, outlet_count=1)


@settings(deadline=None)
@given(
    st.lists(
        st.text(alphabet=st.characters() | st.sampled_from("$\\{}_^*@<>|日本\u202e "), max_size=60),
        max_size=20,
    )
)
@example(["A\U00031350", "A\U00031350"])
@example(["0\ro", "0\ro"])  # a part of a name that stands nowhere by itself
def test_trend_names_are_short_single_lines(texts):
    history = TitleHistory()
    for number, text in enumerate(texts * 4):
        history.add(f"{text} {number}", days=1, outlet=number % 3)
    trends = history.detect()
    assert len(trends.rising_rows) <= MAX_TRENDS
    for line in trends.rising_rows:
        assert line.name.strip()
        assert len(line.name) <= 40
        assert line.name.isprintable()


def test_long_title_is_truncated():
    history = TitleHistory()
    for number in range(6):
        history.add(f"{'word ' * 50} Starliner {number}", days=1, outlet=number % 3)
    assert "Starliner" not in history.list_rising()
