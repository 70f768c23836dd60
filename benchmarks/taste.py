"""Benchmark of a server's learned preferences: how well few likes rank later articles.

    python -m benchmarks.taste

In the shared English articles, which have categories, three simulated members of a server like the articles of one
category more often than others, for two months. The articles of the next month are then ranked by the learned
preferences. Printed by category, learned from words of titles alone and with tags (except the category's own):

- likes: the mean number of likes in a trial
- AUC: the probability that an article of the category ranks above another one; .5 by chance
- lift: the share of the category among the ten top articles, divided by its share among all
"""

from __future__ import annotations

import argparse
from datetime import datetime
from random import Random
from statistics import mean
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.newsrooms import read_rows
from bot.store.records.content_records import ArticleProfile
from bot.store.records.people_records import Opinion, OpinionKind, TrainingArticle
from bot.stories import preference_model
from bot.text.words import fold

DAY = 86_400
LEARNING_SECONDS, ORDERING_SECONDS = 60 * DAY, 30 * DAY
USERS = 3
LIKE_PROBABILITY, OTHER_LIKE_PROBABILITY = 0.15, 0.02
"""Probability that a member likes an article of the category; one of another category."""
CATEGORIES = ("Science", "Policy", "Tech", "AI", "Space", "Cars", "Gaming", "Health", "Security", "Culture")
TOP_ARTICLES = 10


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    articles = [row for row in read_rows("articles/en") if row["date"]]
    times = [int(datetime.fromisoformat(article["date"]).timestamp()) for article in articles]
    order = sorted(range(len(articles)), key=times.__getitem__)
    first_time, last_time = times[order[0]], times[order[-1]]
    table = Table("", "category", "likes", "AUC", "lift", title="Learned preferences of a server")
    for with_tags in (False, True):
        all_auc: list[float] = []
        all_lift: list[float] = []
        for category in CATEGORIES:
            auc: list[float] = []
            lift: list[float] = []
            like_count = 0
            starts = range(first_time, last_time - LEARNING_SECONDS - ORDERING_SECONDS, LEARNING_SECONDS)
            for trial_number, start in enumerate(starts):
                learning_numbers = [number for number in order if start <= times[number] < start + LEARNING_SECONDS]
                later_numbers = [
                    number for number in order if 0 <= times[number] - start - LEARNING_SECONDS < ORDERING_SECONDS
                ]
                articles_by_number = {
                    number: _make_article(articles[number], category, with_tags=with_tags)
                    for number in (*learning_numbers, *later_numbers)
                }
                category_numbers = {
                    number
                    for number in (*learning_numbers, *later_numbers)
                    if category in articles[number]["categories"]
                }
                random = Random(f"{category} {trial_number}")
                opinions = [
                    Opinion(number, user, OpinionKind.LIKED, times[number])
                    for number in learning_numbers
                    for user in range(USERS)
                    if random.random() < (LIKE_PROBABILITY if number in category_numbers else OTHER_LIKE_PROBABILITY)
                ]
                like_count += len(opinions)
                training_articles = [
                    TrainingArticle(number, times[number], articles_by_number[number]) for number in learning_numbers
                ]
                preferences = preference_model.learn_preferences(training_articles, opinions, start + LEARNING_SECONDS)
                scores = {number: preferences.compute_score([articles_by_number[number]]) for number in later_numbers}
                if 0 < len(category_numbers.intersection(later_numbers)) < len(later_numbers):
                    auc.append(
                        _compute_auc(
                            [scores[number] for number in later_numbers if number in category_numbers],
                            [scores[number] for number in later_numbers if number not in category_numbers],
                        )
                    )
                    top_numbers = sorted(later_numbers, key=lambda number: (-scores[number], random.random()))
                    del top_numbers[TOP_ARTICLES:]
                    lift.append(
                        mean(number in category_numbers for number in top_numbers)
                        / mean(number in category_numbers for number in later_numbers)
                    )
            name = "words and tags" if with_tags else "words"
            table.add_row(name, category, f"{like_count / len(starts):.0f}", f"{mean(auc):.2f}", f"{mean(lift):.1f}")
            all_auc += auc
            all_lift += lift
        table.add_row(name, "all", "", f"{mean(all_auc):.2f}", f"{mean(all_lift):.1f}", end_section=True)
    Console().print(table)


def _make_article(article: dict[str, Any], category: str, *, with_tags: bool) -> ArticleProfile:
    tags = [tag for tag in article["categories"] if fold(tag) != fold(category)] if with_tags else []
    return ArticleProfile(article["title"], article["source"], article["lang"], tuple(tags))


def _compute_auc(category_scores: list[float], other_scores: list[float]) -> float:
    return mean(
        (category_score > other_score) + 0.5 * (category_score == other_score)
        for category_score in category_scores
        for other_score in other_scores
    )


if __name__ == "__main__":
    main()
