"""Benchmark of muted stories: later headlines of the story that aren't muted, and others that are.

    python -m benchmarks.muted_stories [--semantic]

Labelled headlines are grouped into posts, and each labelled story is muted when its post has a number of articles.
Printed for several such numbers:

- leak: share of the later headlines of muted stories that aren't muted, and its mean by story
- leak with labels: the leak if the labels were known and a headline of the story were muted whenever it is similar to
  one that was muted before; a story whose first headline is about something else leaks even then
- swallowed: share of the later headlines of other stories that are muted
- precision: share of the muted headlines that belong to the muted story

English: the labelled stories of `/shared/stories`; thresholds were chosen on half of them ("tuned on"). French: cases
written for this benchmark, in pairs that are easily confused, among news articles; thresholds were chosen on half of
them, too.
"""

from __future__ import annotations

import argparse
import csv
import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.stories import (
    Headline,
    compute_similarities,
    encode_titles,
    extract_features,
    load_labelled_headlines,
    load_news,
    make_word_weigher,
    print_line,
    replay_channel,
)
from bot.stories.muted_story_index import MutedStoryIndex
from bot.stories.story_matching import MIN_SIMILARITY, StoryFeatures, compute_similarity

FRENCH_CASES_PATH = Path(__file__).with_name("muted_stories_fr.tsv")
MUTE_AT_COUNTS = (1, 2, 3, 5, 10)
"""Numbers of articles of a post at which its story is muted."""
FRENCH_NEWS_MONTH = "2019-07"
"""Month of the news articles that the French cases are mixed with."""
_DAY_SECONDS = 86_400


class MuteOutcome(NamedTuple):
    """Counts of the later headlines after a story was muted: of the story, and of other stories."""

    later_count: int
    leaked_count: int
    unreachable_count: int
    other_count: int
    swallowed_count: int


def replay_mutes(headlines: Sequence[Headline], features: Sequence[StoryFeatures], mute_at: int) -> list[MuteOutcome]:
    """Mute each labelled story when a post has `mute_at` of its articles; return the counts of later headlines."""
    post_numbers, _joins = replay_channel(compute_similarities(features), 0.0)
    index = MutedStoryIndex()
    story_by_mute: list[str] = []
    members_by_mute: list[list[int]] = []
    counts_by_story: dict[str, Counter[int]] = {}
    later_counts, leaked_counts, other_counts, swallowed_counts = (Counter[int]() for _ in range(4))
    for number, headline in enumerate(headlines):
        matches = {match.mute_id: match.extends_story for match in index.find_matches(features[number])}
        for mute_id, story in enumerate(story_by_mute):
            is_of_story, is_muted = headline.story == story, mute_id in matches
            (later_counts if is_of_story else other_counts)[mute_id] += 1
            leaked_counts[mute_id] += is_of_story and not is_muted
            swallowed_counts[mute_id] += is_muted and not is_of_story
        for mute_id, extends_story in matches.items():
            if extends_story:
                _extend_mute(index, mute_id, [features[number]])
        if not headline.story or headline.story in story_by_mute:
            continue
        post_counts = counts_by_story.setdefault(headline.story, Counter())
        post_counts[post_numbers[number]] += 1
        if post_counts[post_numbers[number]] == mute_at:
            members = [features[member] for member in range(number + 1) if post_numbers[member] == post_numbers[number]]
            _extend_mute(index, len(story_by_mute), members)
            story_by_mute.append(headline.story)
            members_by_mute.append([member.article_id for member in members])
    return [
        MuteOutcome(
            later_counts[mute_id],
            leaked_counts[mute_id],
            count_unreachable(
                [
                    headline_features
                    for headline_features, headline in zip(features, headlines, strict=True)
                    if headline.story == story
                ],
                members_by_mute[mute_id],
            ),
            other_counts[mute_id],
            swallowed_counts[mute_id],
        )
        for mute_id, story in enumerate(story_by_mute)
        if later_counts[mute_id]
    ]


