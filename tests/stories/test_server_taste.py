"""What a server likes: learnt from few reactions, faded, nobody's own, and told to nobody too soon."""

from __future__ import annotations

from bot.store.records.content_records import ArticleProfile
from bot.store.records.outbox_records import HeldStory
from bot.store.records.people_records import Opinion, OpinionKind, TrainingArticle
from bot.stories import preference_model, story_ranking
from bot.stories.preference_model import (
    HALF_LIFE_SECONDS,
    MAX_OPINIONS_PER_USER,
    MAX_SCORE,
    PreferenceModel,
)

NOW = 1_800_000_000
ADA, BEN, CLEO = 1, 2, 3


def article(topic: str, number: int, outlet: str = "Gazette") -> ArticleProfile:
    return ArticleProfile(f"{topic} report {number}", outlet, "en", (topic,))


def make_shown_articles(count: int = 40) -> list[TrainingArticle]:
    """So many articles, half of them on chess and half on golf."""
    return [TrainingArticle(n, NOW - n, article("chess" if n % 2 else "golf", n)) for n in range(count)]


def make_opinions(
    articles: range, *people: int, opinion: OpinionKind = OpinionKind.LIKED, age: int = 0
) -> list[Opinion]:
    return [Opinion(article_id, person, opinion, NOW - age) for article_id in articles for person in people]


def learn(*opinions: Opinion, shown: list[TrainingArticle] | None = None) -> PreferenceModel:
    return preference_model.learn_preferences(shown or make_shown_articles(), opinions, NOW)


def of(taste: PreferenceModel, topic: str) -> float:
    return taste.compute_score([article(topic, 999)])


def test_nobody_said_anything():
    assert of(learn(), "chess") == 0


def test_what_is_liked_stands_above_what_is_not_and_the_unknown_between():
    taste = learn(*make_opinions(range(1, 20, 2), ADA))
    assert of(taste, "chess") > of(taste, "sailing") > of(taste, "golf")
    assert taste.compute_score([article("chess", 1)]) <= MAX_SCORE
    assert {trait.name for trait in taste.select_strongest_traits([article("chess", 1)])} >= {"chess"}


def test_one_reaction_says_little_and_many_say_more():
    once, often = (of(learn(*make_opinions(range(1, last, 2), ADA)), "chess") for last in (2, 20))
    assert 0 < once < often


def test_what_is_turned_down_sinks_and_what_was_only_opened_rises_a_little():
    assert of(learn(*make_opinions(range(1, 9, 2), ADA, opinion=OpinionKind.DISLIKED)), "chess") < 0
    opened = of(learn(*make_opinions(range(1, 20, 2), ADA, opinion=OpinionKind.OPENED)), "chess")
    assert 0 < opened < of(learn(*make_opinions(range(1, 20, 2), ADA)), "chess")


def test_what_was_said_outright_counts_for_what_was_done():
    refused = make_opinions(range(1, 9, 2), ADA, opinion=OpinionKind.DISLIKED, age=100)
    assert of(learn(*refused, *make_opinions(range(1, 9, 2), ADA, opinion=OpinionKind.BOOKMARKED)), "chess") < 0


def test_old_likes_fade():
    old = make_opinions(range(1, 20, 2), ADA, age=6 * HALF_LIFE_SECONDS)
    taste = learn(*old, *make_opinions(range(0, 20, 2), BEN))
    assert of(taste, "golf") > of(taste, "chess")


def test_the_best_are_what_is_liked_where_outlets_are_as_many():
    stories = [
        HeldStory(1, NOW - 50_000, 2, 0, (article("chess", 1),)),
        HeldStory(2, NOW, 2, 0, (article("golf", 2),)),
        HeldStory(3, NOW, 4, 0, (article("golf", 3),)),
    ]
    taste = learn(*make_opinions(range(1, 20, 2), ADA))
    assert [one.post_id for one in story_ranking.select_best_stories(stories, 2, NOW, taste)] == [3, 1]
    assert [
        held_story.post_id
        for held_story in story_ranking.select_best_stories(stories, 2, NOW, preference_model.NO_PREFERENCES)
    ] == [3, 2]


def test_nobody_alone_decides_for_all():
    shown_articles = make_shown_articles(400)
    zealot = make_opinions(range(1, 399, 2), ADA)
    other_opinions = [
        opinion for person in range(10, 16) for opinion in make_opinions(range(0, 2 * MAX_OPINIONS_PER_USER, 2), person)
    ]
    assert of(learn(*zealot, *other_opinions, shown=shown_articles), "golf") > of(
        learn(*zealot, *other_opinions, shown=shown_articles), "chess"
    )


def test_others_are_told_of_it_only_when_it_is_the_taste_of_several():
    def told(taste: PreferenceModel, person: int) -> bool:
        (trait,) = [
            candidate_trait
            for candidate_trait in taste.select_strongest_traits([article("chess", 1)])
            if candidate_trait.kind == "topic"
        ]
        return trait.may_be_shown_to(person)

    alone = learn(*make_opinions(range(1, 20, 2), ADA))
    assert told(alone, ADA)
    assert not told(alone, BEN)
    two = learn(*make_opinions(range(1, 20, 2), ADA, BEN))
    assert not told(two, ADA)  # who would know what Ben likes
    assert told(learn(*make_opinions(range(1, 20, 2), ADA, BEN, CLEO)), 9)
