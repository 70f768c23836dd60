"""How often a story says that outlets differ where they don't, and how many planted differences it finds.

    python -m benchmarks.outlet_differences [--lines] [--missed]

English: the labelled headlines of `shared/stories`. Every line that a story shows is printed, to be judged by
eye. Then, wherever two outlets report one number in one story and none is said to differ, the number of each of
them is changed in turn, by chance but always the same way. Thresholds were chosen on the first half of the
stories (see `benchmarks.stories`); what was missed in the second was read, too. French: pairs of sentences in
`outlet_differences_fr.json`, written before the rules.
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
"""By which a planted number differs."""
NUMBER = re.compile(
    r"(?<![\w.,#:/-])(?P<sign>[$£€]?)(?P<digits>\d+(?:[.,]\d+)*)(?![\d:/-]|(?:st|nd|rd|th|L)\b)"
    r" ?(?P<word>%|[^\W\d_]*)"
)
LABELS = re.compile(
    r"(?:chapter|ch|chap|season|episode|part|pt|no|day|night|ios|version|top|update|#)[. ]*$", re.IGNORECASE
)
LISTS = frozenset({"things", "ways", "reasons", "moments", "facts", "questions", "quotes"})
"""What each outlet lists as many of as it wants."""


class Planting(NamedTuple):
    """A number that one outlet changes: the story, the headlines of others with the number, the changed titles."""

    headlines: Sequence[Headline]
    others: frozenset[int]
    changed_titles: dict[int, str]


def make_article(
    number: int, outlet: str, title: str, published: int, language: str, body: str = "", url: str = ""
) -> Article:
    """An article of an outlet, as the store would return it."""
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
    """The differences that a story shows, with some titles changed."""
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
    """Each number that two outlets report in one story, changed in the headline of one of them."""
    occurrences: defaultdict[tuple[str, str, str], dict[str, tuple[int, re.Match[str]]]] = defaultdict(dict)
    for number, headline in enumerate(headlines):
        for match in NUMBER.finditer(headline.title):
            is_year = re.fullmatch("(?:19|20)\\d\\d", match["digits"])
            if (
                not is_year
                and fold(match["word"]) not in LISTS
                and not LABELS.search(headline.title[: match.start()])
                and (match["sign"] or match["word"])
            ):
                key = (match["sign"], match["digits"], fold(match["word"]))
                occurrences[key].setdefault(fold(headline.source), (number, match))
    for by_outlet in occurrences.values():
        if len(by_outlet) > 1:
            for changed, match in by_outlet.values():
                outlet, new_digits = fold(headlines[changed].source), change_number(match["digits"], chance)
                own_digits = re.compile(rf"(?<![\w.,]){re.escape(match['digits'])}(?![\d]|[.,]\d)")
                changed_titles = {
                    number: own_digits.sub(new_digits, headline.title)
                    for number, headline in enumerate(headlines)
                    if fold(headline.source) == outlet and own_digits.search(headline.title)
                }
                others = frozenset(number for other, (number, _match) in by_outlet.items() if other != outlet)
                yield Planting(headlines, others, changed_titles)


def change_number(digits: str, chance: random.Random) -> str:
    """Another number of about the same size, written in the same way."""
    decimals = len(digits.rpartition(".")[2]) if re.fullmatch(r"\d+\.\d{1,2}", digits) else 0
    number = float(digits.replace(",", ""))
    changed = round(number * chance.choice(FACTORS), decimals)
    while changed == number or changed <= 0:
        changed += 2
    return f"{changed:.{decimals}f}" if "," not in digits else f"{changed:,.0f}"


def report_english(*, shows_missed: bool) -> None:
    """Print the lines of the unchanged stories, and how many planted differences are found."""
    for name, headlines in zip(("first half", "second half"), load_labelled_headlines(), strict=True):
        by_story: defaultdict[str, list[Headline]] = defaultdict(list)
        for headline in headlines:
            by_story[headline.story].append(headline)
        print_line(f"\nEnglish, {name}: {len(by_story)} stories, {len(headlines)} headlines. Lines to judge:")
        for story in by_story.values():
            for difference in find_differences(story, {}):
                print_line(f"- {', '.join(difference.format_numbers())}")
                for report in difference.reports:
                    print_line(f"    {report.article.outlet}: {report.article.title}")
        chance = random.Random(11)
        plantings = [planting for story in by_story.values() for planting in iter_plantings(story, chance)]
        plantings = [planting for planting in plantings if not has_difference(planting)]
        within = [planting for planting in plantings if is_within_development(planting)]
        for label, group in (("of one development", within), ("of one story", plantings)):
            missed = [planting for planting in group if not is_found(planting)]
            share = 1 - len(missed) / len(group)
            print_line(f"planted in headlines {label}: {len(group) - len(missed)} of {len(group)} found, {share:.2f}")
        for planting in within if shows_missed else ():
            if not is_found(planting):
                print_line(f"- {next(iter(planting.changed_titles.values()))}")
                for number in sorted(planting.others)[:2]:
                    print_line(f"    {planting.headlines[number].title}")


def is_within_development(planting: Planting) -> bool:
    """Whether a changed headline and another one with its number are of one development."""
    articles = [
        make_article(number, headline.source, headline.title, headline.published, "en", url=headline.url)
        for number, headline in enumerate(planting.headlines)
    ]
    return any(
        planting.changed_titles.keys() & ids and planting.others & ids
        for ids in ({article.id for article in group} for group in group_into_developments(articles, ()))
    )


def has_difference(planting: Planting) -> bool:
    """Whether outlets differ already where the number would be changed."""
    return any(
        report.article.id in {*planting.changed_titles, *planting.others}
        for difference in find_differences(planting.headlines, {})
        for report in difference.reports
    )


def is_found(planting: Planting) -> bool:
    """Whether the story shows a difference with a changed headline."""
    return any(
        report.article.id in planting.changed_titles
        for difference in find_differences(planting.headlines, planting.changed_titles)
        for report in difference.reports
    )


def report_french(*, shows_missed: bool) -> None:
    """Print how many of the French pairs are told right."""
    for kind, pairs in json.loads(FRENCH_PAIRS.read_bytes()).items():
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
        print_line(
            f"\nFrench {kind}: {sum(differing)} of {len(pairs)} said to differ, {sum(differing) / len(pairs):.2f}"
        )
        for pair, is_differing in zip(pairs, differing, strict=True) if shows_missed else ():
            if is_differing != (kind == "conflicts"):
                print_line(f"- {pair[0]}\n  {pair[1]}")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--missed", action="store_true", help="show what is told wrongly or not found")
    arguments = parser.parse_args()
    report_english(shows_missed=arguments.missed)
    report_french(shows_missed=arguments.missed)


if __name__ == "__main__":
    main()
