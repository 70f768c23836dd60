"""How well articles of one event find together, and what that costs: a back-test on labelled headlines.

    python -m benchmarks.stories [--semantic] [--false 50] [--joins 2019-07 --language fr]

Half of the labelled stories were used to choose the thresholds; the other half is what is reported. The
headlines come in the order of their dates, each as if from a feed of its own; how rare a word is, is told by
other articles, as it is in a store. B-cubed (Bagga and Baldwin, 1998): of each headline, which part of those
that it was joined with is of its story, and which part of its story it was joined with.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import random
import re
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from bot.search.index import text_analysis
from bot.store.records.content_records import ArticleBrief
from bot.stories.story_matching import (
    LEAD_LENGTH,
    RECENT_WINDOW_SECONDS,
    RecentArticleIndex,
    StoryFeatures,
    extract_story_features,
    strip_agency_prefix,
)
from bot.stories.story_membership import compute_story_membership_score

SHARED = Path(__file__).resolve().parents[2] / "shared"
SHIFTS = (-0.15, -0.1, -0.05, -0.025, 0.0, 0.025, 0.05, 0.1, 0.15)
"""By how much the margin is lowered or raised along the curve."""


class Headline(NamedTuple):
    """A headline, with its story and address where it is labelled."""

    title: str
    text: str
    source: str
    published: int
    language: str
    story: str = ""
    url: str = ""


class Scores(NamedTuple):
    """B-cubed precision and recall, over headlines and over stories."""

    precision: float
    recall: float
    by_story: tuple[float, float]


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a packed file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def load_labelled_headlines() -> tuple[list[Headline], list[Headline]]:
    """The labelled headlines: those of the stories to tune on, and those of the stories to report."""
    headlines = [
        Headline(
            re.sub(r"\s*\.\.\.\s*$", "", row["title"].replace("\\", "")),
            "",
            row["source"],
            int(datetime.fromisoformat(row["date"]).timestamp()),
            "en",
            row["cluster"],
            row["url"],
        )
        for row in read_rows(SHARED / "stories" / "en.jsonl.gz")
    ]
    stories = sorted({headline.story for headline in headlines})
    random.Random(7).shuffle(stories)
    tuning = frozenset(stories[::2])
    return [each for each in headlines if each.story in tuning], [
        each for each in headlines if each.story not in tuning
    ]


def load_news(language: str, date_prefix: str) -> list[Headline]:
    """The news articles of a time such as 2024-05 or 2024, oldest first."""
    headlines = [
        Headline(
            row["title"],
            row.get("summary") or row["text"],
            row.get("source") or row.get("category", ""),
            _published_at(row),
            language,
        )
        for row in read_rows(SHARED / "articles" / f"{language}.jsonl.gz")
        if row["date"].startswith(date_prefix)
    ]
    return sorted(headlines, key=lambda headline: headline.published)


def _published_at(row: dict[str, Any]) -> int:
    when = row["date"] if "T" in row["date"] else f"{row['date']}T{row.get('time') or '12:00'}:00+00:00"
    return int(datetime.fromisoformat(when).timestamp())


def make_weigher(language: str) -> Callable[[str], float]:
    """What tells how rare a word is, from the news articles, as the vocabulary of a store does."""
    counts: Counter[str] = Counter()
    size = 0
    for row in read_rows(SHARED / "articles" / f"{language}.jsonl.gz"):
        counts.update(set(text_analysis.stem_tokens(f"{row['title']}\n{row['text']}", language)))
        size += 1
    return lambda term: math.log(1 + (size - counts[term] + 0.5) / (counts[term] + 0.5))


def encode_titles(headlines: Sequence[Headline]) -> list[bytes | None]:
    """What the titles mean, as the encoder of the extra tells it."""
    from bot.search.semantic.article_encoder import encode_texts  # noqa: PLC0415 - needs the extra

    return [*encode_texts([strip_agency_prefix(headline.title) for headline in headlines])]


def make_tellings(
    headlines: Sequence[Headline],
    weigh: Callable[[str], float],
    encoded: Sequence[bytes | None],
    *,
    first: int = 0,
) -> list[StoryFeatures]:
    """What is compared, each headline as of a feed of its own, numbered from `first`."""
    return [
        extract_story_features(
            ArticleBrief(number, "", number, headline.title, headline.text, headline.language, headline.published),
            weigh,
            vector,
        )
        for number, (headline, vector) in enumerate(zip(headlines, encoded, strict=True), first)
    ]


def join_stories(stories_told: Sequence[StoryFeatures], shift: float = 0.0) -> tuple[list[int], list[tuple[int, int]]]:
    """The story of each, by its first headline, and the joins with the headline that was likest."""
    return replay_channel(find_kinships(stories_told), shift)


def find_kinships(stories_told: Sequence[StoryFeatures]) -> list[dict[int, float]]:
    """What each is like, as it comes."""
    recent = RecentArticleIndex()
    likenesses = []
    for story_telling in stories_told:
        recent.evict_before(story_telling.published - RECENT_WINDOW_SECONDS)
        likenesses.append(dict(recent.find_similar(story_telling)))
        recent.add(story_telling)
    return likenesses


def replay_channel(kin: Sequence[dict[int, float]], shift: float) -> tuple[list[int], list[tuple[int, int]]]:
    """The stories that a channel makes which follows them all."""
    story: list[int] = []
    sizes: Counter[int] = Counter()
    joins = []
    for number, likeness in enumerate(kin):
        by_story: defaultdict[int, list[float]] = defaultdict(list)
        for other_number, similarity in likeness.items():
            by_story[story[other_number]].append(similarity)
        ranked_stories = [
            (compute_story_membership_score(similarities, sizes[name]) + shift, -name)
            for name, similarities in by_story.items()
        ]
        best, name = max(ranked_stories, default=(-1.0, 0))
        story_number = -name if best >= 0 else number
        if story_number != number:
            most_similar = max(
                (candidate for candidate in likeness if story[candidate] == story_number),
                key=likeness.__getitem__,
            )
            joins.append((number, most_similar))
        story.append(story_number)
        sizes[story_number] += 1
    return story, joins


def score_b_cubed(predicted: Sequence[int], labels: Sequence[str]) -> Scores:
    """How the found stories agree with the labels."""
    pair_sizes, predicted_sizes, label_sizes = (
        Counter(zip(predicted, labels, strict=True)),
        Counter(predicted),
        Counter(labels),
    )
    precision: defaultdict[str, list[float]] = defaultdict(list)
    recall: defaultdict[str, list[float]] = defaultdict(list)
    for predicted_story, label in zip(predicted, labels, strict=True):
        precision[label].append(pair_sizes[predicted_story, label] / predicted_sizes[predicted_story])
        recall[label].append(pair_sizes[predicted_story, label] / label_sizes[label])
    return Scores(
        statistics.fmean(value for values in precision.values() for value in values),
        statistics.fmean(share for shares in recall.values() for share in shares),
        (
            statistics.fmean(map(statistics.fmean, precision.values())),
            statistics.fmean(map(statistics.fmean, recall.values())),
        ),
    )


def compute_curve(stories_told: Sequence[StoryFeatures], labels: Sequence[str]) -> list[tuple[float, Scores]]:
    """Precision and recall as the threshold moves; at 0 it is the one in use."""
    kin = find_kinships(stories_told)
    return [(shift, score_b_cubed(replay_channel(kin, shift)[0], labels)) for shift in SHIFTS]


def print_false_joins(headlines: Sequence[Headline], joins: Sequence[tuple[int, int]], count: int) -> None:
    """Joins of headlines that the labels put into two stories, some of them by chance."""
    false_joins = [
        (headlines[number], headlines[joined_number])
        for number, joined_number in joins
        if headlines[number].story != headlines[joined_number].story
    ]
    print_line(f"\n{len(false_joins)} of {len(joins)} joins are false by the labels")
    for headline, joined_headline in random.Random(1).sample(false_joins, min(count, len(false_joins))):
        print_line(f"- {joined_headline.title}\n  {headline.title}")


def print_joins(headlines: Sequence[Headline], joins: Sequence[tuple[int, int]], count: int) -> None:
    """Joins of news articles, some of them by chance."""
    print_line(f"\n{len(joins)} joins among {len(headlines)} articles")
    for number, joined_number in random.Random(1).sample(list(joins), min(count, len(joins))):
        hours = (headlines[number].published - headlines[joined_number].published) / 3600
        print_line(f"- {headlines[joined_number].title}\n  {headlines[number].title} ({hours:.0f} h)")


def print_outlets(headlines: Sequence[Headline], story_numbers: Sequence[int]) -> None:
    """What a channel gets that takes only stories of so many outlets, as `/settings stories` offers."""
    posts: defaultdict[int, list[Headline]] = defaultdict(list)
    for headline, name in zip(headlines, story_numbers, strict=True):
        posts[name].append(headline)
    print_line("\n| at least | posts | of one event alone | events told |\n|---|---|---|---|")
    for min_outlets in (1, 2, 3, 5):
        large_posts = [post for post in posts.values() if len({each.source for each in post}) >= min_outlets]
        pure_share = sum(len({each.story for each in post}) == 1 for post in large_posts) / len(large_posts)
        posted_stories = {
            Counter(post_headline.story for post_headline in post).most_common(1)[0][0] for post in large_posts
        }
        print_line(f"| {min_outlets} | {len(large_posts)} | {pure_share:.2f} | {len(posted_stories)} |")


class Cost(NamedTuple):
    """Milliseconds of CPU, median and 99th percentile."""

    median: float
    worst: float


def measure_cost(
    headlines: Sequence[Headline],
    stories_told: Sequence[StoryFeatures],
    weigh: Callable[[str], float],
    copies: int = 6,
) -> tuple[Cost, Cost, int]:
    """What it costs to decide on an article in a full window, the floor of that, and the window's size.

    The floor is what any article costs that is to be found by its words: title and lead cut into words and
    stemmed, each time just before the same article is decided on. The window is filled with copies of the
    headlines, so that no word is rarer than it was.
    """
    recent = RecentArticleIndex()
    number = len(stories_told)
    for _copy in range(copies):
        for story_telling in stories_told:
            number += 1
            recent.add(replace(story_telling, article_id=number, feed_id=number))
    floors, times = [], []
    for headline, story_telling in list(zip(headlines, stories_told, strict=True))[:1000]:
        start = time.thread_time()
        set(text_analysis.stem_tokens(strip_agency_prefix(headline.title), headline.language)).union(
            text_analysis.stem_tokens(headline.text[:LEAD_LENGTH], headline.language)
        )
        read_at = time.thread_time()
        number += 1
        recent.find_similar(make_tellings([headline], weigh, [story_telling.vector], first=number)[0])
        times.append((time.thread_time() - read_at) * 1000)
        floors.append((read_at - start) * 1000)
    return _summarize_times(times), _summarize_times(floors), len(recent)


def _summarize_times(times: list[float]) -> Cost:
    times.sort()
    return Cost(times[len(times) // 2], times[int(len(times) * 0.99)])


def print_line(text: str) -> None:
    """Print a line."""
    print(text)  # noqa: T201 - what it is for


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--semantic", action="store_true", help="with the extra")
    parser.add_argument("--false", type=int, default=0, help="show so many joins that are false by the labels")
    parser.add_argument("--joins", help="show joins of news articles of a time such as 2024-05")
    parser.add_argument("--language", default="en", help="of these articles")
    parser.add_argument("--count", type=int, default=50, help="how many of them")
    arguments = parser.parse_args()
    weigh = make_weigher(arguments.language if arguments.joins else "en")

    def told_of(headlines: Sequence[Headline]) -> list[StoryFeatures]:
        nothing: list[bytes | None] = [None] * len(headlines)
        return make_tellings(headlines, weigh, encode_titles(headlines) if arguments.semantic else nothing)

    if arguments.joins:
        headlines = load_news(arguments.language, arguments.joins)
        print_joins(headlines, join_stories(told_of(headlines))[1], arguments.count)
        return
    halves = load_labelled_headlines()
    if arguments.false:
        headlines = sorted(halves[0] + halves[1], key=lambda headline: headline.published)
        print_false_joins(headlines, join_stories(told_of(headlines))[1], arguments.false)
        return
    for name, headlines in zip(("tuned on", "reported"), halves, strict=True):
        stories_told = told_of(headlines)
        print_line(f"{name}: {len({each.story for each in headlines})} stories, {len(headlines)} headlines")
        print_line("| margin | precision | recall | precision by story | recall by story |\n|---|---|---|---|---|")
        for shift, scores in compute_curve(stories_told, [each.story for each in headlines]):
            print_line(
                f"| {-shift or 0.0:+.3f} | {scores.precision:.3f} | {scores.recall:.3f} "
                f"| {scores.by_story[0]:.3f} | {scores.by_story[1]:.3f} |"
            )
        print_outlets(headlines, join_stories(stories_told)[0])
        if name == "reported":
            decision_cost, floor_cost, size = measure_cost(headlines, stories_told, weigh)
            print_line(f"\n| an article among {size}, ms | p50 | p99 | p50 in floors\n|---|---|---|---|")
            print_line(f"| floor: its title and lead stemmed | {floor_cost.median:.3f} | {floor_cost.worst:.3f} | 1 |")
            ratio = decision_cost.median / floor_cost.median
            print_line(f"| decided on | {decision_cost.median:.3f} | {decision_cost.worst:.3f} | {ratio:.0f} |")


if __name__ == "__main__":
    main()
