"""Differences between the numbers of several outlets."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

from bot.answers.timeline.outlet_differences import find_outlet_difference, have_different_numbers
from tests.answers.timeline.articles import make_article
from tests.support.cases import check_cases
from tests.support.shared_data import require_shared_path

FRENCH_PAIRS = json.loads(
    (Path(__file__).resolve().parents[3] / "benchmarks" / "outlet_differences_fr.json").read_bytes()
)
REVIEWED_DIFFERENCES = {
    ("six months", "seven months"),
    ("600 words", "1000"),
    ("$3.5m", "$2 million"),
}
"""Differences in the shared stories that a person has confirmed from the headlines."""
WAITING = "{} ships are waiting outside the zone that the coast guard has closed."


def list_differing_numbers(
    *texts: str, hours: tuple[float, ...] = (), outlets: tuple[str, ...] = (), language: str = "en"
) -> list[str]:
    """List the differing numbers of articles, by default an hour apart and of different outlets."""
    articles = [
        make_article(
            number,
            "",
            text,
            outlet=outlets[number] if outlets else "",
            hours=hours[number] if hours else number,
            language=language,
        )
        for number, text in enumerate(texts)
    ]
    difference = find_outlet_difference(articles)
    return [] if difference is None else difference.format_numbers()


def test_different_counts_of_one_thing_are_found():
    assert list_differing_numbers(WAITING.format("Twelve"), WAITING.format("About 15")) == ["Twelve ships", "15"]


def test_lowest_and_highest_numbers_are_named():
    counts = ("12", "15", "18", "30")
    shown_numbers = list_differing_numbers(*(WAITING.format(count) for count in counts))
    assert len(shown_numbers) == 3
    assert [number.split()[0] for number in shown_numbers][::2] == ["12", "30"]


def test_durations_in_days_and_weeks_are_compared():
    crew = "The crew expects the splice of the cable to take {}."
    assert list_differing_numbers(crew.format("10 to 14 days"), crew.format("three weeks")) == [
        "10 to 14 days",
        "three weeks",
    ]
    assert list_differing_numbers(crew.format("20 days"), crew.format("three weeks")) == []


@check_cases(
    ("first", "second"),
    [("12", "Twelve"), ("1,000", "1,020"), ("More than 12", "13"), ("A dozen", "13"), ("12", "400")],
)
def test_same_or_rounded_number_is_no_difference(first, second):
    assert list_differing_numbers(WAITING.format(first), WAITING.format(second)) == []


def test_numbers_of_different_things_are_no_difference():
    assert list_differing_numbers("The crash killed 11 people in Lyon.", "The crash in Lyon injured 42 children.") == []
    assert list_differing_numbers("Prices fall 0.6 % in the quarter.", "Prices fall 1.2 % over a year.") == []
    assert list_differing_numbers(WAITING.format("12"), "The operator has sold 15 ships to a rival in Bergen.") == []


def test_dollars_of_different_countries_are_no_difference():
    cost = "The new bridge over the river will cost {} million."
    assert list_differing_numbers(cost.format("$30"), cost.format("$40")) == ["$30 million", "$40 million"]
    assert list_differing_numbers(cost.format("US$30"), cost.format("A$40")) == []
    articles = [
        make_article(number, "", cost.format(amount))._replace(url=f"https://news.{domain}/{number}")
        for number, (amount, domain) in enumerate([("$30", "example"), ("$40", "co.nz"), ("$50", "co.nz")])
    ]
    assert find_outlet_difference(articles[:2]) is None
    assert find_outlet_difference(articles[1:]) is not None  # Both are in the dollars of New Zealand.


def test_updated_number_is_no_difference():
    assert (
        list_differing_numbers(WAITING.format("12"), WAITING.format("15"), hours=(0, 7)) == []
    )  # may have changed since
    assert list_differing_numbers(WAITING.format("12"), WAITING.format("15"), hours=(0, 30)) == []
    assert list_differing_numbers(WAITING.format("12"), "The count rose to 15: " + WAITING.format("15")) == []
    # The first outlet has the number of the second one, too, or another one by now.
    assert (
        list_differing_numbers(
            WAITING.format("12"), WAITING.format("15"), WAITING.format("15"), outlets=("A", "B", "A")
        )
        == []
    )
    assert list_differing_numbers(WAITING.format("12"), WAITING.format("15"), outlets=("A", "A")) == []


def test_two_confirmed_numbers_are_no_difference():
    texts = [WAITING.format(count) for count in ("12", "12", "12", "15", "15", "15")]
    texts[3:] = ["In the closed zone of the coast guard 15 ships are at anchor and waiting for pilots."] * 3
    assert list_differing_numbers(*texts) == []


def test_outlets_in_two_languages_can_differ():
    articles = [
        make_article(1, "", "12 countries ban the Nordwave network, the European Union said."),
        make_article(2, "", "15 pays interdisent le réseau Nordwave, selon l’Union européenne.", language="fr"),
    ]
    difference = find_outlet_difference(articles)
    assert difference is not None
    assert difference.format_numbers() == ["12 countries", "15"]


def test_answers_differ_between_outlets_of_one_day_only():
    first, second = (make_article(number, "", outlet=f"Outlet {number}") for number in (1, 2))
    assert have_different_numbers(("12 days", first), ("14 days", second))
    assert have_different_numbers(("12 days", first), ("three weeks", second))
    assert not have_different_numbers(("12 days", first), ("twelve days", second))
    assert not have_different_numbers(("12 days", first), ("14 ships", second))
    assert not have_different_numbers(("12 days", first), ("14 days", second._replace(outlet="outlet 1")))
    assert not have_different_numbers(
        ("12 days", first), ("14 days", second._replace(published=first.published + 90_000))
    )


def test_french_sentences_are_judged_correctly():
    difference_counts = {
        kind: sum(bool(list_differing_numbers(*pair, language="fr")) for pair in pairs)
        for kind, pairs in FRENCH_PAIRS.items()
    }
    assert len(FRENCH_PAIRS["conflicts"]) == 30
    assert difference_counts["conflicts"] >= 27
    assert difference_counts["agreements"] == 0


def test_shared_stories_show_only_reviewed_differences():
    require_shared_path("stories/en.jsonl.gz")
    from benchmarks.outlet_differences import find_differences  # noqa: PLC0415 - reads the shared stories
    from benchmarks.stories import load_labelled_headlines  # noqa: PLC0415

    by_story = defaultdict(list)
    for headline in (headline for half in load_labelled_headlines() for headline in half):
        by_story[headline.story].append(headline)
    lines = [
        tuple(difference.format_numbers()) for story in by_story.values() for difference in find_differences(story, {})
    ]
    assert len(by_story) == 43
    assert set(lines) <= REVIEWED_DIFFERENCES
