"""Benchmark of grouping articles into stories: precision and recall on labelled headlines, and CPU time.

    python -m benchmarks.stories [--semantic] [--false 50] [--joins 2019-07 --language fr]

The headlines are matched in the order of their dates, each as if from a feed of its own; the frequencies of words
are those of the shared articles. Thresholds were chosen on half of the stories ("tuned on"). Printed for both halves:

- B-cubed precision and recall (Bagga and Baldwin, 1998), as the margin of the thresholds changes; 0 is the one in use
- by minimum of outlets, the posts of a channel, the share of posts about one event only, and the events posted
- the CPU milliseconds to match an article, compared with the floor of stemming its title and lead

`--false` prints joins that are false by the labels, `--joins` joins of news articles, for review.
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
"""Shifts of the margin along the curve of precision and recall."""


class Headline(NamedTuple):
    """A headline with its article's lead, outlet and date; `story` and `url` are empty if it isn't labelled."""

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
    """Yield the objects of a gzipped JSON Lines file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def load_labelled_headlines() -> tuple[list[Headline], list[Headline]]:
    """Load the labelled headlines, in the half that thresholds were tuned on and the half that is reported."""
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
    tuning_stories = frozenset(stories[::2])
    return (
        [headline for headline in headlines if headline.story in tuning_stories],
        [headline for headline in headlines if headline.story not in tuning_stories],
    )


def load_news(language: str, date_prefix: str) -> list[Headline]:
    """Load the news articles of a month such as 2024-05 or a year such as 2024, oldest first."""
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
    date_text = row["date"] if "T" in row["date"] else f"{row['date']}T{row.get('time') or '12:00'}:00+00:00"
    return int(datetime.fromisoformat(date_text).timestamp())


def make_word_weigher(language: str) -> Callable[[str], float]:
    """Return a function that computes the weight of a stem, by its frequency in the shared articles."""
    counts: Counter[str] = Counter()
    size = 0
    for row in read_rows(SHARED / "articles" / f"{language}.jsonl.gz"):
        counts.update(set(text_analysis.stem_tokens(f"{row['title']}\n{row['text']}", language)))
        size += 1
    return lambda term: math.log(1 + (size - counts[term] + 0.5) / (counts[term] + 0.5))


def encode_titles(headlines: Sequence[Headline]) -> list[bytes | None]:
    """Encode the titles as vectors with the encoder of the extra `semantic`."""
    from bot.search.semantic.article_encoder import encode_texts  # noqa: PLC0415 - needs the extra

    return [*encode_texts([strip_agency_prefix(headline.title) for headline in headlines])]


def extract_features(
    headlines: Sequence[Headline],
    weigh: Callable[[str], float],
    encoded: Sequence[bytes | None],
    *,
    first: int = 0,
) -> list[StoryFeatures]:
    """Extract the features of headlines, each as of a feed of its own, numbered from `first`."""
    return [
        extract_story_features(
            ArticleBrief(number, "", number, headline.title, headline.text, headline.language, headline.published),
            weigh,
            vector,
        )
        for number, (headline, vector) in enumerate(zip(headlines, encoded, strict=True), first)
    ]


def join_stories(features: Sequence[StoryFeatures], shift: float = 0.0) -> tuple[list[int], list[tuple[int, int]]]:
    """Group headlines; return each one's story by its first headline, and the joins with the most similar one."""
    return replay_channel(compute_similarities(features), shift)


def compute_similarities(features: Sequence[StoryFeatures]) -> list[dict[int, float]]:
    """Return for each headline its similarities to recent earlier ones, by their number."""
    recent_articles = RecentArticleIndex()
    similarities = []
    for article_features in features:
        recent_articles.evict_before(article_features.published - RECENT_WINDOW_SECONDS)
        similarities.append(dict(recent_articles.find_similar(article_features)))
        recent_articles.add(article_features)
    return similarities


