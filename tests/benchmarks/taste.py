"""How well a server's taste, learnt from few likes, orders what comes later.

    python -m tests.benchmarks.taste

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

from bot.store.records.content_records import ArticleProfile
from bot.store.records.people_records import FeedbackEvent, OpinionKind, ShownArticle
from bot.stories import preference_model
from bot.text.words import fold
from tests.benchmarks.newsrooms import read

DAY = 86_400
LEARNT, ORDERED = 60 * DAY, 30 * DAY
PEOPLE = 3
OFTEN, SELDOM = 0.15, 0.02
"""How often a person likes an article of their category, and another."""
CATEGORIES = ("Science", "Policy", "Tech", "AI", "Space", "Cars", "Gaming", "Health", "Security", "Culture")
TOP = 10


def main() -> None:
    articles = [one for one in read("articles/en") if one["date"]]
    times = [int(datetime.fromisoformat(one["date"]).timestamp()) for one in articles]
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
            starts = range(begin, end - LEARNT - ORDERED, LEARNT)
            for number, start in enumerate(starts):
                mine = [one for one in order if start <= times[one] < start + LEARNT]
                later = [one for one in order if 0 <= times[one] - start - LEARNT < ORDERED]
                told = {one: _told(articles[one], category, with_tags=with_tags) for one in (*mine, *later)}
                fits = {one for one in (*mine, *later) if category in articles[one]["categories"]}
                random = Random(f"{category} {number}")
                verdicts = [
                    FeedbackEvent(one, person, OpinionKind.LIKED, times[one])
                    for one in mine
                    for person in range(PEOPLE)
                    if random.random() < (OFTEN if one in fits else SELDOM)
                ]
                likes += len(verdicts)
                shown = [ShownArticle(one, times[one], told[one]) for one in mine]
                taste = preference_model.learn_preferences(shown, verdicts, start + LEARNT)
                scores = {one: taste.score([told[one]]) for one in later}
                if 0 < len(fits.intersection(later)) < len(later):
                    auc.append(
                        _auc(
                            [scores[one] for one in later if one in fits],
                            [scores[one] for one in later if one not in fits],
                        )
                    )
                    best = sorted(later, key=lambda one: (-scores[one], random.random()))[:TOP]
                    lift.append(mean(one in fits for one in best) / mean(one in fits for one in later))
            name = "words and tags" if with_tags else "words"
            table.add_row(
                name, category, f"{likes / len(starts):.0f}", f"{mean(auc):.2f}", f"{mean(lift):.1f}"
            )
            all_auc += auc
            all_lift += lift
        table.add_row(name, "all", "", f"{mean(all_auc):.2f}", f"{mean(all_lift):.1f}", end_section=True)
    Console().print(table)


def _told(article: dict[str, Any], category: str, *, with_tags: bool) -> ArticleProfile:
    tags = [tag for tag in article["categories"] if fold(tag) != fold(category)] if with_tags else []
    return ArticleProfile(article["title"], article["source"], article["lang"], tuple(tags))


def _auc(ours: list[float], others: list[float]) -> float:
    return mean((one > other) + 0.5 * (one == other) for one in ours for other in others)


if __name__ == "__main__":
    main()
