"""What rises, what does not although it is frequent, and what is one name."""

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


def word(number: int) -> str:
    """A word that no other number has."""
    return "".join("bdfgklmnprtvz"[number // 13**place % 13] + "aou"[place] for place in range(3)) + "k"


class Press:
    """Titles of three outlets, fifty in the week and fifty before, that have nothing in common."""

    def __init__(self) -> None:
        self.titles: list[TitleSample] = []
        for number in range(100):
            self.add(word(number), days=number * 0.14, outlet=number % 3)

    def add(self, title: str, *, days: float, outlet: int = 0, page: str | None = None) -> None:
        number = len(self.titles)
        published = NOW - 1 - int(days * DAY)
        self.titles.append(TitleSample(published, f"Outlet {outlet}", page or f"page{number}", title))

    def often(self, title: str, times: int, *, days: float = 1, outlets: int = 3) -> None:
        for number in range(times):
            self.add(
                title.format(number=word(1_000 + 20 * round(days) + number)),
                days=days + number / 10,
                outlet=number % outlets,
            )

    def trends(self, period: TrendPeriod = TrendPeriod.WEEK, step: int = 1) -> Trends:
        return detect_trends(NOW, period, step, self.titles)

    def rising(self) -> list[str]:
        return [line.name for line in self.trends().rising_rows]


def test_the_measure_is_dunnings():
    # Dunning 1993, table 2 ("the swiss"): counts of the bigram, of each word without the other, of the rest.
    assert log_likelihood_ratio(110, 2442, 111, 29114) == pytest.approx(270.72, abs=0.01)
    assert log_likelihood_ratio(10, 10, 10, 10) == pytest.approx(0)
    assert log_likelihood_ratio(0, 5, 5, 0) == pytest.approx(20 * math.log(2))


def test_what_stands_in_more_titles_than_before_is_rising_with_its_figures():
    press = Press()
    press.often("Starliner {number}", 9, days=1.05)
    press.often("{number} Starliner", 1, days=9)
    (line,) = press.trends().rising_rows
    assert line == TrendRow(name="Starliner", article_count=9, previous_count=1, outlet_count=3, counts=line.counts)
    assert len(line.counts) == 14
    assert sum(line.counts[:7]) == 1
    assert sum(line.counts[7:]) == line.counts[12] == 9


def test_what_was_as_frequent_before_is_not_rising():
    press = Press()
    press.often("Google and {number}", 6)
    press.often("Google or {number}", 6, days=8)
    assert press.rising() == []


def test_what_one_outlet_alone_writes_is_no_trend():
    press = Press()
    press.often("Livestream: {number}", 8, outlets=1)
    press.often("Podcast of {number}", 7, outlets=1)
    press.add("Podcast elsewhere", days=1, outlet=1)
    assert press.rising() == []


def test_where_there_is_one_outlet_alone_its_words_do_rise():
    titles = [title._replace(outlet="Only") for title in Press().titles]
    titles += [TitleSample(NOW - n, "Only", f"x{n}", f"Starliner {word(n + 500)}") for n in range(1, 8)]
    assert [line.name for line in detect_trends(NOW, TrendPeriod.WEEK, 1, titles).rising_rows] == ["Starliner"]


def test_stop_words_numbers_and_days_do_not_rise():
    press = Press()
    press.often("Pourquoi les avec 2026 lundi November {number}", 8)
    assert press.rising() == []


@check_cases("name", ["Mistral AI", "Windows 11", "GPT-5", "intelligence artificielle", "Red Hat Linux"])
def test_words_that_stand_together_are_one_name(name):
    press = Press()
    press.often(f"{name} {{number}}", 6)
    assert press.rising() == [name]


def test_words_that_meet_by_chance_stay_apart():
    press = Press()
    press.often("Starliner {number}", 8)
    press.often("Nvidia {number}", 9, days=2)
    press.add("Starliner Nvidia", days=1)
    assert set(press.rising()) == {"Starliner", "Nvidia"}


def test_of_words_of_the_same_articles_one_is_told():
    press = Press()
    press.often("Macron {number} Versailles", 7)
    assert len(press.rising()) == 1


def test_inflections_and_accents_are_one_word_written_as_most_write_it():
    press = Press()
    press.often("Caméras pour {number}", 5)
    press.often("camera {number}", 2, days=2)
    (line,) = press.trends().rising_rows
    assert (line.name, line.article_count) == ("Caméras", 7)


def test_an_article_of_two_feeds_and_a_title_repeated_by_its_outlet_count_once():
    press = Press()
    for number in range(6):
        press.add(f"Starliner {number}", days=1, outlet=number % 3, page="the same")
        press.add("Starliner, again and again", days=1, outlet=0)
    assert press.rising() == []
    assert press.trends().article_count == 52


def test_too_few_articles_are_told_as_such():
    press = Press()
    press.titles = press.titles[: MIN_ARTICLES_TO_COMPARE - 1] + press.titles[60:]
    trends = press.trends()
    assert not trends.is_comparable
    assert trends.rising_rows == trends.outlet_rows == ()
    assert detect_trends(NOW, TrendPeriod.DAY, 1, []) == Trends(article_count=0, previous_count=0)


def test_the_largest_outlets_come_first():
    press = Press()
    press.often("{number}", 9, outlets=1)
    first, *further_outlets = press.trends().outlet_rows
    assert first.name == "Outlet 0"
    assert first.article_count == 26
    assert [line.name for line in further_outlets] == ["Outlet 1", "Outlet 2"]


def test_titles_that_stand_for_several_articles_count_so_often():
    press = Press()
    press.often("Starliner {number}", 6)
    trends = press.trends(step=10)
    assert trends.article_count == 560
    assert trends.rising_rows[0].article_count == 60


@check_cases("period", TrendPeriod)
def test_times_outside_the_period_do_not_count(period):
    press = Press()
    press.titles = []
    for published in (NOW, NOW + 5, NOW - 2 * period.seconds - 1):
        press.titles.append(TitleSample(published, "O", str(published), str(published)))
    assert press.trends(period) == Trends(article_count=0, previous_count=0)
    press.titles = [
        TitleSample(NOW - 2 * period.seconds, "O", "1", "one"),
        TitleSample(NOW - 1, "O", "2", "two"),
    ]
    assert press.trends(period) == Trends(article_count=1, previous_count=1, outlet_count=1)


@settings(deadline=None)
@given(
    st.lists(
        st.text(alphabet=st.characters() | st.sampled_from("$\\{}_^*@<>|日本\u202e "), max_size=60),
        max_size=20,
    )
)
@example(["A\U00031350", "A\U00031350"])
@example(["0\ro", "0\ro"])  # a part of a name that stands nowhere by itself
def test_whatever_titles_say_names_are_short_single_lines(texts):
    press = Press()
    for number, text in enumerate(texts * 4):
        press.add(f"{text} {number}", days=1, outlet=number % 3)
    trends = press.trends()
    assert len(trends.rising_rows) <= MAX_TRENDS
    for line in trends.rising_rows:
        assert line.name.strip()
        assert len(line.name) <= 40
        assert line.name.isprintable()


def test_a_title_of_ten_thousand_words_is_read_as_far_as_a_title_goes():
    press = Press()
    for number in range(6):
        press.add(f"{'word ' * 50} Starliner {number}", days=1, outlet=number % 3)
    assert "Starliner" not in press.rising()
