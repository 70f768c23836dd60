"""A server's preferences, learned from its members' opinions."""

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


def make_profile(topic: str, number: int, outlet: str = "Gazette") -> ArticleProfile:
    return ArticleProfile(f"{topic} report {number}", outlet, "en", (topic,))


def make_shown_articles(count: int = 40) -> list[TrainingArticle]:
    """Make `count` articles, half of them on chess and half on golf."""
    return [TrainingArticle(n, NOW - n, make_profile("chess" if n % 2 else "golf", n)) for n in range(count)]


def make_opinions(
    articles: range, *people: int, opinion: OpinionKind = OpinionKind.LIKED, age: int = 0
) -> list[Opinion]:
    return [Opinion(article_id, person, opinion, NOW - age) for article_id in articles for person in people]


def learn(*opinions: Opinion, shown_articles: list[TrainingArticle] | None = None) -> PreferenceModel:
    return preference_model.learn_preferences(shown_articles or make_shown_articles(), opinions, NOW)


def score_topic(taste: PreferenceModel, topic: str) -> float:
    return taste.compute_score([make_profile(topic, 999)])


def test_score_is_zero_without_opinions():
    assert score_topic(learn(), "chess") == 0


def test_liked_topic_scores_above_unknown_above_disliked():
    taste = learn(*make_opinions(range(1, 20, 2), ADA))
    assert score_topic(taste, "chess") > score_topic(taste, "sailing") > score_topic(taste, "golf")
    assert taste.compute_score([make_profile("chess", 1)]) <= MAX_SCORE
    assert {trait.name for trait in taste.select_strongest_traits([make_profile("chess", 1)])} >= {"chess"}


def test_more_likes_raise_score():
    once, often = (score_topic(learn(*make_opinions(range(1, last, 2), ADA)), "chess") for last in (2, 20))
    assert 0 < once < often


def test_dislike_lowers_score_and_opening_raises_it_a_little():
    assert score_topic(learn(*make_opinions(range(1, 9, 2), ADA, opinion=OpinionKind.DISLIKED)), "chess") < 0
    opened = score_topic(learn(*make_opinions(range(1, 20, 2), ADA, opinion=OpinionKind.OPENED)), "chess")
    assert 0 < opened < score_topic(learn(*make_opinions(range(1, 20, 2), ADA)), "chess")


def test_explicit_dislike_outweighs_bookmark():
    refused = make_opinions(range(1, 9, 2), ADA, opinion=OpinionKind.DISLIKED, age=100)
    assert (
        score_topic(learn(*refused, *make_opinions(range(1, 9, 2), ADA, opinion=OpinionKind.BOOKMARKED)), "chess") < 0
    )


def test_old_likes_fade():
    old = make_opinions(range(1, 20, 2), ADA, age=6 * HALF_LIFE_SECONDS)
    taste = learn(*old, *make_opinions(range(0, 20, 2), BEN))
    assert score_topic(taste, "golf") > score_topic(taste, "chess")


def test_preferred_story_wins_among_equal_outlet_counts():
    stories = [
        HeldStory(1, NOW - 50_000, 2, 0, (make_profile("chess", 1),)),
        HeldStory(2, NOW, 2, 0, (make_profile("golf", 2),)),
        HeldStory(3, NOW, 4, 0, (make_profile("golf", 3),)),
    ]
    taste = learn(*make_opinions(range(1, 20, 2), ADA))
    assert [story.post_id for story in story_ranking.select_best_stories(stories, 2, NOW, taste)] == [3, 1]
    assert [
        held_story.post_id
        for held_story in story_ranking.select_best_stories(stories, 2, NOW, preference_model.NO_PREFERENCES)
    ] == [3, 2]


def test_opinions_of_one_person_are_capped():
    shown_articles = make_shown_articles(400)
    opinions_of_one = make_opinions(range(1, 399, 2), ADA)
    other_opinions = [
        opinion for person in range(10, 16) for opinion in make_opinions(range(0, 2 * MAX_OPINIONS_PER_USER, 2), person)
    ]
    assert score_topic(learn(*opinions_of_one, *other_opinions, shown_articles=shown_articles), "golf") > score_topic(
        learn(*opinions_of_one, *other_opinions, shown_articles=shown_articles), "chess"
    )


def test_trait_is_shown_to_others_only_when_several_share_it():
    def is_shown(taste: PreferenceModel, person: int) -> bool:
        (trait,) = [
            candidate_trait
            for candidate_trait in taste.select_strongest_traits([make_profile("chess", 1)])
            if candidate_trait.kind == "topic"
        ]
        return trait.may_be_shown_to(person)

    alone = learn(*make_opinions(range(1, 20, 2), ADA))
    assert is_shown(alone, ADA)
    assert not is_shown(alone, BEN)
    two = learn(*make_opinions(range(1, 20, 2), ADA, BEN))
    assert not is_shown(two, ADA)  # who would know what Ben likes
    assert is_shown(learn(*make_opinions(range(1, 20, 2), ADA, BEN, CLEO)), 9)