def replay_channel(
    similarities_by_number: Sequence[dict[int, float]], shift: float
) -> tuple[list[int], list[tuple[int, int]]]:
    """Group headlines as a channel that follows all feeds does; return each one's story and the joins."""
    story_numbers: list[int] = []
    sizes: Counter[int] = Counter()
    joins = []
    for number, similarity_by_candidate in enumerate(similarities_by_number):
        similarities_by_story: defaultdict[int, list[float]] = defaultdict(list)
        for candidate, similarity in similarity_by_candidate.items():
            similarities_by_story[story_numbers[candidate]].append(similarity)
        ranked_stories = [
            (compute_story_membership_score(similarities, sizes[candidate_story]) + shift, -candidate_story)
            for candidate_story, similarities in similarities_by_story.items()
        ]
        best_score, negative_story = max(ranked_stories, default=(-1.0, 0))
        story_number = -negative_story if best_score >= 0 else number
        if story_number != number:
            most_similar = max(
                (candidate for candidate in similarity_by_candidate if story_numbers[candidate] == story_number),
                key=similarity_by_candidate.__getitem__,
            )
            joins.append((number, most_similar))
        story_numbers.append(story_number)
        sizes[story_number] += 1
    return story_numbers, joins


def score_b_cubed(predicted: Sequence[int], labels: Sequence[str]) -> Scores:
    """Compute the B-cubed scores of predicted stories."""
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
        statistics.fmean(share for shares in precision.values() for share in shares),
        statistics.fmean(share for shares in recall.values() for share in shares),
        (
            statistics.fmean(map(statistics.fmean, precision.values())),
            statistics.fmean(map(statistics.fmean, recall.values())),
        ),
    )


def compute_curve(features: Sequence[StoryFeatures], labels: Sequence[str]) -> list[tuple[float, Scores]]:
    """Compute the scores for each shift of the margin."""
    similarities = compute_similarities(features)
    return [(shift, score_b_cubed(replay_channel(similarities, shift)[0], labels)) for shift in SHIFTS]


def print_false_joins(headlines: Sequence[Headline], joins: Sequence[tuple[int, int]], count: int) -> None:
    """Print a random sample of joins between headlines of different labelled stories."""
    false_joins = [
        (headlines[number], headlines[joined_number])
        for number, joined_number in joins
        if headlines[number].story != headlines[joined_number].story
    ]
    print_line(f"\n{len(false_joins)} of {len(joins)} joins are false by the labels")
    for headline, joined_headline in random.Random(1).sample(false_joins, min(count, len(false_joins))):
        print_line(f"- {joined_headline.title}\n  {headline.title}")


def print_joins(headlines: Sequence[Headline], joins: Sequence[tuple[int, int]], count: int) -> None:
    """Print a random sample of joins of news articles."""
    print_line(f"\n{len(joins)} joins among {len(headlines)} articles")
    for number, joined_number in random.Random(1).sample(list(joins), min(count, len(joins))):
        hours = (headlines[number].published - headlines[joined_number].published) / 3600
        print_line(f"- {headlines[joined_number].title}\n  {headlines[number].title} ({hours:.0f} h)")


def print_outlets(headlines: Sequence[Headline], story_numbers: Sequence[int]) -> None:
    """Print the posts of a channel by the minimum of outlets in `/settings stories`."""
    posts: defaultdict[int, list[Headline]] = defaultdict(list)
    for headline, story_number in zip(headlines, story_numbers, strict=True):
        posts[story_number].append(headline)
    print_line("\n| minimum of outlets | posts | about one event only | events posted |\n|---|---|---|---|")
    for min_outlets in (1, 2, 3, 5):
        large_posts = [post for post in posts.values() if len({headline.source for headline in post}) >= min_outlets]
        pure_share = sum(len({headline.story for headline in post}) == 1 for post in large_posts) / len(large_posts)
        posted_stories = {
            Counter(post_headline.story for post_headline in post).most_common(1)[0][0] for post in large_posts
        }
        print_line(f"| {min_outlets} | {len(large_posts)} | {pure_share:.2f} | {len(posted_stories)} |")


class CpuTime(NamedTuple):
    """CPU milliseconds at the median and at the 99th percentile."""

    median: float
    p99: float


