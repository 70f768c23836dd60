"""How well a server's taste, learnt from few likes, orders what comes later.

    python -m benchmarks.taste

Over the shared English articles, which their publisher puts into categories. For each of some categories
three people of a server like what is in it more often than the rest, two months long; then the articles of
the next month are ordered by the taste that was learnt. AUC: how often one of the category stands before one
that is not, .5 by chance. The category's own name is taken from the tags before anything is learnt; "words"
has no tags at all. "Lift" is the share of the category among the ten that are liked most, against that among
all.
"""

from __future__ import annotations

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
"""How often a person likes an article of their category, and another."""
CATEGORIES = ("Science", "Policy", "Tech", "AI", "Space", "Cars", "Gaming", "Health", "Security", "Culture")
TOP_ARTICLES = 10


def main() -> None:
    articles = [row for row in read_rows("articles/en") if row["date"]]
    times = [int(datetime.fromisoformat(article["date"]).timestamp()) for article in articles]
    order = sorted(range(len(articles)), key=times.__getitem__)
    begin, end = times[order[0]], times[order[-1]]
    table = Table("", "category", "likes a trial", "AUC", "lift of the first ten", title="A server's taste")
    for with_tags in (False, True):
        all_auc: list[float] = []
        all_lift: list[float] = []
        for category in CATEGORIES:
            auc: list[float] = []
            lift: list[float] = []
            likes = 0
            starts = range(begin, end - LEARNING_SECONDS - ORDERING_SECONDS, LEARNING_SECONDS)
            for number, start in enumerate(starts):
                learning_numbers = [one for one in order if start <= times[one] < start + LEARNING_SECONDS]
                later_numbers = [one for one in order if 0 <= times[one] - start - LEARNING_SECONDS < ORDERING_SECONDS]
                articles_by_number = {
                    one: _make_article(articles[one], category, with_tags=with_tags)
                    for one in (*learning_numbers, *later_numbers)
                }
                category_numbers = {
                    one for one in (*learning_numbers, *later_numbers) if category in articles[one]["categories"]
                }
                random = Random(f"{category} {number}")
                verdicts = [
                    Opinion(one, user, OpinionKind.LIKED, times[one])
                    for one in learning_numbers
                    for user in range(USERS)
                    if random.random() < (LIKE_PROBABILITY if one in category_numbers else OTHER_LIKE_PROBABILITY)
                ]
                likes += len(verdicts)
                shown_articles = [TrainingArticle(one, times[one], articles_by_number[one]) for one in learning_numbers]
                taste = preference_model.learn_preferences(shown_articles, verdicts, start + LEARNING_SECONDS)
                scores = {one: taste.compute_score([articles_by_number[one]]) for one in later_numbers}
                if 0 < len(category_numbers.intersection(later_numbers)) < len(later_numbers):
                    auc.append(
                        _compute_auc(
                            [scores[one] for one in later_numbers if one in category_numbers],
                            [scores[one] for one in later_numbers if one not in category_numbers],
                        )
                    )
                    top_numbers = sorted(later_numbers, key=lambda one: (-scores[one], random.random()))[:TOP_ARTICLES]
                    lift.append(
                        mean(one in category_numbers for one in top_numbers)
                        / mean(article_number in category_numbers for article_number in later_numbers)
                    )
            name = "words and tags" if with_tags else "words"
            table.add_row(name, category, f"{likes / len(starts):.0f}", f"{mean(auc):.2f}", f"{mean(lift):.1f}")
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