def count_unreachable(story_features: Sequence[StoryFeatures], muted_ids: Sequence[int]) -> int:
    """Count the headlines of a story after the muted ones that are similar to no headline reached before them.

    A headline is reached if it is similar to one that is muted or reached, also by way of a later headline.
    """
    muted_until = max(muted_ids)
    reached = [headline for headline in story_features if headline.article_id in muted_ids]
    unreached: list[StoryFeatures] = []
    unreachable_count = 0
    for headline in story_features:
        if headline.article_id in muted_ids:
            continue
        frontier = [headline] if _is_similar_to_any(headline, reached) else []
        if not frontier:
            unreached.append(headline)
            unreachable_count += headline.article_id > muted_until
        while frontier:
            reached.append(newest := frontier.pop())
            frontier += [candidate for candidate in unreached if _is_similar_to_any(candidate, [newest])]
            unreached = [candidate for candidate in unreached if candidate not in frontier]
    return unreachable_count


def _is_similar_to_any(headline: StoryFeatures, headlines_to_compare: Sequence[StoryFeatures]) -> bool:
    if headline.vector is None:
        cosines: Sequence[float | None] = [None] * len(headlines_to_compare)
    else:
        from bot.search.semantic.vector_index import compute_cosines  # noqa: PLC0415 - needs the extra

        cosines = compute_cosines(
            headline.vector,
            [candidate.vector for candidate in headlines_to_compare if candidate.vector is not None],
        )
    return any(
        compute_similarity(headline, candidate, cosine, is_lasting=True) >= MIN_SIMILARITY
        for candidate, cosine in zip(headlines_to_compare, cosines, strict=True)
    )


def _extend_mute(index: MutedStoryIndex, mute_id: int, members: Sequence[StoryFeatures]) -> None:
    for member in members:
        index.add_article(member)
    index.extend_mute(mute_id, [member.article_id for member in members])


def load_french_cases() -> tuple[list[Headline], list[Headline]]:
    """Load the French cases in two halves, each mixed with the news articles of a month."""
    with FRENCH_CASES_PATH.open(encoding="utf-8", newline="") as file:
        rows = [(story, int(day), title) for story, day, title in csv.reader(file, delimiter="\t")]
    news = load_news("fr", FRENCH_NEWS_MONTH)
    start = news[0].published
    events = sorted({story.rstrip("2") for story, _day, _title in rows})
    halves = []
    for half in (events[::2], events[1::2]):
        cases = [
            Headline(title, "", f"{story}{number}", start + day * _DAY_SECONDS + number * 600, "fr", story)
            for number, (story, day, title) in enumerate(rows)
            if story.rstrip("2") in half
        ]
        halves.append(sorted([*news, *cases], key=lambda headline: headline.published))
    return halves[0], halves[1]


def print_outcomes(name: str, headlines: Sequence[Headline], *, is_semantic: bool) -> None:
    """Print a row of the table for each number of articles at which stories are muted."""
    encoded: Sequence[bytes | None] = encode_titles(headlines) if is_semantic else [None] * len(headlines)
    features = extract_features(headlines, make_word_weigher(headlines[0].language), encoded)
    for mute_at in MUTE_AT_COUNTS:
        outcomes = replay_mutes(headlines, features, mute_at)
        if not outcomes:
            continue
        later_count = sum(outcome.later_count for outcome in outcomes)
        muted_count = later_count - sum(outcome.leaked_count for outcome in outcomes)
        swallowed_count = sum(outcome.swallowed_count for outcome in outcomes)
        leak_with_labels = sum(outcome.unreachable_count for outcome in outcomes) / later_count
        leak_by_story = statistics.fmean(outcome.leaked_count / outcome.later_count for outcome in outcomes)
        swallowed_share = statistics.fmean(
            outcome.swallowed_count / outcome.other_count for outcome in outcomes if outcome.other_count
        )
        print_line(
            f"| {name} | {mute_at} | {len(outcomes)} | {1 - muted_count / later_count:.3f} "
            f"| {leak_with_labels:.3f} | {leak_by_story:.3f} | {swallowed_share:.4f} "
            f"| {muted_count / (muted_count + swallowed_count):.3f} |"
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--semantic", action="store_true", help="compare stories with the extra `semantic`")
    arguments = parser.parse_args()
    print_line(
        "| headlines | muted at article | stories | leak | leak with labels | leak by story | swallowed | precision |"
    )
    print_line("|---|---|---|---|---|---|---|---|")
    for language, halves in (("en", load_labelled_headlines()), ("fr", load_french_cases())):
        for half_name, headlines in zip(("tuned on", "reported"), halves, strict=True):
            print_outcomes(f"{language}, {half_name}", headlines, is_semantic=arguments.semantic)


if __name__ == "__main__":
    main()
