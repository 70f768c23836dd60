"""How well articles of one event find together, and what that costs: a back-test on labelled headlines.

    python -m tests.benchmarks.stories [--semantic] [--false 50] [--joins 2019-07 --language fr]

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
    WINDOW_SECONDS,
    RecentArticleIndex,
    StoryFeatures,
    extract_story_features,
    plain_title,
)
from bot.stories.story_membership import membership_margin

SHARED = Path(__file__).resolve().parents[3] / "shared"
SHIFTS = (-0.15, -0.1, -0.05, -0.025, 0.0, 0.025, 0.05, 0.1, 0.15)
"""By how much the margin is lowered or raised along the curve."""


class Headline(NamedTuple):
    """A headline, with its story where it is labelled."""

    title: str
    text: str
    source: str
    published: int
    language: str
    story: str = ""


class Scores(NamedTuple):
    """B-cubed precision and recall, over headlines and over stories."""

    precision: float
    recall: float
    by_story: tuple[float, float]


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a packed file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def labelled() -> tuple[list[Headline], list[Headline]]:
    """The labelled headlines: those of the stories to tune on, and those of the stories to report."""
    found = [
        Headline(
            re.sub(r"\s*\.\.\.\s*$", "", row["title"].replace("\\", "")),
            "",
            row["source"],
            int(datetime.fromisoformat(row["date"]).timestamp()),
            "en",
            row["cluster"],
        )
        for row in read(SHARED / "stories" / "en.jsonl.gz")
    ]
    stories = sorted({headline.story for headline in found})
    random.Random(7).shuffle(stories)
    tuning = frozenset(stories[::2])
    return [each for each in found if each.story in tuning], [
        each for each in found if each.story not in tuning
    ]


def news(language: str, wanted: str) -> list[Headline]:
    """The news articles of a time such as 2024-05 or 2024, oldest first."""
    found = [
        Headline(
            row["title"],
            row.get("summary") or row["text"],
            row.get("source") or row.get("category", ""),
            _moment(row),
            language,
        )
        for row in read(SHARED / "articles" / f"{language}.jsonl.gz")
        if row["date"].startswith(wanted)
    ]
    return sorted(found, key=lambda headline: headline.published)


def _moment(row: dict[str, Any]) -> int:
    when = row["date"] if "T" in row["date"] else f"{row['date']}T{row.get('time') or '12:00'}:00+00:00"
    return int(datetime.fromisoformat(when).timestamp())


def weigher(language: str) -> Callable[[str], float]:
    """What tells how rare a word is, from the news articles, as the vocabulary of a store does."""
    counts: Counter[str] = Counter()
    size = 0
    for row in read(SHARED / "articles" / f"{language}.jsonl.gz"):
        counts.update(set(text_analysis.stemmed_tokens(f"{row['title']}\n{row['text']}", language)))
        size += 1
    return lambda term: math.log(1 + (size - counts[term] + 0.5) / (counts[term] + 0.5))


def vectors(headlines: Sequence[Headline]) -> list[bytes | None]:
    """What the titles mean, as the encoder of the extra tells it."""
    from bot.search.semantic.article_encoder import encode  # noqa: PLC0415 - needs the extra

    return [*encode([plain_title(each.title) for each in headlines])]


def tellings(
    headlines: Sequence[Headline],
    weigh: Callable[[str], float],
    encoded: Sequence[bytes | None],
    *,
    first: int = 0,
) -> list[StoryFeatures]:
    """What is compared, each headline as of a feed of its own, numbered from `first`."""
    return [
        extract_story_features(
            ArticleBrief(number, "", number, each.title, each.text, each.language, each.published),
            weigh,
            vector,
        )
        for number, (each, vector) in enumerate(zip(headlines, encoded, strict=True), first)
    ]


def joined(told: Sequence[StoryFeatures], shift: float = 0.0) -> tuple[list[int], list[tuple[int, int]]]:
    """The story of each, by its first headline, and the joins with the headline that was likest."""
    return replay(kinships(told), shift)


def kinships(told: Sequence[StoryFeatures]) -> list[dict[int, float]]:
    """What each is like, as it comes."""
    recent = RecentArticleIndex()
    found = []
    for each in told:
        recent.evict_before(each.published - WINDOW_SECONDS)
        found.append(dict(recent.find_similar(each)))
        recent.add(each)
    return found


def replay(kin: Sequence[dict[int, float]], shift: float) -> tuple[list[int], list[tuple[int, int]]]:
    """The stories that a channel makes which follows them all."""
    story: list[int] = []
    sizes: Counter[int] = Counter()
    joins = []
    for number, likeness in enumerate(kin):
        by_story: defaultdict[int, list[float]] = defaultdict(list)
        for other, alike in likeness.items():
            by_story[story[other]].append(alike)
        found = [(membership_margin(alike, sizes[name]) + shift, -name) for name, alike in by_story.items()]
        best, name = max(found, default=(-1.0, 0))
        chosen = -name if best >= 0 else number
        if chosen != number:
            likest = max((other for other in likeness if story[other] == chosen), key=likeness.__getitem__)
            joins.append((number, likest))
        story.append(chosen)
        sizes[chosen] += 1
    return story, joins


def b_cubed(found: Sequence[int], labels: Sequence[str]) -> Scores:
    """How the found stories agree with the labels."""
    together, ours, theirs = Counter(zip(found, labels, strict=True)), Counter(found), Counter(labels)
    precision: defaultdict[str, list[float]] = defaultdict(list)
    recall: defaultdict[str, list[float]] = defaultdict(list)
    for one, label in zip(found, labels, strict=True):
        precision[label].append(together[one, label] / ours[one])
        recall[label].append(together[one, label] / theirs[label])
    return Scores(
        statistics.fmean(value for values in precision.values() for value in values),
        statistics.fmean(value for values in recall.values() for value in values),
        (
            statistics.fmean(map(statistics.fmean, precision.values())),
            statistics.fmean(map(statistics.fmean, recall.values())),
        ),
    )


def curve(told: Sequence[StoryFeatures], labels: Sequence[str]) -> list[tuple[float, Scores]]:
    """Precision and recall as the threshold moves; at 0 it is the one in use."""
    kin = kinships(told)
    return [(shift, b_cubed(replay(kin, shift)[0], labels)) for shift in SHIFTS]


def show_false(headlines: Sequence[Headline], joins: Sequence[tuple[int, int]], count: int) -> None:
    """Joins of headlines that the labels put into two stories, some of them by chance."""
    false = [
        (headlines[one], headlines[other])
        for one, other in joins
        if headlines[one].story != headlines[other].story
    ]
    say(f"\n{len(false)} of {len(joins)} joins are false by the labels")
    for one, other in random.Random(1).sample(false, min(count, len(false))):
        say(f"- {other.title}\n  {one.title}")


def show_joins(headlines: Sequence[Headline], joins: Sequence[tuple[int, int]], count: int) -> None:
    """Joins of news articles, some of them by chance."""
    say(f"\n{len(joins)} joins among {len(headlines)} articles")
    for one, other in random.Random(1).sample(list(joins), min(count, len(joins))):
        hours = (headlines[one].published - headlines[other].published) / 3600
        say(f"- {headlines[other].title}\n  {headlines[one].title} ({hours:.0f} h)")


def show_outlets(headlines: Sequence[Headline], found: Sequence[int]) -> None:
    """What a channel gets that takes only stories of so many outlets, as `/settings stories` offers."""
    posts: defaultdict[int, list[Headline]] = defaultdict(list)
    for headline, name in zip(headlines, found, strict=True):
        posts[name].append(headline)
    say("\n| at least | posts | of one event alone | events told |\n|---|---|---|---|")
    for least in (1, 2, 3, 5):
        sent = [post for post in posts.values() if len({each.source for each in post}) >= least]
        pure = sum(len({each.story for each in post}) == 1 for post in sent) / len(sent)
        told = {Counter(each.story for each in post).most_common(1)[0][0] for post in sent}
        say(f"| {least} | {len(sent)} | {pure:.2f} | {len(told)} |")


class Cost(NamedTuple):
    """Milliseconds of CPU, median and 99th percentile."""

    median: float
    worst: float


def cost(
    headlines: Sequence[Headline],
    told: Sequence[StoryFeatures],
    weigh: Callable[[str], float],
    copies: int = 6,
) -> tuple[Cost, Cost, int]:
    """What it costs to decide on an article in a full window, the floor of that, and the window's size.

    The floor is what any article costs that is to be found by its words: title and lead cut into words and
    stemmed, each time just before the same article is decided on. The window is filled with copies of the
    headlines, so that no word is rarer than it was.
    """
    recent = RecentArticleIndex()
    number = len(told)
    for _copy in range(copies):
        for known in told:
            number += 1
            recent.add(replace(known, article_id=number, feed_id=number))
    floors, times = [], []
    for each, known in list(zip(headlines, told, strict=True))[:1000]:
        start = time.thread_time()
        set(text_analysis.stemmed_tokens(plain_title(each.title), each.language)).union(
            text_analysis.stemmed_tokens(each.text[:LEAD_LENGTH], each.language)
        )
        read_at = time.thread_time()
        number += 1
        recent.find_similar(tellings([each], weigh, [known.vector], first=number)[0])
        times.append((time.thread_time() - read_at) * 1000)
        floors.append((read_at - start) * 1000)
    return _cost(times), _cost(floors), len(recent)


def _cost(times: list[float]) -> Cost:
    times.sort()
    return Cost(times[len(times) // 2], times[int(len(times) * 0.99)])


def say(text: str) -> None:
    """Print a line."""
    print(text)  # noqa: T201 - what it is for


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--semantic", action="store_true", help="with the extra")
    parser.add_argument(
        "--false", type=int, default=0, help="show so many joins that are false by the labels"
    )
    parser.add_argument("--joins", help="show joins of news articles of a time such as 2024-05")
    parser.add_argument("--language", default="en", help="of these articles")
    parser.add_argument("--count", type=int, default=50, help="how many of them")
    asked = parser.parse_args()
    weigh = weigher(asked.language if asked.joins else "en")

    def told_of(headlines: Sequence[Headline]) -> list[StoryFeatures]:
        nothing: list[bytes | None] = [None] * len(headlines)
        return tellings(headlines, weigh, vectors(headlines) if asked.semantic else nothing)

    if asked.joins:
        headlines = news(asked.language, asked.joins)
        show_joins(headlines, joined(told_of(headlines))[1], asked.count)
        return
    halves = labelled()
    if asked.false:
        headlines = sorted(halves[0] + halves[1], key=lambda headline: headline.published)
        show_false(headlines, joined(told_of(headlines))[1], asked.false)
        return
    for name, headlines in zip(("tuned on", "reported"), halves, strict=True):
        told = told_of(headlines)
        say(f"{name}: {len({each.story for each in headlines})} stories, {len(headlines)} headlines")
        say("| margin | precision | recall | precision by story | recall by story |\n|---|---|---|---|---|")
        for shift, scores in curve(told, [each.story for each in headlines]):
            say(
                f"| {-shift or 0.0:+.3f} | {scores.precision:.3f} | {scores.recall:.3f} "
                f"| {scores.by_story[0]:.3f} | {scores.by_story[1]:.3f} |"
            )
        show_outlets(headlines, joined(told)[0])
        if name == "reported":
            decided, floor, size = cost(headlines, told, weigh)
            say(f"\n| an article among {size}, ms | p50 | p99 | p50 in floors\n|---|---|---|---|")
            say(f"| floor: its title and lead stemmed | {floor.median:.3f} | {floor.worst:.3f} | 1 |")
            ratio = decided.median / floor.median
            say(f"| decided on | {decided.median:.3f} | {decided.worst:.3f} | {ratio:.0f} |")


if __name__ == "__main__":
    main()
