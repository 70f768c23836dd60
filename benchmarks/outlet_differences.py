"""Benchmark of differences between outlets: false ones in real stories, and planted ones that are detected.

    python -m benchmarks.outlet_differences [--missed]

English: the labelled headlines of `shared/stories`. Every difference that a story shows is printed, to be judged by
eye. Then, wherever two outlets report the same number in a story and no difference is detected, the number of each
of them is changed in turn, at random with a fixed seed; printed is the share of these that is detected. Thresholds
were chosen on the first half of the stories; misses in the second half were read, too.

French: pairs of sentences in `outlet_differences_fr.json`, written before the rules; printed is the share of pairs
for which a difference is detected, by whether they conflict or agree. `--missed` prints the wrong ones.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.stories import Headline, load_labelled_headlines, print_line
from bot.answers.timeline.developments import group_into_developments
from bot.answers.timeline.outlet_differences import OutletDifference, find_outlet_difference
from bot.core.models import Article
from bot.text.words import fold

FRENCH_PAIRS = Path(__file__).with_suffix("").with_name("outlet_differences_fr.json")
FACTORS = (0.5, 0.6, 0.7, 0.8, 1.25, 1.4, 1.6, 1.8)
"""Factors by which a planted number differs from the original one."""
NUMBER = re.compile(
    r"(?<![\w.,#:/-])(?P<sign>[$£€]?)(?P<digits>\d+(?:[.,]\d+)*)(?![\d:/-]|(?:st|nd|rd|th|L)\b)"
    r" ?(?P<word>%|[^\W\d_]*)"
)
ORDINAL_LABEL = re.compile(
    r"(?:chapter|ch|chap|season|episode|part|pt|no|day|night|ios|version|top|update|#)[. ]*$", re.IGNORECASE
)
LISTICLE_NOUNS = frozenset({"things", "ways", "reasons", "moments", "facts", "questions", "quotes"})
"""Nouns after the number of a list article, which differs between outlets without a contradiction."""


class Planting(NamedTuple):
    """A planted difference: the number in an outlet's titles is changed, but not in those of other outlets."""

    headlines: Sequence[Headline]
    unchanged_numbers: frozenset[int]
    changed_titles: dict[int, str]


def make_article(
    number: int, outlet: str, title: str, published: int, language: str, body: str = "", url: str = ""
) -> Article:
    """Make an article of an outlet, as the store would return it."""
    return Article(
        id=number,
        key=f"{number:032x}",
        feed_id=number,
        page_key=f"{number:032x}",
        url=url or f"https://example.com/{number}",
        title=title,
        summary="",
        text=body,
        body=body,
        author=None,
        outlet=outlet,
        language=language,
        tags=(),
        image_url=None,
        published=published,
        found_at=published,
    )


def find_differences(headlines: Sequence[Headline], titles: dict[int, str]) -> list[OutletDifference]:
    """Return the differences that a story shows when the given titles are replaced."""
    articles = [
        make_article(
            number, headline.source, titles.get(number, headline.title), headline.published, "en", url=headline.url
        )
        for number, headline in enumerate(headlines)
    ]
    return [
        difference
        for development in group_into_developments(articles, ())
        if (difference := find_outlet_difference(development)) is not None
    ]


def iter_plantings(headlines: Sequence[Headline], chance: random.Random) -> Iterator[Planting]:
    """Yield a planting for each outlet of each number that two outlets report in a story."""
    occurrences: defaultdict[tuple[str, str, str], dict[str, tuple[int, re.Match[str]]]] = defaultdict(dict)
    for number, headline in enumerate(headlines):
        for match in NUMBER.finditer(headline.title):
            is_year = re.fullmatch("(?:19|20)\\d\\d", match["digits"])
            if (
                not is_year
                and fold(match["word"]) not in LISTICLE_NOUNS
                and not ORDINAL_LABEL.search(headline.title[: match.start()])
                and (match["sign"] or match["word"])
            ):
                key = (match["sign"], match["digits"], fold(match["word"]))
                occurrences[key].setdefault(fold(headline.source), (number, match))
    for occurrences_by_outlet in occurrences.values():
        if len(occurrences_by_outlet) > 1:
            for changed_number, match in occurrences_by_outlet.values():
                outlet, new_digits = fold(headlines[changed_number].source), change_number(match["digits"], chance)
                own_digits = re.compile(rf"(?<![\w.,]){re.escape(match['digits'])}(?![\d]|[.,]\d)")
                changed_titles = {
                    number: own_digits.sub(new_digits, headline.title)
                    for number, headline in enumerate(headlines)
                    if fold(headline.source) == outlet and own_digits.search(headline.title)
                }
                unchanged_numbers = frozenset(
                    number for other_outlet, (number, _match) in occurrences_by_outlet.items() if other_outlet != outlet
                )
                yield Planting(headlines, unchanged_numbers, changed_titles)