def measure_cpu_time(
    headlines: Sequence[Headline],
    features: Sequence[StoryFeatures],
    weigh: Callable[[str], float],
    copies: int = 6,
) -> tuple[CpuTime, CpuTime, int]:
    """Return the CPU time to match an article in a full window, the floor, and the number of articles in the window.

    The floor is the time to split and stem title and lead, measured just before the same article is matched. The
    window is filled with copies of the headlines, so that no word gets rarer.
    """
    recent_articles = RecentArticleIndex()
    number = len(features)
    for _copy in range(copies):
        for article_features in features:
            number += 1
            recent_articles.add(replace(article_features, article_id=number, feed_id=number))
    floor_ms, match_ms = [], []
    for headline, article_features in list(zip(headlines, features, strict=True))[:1000]:
        started_at = time.thread_time()
        set(text_analysis.stem_tokens(strip_agency_prefix(headline.title), headline.language)).union(
            text_analysis.stem_tokens(headline.text[:LEAD_LENGTH], headline.language)
        )
        stemmed_at = time.thread_time()
        number += 1
        recent_articles.find_similar(extract_features([headline], weigh, [article_features.vector], first=number)[0])
        match_ms.append((time.thread_time() - stemmed_at) * 1000)
        floor_ms.append((stemmed_at - started_at) * 1000)
    return _summarize_times(match_ms), _summarize_times(floor_ms), len(recent_articles)


def _summarize_times(times: list[float]) -> CpuTime:
    times.sort()
    return CpuTime(times[len(times) // 2], times[int(len(times) * 0.99)])


def print_line(text: str) -> None:
    """Print a line."""
    print(text)  # noqa: T201 - prints the figures


def main() -> None:
    """Print the figures, or the joins that the options ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--semantic", action="store_true", help="match with the extra `semantic`")
    parser.add_argument("--false", type=int, default=0, help="print this many joins that are false by the labels")
    parser.add_argument("--joins", help="print joins of news articles of a month such as 2024-05")
    parser.add_argument("--language", default="en", help="language of these articles")
    parser.add_argument("--count", type=int, default=50, help="number of joins to print")
    arguments = parser.parse_args()
    weigh = make_word_weigher(arguments.language if arguments.joins else "en")

    def extract_all(headlines: Sequence[Headline]) -> list[StoryFeatures]:
        no_vectors: list[bytes | None] = [None] * len(headlines)
        return extract_features(headlines, weigh, encode_titles(headlines) if arguments.semantic else no_vectors)

    if arguments.joins:
        headlines = load_news(arguments.language, arguments.joins)
        print_joins(headlines, join_stories(extract_all(headlines))[1], arguments.count)
        return
    halves = load_labelled_headlines()
    if arguments.false:
        headlines = sorted(halves[0] + halves[1], key=lambda headline: headline.published)
        print_false_joins(headlines, join_stories(extract_all(headlines))[1], arguments.false)
        return
    for name, headlines in zip(("tuned on", "reported"), halves, strict=True):
        features = extract_all(headlines)
        print_line(f"{name}: {len({headline.story for headline in headlines})} stories, {len(headlines)} headlines")
        print_line("| margin | precision | recall | precision by story | recall by story |\n|---|---|---|---|---|")
        for shift, scores in compute_curve(features, [headline.story for headline in headlines]):
            print_line(
                f"| {-shift or 0.0:+.3f} | {scores.precision:.3f} | {scores.recall:.3f} "
                f"| {scores.by_story[0]:.3f} | {scores.by_story[1]:.3f} |"
            )
        print_outlets(headlines, join_stories(features)[0])
        if name == "reported":
            match_time, floor_time, window_size = measure_cpu_time(headlines, features, weigh)
            print_line(f"\n| CPU ms per article among {window_size} | p50 | p99 | p50 / floor |\n|---|---|---|---|")
            print_line(f"| floor: stem title and lead | {floor_time.median:.3f} | {floor_time.p99:.3f} | 1 |")
            ratio = match_time.median / floor_time.median
            print_line(f"| match | {match_time.median:.3f} | {match_time.p99:.3f} | {ratio:.0f} |")


if __name__ == "__main__":
    main()