def change_number(digits: str, chance: random.Random) -> str:
    """Return a different number of about the same size, in the same notation."""
    decimals = len(digits.rpartition(".")[2]) if re.fullmatch(r"\d+\.\d{1,2}", digits) else 0
    number = float(digits.replace(",", ""))
    new_number = round(number * chance.choice(FACTORS), decimals)
    while new_number == number or new_number <= 0:
        new_number += 2
    return f"{new_number:.{decimals}f}" if "," not in digits else f"{new_number:,.0f}"


def report_english(*, shows_missed: bool) -> None:
    """Print the differences of the unchanged stories, and the share of planted differences that is detected."""
    for name, headlines in zip(("first half", "second half"), load_labelled_headlines(), strict=True):
        headlines_by_story: defaultdict[str, list[Headline]] = defaultdict(list)
        for headline in headlines:
            headlines_by_story[headline.story].append(headline)
        print_line(
            f"\nEnglish, {name}: {len(headlines_by_story)} stories, {len(headlines)} headlines. Differences shown:"
        )
        for story in headlines_by_story.values():
            for difference in find_differences(story, {}):
                print_line(f"- {', '.join(difference.format_numbers())}")
                for report in difference.reports:
                    print_line(f"    {report.article.outlet}: {report.article.title}")
        chance = random.Random(11)
        plantings = [planting for story in headlines_by_story.values() for planting in iter_plantings(story, chance)]
        plantings = [planting for planting in plantings if not has_difference(planting)]
        plantings_in_development = [planting for planting in plantings if is_within_development(planting)]
        for label, group in (("of one development", plantings_in_development), ("of one story", plantings)):
            missed = [planting for planting in group if not is_detected(planting)]
            share = 1 - len(missed) / len(group)
            detected_count = len(group) - len(missed)
            print_line(f"planted in headlines {label}: {detected_count} of {len(group)} detected, {share:.2f}")
        for planting in plantings_in_development if shows_missed else ():
            if not is_detected(planting):
                print_line(f"- {next(iter(planting.changed_titles.values()))}")
                for number in sorted(planting.unchanged_numbers)[:2]:
                    print_line(f"    {planting.headlines[number].title}")


def is_within_development(planting: Planting) -> bool:
    """Return whether a changed headline and an unchanged one with its number are in one development."""
    articles = [
        make_article(number, headline.source, headline.title, headline.published, "en", url=headline.url)
        for number, headline in enumerate(planting.headlines)
    ]
    return any(
        planting.changed_titles.keys() & ids and planting.unchanged_numbers & ids
        for ids in ({article.id for article in group} for group in group_into_developments(articles, ()))
    )


def has_difference(planting: Planting) -> bool:
    """Return whether the story shows a difference in these headlines before the number is changed."""
    return any(
        report.article.id in {*planting.changed_titles, *planting.unchanged_numbers}
        for difference in find_differences(planting.headlines, {})
        for report in difference.reports
    )


def is_detected(planting: Planting) -> bool:
    """Return whether the story shows a difference with a changed headline."""
    return any(
        report.article.id in planting.changed_titles
        for difference in find_differences(planting.headlines, planting.changed_titles)
        for report in difference.reports
    )


def report_french(*, shows_missed: bool) -> None:
    """Print the share of French pairs for which a difference is detected."""
    for label, pairs in json.loads(FRENCH_PAIRS.read_bytes()).items():
        differing = [
            find_outlet_difference(
                [
                    make_article(number, f"Média {number}", "", 1_700_000_000 + number, "fr", text)
                    for number, text in enumerate(pair)
                ]
            )
            is not None
            for pair in pairs
        ]
        share = sum(differing) / len(pairs)
        print_line(f"\nFrench {label}: difference detected in {sum(differing)} of {len(pairs)}, {share:.2f}")
        for pair, is_differing in zip(pairs, differing, strict=True) if shows_missed else ():
            if is_differing != (label == "conflicts"):
                print_line(f"- {pair[0]}\n  {pair[1]}")


def main() -> None:
    """Print the figures of both languages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--missed", action="store_true", help="print missed and false differences")
    arguments = parser.parse_args()
    report_english(shows_missed=arguments.missed)
    report_french(shows_missed=arguments.missed)


if __name__ == "__main__":
    main()
